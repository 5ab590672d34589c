/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The figures of a process (figures.h). Invariant: sums never go down, also when threads end.
 */
#include "target/figures.h"

#include <dirent.h>
#include <fcntl.h>
#include <libproc2/pids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/vec.h"
#include "target/procfs.h"

enum item {
    ITEM_USER,
    ITEM_SYSTEM,
    ITEM_RSS,
    ITEM_VIRTUAL,
    ITEM_THREADS,
    ITEM_MINOR,
    ITEM_MAJOR,
    ITEM_READ,
    ITEM_WRITTEN,
    ITEM_COUNT
};

static enum pids_item items[ITEM_COUNT] = {
    [ITEM_USER] = PIDS_TICS_USER,         [ITEM_SYSTEM] = PIDS_TICS_SYSTEM,
    [ITEM_RSS] = PIDS_MEM_RES_PGS,        [ITEM_VIRTUAL] = PIDS_VSIZE_BYTES,
    [ITEM_THREADS] = PIDS_NLWP,           [ITEM_MINOR] = PIDS_FLT_MIN,
    [ITEM_MAJOR] = PIDS_FLT_MAJ,          [ITEM_READ] = PIDS_IO_READ_BYTES,
    [ITEM_WRITTEN] = PIDS_IO_WRITE_BYTES,
};

struct switches {
    pid_t tid;
    uint64_t voluntary, forced;
};

struct figures_reader {
    pid_t pid;
    struct pids_info *info;
    VEC(struct switches) list, next; /* of the threads at the last read, and at this one */
    struct map by_tid;               /* index in list */
    uint64_t voluntary, forced;      /* the sums so far */
    uint64_t turn;                   /* which part of many threads is looked at */
};

struct figures_reader *figures_new(pid_t pid, struct err *err)
{
    struct figures_reader *r = xcalloc(1, sizeof *r);
    r->pid = pid;
    int failed = procps_pids_new(&r->info, items, ITEM_COUNT);
    if (failed < 0) {
        err_set(err, "libproc2 cannot read /proc: %s", strerror(-failed));
        free(r);
        return NULL;
    }
    return r;
}

void figures_free(struct figures_reader *r)
{
    if (!r)
        return;
    procps_pids_unref(&r->info);
    vec_free(&r->list);
    vec_free(&r->next);
    map_free(&r->by_tid);
    free(r);
}

static void read_switches(int dir, struct switches *s)
{
    char text[4096];
    if (procfs_read(dir, text, sizeof text, "%d/status", (int)s->tid) <= 0)
        return;
    s->voluntary = procfs_status_field(text, "voluntary_ctxt_switches", 10, s->voluntary);
    s->forced = procfs_status_field(text, "nonvoluntary_ctxt_switches", 10, s->forced);
}

/* A status file tells one thread's: O(threads), SWITCHES_AT_ONCE of them at most. */
static void sum_switches(struct figures_reader *r)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)r->pid);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    map_clear(&r->by_tid);
    for (size_t i = 0; i < r->list.n; i++)
        map_set(&r->by_tid, (uint64_t)r->list.at[i].tid, (uint32_t)i);
    uint64_t parts = r->list.n / SWITCHES_AT_ONCE + 1, part = r->turn++ % parts;
    vec_clear(&r->next);
    for (const struct dirent *e; (e = readdir(dir));) {
        struct switches now = {.tid = (pid_t)strtol(e->d_name, NULL, 10)};
        if (now.tid <= 0)
            continue;
        uint32_t i = map_get(&r->by_tid, (uint64_t)now.tid);
        struct switches before = i == MAP_NONE ? now : r->list.at[i];
        now = before;
        if (r->next.n % parts == part)
            read_switches(dirfd(dir), &now);
        /* A tid used again begins with less: then all of it is new. */
        r->voluntary += now.voluntary - (now.voluntary >= before.voluntary ? before.voluntary : 0);
        r->forced += now.forced - (now.forced >= before.forced ? before.forced : 0);
        vec_push(&r->next, now);
    }
    closedir(dir);
    vec_clear(&r->list);
    vec_append(&r->list, r->next.at, r->next.n);
}

static uint64_t ticks_ns(uint64_t ticks)
{
    long per_s = sysconf(_SC_CLK_TCK);
    return ticks * (NS_PER_S / (uint64_t)(per_s > 0 ? per_s : 100));
}

bool figures_read(struct figures_reader *r, struct figures *f)
{
    memset(f, 0, sizeof *f);
    unsigned pid = (unsigned)r->pid;
    struct pids_fetch *fetch = procps_pids_select(r->info, &pid, 1, PIDS_SELECT_PID);
    if (!fetch || fetch->counts->total < 1)
        return false;
    const struct pids_stack *row = fetch->stacks[0];
    f->user_ns = ticks_ns(PIDS_VAL(ITEM_USER, ull_int, row, ));
    f->system_ns = ticks_ns(PIDS_VAL(ITEM_SYSTEM, ull_int, row, ));
    f->rss_bytes = PIDS_VAL(ITEM_RSS, ul_int, row, ) * (uint64_t)sysconf(_SC_PAGESIZE);
    f->virtual_bytes = PIDS_VAL(ITEM_VIRTUAL, ul_int, row, );
    f->threads = (uint32_t)PIDS_VAL(ITEM_THREADS, s_int, row, );
    f->minor_faults = PIDS_VAL(ITEM_MINOR, ul_int, row, );
    f->major_faults = PIDS_VAL(ITEM_MAJOR, ul_int, row, );
    f->read_bytes = PIDS_VAL(ITEM_READ, ul_int, row, );
    f->written_bytes = PIDS_VAL(ITEM_WRITTEN, ul_int, row, );
    char io[512];
    f->has_io = procfs_read(AT_FDCWD, io, sizeof io, "/proc/%d/io", (int)r->pid) > 0;
    f->cpu_ns = procfs_cpu_ns(r->pid);
    if (f->cpu_ns == 0)
        f->cpu_ns = f->user_ns + f->system_ns;
    sum_switches(r);
    f->voluntary_switches = r->voluntary;
    f->forced_switches = r->forced;
    return true;
}
