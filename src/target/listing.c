/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All processes, for the list to choose from (listing.h). Invariant: `rows` is sorted by pid, and
 * `before` holds the CPU time of those of the read before. One thread.
 */
#include "target/listing.h"

#include <libproc2/pids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "target/procfs.h"

enum item {
    ITEM_PID,
    ITEM_PPID,
    ITEM_STATE,
    ITEM_FLAGS,
    ITEM_USER,
    ITEM_COMM,
    ITEM_CMDLINE,
    ITEM_THREADS,
    ITEM_RSS,
    ITEM_TICKS,
    ITEM_BEGAN,
    ITEM_ELAPSED,
    ITEM_COUNT
};

static enum pids_item items[ITEM_COUNT] = {
    [ITEM_PID] = PIDS_ID_PID,       [ITEM_PPID] = PIDS_ID_PPID,
    [ITEM_STATE] = PIDS_STATE,      [ITEM_FLAGS] = PIDS_FLAGS,
    [ITEM_USER] = PIDS_ID_EUSER,    [ITEM_COMM] = PIDS_CMD,
    [ITEM_CMDLINE] = PIDS_CMDLINE,  [ITEM_THREADS] = PIDS_NLWP,
    [ITEM_RSS] = PIDS_MEM_RES_PGS,  [ITEM_TICKS] = PIDS_TICS_ALL,
    [ITEM_BEGAN] = PIDS_TICS_BEGAN, [ITEM_ELAPSED] = PIDS_TIME_ELAPSED,
};

struct usage {
    pid_t pid;
    uint64_t start_ticks, ticks;
};

struct listing {
    struct pids_info *info;
    VEC(struct listed) rows;
    VEC(struct usage) before, now;
    struct map by_pid; /* index in before */
    uint64_t before_ns;
};

struct listing *listing_new(struct err *err)
{
    struct listing *l = xcalloc(1, sizeof *l);
    int failed = procps_pids_new(&l->info, items, ITEM_COUNT);
    if (failed < 0) {
        err_set(err, "libproc2 cannot read /proc: %s", strerror(-failed));
        free(l);
        return NULL;
    }
    return l;
}

void listing_free(struct listing *l)
{
    if (!l)
        return;
    procps_pids_unref(&l->info);
    vec_free(&l->rows);
    vec_free(&l->before);
    vec_free(&l->now);
    map_free(&l->by_pid);
    free(l);
}

static double cores_used(const struct listing *l, const struct usage *now, double elapsed_s,
                         uint64_t now_ns)
{
    double per_s = (double)sysconf(_SC_CLK_TCK);
    uint32_t i = map_get(&l->by_pid, (uint64_t)now->pid);
    if (i != MAP_NONE && l->before.at[i].start_ticks == now->start_ticks) {
        double ticks = (double)now->ticks - (double)l->before.at[i].ticks;
        double seconds = (double)(now_ns - l->before_ns) / 1e9;
        return seconds > 0 && ticks > 0 ? ticks / per_s / seconds : 0;
    }
    return elapsed_s > 0 ? (double)now->ticks / per_s / elapsed_s : 0;
}

/* The strings are libproc2's, which keeps them until its next read. */
static void take_row(struct listing *l, const struct pids_stack *row, uint64_t now_ns)
{
    signed char state = PIDS_VAL(ITEM_STATE, s_ch, row, );
    struct usage usage = {PIDS_VAL(ITEM_PID, s_int, row, ), PIDS_VAL(ITEM_BEGAN, ull_int, row, ),
                          PIDS_VAL(ITEM_TICKS, ull_int, row, )};
    if (state == 'Z' || state == 'X' || usage.pid == getpid() ||
        (PIDS_VAL(ITEM_FLAGS, ul_int, row, ) & PROCFS_KERNEL_THREAD))
        return;
    char *user = PIDS_VAL(ITEM_USER, str, row, ), *comm = PIDS_VAL(ITEM_COMM, str, row, ),
         *cmdline = PIDS_VAL(ITEM_CMDLINE, str, row, );
    text_make_printable(user);
    text_make_printable(comm);
    text_make_printable(cmdline);
    vec_push(&l->now, usage);
    struct listed *listed = vec_add(&l->rows);
    listed->pid = usage.pid;
    listed->ppid = PIDS_VAL(ITEM_PPID, s_int, row, );
    listed->start_ticks = usage.start_ticks;
    listed->user = user;
    listed->comm = comm;
    listed->cmdline = cmdline;
    listed->threads = (uint32_t)PIDS_VAL(ITEM_THREADS, s_int, row, );
    listed->rss_bytes = PIDS_VAL(ITEM_RSS, ul_int, row, ) * (uint64_t)sysconf(_SC_PAGESIZE);
    listed->cpu_cores = cores_used(l, &usage, PIDS_VAL(ITEM_ELAPSED, real, row, ), now_ns);
}

static int by_pid(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return (x->pid > y->pid) - (x->pid < y->pid);
}

bool listing_read(struct listing *l, struct err *err)
{
    vec_clear(&l->rows);
    const struct pids_fetch *fetch = procps_pids_reap(l->info, PIDS_FETCH_TASKS_ONLY);
    if (!fetch)
        return err_errno(err, "cannot list the processes in /proc");
    uint64_t now_ns = clock_mono_ns();
    vec_clear(&l->now);
    for (int i = 0; i < fetch->counts->total; i++)
        take_row(l, fetch->stacks[i], now_ns);
    vec_sort(&l->rows, by_pid);
    vec_clear(&l->before);
    vec_append(&l->before, l->now.at, l->now.n);
    map_clear(&l->by_pid);
    for (size_t i = 0; i < l->before.n; i++)
        map_set(&l->by_pid, (uint64_t)l->before.at[i].pid, (uint32_t)i);
    l->before_ns = now_ns;
    return true;
}

size_t listing_count(const struct listing *l)
{
    return l->rows.n;
}

const struct listed *listing_at(const struct listing *l, size_t i)
{
    return &l->rows.at[i];
}
