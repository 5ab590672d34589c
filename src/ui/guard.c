/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See guard.h. */
#include "ui/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static struct {
    int fd;
    struct termios before, ours;
    char bytes[512];
    size_t n;
    int pipe; /* the child reads its other end; -1: there is no child */
    pid_t child;
    volatile sig_atomic_t armed;
} guard = {.fd = -1, .pipe = -1};

void guard_remember(int fd)
{
    guard.fd = tcgetattr(fd, &guard.before) == 0 ? fd : -1;
}

static void write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t w = write(fd, bytes, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return;
        bytes += w;
        n -= (size_t)w;
    }
}

/* In the child of a process with threads: only async-signal-safe calls. */
static _Noreturn void watch(int pipe_fd)
{
    char answer;
    /* It holds no file of the parent's but the pipe and the terminal. */
    if (dup2(pipe_fd, 3) < 0)
        _exit(1);
    close_range(4, ~0u, 0);
    ssize_t n;
    do
        n = read(3, &answer, 1);
    while (n < 0 && errno == EINTR);
    if (n != 0)
        _exit(0); /* a word of farewell: nothing to mend */
    struct termios now;
    write_all(guard.fd, guard.bytes, guard.n);
    /* A shell may have put its own modes back already: then leave them alone. */
    if (tcgetattr(guard.fd, &now) == 0 && now.c_lflag == guard.ours.c_lflag &&
        now.c_iflag == guard.ours.c_iflag && now.c_oflag == guard.ours.c_oflag)
        tcsetattr(guard.fd, TCSANOW, &guard.before);
    _exit(0);
}

void guard_start(const char *bytes, size_t n)
{
    if (guard.fd < 0 || n > sizeof guard.bytes)
        return;
    memcpy(guard.bytes, bytes, n);
    guard.n = n;
    tcgetattr(guard.fd, &guard.ours);
    guard.armed = 1;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return;
    /* The child must outlive what the terminal sends to the whole foreground group; blocked across
     * the fork so that none of our handlers runs in it. */
    sigset_t all, old;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NAME, "proftop-guard");
        watch(ends[0]);
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        return;
    }
    guard.pipe = ends[1];
    guard.child = pid;
}

void guard_stop(void)
{
    guard.armed = 0;
    if (guard.pipe < 0)
        return;
    write_all(guard.pipe, "q", 1);
    close(guard.pipe);
    guard.pipe = -1;
    while (waitpid(guard.child, NULL, 0) < 0 && errno == EINTR)
        ;
}

void guard_restore(void)
{
    if (!guard.armed)
        return;
    guard.armed = 0;
    if (guard.pipe >= 0)
        write_all(guard.pipe, "q", 1);
    write_all(guard.fd, guard.bytes, guard.n);
    tcsetattr(guard.fd, TCSANOW, &guard.before);
}
