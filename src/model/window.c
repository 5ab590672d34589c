/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See window.h. Pure. */
#include "model/window.h"

#include <stdlib.h>
#include <string.h>

struct window window_all(const struct recording *rec)
{
    return (struct window){rec->start_ns, rec->end_ns + 1};
}

bool cell_counts(const struct cell *cell, enum states states)
{
    switch (states) {
    case STATES_BUSY:
        return !cell->idle;
    case STATES_CPU:
        return cell->state == STATE_RUNNING;
    case STATES_WAIT:
        return cell->state != STATE_RUNNING && !cell->idle;
    case STATES_ALL:
        break;
    }
    return true;
}

/* For --filter: does any place of the stack contain the text? Remembered per stack. */
struct stack_filter {
    const struct fold *fold;
    const char *text;   /* NULL: all match */
    VEC(uint8_t) known; /* by stack: 0 not yet, 1 no, 2 yes */
};

static bool frame_matches(const struct recording *rec, struct frame_id frame, const char *text)
{
    const struct place *places;
    size_t n = recording_places(rec, frame, &places);
    for (size_t i = 0; i < n; i++) {
        const struct function *f = function_at(&rec->words, places[i].function);
        if (strcasestr(string_text(&rec->words, f->name), text) ||
            strcasestr(string_text(&rec->words, f->file), text) ||
            strcasestr(module_path(&rec->words, f->module), text))
            return true;
    }
    return false;
}

static bool stack_matches(struct stack_filter *f, struct stack_id id)
{
    if (!f->text)
        return true;
    while (f->known.n <= id.n)
        vec_push(&f->known, 0);
    if (!f->known.at[id.n]) {
        bool yes = false;
        for (struct stack_id s = id; s.n && !yes; s = fold_at(f->fold, s)->parent)
            yes = frame_matches(f->fold->rec, fold_at(f->fold, s)->frame, f->text);
        f->known.at[id.n] = yes ? 2 : 1;
    }
    return f->known.at[id.n] == 2;
}

/* Whether waits are idle is told from stacks in the default's folding, however they are shown. */
struct idleness {
    struct fold *fold;
    struct map known; /* by stack, wait and object: idle */
};

static bool is_idle(struct idleness *judge, const struct run *r)
{
    if (r->state != STATE_WAITING)
        return false;
    struct stack_id stack = fold_stack(judge->fold, r->stack);
    uint64_t key = hash_mix((uint64_t)stack.n << 32 | r->object.n, r->wait);
    uint32_t known = map_get(&judge->known, key);
    if (known == MAP_NONE) {
        known = wait_is_idle(judge->fold, r->wait, stack, r->object);
        map_add(&judge->known, key, known);
    }
    return known;
}

static uint64_t cell_key(const struct run *r, bool idle)
{
    uint64_t key = hash_mix((uint64_t)r->thread.n << 32 | r->stack.n, r->object.n);
    return hash_mix(key, (uint64_t)(uint32_t)r->owner << 32 |
                             (uint64_t)(r->state | r->wait << 8 | r->flags << 16 | idle << 24));
}

static void add_to_cell(struct window_sum *sum, struct map *index, const struct run *r, bool idle,
                        uint64_t ns)
{
    /* A run that is cut by the window keeps its share of the ticks. */
    uint32_t ticks = r->ticks;
    if (ns < r->weight_ns)
        ticks = (uint32_t)((double)r->ticks * (double)ns / (double)r->weight_ns + 0.5);
    uint64_t key = cell_key(r, idle);
    size_t at = 0;
    uint32_t n;
    while ((n = map_probe(index, key, &at)) != MAP_NONE) {
        struct cell *c = &sum->cells.at[n];
        if (c->thread.n == r->thread.n && c->stack.n == r->stack.n && c->object.n == r->object.n &&
            c->owner == r->owner && c->state == r->state && c->wait == r->wait &&
            c->flags == r->flags && c->idle == idle) {
            c->ns += ns;
            c->ticks += ticks;
            return;
        }
    }
    map_add(index, key, (uint32_t)sum->cells.n);
    struct cell cell = {.thread = r->thread,
                        .stack = r->stack,
                        .object = r->object,
                        .owner = r->owner,
                        .state = r->state,
                        .wait = r->wait,
                        .flags = r->flags,
                        .idle = idle,
                        .ticks = ticks,
                        .ns = ns};
    vec_push(&sum->cells, cell);
}

/* The first run of a level that may reach into the window: they are in the order of their end. */
static size_t first_run(const struct recording *rec, int level, uint64_t from_ns)
{
    if (level == LEVEL_COUNT)
        return 0;
    /* Folded runs are in order up to one slice, and a run's end may precede its tick's. */
    uint64_t slack = 2 * level_slice_ns(level) + 1000000000u;
    size_t low = 0, high = recording_run_count(rec, level);
    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct run *r = recording_run_at(rec, level, mid);
        if (r->from_ns + r->weight_ns + slack < from_ns)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool thread_matches(const struct recording *rec, const struct filter *f, struct thread_id id)
{
    const struct thread *t = &rec->threads.at[id.n];
    return (!f->tid || t->tid == f->tid) &&
           (!f->pid || rec->incarnations.at[t->incarnation.n].pid == f->pid);
}

static void total_up(struct window_sum *sum, enum states states)
{
    for (size_t i = 0; i < sum->cells.n; i++) {
        const struct cell *c = &sum->cells.at[i];
        if (c->idle) {
            sum->idle_ns += c->ns;
            sum->idle_ticks += c->ticks;
        } else if (c->state == STATE_RUNNING) {
            sum->cpu_ns += c->ns;
            sum->cpu_ticks += c->ticks;
        } else {
            sum->wait_ns += c->ns;
            sum->wait_ticks += c->ticks;
        }
        if (cell_counts(c, states))
            sum->whole_ns += c->ns;
    }
}

void window_sum(struct window_sum *sum, const struct recording *rec, struct window window,
                const struct filter *filter)
{
    static const struct filter no_filter;
    if (!filter)
        filter = &no_filter;
    memset(sum, 0, sizeof *sum);
    sum->window = window;
    fold_init(&sum->fold, rec, filter->native);
    struct map index = {0};
    struct fold folded;
    bool as_shown = filter->native == NATIVE_FOLDED;
    if (!as_shown)
        fold_init(&folded, rec, NATIVE_FOLDED);
    struct idleness idleness = {.fold = as_shown ? &sum->fold : &folded};
    struct stack_filter stacks = {.fold = &sum->fold,
                                  .text = filter->text && *filter->text ? filter->text : NULL};
    for (int level = 0; level <= LEVEL_COUNT; level++) {
        size_t n = recording_run_count(rec, level);
        for (size_t i = first_run(rec, level, window.from_ns); i < n; i++) {
            struct run r = *recording_run_at(rec, level, i);
            uint64_t ns = r.ticks ? run_overlap_ns(&r, level, window.from_ns, window.to_ns) : 0;
            if (!ns || !thread_matches(rec, filter, r.thread))
                continue;
            bool idle = is_idle(&idleness, &r);
            r.stack = fold_stack(&sum->fold, r.stack);
            if (stack_matches(&stacks, r.stack))
                add_to_cell(sum, &index, &r, idle, ns);
        }
    }
    vec_free(&stacks.known);
    map_free(&index);
    map_free(&idleness.known);
    if (!as_shown)
        fold_clear(&folded);
    total_up(sum, filter->states);
}

void window_sum_clear(struct window_sum *sum)
{
    vec_free(&sum->cells);
    fold_clear(&sum->fold);
    memset(sum, 0, sizeof *sum);
}
