/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Python's own locks: which one a thread is blocked in, and who holds it. From 3.14 on (some from
 * 3.13) a thread parks on a semaphore of its own, so the futex says nothing and what stands beside
 * it does. An RLock keeps its owner; a Lock does not. The sampler's thread.
 */
#ifndef PYTHON_LOCKS_H
#define PYTHON_LOCKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "python/python.h"
#include "python/threads.h"

#define LOCKS_KNOWN 256

/* The RLock that a futex was last found to belong to. */
struct known_lock {
    uint64_t futex, object; /* object 0: none when it was looked for */
    uint64_t sought_ns;
};

struct locks {
    struct known_lock known[LOCKS_KNOWN]; /* by the futex's hash */
    uint64_t spell_ns;                    /* in which so many were looked for: */
    uint32_t searches;
};

/* See python_lock_find(). */
bool locks_find(struct locks *l, const struct threads *threads, uint64_t futex, uint64_t sp,
                uint64_t now_ns, struct python_lock *out);

#endif
