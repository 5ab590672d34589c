/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which process a pid is and whether it may be traced (process.h). Invariant: names that come
 * from a process are printable before they are handed on. Any thread.
 */
#include "target/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/text.h"
#include "target/procfs.h"

/* How often, and how far apart, a process is looked at that has a tracer. */
#define TRACER_LOOKS   20
#define TRACER_STEP_NS 5000000L

#define NAMED_IN_ERROR 8 /* pids that a sentence lists */

/* The four user ids of a status file's "Uid:" line: real, effective, saved, file system. */
static bool read_uids(const char *status, unsigned uids[4])
{
    const char *line = strstr(status, "\nUid:");
    return line && sscanf(line, "\nUid: %u %u %u %u", &uids[0], &uids[1], &uids[2], &uids[3]) == 4;
}

static void read_cmdline(pid_t pid, char *out, size_t size)
{
    ssize_t got = procfs_read(AT_FDCWD, out, size, "/proc/%d/cmdline", (int)pid);
    size_t n = got > 0 ? (size_t)got : 0;
    while (n > 0 && out[n - 1] == '\0')
        n--;
    for (size_t i = 0; i < n; i++)
        if (out[i] == '\0')
            out[i] = ' ';
    out[n] = '\0';
    text_make_printable(out);
}

static void read_exe(struct process_info *info)
{
    static const char deleted[] = " (deleted)";
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", (int)info->pid);
    ssize_t got = readlink(path, info->exe, sizeof info->exe - 1);
    info->exe[got > 0 ? got : 0] = '\0';
    if (text_ends_with(info->exe, deleted)) {
        info->exe_deleted = true;
        info->exe[strlen(info->exe) - strlen(deleted)] = '\0';
    }
    text_make_printable(info->exe);
}

static bool no_such(pid_t pid, struct err *err)
{
    return err_set(err,
                   "there is no process %d: it may have ended; start proftop without a PID to "
                   "choose from a list",
                   (int)pid);
}

bool process_read(pid_t pid, struct process_info *info, struct err *err)
{
    struct procfs_stat stat;
    char status[4096];
    unsigned uids[4] = {0};
    memset(info, 0, sizeof *info);
    if (pid <= 0 || !procfs_stat(pid, &stat) ||
        procfs_read(AT_FDCWD, status, sizeof status, "/proc/%d/status", (int)pid) <= 0 ||
        !read_uids(status, uids))
        return no_such(pid, err);
    pid_t tgid = (pid_t)procfs_status_field(status, "Tgid", 10, (uint64_t)pid);
    if (tgid != pid)
        return err_set(err, "%d is a thread of process %d: watch it with `proftop %d`", (int)pid,
                       (int)tgid, (int)tgid);
    info->pid = pid;
    info->ppid = stat.ppid;
    info->tracer_pid = (pid_t)procfs_status_field(status, "TracerPid", 10, 0);
    info->start_ticks = stat.start_ticks;
    info->threads = stat.threads;
    info->uid = uids[0];
    info->euid = uids[1];
    info->state = stat.state;
    info->kernel_thread = stat.flags & PROCFS_KERNEL_THREAD;
    /* A first thread that has ended before the others is a zombie too, its process is not. */
    info->zombie = (stat.state == 'Z' || stat.state == 'X') && stat.threads <= 1;
    snprintf(info->comm, sizeof info->comm, "%s", stat.comm);
    text_make_printable(info->comm);
    read_cmdline(pid, info->cmdline, sizeof info->cmdline);
    read_exe(info);
    return true;
}

