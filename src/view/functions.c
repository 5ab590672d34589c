/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hot functions: self and total time of each, of the window's whole. A row's line is where the
 * function is defined, or, where that is not known, its hottest. Pure.
 */
#include "base/text.h"
#include "view/rows.h"
#include "view/tally.h"
#include "view/views.h"

enum functions_column {
    COL_SELF_PCT,
    COL_TOTAL_PCT,
    COL_CPU_PCT,
    COL_WAIT_PCT,
    COL_NAME,
    COL_PLACE,
    COL_MODULE_NAME,
    COL_THREADS,
    COL_SELF_SAMPLES,
    COL_TOTAL_SAMPLES,
    COL_MODULE,
    COL_FILE,
    COL_LINE,
    COL_LANGUAGE,
    COL_SELF_S,
    COL_TOTAL_S,
    COL_CPU_S,
    COL_WAIT_S,
    COL_CALLS,
    COL_CALLS_KIND,
    COL_PER_CALL_S,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_SELF_PCT] = {"self_pct", "SELF%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    [COL_TOTAL_PCT] = {"total_pct", "TOTAL%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    [COL_CPU_PCT] = {"cpu_pct", "CPU%", FORMAT_PCT, 5, 80, COLUMN_SCREEN, false},
    [COL_WAIT_PCT] = {"wait_pct", "WAIT%", FORMAT_PCT, 5, 80, COLUMN_SCREEN, false},
    [COL_NAME] = {"name", "FUNCTION", FORMAT_TEXT, 24, 80, COLUMN_BOTH, false},
    [COL_PLACE] = {"place", "FILE:LINE", FORMAT_PATH, 16, 80, COLUMN_SCREEN, false},
    [COL_MODULE_NAME] = {"module_name", "MODULE", FORMAT_PATH, 14, 120, COLUMN_SCREEN, false},
    [COL_THREADS] = {"threads", "THREADS", FORMAT_COUNT, 7, 120, COLUMN_SCREEN, true},
    [COL_SELF_SAMPLES] = {"self_samples", "SAMPLES", FORMAT_COUNT, 9, 120, COLUMN_BOTH, true},
    [COL_TOTAL_SAMPLES] = {"total_samples", NULL, FORMAT_COUNT, 0, 0, COLUMN_DATA, true},
    [COL_MODULE] = {"module", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [COL_FILE] = {"file", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [COL_LINE] = {"line", NULL, FORMAT_ID, 0, 0, COLUMN_DATA, true},
    [COL_LANGUAGE] = {"language", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_SELF_S] = {"self_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
    [COL_TOTAL_S] = {"total_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
    [COL_CPU_S] = {"cpu_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
    [COL_WAIT_S] = {"wait_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
    /* Counted calls have no source yet: null until an engine counts them. */
    [COL_CALLS] = {"calls", NULL, FORMAT_COUNT, 0, 0, COLUMN_DATA, true},
    [COL_CALLS_KIND] = {"calls_kind", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_PER_CALL_S] = {"per_call_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
};

static void add_function(struct table *table, const struct recording *rec, const struct tally *t)
{
    const struct function *f = function_at(&rec->words, t->function);
    uint32_t line = f->line ? f->line : t->line;
    char place[256];

    struct row *row = table_add_row(table);
    row->key = rows_function_key(rec, t->function);
    row->function = t->function;
    row->place = (struct place){t->function, t->line ? t->line : f->line};

    table_set_number(table, COL_SELF_PCT, rows_pct(t->self_ns, table->whole_ns));
    table_set_number(table, COL_TOTAL_PCT, rows_pct(t->total_ns, table->whole_ns));
    table_set_number(table, COL_CPU_PCT, rows_pct(t->cpu_ns, table->whole_ns));
    table_set_number(table, COL_WAIT_PCT, rows_pct(t->self_ns - t->cpu_ns, table->whole_ns));
    table_set_text(table, COL_NAME, rows_function_name(rec, t->function));
    rows_set_text(table, COL_PLACE, rows_place(place, sizeof place, rec, t->function, line));
    rows_set_text(table, COL_MODULE_NAME, path_base(module_path(&rec->words, f->module)));
    table_set_number(table, COL_THREADS, t->threads);
    table_set_number(table, COL_SELF_SAMPLES, (double)t->self_ticks);
    table_set_number(table, COL_TOTAL_SAMPLES, (double)t->total_ticks);
    rows_set_text(table, COL_MODULE, module_path(&rec->words, f->module));
    rows_set_text(table, COL_FILE, string_text(&rec->words, f->file));
    rows_set_line(table, COL_LINE, line);
    if (t->function.n)
        table_set_text(table, COL_LANGUAGE, language_name(f->language));
    table_set_number(table, COL_SELF_S, rows_seconds(t->self_ns));
    table_set_number(table, COL_TOTAL_S, rows_seconds(t->total_ns));
    table_set_number(table, COL_CPU_S, rows_seconds(t->cpu_ns));
    table_set_number(table, COL_WAIT_S, rows_seconds(t->self_ns - t->cpu_ns));
}

static void functions_fill(struct table *table, const struct query *query)
{
    struct window_sum sum;
    rows_sum(table, query, &sum);
    struct tallies tallies;
    tally_sum(&tallies, query->rec, &sum, query->filter.states, TALLY_FUNCTIONS);
    for (size_t i = 0; i < tallies.rows.n; i++)
        if (tallies.rows.at[i].total_ns || tallies.rows.at[i].total_ticks)
            add_function(table, query->rec, &tallies.rows.at[i]);
    rows_add_idle(table, query, &sum, COL_NAME);
    tally_clear(&tallies);
    window_sum_clear(&sum);
}

const struct view functions_view = {
    .name = "functions",
    .title = "Hot",
    .columns = columns,
    .n_columns = COL_COUNT,
    .sort = "self_pct",
    .fill = functions_fill,
    .empty = "No samples in this window.",
};
