/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See waits.h. Pure. */
#include "engine/waits.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

/* By system call number. A call that is missing here is WAIT_OTHER. */
static const uint8_t kinds[] = {
    [SYS_futex] = WAIT_FUTEX,
    [SYS_poll] = WAIT_POLL,
    [SYS_ppoll] = WAIT_POLL,
    [SYS_select] = WAIT_POLL,
    [SYS_pselect6] = WAIT_POLL,
    [SYS_epoll_wait] = WAIT_EPOLL,
    [SYS_epoll_pwait] = WAIT_EPOLL,
    [SYS_epoll_pwait2] = WAIT_EPOLL,
    [SYS_io_uring_enter] = WAIT_EPOLL,
    [SYS_io_getevents] = WAIT_EPOLL,
    [SYS_read] = WAIT_READ,
    [SYS_readv] = WAIT_READ,
    [SYS_pread64] = WAIT_READ,
    [SYS_preadv] = WAIT_READ,
    [SYS_recvfrom] = WAIT_READ,
    [SYS_recvmsg] = WAIT_READ,
    [SYS_recvmmsg] = WAIT_READ,
    [SYS_write] = WAIT_WRITE,
    [SYS_writev] = WAIT_WRITE,
    [SYS_pwrite64] = WAIT_WRITE,
    [SYS_sendto] = WAIT_WRITE,
    [SYS_sendmsg] = WAIT_WRITE,
    [SYS_sendmmsg] = WAIT_WRITE,
    [SYS_sendfile] = WAIT_WRITE,
    [SYS_splice] = WAIT_WRITE,
    [SYS_accept] = WAIT_ACCEPT,
    [SYS_accept4] = WAIT_ACCEPT,
    [SYS_connect] = WAIT_CONNECT,
    [SYS_nanosleep] = WAIT_SLEEP,
    [SYS_clock_nanosleep] = WAIT_SLEEP,
    [SYS_pause] = WAIT_SLEEP,
    [SYS_wait4] = WAIT_CHILD,
    [SYS_waitid] = WAIT_CHILD,
    [SYS_flock] = WAIT_FLOCK,
    [SYS_fcntl] = WAIT_FLOCK,
    [SYS_semop] = WAIT_IPC,
    [SYS_semtimedop] = WAIT_IPC,
    [SYS_msgrcv] = WAIT_IPC,
    [SYS_msgsnd] = WAIT_IPC,
    [SYS_mq_timedreceive] = WAIT_IPC,
    [SYS_mq_timedsend] = WAIT_IPC,
    [SYS_rt_sigtimedwait] = WAIT_SIGNAL,
    [SYS_rt_sigsuspend] = WAIT_SIGNAL,
    [SYS_fsync] = WAIT_SYNC,
    [SYS_fdatasync] = WAIT_SYNC,
    [SYS_msync] = WAIT_SYNC,
    [SYS_sync] = WAIT_SYNC,
    [SYS_syncfs] = WAIT_SYNC,
};

/* select and poll without descriptors are how older programs sleep (CPython before 3.11 does). */
static bool is_sleep(long nr, const uint64_t args[6])
{
    switch (nr) {
    case SYS_select:
    case SYS_pselect6:
        return (int)args[0] == 0;
    case SYS_poll:
    case SYS_ppoll:
        return args[1] == 0;
    default:
        return false;
    }
}

enum wait_kind wait_of_syscall(long nr, const uint64_t args[6])
{
    if (nr < 0)
        return WAIT_FAULT;
    if (is_sleep(nr, args))
        return WAIT_SLEEP;
    if ((size_t)nr >= sizeof kinds || kinds[nr] == WAIT_NONE)
        return WAIT_OTHER;
    return (enum wait_kind)kinds[nr];
}
