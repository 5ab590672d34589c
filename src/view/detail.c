/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See detail.h. */
#include "view/detail.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "view/draw_figure.h"
#include "view/draw_table.h"
#include "view/nameless.h"
#include "view/rows.h"

#define WALK_MAX 4096 /* frames of a stack that are looked at */

/* Forgets what was filled, keeps the vectors' memory. */
static void empty(struct detail *d)
{
    for (int i = 0; i < DETAIL_SECTIONS; i++) {
        for (size_t k = 0; k < d->sections[i].n; k++) {
            free(d->sections[i].at[k].name);
            free(d->sections[i].at[k].place);
        }
        vec_clear(&d->sections[i]);
    }
    free(d->name);
    free(d->place);
    free(d->file);
    d->name = d->place = d->file = NULL;
    d->key = 0;
    d->self_ns = d->total_ns = d->cpu_ns = d->wait_ns = d->whole_ns = 0;
}

void detail_clear(struct detail *d)
{
    empty(d);
    for (int i = 0; i < DETAIL_SECTIONS; i++)
        vec_free(&d->sections[i]);
}

struct function_id detail_find(const struct recording *rec, uint64_t key)
{
    for (uint32_t i = 1; key && i < rec->words.functions.n; i++)
        if (rows_function_key(rec, (struct function_id){i}) == key)
            return (struct function_id){i};
    return (struct function_id){0};
}

/* What one fill needs: where rows are by (section, function, line), and which stacks count. */
struct filler {
    struct detail *d;
    const struct fold *fold;
    struct function_id function;
    struct map index[DETAIL_SECTIONS];
    VEC(struct place) places;               /* of the stack at hand, innermost first */
    VEC(uint32_t) touched[DETAIL_SECTIONS]; /* rows that have had this stack's total */
};

static void read_stack(struct filler *f, struct stack_id stack)
{
    vec_clear(&f->places);
    for (struct stack_id s = stack; s.n && f->places.n < WALK_MAX;
         s = fold_at(f->fold, s)->parent) {
        const struct place *places;
        size_t n = recording_places(f->fold->rec, fold_at(f->fold, s)->frame, &places);
        vec_append(&f->places, places, n);
    }
}

static void add(struct filler *f, enum detail_section section, struct place key, bool self,
                uint64_t ns)
{
    uint64_t hash = (uint64_t)key.function.n << 32 | key.line;
    uint32_t i = map_get(&f->index[section], hash);
    if (i == MAP_NONE) {
        i = (uint32_t)f->d->sections[section].n;
        struct detail_row row = {.function = key.function, .line = key.line};
        vec_push(&f->d->sections[section], row);
        map_set(&f->index[section], hash, i);
    }
    struct detail_row *row = &f->d->sections[section].at[i];
    if (self)
        row->self_ns += ns;
    for (size_t k = 0; k < f->touched[section].n; k++)
        if (f->touched[section].at[k] == i)
            return; /* recursion: a stack counts once */
    vec_push(&f->touched[section], i);
    row->total_ns += ns;
}

static void add_cell(struct filler *f, const struct cell *cell)
{
    struct detail *d = f->d;
    read_stack(f, cell->stack);
    for (int i = 0; i < DETAIL_SECTIONS; i++)
        vec_clear(&f->touched[i]);
    bool in = false;
    for (size_t i = 0; i < f->places.n; i++) {
        struct place p = f->places.at[i];
        if (p.function.n != f->function.n)
            continue;
        in = true;
        add(f, DETAIL_LINES, p, i == 0, cell->ns);
        if (i == 0)
            d->self_ns += cell->ns;
        /* Callers and callees by function, whatever the line. */
        if (i > 0)
            add(f, DETAIL_CALLEES, (struct place){f->places.at[i - 1].function, 0}, i == 1,
                cell->ns);
        if (i + 1 < f->places.n)
            add(f, DETAIL_CALLERS, (struct place){f->places.at[i + 1].function, 0}, i == 0,
                cell->ns);
    }
    if (!in)
        return;
    d->total_ns += cell->ns;
    if (cell->state == STATE_RUNNING)
        d->cpu_ns += cell->ns;
    else
        d->wait_ns += cell->ns;
}