bool process_denied(const struct process_info *info, const struct process_denial *denial,
                    struct err *err)
{
    int pid = (int)info->pid;
    const char *comm = info->comm;
    if (denial->filtered)
        return err_set(err,
                       "process %d (%s) cannot be traced: a seccomp filter refuses ptrace here; in "
                       "a container start it with --cap-add=SYS_PTRACE",
                       pid, comm);
    if (denial->yama >= 3)
        return err_set(err,
                       "process %d (%s) cannot be traced: kernel.yama.ptrace_scope=%d forbids it "
                       "to everybody until the machine is started with a lower one",
                       pid, comm, denial->yama);
    if (denial->have_cap)
        return err_set(err,
                       "process %d (%s) cannot be traced although CAP_SYS_PTRACE is held: it is in "
                       "a user namespace that is not ours or under a security module (SELinux, "
                       "AppArmor); run proftop as root on the host",
                       pid, comm);
    if (denial->root)
        return err_set(
            err,
            "process %d (%s) cannot be traced: root lacks CAP_SYS_PTRACE here; start the "
            "container with --cap-add=SYS_PTRACE",
            pid, comm);
    if (info->uid != denial->uid || info->euid != denial->uid)
        return err_set(err, "process %d (%s) belongs to user %s: run `sudo proftop %d`", pid, comm,
                       denial->user, pid);
    if (denial->yama == 2)
        return err_set(err,
                       "process %d (%s) cannot be traced: kernel.yama.ptrace_scope=2 allows it to "
                       "administrators alone; run `sudo proftop %d`",
                       pid, comm, pid);
    if (denial->undumpable)
        return err_set(err,
                       "process %d (%s) protects itself (set-user-ID, file capabilities or "
                       "PR_SET_DUMPABLE): run `sudo proftop %d`",
                       pid, comm, pid);
    if (denial->yama == 1)
        return err_set(err,
                       "process %d (%s) cannot be traced: kernel.yama.ptrace_scope=1 allows only "
                       "what proftop has started itself; run `sudo proftop %d`, or allow it with "
                       "`sudo sysctl kernel.yama.ptrace_scope=0`",
                       pid, comm, pid);
    return err_set(err,
                   "process %d (%s) cannot be traced: it has more capabilities than we or a "
                   "security module protects it; run `sudo proftop %d`",
                   pid, comm, pid);
}

static void gather_denial(const struct process_info *info, struct process_denial *denial,
                          char *user, size_t size)
{
    char text[4096];
    denial->uid = geteuid();
    denial->root = denial->uid == 0;
    if (procfs_read(AT_FDCWD, text, sizeof text, "/proc/self/status") > 0)
        denial->have_cap = procfs_status_field(text, "CapEff", 16, 0) >> CAP_SYS_PTRACE & 1;
    denial->yama = -1;
    if (procfs_read(AT_FDCWD, text, sizeof text, "/proc/sys/kernel/yama/ptrace_scope") > 0)
        denial->yama = (int)strtol(text, NULL, 10);
    struct stat owner;
    snprintf(text, sizeof text, "/proc/%d/mem", (int)info->pid);
    denial->undumpable = stat(text, &owner) == 0 && owner.st_uid != info->euid;
    struct passwd entry, *found = NULL;
    uid_t uid = info->uid != denial->uid ? info->uid : info->euid;
    if (getpwuid_r(uid, &entry, text, sizeof text, &found) == 0 && found)
        snprintf(user, size, "%s", entry.pw_name);
    else
        snprintf(user, size, "%u", (unsigned)uid);
    denial->user = user;
}

/* Opening mem and reading memory pass the very check that PTRACE_SEIZE makes
 * (PTRACE_MODE_ATTACH, ptrace(2)), and stop nothing. */
static bool probe(const struct process_info *info, struct err *err)
{
    char path[64], user[64];
    struct process_denial denial = {0};
    snprintf(path, sizeof path, "/proc/%d/mem", (int)info->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (error == ENOENT || error == ESRCH)
        return no_such(info->pid, err);
    /* Page 0 is mapped in no process: EFAULT is permission. A pid that is no tracee of ours:
     * ESRCH is; EPERM from either is a filter before the system call. */
    char byte;
    struct iovec local = {&byte, 1}, remote = {NULL, 1};
    if (!error && process_vm_readv(info->pid, &local, 1, &remote, 1, 0) < 0 && errno != EFAULT) {
        if (errno == ESRCH)
            return no_such(info->pid, err);
        denial.filtered = true;
    }
    if (!error && ptrace(PTRACE_PEEKUSER, info->pid, NULL, NULL) == -1 &&
        (errno == EPERM || errno == EACCES || errno == ENOSYS))
        denial.filtered = true;
    if (!error && !denial.filtered)
        return true;
    gather_denial(info, &denial, user, sizeof user);
    return process_denied(info, &denial, err);
}

bool process_check_traceable(pid_t pid, struct err *err)
{
    struct process_info info;
    if (pid == getpid())
        return err_set(err, "process %d is proftop itself: give the PID of another one", (int)pid);
    if (!process_read(pid, &info, err))
        return false;
    if (info.kernel_thread)
        return err_set(err,
                       "process %d (%s) is a kernel thread and runs no program: look at it with "
                       "`perf top`, or give the PID of a program",
                       (int)pid, info.comm);
    if (info.zombie) {
        struct process_info parent;
        if (!process_read(info.ppid, &parent, NULL))
            snprintf(parent.comm, sizeof parent.comm, "?");
        return err_set(
            err,
            "process %d (%s) is a zombie: it has ended, and waits for its parent %d (%s) "
            "to take notice; watch that one with `proftop %d`",
            (int)pid, info.comm, (int)info.ppid, parent.comm, (int)info.ppid);
    }
    /* Another proftop holds it for the time of a copy. */
    for (int i = 0; i < TRACER_LOOKS && info.tracer_pid; i++) {
        struct timespec step = {0, TRACER_STEP_NS};
        nanosleep(&step, NULL);
        if (!process_read(pid, &info, err))
            return false;
    }
    if (info.tracer_pid) {
        struct process_info tracer;
        if (!process_read(info.tracer_pid, &tracer, NULL))
            snprintf(tracer.comm, sizeof tracer.comm, "?");
        return err_set(err,
                       "process %d (%s) is held by another tracer, process %d (%s): make that one "
                       "detach or end it, then try again",
                       (int)pid, info.comm, (int)info.tracer_pid, tracer.comm);
    }
    return probe(&info, err);
}

static bool is_interpreter(const char *base)
{
    static const char *const names[] = {"python", "pypy", "perl", "ruby", "node", "bash",
                                        "dash",   "sh",   "php",  "lua",  "tclsh"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);
        if (strncmp(base, names[i], length) == 0 &&
            (base[length] == '\0' || isdigit((unsigned char)base[length])))
            return true;
    }
    return false;
}

