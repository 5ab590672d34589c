/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See demo.h. */
#include "cli/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define START_NS (20 * NS_PER_S)
#define STOP_NS  (5 * NS_PER_S)

/* Where `make install` put it, or the source tree that this program was built from. */
static const char *launcher_path(void)
{
    static const char *const places[] = {PKGDATADIR "/demo/demo.py", DEMODIR "/demo.py"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return NULL;
}

static _Noreturn void run_launcher(const char *path, int in, int out)
{
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    execl(PYTHON3, PYTHON3, path, (char *)NULL); /* configure's: one that is new enough */
    execlp("python3", "python3", path, (char *)NULL);
    _exit(127);
}

/* The launcher's line "pid N". */
static bool read_pid(int fd, pid_t *pid, struct err *err)
{
    char text[4096];
    size_t n = 0;
    uint64_t deadline = clock_mono_ns() + START_NS;
    for (;;) {
        uint64_t now = clock_mono_ns();
        struct pollfd p = {fd, POLLIN, 0};
        if (now >= deadline || poll(&p, 1, (int)((deadline - now) / NS_PER_MS) + 1) == 0)
            return err_set(err, "the demo's service did not come up within 20 s");
        ssize_t got = read(fd, text + n, sizeof text - 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return err_set(err, "the demo's service did not start; it needs python3 (3.9 or "
                                "later) with sqlite3");
        n += (size_t)got;
        text[n] = '\0';
        const char *line = strncmp(text, "pid ", 4) == 0 ? text : strstr(text, "\npid ");
        if (line && strchr(line + 1, '\n')) {
            *pid = (pid_t)atoi(strchr(line, ' ') + 1);
            if (*pid > 0)
                return true;
        }
        if (n == sizeof text - 1)
            n = 0;
    }
}

bool demo_start(struct demo *demo, struct err *err)
{
    const char *path = launcher_path();
    if (!path)
        return err_set(err, "the demo is not installed: no %s", PKGDATADIR "/demo/demo.py");
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
        return err_errno(err, "cannot start the demo");
    demo->launcher = fork();
    if (demo->launcher < 0)
        return err_errno(err, "cannot start the demo");
    if (demo->launcher == 0)
        run_launcher(path, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    demo->stdin_fd = in[1];
    bool ok = read_pid(out[0], &demo->service, err);
    close(out[0]);
    if (!ok)
        demo_stop(demo);
    return ok;
}

void demo_stop(struct demo *demo)
{
    close(demo->stdin_fd);
    uint64_t deadline = clock_mono_ns() + STOP_NS;
    while (waitpid(demo->launcher, NULL, WNOHANG) == 0) {
        if (clock_mono_ns() > deadline) {
            kill(demo->launcher, SIGKILL);
            waitpid(demo->launcher, NULL, 0);
            return;
        }
        usleep(2000);
    }
}
