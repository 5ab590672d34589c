/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process may use at most (capacity.h). A group's limits hold for all below it, so every
 * ancestor up to the mount point is asked. A file that is missing sets no limit. Any thread.
 */
#include "target/capacity.h"

#include <fcntl.h>
#include <libproc2/meminfo.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/procfs.h"

#define PATH_CAP 1024

/* Where a controller's groups are, and the process's group there. */
struct group {
    bool found, v2;
    char mount[PATH_CAP]; /* with root before it */
    char path[PATH_CAP];  /* below mount: "" or "/a/b" */
};

/* Whether `word` is one of the words of a comma-separated list. */
static bool list_has(const char *list, size_t size, const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= size; i++)
        if ((i == 0 || list[i - 1] == ',') && memcmp(list + i, word, length) == 0 &&
            (i + length == size || list[i + length] == ','))
            return true;
    return false;
}

/* The group's path from the text of /proc/PID/cgroup: "4:memory:/a/b", "0::/a/b" for version 2. */
static bool find_path(const char *text, const char *controller, char *path)
{
    for (const char *line = text; *line;) {
        size_t size = strcspn(line, "\n");
        const char *list = memchr(line, ':', size);
        const char *at = list ? memchr(list + 1, ':', size - (size_t)(list + 1 - line)) : NULL;
        if (at) {
            size_t words = (size_t)(at - list - 1), length = size - (size_t)(at + 1 - line);
            bool is_it = controller ? list_has(list + 1, words, controller) : words == 0;
            if (is_it && length < PATH_CAP) {
                memcpy(path, at + 1, length);
                path[length] = '\0';
                return true;
            }
        }
        line += size + (line[size] == '\n');
    }
    return false;
}

/* Where a hierarchy is mounted, and which group is its top there (of a container it may not be
 * "/"), from one line of mountinfo (proc(5)): "ID PARENT MAJ:MIN TOP POINT ... - TYPE DEV OPTS". */
static bool parse_mount(const char *line, size_t size, const char *controller, char *top,
                        char *point)
{
    char text[2 * PATH_CAP + 512], type[64], options[512];
    if (size >= sizeof text)
        return false;
    memcpy(text, line, size);
    text[size] = '\0';
    const char *tail = strstr(text, " - ");
    if (!tail || sscanf(text, "%*s %*s %*s %1023s %1023s", top, point) != 2 ||
        sscanf(tail, " - %63s %*s %511s", type, options) != 2)
        return false;
    if (!controller)
        return strcmp(type, "cgroup2") == 0;
    return strcmp(type, "cgroup") == 0 && list_has(options, strlen(options), controller);
}

static void find_group(const char *root, const char *mounts, const char *groups,
                       const char *controller, struct group *g)
{
    char top[PATH_CAP], point[PATH_CAP], path[PATH_CAP];
    memset(g, 0, sizeof *g);
    g->v2 = !controller;
    if (!find_path(groups, controller, path))
        return;
    for (const char *line = mounts; *line;) {
        size_t size = strcspn(line, "\n");
        if (parse_mount(line, size, controller, top, point)) {
            size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);
            const char *below = path;
            if (length && strncmp(path, top, length) == 0 &&
                (path[length] == '/' || path[length] == '\0'))
                below = path + length;
            else if (length)
                below = ""; /* outside of what we see: what is mounted is the best there is */
            if (strcmp(below, "/") == 0 || strstr(below, "/.."))
                below = "";
            int wanted = snprintf(g->mount, sizeof g->mount, "%s%s", root, point);
            snprintf(g->path, sizeof g->path, "%s", below);
            g->found = wanted > 0 && (size_t)wanted < sizeof g->mount;
            return;
        }
        line += size + (line[size] == '\n');
    }
}

/* The first line of a group's file; false if there is none. */
static bool read_group(const struct group *g, const char *file, char *text, size_t size)
{
    /* procfs_read takes 512 characters: groups nested deeper than that set no limit. */
    return procfs_read(AT_FDCWD, text, size, "%s%s/%s", g->mount, g->path, file) > 0;
}

