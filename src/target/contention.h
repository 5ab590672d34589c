/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands between a process and the CPU that it wants: throttling by its control groups
 * (cpu.stat), pressure stalls (PSI, kernel documentation: accounting/psi), and what else the
 * machine's CPUs do (/proc/stat). Sums since boot; rates are the caller's. Any thread.
 *
 * Invariant: a sum comes with a key that tells whose it is. A process that moves to another group
 * gives other keys, and their sums must not be compared with those before.
 */
#ifndef TARGET_CONTENTION_H
#define TARGET_CONTENTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/cgroup.h"

/* Groups between a process's own and the mount point that are looked at. */
#define CONTENTION_LEVELS 16

struct throttle_level {
    uint64_t key;
    double quota_cpus;           /* 0: none now */
    uint64_t periods, throttled; /* periods in which it ran, and that ended throttled */
    uint64_t throttled_ns;       /* of all CPUs: two that stand for 1 ms are 2 ms */
};

enum pressure { PRESSURE_CPU, PRESSURE_IO, PRESSURE_MEMORY, PRESSURE_COUNT };

struct contention {
    struct throttle_level levels[CONTENTION_LEVELS]; /* its own group first; with cpu.stat alone */
    uint32_t n_levels;
    double quota_cpus; /* the tightest; 0: none */

    struct stall {
        bool known;
        uint64_t key;
        uint64_t some_ns; /* some task of the group (else of the machine) stood still for want */
    } stalls[PRESSURE_COUNT];

    struct machine_cpu {
        bool known, has_steal;
        uint64_t total_ticks, busy_ticks, steal_ticks; /* busy: user and system, guests too */
        uint32_t cpus;                                 /* online */
    } machine;
};

/* root as of cgroups_find, for the machine's own figures. About 70 us. What is missing is told by
 * the members. */
void contention_read(const char *root, const struct cgroups *groups, struct contention *contention);

#endif
