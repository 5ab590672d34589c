/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For the tests of src/native: builds small programs with the machine's compilers into a folder of
 * its own, runs them, and captures their threads both ways. Included by one test program each.
 */
#ifndef NATIVE_TEST_H
#define NATIVE_TEST_H

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "target/capture.h"
#include "target/remote.h"
#include "target/stop.h"

#define WAIT_LIMIT_NS (10 * NS_PER_S)

static char test_folder[PATH_MAX];

static inline int make_folder(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(test_folder, sizeof test_folder, "%s/native-XXXXXX", tmp ? tmp : P_tmpdir);
    return mkdtemp(test_folder) ? 0 : -1;
}

static inline int shell(const char *fmt, ...)
{
    char command[8192];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    return system(command);
}

static inline int remove_folder(void **state)
{
    (void)state;
    return shell("rm -rf '%s'", test_folder);
}

/* A file of tests/programs. */
static inline char *program_source(const char *name)
{
    const char *top = getenv("srcdir");
    return xasprintf("%s/tests/programs/%s", top ? top : ".", name);
}

/* Compiles a program; skips the test if there is no such compiler. Owned path. */
static inline char *build(const char *compiler, const char *source, const char *flags)
{
    static int count;
    if (shell("command -v %s >/dev/null", compiler)) {
        print_message("# no %s on this machine\n", compiler);
        skip();
    }
    char *from = program_source(source), *to = xasprintf("%s/program%d", test_folder, count++);
    assert_int_equal(shell("%s %s '%s' -o '%s'", compiler, flags, from, to), 0);
    free(from);
    return to;
}

struct running {
    pid_t pid;
    int in, out; /* its stdin and stdout */
};

/* Starts argv; its stdin stays open and empty. */
static inline struct running run(char *const argv[])
{
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(in[0], 0);
        dup2(out[1], 1);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    assert_true(pid > 0);
    return (struct running){pid, in[1], out[0]};
}

/* Waits for its first line. */
static inline void wait_ready(struct running r)
{
    char c = 0;
    while (c != '\n')
        assert_int_equal(read(r.out, &c, 1), 1);
}

static inline void end(struct running r)
{
    kill(r.pid, SIGKILL);
    waitpid(r.pid, NULL, 0);
    close(r.in);
    close(r.out);
}

static inline void copy_stack(pid_t pid, struct capture *c)
{
    c->stack_addr = c->regs[DWARF_RSP];
    c->stack_size = remote_read_some(pid, c->stack_addr, c->stack, sizeof c->stack);
}

/* All registers, by a stop. */
static inline void capture_stopped(pid_t pid, struct capture *c)
{
    struct stops *stops = stops_new();
    assert_int_equal(stop_begin(stops, pid, NS_PER_S), STOP_OK);
    assert_true(stop_registers(stops, pid, c));
    copy_stack(pid, c);
    stop_end(stops, pid);
    stops_free(stops);
}

/* In place, once the thread is blocked in system call `number`. */
static inline void capture_blocked(pid_t pid, long number, struct capture *c)
{
    char path[64], text[256];
    uint64_t until = clock_mono_ns() + WAIT_LIMIT_NS;
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    memset(c->regs, 0xee, sizeof c->regs);
    for (;;) {
        FILE *f = fopen(path, "re");
        assert_non_null(f);
        bool got = fgets(text, sizeof text, f);
        fclose(f);
        char *end_of_number;
        long now = got ? strtol(text, &end_of_number, 10) : -1;
        char *sp = got ? strstr(text, " 0x7f") : NULL;
        char *last = got ? strrchr(text, ' ') : NULL;
        if (sp && last && end_of_number != text && now == number) {
            char *before = last;
            while (before > text && before[-1] != ' ')
                before--;
            c->regs[DWARF_RIP] = strtoull(last + 1, NULL, 16);
            c->regs[DWARF_RSP] = strtoull(before, NULL, 16);
            break;
        }
        assert_true(clock_mono_ns() < until);
        sched_yield();
    }
    c->all_regs = false;
    copy_stack(pid, c);
}

#endif
