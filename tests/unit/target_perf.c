/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Perf events on a child with threads: they are sampled where they are, those born later too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "target/perf.h"

#define DEADLINE_NS (20 * NS_PER_S)

/* Both processes have the functions at the same addresses: the child is forked. */
static volatile unsigned long sink;

__attribute__((noinline)) static void spin_here(void)
{
    for (;;)
        sink++;
}

static void *thread_work(void *arg)
{
    (void)arg;
    spin_here();
    return NULL;
}

/* A child that spins, and in a second thread from when a byte has come. */
static pid_t start_child(int *go_fd)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char byte;
        pthread_t thread;
        if (read(fds[0], &byte, 1) == 1)
            pthread_create(&thread, NULL, thread_work, NULL);
        spin_here();
    }
    close(fds[0]);
    *go_fd = fds[1];
    return pid;
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static struct perf_events *events_of(pid_t pid)
{
    struct err err = {""};
    bool kernel;
    if (!perf_events_allowed(&kernel, &err)) {
        end_child(pid);
        print_message("# skip: %s\n", err.text);
        skip();
    }
    struct perf_events *p = perf_events_new(NS_PER_MS, 4096, &err);
    assert_non_null(p);
    assert_true(perf_events_add(p, pid, &err));
    return p;
}

static void test_threads_are_sampled_where_they_are(void **state)
{
    (void)state;
    int go_fd;
    pid_t pid = start_child(&go_fd), second = 0;
    struct perf_events *p = events_of(pid);
    struct perf_sample *s = xcalloc(1, sizeof *s);
    uint64_t until_ns = clock_mono_ns() + DEADLINE_NS, last_ns = 0;
    size_t first = 0, of_second = 0, here = 0, all = 0;
    assert_int_equal(write(go_fd, "g", 1), 1);
    while ((first < 50 || of_second < 50) && clock_mono_ns() < until_ns) {
        usleep(1000);
        while (perf_events_next(p, s)) {
            assert_int_equal(s->pid, pid);
            assert_true(s->time_ns <= clock_mono_ns());
            last_ns = s->time_ns;
            if (s->tid == pid)
                first++;
            else
                second = s->tid, of_second++;
            all++;
            if (!s->capture.all_regs || s->n_kernel)
                continue;
            uint64_t rip = s->capture.regs[DWARF_RIP], start = (uint64_t)(uintptr_t)spin_here;
            here += rip >= start && rip < start + 64;
            assert_int_equal(s->capture.stack_addr, s->capture.regs[DWARF_RSP]);
            assert_true(s->capture.stack_size >= 64 && s->capture.stack_size <= 4096);
        }
    }
    assert_true(first >= 50 && of_second >= 50);
    assert_true(second != 0 && last_ns != 0);
    assert_true(here > all / 2);
    assert_int_equal(perf_events_lost(p), 0);
    end_child(pid);
    perf_events_free(p);
    close(go_fd);
    free(s);
}

static void test_a_full_ring_counts_what_it_lost(void **state)
{
    (void)state;
    int go_fd;
    pid_t pid = start_child(&go_fd);
    struct perf_events *p = events_of(pid);
    struct perf_sample *s = xcalloc(1, sizeof *s);
    assert_int_equal(write(go_fd, "g", 1), 1);
    uint64_t until_ns = clock_mono_ns() + DEADLINE_NS;
    /* Nobody reads for some hundred samples; what was lost is told with the next that is written.
     */
    while (!perf_events_lost(p) && clock_mono_ns() < until_ns) {
        usleep(300000);
        while (perf_events_next(p, s))
            ;
        usleep(5000);
        while (perf_events_next(p, s))
            ;
    }
    assert_true(perf_events_lost(p) > 0);
    end_child(pid);
    perf_events_free(p);
    close(go_fd);
    free(s);
}

static void test_who_is_gone(void **state)
{
    (void)state;
    struct err err = {""};
    bool kernel;
    if (!perf_events_allowed(&kernel, &err))
        skip();
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    struct perf_events *p = perf_events_new(NS_PER_MS, 4096, &err);
    assert_non_null(p);
    assert_false(perf_events_add(p, pid, &err));
    perf_events_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_are_sampled_where_they_are),
        cmocka_unit_test(test_a_full_ring_counts_what_it_lost),
        cmocka_unit_test(test_who_is_gone),
    };
    return cmocka_run_group_tests_name("target_perf", tests, NULL, NULL);
}
