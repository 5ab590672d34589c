/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a futex is about, where glibc's structures tell: a mutex or a read-write lock and the thread
 * that holds it, or the thread whose end is waited for.
 *
 * A futex is an address and nothing more; what it belongs to is told from the words around it and
 * from the arguments of the call, which glibc gives in a certain way only. What does not fit in
 * every point is LOCK_UNKNOWN, without an owner. One thread.
 */
#ifndef TARGET_LOCK_H
#define TARGET_LOCK_H

#include <stdint.h>
#include <sys/types.h>

#include "target/inner_tid.h"

enum lock_kind {
    LOCK_UNKNOWN, /* a condition, a semaphore, a lock of another library */
    LOCK_MUTEX,
    LOCK_RWLOCK,
    LOCK_JOIN, /* owner: the thread whose end is waited for */
};

struct lock {
    enum lock_kind kind;
    uint64_t address; /* of the futex, or of the lock that it is part of */
    pid_t owner;      /* as we see it; 0: unknown, or not of this process: */
    pid_t process;    /* a thread of another one, which shares the mutex */
    uint32_t readers; /* that hold the read-write lock */
    uint64_t words;   /* a hash of the words around the futex */
};

/* args: of the futex call that thread `waiter` is blocked in. Two small reads, and a look-up of the
 * thread. */
struct lock lock_look(struct inner_tids *tids, pid_t waiter, const uint64_t args[6],
                      uint64_t now_ns);
/* Whether the words around the futex are as they were. One small read. */
bool lock_same(pid_t pid, uint64_t futex, uint64_t words);

#endif
