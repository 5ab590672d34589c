/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process may use at most (capacity.h). A group's limits hold for all below it, so every
 * ancestor up to the mount point is asked. A file that is missing sets no limit. Any thread.
 */
#include "target/capacity.h"

#include <libproc2/meminfo.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void limit_cpus(struct cgroup g, struct capacity *c)
{
    if (!g.found)
        return;
    do {
        double cpus = cgroup_quota_cpus(&g);
        if (cpus > 0 && (c->quota_cpus <= 0 || cpus < c->quota_cpus))
            c->quota_cpus = cpus;
    } while (cgroup_up(&g));
}

/* Its usage less the file cache that would be dropped first. */
static uint64_t group_usage(const struct cgroup *g)
{
    char text[8192];
    if (!cgroup_read(g, g->v2 ? "memory.current" : "memory.usage_in_bytes", text, sizeof text))
        return 0;
    uint64_t used = strtoull(text, NULL, 10), cache = 0;
    if (cgroup_read(g, "memory.stat", text, sizeof text)) {
        const char *at = strstr(text, g->v2 ? "\ninactive_file " : "\ntotal_inactive_file ");
        if (at)
            cache = strtoull(strchr(at, ' '), NULL, 10);
    }
    return used > cache ? used - cache : 0;
}

static uint64_t left_bytes(const struct capacity *c)
{
    return c->memory_limit_bytes > c->memory_used_bytes
               ? c->memory_limit_bytes - c->memory_used_bytes
               : 0;
}

static void limit_memory(struct cgroup g, struct capacity *c)
{
    if (!g.found)
        return;
    do {
        char text[128], *end;
        if (!cgroup_read(&g, g.v2 ? "memory.max" : "memory.limit_in_bytes", text, sizeof text))
            continue;
        uint64_t limit = strtoull(text, &end, 10);
        /* "max", or in version 1 a number far beyond any memory, is no limit. */
        uint64_t most = c->system_total_bytes ? c->system_total_bytes : UINT64_MAX;
        if (end == text || limit == 0 || limit >= most)
            continue;
        /* The one that is reached first. */
        uint64_t used = group_usage(&g), left = limit > used ? limit - used : 0;
        if (c->memory_by_cgroup && left >= left_bytes(c))
            continue;
        c->memory_limit_bytes = limit;
        c->memory_used_bytes = used;
        c->memory_by_cgroup = true;
        c->memory_group = g;
    } while (cgroup_up(&g));
}

static void read_system_memory(struct capacity *c)
{
    struct meminfo_info *info = NULL;
    c->memory_limit_bytes = UINT64_MAX;
    if (procps_meminfo_new(&info) < 0)
        return;
    const struct meminfo_result *total = procps_meminfo_get(info, MEMINFO_MEM_TOTAL);
    uint64_t total_kib = total ? total->result.ul_int : 0;
    const struct meminfo_result *available = procps_meminfo_get(info, MEMINFO_MEM_AVAILABLE);
    uint64_t available_kib = available ? available->result.ul_int : 0;
    procps_meminfo_unref(&info);
    c->system_total_bytes = total_kib * 1024;
    c->system_available_bytes = available_kib * 1024;
    if (total_kib) {
        c->memory_limit_bytes = c->system_total_bytes;
        c->memory_used_bytes = c->system_total_bytes - c->system_available_bytes;
    }
}

static uint32_t count_affinity(pid_t pid)
{
    /* 8,192 CPUs, the kernel's own limit on x86-64 (CONFIG_NR_CPUS). */
    static const size_t size = CPU_ALLOC_SIZE(8192);
    cpu_set_t *set = CPU_ALLOC(8192);
    int n = 0;
    if (set && sched_getaffinity(pid, size, set) == 0)
        n = CPU_COUNT_S(size, set);
    CPU_FREE(set);
    return n > 0 ? (uint32_t)n : 0;
}

void capacity_read(pid_t pid, const struct cgroups *groups, struct capacity *c)
{
    memset(c, 0, sizeof *c);
    read_system_memory(c);
    c->affinity = count_affinity(pid);
    limit_cpus(groups->unified, c);
    limit_memory(groups->unified, c);
    limit_cpus(groups->cpu, c);
    limit_memory(groups->memory, c);
    if (c->memory_limit_bytes == UINT64_MAX)
        c->memory_limit_bytes = 0;
    c->cpus = c->affinity ? c->affinity : 1;
    if (c->quota_cpus > 0 && c->quota_cpus < c->cpus)
        c->cpus = c->quota_cpus;
}
