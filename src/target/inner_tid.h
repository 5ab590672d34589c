/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thread ids as a target's memory has them (numbers of its own PID namespace) to thread ids as we
 * see them. An answer is only given if the process has such a thread: memory can lie. One thread.
 */
#ifndef TARGET_INNER_TID_H
#define TARGET_INNER_TID_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/map.h"

struct inner_tids {
    pid_t pid;
    uint32_t inner_pid; /* pid in its innermost namespace */
    bool namespaced;
    struct map outer;     /* inner -> outer; only if namespaced */
    uint64_t searched_ns; /* when inner_tids_find_seldom last asked all threads */
};

void inner_tids_init(struct inner_tids *t, pid_t pid);
void inner_tids_clear(struct inner_tids *t);
/* 0: the process has no such thread. 2 us; in a namespace of its own, for a thread that is not
 * known yet, 8 us for each thread of the process. */
pid_t inner_tids_find(struct inner_tids *t, uint32_t inner);
/* The same for numbers that are asked for again and again though there may be no such thread: all
 * threads are asked at most five times a second, and what is not known until then is 0. */
pid_t inner_tids_find_seldom(struct inner_tids *t, uint32_t inner, uint64_t now_ns);

#endif
