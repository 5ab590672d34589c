/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine and this user allow (permission.h). The trials are made in and on a forked
 * child, so that nothing of them stays behind. Any thread.
 */
#include "target/permission.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/procfs.h"

/* Older headers do not name these (linux/capability.h of 5.8). */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

static int read_setting(const char *path)
{
    char text[32], *end;
    if (procfs_read(AT_FDCWD, text, sizeof text, "%s", path) <= 0)
        return PERMISSION_UNKNOWN;
    long value = strtol(text, &end, 10);
    return end == text ? PERMISSION_UNKNOWN : (int)value;
}

/* Tells by its exit status whether it got a real-time priority, once the pipe is closed. */
_Noreturn static void be_the_child(int pipe_end)
{
    struct sched_param param = {.sched_priority = 1};
    int granted = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0;
    char byte;
    if (granted) { /* nothing should wait at such a priority */
        param.sched_priority = 0;
        sched_setscheduler(0, SCHED_OTHER, &param);
    }
    while (read(pipe_end, &byte, 1) < 0 && errno == EINTR)
        ;
    _exit(granted);
}

static void try_on_child(struct permission *p)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return;
    pid_t child = fork();
    if (child == 0) {
        close(pipes[1]);
        be_the_child(pipes[0]);
    }
    close(pipes[0]);
    if (child > 0 && ptrace(PTRACE_SEIZE, child, NULL, NULL) == 0) {
        int status;
        ptrace(PTRACE_INTERRUPT, child, NULL, NULL);
        pid_t got;
        while ((got = waitpid(child, &status, __WALL)) < 0 && errno == EINTR)
            ;
        p->ptrace_works =
            got == child && WIFSTOPPED(status) && ptrace(PTRACE_DETACH, child, NULL, NULL) == 0;
    }
    close(pipes[1]);
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    p->realtime = child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

/* Addresses read as 0 where they are withheld. Zero is some symbols' true one, so a page of them is
 * looked at. */
static bool reads_kernel_symbols(void)
{
    char text[4096];
    if (procfs_read(AT_FDCWD, text, sizeof text, "/proc/kallsyms") <= 0)
        return false;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strtoull(line, NULL, 16) != 0)
            return true;
    }
    return false;
}

static int64_t memlock_kb(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
        return 0;
    return limit.rlim_cur == RLIM_INFINITY ? -1 : (int64_t)(limit.rlim_cur / 1024);
}

void permission_read(struct permission *p)
{
    char status[4096];
    struct utsname name;
    memset(p, 0, sizeof *p);
    p->root = geteuid() == 0;
    uint64_t caps = 0;
    if (procfs_read(AT_FDCWD, status, sizeof status, "/proc/self/status") > 0)
        caps = procfs_status_field(status, "CapEff", 16, 0);
    p->cap_sys_ptrace = caps >> CAP_SYS_PTRACE & 1;
    p->cap_perfmon = caps >> CAP_PERFMON & 1;
    p->cap_sys_admin = caps >> CAP_SYS_ADMIN & 1;
    p->cap_bpf = caps >> CAP_BPF & 1;
    p->cap_ipc_lock = caps >> CAP_IPC_LOCK & 1;
    p->cap_sys_nice = caps >> CAP_SYS_NICE & 1;
    p->yama_ptrace_scope = read_setting("/proc/sys/kernel/yama/ptrace_scope");
    p->perf_event_paranoid = read_setting("/proc/sys/kernel/perf_event_paranoid");
    p->kptr_restrict = read_setting("/proc/sys/kernel/kptr_restrict");
    p->perf_mlock_kb = read_setting("/proc/sys/kernel/perf_event_mlock_kb");
    p->memlock_kb = memlock_kb();
    p->kernel_symbols = reads_kernel_symbols();
    if (uname(&name) == 0)
        snprintf(p->kernel, sizeof p->kernel, "%.63s", name.release);
    try_on_child(p);
}
