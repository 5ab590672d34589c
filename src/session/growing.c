/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See growing.h. grow_work is the worker's side, the rest the front's. */
#include "session/growing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/enlarged.h"
#include "session/queue.h"

/* A step of waiting, after which it is looked whether the look was given up. */
#define STEP_NS (50 * NS_PER_MS)
/* What is needed beside a look's two parts, and how short these may become together. */
#define BESIDE_NS (1500 * NS_PER_MS)
#define LEAST_NS  (3 * NS_PER_S)
#define USUAL_NS  (30 * NS_PER_S)

/* News of the worker: the newest that it could tell; or its last, with what was found. */
struct news {
    enum growing_phase phase;
    struct survivors_cost cost;
    struct survivors_progress progress;
    bool last;
    struct err err;       /* of the last; text "" if all went well */
    struct growth *found; /* owned; NULL: nothing */
};

struct growing {
    pthread_t thread;
    bool running; /* the thread is there */
    pid_t pid;
    uint32_t incarnation;
    uint64_t within_ns; /* see growing_start */
    _Atomic bool accepted, cancelled;
    struct queue *news;
    struct growing_state state;
    struct err trouble;
};

static void news_free(struct news *n)
{
    if (!n)
        return;
    if (n->found)
        growth_clear(n->found);
    free(n->found);
    free(n);
}

/* What finds no room is old by the time that there is some. */
static void tell(struct growing *g, enum growing_phase phase, const struct survivors_cost *cost,
                 const struct survivors *survivors)
{
    struct news *n = xcalloc(1, sizeof *n);
    n->phase = phase;
    n->cost = *cost;
    if (phase == GROWING_LOOKING)
        n->progress = survivors_progress(survivors);
    if (!queue_put(g->news, n))
        news_free(n);
}

static void copy_rows(struct growth *to, const struct growth *from)
{
    for (size_t i = 0; i < from->rows.n; i++)
        growth_copy(to, from, &from->rows.at[i]);
}

static struct growth *take_found(struct growing *g, struct survivors *survivors,
                                 struct enlarged *enlarged)
{
    const struct growth *stays = survivors_result(survivors);
    struct growth *found = xcalloc(1, sizeof *found);
    growth_init(found, g->pid);
    found->from_ns = stays->from_ns;
    found->to_ns = stays->to_ns;
    found->cost_pct = stays->cost_pct;
    found->samples = stays->samples;
    found->lost = stays->lost;
    found->unnamed = stays->unnamed;
    found->flags = stays->flags;
    copy_rows(found, stays);
    if (enlarged)
        copy_rows(found, enlarged_result(enlarged));
    growth_close(found);
    return found;
}

/* false: it was given up. */
static bool wait_for_yes(struct growing *g)
{
    struct timespec step = {0, (long)STEP_NS};
    while (!g->accepted && !g->cancelled)
        nanosleep(&step, NULL);
    return !g->cancelled;
}

static void wait_meanwhile(struct growing *g, struct enlarged *enlarged, uint64_t wait_ns)
{
    uint64_t until_ns = clock_mono_ns() + wait_ns, now_ns;
    while (!g->cancelled && (now_ns = clock_mono_ns()) < until_ns) {
        uint64_t left_ns = until_ns - now_ns < STEP_NS ? until_ns - now_ns : STEP_NS;
        struct timespec step = {0, (long)left_ns};
        nanosleep(&step, NULL);
        if (enlarged)
            enlarged_poll(enlarged);
    }
}

static bool look(struct growing *g, struct survivors *survivors, struct enlarged *enlarged,
                 const struct survivors_cost *cost, struct err *err)
{
    enum survivors_state state = SURVIVORS_SAMPLING;
    while (!g->cancelled && (state == SURVIVORS_SAMPLING || state == SURVIVORS_WAITING)) {
        uint64_t wait_ns = 0;
        state = survivors_poll(survivors, &wait_ns, err);
        tell(g, GROWING_LOOKING, cost, survivors);
        if (enlarged)
            enlarged_poll(enlarged);
        wait_meanwhile(g, enlarged, wait_ns);
    }
    return state != SURVIVORS_FAILED;
}

