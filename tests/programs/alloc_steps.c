/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For each line that is read: CALLS times malloc and free, then the CPU seconds that took.
 * alloc_steps CALLS */
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
    static void *volatile kept[64];
    char line[64];
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        double from_s = cpu_s();
        for (long i = 0; i < calls; i++) {
            free(kept[i % 64]);
            kept[i % 64] = malloc((size_t)(24 + i % 200));
        }
        printf("%.9f\n", cpu_s() - from_s);
        fflush(stdout);
    }
}
