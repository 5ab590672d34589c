/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading small files of /proc (proc(5)), for the files of this room. No allocation; any thread.
 */
#ifndef TARGET_PROCFS_H
#define TARGET_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/* Reads a whole small file into buf, always terminated, cut at size - 1; its length, or -1 with
 * errno set. The path is formatted; dir is a directory's descriptor or AT_FDCWD. */
ssize_t procfs_read(int dir, char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* What of /proc/PID/stat or /proc/PID/task/TID/stat is used. */
struct procfs_stat {
    pid_t pid, ppid;
    char comm[64]; /* as it is, bytes of the target's: see text_make_printable */
    char state;
    uint32_t flags; /* the kernel's PF_... */
    uint32_t threads;
    uint64_t minor_faults, major_faults;
    uint64_t user_ticks, system_ticks, start_ticks; /* of sysconf(_SC_CLK_TCK) in a second */
    uint64_t virtual_bytes, rss_pages;
    uint64_t start_stack; /* another one after an exec; 0: we may not know */
    int cpu;              /* that it runs on, or ran on last */
};
#define PROCFS_KERNEL_THREAD 0x00200000u /* PF_KTHREAD, include/linux/sched.h */

/* Takes apart the text of such a file; a name may hold spaces and brackets. */
bool procfs_parse_stat(const char *text, struct procfs_stat *stat);
bool procfs_stat(pid_t pid, struct procfs_stat *stat);

/* The process of a thread; 0 if there is none. */
pid_t procfs_tgid(pid_t tid);
/* R, S, D, T, t, Z, X, I; 0 if there is no such thread. */
char procfs_state(pid_t tid);
/* CPU time that a process has used since its start, exact and of all its threads; 0 if it has
 * ended (clock_getcpuclockid(3); a kernel thread or a thread other than the first has none). */
uint64_t procfs_cpu_ns(pid_t pid);
/* The same in two steps, of which the first can be kept: half the system calls. */
#define PROCFS_NO_CLOCK CLOCK_REALTIME
clockid_t procfs_cpu_clock(pid_t pid);
uint64_t procfs_clock_ns(clockid_t cpu_clock);
/* The name of a thread (of a process: of its first), printable; false: it has ended, out is "". */
bool procfs_comm(pid_t pid, pid_t tid, char *out, size_t size);
/* The number of ids in the NSpid line of a status file (proc(5)), one a namespace, innermost last,
 * in *inner. 0: it has no such line, and *inner is left alone. */
unsigned procfs_namespace_ids(const char *status, pid_t *inner);
/* The number after "Name:" in the text of a status file, in the given base; or `none`. */
uint64_t procfs_status_field(const char *status, const char *name, int base, uint64_t none);

#endif
