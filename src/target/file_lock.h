/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds the lock on a file that a thread waits for (flock, fcntl), as /proc/locks tells it. One
 * thread.
 */
#ifndef TARGET_FILE_LOCK_H
#define TARGET_FILE_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A range of a file's bytes; a lock by flock() is of all of them. */
struct file_lock_range {
    uint64_t from, to; /* both in it; UINT64_MAX: the end */
};

/* path: through which the file can be reached, as /proc/PID/fd/N. 0: it cannot be told. */
pid_t file_lock_holder(const char *path, bool flock, struct file_lock_range range);

/* For tests: whether a line of /proc/locks is a lock that is held, of that kind, on that file and
 * on some of the range; its holder. */
bool file_lock_parse(const char *line, bool flock, dev_t device, ino_t inode,
                     struct file_lock_range range, pid_t *holder);

#endif
