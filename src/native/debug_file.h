/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files for naming: the module itself as the target sees it, and its separate debug file (by build
 * id, by .gnu_debuglink), both only if they are the ones meant. Worker thread.
 */
#ifndef NATIVE_DEBUG_FILE_H
#define NATIVE_DEBUG_FILE_H

#include <sys/types.h>

/* Opens the module at path as pid sees it (pid 0: as this process does), whose build id (hex; NULL
 * or "" if not known) must match if both are known. A read-only, close-on-exec descriptor, -1 if
 * there is no such file. */
int module_file_open(pid_t pid, const char *path, const char *build_id);

/* Opens the separate debug file of a module: /usr/lib/debug/.build-id/xx/yyy.debug, else what
 * debuglink (NULL: none) names beside the module, in its .debug folder, or under /usr/lib/debug;
 * seen from the target first. -1 if there is none whose build id matches. */
int debug_file_open(pid_t pid, const char *path, const char *build_id, const char *debuglink);

#endif
