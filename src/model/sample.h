/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One observation of one thread, run-length coded: a thread that was seen with the same stack in
 * the same state tick after tick lengthens its last run.
 */
#ifndef MODEL_SAMPLE_H
#define MODEL_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/ids.h"

enum sample_state { STATE_RUNNING, STATE_RUNNABLE, STATE_WAITING };

/* What a waiting thread waits for. The names ("futex", "poll", ...) are wait_name(). */
enum wait_kind {
    WAIT_NONE,  /* not waiting */
    WAIT_OTHER, /* a system call that has no row of its own */
    WAIT_FUTEX, /* a lock, a condition, a join */
    WAIT_GIL,   /* Python's global interpreter lock */
    WAIT_POLL,  /* poll, select */
    WAIT_EPOLL, /* epoll_wait */
    WAIT_READ,  /* read, recv and their kin */
    WAIT_WRITE, /* write, send */
    WAIT_ACCEPT,
    WAIT_CONNECT,
    WAIT_SLEEP,   /* nanosleep, a select without descriptors, pause */
    WAIT_CHILD,   /* wait4, waitid */
    WAIT_FLOCK,   /* flock, F_SETLKW */
    WAIT_IPC,     /* semop, msgrcv, mq_* */
    WAIT_SIGNAL,  /* sigtimedwait, sigsuspend */
    WAIT_SYNC,    /* fsync and its kin */
    WAIT_FAULT,   /* no system call: a page fault, a throttled group */
    WAIT_STOPPED, /* stopped by a signal or a debugger */
    WAIT_COUNT
};

const char *wait_name(enum wait_kind wait);

enum sample_flags {
    SAMPLE_GIL = 1, /* holds the GIL */
    SAMPLE_GIL_WANTED = 2,
    SAMPLE_GC = 4,        /* its interpreter collects garbage */
    SAMPLE_EXCEPTION = 8, /* handles an exception */
    SAMPLE_TORN = 16,     /* the stack is incomplete */
    SAMPLE_BEGAN = 32,    /* each observation found a wait that had begun since the one before */
};

struct run {
    uint64_t from_ns;   /* CLOCK_MONOTONIC of the first tick it stands for */
    uint64_t weight_ns; /* thread time it stands for */
    struct thread_id thread;
    struct stack_id stack;
    struct object_id object; /* what is waited for */
    int32_t owner;           /* tid of who holds it, 0 unknown */
    uint32_t ticks;          /* observations */
    uint8_t state, wait, flags;
};

/* Whether two runs differ in nothing but time; and a hash of what they then have in common. */
bool run_same_but_time(const struct run *a, const struct run *b);
uint64_t run_content_key(const struct run *run);

#endif
