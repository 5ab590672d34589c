/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which process a pid is, whether it may be traced, and which pids a name has (proc(5)). A pid is
 * reused in time: (pid, start_ticks) tells two processes apart. Any thread.
 */
#ifndef TARGET_PROCESS_H
#define TARGET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"

struct process_info {
    pid_t pid, ppid, tracer_pid; /* tracer_pid 0: none */
    uint64_t start_ticks;        /* since boot, of sysconf(_SC_CLK_TCK) in a second */
    uint32_t threads;
    uid_t uid, euid;
    char state;         /* R S D T t Z X I */
    bool kernel_thread; /* no program: nothing to profile */
    bool zombie;        /* has ended, and waits for its parent */
    char comm[64];      /* printable, as the next two */
    char cmdline[1024]; /* arguments with spaces between them; "" for a zombie */
    char exe[1024];     /* as the target sees it, without " (deleted)"; "" if not permitted */
    bool exe_deleted;   /* the file was replaced or removed since it was started */
};

/* false: there is no such process, or pid is a thread's that is not its process's first. */
bool process_read(pid_t pid, struct process_info *info, struct err *err);

/* Whether we may watch pid. Else one sentence that says why and what to do. Disturbs nothing: it
 * asks with the same access check that a seizure makes, without one. */
bool process_check_traceable(pid_t pid, struct err *err);

/* What a denial rests on; apart, so that each sentence can be tested on any machine. */
struct process_denial {
    bool have_cap;    /* CAP_SYS_PTRACE is effective in us */
    bool root;        /* we run as uid 0 */
    uid_t uid;        /* ours */
    int yama;         /* kernel.yama.ptrace_scope; -1: the kernel has no Yama */
    bool undumpable;  /* the target's /proc files do not belong to its own user */
    bool filtered;    /* the system call itself was refused: a seccomp filter */
    const char *user; /* name of the target's user */
};
bool process_denied(const struct process_info *info, const struct process_denial *denial,
                    struct err *err);

struct pid_list {
    VEC(pid_t) list;
};

/* Pids of the processes whose name (comm, or the last part of argv[0], or of the script that an
 * interpreter runs) is `name`, ascending; if there is none, of those whose command line contains
 * it. We, kernel threads and zombies are left out. Adds to pids; their number. */
size_t process_find_by_name(const char *name, struct pid_list *pids);
/* The same without the last resort: a command line that contains the name does not count. */
size_t process_find_exactly(const char *name, struct pid_list *pids);
/* The one process of that name; with none or several an error that says what to do. */
bool process_find_one(const char *name, pid_t *pid, struct err *err);

#endif
