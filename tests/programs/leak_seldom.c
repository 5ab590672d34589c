/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Of two threads one leaks 200,000 bytes a second, but works for a moment in each period alone;
 * most of what it allocates then goes again. The other one computes and allocates all the time, or
 * not.
 *
 *     leak_seldom SECONDS PERIOD_MS BUSY
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_BYTES 104u /* as malloc rounds it, with its head: 112 */
#define KEPT_PER_S  2000u
#define GO_FOR_ONE  10u

static uint64_t number;
static int period_ms;

/* Different contents each, so that one that was freed is told from one that stays. */
static uint64_t *block_of(size_t bytes)
{
    uint64_t *block = malloc(bytes);
    block[0] = 1;
    block[1] = __atomic_add_fetch(&number, 1, __ATOMIC_RELAXED);
    return block;
}

static void come_and_go(uint64_t **table, size_t n, uint64_t draw)
{
    size_t at = draw % n;
    free(table[at]);
    table[at] = block_of(24 + draw % 400);
}

__attribute__((noinline)) static void leak_seldom(void)
{
    static uint64_t *last;
    uint64_t *block = block_of(BLOCK_BYTES);
    block[2] = (uint64_t)(uintptr_t)last;
    last = block;
    __asm__ volatile("" ::: "memory");
}

static void *leaks(void *unused)
{
    static uint64_t *table[4000];
    struct timespec next;
    uint64_t draw = 1;
    (void)unused;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        next.tv_nsec += period_ms % 1000 * 1000000l;
        next.tv_sec += period_ms / 1000 + next.tv_nsec / 1000000000l;
        next.tv_nsec %= 1000000000l;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        for (unsigned i = 0; i < KEPT_PER_S * (unsigned)period_ms / 1000; i++) {
            leak_seldom();
            for (unsigned k = 0; k < GO_FOR_ONE; k++)
                come_and_go(table, 4000, (draw = draw * 6364136223846793005u + 1) >> 33);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static uint64_t *table[20000];
    pthread_t thread;
    uint64_t draw = 1;
    if (argc != 4)
        return 2;
    period_ms = atoi(argv[2]);
    alarm((unsigned)atoi(argv[1]));
    pthread_create(&thread, NULL, leaks, NULL);
    puts("ready");
    fflush(stdout);
    while (!atoi(argv[3]))
        pause();
    for (;;) {
        for (int i = 0; i < 300; i++)
            draw = draw * 6364136223846793005u + 1;
        come_and_go(table, 20000, draw >> 33);
    }
}
