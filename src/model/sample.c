/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sample.h. */
#include "model/sample.h"

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
