/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The format files of tracefs, and events of a child's brk and mmap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "target/perf.h"
#include "target/tracepoint.h"

/* As Linux 6.18 has it. */
static const char exit_brk[] =
    "name: sys_exit_brk\n"
    "ID: 694\n"
    "format:\n"
    "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
    "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
    "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
    "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
    "\n"
    "\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;\n"
    "\tfield:long ret;\toffset:16;\tsize:8;\tsigned:1;\n"
    "\n"
    "print fmt: \"0x%lx\", REC->ret\n";

static void a_format_is_read(void **state)
{
    (void)state;
    struct tracepoint t;
    struct err err = {""};
    assert_true(tracepoint_parse(exit_brk, "ret", &t, &err));
    assert_int_equal(t.id, 694);
    assert_int_equal(t.offset, 16);
    assert_int_equal(t.size, 8);
    assert_true(t.is_signed);
    assert_true(tracepoint_parse(exit_brk, "common_pid", &t, &err));
    assert_int_equal(t.offset, 4);
    assert_int_equal(t.size, 4);
    assert_true(tracepoint_parse(exit_brk, "common_type", &t, &err));
    assert_false(t.is_signed);
    /* Old kernels do not say whether it has a sign. */
    assert_true(
        tracepoint_parse("ID: 7\n\tfield:char * at;\toffset:12;\tsize:4;\n", "at", &t, &err));
    assert_int_equal(t.offset, 12);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "ID: 7\n",
        "name: x\nformat:\n",
        "\tfield:long ret;\toffset:16;\tsize:8;\tsigned:1;\n",
        "ID: 7\n\tfield:long ret;\toffset:16;\n",
        "ID: 7\n\tfield:long ret;\n",
        "ID: 7\n\tfield:long secret;\toffset:16;\tsize:8;\tsigned:1;\n",
        "ID: 7\n\tfield:long ret;\toffset:16;\tsize:9;\tsigned:1;\n",
        "ID: 7\n\tfield:long ret;\toffset:16;\tsize:0;\tsigned:1;\n",
        "ID: 7\n\tfield:long ret;\toffset:4294967295;\tsize:8;\tsigned:1;\n",
        "ID: 7\n\tfield:long ret",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tracepoint t;
        struct err err = {""};
        assert_false(tracepoint_parse(texts[i], "ret", &t, &err));
        assert_true(err.text[0]);
    }
    char cut[sizeof exit_brk];
    for (size_t n = 0; n < sizeof exit_brk; n++) { /* whatever comes of it */
        struct tracepoint t;
        memcpy(cut, exit_brk, n);
        cut[n] = '\0';
        tracepoint_parse(cut, "ret", &t, NULL);
    }
}

static void a_value_lies_in_the_bytes(void **state)
{
    (void)state;
    uint8_t raw[24] = {[8] = 0xfe, 0xff, 0xff, 0xff, [16] = 0x01, 0x02};
    struct tracepoint t = {1, 8, 4, true};
    int64_t value;
    assert_true(tracepoint_value(&t, raw, sizeof raw, &value));
    assert_int_equal(value, -2);
    t.is_signed = false;
    assert_true(tracepoint_value(&t, raw, sizeof raw, &value));
    assert_int_equal(value, 0xfffffffeu);
    t = (struct tracepoint){1, 16, 8, true};
    assert_true(tracepoint_value(&t, raw, sizeof raw, &value));
    assert_int_equal(value, 0x0201);
    assert_false(tracepoint_value(&t, raw, 23, &value));
    assert_false(tracepoint_value(&t, raw, 0, &value));
}

/* A child that maps `length` bytes for each byte that comes, and says where. */
static pid_t start_child(size_t length, int *ask, int *answer)
{
    int there[2], back[2];
    assert_int_equal(pipe(there), 0);
    assert_int_equal(pipe(back), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char byte;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (read(there[0], &byte, 1) == 1) {
            void *at =
                mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (write(back[1], &at, sizeof at) != sizeof at)
                break;
        }
        _exit(0);
    }
    close(there[0]);
    close(back[1]);
    *ask = there[1];
    *answer = back[0];
    return pid;
}

static void *ask_child(int ask, int answer)
{
    void *at = NULL;
    assert_int_equal(write(ask, "m", 1), 1);
    assert_int_equal(read(answer, &at, sizeof at), sizeof at);
    return at;
}

static void a_call_is_seen_at_its_end(void **state)
{
    (void)state;
    const size_t length = 123 * 4096;
    struct tracepoint t;
    struct err err = {""};
    if (!tracepoint_find("syscalls/sys_exit_mmap", "ret", &t, &err) ||
        !perf_events_tracepoint_allowed(&t, &err)) {
        print_message("# skip: %s\n", err.text);
        skip();
    }
    int ask, answer;
    pid_t pid = start_child(length, &ask, &answer);
    struct perf_events *p = perf_events_new_tracepoint(&t, 4096, &err);
    struct perf_sample *s = xcalloc(1, sizeof *s);
    assert_non_null(p);
    assert_true(perf_events_add(p, pid, &err));
    ask_child(ask, answer); /* it is still off */
    assert_false(perf_events_next(p, s));
    perf_events_switch(p, true);
    void *at = ask_child(ask, answer);
    assert_true(perf_events_next(p, s));
    assert_int_equal(s->pid, pid);
    assert_ptr_equal((void *)(uintptr_t)s->value, at);
    assert_int_equal(s->capture.regs[DWARF_RSI], length); /* the kernel keeps arguments */
    assert_int_equal(s->capture.regs[DWARF_R10], MAP_PRIVATE | MAP_ANONYMOUS);
    assert_true(s->capture.all_regs && s->capture.stack_size >= 64);
    assert_false(perf_events_next(p, s));
    perf_events_switch(p, false);
    ask_child(ask, answer);
    assert_false(perf_events_next(p, s));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    perf_events_free(p);
    close(ask);
    close(answer);
    free(s);
}

static void one_that_is_not_there_has_a_remedy(void **state)
{
    (void)state;
    struct tracepoint t;
    struct err err = {""};
    assert_false(tracepoint_find("syscalls/sys_exit_nothing", "ret", &t, &err));
    assert_true(strstr(err.text, "mount -t tracefs") || strstr(err.text, "run as root") ||
                strstr(err.text, "CONFIG_FTRACE_SYSCALLS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_format_is_read),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(a_value_lies_in_the_bytes),
        cmocka_unit_test(a_call_is_seen_at_its_end),
        cmocka_unit_test(one_that_is_not_there_has_a_remedy),
    };
    return cmocka_run_group_tests_name("target/tracepoint", tests, NULL, NULL);
}
