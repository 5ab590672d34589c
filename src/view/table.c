/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See table.h. Pure; a table belongs to one thread. */
#include "view/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define ARENA_CHUNK 32768

static void arena_free(struct table *table)
{
    for (size_t i = 0; i < table->arena.chunks.n; i++)
        free(table->arena.chunks.at[i]);
    vec_free(&table->arena.chunks);
    table->arena.used = table->arena.size = 0;
}

static char *arena_take(struct table *table, size_t size)
{
    if (table->arena.size - table->arena.used < size) {
        size_t chunk = size > ARENA_CHUNK ? size : ARENA_CHUNK;
        vec_push(&table->arena.chunks, xmalloc(chunk));
        table->arena.used = 0;
        table->arena.size = chunk;
    }
    char *at = *vec_last(&table->arena.chunks) + table->arena.used;
    table->arena.used += size;
    return at;
}

void table_begin(struct table *table, const struct view *view)
{
    arena_free(table);
    vec_clear(&table->rows);
    vec_clear(&table->values);
    table->view = view;
    table->n_columns = view->n_columns;
    table->window = (struct window){0, 0};
    table->whole_ns = table->samples = 0;
    table->left_out = 0;
    table->idle_pct = 0;
}

void table_clear(struct table *table)
{
    arena_free(table);
    vec_free(&table->rows);
    vec_free(&table->values);
    memset(table, 0, sizeof *table);
}

struct row *table_add_row(struct table *table)
{
    vec_reserve(&table->values, table->values.n + table->n_columns);
    memset(table->values.at + table->values.n, 0, table->n_columns * sizeof *table->values.at);
    table->values.n += table->n_columns;
    struct row *row = vec_add(&table->rows);
    row->parent = UINT32_MAX;
    return row;
}

struct value *table_cell(const struct table *table, size_t row, size_t column)
{
    return &table->values.at[row * table->n_columns + column];
}

void table_put_text(struct table *table, size_t row, size_t column, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(arena_take(table, size), text, size);
    text_make_printable(copy);
    *table_cell(table, row, column) = (struct value){VALUE_TEXT, copy, 0};
}

void table_set_text(struct table *table, size_t column, const char *text)
{
    table_put_text(table, table->rows.n - 1, column, text);
}

void table_set_format(struct table *table, size_t column, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0)
        die("out of memory");
    va_end(ap);
    table_set_text(table, column, text);
    free(text);
}

static struct value *last_cell(struct table *table, size_t column)
{
    return table_cell(table, table->rows.n - 1, column);
}

void table_set_number(struct table *table, size_t column, double number)
{
    if (isfinite(number))
        *last_cell(table, column) = (struct value){VALUE_NUMBER, NULL, number};
    else
        *last_cell(table, column) = (struct value){VALUE_NULL, NULL, 0};
}

void table_set_bool(struct table *table, size_t column, bool b)
{
    *last_cell(table, column) = (struct value){VALUE_BOOL, NULL, b ? 1 : 0};
}

int view_column(const struct view *view, const char *key)
{
    for (size_t i = 0; i < view->n_columns; i++)
        if (strcmp(view->columns[i].key, key) == 0)
            return (int)i;
    return -1;
}

/* Orders two values: numbers from the highest, texts from A; missing ones are for the caller. */
static int value_compare(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return a->kind == VALUE_TEXT ? 1 : b->kind == VALUE_TEXT ? -1 : 0;
    if (a->kind == VALUE_TEXT)
        return strcmp(a->text, b->text);
    return a->number > b->number ? -1 : a->number < b->number;
}

struct sort_context {
    const struct table *table;
    int column, name; /* -1: none */
    bool invert;
};

static int row_compare(const void *x, const void *y, void *arg)
{
    const struct sort_context *c = arg;
    size_t i = *(const uint32_t *)x, j = *(const uint32_t *)y;
    bool idle_i = row_is_last(c->table->rows.at[i].role);
    bool idle_j = row_is_last(c->table->rows.at[j].role);
    if (idle_i != idle_j)
        return idle_i ? 1 : -1;
    int order = 0, tie = 0;
    if (c->column >= 0) {
        const struct value *a = table_cell(c->table, i, (size_t)c->column);
        const struct value *b = table_cell(c->table, j, (size_t)c->column);
        if ((a->kind == VALUE_NULL) != (b->kind == VALUE_NULL))
            return a->kind == VALUE_NULL ? 1 : -1;
        order = value_compare(a, b);
    }
    if (c->invert)
        order = -order;
    if (order)
        return order;
    if (c->column < 0)
        return (i < j ? -1 : i > j) * (c->invert ? -1 : 1);
    if (c->name >= 0)
        tie = value_compare(table_cell(c->table, i, (size_t)c->name),
                            table_cell(c->table, j, (size_t)c->name));
    /* A key stays the same from table to table, a place in the recording does not. */
    uint64_t key_i = c->table->rows.at[i].key, key_j = c->table->rows.at[j].key;
    if (!tie)
        tie = key_i < key_j ? -1 : key_i > key_j;
    return tie ? tie : i < j ? -1 : i > j;
}

/* The column by whose text ties are settled: -1 if the view has no text. */
static int tie_column(const struct view *view)
{
    for (size_t i = 0; i < view->n_columns; i++)
        if (view->columns[i].format == FORMAT_TEXT)
            return (int)i;
    return -1;
}

/* Brings rows and values into the order of index[]. */
static void rows_permute(struct table *table, const uint32_t *index)
{
    size_t n = table->rows.n, width = table->n_columns;
    struct row *rows = xcalloc(n, sizeof *rows);
    struct value *values = xcalloc(n * width + 1, sizeof *values);
    for (size_t i = 0; i < n; i++) {
        rows[i] = table->rows.at[index[i]];
        memcpy(values + i * width, table->values.at + index[i] * width, width * sizeof *values);
    }
    memcpy(table->rows.at, rows, n * sizeof *rows);
    memcpy(table->values.at, values, n * width * sizeof *values);
    free(rows);
    free(values);
}

