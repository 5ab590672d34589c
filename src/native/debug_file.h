/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files for naming: the module itself as the target sees it, and its separate debug file (by build
 * id, by .gnu_debuglink), both only if they are the ones meant. Worker thread.
 */
#ifndef NATIVE_DEBUG_FILE_H
#define NATIVE_DEBUG_FILE_H

#include <stdint.h>
#include <sys/types.h>

/* What a module's .gnu_debuglink says: the debug file's name and its CRC-32. */
struct debuglink {
    char name[256]; /* "": there is none */
    uint32_t crc;
};

/* Opens the module at path as pid sees it (pid 0: as this process does), whose build id (hex; NULL
 * or "" if not known) must match. Without one it must be the very file that is mapped or, after the
 * process has ended, one that has not been changed since this process began. A read-only,
 * close-on-exec descriptor, -1 if there is no such file. */
int module_file_open(pid_t pid, const char *path, const char *build_id);

/* Opens the separate debug file of a module: /usr/lib/debug/.build-id/xx/yyy.debug, else what
 * link (NULL: none) names beside the module, in its .debug folder, or under /usr/lib/debug;
 * seen from the target first. -1 if there is none whose build id (or, without one, CRC) matches. */
int debug_file_open(pid_t pid, const char *path, const char *build_id,
                    const struct debuglink *link);

/* A debug file that was fetched to path; -1 if it is not this build id's. */
int debug_file_open_fetched(const char *path, const char *build_id);

#endif
