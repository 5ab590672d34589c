/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process held still: nothing of it runs, no system call of it fails, and it goes on after, also
 * when its holder is killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/hold.h"

struct shared {
    _Atomic uint64_t turns[2], waits, failed;
    _Atomic uint64_t dead_holder;
};
static struct shared *shared;

static void *runs(void *arg)
{
    _Atomic uint64_t *turns = arg;
    for (;;)
        ++*turns;
    return NULL;
}

static void *waits(void *arg)
{
    int fd = epoll_create1(0);
    for (;;) {
        struct epoll_event event;
        if (epoll_wait(fd, &event, 1, 20) < 0)
            shared->failed++;
        shared->waits++;
    }
    return arg;
}

static pid_t start_target(void)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_t t;
    pthread_create(&t, NULL, runs, &shared->turns[0]);
    pthread_create(&t, NULL, waits, NULL);
    runs(&shared->turns[1]);
    _exit(0);
}

static void wait_until_moves(_Atomic uint64_t *turns)
{
    uint64_t before = *turns;
    for (int i = 0; i < 5000 && *turns == before; i++)
        usleep(1000);
    assert_int_not_equal(*turns, before);
}

static void setup_shared(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
}

static void end_target(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap(shared, sizeof *shared);
}

static void stands_and_goes_on(void **state)
{
    (void)state;
    setup_shared();
    pid_t pid = start_target();
    wait_until_moves(&shared->turns[0]);
    wait_until_moves(&shared->turns[1]);
    wait_until_moves(&shared->waits);
    for (int round = 0; round < 5; round++) {
        struct err err;
        struct hold *h = hold_process(pid, &err);
        if (!h)
            fail_msg("%s", err.text);
        assert_int_equal(hold_threads(h), 3);
        uint64_t a = shared->turns[0], b = shared->turns[1], waited = shared->waits;
        usleep(30 * 1000);
        assert_int_equal(shared->turns[0], a);
        assert_int_equal(shared->turns[1], b);
        assert_int_equal(shared->waits, waited);
        hold_release(h);
        wait_until_moves(&shared->turns[0]);
        wait_until_moves(&shared->turns[1]);
        wait_until_moves(&shared->waits);
    }
    assert_int_equal(shared->failed, 0);
    end_target(pid);
}

static void goes_on_when_its_holder_dies(void **state)
{
    (void)state;
    setup_shared();
    pid_t pid = start_target();
    wait_until_moves(&shared->waits);
    pid_t holder = fork();
    if (holder == 0) {
        shared->dead_holder = hold_process(pid, NULL) != NULL;
        raise(SIGKILL);
    }
    waitpid(holder, NULL, 0);
    assert_int_equal(shared->dead_holder, 1);
    wait_until_moves(&shared->turns[0]);
    wait_until_moves(&shared->turns[1]);
    wait_until_moves(&shared->waits);
    end_target(pid);
}

static void says_what_it_cannot(void **state)
{
    (void)state;
    struct err err = {""};
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    assert_null(hold_process(pid, &err));
    assert_true(err.text[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stands_and_goes_on),
        cmocka_unit_test(goes_on_when_its_holder_dies),
        cmocka_unit_test(says_what_it_cannot),
    };
    return cmocka_run_group_tests_name("target_hold", tests, NULL, NULL);
}
