/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process under observation: its threads, their last runs, and what is needed to read their
 * stacks. The rule that keeps targets safe lives here: only threads that run are stopped, and only
 * for the copy, or not even they where perf events do it; blocked threads are read in place; a
 * thread that has not run keeps its last stack.
 *
 * All calls come from the sampler's thread (ptrace is bound to one).
 */
#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "engine/sink.h"
#include "target/bpf_regs.h"
#include "target/stop.h"

struct watch;

enum engine {
    ENGINE_AUTO,   /* the better one that is permitted */
    ENGINE_PTRACE, /* brief stops */
    ENGINE_PERF,   /* perf events: no stops */
};

struct watch_options {
    enum engine engine;
    bool native;                /* Python threads get native frames too */
    bool tell;                  /* note why the better engine was not taken */
    bool named;                 /* asked for by the user: its end or exec is told */
    uint64_t period_ns;         /* of the ticks */
    struct bpf_regs *registers; /* of threads that sleep; borrowed. NULL: as /proc tells them */
};

/* Begins an incarnation in the sink. Fails with a sentence where the process may not be traced, or
 * not by the engine that is asked for. */
struct watch *watch_new(pid_t pid, const struct watch_options *options, struct sink *sink,
                        struct stops *stops, uint64_t now_ns, struct err *err);
void watch_free(struct watch *w);

pid_t watch_pid(const struct watch *w);
/* In the sink, of the program that it runs now. */
uint32_t watch_incarnation(const struct watch *w);
/* What samples its running threads now: "perf", "ptrace", or "read" (Python frames alone, read
 * while they run on). */
const char *watch_engine(const struct watch *w);
/* One look at every thread. false: the process has ended (its incarnation is closed). Lasts about
 * 1 us for a thread that slept on, 20 to 60 us for one that runs. */
bool watch_tick(struct watch *w, uint64_t now_ns);
/* A thread that was too slow to stop has stopped now: copies it and lets it go. false: it is none
 * of this process, and still stopped. */
bool watch_late(struct watch *w, pid_t tid, uint64_t now_ns);
/* Adds the CPUs that its running threads are on, of at most a few of them. 6 us a thread. */
void watch_cpus(struct watch *w, cpu_set_t *cpus);
/* Once a second: an exec, or an end while it slept. */
void watch_check(struct watch *w, uint64_t now_ns);
/* The ticks come at another rate from now on. */
void watch_set_period(struct watch *w, uint64_t period_ns);
/* Puts the runs that are still lengthening into the sink's batch, before it is cut. */
void watch_flush(struct watch *w);

#endif
