/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process that asks the kernel for memory in one way: enlarge WAY. Steps of 20 ms.
 *   brk, mmap, mremap: grows by about 10 MB/s, by small blocks, by big ones, by one that grows
 *   reserve: the same of address space alone, which nobody touches
 *   churn: maps and unmaps as fast as it can, and does not grow
 *   both: churns, and grows by big blocks
 *   thread: each growth is made by a thread that was born for it
 * Prints "ready", and "maps/s N" at the end of its input. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define MB    (1024 * 1024)
#define BLOCK (200 * 1024)

static void *volatile kept;
static size_t kept_size;
static unsigned long maps;

__attribute__((noinline)) static void grow_by_brk(void)
{
    for (int i = 0; i < 40; i++) {
        kept = malloc(5000);
        memset(kept, 1, 5000);
    }
}

__attribute__((noinline)) static void grow_by_mmap(void)
{
    kept = malloc(BLOCK);
    memset(kept, 1, BLOCK);
}

__attribute__((noinline)) static void grow_by_mremap(void)
{
    if (!kept_size)
        kept_size = MB;
    kept = realloc(kept, kept_size + BLOCK);
    memset((char *)kept + kept_size, 1, BLOCK);
    kept_size += BLOCK;
}

__attribute__((noinline)) static void reserve_here(void)
{
    kept = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(NULL, 64 * MB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

__attribute__((noinline)) static void churn_here(void)
{
    char *block = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    block[0] = 1;
    munmap(block, MB);
    maps++;
}

static void *thread_work(void *arg)
{
    (void)arg;
    grow_by_mmap();
    return NULL;
}

static void step(const char *way)
{
    pthread_t thread;
    if (!strcmp(way, "brk"))
        grow_by_brk();
    else if (!strcmp(way, "mmap") || !strcmp(way, "both"))
        grow_by_mmap();
    else if (!strcmp(way, "mremap"))
        grow_by_mremap();
    else if (!strcmp(way, "reserve"))
        reserve_here();
    else if (!strcmp(way, "thread") && !pthread_create(&thread, NULL, thread_work, NULL))
        pthread_join(thread, NULL);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "brk";
    int churns = !strcmp(way, "churn") || !strcmp(way, "both");
    struct pollfd input = {.fd = 0, .events = POLLIN};
    double begun_s = now_s();
    puts("ready");
    fflush(stdout);
    while (poll(&input, 1, churns ? 0 : 20) == 0) {
        double until_s = now_s() + 0.02;
        step(way);
        while (churns && now_s() < until_s)
            churn_here();
    }
    printf("maps/s %.0f\n", (double)maps / (now_s() - begun_s));
}
