// SPDX-License-Identifier: GPL-2.0-or-later
// Recurses 5,000 calls deep (or as many as its argument says) and spins there; asks the time now
// and then, which is the vdso's work.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile uint64_t sink;

__attribute__((noinline, noclone)) static void bottom(void)
{
    struct timespec now;
    printf("ready\n");
    fflush(stdout);
    for (;;)
        for (int i = 0; i < 1000; i++) {
            clock_gettime(CLOCK_MONOTONIC, &now);
            sink += (uint64_t)now.tv_nsec;
        }
}

__attribute__((noinline, noclone)) static uint64_t recurse(long depth)
{
    if (depth > 0)
        sink += recurse(depth - 1);
    else
        bottom();
    return sink;
}

int main(int argc, char **argv)
{
    return (int)recurse(argc > 1 ? atol(argv[1]) : 5000);
}
