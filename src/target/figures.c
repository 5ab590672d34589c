/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The figures of a process (figures.h). Invariant: sums never go down.
 */
#include "target/figures.h"

#include <fcntl.h>
#include <libproc2/pids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/procfs.h"
#include "target/thread_counts.h"

#define KIB 1024u /* the unit of status (proc(5)) */

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
    ITEM_ANON,
    ITEM_FILE,
    ITEM_SHARED,
    ITEM_SWAP,
    ITEM_COUNT
};

static enum pids_item items[ITEM_COUNT] = {
    [ITEM_USER] = PIDS_TICS_USER,         [ITEM_SYSTEM] = PIDS_TICS_SYSTEM,
    [ITEM_RSS] = PIDS_MEM_RES_PGS,        [ITEM_VIRTUAL] = PIDS_VSIZE_BYTES,
    [ITEM_THREADS] = PIDS_NLWP,           [ITEM_MINOR] = PIDS_FLT_MIN,
    [ITEM_MAJOR] = PIDS_FLT_MAJ,          [ITEM_READ] = PIDS_IO_READ_BYTES,
    [ITEM_WRITTEN] = PIDS_IO_WRITE_BYTES, [ITEM_ANON] = PIDS_VM_RSS_ANON,
    [ITEM_FILE] = PIDS_VM_RSS_FILE,       [ITEM_SHARED] = PIDS_VM_RSS_SHARED,
    [ITEM_SWAP] = PIDS_VM_SWAP,
};

struct figures_reader {
    pid_t pid;
    struct pids_info *info;
    clockid_t cpu_clock;
    struct thread_counts threads;
    bool asked_io, has_io; /* once: it is a permission */
};

struct figures_reader *figures_new(pid_t pid, struct err *err)
{
    struct figures_reader *r = xcalloc(1, sizeof *r);
    r->pid = pid;
    r->cpu_clock = procfs_cpu_clock(pid);
    thread_counts_init(&r->threads, pid);
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
    thread_counts_clear(&r->threads);
    free(r);
}

static uint64_t ticks_ns(uint64_t ticks)
{
    long per_s = sysconf(_SC_CLK_TCK);
    return ticks * (NS_PER_S / (uint64_t)(per_s > 0 ? per_s : 100));
}

uint64_t figures_cpu_ns(const struct figures_reader *r)
{
    return procfs_clock_ns(r->cpu_clock);
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
    f->anon_bytes = PIDS_VAL(ITEM_ANON, ul_int, row, ) * KIB;
    f->file_bytes = PIDS_VAL(ITEM_FILE, ul_int, row, ) * KIB;
    f->shared_bytes = PIDS_VAL(ITEM_SHARED, ul_int, row, ) * KIB;
    f->swap_bytes = PIDS_VAL(ITEM_SWAP, ul_int, row, ) * KIB;
    f->has_kinds = f->anon_bytes + f->file_bytes + f->shared_bytes > 0;
    if (!r->asked_io) {
        char io[512];
        r->has_io = procfs_read(AT_FDCWD, io, sizeof io, "/proc/%d/io", (int)r->pid) > 0;
        r->asked_io = true;
    }
    f->has_io = r->has_io;
    f->cpu_ns = figures_cpu_ns(r);
    if (f->cpu_ns == 0)
        f->cpu_ns = f->user_ns + f->system_ns;
    thread_counts_read(&r->threads, f->threads == 1);
    f->voluntary_switches = r->threads.voluntary;
    f->forced_switches = r->threads.forced;
    f->queued_ns = r->threads.queued_ns;
    f->has_switches = r->threads.known;
    f->has_queued = r->threads.known && r->threads.has_queued;
    return true;
}
