/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Probes on a child's functions: each return is seen with its value and its stack, hits are
 * counted, and the child's code is as it was once the probes are out, also after kill -9. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "target/maps.h"
#include "target/remote.h"
#include "target/uprobe.h"

#define DEADLINE_NS (20 * NS_PER_S)

/* The children are forked: what they call is at the same address here. */
__attribute__((noinline)) static uint64_t answer(uint64_t x)
{
    __asm__ volatile("" : "+r"(x));
    return x * 3 + 1;
}

/* In a shared page: a child makes no more calls than this, for who must see each of them. */
#define CALLS_ALLOWED 1
/* Where those of a second thread begin. */
#define THREAD 8

static void call_on(volatile uint64_t *calls)
{
    for (;;) {
        while (*calls >= calls[CALLS_ALLOWED])
            usleep(100);
        answer(*calls);
        ++*calls;
        if (*calls % 16 == 0)
            usleep(100);
    }
}

static void *thread_work(void *arg)
{
    call_on(arg);
    return NULL;
}

static volatile uint64_t *shared_page(void)
{
    uint64_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    page[CALLS_ALLOWED] = page[THREAD + CALLS_ALLOWED] = UINT64_MAX;
    return page;
}

static pid_t start_child(volatile uint64_t *calls, bool thread)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pthread_t id;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (thread)
            pthread_create(&id, NULL, thread_work, (void *)(calls + THREAD));
        call_on(calls);
    }
    return pid;
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void need_rights(void)
{
    struct err err = {""};
    if (!uprobes_allowed(&err)) {
        print_message("# skip: %s\n", err.text);
        skip();
    }
}

static int add_answer(struct uprobes *u, pid_t pid, bool at_return)
{
    struct maps maps;
    struct err err = {""};
    uint64_t address = (uint64_t)(uintptr_t)answer;
    maps_init(&maps);
    assert_true(maps_read(&maps, pid, NULL, &err));
    const struct mapping *m = maps_find(&maps, address);
    assert_non_null(m);
    int fd = maps_open_file(&maps, m, &err);
    assert_true(fd >= 0);
    int point = uprobes_add(u, fd, address - m->start + m->offset, at_return, &err);
    assert_true(point >= 0);
    close(fd);
    maps_clear(&maps);
    return point;
}

static struct uprobes *probes_of(pid_t pid, uint64_t period)
{
    struct err err = {""};
    struct uprobe_options options = {.period = period, .stack_bytes = 2048, .ring_pages = 64};
    struct uprobes *u = uprobes_new(pid, &options, &err);
    assert_non_null(u);
    return u;
}

static uint8_t code_byte(pid_t pid)
{
    uint8_t byte = 0;
    assert_true(remote_read(pid, (uint64_t)(uintptr_t)answer, &byte, 1));
    return byte;
}

/* That the child goes on, and makes no fault of it. */
static void assert_goes_on(pid_t pid, volatile uint64_t *calls)
{
    uint64_t from = *calls, until_ns = clock_mono_ns() + DEADLINE_NS;
    while (*calls < from + 100 && clock_mono_ns() < until_ns)
        usleep(1000);
    assert_true(*calls >= from + 100);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
}

static void test_returns_are_seen(void **state)
{
    (void)state;
    need_rights();
    volatile uint64_t *calls = shared_page();
    calls[CALLS_ALLOWED] = 16;
    pid_t pid = start_child(calls, false);
    struct uprobes *u = probes_of(pid, 1);
    struct err err = {""};
    struct uprobe_sample *s = xcalloc(1, sizeof *s);
    int at_entry = add_answer(u, pid, false), at_return = add_answer(u, pid, true);
    uint8_t before = code_byte(pid);
    assert_true(uprobes_arm(u, 0, &pid, 1, &err));
    assert_int_equal(code_byte(pid), 0xcc);
    uint64_t seen = 0, argument = 0, sp = 0, last_ns = 0, until_ns = clock_mono_ns() + DEADLINE_NS;
    while (seen < 300 && clock_mono_ns() < until_ns) {
        usleep(1000);
        while (uprobes_next(u, s)) {
            assert_int_equal(s->pid, pid);
            assert_int_equal(s->tid, pid);
            assert_true(s->capture.all_regs);
            assert_true(s->time_ns >= last_ns);
            last_ns = s->time_ns;
            if (s->point == at_entry) {
                argument = s->capture.regs[DWARF_RDI];
                sp = s->capture.regs[DWARF_RSP];
                assert_int_equal(s->capture.stack_size, 0);
                continue;
            }
            assert_int_equal(s->point, at_return);
            seen++;
            if (!sp) { /* it was in the function when the probes began to count, this once */
                assert_int_equal(seen, 1);
                continue;
            }
            assert_int_equal(s->capture.regs[DWARF_RAX], argument * 3 + 1);
            assert_int_equal(s->capture.regs[DWARF_RSP], sp + 8);
            assert_int_equal(s->capture.stack_addr, sp + 8);
            assert_int_equal(s->capture.stack_size, 2048);
            /* It is back in its caller, which is not far. */
            uint64_t rip = s->capture.regs[DWARF_RIP], start = (uint64_t)(uintptr_t)call_on;
            assert_true(rip > start && rip < start + 256);
        }
        /* The ring has room for two samples each of 58 calls: none is lost, so what is told of a
         * return is told of the entry before it, however long we had no CPU. */
        calls[CALLS_ALLOWED] = *calls + 16;
    }
    uint64_t lost = uprobes_lost(u);
    assert_true(seen >= 300);
    assert_true(uprobes_hits_so_far(u, at_return) >= seen && !uprobes_hits(u, at_return));
    calls[CALLS_ALLOWED] = UINT64_MAX;
    uprobes_disarm(u);
    assert_int_equal(code_byte(pid), before);
    assert_true(uprobes_hits(u, at_return) >= seen);
    assert_int_equal(lost, 0);
    assert_true(uprobes_armed_ns(u) > 0);
    assert_goes_on(pid, calls);
    end_child(pid);
    uprobes_free(u);
    free(s);
}

