/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a process's control groups are (cgroup.h). Both versions, side by side too (hybrid: version
 * 1 controllers with an empty version 2 tree beside them). Any thread.
 */
#include "target/cgroup.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "target/procfs.h"

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
            if (is_it && length < CGROUP_PATH_MAX) {
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
    char text[2 * CGROUP_PATH_MAX + 512], type[64], options[512];
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

static void find_one(const char *root, const char *mounts, const char *groups,
                     const char *controller, struct cgroup *g)
{
    char top[CGROUP_PATH_MAX], point[CGROUP_PATH_MAX], path[CGROUP_PATH_MAX];
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

bool cgroup_read(const struct cgroup *g, const char *file, char *text, size_t size)
{
    /* procfs_read takes 512 characters: groups nested deeper than that set no limit. */
    return procfs_read(AT_FDCWD, text, size, "%s%s/%s", g->mount, g->path, file) > 0;
}

bool cgroup_up(struct cgroup *g)
{
    char *slash = strrchr(g->path, '/');
    if (!slash)
        return false;
    *slash = '\0';
    return true;
}

uint64_t cgroup_key(const struct cgroup *g)
{
    return hash_mix(hash_bytes(g->mount, strlen(g->mount)), hash_bytes(g->path, strlen(g->path)));
}

double cgroup_quota_cpus(const struct cgroup *g)
{
    char text[128];
    long long quota = -1, period = 100000;
    if (g->v2) {
        if (!cgroup_read(g, "cpu.max", text, sizeof text) ||
            sscanf(text, "%lld %lld", &quota, &period) != 2) /* "max 100000" */
            return 0;
    } else {
        if (cgroup_read(g, "cpu.cfs_quota_us", text, sizeof text))
            quota = strtoll(text, NULL, 10);
        if (cgroup_read(g, "cpu.cfs_period_us", text, sizeof text))
            period = strtoll(text, NULL, 10);
    }
    return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
}

bool cgroups_find(const char *root, pid_t pid, struct cgroups *groups, struct err *err)
{
    char text[8192];
    static const size_t mounts_size = 262144;
    if (procfs_read(AT_FDCWD, text, sizeof text, "%s/proc/%d/cgroup", root, (int)pid) < 0)
        return err_set(err, "cannot read the control groups of process %d: it may have ended",
                       (int)pid);
    char *mounts = malloc(mounts_size);
    if (!mounts || procfs_read(AT_FDCWD, mounts, mounts_size, "%s/proc/self/mountinfo", root) < 0) {
        free(mounts);
        return err_set(err, "cannot read /proc/self/mountinfo: is /proc mounted?");
    }
    find_one(root, mounts, text, NULL, &groups->unified);
    find_one(root, mounts, text, "cpu", &groups->cpu);
    find_one(root, mounts, text, "memory", &groups->memory);
    free(mounts);
    return true;
}
