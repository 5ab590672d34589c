/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pid files: what is taken for a process id, and when a file is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/pid_file.h"

static char path[64];

static int make(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/proftop-pid-XXXXXX");
    int fd = mkstemp(path);
    close(fd);
    return fd < 0;
}

static int clear(void **state)
{
    (void)state;
    return unlink(path);
}

static void tell(const char *text, int age_s)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fflush(f);
    struct stat st;
    assert_int_equal(fstat(fileno(f), &st), 0);
    struct timespec times[2] = {{st.st_mtime - age_s, 0}, {st.st_mtime - age_s, 0}};
    assert_int_equal(futimens(fileno(f), times), 0);
    fclose(f);
}

static void words(void **state)
{
    (void)state;
    pid_t pid = 0;
    static const char *const good[] = {"123", "123\n", " 123 \n", "\t123\nmore lines\n", "123 abc"};
    static const char *const bad[] = {"",        "\n",   "x",        "-1",       "0",
                                      "123x",    "1.5",  "0x7b",     "99999999", "+12",
                                      "4194305", "12a3", "\xff\xfe", "pid 12"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(pid_file_parse(good[i], &pid));
        assert_int_equal(pid, 123);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (pid_file_parse(bad[i], &pid))
            fail_msg("\"%s\" was taken", bad[i]);
}

static void files(void **state)
{
    (void)state;
    struct pid_file f;
    char text[32];
    assert_int_equal(pid_file_read("/tmp/proftop-no-such-file/x", &f), PID_FILE_ABSENT);
    assert_int_equal(pid_file_read("/tmp", &f), PID_FILE_UNREADABLE);
    assert_int_equal(pid_file_read("/dev/zero", &f), PID_FILE_UNREADABLE);
    tell("", 0);
    assert_int_equal(pid_file_read(path, &f), PID_FILE_GARBAGE);
    tell("4194304\n", 0); /* the kernel gives out lower ones */
    assert_int_equal(pid_file_read(path, &f), PID_FILE_NOBODY);

    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pause();
        _exit(0);
    }
    snprintf(text, sizeof text, "%d\n", (int)child);
    tell(text, 0);
    assert_int_equal(pid_file_read(path, &f), PID_FILE_RUNS);
    assert_int_equal(f.pid, child);
    assert_true(f.start_ticks > 0);
    tell(text, 60); /* older than the process */
    assert_int_equal(pid_file_read(path, &f), PID_FILE_STALE);
    kill(child, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(pid_file_read(path, &f), PID_FILE_NOBODY); /* a zombie */
    waitpid(child, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test_setup_teardown(files, make, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
