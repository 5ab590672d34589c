/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Samples of running threads without any stop: perf events whose handler, on the thread's own CPU,
 * copies its registers and the top of its stack (perf_event_open(2)). What is in the rings is
 * hostile like everything else that shows a target's memory, its framing excepted.
 *
 * Invariant: each thread that was given, and each one that it starts from then on, has one event a
 * CPU, and all events of a CPU write into that CPU's ring: memory does not grow with threads, and a
 * thread is sampled from its first instruction on. One struct belongs to one thread: the sampler.
 */
#ifndef TARGET_PERF_H
#define TARGET_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "target/capture.h"

#define PERF_KERNEL_FRAMES_MAX 64

struct perf_events;
struct tracepoint;

enum perf_clock {
    PERF_CYCLES,    /* the hardware's counter */
    PERF_CPU_CLOCK, /* a timer, where there is none */
    PERF_FAULTS,    /* no clock: page faults, minor and major */
    PERF_TRACEPOINT,
};

/* Events for sampling a thread each period_ns of its CPU time (for cycles: about as often), with
 * stack_bytes of its stack. Fails with what forbids it and the remedy. */
struct perf_events *perf_events_new(uint64_t period_ns, size_t stack_bytes, struct err *err);
/* The same for each period-th page fault of a thread. (About 0.1 us a fault, 5 to 10 us for one
 * that is sampled.) */
struct perf_events *perf_events_new_faults(uint64_t period, size_t stack_bytes, struct err *err);
/* The same each time that a tracepoint is passed; stack_bytes 0: registers alone. It is off until
 * perf_events_switch. (2 us a hit, 6 with a stack.) */
struct perf_events *perf_events_new_tracepoint(const struct tracepoint *tracepoint,
                                               size_t stack_bytes, struct err *err);
void perf_events_free(struct perf_events *p);
/* Takes in a thread and, from now on, those that it starts. false: it cannot be (err, may be NULL;
 * errno is ESRCH for one that has ended). Opens as many descriptors as there are CPUs. */
bool perf_events_add(struct perf_events *p, pid_t tid, struct err *err);
/* From now on a sample each period_ns (each so many faults). */
void perf_events_set_period(struct perf_events *p, uint64_t period_ns);
/* Lets all events sample, or not: threads that were given, and those that they started. 1 to 3 us
 * for each thread and CPU. */
void perf_events_switch(struct perf_events *p, bool on);
enum perf_clock perf_events_clock(const struct perf_events *p);
/* Whether time spent in the kernel is sampled too, and kernel frames are seen. */
bool perf_events_see_kernel(const struct perf_events *p);
/* Samples for which there was no room, ever. */
uint64_t perf_events_lost(const struct perf_events *p);

struct perf_sample {
    pid_t pid, tid;
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint64_t address; /* of a fault: what was touched */
    int64_t value;    /* of a tracepoint: its field */
    size_t n_kernel;  /* innermost first */
    uint64_t kernel[PERF_KERNEL_FRAMES_MAX];
    struct capture capture; /* of user mode; stack_size 0: it has none */
};

/* The next sample from any ring, in each ring's order, into *sample (about 20 KB of which only what
 * is needed is written); false: no more for now. 1 to 2 us. */
bool perf_events_next(struct perf_events *p, struct perf_sample *sample);

/* Whether this process may open such events at all, on a process of its own user; else a sentence
 * with the remedy. For doctor. */
bool perf_events_allowed(bool *kernel, struct err *err);
bool perf_events_tracepoint_allowed(const struct tracepoint *tracepoint, struct err *err);
/* Memory that the rings lock for each CPU. */
size_t perf_events_locked_bytes(void);

#endif
