/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process may use at most: CPUs by affinity and by the quota of its control groups, memory
 * by their limit or the system's (cgroups(7); kernel documentation, admin-guide/cgroup-v1 and
 * cgroup-v2). Any thread.
 */
#ifndef TARGET_CAPACITY_H
#define TARGET_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/cgroup.h"

struct capacity {
    double cpus;       /* the smaller one of the next two */
    uint32_t affinity; /* CPUs that it may run on */
    double quota_cpus; /* of the tightest control group; 0: none is set */

    uint64_t memory_limit_bytes; /* of the control group with the least left, else the
                                     system's memory */
    uint64_t memory_used_bytes;  /* within that: of the group without file cache that can be
                                    dropped, or of the system what is not available */
    bool memory_by_cgroup;
    struct cgroup memory_group; /* that one; not found if it is the system */
    uint64_t system_total_bytes, system_available_bytes; /* 0: unknown */
};

/* Of the process in these groups. About 50 us. */
void capacity_read(pid_t pid, const struct cgroups *groups, struct capacity *capacity);

#endif
