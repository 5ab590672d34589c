/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The descendants of a process (children.h): from /proc/PID/task/TID/children (proc(5)) while that
 * is cheap, else by the parents of all processes. Invariant: a pid is at most once in the list, so
 * that no walk is endless. Any thread.
 */
#include "target/children.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "target/procfs.h"

/* A process with more threads than this has too many files to ask. */
#define THREADS_CHEAP 64

void children_clear(struct children *c)
{
    vec_free(&c->list);
    vec_free(&c->found);
    c->cut = false;
}

static void add(struct children *c, const struct procfs_stat *stat)
{
    /* We are no part of a family that we were started in, and so neither are our own helpers. */
    if (stat->state == 'Z' || stat->state == 'X' || stat->pid == getpid())
        return;
    for (size_t i = 0; i < c->list.n; i++)
        if (c->list.at[i].pid == stat->pid)
            return;
    if (c->list.n == CHILDREN_MAX) {
        c->cut = true;
        return;
    }
    struct child *child = vec_add(&c->list);
    child->pid = stat->pid;
    child->ppid = stat->ppid;
    child->start_ticks = stat->start_ticks;
    child->cpu_ns = procfs_cpu_ns(stat->pid);
    snprintf(child->comm, sizeof child->comm, "%s", stat->comm);
    text_make_printable(child->comm);
}

/* Appends the children of one process to c->found; false: not this way. */
static bool read_children_files(struct children *c, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return true; /* it has ended: it has no children any more */
    bool ok = true;
    size_t threads = 0;
    for (const struct dirent *e; ok && (e = readdir(dir));) {
        char text[16384];
        if (e->d_name[0] == '.')
            continue;
        if (++threads > THREADS_CHEAP) {
            ok = false;
            break;
        }
        ssize_t got = procfs_read(dirfd(dir), text, sizeof text, "%s/children", e->d_name);
        /* Without CONFIG_PROC_CHILDREN there is no such file; a full buffer may be a cut one. */
        if (got < 0)
            ok = access("/proc/thread-self/children", R_OK) == 0;
        else if ((size_t)got == sizeof text - 1)
            ok = false;
        char *end = text;
        for (const char *at = text; ok && got > 0; at = end) {
            pid_t child = (pid_t)strtol(at, &end, 10);
            if (end == at)
                break;
            vec_push(&c->found, child);
        }
    }
    closedir(dir);
    return ok;
}

/* Whose children come next: of the processes asked for, then of those found. */
static pid_t next_parent(const struct children *c, const pid_t *pids, size_t n, size_t next)
{
    return next < n ? pids[next] : c->list.at[next - n].pid;
}

static bool walk_children_files(struct children *c, const pid_t *pids, size_t n)
{
    for (size_t next = 0; next < n + c->list.n; next++) {
        pid_t parent = next_parent(c, pids, n, next);
        vec_clear(&c->found);
        if (!read_children_files(c, parent))
            return false;
        for (size_t i = 0; i < c->found.n; i++) {
            struct procfs_stat stat;
            /* The pid may be another process's by now. */
            if (procfs_stat(c->found.at[i], &stat) && stat.ppid == parent)
                add(c, &stat);
        }
    }
    return true;
}

/* Of all processes of the machine: O(processes * processes of the family). */
static void walk_all(struct children *c, const pid_t *pids, size_t n)
{
    VEC(struct procfs_stat) all = {0};
    DIR *proc = opendir("/proc");
    for (const struct dirent *e; proc && (e = readdir(proc));) {
        pid_t one = (pid_t)strtol(e->d_name, NULL, 10);
        struct procfs_stat stat;
        if (one > 0 && procfs_stat(one, &stat))
            vec_push(&all, stat);
    }
    if (proc)
        closedir(proc);
    for (size_t next = 0; next < n + c->list.n; next++) {
        pid_t parent = next_parent(c, pids, n, next);
        for (size_t i = 0; i < all.n; i++)
            if (all.at[i].ppid == parent && all.at[i].pid != parent)
                add(c, &all.at[i]);
    }
    vec_free(&all);
}

void children_read(struct children *c, const pid_t *pids, size_t n)
{
    vec_clear(&c->list);
    c->cut = false;
    if (walk_children_files(c, pids, n))
        return;
    vec_clear(&c->list);
    c->cut = false;
    walk_all(c, pids, n);
}
