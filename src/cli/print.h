/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table as text for people, as JSON rows and as CSV. The JSON and the CSV hold what
 * doc/contract promises of a view: all its data columns, and no row of idle time.
 */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "view/table.h"

enum print_format { PRINT_TABLE, PRINT_JSON, PRINT_CSV };

/* name NULL: a table. false with err filled for an unknown one. */
bool print_format_by_name(enum print_format *format, const char *name, struct err *err);

/* Aligned columns under their titles. columns: the terminal's width, to which texts are cut with a
 * sign; 0: no terminal, nothing is cut. */
void print_table(FILE *out, const struct table *table, int columns);
/* RFC 4180: a head line of keys, CRLF, quotes where they are needed. */
void print_csv(FILE *out, const struct table *table);
/* An array of objects; a new reference. */
json_t *print_rows(const struct table *table);
/* A finite number rounded as the column's values are; a new reference. */
json_t *print_number(const struct column *column, double number);
/* A number rounded to so many decimals, null if it is not finite; a new reference. */
json_t *print_real(double number, int decimals);
/* Text that may be a target's, "" is null; a new reference. */
json_t *print_text(const char *text);
/* Prints the object with a newline, and drops the reference. */
bool print_json(FILE *out, json_t *object, struct err *err);

#endif
