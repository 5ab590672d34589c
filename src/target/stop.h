/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brief stops: a running thread is seized, interrupted, copied and let go.
 *
 * Invariants: a thread is stopped only between stop_begin and stop_end; stop_end always detaches,
 * so that signals meanwhile are never ours to lose and our death leaves nothing stopped
 * (ptrace(2): a tracer's death detaches). Waiting never lasts longer than `limit_ns`: a thread
 * that does not stop in time is counted, remembered and let go as soon as it does stop.
 * Nothing is allocated while a thread is stopped.
 * All calls come from one thread: the sampler.
 */
#ifndef TARGET_STOP_H
#define TARGET_STOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "target/capture.h"

enum stop_result {
    STOP_OK,     /* stopped: copy, then stop_end */
    STOP_GONE,   /* the thread has ended */
    STOP_SLOW,   /* not yet: it waits for a CPU, or is deep in the kernel; see stops_wait */
    STOP_DENIED, /* no permission, or another tracer holds it */
};

struct stops; /* the bookkeeping of one sampler */
/* To be called by the thread that will make the stops. It takes the real-time signal
 * SIGRTMAX - 3 of this process for the time limit. */
struct stops *stops_new(void);
/* Lets everything go; what is deep in the kernel is let go at the latest by the thread's end. */
void stops_free(struct stops *s);

#define STOP_LONG_NS 100000ull

struct stop_stats {
    uint64_t stops;          /* stopped and copied */
    uint64_t stopped_ns;     /* sum; from when it last ran to the detach: never too little */
    uint64_t max_stopped_ns; /* the longest of them */
    uint64_t lasted_long;    /* how many lasted over STOP_LONG_NS */
    uint64_t slow;           /* did not stop in time */
    uint64_t rewound;        /* interrupted system calls that were put right */
    uint64_t signals;        /* stopped at a signal of their own, which they then got */
};
const struct stop_stats *stops_stats(const struct stops *s);

/* Whether to look for a stop again and again for a moment before sleeping: right only where the
 * threads that are stopped run on other CPUs than ours. */
void stops_spin(struct stops *s, bool spin);

/* Seizes and interrupts tid, and waits for it to stop, at most limit_ns. 10 to 40 us for a thread
 * that runs. A thread that its user has stopped (SIGSTOP) gives STOP_OK and stays stopped after. */
enum stop_result stop_begin(struct stops *s, pid_t tid, uint64_t limit_ns);
/* All registers of the stopped thread (capture->regs and all_regs). */
bool stop_registers(struct stops *s, pid_t tid, struct capture *capture);
/* Lets it go on. A system call that the stop has cut short with EINTR is made to start again,
 * unless a signal handler of its own runs: then it ends with EINTR as it would have. A relative
 * timeout starts anew with it: a thread that is blocked must not be stopped tick after tick. */
void stop_end(struct stops *s, pid_t tid);
/* Sleeps until until_ns. If a thread that was slow stops meanwhile, returns its tid at once: it is
 * stopped as after STOP_OK, at the very place where it stood when the stop was asked for (it had no
 * CPU since): copy, then stop_end. 0: the time has come. */
pid_t stops_wait(struct stops *s, uint64_t until_ns);
/* Lets go, without a copy, what stops late within limit_ns, so that nothing is held any more. */
void stops_settle(struct stops *s, uint64_t limit_ns);

#endif
