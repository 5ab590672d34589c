/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metric series of the target: figures read once a second, turned into rates. The sampler's
 * thread; about 0.4 ms a call, and 5 ms for the first. Many threads and processes are read in turns
 * (the CPU time of all each time), so that it stays under 2 ms.
 */
#ifndef ENGINE_METRICS_H
#define ENGINE_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/sink.h"

struct metrics_reader;

struct metrics_reader *metrics_reader_new(void);
void metrics_reader_free(struct metrics_reader *m);
/* Reads the figures of the watched processes (the first is the target, the others its family) and
 * adds their sum. The first call only lays the ground for rates. */
void metrics_read(struct metrics_reader *m, const pid_t *pids, size_t n, uint64_t stopped_ns,
                  struct sink *sink, uint64_t now_ns);
/* What the target may use, as of the last read: cores, bytes. */
void metrics_limits(const struct metrics_reader *m, double *cpus, uint64_t *memory_bytes);

/* Marks processes of the target's control group that the kernel has killed for want of memory since
 * the last look. metrics_read does it; so that a target's own end is told, ask when it has ended.
 */
void metrics_check_kills(struct metrics_reader *m, struct sink *sink, uint64_t now_ns);

/* CPU time that the processes have used since the first read. */
uint64_t metrics_cpu_ns(const struct metrics_reader *m);

/* Of one of the processes, at the last read; 0: not read. */
uint64_t metrics_rss_bytes(const struct metrics_reader *m, pid_t pid);

#endif
