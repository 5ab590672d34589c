/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine and this user allow a profiler: plain facts; the sentences about them are
 * written by those who show them. Any thread.
 */
#ifndef TARGET_PERMISSION_H
#define TARGET_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>

#define PERMISSION_UNKNOWN (-100)

struct permission {
    bool root; /* effective uid 0 */
    /* Effective capabilities (capabilities(7)). */
    bool cap_sys_ptrace, cap_perfmon, cap_sys_admin, cap_bpf, cap_sys_nice, cap_ipc_lock;
    /* Settings of the kernel; PERMISSION_UNKNOWN: it has no such setting. */
    int yama_ptrace_scope;   /* 0 all of one's own, 1 one's children, 2 root, 3 nobody */
    int perf_event_paranoid; /* -1 all, 0 CPU events, 1 kernel profiling, 2 user space, 3 nothing */
    int kptr_restrict;       /* 0: kernel symbols have addresses */
    bool kernel_symbols;     /* their addresses can be read: tried */
    int perf_mlock_kb;  /* what the rings of one user may lock for each CPU (perf_event_mlock_kb) */
    int64_t memlock_kb; /* and this process beyond that (RLIMIT_MEMLOCK); -1: no limit */
    bool ptrace_works;  /* tried on a child of ours */
    bool realtime;      /* a real-time priority is granted: tried and given back */
    char kernel[64];    /* release, "6.1.0-18-amd64" */
};

/* Forks a child for the trials; about 1 ms. */
void permission_read(struct permission *permission);

#endif
