/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See leak.h. Pure. */
#include "model/leak.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "model/window.h"

/* Of what a type grew, so much may have been given back in between. */
#define GIVEN_BACK_MAX 0.3
/* Growth now, as a share of that over the whole window: less has levelled off, or is about to. */
#define STILL_GROWING 0.3
#define SLOPE_STEADY  0.6
/* For the rule of doubling: so many censuses over so long. */
#define DOUBLED_CENSUSES 3
#define DOUBLED_SPAN_NS  (8 * NS_PER_S)
/* For the slope: so many, over so long; so many times its standard error, */
#define SLOPE_CENSUSES 5
#define SLOPE_SPAN_NS  (20 * NS_PER_S)
#define SLOPE_ERRORS   5.0
/* and so much that it matters: memory that grows by less is called stable (contract.md), but for a
 * type that would double within an hour. */
#define SLOPE_BYTES_PER_S 1000.0
#define SLOPE_DOUBLES_S   3600.0
/* After a jump, of a start for one, what came since is looked at by itself: it has to be as steady
 * as this (growth of its later half, as a share of that over all of it), or it is the end of the
 * jump; so long; and it begins after one of these parts of the window. */
#define SINCE_STEADY  0.85
#define SINCE_SPAN_NS (60 * NS_PER_S)
static const double since_parts[] = {0.125, 0.25, 0.5};
/* What was there before is told from what grows where it is more than this of all. */
#define OLD_SHARE 0.25

struct line {
    double slope, error; /* per second; standard error */
};

