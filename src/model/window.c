/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See window.h. Pure. */
#include "model/window.h"

#include <stdlib.h>
#include <string.h>

struct window window_all(const struct recording *rec)
{
    return (struct window){rec->start_ns, rec->end_ns + 1};
}

struct windows windows_of(struct window w)
{
    return (struct windows){{w}, w.to_ns > w.from_ns};
}

static void add_part(struct windows *w, uint64_t from_ns, uint64_t to_ns)
{
    if (to_ns > from_ns && w->n < WINDOW_PARTS)
        w->at[w->n++] = (struct window){from_ns, to_ns};
}

struct windows windows_without(struct window all, struct window hole)
{
    struct windows w = {0};
    if (hole.to_ns <= hole.from_ns || hole.to_ns <= all.from_ns || hole.from_ns >= all.to_ns)
        return windows_of(all);
    add_part(&w, all.from_ns, hole.from_ns);
    add_part(&w, hole.to_ns, all.to_ns);
    return w;
}

uint64_t windows_span_ns(const struct windows *w)
{
    uint64_t span = 0;
    for (size_t i = 0; i < w->n; i++)
        span += w->at[i].to_ns - w->at[i].from_ns;
    return span;
}

struct windows windows_slice(const struct windows *w, uint64_t from_ns, uint64_t to_ns)
{
    struct windows slice = {0};
    uint64_t before = 0; /* the length of the parts before this one */
    for (size_t i = 0; i < w->n; i++) {
        uint64_t span = w->at[i].to_ns - w->at[i].from_ns;
        uint64_t from = from_ns > before ? from_ns - before : 0;
        uint64_t to = to_ns > before ? to_ns - before : 0;
        add_part(&slice, w->at[i].from_ns + (from < span ? from : span),
                 w->at[i].from_ns + (to < span ? to : span));
        before += span;
    }
    return slice;
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

/* Whether waits are idle is told from stacks in the default's folding, however they are shown. What
 * was found out is remembered by the recording's stack, since a stack mostly waits for one thing,
 * and else by all that decides. */
struct idleness {
    struct fold *fold;
    struct map known; /* by folded stack, wait and object: idle */
    struct idle_stack {
        uint32_t object;
        uint8_t wait, idle; /* idle: 0 nothing is remembered, 1 no, 2 yes */
    } * last;               /* by the recording's stack */
};

static bool is_idle(struct idleness *judge, struct stack_id of, enum sample_state state,
                    enum wait_kind wait, struct object_id object)
{
    if (state != STATE_WAITING)
        return false;
    struct idle_stack *last = &judge->last[of.n];
    if (last->idle && last->wait == wait && last->object == object.n)
        return last->idle == 2;
    struct stack_id stack = fold_stack(judge->fold, of);
    uint64_t key = hash_mix((uint64_t)stack.n << 32 | object.n, wait);
    uint32_t known = map_get(&judge->known, key);
    if (known == MAP_NONE) {
        known = wait_is_idle(judge->fold, wait, stack, object);
        map_add(&judge->known, key, known);
    }
    *last = (struct idle_stack){object.n, (uint8_t)wait, known ? 2 : 1};
    return known;
}

/* Cells found by their content. This is done for each run of a window, of which there may be
 * 350,000. */
struct cells {
    VEC(struct cell) at;
    struct chains index;
};

static uint32_t cell_hash(const struct cell *c)
{
    uint64_t x = (uint64_t)c->thread.n << 40 ^ (uint64_t)c->object.n << 24 ^ c->stack.n;
    x ^= (uint64_t)(uint32_t)c->owner << 32 ^ (uint64_t)(c->state | c->wait << 2 | c->flags << 8)
                                                  << 48;
    return chains_hash(x);
}

static void add_to_cell(struct cells *cells, const struct cell *add)
{
    uint32_t hash = cell_hash(add);
    for (uint32_t i = chains_first(&cells->index, hash); i != CHAINS_NONE;
         i = chains_next(&cells->index, i)) {
        struct cell *c = &cells->at.at[i];
        if (c->thread.n == add->thread.n && c->stack.n == add->stack.n &&
            c->object.n == add->object.n && c->owner == add->owner && c->state == add->state &&
            c->wait == add->wait && c->flags == add->flags && c->idle == add->idle) {
            c->ns += add->ns;
            c->ticks += add->ticks;
            return;
        }
    }
    vec_push(&cells->at, *add);
    chains_add(&cells->index, hash);
}

static struct cell cell_of(const struct run *r, uint64_t ns)
{
    /* A run that is cut by the window keeps its share of the ticks. */
    uint32_t ticks = r->ticks;
    if (ns < r->weight_ns)
        ticks = (uint32_t)((double)r->ticks * (double)ns / (double)r->weight_ns + 0.5);
    return (struct cell){.thread = r->thread,
                         .stack = r->stack,
                         .object = r->object,
                         .owner = r->owner,
                         .state = r->state,
                         .wait = r->wait,
                         .flags = r->flags,
                         .ticks = ticks,
                         .ns = ns};
}

/* The first run of a level that may reach into the window: they are in the order of their end. */
static size_t first_run(const struct recording *rec, int level, uint64_t from_ns)
{
    if (level == LEVEL_COUNT || level == LEVEL_POOLED)
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

/* By thread: whether the filter lets it in. To be freed. */
static bool *matching_threads(const struct recording *rec, const struct filter *f)
{
    bool *matches = xcalloc(rec->threads.n, sizeof *matches);
    for (size_t i = 0; i < rec->threads.n; i++) {
        const struct thread *t = &rec->threads.at[i];
        matches[i] = (!f->tid || t->tid == f->tid) &&
                     (!f->pid || rec->incarnations.at[t->incarnation.n].pid == f->pid);
    }
    return matches;
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

/* What was observed in the windows, by the recording's own stacks: there are far fewer cells than
 * runs, so what a stack is shown as and whether it idles is found out for each cell, not run. */
static void sum_runs(struct cells *cells, const struct recording *rec, struct window w,
                     const bool *threads, bool together)
{
    for (int level = 0; level <= LEVEL_COUNT; level++) {
        size_t n = recording_run_count(rec, level);
        const struct run *first = n ? recording_run_at(rec, level, 0) : NULL; /* in one array */
        for (size_t i = first_run(rec, level, w.from_ns); i < n; i++) {
            const struct run *r = first + i;
            /* Most runs behind a window are told from it by this alone. */
            if (r->from_ns >= w.to_ns || !r->ticks || !threads[r->thread.n])
                continue;
            uint64_t ns = run_overlap_ns(r, level, w.from_ns, w.to_ns);
            if (!ns)
                continue;
            struct cell cell = cell_of(r, ns);
            if (together) {
                cell.thread.n = 0;
                cell.owner = 0;
            }
            add_to_cell(cells, &cell);
        }
    }
}

/* Stacks as they are shown, and which of their waits are idle. */
struct shown {
    struct fold *fold, folded; /* folded: the default's, where fold is another */
    struct idleness idleness;
    struct stack_filter stacks;
};

static void shown_init(struct shown *s, const struct recording *rec, const struct filter *filter,
                       struct fold *fold)
{
    memset(s, 0, sizeof *s);
    s->fold = s->idleness.fold = fold;
    if (filter->native != NATIVE_FOLDED) {
        fold_init(&s->folded, rec, NATIVE_FOLDED);
        s->idleness.fold = &s->folded;
    }
    s->idleness.last = xcalloc(rec->words.stacks.n, sizeof *s->idleness.last);
    s->stacks = (struct stack_filter){.fold = fold,
                                      .text = filter->text && *filter->text ? filter->text : NULL};
}

static void shown_clear(struct shown *s)
{
    vec_free(&s->stacks.known);
    map_free(&s->idleness.known);
    free(s->idleness.last);
    if (s->idleness.fold == &s->folded)
        fold_clear(&s->folded);
}

/* Sets how the stack is shown; false: the filter does not let it in. */
static bool show_stack(struct shown *s, struct stack_id *stack, enum sample_state state,
                       enum wait_kind wait, struct object_id object, bool *idle)
{
    *idle = is_idle(&s->idleness, *stack, state, wait, object);
    *stack = fold_stack(s->fold, *stack);
    return stack_matches(&s->stacks, *stack);
}

void windows_sum(struct window_sum *sum, const struct recording *rec, const struct windows *windows,
                 const struct filter *filter)
{
    static const struct filter no_filter;
    if (!filter)
        filter = &no_filter;
    memset(sum, 0, sizeof *sum);
    if (windows->n)
        sum->window = (struct window){windows->at[0].from_ns, windows->at[windows->n - 1].to_ns};
    struct cells runs = {0}, cells = {0};
    bool *threads = matching_threads(rec, filter);
    for (size_t i = 0; i < windows->n; i++)
        sum_runs(&runs, rec, windows->at[i], threads, filter->together);
    free(threads);
    chains_free(&runs.index);

    fold_init(&sum->fold, rec, filter->native);
    struct shown shown;
    shown_init(&shown, rec, filter, &sum->fold);
    for (size_t i = 0; i < runs.at.n; i++) {
        struct cell *c = &runs.at.at[i];
        if (!show_stack(&shown, &c->stack, c->state, c->wait, c->object, &c->idle))
            continue;
        if (sum->fold.plain) /* different stacks stay different */
            vec_push(&cells.at, *c);
        else
            add_to_cell(&cells, c);
    }
    shown_clear(&shown);
    vec_free(&runs.at);
    chains_free(&cells.index);
    sum->cells.at = cells.at.at;
    sum->cells.n = cells.at.n;
    sum->cells.cap = cells.at.cap;
    total_up(sum, filter->states);
}

void window_sum(struct window_sum *sum, const struct recording *rec, struct window window,
                const struct filter *filter)
{
    struct windows windows = windows_of(window);
    windows_sum(sum, rec, &windows, filter);
    sum->window = window;
}

/* A run that reaches into several of the windows is visited with the first of them. */
static bool was_visited(const struct run *r, int level, const struct windows *windows, size_t part)
{
    for (size_t i = 0; i < part; i++)
        if (run_overlap_ns(r, level, windows->at[i].from_ns, windows->at[i].to_ns))
            return true;
    return false;
}

void windows_visit(const struct recording *rec, const struct windows *windows,
                   const struct filter *filter, struct fold *fold, window_visitor *visit,
                   void *context)
{
    bool *threads = matching_threads(rec, filter);
    struct shown shown;
    shown_init(&shown, rec, filter, fold);
    for (size_t part = 0; part < windows->n; part++) {
        struct window w = windows->at[part];
        for (int level = 0; level <= LEVEL_COUNT; level++) {
            size_t n = recording_run_count(rec, level);
            for (size_t i = first_run(rec, level, w.from_ns); i < n; i++) {
                struct run r = *recording_run_at(rec, level, i);
                bool idle;
                if (!r.ticks || !threads[r.thread.n] ||
                    !run_overlap_ns(&r, level, w.from_ns, w.to_ns) ||
                    was_visited(&r, level, windows, part))
                    continue;
                if (show_stack(&shown, &r.stack, r.state, r.wait, r.object, &idle))
                    visit(&r, level, idle, context);
            }
        }
    }
    shown_clear(&shown);
    free(threads);
}

void window_sum_clear(struct window_sum *sum)
{
    vec_free(&sum->cells);
    fold_clear(&sum->fold);
    memset(sum, 0, sizeof *sum);
}