static void work(struct growing *g, struct news *last)
{
    struct survivors_options options = {.sample_ns = 0};
    struct survivors_cost cost = {0};
    if (g->within_ns && g->within_ns < USUAL_NS + BESIDE_NS) {
        uint64_t ns =
            g->within_ns > LEAST_NS + BESIDE_NS ? g->within_ns - BESIDE_NS : (uint64_t)LEAST_NS;
        options.sample_ns = ns * 2 / 3;
        options.stay_ns = ns / 3;
    }
    struct survivors *survivors = survivors_new(g->pid, &options, &last->err);
    if (!survivors)
        return;
    bool ok = survivors_estimate(survivors, &cost, &last->err);
    if (ok && !g->within_ns) {
        tell(g, GROWING_ASKING, &cost, NULL);
        ok = wait_for_yes(g);
    }
    if (ok && !g->cancelled) {
        struct enlarged *enlarged = enlarged_new(g->pid, NULL);
        struct err err = {""};
        if (!look(g, survivors, enlarged, &cost, &err))
            last->err = err;
        last->found = take_found(g, survivors, enlarged);
        enlarged_free(enlarged);
    }
    survivors_free(survivors);
}

static void *grow_work(void *arg)
{
    struct growing *g = arg;
    struct news *last = xcalloc(1, sizeof *last);
    last->last = true;
    work(g, last);
    /* The front takes news some times a second; this piece may not be lost. */
    struct timespec step = {0, (long)STEP_NS};
    while (!queue_put(g->news, last)) {
        if (g->cancelled) { /* perhaps nobody takes any */
            news_free(last);
            break;
        }
        nanosleep(&step, NULL);
    }
    return NULL;
}

struct growing *growing_new(void)
{
    struct growing *g = xcalloc(1, sizeof *g);
    g->news = queue_new(4);
    return g;
}

static void join(struct growing *g)
{
    if (g->running)
        pthread_join(g->thread, NULL);
    g->running = false;
    g->state.phase = GROWING_IDLE;
}

void growing_free(struct growing *g)
{
    if (!g)
        return;
    g->cancelled = true;
    join(g);
    struct news *n;
    while ((n = queue_take(g->news)))
        news_free(n);
    queue_free(g->news);
    free(g);
}

int growing_fd(const struct growing *g)
{
    return queue_fd(g->news);
}

bool growing_start(struct growing *g, const struct recording *rec, struct incarnation_id in,
                   uint64_t within_ns)
{
    if (g->running || !in.n || rec->incarnations.at[in.n].to_ns)
        return false;
    g->pid = rec->incarnations.at[in.n].pid;
    g->incarnation = in.n;
    g->within_ns = within_ns;
    g->accepted = g->cancelled = false;
    g->trouble.text[0] = '\0';
    if (pthread_create(&g->thread, NULL, grow_work, g))
        die("cannot start a thread");
    pthread_setname_np(g->thread, "growing");
    g->running = true;
    g->state = (struct growing_state){.phase = GROWING_ESTIMATING};
    return true;
}

void growing_accept(struct growing *g)
{
    g->accepted = true;
    if (g->state.phase == GROWING_ASKING)
        g->state.phase = GROWING_LOOKING;
}

void growing_cancel(struct growing *g)
{
    g->cancelled = true;
}

void growing_renumber(struct growing *g, const uint32_t *renumbered)
{
    if (g->running)
        g->incarnation = renumbered[g->incarnation];
}

void growing_pump(struct growing *g, struct recording *rec)
{
    struct news *n;
    while ((n = queue_take(g->news))) {
        if (n->last) {
            join(g);
            g->trouble = n->err;
            if (n->found && g->incarnation && g->incarnation < rec->incarnations.n)
                recording_add_growth(rec, (struct incarnation_id){g->incarnation}, n->found);
            rec->version++;
        } else {
            g->state.phase = n->phase;
            g->state.cost = n->cost;
            g->state.progress = n->progress;
        }
        news_free(n);
    }
}

struct growing_state growing_state(const struct growing *g)
{
    struct growing_state state = g->state;
    state.trouble = g->trouble.text;
    return state;
}
