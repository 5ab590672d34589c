/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two threads that want a CPU all the time: main in spin_first(), the other in spin_second(). */
#include <pthread.h>
#include <stdio.h>

static volatile unsigned long rounds[2];

static __attribute__((noinline)) void spin_first(void)
{
    for (;;)
        rounds[0]++;
}

static __attribute__((noinline)) void *spin_second(void *arg)
{
    for (;;)
        rounds[1]++;
    return arg;
}

int main(void)
{
    pthread_t second;
    if (pthread_create(&second, NULL, spin_second, NULL) != 0)
        return 1;
    puts("ready");
    fflush(stdout);
    spin_first();
}
