/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See inner_tid.h. */
#include "target/inner_tid.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/procfs.h"

#define SEARCH_NS (200 * NS_PER_MS)

/* As procfs_namespace_ids(). */
static unsigned namespace_ids(pid_t pid, const char *tid, uint32_t *inner)
{
    char status[4096];
    pid_t id = (pid_t)*inner;
    if (procfs_read(AT_FDCWD, status, sizeof status, "/proc/%d/task/%s/status", (int)pid, tid) <= 0)
        return 0;
    unsigned n = procfs_namespace_ids(status, &id);
    *inner = (uint32_t)id;
    return n;
}

void inner_tids_init(struct inner_tids *t, pid_t pid)
{
    char self[16];
    *t = (struct inner_tids){.pid = pid, .inner_pid = (uint32_t)pid};
    snprintf(self, sizeof self, "%d", (int)pid);
    t->namespaced = namespace_ids(pid, self, &t->inner_pid) > 1;
}

void inner_tids_clear(struct inner_tids *t)
{
    map_free(&t->outer);
}

static bool has_thread(const struct inner_tids *t, uint32_t tid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%u", (int)t->pid, tid);
    return access(path, F_OK) == 0;
}

static pid_t search(struct inner_tids *t, uint32_t inner)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/task", (int)t->pid);
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    map_clear(&t->outer);
    for (struct dirent *d; (d = readdir(dir));) {
        uint32_t id;
        if (d->d_name[0] != '.' && namespace_ids(t->pid, d->d_name, &id))
            map_set(&t->outer, id, (uint32_t)strtoul(d->d_name, NULL, 10));
    }
    closedir(dir);
    uint32_t outer = map_get(&t->outer, inner);
    return outer == MAP_NONE ? 0 : (pid_t)outer;
}

/* Without asking all threads. */
static pid_t known(const struct inner_tids *t, uint32_t inner)
{
    uint32_t outer = t->namespaced ? map_get(&t->outer, inner) : inner;
    return outer != MAP_NONE && has_thread(t, outer) ? (pid_t)outer : 0;
}

static bool possible(uint32_t inner)
{
    return inner && inner <= INT32_MAX;
}

pid_t inner_tids_find(struct inner_tids *t, uint32_t inner)
{
    if (!possible(inner))
        return 0;
    pid_t tid = known(t, inner);
    return tid || !t->namespaced ? tid : search(t, inner);
}

pid_t inner_tids_find_seldom(struct inner_tids *t, uint32_t inner, uint64_t now_ns)
{
    if (!possible(inner))
        return 0;
    pid_t tid = known(t, inner);
    if (tid || !t->namespaced || (t->searched_ns && now_ns - t->searched_ns < SEARCH_NS))
        return tid;
    t->searched_ns = now_ns;
    return search(t, inner);
}
