/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sample.h. */
#include "model/sample.h"

#include "base/map.h"

const char *wait_name(enum wait_kind wait)
{
    static const char *const names[WAIT_COUNT] = {
        [WAIT_NONE] = "",           [WAIT_OTHER] = "syscall",   [WAIT_FUTEX] = "futex",
        [WAIT_GIL] = "gil",         [WAIT_POLL] = "poll",       [WAIT_EPOLL] = "epoll",
        [WAIT_READ] = "read",       [WAIT_WRITE] = "write",     [WAIT_ACCEPT] = "accept",
        [WAIT_CONNECT] = "connect", [WAIT_SLEEP] = "nanosleep", [WAIT_CHILD] = "wait",
        [WAIT_FLOCK] = "flock",     [WAIT_IPC] = "ipc",         [WAIT_SIGNAL] = "signal",
        [WAIT_SYNC] = "sync",       [WAIT_FAULT] = "fault",     [WAIT_STOPPED] = "stopped",
    };
    return (unsigned)wait < WAIT_COUNT ? names[wait] : "syscall";
}

bool run_same_but_time(const struct run *a, const struct run *b)
{
    return a->thread.n == b->thread.n && a->stack.n == b->stack.n && a->object.n == b->object.n &&
           a->owner == b->owner && a->state == b->state && a->wait == b->wait &&
           a->flags == b->flags;
}

uint64_t run_content_key(const struct run *run)
{
    uint64_t key = hash_mix(run->thread.n, run->stack.n);
    key = hash_mix(key, (uint64_t)run->object.n << 32 | (uint32_t)run->owner);
    return hash_mix(key, (uint64_t)(run->state | run->wait << 8 | run->flags << 16));
}
