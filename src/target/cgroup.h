/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control groups of a process (cgroups(7)) and their files. A group's limits hold for all below
 * it, so whoever asks for one walks up to the mount point. Texts are hostile: a file that is
 * missing or does not parse sets no limit. Any thread.
 */
#ifndef TARGET_CGROUP_H
#define TARGET_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define CGROUP_PATH_MAX 1024

/* Where a controller's groups are, and the process's group there. */
struct cgroup {
    bool found, v2;
    char mount[CGROUP_PATH_MAX]; /* with root before it */
    char path[CGROUP_PATH_MAX];  /* below mount: "" or "/a/b" */
};

struct cgroups {
    struct cgroup unified;     /* version 2 */
    struct cgroup cpu, memory; /* version 1 */
};

/* root is put before /proc and the mount points: "" for this machine's, a folder for recorded
 * ones. About 100 us. false: there is no such process. */
bool cgroups_find(const char *root, pid_t pid, struct cgroups *groups, struct err *err);

/* A file of the group, cut at size - 1; false if there is none. */
bool cgroup_read(const struct cgroup *group, const char *file, char *text, size_t size);
/* To the group above; false, and no change, at the mount point. */
bool cgroup_up(struct cgroup *group);
/* Tells the group from others. */
uint64_t cgroup_key(const struct cgroup *group);
/* The CPUs that this very group may use at once (cpu.max, cpu.cfs_quota_us); 0: as many as it
 * likes. */
double cgroup_quota_cpus(const struct cgroup *group);

#endif
