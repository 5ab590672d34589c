/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The descendants of a process, looked up about once a second. Any thread; one struct belongs to
 * one of them.
 */
#ifndef TARGET_CHILDREN_H
#define TARGET_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"

#define CHILDREN_MAX 4096

struct child {
    pid_t pid, ppid;
    uint64_t start_ticks; /* with pid tells it from a later process of the same pid */
    uint64_t cpu_ns;      /* used since its start */
    char comm[64];        /* printable */
};

struct children {
    VEC(struct child) list; /* parents before their children; zombies are left out */
    VEC(pid_t) found;       /* scratch */
    bool cut;               /* there are more than CHILDREN_MAX */
};

/* Replaces what c holds by the descendants of n processes. Cost: 15 us and 15 us a descendant, or 5
 * us a process of the machine (whichever way is open and cheaper). A process whose parent has ended
 * is not found: its new parent is init or a subreaper. */
void children_read(struct children *c, const pid_t *pids, size_t n);
void children_clear(struct children *c);

#endif
