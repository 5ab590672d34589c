/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See order.h. */
#include "view/order.h"

#include <math.h>

void order_clear(struct order *o)
{
    vec_free(&o->rows);
    map_free(&o->places);
    memset(o, 0, sizeof *o);
}

void order_begin(struct order *o, uint64_t about)
{
    if (o->about != about)
        order_clear(o);
    o->about = about;
}

/* How far apart two values must be to be told apart. */
static double noise(const struct column *c, double a, double b, double samples)
{
    if (c->format != FORMAT_PCT)
        return 0.02 * (fabs(a) + fabs(b)) / 2;
    double n = samples > 1 ? samples : 1;
    double sd = 100 * sqrt((fabs(a) + fabs(b)) / 100 / n);
    return sd < 0.05 ? 0.05 : sd > 1 ? 1 : sd;
}

struct slot {
    size_t from; /* row in the table as it came */
    uint64_t key;
    double value;
    uint32_t place; /* last time, MAP_NONE: new */
    int moved;
};

/* Rows as they stood before, in that order, then each goes up past those that it has left behind
 * by more than the noise. New rows come in where their value puts them. */
static void settle(struct slot *slots, size_t n, const struct column *c, bool descending,
                   double samples)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t j = i; j > 0; j--) {
            struct slot *above = &slots[j - 1], *below = &slots[j];
            bool fresh = above->place == MAP_NONE || below->place == MAP_NONE;
            double lead = descending ? below->value - above->value : above->value - below->value;
            if (lead <= (fresh ? 0 : noise(c, above->value, below->value, samples)))
                break;
            if (!fresh) {
                below->moved++;
                above->moved--;
            }
            struct slot swap = *above;
            *above = *below;
            *below = swap;
        }
    }
}

static int by_place(const void *a, const void *b)
{
    const struct slot *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->from < y->from ? -1 : x->from > y->from;
}

static void permute(struct table *t, size_t first, const struct slot *slots, size_t n)
{
    struct row *rows = xmalloc(n * sizeof *rows);
    struct value *values = xmalloc(n * t->n_columns * sizeof *values);
    for (size_t i = 0; i < n; i++) {
        rows[i] = t->rows.at[slots[i].from];
        memcpy(values + i * t->n_columns, t->values.at + slots[i].from * t->n_columns,
               t->n_columns * sizeof *values);
    }
    memcpy(t->rows.at + first, rows, n * sizeof *rows);
    memcpy(t->values.at + first * t->n_columns, values, n * t->n_columns * sizeof *values);
    free(rows);
    free(values);
}

static void remember(struct order *o, const struct slot *slots, size_t n, uint64_t now_ns)
{
    VEC(struct order_row) rows = {0};
    for (size_t i = 0; i < n; i++) {
        struct order_row row = {.key = slots[i].key};
        if (slots[i].place != MAP_NONE)
            row = o->rows.at[slots[i].place];
        if (slots[i].moved) {
            row.moved_ns = now_ns;
            row.move = slots[i].moved > 0 ? 1 : -1;
        }
        vec_push(&rows, row);
    }
    vec_clear(&o->rows);
    vec_append(&o->rows, rows.at, rows.n);
    vec_free(&rows);
    map_clear(&o->places);
    for (size_t i = 0; i < o->rows.n; i++)
        map_set(&o->places, o->rows.at[i].key, (uint32_t)i);
}

void order_apply(struct order *o, struct table *t, int column, bool descending, double samples,
                 uint64_t now_ns)
{
    if (column < 0 || (size_t)column >= t->n_columns)
        return;
    if (o->column != column || o->descending != descending) {
        uint64_t about = o->about;
        order_clear(o);
        o->about = about;
        o->column = column;
        o->descending = descending;
    }
    size_t first = 0, end = t->rows.n;
    while (first < end && row_is_last(t->rows.at[first].role))
        first++;
    while (end > first && row_is_last(t->rows.at[end - 1].role))
        end--;
    size_t n = end - first < ORDER_ROWS ? end - first : ORDER_ROWS;
    VEC(struct slot) slots = {0};
    vec_reserve(&slots, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct value *v = table_cell(t, first + i, (size_t)column);
        struct slot s = {.from = first + i, .key = t->rows.at[first + i].key};
        s.value = v->kind == VALUE_NUMBER ? v->number : 0;
        s.place = map_get(&o->places, s.key);
        vec_push(&slots, s);
    }
    vec_sort(&slots, by_place);
    settle(slots.at, slots.n, &t->view->columns[column], descending, samples);
    if (n)
        permute(t, first, slots.at, n);
    remember(o, slots.at, slots.n, now_ns);
    vec_free(&slots);
}

int order_move(const struct order *o, uint64_t key, uint64_t now_ns)
{
    uint32_t i = map_get(&o->places, key);
    if (i == MAP_NONE || !o->rows.at[i].move || now_ns - o->rows.at[i].moved_ns > ORDER_MARK_NS)
        return 0;
    return o->rows.at[i].move;
}
