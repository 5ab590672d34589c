/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The waits of a window, put together: those of one kind for one thing under one of the program's
 * own functions are one group. What the Waits screen, its details and the verdicts stand on.
 *
 * Locks that somebody was seen to hold are told apart by their address, and so are futexes that two
 * threads were seen to wait for; others (a condition, a semaphore: often made anew for each wait)
 * are not, nor are idle waits. Children are told apart by their program. Pure.
 */
#ifndef VIEW_WAIT_GROUP_H
#define VIEW_WAIT_GROUP_H

#include "base/map.h"
#include "view/rows.h"

/* Two runs of a thread that lie further apart are two waits. (On a busy machine the sampler itself
 * may have to wait for a CPU.) */
#define WAIT_GAP_NS NS_PER_S

/* In this order of levels a thread's runs are in the order of time: from the coarsest to the open
 * ones (LEVEL_COUNT). */
#define WAIT_LEVELS 4
extern const int wait_levels[WAIT_LEVELS];

/* A stretch of time that a thread waited for what `owner` held. */
struct wait_stretch {
    uint64_t from_ns, to_ns;
};

/* Waits of one length. */
struct wait_length {
    uint64_t ns, count;
};

struct wait_group {
    struct function_id function; /* the nearest own one */
    uint8_t state, wait;         /* STATE_RUNNABLE: for a CPU */
    bool idle;
    bool asyncio;     /* an event loop of Python that has nothing to do */
    bool blocks_loop; /* code that an event loop has called: the loop cannot go on meanwhile */
    bool owned;       /* a lock that was seen to be held, or a join */
    uint64_t ns, ticks;
    struct object_id object; /* the one with the most time */
    uint32_t objects;        /* distinct ones; "not known" is none */
    int32_t owner;           /* the tid with the most time; 0: none is known */
    uint32_t owners;
    uint32_t threads;
    uint32_t thread_of;    /* threads seen in the window that have such names */
    struct stack_id stack; /* the one with the most time, of the sum's fold */
    uint64_t key;          /* the same for the same group in another filling */
    uint64_t top_object_ns, top_owner_ns, top_stack_ns;
    /* By wait_groups_time(). */
    VEC(struct wait_length) lengths;
    VEC(struct wait_stretch) stretches; /* under `owner` */
    uint64_t typical_ns, longest_ns;    /* of a single wait; 0: cannot be told */
    uint64_t last_ns;                   /* when it was last seen */
};

struct wait_groups {
    const struct query *query;
    struct window_sum *sum;
    VEC(struct wait_group) at;
    struct map index;      /* by key */
    struct map by_numbers; /* by what makes a group: the words' numbers */
    struct map own;        /* stack -> its nearest own function */
    struct map blocking;   /* stack -> whether an event loop waits for it */
    bool timed;
    struct map held;    /* objects that were seen to have an owner */
    struct map wanted;  /* futex -> the thread that waited for it; or several */
    struct map threads; /* (group, thread) */
    struct map amounts; /* (group, object / owner / stack) -> amount */
    VEC(uint64_t) amount;
    struct map by_stack; /* of a cell's content -> group */
};

/* O(cells). sum belongs to the caller and is used until the clear. */
void wait_groups_sum(struct wait_groups *g, const struct query *query, struct window_sum *sum);
/* How long single waits lasted: once, further calls do nothing. O(runs in the window). A wait is a
 * chain of runs of one thread in the same wait and stack, without a sign of one that ended. Runs
 * that were folded into slices of time tell their number but no lengths, and are left out. */
void wait_groups_time(struct wait_groups *g);
void wait_groups_clear(struct wait_groups *g);

/* What the owner did while the group waited for it: the folded stack with the most time, 0 if it
 * was not seen. O(runs). After wait_groups_time(). */
struct stack_id wait_groups_holder(const struct wait_groups *g, const struct wait_group *group);

/* The newest thread of that tid; 0: it was never seen. O(threads). */
struct thread_id wait_thread(const struct recording *rec, int32_t tid);
/* Its name; "" if it is not known. */
const char *wait_thread_name(const struct recording *rec, int32_t tid);
/* What a thread's name has in common with those of its like: "worker-3" is a "worker". */
size_t wait_name_stem(const char *name);

/* What a single run waits for, in the words of wait_group_about(). */
void wait_run_about(char *out, size_t size, const struct recording *rec, const struct run *run);
/* "futex", "gil", "cpu", ... */
const char *wait_group_kind(const struct wait_group *group);
/* What it is about: "tcp 10.0.0.5:5432", "lock 0x7f12 held by worker-3 (4811)", "3 futexes"; "" if
 * that is not known. brief: without addresses and numbers. */
void wait_group_about(char *out, size_t size, const struct recording *rec,
                      const struct wait_group *group, bool brief);

#endif