static void test_threads_that_are_given_are_counted(void **state)
{
    (void)state;
    need_rights();
    volatile uint64_t *calls = shared_page();
    pid_t pid = start_child(calls, true);
    uint64_t until_ns = clock_mono_ns() + DEADLINE_NS;
    while ((!calls[0] || !calls[THREAD]) && clock_mono_ns() < until_ns)
        usleep(1000);
    struct uprobes *u = probes_of(pid, 0);
    struct err err = {""};
    add_answer(u, pid, true);
    uint64_t before = calls[0];
    assert_true(uprobes_arm(u, 0, &pid, 1, &err));
    assert_goes_on(pid, calls);
    uprobes_disarm(u);
    uint64_t after = calls[0], hits = uprobes_hits(u, -1);
    /* The first thread's alone, though the second calls too. */
    assert_true(hits >= 90 && hits <= after - before + 1);
    /* An arming after the other counts on. */
    assert_true(uprobes_arm(u, 0, &pid, 1, &err));
    assert_goes_on(pid, calls);
    uprobes_disarm(u);
    assert_true(uprobes_hits(u, -1) >= hits + 90);
    end_child(pid);
    uprobes_free(u);
}

static void test_killed_it_leaves_nothing(void **state)
{
    (void)state;
    need_rights();
    volatile uint64_t *calls = shared_page();
    pid_t pid = start_child(calls, false);
    uint8_t before = code_byte(pid);
    pid_t prober = fork();
    if (prober == 0) {
        struct err err = {""};
        struct uprobes *u = probes_of(pid, 1);
        add_answer(u, pid, true);
        if (!uprobes_arm(u, 0, &pid, 1, &err))
            _exit(1);
        for (;;)
            pause();
    }
    uint64_t until_ns = clock_mono_ns() + DEADLINE_NS;
    while (code_byte(pid) != 0xcc && clock_mono_ns() < until_ns)
        usleep(1000);
    assert_int_equal(code_byte(pid), 0xcc);
    end_child(prober);
    while (code_byte(pid) != before && clock_mono_ns() < until_ns)
        usleep(1000);
    assert_int_equal(code_byte(pid), before);
    assert_goes_on(pid, calls);
    end_child(pid);
}

static void test_a_call_has_its_price(void **state)
{
    (void)state;
    need_rights();
    uint64_t ns = uprobes_call_cost_ns(4096);
    print_message("# %u ns a call with 4 KB of stack\n", (unsigned)ns);
    assert_true(ns > 200 && ns < NS_PER_MS);
}

static void test_who_is_gone(void **state)
{
    (void)state;
    need_rights();
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    struct err err = {""};
    struct uprobes *u = probes_of(pid, 1);
    add_answer(u, getpid(), true);
    assert_false(uprobes_arm(u, 0, &pid, 1, &err));
    assert_non_null(strstr(err.text, "has ended"));
    uprobes_free(u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_returns_are_seen),
        cmocka_unit_test(test_threads_that_are_given_are_counted),
        cmocka_unit_test(test_killed_it_leaves_nothing),
        cmocka_unit_test(test_a_call_has_its_price),
        cmocka_unit_test(test_who_is_gone),
    };
    return cmocka_run_group_tests_name("target_uprobe", tests, NULL, NULL);
}
