/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads of a process, with descriptors kept open so that a look costs one pread: schedstat
 * 0.9 us, syscall 2.2 us (facts: native.md, "Threads that have not run").
 *
 * Invariant: a thread keeps its index for its life, so that the caller may keep data of its own in
 * an array beside it; the index of one that has ended is free for a later one after the next
 * tasks_refresh, not before. One struct belongs to one thread: the sampler.
 */
#ifndef TARGET_TASKS_H
#define TARGET_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "target/procfs.h"

#define TASKS_MAX      32768 /* threads of one process that are followed */
#define TASK_COMM_MAX  64
#define TASK_USER_NONE UINT32_MAX

enum task_state {
    TASK_FREE, /* no thread here: pass over it */
    TASK_ALIVE,
    TASK_ENDED, /* until the next tasks_refresh */
};

struct task {
    pid_t tid;
    uint8_t state;                /* enum task_state */
    char comm[TASK_COMM_MAX];     /* printable */
    uint32_t user;                /* the caller's; TASK_USER_NONE in a new one */
    int schedstat_fd, syscall_fd; /* -1: opened each time */
};

struct tasks;

/* Raises this process's soft limit of open files to the hard one, once: see
 * tasks_restore_file_limit. Fails if there is no such process. Takes in its threads. */
struct tasks *tasks_new(pid_t pid, struct err *err);
void tasks_free(struct tasks *tasks);

/* Takes in threads that were born and frees the places of those that ended. One fstat if their
 * number is the same as before, but every 16th call looks at the whole directory (about 0.3 us a
 * thread and 12 us for a new one). Call it once a tick. false: the process is gone. */
bool tasks_refresh(struct tasks *tasks);
/* Places, free ones among them; alive ones. */
size_t tasks_count(const struct tasks *tasks);
size_t tasks_alive(const struct tasks *tasks);
/* Borrowed until the next tasks_refresh. */
struct task *tasks_at(struct tasks *tasks, size_t i);
/* NULL if there is none that is alive. O(n). */
struct task *tasks_find(struct tasks *tasks, pid_t tid);
/* Reads its name again; true if it is another one. 6 us. */
bool task_read_comm(struct tasks *tasks, struct task *t);

/* Since the thread's start, from schedstat. The kernel brings run_ns of a thread that is running up
 * to date only at its tick (4 ms at HZ=250) and when it leaves the CPU; turns, as soon as it has
 * got one: a thread whose turns are the same has not moved. */
struct task_times {
    uint64_t run_ns;   /* on a CPU */
    uint64_t queue_ns; /* runnable without one, up to the beginning of its last turn */
    uint64_t turns;    /* how often it has got one */
};
/* One pread. false: the thread has ended (it is marked so). */
bool task_times(struct tasks *tasks, struct task *t, struct task_times *times);

enum task_doing {
    TASK_RUNNING, /* on a CPU or runnable */
    TASK_BLOCKED, /* in the kernel: sp and pc are good */
    TASK_GONE,    /* has ended (it is marked so) */
    TASK_HIDDEN,  /* no permission, or the kernel has no syscall file */
};

struct task_look {
    enum task_doing doing;
    int64_t syscall;  /* its number; -1: blocked outside of one (page fault, stopped) */
    uint64_t args[6]; /* 0 if syscall is -1 */
    uint64_t sp, pc;  /* of user mode */
};

/* /proc/PID/task/TID/syscall (proc(5)): one pread. The answer may be out of date at once. */
void task_look(struct tasks *tasks, struct task *t, struct task_look *look);
/* R, S, D, T, t, Z, X, I from its stat file; 0: it has ended. 6 us: for those that ask why a
 * thread is blocked outside of a system call. */
char task_state_letter(struct tasks *tasks, const struct task *t);

/* All of its stat file at once; false: it has ended. 6 us. */
bool task_stat(struct tasks *tasks, const struct task *t, struct procfs_stat *stat);

/* The CPU that it runs on, or ran on last; -1: it has ended. 6 us. */
int task_cpu(struct tasks *tasks, const struct task *t);

/* For a forked child before it executes another program, which should not inherit the raised
 * limit. Async-signal-safe. */
void tasks_restore_file_limit(void);

#endif
