/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The figures of a process that become metrics, read about once a second, through libproc2 where
 * it has them and from procfs otherwise. Sums since the start of the process; rates are the
 * caller's. One struct belongs to one thread.
 */
#ifndef TARGET_FIGURES_H
#define TARGET_FIGURES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct figures {
    uint64_t cpu_ns;  /* user and system together, exact (the process's CPU clock) */
    uint64_t user_ns; /* in steps of the clock tick, 10 ms */
    uint64_t system_ns;
    uint64_t rss_bytes, virtual_bytes;
    /* What makes up the resident memory, and what was swapped out (status: RssAnon, RssFile,
     * RssShmem, VmSwap; Linux 4.5). The kernel adds up counters of its CPUs, and may be a few
     * hundred KB off. */
    uint64_t anon_bytes, file_bytes, shared_bytes, swap_bytes;
    bool has_kinds; /* false: the kernel does not tell */
    uint32_t threads;
    uint64_t minor_faults, major_faults;
    /* Of all threads, since the first read (thread_counts.h: of many threads a part is read each
     * time). false: the first round is not yet over. */
    uint64_t voluntary_switches, forced_switches;
    bool has_switches;
    uint64_t queued_ns;                 /* that its threads were runnable without a CPU */
    bool has_queued;                    /* false also where the kernel does not count it */
    uint64_t read_bytes, written_bytes; /* from and to storage */
    bool has_io;                        /* false: not permitted (then 0) */
};

struct figures_reader;
struct figures_reader *figures_new(pid_t pid, struct err *err);
void figures_free(struct figures_reader *reader);
/* About 100 us, and 20 us for each further thread up to a ms. false: the process has ended. */
bool figures_read(struct figures_reader *reader, struct figures *figures);
/* The CPU time alone: one system call. 0: the process has ended. */
uint64_t figures_cpu_ns(const struct figures_reader *reader);

#endif
