/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See file_lock.h. */
#include "target/file_lock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "target/procfs.h"

#define LOCKS_BYTES 32768 /* of the table that are read */

/* "3: FLOCK  ADVISORY  WRITE 4711 fe:00:1312 0 EOF"; one that waits has "->" before its kind. */
bool file_lock_parse(const char *line, bool flock, dev_t device, ino_t inode,
                     struct file_lock_range range, pid_t *holder)
{
    char kind[16], end[24];
    unsigned major, minor;
    int pid;
    uint64_t found, from;
    if (sscanf(line, "%*d: %15s %*s %*s %d %x:%x:%" SCNu64 " %" SCNu64 " %23s", kind, &pid, &major,
               &minor, &found, &from, end) != 7)
        return false;
    uint64_t to = strcmp(end, "EOF") == 0 ? UINT64_MAX : strtoull(end, NULL, 10);
    if ((strcmp(kind, "FLOCK") == 0) != flock || strcmp(kind, "LEASE") == 0 || pid <= 0 ||
        found != inode || makedev(major, minor) != device || from > range.to || to < range.from)
        return false;
    *holder = pid;
    return true;
}

pid_t file_lock_holder(const char *path, bool flock, struct file_lock_range range)
{
    char locks[LOCKS_BYTES];
    struct statx file;
    pid_t holder = 0;
    /* What is known of it: a server that hangs is not asked. */
    if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_INO, &file) != 0 ||
        procfs_read(AT_FDCWD, locks, sizeof locks, "/proc/locks") <= 0)
        return 0;
    dev_t device = makedev(file.stx_dev_major, file.stx_dev_minor);
    for (const char *line = locks; line && !holder; line = strchr(line, '\n')) {
        line += *line == '\n';
        file_lock_parse(line, flock, device, file.stx_ino, range, &holder);
    }
    return holder;
}
