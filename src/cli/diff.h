/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `diff`: two recordings, or two windows of one, set against each other on paper.
 */
#ifndef CLI_DIFF_H
#define CLI_DIFF_H

#include <stdio.h>

#include "base/err.h"
#include "view/compare.h"

struct diff_side {
    const char *name;      /* what the user calls it: the file */
    const char *from, *to; /* see span.h; NULL: the whole */
};

struct diff_options {
    struct diff_side before, after;
    const char *view;   /* NULL or functions; objects */
    const char *format; /* NULL: table */
    const char *sort;   /* a column's key; NULL: the worst first */
    long limit;         /* rows; 0: all; -1: 30 in a table, all in JSON and CSV */
    enum states states;
    int32_t pid, tid; /* 0: any */
    enum native_frames native;
    int columns; /* the terminal's width; 0: not a terminal */
    bool fail_on_regression;
};

/* Cuts "FILE@FROM..TO" in place, FROM or TO may be missing: side points into argument. A name
 * without such an end, or of a file that exists, is a file alone. */
void diff_side_parse(struct diff_side *side, char *argument);

/* Prints; returns the exit status (3 for a regression, if asked for), and fills err as
 * report_print does. before and after may be the same recording. */
int diff_print(const struct recording *before, const struct recording *after,
               const struct diff_options *o, FILE *out, struct err *err);

#endif
