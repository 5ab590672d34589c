/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See wait_chain.h. Pure. */
#include "view/wait_chain.h"

#include <stdlib.h>

#include "base/map.h"
#include "view/wait_group.h"

/* A thread is in its last run still, if that ended no longer ago: batches come five times a
 * second. */
#define FRESH_NS (600 * NS_PER_MS)

static void add_run(struct wait_chain *c, const struct run *r, uint64_t slack_ns)
{
    struct chain_thread *t = &c->threads.at[r->thread.n];
    uint64_t end_ns = t->run.from_ns + t->run.weight_ns;
    bool same = t->run.ticks && r->state == STATE_WAITING && r->owner &&
                t->run.state == STATE_WAITING && t->run.owner == r->owner &&
                r->from_ns <= end_ns + WAIT_GAP_NS + slack_ns;
    if (!same)
        t->since_ns = r->from_ns;
    t->run = *r;
}

void wait_chain_at(struct wait_chain *c, const struct query *query, uint64_t at_ns)
{
    const struct recording *rec = query->rec;
    *c = (struct wait_chain){.at_ns = at_ns};
    for (size_t i = 0; i < rec->threads.n; i++)
        vec_add(&c->threads);
    for (size_t k = 0; k < WAIT_LEVELS; k++) {
        int level = wait_levels[k];
        size_t n = recording_run_count(rec, level);
        for (size_t i = 0; i < n; i++) {
            const struct run *r = recording_run_at(rec, level, i);
            const struct thread *t = &rec->threads.at[r->thread.n];
            bool asked = !query->filter.pid ||
                         rec->incarnations.at[t->incarnation.n].pid == query->filter.pid;
            if (r->ticks && r->from_ns <= at_ns && asked)
                add_run(c, r, level_slice_ns(level));
        }
    }
    struct map by_tid = {0};
    for (uint32_t n = 1; n < rec->threads.n; n++) {
        const struct thread *t = &rec->threads.at[n];
        if (t->from_ns <= at_ns && (!t->to_ns || t->to_ns + FRESH_NS > at_ns))
            map_set(&by_tid, (uint64_t)t->tid, n);
    }
    for (uint32_t n = 1; n < rec->threads.n; n++) {
        struct chain_thread *t = &c->threads.at[n];
        const struct thread *thread = &rec->threads.at[n];
        bool ended = thread->to_ns && thread->to_ns <= at_ns;
        if (!t->run.ticks || ended || t->run.from_ns + t->run.weight_ns + FRESH_NS < at_ns) {
            *t = (struct chain_thread){.owner = 0};
            continue;
        }
        uint32_t owner = t->run.state == STATE_WAITING && t->run.owner
                             ? map_get(&by_tid, (uint64_t)t->run.owner)
                             : MAP_NONE;
        t->owner = owner == MAP_NONE ? 0 : owner;
    }
    map_free(&by_tid);
}

void wait_chain_clear(struct wait_chain *c)
{
    vec_free(&c->threads);
}

size_t wait_chain_walk(const struct wait_chain *c, uint32_t thread, uint32_t out[CHAIN_MAX],
                       int *cycle)
{
    size_t n = 0;
    *cycle = -1;
    while (thread && thread < c->threads.n && n < CHAIN_MAX) {
        for (size_t i = 0; i < n; i++) {
            if (out[i] == thread) {
                *cycle = (int)i;
                return n;
            }
        }
        out[n++] = thread;
        thread = c->threads.at[thread].owner;
    }
    return n;
}

size_t wait_chain_deadlock(const struct wait_chain *c, uint32_t out[CHAIN_MAX])
{
    for (uint32_t t = 1; t < c->threads.n; t++) {
        int cycle;
        if (!c->threads.at[t].owner)
            continue;
        size_t n = wait_chain_walk(c, t, out, &cycle);
        if (cycle != 0)
            continue; /* none, or found when its own members are walked from */
        bool long_enough = true;
        for (size_t i = 0; i < n; i++)
            long_enough &= c->threads.at[out[i]].since_ns + DEADLOCK_NS <= c->at_ns;
        if (long_enough)
            return n;
    }
    return 0;
}
