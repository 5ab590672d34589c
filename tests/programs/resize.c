// SPDX-License-Identifier: GPL-2.0-or-later
// Large blocks that are made a little larger from time to time, beside small ones that stay.
// resize [SECONDS [double]]: 30,000 bytes a second stay from leak_steadily, among others that come
// and go. Twenty times a second one of 200 tables of 256 KB, the next one each time, is made larger
// by 4 KB, which is written to: 81,920 bytes a second. With "double" there is but one table, which
// is doubled every two seconds from 64 KB on, up to 8 MB, then released, and begins again.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TABLES 200

struct table {
    char *at;
    size_t size;
};

static struct table tables[TABLES];
static void *volatile kept;
static char *volatile passing[64];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

__attribute__((noinline)) static void leak_steadily(long number)
{
    void **block = malloc(120); // LEAK
    block[0] = kept;
    block[1] = (void *)number;
    kept = block;
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void make_larger(struct table *t, size_t by)
{
    t->at = realloc(t->at, t->size + by); // RESIZE
    memset(t->at + t->size, (int)t->size, by);
    t->size += by;
    __asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void pass_by(long number)
{
    free(passing[number % 64]);
    passing[number % 64] = malloc(200);
    memset(passing[number % 64], (int)number, 200);
}

static void begin_table(struct table *t, size_t size, long number)
{
    free(t->at);
    t->at = malloc(t->size = size);
    memcpy(t->at, &number, sizeof number);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 3600, began = now(), at;
    int doubles = argc > 2;
    long leaked = 0, passed = 0, resized = 0;
    for (int i = 0; i < TABLES; i++)
        begin_table(&tables[i], doubles ? 64 << 10 : 256 << 10, i);
    puts("ready");
    fflush(stdout);
    while ((at = now() - began) < seconds) {
        for (; leaked < at * 30000 / 128; leaked++)
            leak_steadily(leaked);
        for (int i = 0; i < 10; i++)
            pass_by(passed++);
        for (; !doubles && resized < at * 20; resized++)
            make_larger(&tables[resized % TABLES], 4096);
        for (; doubles && resized < at / 2; resized++) {
            if (tables[0].size >= 8 << 20)
                begin_table(&tables[0], 64 << 10, resized);
            make_larger(&tables[0], tables[0].size);
        }
        struct timespec pause = {0, 1000000};
        nanosleep(&pause, NULL);
    }
}
