/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for a process of a name, or for the one that a pid file tells: for its start, and for its
 * return when it has ended.
 *
 * Costs next to nothing: that no process has been started is told by one short file (the last pid
 * that was given out, in /proc/loadavg); only then all processes are gone through, and for at most
 * one part in 500 of the time. The front's thread.
 */
#ifndef SESSION_FOLLOW_H
#define SESSION_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "target/pid_file.h"

struct follow {
    const char *name;     /* a process's name exactly, or NULL; borrowed */
    const char *pid_file; /* or NULL; borrowed */

    struct err trouble; /* why nobody is found although something is there; "" */
    uint64_t next_ns;   /* when follow_look will look again */
    int64_t last_pid;   /* that the kernel gave out, at the last look */
    int looks_left;     /* after a process was started: it may get its name later, by an exec */
    uint64_t all_at_ns; /* when all are gone through whatever was started */
    pid_t gone;         /* who has ended; 0: nobody has */
    uint64_t gone_ticks;
    struct pid_file gone_file; /* the pid file as it stood then */
};

void follow_init(struct follow *f, const char *name, const char *pid_file);
/* The process is there. Before next_ns: false at once. Of several of the name it is the one that
 * all others descend from (a prefork server's first); trouble says if there is none. */
bool follow_look(struct follow *f, uint64_t now_ns, pid_t *pid);
/* The process that was watched has ended: a pid file that has not changed since tells nothing. */
void follow_gone(struct follow *f, pid_t pid, uint64_t start_ticks);

#endif
