/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that grows at a known rate: grow RATE [MOST], in MB a second and MB (0: without an end).
 * At MOST it stays as it is. Says "ready", and "full" at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MB    (1024 * 1024)
#define PIECE 65536

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    double rate = (argc > 1 ? atof(argv[1]) : 1) * MB, most = (argc > 2 ? atof(argv[2]) : 0) * MB;
    double begin_s = now_s(), have = 0;
    puts("ready");
    fflush(stdout);
    while (most <= 0 || have < most) {
        while (have < (now_s() - begin_s) * rate && (most <= 0 || have < most)) {
            char *piece = malloc(PIECE);
            if (!piece)
                return 1;
            memset(piece, 1, PIECE);
            have += PIECE;
        }
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
    puts("full");
    fflush(stdout);
    for (;;)
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
}