/* Least squares. Times in seconds from the first. */
static struct line fit(const uint64_t *times_ns, const double *values, size_t n)
{
    struct line line = {0, 0};
    double mean_t = 0, mean_v = 0, tt = 0, tv = 0, rest = 0;
    for (size_t i = 0; i < n; i++) {
        mean_t += (double)(times_ns[i] - times_ns[0]) / 1e9 / (double)n;
        mean_v += values[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double t = (double)(times_ns[i] - times_ns[0]) / 1e9 - mean_t;
        tt += t * t;
        tv += t * (values[i] - mean_v);
    }
    if (n < 2 || tt <= 0)
        return line;
    line.slope = tv / tt;
    for (size_t i = 0; i < n; i++) {
        double t = (double)(times_ns[i] - times_ns[0]) / 1e9 - mean_t;
        double off = values[i] - mean_v - line.slope * t;
        rest += off * off;
    }
    if (n > 2)
        line.error = sqrt(rest / (double)(n - 2) / tt);
    return line;
}

/* The first census after a part of the time. */
static size_t after_part(const uint64_t *times_ns, size_t n, double part)
{
    uint64_t span_ns = times_ns[n - 1] - times_ns[0];
    size_t first = 0;
    while (first + 1 < n && (double)(times_ns[first] - times_ns[0]) < part * (double)span_ns)
        first++;
    return first;
}

/* The later half of the time, but at least four points where there are so many. */
static size_t later_half(const uint64_t *times_ns, size_t n)
{
    size_t first = after_part(times_ns, n, 0.5);
    return first + 4 <= n ? first : n > 4 ? n - 4 : 0;
}

/* The largest fall from a value to a later one. */
static double largest_fall(const double *values, size_t n)
{
    double highest = values[0], fall = 0;
    for (size_t i = 1; i < n; i++) {
        highest = fmax(highest, values[i]);
        fall = fmax(fall, highest - values[i]);
    }
    return fall;
}

/* When it was as low as it ever was for the last time. */
static size_t began_at(const double *values, size_t n)
{
    size_t lowest = 0;
    for (size_t i = 1; i < n; i++)
        if (values[i] <= values[lowest])
            lowest = i;
    return lowest;
}

/* A type's counts, and what they were some time before. */
struct course {
    const uint64_t *times_ns;
    const double *counts, *sizes;
    size_t n;
    double fall; /* the largest, also before */
};

/* Whether it grows, has kept it, and goes on; steady: see STILL_GROWING. */
static bool grows(const struct course *c, double steady)
{
    size_t half = later_half(c->times_ns, c->n), last = c->n - 1;
    double net = c->counts[last] - c->counts[0], slope = fit(c->times_ns, c->counts, c->n).slope;
    double now = fit(c->times_ns + half, c->counts + half, c->n - half).slope;
    return net > 0 && c->fall <= GIVEN_BACK_MAX * net && now > 0 && now >= steady * slope &&
           c->counts[last] > c->counts[half] && c->counts[last] > c->counts[last - 1];
}

static bool has_doubled(const struct course *c)
{
    double first = c->counts[0], last = c->counts[c->n - 1];
    return c->n >= DOUBLED_CENSUSES && c->times_ns[c->n - 1] - c->times_ns[0] >= DOUBLED_SPAN_NS &&
           last > LEAK_COUNT && last >= 2 * first;
}

static bool rises(const struct course *c, uint64_t least_ns)
{
    if (c->n < SLOPE_CENSUSES || c->times_ns[c->n - 1] - c->times_ns[0] < least_ns)
        return false;
    size_t half = later_half(c->times_ns, c->n), n = c->n - half;
    struct line all = fit(c->times_ns, c->counts, c->n);
    struct line now = fit(c->times_ns + half, c->counts + half, n);
    return c->counts[c->n - 1] - c->counts[0] >= LEAK_COUNT &&
           all.slope > SLOPE_ERRORS * all.error && now.slope > 2 * now.error &&
           (fit(c->times_ns + half, c->sizes + half, n).slope >= SLOPE_BYTES_PER_S ||
            now.slope * SLOPE_DOUBLES_S >= c->counts[c->n - 1]);
}

static struct course course_from(const struct course *c, size_t first)
{
    return (struct course){c->times_ns + first, c->counts + first, c->sizes + first, c->n - first,
                           c->fall};
}

static enum leak_rule rule_of(const struct course *c)
{
    if (has_doubled(c) && grows(c, STILL_GROWING))
        return LEAK_DOUBLED;
    if (rises(c, SLOPE_SPAN_NS) && grows(c, SLOPE_STEADY))
        return LEAK_SLOPE;
    for (size_t i = 0; i < sizeof since_parts / sizeof *since_parts; i++) {
        struct course since = course_from(c, after_part(c->times_ns, c->n, since_parts[i]));
        if (rises(&since, SINCE_SPAN_NS) && grows(&since, SINCE_STEADY))
            return LEAK_SLOPE;
    }
    return LEAK_NONE;
}

/* What the rules say of one type's counts at some times (ascending), of which the first n_before
 * are older than the window. */
static void judge(struct type_growth *g, const uint64_t *times_ns, const double *counts,
                  const double *sizes, size_t n, size_t n_before)
{
    struct course all = {times_ns, counts, sizes, n, largest_fall(counts, n)};
    struct course c = course_from(&all, n_before);
    size_t half = later_half(c.times_ns, c.n);
    struct line now = fit(c.times_ns + half, c.counts + half, c.n - half);
    g->count = g->largest_count = (uint64_t)c.counts[c.n - 1];
    g->size_bytes = (uint64_t)c.sizes[c.n - 1];
    g->initial_count = (uint64_t)c.counts[0];
    g->initial_bytes = (uint64_t)c.sizes[0];
    g->per_s = now.slope;
    g->error_per_s = 1.96 * now.error;
    g->bytes_per_s = fit(c.times_ns + half, c.sizes + half, c.n - half).slope;
    g->rule = rule_of(&c);
    if (g->rule == LEAK_NONE)
        return;
    g->severity = g->per_s > LEAK_HIGH_PER_S ? LEAK_HIGH : LEAK_MEDIUM;
    g->since_ns = c.times_ns[began_at(c.counts, c.n)];
}

/* One process's censuses in a window, and what each held of the types of the newest one. */
struct history {
    VEC(const struct census *) censuses;
    size_t n_before; /* of these, the first: as long as the window, before it */
    uint64_t *times_ns;
    double *counts,
        *sizes; /* as many as there are censuses for each row of the newest, row by row */
};

static uint64_t row_key(const struct census_row *row)
{
    return (uint64_t)row->type.n << 16 | (uint64_t)row->language << 8 | row->flags;
}

/* Goes once through the rows of every census. */
static void read_counts(struct history *h)
{
    size_t n = h->censuses.n;
    const struct census *newest = *vec_last(&h->censuses);
    struct map index = {0};
    for (size_t row = 0; row < newest->rows.n; row++)
        map_set(&index, row_key(&newest->rows.at[row]), (uint32_t)row);
    h->times_ns = xcalloc(n, sizeof *h->times_ns);
    h->counts = xcalloc(n * newest->rows.n, sizeof *h->counts);
    h->sizes = xcalloc(n * newest->rows.n, sizeof *h->sizes);
    for (size_t i = 0; i < n; i++) {
        const struct census *census = h->censuses.at[i];
        h->times_ns[i] = census->time_ns;
        for (size_t k = 0; k < census->rows.n; k++) {
            uint32_t row = map_get(&index, row_key(&census->rows.at[k]));
            if (row == MAP_NONE)
                continue;
            h->counts[row * n + i] = (double)census->rows.at[k].count;
            h->sizes[row * n + i] = (double)census->rows.at[k].size_bytes;
        }
    }
    map_free(&index);
}

static void history_clear(struct history *h)
{
    vec_free(&h->censuses);
    free(h->times_ns);
    free(h->counts);
    free(h->sizes);
}

static struct type_growth judge_row(const struct history *h, size_t at)
{
    size_t n = h->censuses.n;
    const struct census *newest = h->censuses.at[n - 1];
    const struct census_row *row = &newest->rows.at[at];
    struct type_growth g = {.type = row->type,
                            .language = row->language,
                            .flags = row->flags | (newest->flags & HEAP_PARTIAL),
                            .incarnation = newest->incarnation};
    judge(&g, h->times_ns, h->counts + at * n, h->sizes + at * n, n, h->n_before);
    return g;
}

/* Adds what another process has of the same type. */
static void add_growth(struct growth_list *list, struct map *index, const struct type_growth *g)
{
    uint64_t key = hash_mix((uint64_t)g->type.n << 8 | g->language, 0);
    uint32_t found = map_get(index, key);
    if (found == MAP_NONE) {
        map_set(index, key, (uint32_t)list->rows.n);
        vec_push(&list->rows, *g);
        return;
    }
    struct type_growth *into = &list->rows.at[found];
    if (g->count > into->largest_count) {
        into->incarnation = g->incarnation;
        into->largest_count = g->count;
    }
    into->flags |= g->flags;
    into->count += g->count;
    into->size_bytes += g->size_bytes;
    into->initial_count += g->initial_count;
    into->initial_bytes += g->initial_bytes;
    into->per_s += g->per_s;
    into->bytes_per_s += g->bytes_per_s;
    into->error_per_s = hypot(into->error_per_s, g->error_per_s);
    if (g->rule != LEAK_NONE && (into->rule == LEAK_NONE || g->severity > into->severity)) {
        into->rule = g->rule;
        into->severity = g->severity;
        into->since_ns = g->since_ns;
    }
}

static int worst_first(const void *a, const void *b)
{
    const struct type_growth *x = a, *y = b;
    bool x_leaks = x->rule != LEAK_NONE, y_leaks = y->rule != LEAK_NONE;
    if (x_leaks != y_leaks)
        return x_leaks ? -1 : 1;
    if (x_leaks && x->per_s != y->per_s)
        return x->per_s > y->per_s ? -1 : 1;
    if (x->size_bytes != y->size_bytes)
        return x->size_bytes > y->size_bytes ? -1 : 1;
    return x->type.n < y->type.n ? -1 : x->type.n > y->type.n;
}

/* The whole ones, or the partial ones, of a window and of as long a time before it. */
static void collect(struct history *history, const struct recording *rec, struct incarnation_id id,
                    const struct window *window, bool partial)
{
    uint64_t span_ns = window->to_ns - window->from_ns;
    uint64_t before_ns = window->from_ns > span_ns ? window->from_ns - span_ns : 0;
    for (size_t i = 0; i < rec->censuses.list.n; i++) {
        const struct census *c = &rec->censuses.list.at[i];
        if (c->incarnation.n != id.n || c->time_ns < before_ns || c->time_ns > window->to_ns ||
            (c->flags & HEAP_PARTIAL) != (partial ? HEAP_PARTIAL : 0))
            continue;
        vec_push(&history->censuses, c);
        history->n_before += c->time_ns < window->from_ns;
    }
}

/* A process's censuses in the window: the whole ones, for a partial one is too low; unless they are
 * too few to say anything, and the partial ones are more. Where the window has none, what was there
 * when it began. */
static void find_history(struct history *history, const struct recording *rec,
                         struct incarnation_id id, uint64_t from_ns, uint64_t to_ns)
{
    const struct census *last = recording_census(rec, id, to_ns);
    if (!last)
        return;
    if (last->time_ns < from_ns) {
        vec_push(&history->censuses, last);
        return;
    }
    struct window window = {from_ns, last->time_ns};
    struct history partial = {0};
    collect(history, rec, id, &window, false);
    collect(&partial, rec, id, &window, true);
    size_t n = history->censuses.n - history->n_before;
    if (n >= DOUBLED_CENSUSES || n >= partial.censuses.n - partial.n_before) {
        vec_free(&partial.censuses);
        return;
    }
    vec_free(&history->censuses);
    *history = partial;
}

/* A process that had ended by then holds nothing. */
static bool lived_at(const struct incarnation *in, uint64_t time_ns)
{
    return !in->to_ns || in->to_ns + 2 * NS_PER_S >= time_ns;
}

void leak_find(struct growth_list *list, const struct recording *rec, uint64_t from_ns,
               uint64_t to_ns, int32_t pid)
{
    *list = (struct growth_list){0};
    struct map index = {0};
    uint64_t end_ns = to_ns < rec->end_ns ? to_ns : rec->end_ns;
    for (uint32_t i = 1; i < rec->incarnations.n; i++) {
        const struct incarnation *in = &rec->incarnations.at[i];
        if ((pid && in->pid != pid) || !lived_at(in, end_ns))
            continue;
        struct history history = {0};
        find_history(&history, rec, (struct incarnation_id){i}, from_ns, to_ns);
        if (history.censuses.n) {
            const struct census *newest = *vec_last(&history.censuses);
            read_counts(&history);
            for (size_t k = 0; k < newest->rows.n; k++) {
                struct type_growth g = judge_row(&history, k);
                add_growth(list, &index, &g);
            }
            if (newest->time_ns > list->time_ns)
                list->time_ns = newest->time_ns;
        }
        if (history.censuses.n - history.n_before > list->censuses)
            list->censuses = history.censuses.n - history.n_before;
        history_clear(&history);
    }
    map_free(&index);
    vec_sort(&list->rows, worst_first);
}

static double count_of(const struct census *census, struct string_id type)
{
    double count = 0;
    for (size_t i = 0; i < census->rows.n; i++)
        if (census->rows.at[i].type.n == type.n)
            count += (double)census->rows.at[i].count;
    return count;
}

static double length_of(const struct census *census, uint64_t address)
{
    for (size_t i = 0; i < census->containers.n; i++)
        if (census->containers.at[i].address == address)
            return (double)census->containers.at[i].length;
    return 0;
}

/* The process's first census, the newest one and the one before that; false: it has one or none. */
static bool three_censuses(const struct recording *rec, struct incarnation_id incarnation,
                           const struct census *out[3])
{
    size_t n = 0;
    for (size_t i = 0; i < rec->censuses.list.n; i++) {
        const struct census *c = &rec->censuses.list.at[i];
        if (c->incarnation.n != incarnation.n)
            continue;
        if (!n++)
            out[0] = out[2] = c;
        out[1] = out[2];
        out[2] = c;
    }
    return n > 1;
}

uint64_t leak_container(const struct recording *rec, struct incarnation_id incarnation,
                        struct string_id type)
{
    const struct census *look[3];
    if (!three_censuses(rec, incarnation, look))
        return 0;
    const struct census *first = look[0], *before = look[1], *newest = look[2];
    double grown = count_of(newest, type) - count_of(first, type);
    uint64_t best = 0;
    double best_off = 2; /* between half and twice as much */
    for (size_t i = 0; i < newest->containers.n && grown > 0; i++) {
        const struct census_container *c = &newest->containers.at[i];
        /* One that was filled at once and then no more holds nothing that still grows. */
        if (before != first && (double)c->length <= length_of(before, c->address))
            continue;
        double more = (double)c->length - length_of(first, c->address);
        double off = more <= 0 ? INFINITY : more > grown ? more / grown : grown / more;
        if (off < best_off) {
            best_off = off;
            best = c->address;
        }
    }
    return best;
}

bool leak_is_mostly_old(const struct recording *rec, struct incarnation_id incarnation,
                        struct string_id type)
{
    const struct census *look[3];
    return three_censuses(rec, incarnation, look) &&
           count_of(look[0], type) > OLD_SHARE * count_of(look[2], type);
}
