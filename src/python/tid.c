/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thread ids. An answer is only given if /proc/PID/task has it: memory can lie, and after a fork
 * a state may still carry its parent's number.
 *
 * struct pthread keeps tid at +720 in glibc 2.36 and 2.43 (x86-64). Elsewhere its place is looked
 * for in the struct of the main thread, whose id is known: it is the pid.
 */
#include "python/tid.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/remote.h"

#define GLIBC_TID_AT      720
#define PTHREAD_MAX_BYTES 2048

/* The number of ids in NSpid (proc(5)), one a namespace, innermost last in *inner. 0: unknown. */
static unsigned namespace_ids(pid_t pid, const char *tid, uint32_t *inner)
{
    char path[64], line[256];
    unsigned n = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/status", pid, tid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "NSpid:", 6) != 0)
            continue;
        char *at = line + 6, *end;
        for (unsigned long id; id = strtoul(at, &end, 10), end != at; at = end, n++)
            *inner = (uint32_t)id;
        break;
    }
    fclose(f);
    return n;
}

void tids_init(struct tids *t, pid_t pid)
{
    char self[16];
    *t = (struct tids){.pid = pid, .inner_pid = (uint32_t)pid, .tid_at = GLIBC_TID_AT};
    snprintf(self, sizeof self, "%d", pid);
    uint32_t inner;
    if (namespace_ids(pid, self, &inner) > 1) {
        t->namespaced = true;
        t->inner_pid = inner;
    }
}

void tids_clear(struct tids *t)
{
    map_free(&t->outer);
}

static pid_t search_namespace(struct tids *t, uint32_t inner)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/task", t->pid);
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

/* The id as we see it, if there is such a thread. */
static pid_t checked(struct tids *t, uint64_t inner)
{
    char path[64];
    if (!inner || inner > INT32_MAX)
        return 0;
    uint64_t tid = inner;
    if (t->namespaced) {
        uint32_t outer = map_get(&t->outer, inner);
        tid = outer == MAP_NONE ? 0 : outer;
    }
    snprintf(path, sizeof path, "/proc/%d/task/%d", t->pid, (int)tid);
    if (tid && !access(path, F_OK))
        return (pid_t)tid;
    return t->namespaced ? search_namespace(t, (uint32_t)inner) : 0;
}

pid_t tids_find(struct tids *t, uint64_t native_id, uint64_t pthread)
{
    pid_t tid = checked(t, native_id);
    uint32_t words[PTHREAD_MAX_BYTES / 4];
    if (tid || pthread % 8 || pthread < 4096)
        return tid;
    size_t have = remote_read_some(t->pid, pthread, words, sizeof words) / 4;
    if (t->tid_at / 4 < have && (tid = checked(t, words[t->tid_at / 4])))
        return tid;
    for (uint32_t i = 0; i < have; i++) {
        if (words[i] == t->inner_pid) {
            t->tid_at = i * 4;
            return t->pid;
        }
    }
    return 0;
}