enum match { MATCH_NONE, MATCH_PART, MATCH_NAME };

static enum match match_name(pid_t pid, const char *comm, const char *name)
{
    char args[2048];
    if (strcmp(comm, name) == 0)
        return MATCH_NAME;
    ssize_t got = procfs_read(AT_FDCWD, args, sizeof args, "/proc/%d/cmdline", (int)pid);
    if (got <= 0)
        return MATCH_NONE;
    const char *base = path_base(args);
    if (strcmp(base, name) == 0)
        return MATCH_NAME;
    const char *script = args + strlen(args) + 1;
    if (script < args + got && is_interpreter(base) && strcmp(path_base(script), name) == 0)
        return MATCH_NAME;
    for (ssize_t i = 0; i < got; i++)
        if (args[i] == '\0')
            args[i] = ' ';
    return strstr(args, name) ? MATCH_PART : MATCH_NONE;
}

static int by_pid(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

static size_t find(const char *name, bool in_part, struct pid_list *pids)
{
    struct pid_list parts = {0};
    size_t before = pids->list.n;
    DIR *proc = name[0] ? opendir("/proc") : NULL;
    for (const struct dirent *e; proc && (e = readdir(proc));) {
        pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
        struct procfs_stat stat;
        if (pid <= 0 || pid == getpid() || !procfs_stat(pid, &stat) || stat.state == 'Z' ||
            (stat.flags & PROCFS_KERNEL_THREAD))
            continue;
        enum match match = match_name(pid, stat.comm, name);
        if (match == MATCH_NAME)
            vec_push(&pids->list, pid);
        else if (match == MATCH_PART && pid != getppid()) /* sudo proftop -n NAME */
            vec_push(&parts.list, pid);
    }
    if (proc)
        closedir(proc);
    if (pids->list.n == before && in_part)
        vec_append(&pids->list, parts.list.at, parts.list.n);
    vec_free(&parts.list);
    if (pids->list.n > before + 1)
        qsort(pids->list.at + before, pids->list.n - before, sizeof *pids->list.at, by_pid);
    return pids->list.n - before;
}

size_t process_find_by_name(const char *name, struct pid_list *pids)
{
    return find(name, true, pids);
}

size_t process_find_exactly(const char *name, struct pid_list *pids)
{
    return find(name, false, pids);
}

bool process_find_one(const char *name, pid_t *pid, struct err *err)
{
    struct pid_list pids = {0};
    size_t n = process_find_by_name(name, &pids);
    bool one = n == 1;
    if (one)
        *pid = pids.list.at[0];
    else if (n == 0)
        err_set(err,
                "no process is called '%s': start proftop without a name to choose from a list",
                name);
    else {
        char list[128];
        struct text t = TEXT(list);
        for (size_t i = 0; i < n && i < NAMED_IN_ERROR; i++)
            text_add(&t, "%s%d", i ? ", " : "", (int)pids.list.at[i]);
        err_set(err, "%zu processes are called '%s': give the PID of one of them (%s%s)", n, name,
                list, n > NAMED_IN_ERROR ? ", ..." : "");
    }
    vec_free(&pids.list);
    return one;
}
