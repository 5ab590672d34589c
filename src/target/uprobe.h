/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Probes on functions of a process: the kernel's uprobes, at a function's entry or at its return,
 * as perf events (perf_event_open(2), the "uprobe" PMU, Linux 4.17). The kernel puts a breakpoint
 * into that process's memory alone; each thread that hits it goes on after its registers and the
 * top of its stack were copied. A hit costs 1.2 us (a first instruction that the kernel can
 * emulate, on a good machine) to 25 us, see uprobes_call_cost_ns; also of a call that the period
 * passes over, and on threads that were not given.
 *
 * Invariant: armed means that descriptors are open, and nothing else: closing them takes the
 * breakpoints out, be it uprobes_disarm, or the kernel when this process ends, however it ends.
 * (One page, [uprobes], stays mapped in the target; Linux never unmaps it.)
 *
 * Events are not inherited: a thread that begins and ends then takes 50 ms more for each (measured
 * on Linux 6.18, in the target's time). The caller gives new threads at the next uprobes_arm. One
 * thread.
 */
#ifndef TARGET_UPROBE_H
#define TARGET_UPROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "target/capture.h"

#define UPROBE_POINTS_MAX  32 /* bits of a mask */
#define UPROBE_THREADS_MAX 64 /* each hit looks at every thread's event: 0.4 us each */

struct uprobes;

struct uprobe_options {
    uint64_t period; /* every so many hits of a point on a thread is sampled; 0: they are counted */
    size_t stack_bytes; /* copied at returns, at most CAPTURE_STACK_MAX; 0: registers alone */
    size_t ring_pages;  /* of a thread, a power of two */
};

struct uprobes *uprobes_new(pid_t pid, const struct uprobe_options *options, struct err *err);
/* Takes the probes out, too. */
void uprobes_free(struct uprobes *u);

/* A function, by the file that is mapped (a descriptor, the caller's to close) and its offset in
 * it. Before the first arming. Its number, from 0 on; -1: err says why. */
int uprobes_add(struct uprobes *u, int file, uint64_t offset, bool at_return, struct err *err);

/* Puts the probes in: those of the points whose bits are set (0: all) for these threads, of which
 * at most UPROBE_THREADS_MAX are taken and those that have ended are passed over. They begin to
 * count when all are in, one right after the other, by their numbers; and stop the other way round.
 * So a function's entry that was added before its return is seen of every return. false: not one
 * could be armed, err says why (errno ESRCH: all have ended). 0.5 to 5 ms. */
bool uprobes_arm(struct uprobes *u, uint32_t points, const pid_t *tids, size_t n, struct err *err);
/* Takes them out, and adds up what they counted. What the rings hold can still be read. The kernel
 * takes about 45 ms for each event, since it waits for whoever may be in its handler, one after the
 * other (Linux 6.18); a breakpoint goes at the beginning of its last event's turn. So with a single
 * event the target runs freely at once; with n of them it goes on hitting for up to n - 1 turns. */
void uprobes_disarm(struct uprobes *u);

struct uprobe_sample {
    int point;
    pid_t pid, tid;
    uint64_t time_ns;       /* CLOCK_MONOTONIC */
    struct capture capture; /* at a return: as after it, with the return value in rax */
};

/* The next sample of any thread, in each thread's order; false: no more for now. 1 to 2 us. */
bool uprobes_next(struct uprobes *u, struct uprobe_sample *sample);

/* Hits of a point since the start, as of the last disarming; of all points with -1. */
uint64_t uprobes_hits(const struct uprobes *u, int point);
/* The same, with those of this arming so far; one system call for each thread. */
uint64_t uprobes_hits_so_far(const struct uprobes *u, int point);
/* How long they sampled or counted, in all, up to the last disarming. */
uint64_t uprobes_armed_ns(const struct uprobes *u);
/* Samples for which there was no room, ever. */
uint64_t uprobes_lost(const struct uprobes *u);

/* What a call of a probed function (entry and return, its first instruction being one that the
 * kernel emulates) costs on this machine, tried on ourselves: some 10 ms, and 50 ms to take it out.
 * 0: not permitted. */
uint64_t uprobes_call_cost_ns(size_t stack_bytes);

/* Whether this kernel has such probes and this process may use them; else a sentence with the
 * remedy. For doctor. */
bool uprobes_allowed(struct err *err);

#endif
