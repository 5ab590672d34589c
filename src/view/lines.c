/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hot lines: self and total time of each source line, with the line's text where the caller
 * can read it. Code without line information is one row a function. Pure.
 */
#include "view/rows.h"
#include "view/tally.h"
#include "view/views.h"

enum lines_column {
    COL_SELF_PCT,
    COL_TOTAL_PCT,
    COL_PLACE,
    COL_FUNCTION,
    COL_SOURCE,
    COL_SELF_SAMPLES,
    COL_TOTAL_SAMPLES,
    COL_FILE,
    COL_LINE,
    COL_SELF_S,
    COL_TOTAL_S,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_SELF_PCT] = {"self_pct", "SELF%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    [COL_TOTAL_PCT] = {"total_pct", "TOTAL%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    [COL_PLACE] = {"place", "FILE:LINE", FORMAT_PATH, 16, 80, COLUMN_SCREEN, false},
    [COL_FUNCTION] = {"function", "FUNCTION", FORMAT_TEXT, 14, 80, COLUMN_BOTH, false},
    [COL_SOURCE] = {"source", "SOURCE", FORMAT_TEXT, 20, 80, COLUMN_BOTH, false},
    [COL_SELF_SAMPLES] = {"self_samples", "SAMPLES", FORMAT_COUNT, 9, 120, COLUMN_BOTH, true},
    [COL_TOTAL_SAMPLES] = {"total_samples", NULL, FORMAT_COUNT, 0, 0, COLUMN_DATA, true},
    [COL_FILE] = {"file", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [COL_LINE] = {"line", NULL, FORMAT_ID, 0, 0, COLUMN_DATA, true},
    [COL_SELF_S] = {"self_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
    [COL_TOTAL_S] = {"total_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
};

static void add_line(struct table *table, const struct recording *rec, const struct tally *t)
{
    const struct function *f = function_at(&rec->words, t->function);
    char place[256];

    struct row *row = table_add_row(table);
    row->key = hash_mix(rows_function_key(rec, t->function), t->line);
    row->function = t->function;
    row->place = (struct place){t->function, t->line};

    table_set_number(table, COL_SELF_PCT, rows_pct(t->self_ns, table->whole_ns));
    table_set_number(table, COL_TOTAL_PCT, rows_pct(t->total_ns, table->whole_ns));
    rows_set_text(table, COL_PLACE, rows_place(place, sizeof place, rec, t->function, t->line));
    table_set_text(table, COL_FUNCTION, rows_function_name(rec, t->function));
    table_set_number(table, COL_SELF_SAMPLES, (double)t->self_ticks);
    table_set_number(table, COL_TOTAL_SAMPLES, (double)t->total_ticks);
    rows_set_text(table, COL_FILE, string_text(&rec->words, f->file));
    rows_set_line(table, COL_LINE, t->line);
    table_set_number(table, COL_SELF_S, rows_seconds(t->self_ns));
    table_set_number(table, COL_TOTAL_S, rows_seconds(t->total_ns));
}

static void lines_fill(struct table *table, const struct query *query)
{
    struct window_sum sum;
    rows_sum_stacks(table, query, &sum);
    struct tallies tallies;
    tally_sum(&tallies, query->rec, &sum, query->filter.states, TALLY_LINES);
    for (size_t i = 0; i < tallies.rows.n; i++)
        if (tallies.rows.at[i].total_ns || tallies.rows.at[i].total_ticks)
            add_line(table, query->rec, &tallies.rows.at[i]);
    rows_add_idle(table, query, &sum, COL_FUNCTION);
    tally_clear(&tallies);
    window_sum_clear(&sum);
}

/* Reads the text of the lines that stay. */
static void lines_finish(struct table *table, const struct query *query)
{
    if (!query->source)
        return;
    for (size_t i = 0; i < table->rows.n; i++) {
        const struct value *file = table_cell(table, i, COL_FILE);
        const struct place *place = &table->rows.at[i].place;
        if (file->kind != VALUE_TEXT || !place->line)
            continue;
        const char *text = query->source(query->source_context, file->text, place->line);
        if (!text)
            continue;
        while (*text == ' ' || *text == '\t')
            text++;
        table_put_text(table, i, COL_SOURCE, text);
    }
}

const struct view lines_view = {
    .name = "lines",
    .title = "Lines",
    .columns = columns,
    .n_columns = COL_COUNT,
    .sort = "self_pct",
    .fill = lines_fill,
    .finish = lines_finish,
    .empty = "No samples in this window.",
};
