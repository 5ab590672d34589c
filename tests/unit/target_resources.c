/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors, network traffic and what is counted by thread, of this process and of children. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "target/descriptors.h"
#include "target/net_traffic.h"
#include "target/thread_counts.h"

static void counts_descriptors(void **state)
{
    (void)state;
    struct descriptors_reader reader = {0};
    struct descriptors before, after, gone;
    assert_true(descriptors_read(&reader, getpid(), 1, &before));
    int fds[20];
    for (int i = 0; i < 20; i++)
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* Far later, in case they have to be counted. */
    assert_true(descriptors_read(&reader, getpid(), 1000 * NS_PER_S, &after));
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    assert_int_equal(after.open, before.open + 20);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    assert_int_equal(after.limit, limit.rlim_cur == RLIM_INFINITY ? 0 : limit.rlim_cur);
    assert_false(descriptors_read(&reader, 1 << 30, 2000 * NS_PER_S, &gone));
}

static void takes_lines_apart(void **state)
{
    (void)state;
    struct net_counts c;
    assert_true(
        net_traffic_parse("  eth0: 108735894 5041 0 1 2 3 4 5 349503 4612 0 0 0 0 0 0", &c));
    assert_string_equal(c.name, "eth0");
    assert_int_equal(c.received_bytes, 108735894);
    assert_int_equal(c.sent_bytes, 349503);
    assert_true(net_traffic_parse("veth1234567890a:1 2 3 4 5 6 7 8 9 10", &c)); /* 15: the most */
    assert_int_equal(c.sent_bytes, 9);
    static const char *const none[] = {
        "",
        "Inter-|   Receive                                                |  Transmit",
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets",
        "    lo: 455977268 3433013 0 0 0 0 0 0 455977268 3433013 0 0 0 0 0 0",
        "eth0: 1 2 3 4 5 6 7 8",
        "eth0: words",
        ": 1 2 3 4 5 6 7 8 9 10",
        "veth12345678901b: 1 2 3 4 5 6 7 8 9 10",
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(net_traffic_parse(none[i], &c));
}

/* Two looks make a rate; the counts of an interface that has come since are none. */
static void makes_rates(void **state)
{
    (void)state;
    struct net_traffic t = {0};
    double received = -1, sent = -1;
    assert_false(net_traffic_read(&t, getpid(), NS_PER_S, &received, &sent));
    for (size_t i = 0; i < t.list.n; i++)
        t.list.at[i].received_bytes = t.list.at[i].sent_bytes = UINT64_MAX; /* they begin anew */
    t.next_ns = 0; /* under a sanitizer a look is dear */
    if (t.list.n) {
        assert_true(net_traffic_read(&t, getpid(), 11 * NS_PER_S, &received, &sent));
        assert_true(received == 0 && sent == 0);
        uint64_t had = t.list.at[0].received_bytes;
        if (had >= 1000) {
            t.list.at[0].received_bytes -= 1000;
            t.next_ns = 0;
            assert_true(net_traffic_read(&t, getpid(), 21 * NS_PER_S, &received, &sent));
            assert_true(received >= 100 && sent >= 0);
        }
        strcpy(t.list.at[0].name, "gone");
        t.next_ns = 0;
        if (t.list.n == 1)
            assert_false(net_traffic_read(&t, getpid(), 31 * NS_PER_S, &received, &sent));
    }
    t.next_ns = 50 * NS_PER_S; /* it was dear */
    assert_false(net_traffic_read(&t, getpid(), 49 * NS_PER_S, &received, &sent));
    assert_false(net_traffic_read(&t, 1 << 30, 60 * NS_PER_S, &received, &sent));
    net_traffic_clear(&t);
}

/* A namespace of its own has other interfaces: no figure is carried over. */
static void knows_namespaces(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char ok = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
        if (write(ready[1], &ok, 1) == 1)
            pause();
        _exit(0);
    }
    char ok = 0;
    assert_int_equal(read(ready[0], &ok, 1), 1);
    struct net_traffic t = {0};
    double received = -1, sent = -1;
    if (ok) {
        net_traffic_read(&t, getpid(), NS_PER_S, &received, &sent);
        t.next_ns = 0;
        assert_false(net_traffic_read(&t, pid, 11 * NS_PER_S, &received, &sent));
        t.next_ns = 0;
        assert_true(net_traffic_read(&t, pid, 21 * NS_PER_S, &received, &sent));
        assert_true(received == 0 && sent == 0);
    }
    net_traffic_clear(&t);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    if (!ok)
        skip();
}

/* Many threads that sleep, and one that works in rounds. */

#define SLEEPERS 80
static volatile uint64_t *rounds;

static void *sleep_on(void *arg)
{
    pause();
    return arg;
}

static void work_in_rounds(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_attr_t small;
    pthread_t thread;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    for (int i = 0; i < SLEEPERS; i++)
        if (pthread_create(&thread, &small, sleep_on, NULL) != 0)
            _exit(1);
    for (;;) {
        usleep(500);
        (*rounds)++;
    }
}

static bool reaches(uint64_t wanted)
{
    for (uint64_t from_ns = clock_mono_ns(); clock_mono_ns() - from_ns < 20 * NS_PER_S;
         usleep(1000))
        if (*rounds >= wanted)
            return true;
    return false;
}

static void counts_many_threads_in_turns(void **state)
{
    (void)state;
    rounds = mmap(NULL, sizeof *rounds, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (pid == 0)
        work_in_rounds();
    assert_true(reaches(200));
    struct thread_counts c;
    thread_counts_init(&c, pid);
    thread_counts_read(&c, false);
    assert_int_equal(c.list.n, SLEEPERS + 1);
    assert_false(c.known);
    for (int i = 0; i < 6 * (SLEEPERS / THREAD_COUNTS_AT_ONCE + 1); i++) {
        assert_true(reaches(*rounds + 2)); /* so that it is seen to work */
        thread_counts_read(&c, false);
    }
    assert_true(c.known);
    /* What was before is none of it, and who works is read each time. */
    uint64_t from = *rounds, before = c.voluntary;
    assert_true(before <= *rounds - 200);
    for (int i = 1; i <= 4; i++) {
        assert_true(reaches(from + (uint64_t)i * 100));
        thread_counts_read(&c, false);
        assert_true(c.voluntary - before >= (uint64_t)i * 100 - 20);
        assert_true(c.voluntary - before <= *rounds - from + 20);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    uint64_t sum = c.voluntary;
    thread_counts_read(&c, false);
    assert_int_equal(c.voluntary, sum);
    thread_counts_clear(&c);
    munmap((void *)rounds, sizeof *rounds);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(counts_descriptors),
    cmocka_unit_test(takes_lines_apart),
    cmocka_unit_test(makes_rates),
    cmocka_unit_test(knows_namespaces),
    cmocka_unit_test(counts_many_threads_in_turns),
};

int main(void)
{
    return cmocka_run_group_tests_name("target/resources", tests, NULL, NULL);
}
