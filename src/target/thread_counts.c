/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See thread_counts.h. */
#include "target/thread_counts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/procfs.h"

#define LIST_EVERY 16
/* Of those that are read at once, how many are left for threads that have done nothing. */
#define OTHERS (THREAD_COUNTS_AT_ONCE / 4)

void thread_counts_init(struct thread_counts *c, pid_t pid)
{
    *c = (struct thread_counts){.pid = pid};
}

void thread_counts_clear(struct thread_counts *c)
{
    vec_free(&c->list);
    vec_free(&c->next);
    map_free(&c->by_tid);
}

/* The threads that there are now; what is known of each stays. */
static void list_threads(struct thread_counts *c, int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    if (!dir) {
        if (copy >= 0)
            close(copy);
        return;
    }
    map_clear(&c->by_tid);
    for (size_t i = 0; i < c->list.n; i++)
        map_set(&c->by_tid, (uint64_t)c->list.at[i].tid, (uint32_t)i);
    vec_clear(&c->next);
    for (const struct dirent *e; (e = readdir(dir));) {
        pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
        if (tid <= 0)
            continue;
        uint32_t i = map_get(&c->by_tid, (uint64_t)tid);
        struct thread_count fresh = {.tid = tid, .ground = c->reads == 0, .active = true};
        vec_push(&c->next, i == MAP_NONE ? fresh : c->list.at[i]);
    }
    closedir(dir);
    vec_clear(&c->list);
    vec_append(&c->list, c->next.at, c->next.n);
}

/* How much of now is new since before. A tid used again begins with less: then all of it is. */
static uint64_t added(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

static void take_thread(struct thread_counts *c, struct thread_count *t, const char *schedstat,
                        const char *status)
{
    struct thread_count now = *t;
    char *end;
    if (*schedstat) {
        strtoull(schedstat, &end, 10);
        now.queued_ns = strtoull(end, NULL, 10);
        c->has_queued = true;
    }
    now.voluntary = procfs_status_field(status, "voluntary_ctxt_switches", 10, t->voluntary);
    now.forced = procfs_status_field(status, "nonvoluntary_ctxt_switches", 10, t->forced);
    now.active =
        now.voluntary != t->voluntary || now.forced != t->forced || now.queued_ns != t->queued_ns;
    if (!t->ground) {
        c->voluntary += added(now.voluntary, t->voluntary);
        c->forced += added(now.forced, t->forced);
        c->queued_ns += added(now.queued_ns, t->queued_ns);
    }
    now.ground = false;
    *t = now;
}

static void read_thread(struct thread_counts *c, int folder, struct thread_count *t)
{
    char schedstat[128], status[4096];
    procfs_read(folder, schedstat, sizeof schedstat, "%d/schedstat", (int)t->tid);
    procfs_read(folder, status, sizeof status, "%d/status", (int)t->tid);
    take_thread(c, t, schedstat, status);
}

/* The process's own files are those of its first thread. false: that is not the one we know. */
static bool read_only_thread(struct thread_counts *c)
{
    char schedstat[128], status[4096];
    if (c->list.n != 1 || c->list.at[0].tid != c->pid)
        return false;
    procfs_read(AT_FDCWD, schedstat, sizeof schedstat, "/proc/%d/schedstat", (int)c->pid);
    procfs_read(AT_FDCWD, status, sizeof status, "/proc/%d/status", (int)c->pid);
    take_thread(c, &c->list.at[0], schedstat, status);
    return true;
}

/* Goes on round the list from *at, reading up to `most` of those that are active or not; how many
 * were. O(threads), but only to look at the flag. */
static size_t read_some(struct thread_counts *c, int folder, bool active, size_t most, size_t *at)
{
    size_t n = c->list.n, done = 0;
    for (size_t i = 0; i < n && done < most; i++) {
        *at = *at + 1 < n ? *at + 1 : 0;
        struct thread_count *t = &c->list.at[*at];
        if (t->active != active)
            continue;
        read_thread(c, folder, t);
        done++;
    }
    return done;
}

static bool all_known(const struct thread_counts *c)
{
    for (size_t i = 0; i < c->list.n; i++)
        if (c->list.at[i].ground)
            return false;
    return true;
}

static void read_listed(struct thread_counts *c)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/task", (int)c->pid);
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    if (fstat(folder, &st) == 0 && (st.st_nlink != c->links || c->reads % LIST_EVERY == 0)) {
        list_threads(c, folder);
        c->links = st.st_nlink;
    }
    if (c->list.n <= THREAD_COUNTS_AT_ONCE) {
        for (size_t i = 0; i < c->list.n; i++)
            read_thread(c, folder, &c->list.at[i]);
    } else {
        size_t n = read_some(c, folder, false, OTHERS, &c->other_at);
        n += read_some(c, folder, true, THREAD_COUNTS_AT_ONCE - n, &c->active_at);
        read_some(c, folder, false, THREAD_COUNTS_AT_ONCE - n, &c->other_at);
    }
    close(folder);
}

void thread_counts_read(struct thread_counts *c, bool only)
{
    if (!only || !read_only_thread(c))
        read_listed(c);
    c->reads++;
    c->known = c->known || all_known(c);
}
