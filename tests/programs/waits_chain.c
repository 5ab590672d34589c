// SPDX-License-Identifier: GPL-2.0-or-later
// A chain of locks: worker-1 waits for a lock of worker-2, which waits for one of worker-3, which
// reads from a pipe that nobody writes to. Prints "ready" when they all wait.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static int fds[2];

static void *rebuild_cache(void *arg)
{
    pthread_mutex_lock(&second);
    if (read(fds[0], arg, 1) < 0)
        return NULL;
    return arg;
}

static void *update_pool(void *arg)
{
    pthread_mutex_lock(&first);
    pthread_mutex_lock(&second);
    return arg;
}

static void *acquire(void *arg)
{
    pthread_mutex_lock(&first);
    return arg;
}

int main(void)
{
    static char byte;
    static void *(*const functions[])(void *) = {rebuild_cache, update_pool, acquire};
    if (pipe(fds) != 0)
        return 1;
    for (int i = 0; i < 3; i++) {
        char name[16];
        pthread_t thread;
        snprintf(name, sizeof name, "worker-%d", 3 - i);
        pthread_create(&thread, NULL, functions[i], &byte);
        pthread_setname_np(thread, name);
        usleep(100000); // until it holds its lock
    }
    puts("ready");
    fflush(stdout);
    for (;;)
        sleep(1000);
}
