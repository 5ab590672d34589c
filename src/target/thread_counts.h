/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel counts for each thread alone, summed over those of a process: context switches
 * and the time that threads were runnable without a CPU (status and schedstat of its tasks,
 * proc(5)).
 *
 * A thread costs 20 us to read, so only THREAD_COUNTS_AT_ONCE are at a time: of more, first those
 * that did something when they were last read, then others in turns. What one did meanwhile is
 * added when its turn comes, and nothing is lost but what a thread does after its last one. The
 * list of threads is read when their number has changed, and every 16th time.
 *
 * Invariant: sums never go down, also when threads end. One struct belongs to one thread.
 */
#ifndef TARGET_THREAD_COUNTS_H
#define TARGET_THREAD_COUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/map.h"
#include "base/vec.h"

#define THREAD_COUNTS_AT_ONCE 24

struct thread_count {
    pid_t tid;
    bool ground; /* not read yet, and older than us: what it has done is none of ours */
    bool active; /* it had done something when it was last read */
    uint64_t voluntary, forced, queued_ns;
};

struct thread_counts {
    pid_t pid;
    uint64_t voluntary, forced, queued_ns; /* the sums, since the first read */
    bool known;      /* each thread has been read once; until then the sums say nothing */
    bool has_queued; /* false: the kernel does not count it */
    VEC(struct thread_count) list, next;
    struct map by_tid;          /* index in list */
    uint64_t links;             /* of the folder: changes with the number of threads */
    uint64_t reads;             /* so far */
    size_t active_at, other_at; /* whose turn it is */
};

void thread_counts_init(struct thread_counts *counts, pid_t pid);
void thread_counts_clear(struct thread_counts *counts);
/* At most 1 ms with a thousand threads. only: the process has but one, whose files then are its
 * own: its threads need not be listed. */
void thread_counts_read(struct thread_counts *counts, bool only);

#endif
