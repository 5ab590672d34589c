/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See tally.h. Pure. */
#include "view/tally.h"

#include <stdlib.h>

/*
 * Frames recur in many stacks, so the way from a frame to its rows is worked out once per frame:
 * slots[first] is the number of its places, the rows' numbers follow, innermost first.
 */
struct tally_walk {
    struct tallies *out;
    const struct recording *rec;
    const struct fold *fold;
    enum tally_by by;
    uint32_t *frame_first; /* by frame: index into slots, 0: not yet */
    VEC(uint32_t) slots;
    struct map index;      /* place -> row */
    struct map line_index; /* place -> lines, for the hottest line of a function */
    VEC(struct tally_line) lines;
};

struct tally_line {
    uint32_t row, line;
    uint64_t self_ns;
};

#define SLOT_MARK 0x80000000u /* no code: counts only as the innermost */

static uint64_t place_key(const struct tally_walk *w, const struct place *p)
{
    return (uint64_t)p->function.n << 32 | (w->by == TALLY_LINES ? p->line : 0);
}

static uint32_t row_of(struct tally_walk *w, const struct place *p)
{
    uint64_t key = place_key(w, p);
    uint32_t n = map_get(&w->index, key);
    if (n == MAP_NONE) {
        n = (uint32_t)w->out->rows.n;
        struct tally *t = vec_add(&w->out->rows);
        t->function = p->function;
        map_add(&w->index, key, n);
    }
    if (!w->out->rows.at[n].line)
        w->out->rows.at[n].line = p->line;
    return n;
}

static uint32_t slots_of(struct tally_walk *w, struct frame_id frame)
{
    if (!w->frame_first[frame.n]) {
        const struct place *places;
        size_t n = recording_places(w->rec, frame, &places);
        bool mark = frame_at(&w->rec->words, frame)->kind == FRAME_MARK;
        w->frame_first[frame.n] = (uint32_t)w->slots.n;
        vec_push(&w->slots, (uint32_t)n | (mark ? SLOT_MARK : 0));
        for (size_t i = 0; i < n; i++)
            vec_push(&w->slots, row_of(w, &places[i]));
    }
    return w->frame_first[frame.n];
}

static void add_total(struct tally *t, const struct cell *cell, uint32_t stamp)
{
    if (t->stamp == stamp)
        return;
    t->stamp = stamp;
    t->total_ns += cell->ns;
    t->total_ticks += cell->ticks;
    if (t->last_thread != cell->thread.n + 1) {
        t->last_thread = cell->thread.n + 1;
        t->threads++;
    }
}

static void add_self(struct tally *t, const struct cell *cell)
{
    t->self_ns += cell->ns;
    t->self_ticks += cell->ticks;
    if (cell->state == STATE_RUNNING)
        t->cpu_ns += cell->ns;
}

static void add_line(struct tally_walk *w, const struct place *p, uint32_t row, uint64_t ns)
{
    uint64_t key = (uint64_t)p->function.n << 32 | p->line;
    uint32_t n = map_get(&w->line_index, key);
    if (n == MAP_NONE) {
        n = (uint32_t)w->lines.n;
        struct tally_line line = {row, p->line, 0};
        vec_push(&w->lines, line);
        map_add(&w->line_index, key, n);
    }
    w->lines.at[n].self_ns += ns;
}

static void add_cell(struct tally_walk *w, const struct cell *cell, uint32_t stamp)
{
    if (!cell->stack.n) {
        add_self(&w->out->rows.at[0], cell);
        add_total(&w->out->rows.at[0], cell, stamp);
        return;
    }
    for (struct stack_id s = cell->stack; s.n; s = fold_at(w->fold, s)->parent) {
        struct frame_id frame = fold_at(w->fold, s)->frame;
        uint32_t first = slots_of(w, frame), n = w->slots.at[first];
        bool inner = s.n == cell->stack.n;
        if (n & SLOT_MARK) {
            if (!inner)
                continue;
            n &= ~SLOT_MARK;
        }
        for (uint32_t i = 0; i < n; i++)
            add_total(&w->out->rows.at[w->slots.at[first + 1 + i]], cell, stamp);
        if (inner) {
            uint32_t row = w->slots.at[first + 1];
            add_self(&w->out->rows.at[row], cell);
            if (w->by == TALLY_FUNCTIONS) {
                const struct place *places;
                recording_places(w->rec, frame, &places);
                add_line(w, &places[0], row, cell->ns);
            }
        }
    }
}

/* The cells' numbers, those of a thread together: that is how threads are counted. */
static uint32_t *cells_by_thread(const struct recording *rec, const struct window_sum *sum)
{
    uint32_t *start = xcalloc(rec->threads.n + 1, sizeof *start);
    uint32_t *order = xmalloc((sum->cells.n + 1) * sizeof *order);
    for (size_t i = 0; i < sum->cells.n; i++)
        start[sum->cells.at[i].thread.n + 1]++;
    for (size_t i = 1; i <= rec->threads.n; i++)
        start[i] += start[i - 1];
    for (size_t i = 0; i < sum->cells.n; i++)
        order[start[sum->cells.at[i].thread.n]++] = (uint32_t)i;
    free(start);
    return order;
}

static void set_hottest_lines(struct tally_walk *w)
{
    uint64_t *best = xcalloc(w->out->rows.n, sizeof *best);
    for (size_t i = 0; i < w->lines.n; i++) {
        const struct tally_line *l = &w->lines.at[i];
        if (l->line && l->self_ns > best[l->row]) {
            best[l->row] = l->self_ns;
            w->out->rows.at[l->row].line = l->line;
        }
    }
    free(best);
}

void tally_sum(struct tallies *t, const struct recording *rec, const struct window_sum *sum,
               enum states states, enum tally_by by)
{
    *t = (struct tallies){0};
    vec_add(&t->rows);
    struct tally_walk w = {.out = t, .rec = rec, .fold = &sum->fold, .by = by};
    w.frame_first = xcalloc(rec->words.frames.n, sizeof *w.frame_first);
    vec_push(&w.slots, 0);
    map_add(&w.index, 0, 0);
    uint32_t *order = cells_by_thread(rec, sum);
    for (size_t i = 0; i < sum->cells.n; i++) {
        const struct cell *cell = &sum->cells.at[order[i]];
        if (cell_counts(cell, states))
            add_cell(&w, cell, (uint32_t)i + 1);
    }
    set_hottest_lines(&w);
    free(order);
    free(w.frame_first);
    vec_free(&w.slots);
    vec_free(&w.lines);
    map_free(&w.index);
    map_free(&w.line_index);
}

void tally_clear(struct tallies *t)
{
    vec_free(&t->rows);
}
