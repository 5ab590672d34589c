/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread under observation: what was last seen of it, and the run that still lengthens.
 *
 * Invariant: the weights of a thread's samples add up to the time that it was watched, less what it
 * was held for copies. Where the kernel tells how long it ran and how long it waited for a CPU
 * (schedstat), each of the three states is given what it really had, however the samples fell;
 * `account` keeps what is still to be given out. The sampler's thread.
 */
#ifndef ENGINE_WATCHED_H
#define ENGINE_WATCHED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/sink.h"
#include "engine/wait_object.h"
#include "target/tasks.h"

/* A run does not lengthen over more than this. */
#define WATCHED_GAP_NS (500 * NS_PER_MS)

struct watched {
    pid_t tid;                    /* 0: nobody */
    uint32_t number;              /* in the sink */
    uint32_t generation;          /* of the dictionary that run.stack belongs to */
    bool settled;                 /* asleep when last looked at, and its stack is known */
    bool guessed;                 /* but a register in it, which can be had soon */
    uint32_t calm;                /* looks in a row that found it so */
    bool began;                   /* it ran since the last tick: a wait now is a new one */
    bool late;                    /* its stop was asked for, and is still to come */
    uint64_t turns;               /* when last looked at */
    uint64_t born_ns, name_at_ns; /* when its name is looked at again */
    uint64_t name_hash;
    uint64_t asked_ns,
        asked_queue_ns; /* the tick of its last stop; its wait for a CPU until then */
    struct {
        struct run seen; /* its last sample that was read as it ran; ticks 0: none is held back */
        uint64_t at_ns, turns, queue_ns;
        uint64_t moment;       /* of its Python frames */
        struct stack_id slept; /* where it was last seen asleep */
        uint32_t generation, slept_generation;
    } moving;
    uint64_t last_sp;         /* somewhere in its stack; 0 unknown */
    uint32_t stack_bytes;     /* how much of its stack to copy; 0: not known, all that fits */
    struct wait_object waits; /* its last wait */
    struct run run;           /* still lengthening; ticks 0: none */
    struct {
        bool begun;
        struct task_times times; /* when last read */
        uint64_t at_ns;
        int64_t cpu_ns, wait_ns; /* to be given out; waiting may be overdrawn for a while */
        uint64_t queued_ns;
        uint64_t unsampled_ns; /* ran since the last sample */
        struct stack_id stack; /* where it was last seen on a CPU */
        uint32_t generation;
    } account;
};

/* A sample of t: lengthens its run, or ends that and begins another. */
void watched_add(struct watched *t, struct sink *sink, const struct run *seen, uint64_t weight_ns,
                 uint64_t now_ns);
/* The same of one on a CPU, and before it how long it has waited for a CPU. */
void watched_add_running(struct watched *t, struct sink *sink, const struct run *seen,
                         uint64_t weight_ns, uint64_t now_ns);
/* A sample that was due could not be taken. */
void watched_lose(struct watched *t, struct sink *sink);
/* Puts the run that lengthens into the sink's batch. */
void watched_flush(struct watched *t, struct sink *sink);

/* Takes in what schedstat says now. A time longer than gap_ns was not observed, and is left out. */
void watched_account(struct watched *t, const struct task_times *times, uint64_t now_ns,
                     uint64_t gap_ns);

/* It stood still for a copy so long, which was no wait of its own. */
void watched_held(struct watched *t, uint64_t ns);

/*
 * A sample of a thread that is read as it runs. The kernel brings the run time of such a thread up
 * to date at its own ticks alone (1 to 10 ms), so what is known of it at the sample is what those
 * before have used. The sample is held back until the next look, and given the time since if the
 * thread was on its CPU all along (it has had no other turn, and is not where it slept), or else
 * what it is known to have used by then. At the place where it slept, and without a CPU since, it
 * was woken but did not run yet.
 */
void watched_add_moving(struct watched *t, struct sink *sink, const struct run *seen,
                        uint64_t period_ns, uint64_t now_ns);
/* Adds the sample that is held back, with what the thread is known to have used: it is off its CPU
 * now. */
void watched_end_moving(struct watched *t, struct sink *sink, uint64_t period_ns, uint64_t now_ns);

/* Of what is still to be given out: all of the waiting; a sample's share of the CPU time, about
 * period_ns where samples come that often; the waiting for a CPU, if it is worth a sample of its
 * own (else 0). */
uint64_t watched_take_wait(struct watched *t);
uint64_t watched_take_cpu(struct watched *t, uint64_t period_ns);
uint64_t watched_take_queue(struct watched *t);

/* Whether it had no CPU when its stop was asked for: it stands where it woke up, or where it lost
 * its CPU. One that lost it to the sampler's own waking has waited no longer than from the tick to
 * the stop. After watched_account, which knows by then how long it waited. */
bool watched_queued(const struct watched *t, uint64_t stopped_ns);
/* A sample of such a thread. What it has run before is none of what it is seen at. */
void watched_add_queued(struct watched *t, struct sink *sink, const struct run *seen,
                        uint64_t now_ns);

#endif
