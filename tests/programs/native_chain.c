/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A known chain of calls for the tests of native stacks: main > outer > middle > inner, inlined in
 * it `folded` if optimised, then whatever the mode asks for: spin, nanosleep, read, futex, poll,
 * signal (spins in a handler), deep N (recursion, then spins), realign (a 64-byte aligned frame),
 * clock (asks the time all the time), plugin FILE (waits for input, then does it all in FILE, which
 * is this source as a library).
 * Prints "ready" when it gets there. Lines marked FIND: are looked up by the tests.
 */
#include <dlfcn.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

volatile unsigned long sink;
static volatile int never;

NOINLINE void spin_here(void)
{
    for (;;) {
        sink++; /* FIND:spin */
        if (never)
            break;
    }
    sink += 2;
}

NOINLINE void in_handler(int sig)
{
    sink += (unsigned long)sig;
    spin_here(); /* FIND:handler */
    sink++;
}

NOINLINE unsigned long recurse(unsigned long n)
{
    unsigned long r = 1;
    if (n)
        r += recurse(n - 1);
    else
        spin_here();
    sink += r;
    return r;
}

NOINLINE void with_realigned_frame(void)
{
    __attribute__((aligned(64))) volatile char room[128];
    room[sink % 128] = 1;
    spin_here(); /* FIND:realign */
    sink += (unsigned long)room[5];
}

static inline __attribute__((always_inline)) void folded(const char *mode)
{
    sink += strlen(mode);
    if (!strcmp(mode, "spin"))
        spin_here(); /* FIND:folded */
    sink++;
}

NOINLINE void block(const char *mode)
{
    char c;
    static int word;
    struct timespec long_time = {1000, 0};
    if (!strcmp(mode, "nanosleep"))
        nanosleep(&long_time, NULL); /* FIND:nanosleep */
    else if (!strcmp(mode, "read"))
        sink += (unsigned long)read(0, &c, 1); /* FIND:read */
    else if (!strcmp(mode, "futex"))
        syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0); /* FIND:futex */
    else if (!strcmp(mode, "poll"))
        sink += (unsigned long)poll(NULL, 0, 1000000); /* FIND:poll */
    sink++;
}

NOINLINE void watch_clock(void)
{
    struct timespec now;
    while (!never)
        clock_gettime(CLOCK_MONOTONIC, &now);
    sink += (unsigned long)now.tv_nsec;
}

NOINLINE int inner(const char *mode, int depth)
{
    volatile char locals[300];
    locals[sink % 300] = 1;
    if (!strcmp(mode, "signal"))
        raise(SIGUSR1);
    else if (!strcmp(mode, "deep"))
        recurse((unsigned long)depth);
    else if (!strcmp(mode, "realign"))
        with_realigned_frame();
    else if (!strcmp(mode, "clock"))
        watch_clock();
    else
        block(mode);
    folded(mode); /* FIND:inner */
    return locals[7];
}

NOINLINE int middle(const char *mode, int depth)
{
    int n = depth + 1;
    char room[n];
    memset(room, 1, (size_t)n);
    int r = inner(mode, depth) + room[n / 2]; /* FIND:middle */
    sink++;
    return r;
}

NOINLINE int outer(const char *mode, int depth)
{
    int r = middle(mode, depth); /* FIND:outer */
    sink++;
    return r;
}

NOINLINE int run_plugin(const char *file)
{
    char c;
    if (read(0, &c, 1) != 1)
        return 1;
    void *plugin = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    int (*go)(const char *, int) =
        plugin ? (int (*)(const char *, int))dlsym(plugin, "outer") : NULL;
    int r = go ? go("spin", 0) : 1;
    sink++;
    return r;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "spin";
    signal(SIGUSR1, in_handler);
    puts("ready");
    fflush(stdout);
    if (!strcmp(mode, "plugin"))
        return run_plugin(argc > 2 ? argv[2] : "");
    int r = outer(mode, argc > 2 ? atoi(argv[2]) : 0); /* FIND:main */
    sink++;
    return r & 0;
}
