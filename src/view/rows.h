/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fill functions of the views share: summing the window, percents, the words for a
 * function and a place, the grey row of idle time. Pure.
 */
#ifndef VIEW_ROWS_H
#define VIEW_ROWS_H

#include "base/clock.h"
#include "view/table.h"

/* Sums the query's window and sets the table's whole, samples and idle share. */
void rows_sum(struct table *table, const struct query *query, struct window_sum *sum);

/* The same where threads need not be told apart, which is less work: there are fewer cells. */
void rows_sum_stacks(struct table *table, const struct query *query, struct window_sum *sum);

/* The same for a view that needs the samples' number and idle share alone. */
void rows_count(struct table *table, const struct query *query);

/* Adds the row of idle time, unless there is none or it is in the whole anyway (STATES_ALL). Its
 * figures are missing: they would be percents of something else than those above it. */
void rows_add_idle(struct table *table, const struct query *query, const struct window_sum *sum,
                   size_t name_column);

static inline double rows_pct(uint64_t part, uint64_t whole)
{
    return whole ? 100.0 * (double)part / (double)whole : 0;
}

static inline double rows_seconds(uint64_t ns)
{
    return (double)ns / NS_PER_S;
}

/* From the recording's start; below 0 for what was before it. */
static inline double rows_time_s(const struct recording *rec, uint64_t time_ns)
{
    return ((double)time_ns - (double)rec->start_ns) / NS_PER_S;
}

/* "[no stack]" for 0. Borrowed from the recording. */
const char *rows_function_name(const struct recording *rec, struct function_id function);
/* Tells the function from others across tables, also when ids have changed. */
uint64_t rows_function_key(const struct recording *rec, struct function_id function);
/* A key of texts: begin with any seed, go on with the last result. */
uint64_t rows_mix_text(uint64_t seed, const char *text);
/* "checkout.py:88"; without a file the module's name, without that "". */
const char *rows_place(char *out, size_t size, const struct recording *rec,
                       struct function_id function, uint32_t line);

/* Sets texts that may be missing ("" is null), and lines (0 is null), of the last row. */
void rows_set_text(struct table *table, size_t column, const char *text);
void rows_set_line(struct table *table, size_t column, uint32_t line);

/* Whether a function is the program's own, and not of the system's or the language's libraries:
 * what a person looks for above a wait. A plain rule over its file and module. */
bool rows_is_own(const struct recording *rec, struct function_id function);
/* The innermost own function of a stack; the innermost of all if there is none. */
struct place rows_own_place(const struct fold *fold, struct stack_id stack);
/* Where the stack's innermost frame stands. */
struct place rows_self_place(const struct fold *fold, struct stack_id stack);

#endif