void table_sort(struct table *table, const char *sort, bool invert)
{
    struct sort_context c = {.table = table,
                             .column = sort ? view_column(table->view, sort) : -1,
                             .name = tie_column(table->view),
                             .invert = invert};
    size_t n = table->rows.n;
    if (n < 2)
        return;
    uint32_t *index = xmalloc(n * sizeof *index);
    for (size_t i = 0; i < n; i++)
        index[i] = (uint32_t)i;
    qsort_r(index, n, sizeof *index, row_compare, &c);
    rows_permute(table, index);
    free(index);
}

void table_limit(struct table *table, size_t limit)
{
    if (!limit)
        return;
    size_t kept = 0, plain = 0, width = table->n_columns;
    for (size_t i = 0; i < table->rows.n; i++) {
        if (table->rows.at[i].role != ROW_IDLE && plain++ >= limit)
            continue;
        table->rows.at[kept] = table->rows.at[i];
        memmove(table->values.at + kept * width, table->values.at + i * width,
                width * sizeof *table->values.at);
        kept++;
    }
    table->left_out += table->rows.n - kept;
    table->rows.n = kept;
    table->values.n = kept * width;
}

void table_fill(struct table *table, const struct view *view, const struct query *query)
{
    table_begin(table, view);
    table->window = query->window;
    view->fill(table, query);
    if (!view->own_order) {
        const char *sort =
            query->sort && view_column(view, query->sort) >= 0 ? query->sort : view->sort;
        table_sort(table, sort, query->invert);
        table_limit(table, query->limit);
    }
    if (view->finish)
        view->finish(table, query);
}

bool column_is_number(const struct column *column)
{
    return column->format != FORMAT_TEXT && column->format != FORMAT_PATH &&
           column->format != FORMAT_WORD;
}

/* A count in at most width columns: 11,904, then 11904, then 1.2M. */
static void print_count(char *out, size_t size, double number, int width)
{
    double magnitude = fabs(number);
    char digits[FIGURE_MAX];
    const char *sign = number < 0 ? "-" : "";
    if (magnitude < 1e15) {
        figure_count(digits, (uint64_t)llround(magnitude));
        if ((int)(strlen(sign) + strlen(digits)) <= width) {
            snprintf(out, size, "%s%s", sign, digits);
            return;
        }
    }
    static const char units[] = "kMGTPE";
    size_t u = 0;
    double x = magnitude / 1000;
    for (; x >= 999.95 && u + 2 < sizeof units; u++)
        x /= 1000;
    snprintf(out, size, "%s%.*f%c", sign, x < 99.95 ? 1 : 0, x, units[u]);
}

static void print_number(char *out, size_t size, const struct column *column, double number)
{
    char figure[FIGURE_MAX];
    switch (column->format) {
    case FORMAT_COUNT:
        print_count(out, size, number, column->width);
        return;
    case FORMAT_ID:
        snprintf(out, size, "%.0f", number);
        return;
    case FORMAT_PCT:
        snprintf(out, size, "%.1f", number);
        return;
    case FORMAT_SECONDS:
        number = fmin(fmax(number, 0), 1e9);
        snprintf(out, size, "%s", figure_duration(figure, (uint64_t)(number * NS_PER_S)));
        return;
    case FORMAT_BYTES:
        snprintf(out, size, "%s", figure_bytes(figure, number));
        return;
    case FORMAT_BYTE_RATE:
        snprintf(out, size, "%.20s/s", figure_bytes(figure, number));
        return;
    case FORMAT_COUNT_RATE:
        if (fabs(number) < 0.05) /* no sign for nothing */
            snprintf(out, size, "0.0");
        else if (fabs(number) < 9.95)
            snprintf(out, size, "%+.1f", number);
        else
            snprintf(out, size, "%c%s", number < 0 ? '-' : '+',
                     figure_count(figure, (uint64_t)(fmin(fabs(number), 1e15) + 0.5)));
        return;
    case FORMAT_TIMES:
        snprintf(out, size, number < 1000 ? "x %.1f" : "x %.0f", number);
        return;
    case FORMAT_CHANGE:
        if (number > 999)
            snprintf(out, size, ">+999%%");
        else
            snprintf(out, size, "%+.0f%%", number);
        return;
    case FORMAT_BOOL:
        snprintf(out, size, "%s", number != 0 ? "yes" : "no");
        return;
    case FORMAT_RATE:
        if (snprintf(out, size, "%.2f", number) > column->width)
            print_count(out, size, number, column->width);
        return;
    case FORMAT_BAR:
    case FORMAT_TEXT:
    case FORMAT_PATH:
    case FORMAT_WORD:
        break;
    }
    snprintf(out, size, "%g", number);
}

void value_print(char *out, size_t size, const struct column *column, const struct value *value)
{
    if (!size)
        return;
    switch (value->kind) {
    case VALUE_NULL:
        snprintf(out, size, "%s",
                 column_is_number(column) && column->format != FORMAT_BAR ? "-" : "");
        return;
    case VALUE_TEXT:
        if (column->format == FORMAT_BAR)
            snprintf(out, size, "%-*s", column->width, value->text);
        else
            snprintf(out, size, "%s", value->text);
        return;
    case VALUE_BOOL:
        snprintf(out, size, "%s", value->number != 0 ? "yes" : "no");
        return;
    case VALUE_NUMBER:
        print_number(out, size, column, value->number);
        return;
    }
}
