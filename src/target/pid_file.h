/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file in which a service tells its process id. What is in it is believed only as far as it can
 * be checked: the process must be there, and must have been there when the file was written, for an
 * id that is told by a file of a service that died long ago may by now be somebody else's.
 *
 * The comparison of times rests on the wall clock; where that was set meanwhile, a file may be
 * taken for stale that is not. Any thread.
 */
#ifndef TARGET_PID_FILE_H
#define TARGET_PID_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum pid_file_state {
    PID_FILE_ABSENT,     /* there is no such file: the service does not run */
    PID_FILE_UNREADABLE, /* or is no regular file */
    PID_FILE_GARBAGE,    /* does not begin with a process id */
    PID_FILE_NOBODY,     /* no process has that id, or it is a zombie */
    PID_FILE_STALE,      /* somebody has it who began after the file was written */
    PID_FILE_RUNS
};

struct pid_file {
    pid_t pid;            /* from PID_FILE_NOBODY on */
    uint64_t start_ticks; /* of the process: PID_FILE_STALE and PID_FILE_RUNS */
    dev_t dev;            /* which file that was, and when it was written */
    ino_t ino;
    int64_t written_ns;
};

enum pid_file_state pid_file_read(const char *path, struct pid_file *out);

/* The first word of a text as a process id; false: it is none. */
bool pid_file_parse(const char *text, pid_t *pid);

#endif