/* One step up; false above the mount point. */
static bool go_up(struct group *g)
{
    char *slash = strrchr(g->path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

static void limit_cpus(struct group g, struct capacity *c)
{
    if (!g.found)
        return;
    do {
        char text[128];
        long long quota = -1, period = 100000;
        if (g.v2) {
            if (!read_group(&g, "cpu.max", text, sizeof text) ||
                sscanf(text, "%lld %lld", &quota, &period) != 2) /* "max 100000" */
                continue;
        } else {
            if (read_group(&g, "cpu.cfs_quota_us", text, sizeof text))
                quota = strtoll(text, NULL, 10);
            if (read_group(&g, "cpu.cfs_period_us", text, sizeof text))
                period = strtoll(text, NULL, 10);
        }
        if (quota <= 0 || period <= 0)
            continue;
        double cpus = (double)quota / (double)period;
        if (c->quota_cpus <= 0 || cpus < c->quota_cpus)
            c->quota_cpus = cpus;
    } while (go_up(&g));
}

/* Its usage less the file cache that would be dropped first. */
static uint64_t group_usage(const struct group *g)
{
    char text[8192];
    if (!read_group(g, g->v2 ? "memory.current" : "memory.usage_in_bytes", text, sizeof text))
        return 0;
    uint64_t used = strtoull(text, NULL, 10), cache = 0;
    if (read_group(g, "memory.stat", text, sizeof text)) {
        const char *at = strstr(text, g->v2 ? "\ninactive_file " : "\ntotal_inactive_file ");
        if (at)
            cache = strtoull(strchr(at, ' '), NULL, 10);
    }
    return used > cache ? used - cache : 0;
}

static void limit_memory(struct group g, struct capacity *c)
{
    if (!g.found)
        return;
    do {
        char text[128], *end;
        if (!read_group(&g, g.v2 ? "memory.max" : "memory.limit_in_bytes", text, sizeof text))
            continue;
        uint64_t limit = strtoull(text, &end, 10);
        /* "max", or in version 1 a number far beyond any memory, is no limit. */
        if (end == text || limit == 0 || limit >= c->memory_limit_bytes)
            continue;
        c->memory_limit_bytes = limit;
        c->memory_used_bytes = group_usage(&g);
        c->memory_by_cgroup = true;
    } while (go_up(&g));
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

bool capacity_read(const char *root, pid_t pid, struct capacity *c, struct err *err)
{
    char groups[8192];
    static const size_t mounts_size = 262144;
    struct group g;
    memset(c, 0, sizeof *c);
    if (procfs_read(AT_FDCWD, groups, sizeof groups, "%s/proc/%d/cgroup", root, (int)pid) < 0)
        return err_set(err, "cannot read the control groups of process %d: it may have ended",
                       (int)pid);
    char *mounts = malloc(mounts_size);
    if (!mounts || procfs_read(AT_FDCWD, mounts, mounts_size, "%s/proc/self/mountinfo", root) < 0) {
        free(mounts);
        return err_set(err, "cannot read /proc/self/mountinfo: is /proc mounted?");
    }
    read_system_memory(c);
    c->affinity = count_affinity(pid);
    find_group(root, mounts, groups, NULL, &g);
    limit_cpus(g, c);
    limit_memory(g, c);
    find_group(root, mounts, groups, "cpu", &g);
    limit_cpus(g, c);
    find_group(root, mounts, groups, "memory", &g);
    limit_memory(g, c);
    free(mounts);
    if (c->memory_limit_bytes == UINT64_MAX)
        c->memory_limit_bytes = 0;
    c->cpus = c->affinity ? c->affinity : 1;
    if (c->quota_cpus > 0 && c->quota_cpus < c->cpus)
        c->cpus = c->quota_cpus;
    return true;
}
