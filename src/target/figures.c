/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The figures of a process (figures.h). Invariant: sums never go down.
 */
#include "target/figures.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/procfs.h"
#include "target/thread_counts.h"

#define KIB 1024u /* the unit of status (proc(5)) */

struct figures_reader {
    pid_t pid;
    clockid_t cpu_clock;
    struct thread_counts threads;
    bool asked_io, has_io; /* once: it is a permission */
};

struct figures_reader *figures_new(pid_t pid)
{
    struct figures_reader *r = xcalloc(1, sizeof *r);
    r->pid = pid;
    r->cpu_clock = procfs_cpu_clock(pid);
    thread_counts_init(&r->threads, pid);
    return r;
}

void figures_free(struct figures_reader *r)
{
    if (!r)
        return;
    thread_counts_clear(&r->threads);
    free(r);
}

static uint64_t ticks_ns(uint64_t ticks)
{
    long per_s = sysconf(_SC_CLK_TCK);
    return ticks * (NS_PER_S / (uint64_t)(per_s > 0 ? per_s : 100));
}

static uint64_t status_bytes(const char *status, const char *name)
{
    return procfs_status_field(status, name, 10, 0) * KIB;
}

/* Nothing of it is told on an old kernel, or of a process that is ending. */
static void take_status(struct figures *f, const char *status)
{
    f->anon_bytes = status_bytes(status, "RssAnon");
    f->file_bytes = status_bytes(status, "RssFile");
    f->shared_bytes = status_bytes(status, "RssShmem");
    f->swap_bytes = status_bytes(status, "VmSwap");
    uint64_t kinds = f->anon_bytes + f->file_bytes + f->shared_bytes;
    f->has_kinds = kinds > 0;
    if (f->has_kinds)
        f->rss_bytes = kinds; /* so that they make it up, whatever has changed since stat */
}

static void read_io(struct figures_reader *r, struct figures *f)
{
    char io[512];
    if (r->asked_io && !r->has_io)
        return;
    bool read = procfs_read(AT_FDCWD, io, sizeof io, "/proc/%d/io", (int)r->pid) > 0;
    if (!r->asked_io)
        r->has_io = read;
    r->asked_io = true;
    f->has_io = r->has_io;
    f->read_bytes = procfs_status_field(io, "read_bytes", 10, 0);
    f->written_bytes = procfs_status_field(io, "write_bytes", 10, 0);
}

bool figures_read(struct figures_reader *r, struct figures *f)
{
    char status[4096];
    struct procfs_stat stat;
    memset(f, 0, sizeof *f);
    if (!procfs_stat(r->pid, &stat))
        return false;
    f->user_ns = ticks_ns(stat.user_ticks);
    f->system_ns = ticks_ns(stat.system_ticks);
    f->rss_bytes = stat.rss_pages * (uint64_t)sysconf(_SC_PAGESIZE);
    f->virtual_bytes = stat.virtual_bytes;
    f->threads = stat.threads;
    f->minor_faults = stat.minor_faults;
    f->major_faults = stat.major_faults;
    procfs_read(AT_FDCWD, status, sizeof status, "/proc/%d/status", (int)r->pid);
    take_status(f, status);
    read_io(r, f);
    f->cpu_ns = procfs_clock_ns(r->cpu_clock);
    if (f->cpu_ns == 0)
        f->cpu_ns = f->user_ns + f->system_ns;
    thread_counts_read(&r->threads, stat.threads == 1 ? status : NULL);
    f->voluntary_switches = r->threads.voluntary;
    f->forced_switches = r->threads.forced;
    f->queued_ns = r->threads.queued_ns;
    f->has_switches = r->threads.known;
    f->has_queued = r->threads.known && r->threads.has_queued;
    return true;
}
