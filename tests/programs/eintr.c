// SPDX-License-Identifier: GPL-2.0-or-later
// A program that must not notice that it is watched: its threads make the system calls that answer
// any interruption with EINTR, and count those; one thread gets a signal a thousand times a second
// (queued, with a number) and checks that none is missing.
//
//   eintr SECONDS
//
// Prints `ready`, and at the end a line `eintr N signals SENT GOT short N`: interrupted calls,
// signals sent and handled, and sleeps that ended too early.

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static atomic_bool over;
static atomic_long interrupted, too_short;
static atomic_long sent, got;

static int64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

// A little work between two calls, so that they are entered at all times.
static void work(void)
{
    static __thread volatile unsigned x;
    for (unsigned i = 0; i < 20000; i++)
        x += i;
}

static void count(long result)
{
    if (result < 0 && errno == EINTR)
        interrupted++;
}

static void *epolls(void *arg)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0), never = eventfd(0, 0);
    epoll_ctl(epoll, EPOLL_CTL_ADD, never, &event);
    for (; !over; work())
        count(epoll_wait(epoll, &event, 1, 2));
    return arg;
}

static void *sleeps(void *arg)
{
    for (; !over; work()) {
        struct timespec two_ms = {0, 2000000}, left;
        int64_t begin_ns = now_ns();
        count(nanosleep(&two_ms, &left));
        too_short += now_ns() - begin_ns < 2000000;
    }
    return arg;
}

static void *semaphores(void *arg)
{
    int sem = semget(IPC_PRIVATE, 1, 0600);
    for (; !over; work()) {
        struct sembuf take = {0, -1, 0};
        struct timespec two_ms = {0, 2000000};
        count(semtimedop(sem, &take, 1, &two_ms));
    }
    semctl(sem, 0, IPC_RMID);
    return arg;
}

static void *receives(void *arg)
{
    int fds[2];
    char byte;
    struct timeval two_ms = {0, 2000};
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &two_ms, sizeof two_ms);
    for (; !over; work())
        count(recv(fds[0], &byte, 1, 0));
    return arg;
}

static void *futexes(void *arg)
{
    static int word;
    for (; !over; work()) {
        struct timespec two_ms = {0, 2000000};
        count(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &two_ms, NULL, 0));
    }
    return arg;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info, (void)context;
    got++;
}

// Gets the signals while it works.
static void *signalled(void *arg)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    while (!over || got < sent)
        work();
    return arg;
}

int main(int argc, char **argv)
{
    int64_t until_ns = now_ns() + (int64_t)((argc > 1 ? atof(argv[1]) : 5) * 1e9);
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGRTMIN, &action, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    void *(*const all[])(void *) = {epolls, sleeps, semaphores, receives, futexes, signalled};
    enum { THREADS = sizeof all / sizeof all[0] };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, all[i], NULL);
    puts("ready");
    fflush(stdout);
    while (now_ns() < until_ns) {
        union sigval value = {.sival_int = 1};
        if (pthread_sigqueue(threads[THREADS - 1], SIGRTMIN, value) == 0)
            sent++;
        usleep(1000);
    }
    over = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("eintr %ld signals %ld %ld short %ld\n", interrupted, sent, got, too_short);
    return 0;
}
