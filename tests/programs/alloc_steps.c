/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For each line that is read: CALLS times malloc and free, then the CPU seconds that took. With
 * SIZE, blocks of so many bytes in mappings of their own, of which each page is touched, or with
 * "untouched" none but the first.
 * alloc_steps CALLS [SIZE [untouched]] */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    long calls = argc > 1 ? atol(argv[1]) : 10000;
    size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    size_t touched = argc > 3 ? 0 : size;
    static void *volatile kept[64];
    char line[64];
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        double from_s = cpu_s();
        for (long i = 0; i < calls; i++) {
            free(kept[i % 64]);
            kept[i % 64] = malloc(size ? size : (size_t)(24 + i % 200));
            for (size_t at = 0; at < touched; at += 4096)
                ((volatile char *)kept[i % 64])[at] = 1;
        }
        printf("%.9f\n", cpu_s() - from_s);
        fflush(stdout);
    }
}