static int by_total(const void *a, const void *b)
{
    const struct detail_row *x = a, *y = b;
    if (x->total_ns != y->total_ns)
        return x->total_ns > y->total_ns ? -1 : 1;
    if (x->function.n != y->function.n)
        return x->function.n < y->function.n ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static bool stack_has(const struct fold *fold, struct stack_id stack, struct function_id f)
{
    size_t walked = 0;
    for (struct stack_id s = stack; s.n && walked < WALK_MAX;
         s = fold_at(fold, s)->parent, walked++) {
        const struct place *places;
        size_t n = recording_places(fold->rec, fold_at(fold, s)->frame, &places);
        for (size_t i = 0; i < n; i++)
            if (places[i].function.n == f.n)
                return true;
    }
    return false;
}

/* Adds a run's weight to the steps that it lies in. A run stands for the time from its first
 * observation on. */
static void spread(double *steps, struct window w, const struct run *r, int level)
{
    double step_ns = (double)(w.to_ns - w.from_ns) / DETAIL_STEPS;
    double from = ((double)r->from_ns - (double)w.from_ns) / step_ns;
    double to = from + (double)(run_end_ns(r, level) - r->from_ns) / step_ns;
    double threads = (double)r->weight_ns / (step_ns * (to - from));
    if (from < 0)
        from = 0;
    if (to > DETAIL_STEPS)
        to = DETAIL_STEPS;
    for (int i = (int)from; i < DETAIL_STEPS && i < to; i++) {
        double a = from > i ? from : i, b = to < i + 1 ? to : i + 1;
        if (b > a)
            steps[i] += (b - a) * threads;
    }
}

static void fill_steps(struct detail *d, const struct query *q, struct fold *fold,
                       struct function_id function)
{
    const struct recording *rec = q->rec;
    double steps[DETAIL_STEPS] = {0};
    VEC(uint8_t) known = {0}; /* by folded stack: 0 not yet, 1 no, 2 yes */
    for (int level = 0; level <= LEVEL_COUNT; level++) {
        for (size_t i = 0; i < recording_run_count(rec, level); i++) {
            const struct run *r = recording_run_at(rec, level, i);
            if (!r->ticks || !run_overlap_ns(r, level, q->window.from_ns, q->window.to_ns))
                continue;
            struct stack_id stack = fold_stack(fold, r->stack);
            while (known.n <= stack.n)
                vec_push(&known, 0);
            if (!known.at[stack.n])
                known.at[stack.n] = stack_has(fold, stack, function) ? 2 : 1;
            if (known.at[stack.n] == 2)
                spread(steps, q->window, r, level);
        }
    }
    vec_free(&known);
    double top = 0;
    for (int i = 0; i < DETAIL_STEPS; i++) {
        d->steps[i] = (float)steps[i];
        top = steps[i] > top ? steps[i] : top;
    }
    d->steps_top = (float)(top > 0 ? scale_top(top, false) : 1);
}

/* Texts and keys, once the rows stand. */
static void fill_texts(struct detail *d, const struct recording *rec, struct function_id function)
{
    const struct function *f = function_at(&rec->words, function);
    d->key = rows_function_key(rec, function);
    d->name = xstrdup(rows_function_name(rec, function));
    d->file = xstrdup(string_text(&rec->words, f->file));
    char remedy[REMEDY_MAX];
    if (nameless_is(rec, function) && nameless_remedy_of(remedy, rec))
        d->place = xasprintf("for its names: %s", remedy);
    else
        d->place = d->file[0] ? xasprintf("%s:%u", d->file, f->line)
                              : xstrdup(module_path(&rec->words, f->module));
    for (int i = 0; i < DETAIL_SECTIONS; i++) {
        for (size_t k = 0; k < d->sections[i].n; k++) {
            struct detail_row *r = &d->sections[i].at[k];
            char place[1024];
            r->key = rows_function_key(rec, r->function);
            r->name = xstrdup(rows_function_name(rec, r->function));
            r->place = xstrdup(rows_place(place, sizeof place, rec, r->function,
                                          function_at(&rec->words, r->function)->line));
        }
    }
}

void detail_fill(struct detail *d, const struct query *q, struct function_id function)
{
    struct window_sum sum;
    struct filler f = {.d = d, .fold = &sum.fold, .function = function};
    empty(d);
    if (!function.n || function.n >= q->rec->words.functions.n)
        return;
    window_sum(&sum, q->rec, q->window, &q->filter);
    for (size_t i = 0; i < sum.cells.n; i++)
        if (cell_counts(&sum.cells.at[i], q->filter.states))
            add_cell(&f, &sum.cells.at[i]);
    d->whole_ns = sum.whole_ns;
    for (int i = 0; i < DETAIL_SECTIONS; i++) {
        vec_sort(&d->sections[i], by_total);
        map_free(&f.index[i]);
        vec_free(&f.touched[i]);
    }
    vec_free(&f.places);
    fill_texts(d, q->rec, function);
    for (int i = 0; i < DETAIL_STEPS; i++)
        d->steps[i] = NAN;
    if (q->window.to_ns > q->window.from_ns)
        fill_steps(d, q, &sum.fold, function);
    window_sum_clear(&sum);
}

size_t detail_count(const struct detail *d)
{
    size_t n = 0;
    for (int i = 0; i < DETAIL_SECTIONS; i++)
        n += d->sections[i].n;
    return n;
}

const struct detail_row *detail_at(const struct detail *d, size_t i, enum detail_section *section)
{
    for (int s = 0; s < DETAIL_SECTIONS; s++) {
        if (i < d->sections[s].n) {
            *section = (enum detail_section)s;
            return &d->sections[s].at[i];
        }
        i -= d->sections[s].n;
    }
    return NULL;
}

static double pct(const struct detail *d, uint64_t ns)
{
    return d->whole_ns ? 100.0 * (double)ns / (double)d->whole_ns : 0;
}

static void draw_about(struct grid *g, int row, int column, int width, const struct detail *d)
{
    grid_put(g, row, column, width, STYLE_TITLE, d->name);
    if (d->place[0] == '/')
        grid_put_tail(g, row + 1, column, width, STYLE_NORMAL, d->place);
    else
        grid_put(g, row + 1, column, width, STYLE_NORMAL, d->place);
    int used =
        grid_printf(g, row + 2, column, width, STYLE_NORMAL,
                    "self %.1f%%  total %.1f%%  cpu %.1f%%  wait %.1f%%  ", pct(d, d->self_ns),
                    pct(d, d->total_ns), pct(d, d->cpu_ns), pct(d, d->wait_ns));
    int room = width - used - 14;
    if (room > DETAIL_STEPS)
        room = DETAIL_STEPS;
    if (room < 8)
        return;
    float steps[DETAIL_STEPS];
    for (int i = 0; i < room; i++) {
        /* The mean of the steps that fall into this cell. */
        int from = i * DETAIL_STEPS / room, to = (i + 1) * DETAIL_STEPS / room;
        double sum = 0;
        for (int k = from; k < to; k++)
            sum += d->steps[k];
        steps[i] = (float)(sum / (to - from));
    }
    draw_sparkline(g, row + 2, column + used, steps, room, d->steps_top, STYLE_SPARK);
    grid_printf(g, row + 2, column + used + room + 1, 13, STYLE_GREY, "0-%.3g thread%s",
                d->steps_top, d->steps_top > 1 ? "s" : "");
}

static void draw_detail_row(struct grid *g, int row, int column, int width, const struct detail *d,
                            enum detail_section section, const struct detail_row *r,
                            const struct detail_look *look, enum style style)
{
    char text[64];
    grid_fill(g, row, column, width, style);
    snprintf(text, sizeof text, "%.1f", pct(d, r->self_ns));
    grid_put_right(g, row, column, 6, style, text);
    snprintf(text, sizeof text, "%.1f", pct(d, r->total_ns));
    grid_put_right(g, row, column + 6, 8, style, text);
    if (section == DETAIL_LINES) {
        const char *source =
            look->source && r->line ? look->source(look->source_context, d->file, r->line) : NULL;
        while (source && (*source == ' ' || *source == '\t'))
            source++;
        snprintf(text, sizeof text, "%u", r->line);
        grid_put_right(g, row, column + 14, 7, style, r->line ? text : "?");
        grid_put(g, row, column + 23, width - 23, style, source ? source : "");
        return;
    }
    int name = (width - 18) * 3 / 5;
    grid_put(g, row, column + 16, name, style, r->name);
    grid_put_tail(g, row, column + 18 + name, width - 18 - name, style, r->place);
}

void draw_detail(struct grid *g, int row, int column, int width, int height, const struct detail *d,
                 const struct detail_look *look)
{
    static const char *const heads[DETAIL_SECTIONS] = {
        " SELF%  TOTAL%   LINE  SOURCE", " SELF%  TOTAL%  CALLED BY", " SELF%  TOTAL%  CALLS"};
    if (!d->key || height < 5 || width < 30)
        return;
    draw_about(g, row, column, width, d);
    /* Sections as one list of lines; skip so many that the selected row is in sight. */
    int room = height - 3, line = 0, selected_line = 0;
    size_t index = 0;
    for (int s = 0; s < DETAIL_SECTIONS; s++) {
        if (look->selected != SIZE_MAX && look->selected >= index &&
            look->selected < index + d->sections[s].n)
            selected_line = line + 1 + (int)(look->selected - index);
        line += 2 + (int)d->sections[s].n;
        index += d->sections[s].n;
    }
    int skip = selected_line >= room ? selected_line - room + 1 : 0;
    /* Without a selection each section gets a third of the room. */
    size_t per = look->selected == SIZE_MAX && room > 9 ? (size_t)(room / 3 - 2) : SIZE_MAX;
    line = -skip;
    index = 0;
    for (int s = 0; s < DETAIL_SECTIONS; s++) {
        if (line >= 0 && line < room) {
            grid_fill(g, row + 3 + line, column, width, STYLE_COLUMN);
            grid_put(g, row + 3 + line, column, width, STYLE_COLUMN, heads[s]);
        }
        line++;
        for (size_t i = 0; i < d->sections[s].n; i++, index++) {
            if (i >= per)
                continue;
            if (line >= 0 && line < room) {
                draw_detail_row(g, row + 3 + line, column, width, d, (enum detail_section)s,
                                &d->sections[s].at[i], look,
                                index == look->selected ? STYLE_SELECTED : STYLE_NORMAL);
                if (look->linked && index < LINK_ROWS)
                    grid_link(g, row + 3 + line, column, width, (uint16_t)(LINK_ROW + index));
            }
            line++;
        }
        line++;
    }
}
