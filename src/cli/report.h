/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `report`: one view of a recording on paper, as a table, JSON or CSV (contract: "JSON").
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "base/err.h"
#include "view/table.h"

struct report_options {
    const char *view;      /* NULL: functions */
    const char *format;    /* NULL: table */
    const char *sort;      /* a column's key; NULL: the view's own order */
    const char *root;      /* tree: what this function calls; NULL: from the outermost down */
    bool callers;          /* its callers instead */
    const char *from, *to; /* see span.h; NULL: the whole */
    long limit;            /* rows; 0: all; -1: 30 in a table, all in JSON and CSV */
    enum states states;
    int32_t pid, tid; /* 0: any */
    enum native_frames native;
    int columns;            /* the terminal's width; 0: not a terminal */
    source_line_fn *source; /* for the lines view; may be NULL */
    void *source_context;
};

#define REPORT_TABLE_LIMIT 30

/* Prints; returns the exit status. Where it is not 0, err is filled and nothing was printed, or
 * the output could not be written. */
int report_print(const struct recording *rec, const struct report_options *o, FILE *out,
                 struct err *err);

/* For diff, which says the same of two recordings. */

/* {"pid", "comm", "cmdline", "runtime", "start_time"}; a new reference. */
json_t *report_target(const struct recording *rec);
/* {"from_s", "to_s"}; a new reference. */
json_t *report_window(const struct recording *rec, struct window window);
/* false where the view has no such column, with err filled. sort may be NULL. */
bool report_check_sort(const struct view *view, const char *sort, struct err *err);

#endif
