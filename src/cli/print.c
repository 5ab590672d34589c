/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See print.h. */
#include "cli/print.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "view/grid.h"

#define GAP         2
#define TEXT_LEAST  8
#define COLUMNS_MAX 64
#define NO_TERMINAL 120 /* the columns shown where there is no terminal */

bool print_format_by_name(enum print_format *format, const char *name, struct err *err)
{
    static const char *const names[] = {
        [PRINT_TABLE] = "table", [PRINT_JSON] = "json", [PRINT_CSV] = "csv"};
    *format = PRINT_TABLE;
    if (!name)
        return true;
    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            *format = (enum print_format)i;
            return true;
        }
    }
    return err_set(err, "--format takes table, json or csv, not \"%s\"", name);
}

/* Numbers as data. A figure has the digits that its measurement has, and no noise behind them. */

static double rounded(double number, int decimals)
{
    double scale = pow(10, decimals);
    double x = round(number * scale) / scale;
    return isfinite(x) ? x + 0.0 : number;
}

static double column_rounded(const struct column *column, double number)
{
    if (column->integer)
        return rounded(number, 0);
    if (column->format == FORMAT_SECONDS)
        return rounded(number, 6);
    if (column->format == FORMAT_RATE && number != 0) /* six digits, wherever the point is */
        return rounded(number, 5 - (int)floor(log10(fabs(number))));
    return rounded(number, 4);
}

json_t *print_real(double number, int decimals)
{
    return isfinite(number) ? json_real(rounded(number, decimals)) : json_null();
}

json_t *print_number(const struct column *column, double number)
{
    double x = column_rounded(column, number);
    if (column->integer && fabs(x) < 9e15)
        return json_integer((json_int_t)x);
    return json_real(x);
}

json_t *print_text(const char *text)
{
    if (!*text)
        return json_null();
    char *clean = xstrdup(text);
    text_make_printable(clean);
    json_t *string = json_string(clean);
    free(clean);
    return string ? string : json_null();
}

static json_t *json_value(const struct column *column, const struct value *value)
{
    switch (value->kind) {
    case VALUE_TEXT:
        return json_string(value->text);
    case VALUE_NUMBER:
        return print_number(column, value->number);
    case VALUE_BOOL:
        return json_boolean(value->number != 0);
    case VALUE_NULL:
        break;
    }
    return json_null();
}

json_t *print_rows(const struct table *table)
{
    json_t *rows = json_array();
    for (size_t r = 0; r < table->rows.n; r++) {
        if (table->rows.at[r].role == ROW_IDLE)
            continue;
        json_t *row = json_object();
        for (size_t c = 0; c < table->n_columns; c++) {
            const struct column *column = &table->view->columns[c];
            if (column->use != COLUMN_SCREEN)
                json_object_set_new(row, column->key, json_value(column, table_cell(table, r, c)));
        }
        json_array_append_new(rows, row);
    }
    return rows;
}

bool print_json(FILE *out, json_t *object, struct err *err)
{
    size_t flags = JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15);
    int failed = json_dumpf(object, out, flags);
    json_decref(object);
    if (failed || fputc('\n', out) == EOF)
        return err_errno(err, "cannot write the JSON");
    return true;
}

static void csv_text(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void csv_value(FILE *out, const struct column *column, const struct value *value)
{
    switch (value->kind) {
    case VALUE_TEXT:
        csv_text(out, value->text);
        return;
    case VALUE_NUMBER:
        fprintf(out, "%.15g", column_rounded(column, value->number));
        return;
    case VALUE_BOOL:
        fputs(value->number != 0 ? "true" : "false", out);
        return;
    case VALUE_NULL:
        return;
    }
}

void print_csv(FILE *out, const struct table *table)
{
    const char *comma = "";
    for (size_t c = 0; c < table->n_columns; c++) {
        if (table->view->columns[c].use == COLUMN_SCREEN)
            continue;
        fputs(comma, out);
        csv_text(out, table->view->columns[c].key);
        comma = ",";
    }
    fputs("\r\n", out);
    for (size_t r = 0; r < table->rows.n; r++) {
        if (table->rows.at[r].role == ROW_IDLE)
            continue;
        comma = "";
        for (size_t c = 0; c < table->n_columns; c++) {
            if (table->view->columns[c].use == COLUMN_SCREEN)
                continue;
            fputs(comma, out);
            csv_value(out, &table->view->columns[c], table_cell(table, r, c));
            comma = ",";
        }
        fputs("\r\n", out);
    }
}

/* The table for people: each column as wide as its widest value, texts cut if that is too much. */

#define TREE_INDENT_MAX 30

struct printed_column {
    const struct column *column;
    size_t number;
    int width;
    bool tree; /* indented by the row's depth */
};

struct printed {
    struct printed_column at[COLUMNS_MAX];
    size_t n;
    bool signs; /* rows have signs before them: what is within the noise, what is alarming */
};

#define CUT_SIGN "~"

static char row_sign(enum row_role role)
{
    return role == ROW_NOISE ? '~' : role == ROW_ALERT ? '!' : ' ';
}

/* The value's text; in a tree with its indentation, which ends with a sign where it goes on. */
static void cell_text(char *out, size_t size, const struct table *table, size_t row,
                      const struct printed_column *p)
{
    const struct value *value = table_cell(table, row, p->number);
    size_t indent = 0;
    if (p->tree) {
        uint32_t depth = table->rows.at[row].depth;
        indent = depth < TREE_INDENT_MAX ? depth : TREE_INDENT_MAX;
        memset(out, ' ', indent);
        if (depth > TREE_INDENT_MAX)
            out[indent - 1] = '>';
    }
    value_print(out + indent, size - indent, p->column, value);
}

static void choose_columns(struct printed *printed, const struct table *table, int columns)
{
    bool tree = false, done = false;
    for (size_t r = 0; r < table->rows.n; r++) {
        tree = tree || table->rows.at[r].depth > 0;
        printed->signs = printed->signs || row_sign(table->rows.at[r].role) != ' ';
    }
    printed->n = 0;
    for (size_t c = 0; c < table->n_columns && printed->n < COLUMNS_MAX; c++) {
        const struct column *column = &table->view->columns[c];
        if (!column->title || (column->from_columns > 80 && column->from_columns > columns))
            continue;
        bool first_text = !done && column->format == FORMAT_TEXT;
        printed->at[printed->n++] =
            (struct printed_column){column, c, text_columns(column->title), tree && first_text};
        done = done || first_text;
    }
    char text[2048];
    for (size_t i = 0; i < printed->n; i++) {
        struct printed_column *p = &printed->at[i];
        for (size_t r = 0; r < table->rows.n; r++) {
            cell_text(text, sizeof text, table, r, p);
            int width = text_columns(text);
            if (width > p->width && table->rows.at[r].role != ROW_IDLE)
                p->width = width;
        }
    }
}

/* Narrows the widest text until all fits. */
static void fit_columns(struct printed *printed, int columns)
{
    for (;;) {
        int sum = printed->signs ? GAP : 0;
        struct printed_column *widest = NULL;
        for (size_t i = 0; i < printed->n; i++) {
            struct printed_column *p = &printed->at[i];
            sum += p->width + (i ? GAP : 0);
            if (!column_is_number(p->column) && p->width > TEXT_LEAST &&
                (!widest || p->width > widest->width))
                widest = p;
        }
        if (sum <= columns || !widest)
            return;
        widest->width--;
    }
}

/* Text in width columns, cut with a sign at its end, or at its front (paths). */
static void put_text(FILE *out, const char *text, int width, bool path, bool last)
{
    int have = text_columns(text);
    if (have <= width) {
        fprintf(out, "%s%*s", text, last ? 0 : width - have, "");
        return;
    }
    int skip = path ? have - (width - 1) : 0, used = 0;
    const char *at = text;
    while (skip > 0 && *at)
        skip -= codepoint_columns(codepoint_next(&at));
    if (path)
        fputs(CUT_SIGN, out);
    const char *from = at, *next = at;
    while (*next) {
        int more = codepoint_columns(codepoint_next(&next));
        if (used + more > width - 1)
            break;
        used += more;
        at = next;
    }
    fwrite(from, 1, (size_t)(at - from), out);
    if (!path)
        fputs(CUT_SIGN, out);
    fprintf(out, "%*s", last ? 0 : width - 1 - used, "");
}

static void put_line(FILE *out, const struct table *table, size_t row,
                     const struct printed *printed)
{
    char text[2048];
    if (printed->signs)
        fprintf(out, "%c ", row_sign(table->rows.at[row].role));
    for (size_t i = 0; i < printed->n; i++) {
        const struct printed_column *p = &printed->at[i];
        bool last = i + 1 == printed->n;
        cell_text(text, sizeof text, table, row, p);
        if (column_is_number(p->column))
            fprintf(out, "%*s%s", p->width - text_columns(text), "", text);
        else
            put_text(out, text, p->width, p->column->format == FORMAT_PATH, last);
        fprintf(out, "%*s", last ? 0 : GAP, "");
    }
    fputc('\n', out);
}

/* The row of idle time is a sentence: it begins under its column and takes the rest of the line. */
static void put_idle(FILE *out, const struct table *table, size_t row,
                     const struct printed *printed, int columns)
{
    int at = printed->signs ? GAP : 0;
    for (size_t i = 0; i < printed->n; i++) {
        const struct value *value = table_cell(table, row, printed->at[i].number);
        if (value->kind == VALUE_TEXT) {
            fprintf(out, "%*s", at, "");
            int width = columns ? columns - at : text_columns(value->text);
            put_text(out, value->text, width > TEXT_LEAST ? width : TEXT_LEAST, false, true);
            break;
        }
        at += printed->at[i].width + GAP;
    }
    fputc('\n', out);
}

static void put_titles(FILE *out, const struct printed *printed)
{
    fprintf(out, "%*s", printed->signs ? GAP : 0, "");
    for (size_t i = 0; i < printed->n; i++) {
        const struct printed_column *p = &printed->at[i];
        bool last = i + 1 == printed->n;
        int pad = p->width - text_columns(p->column->title);
        bool right = column_is_number(p->column);
        fprintf(out, "%*s%s", right ? pad : 0, "", p->column->title);
        fprintf(out, "%*s", last ? 0 : GAP + (right ? 0 : pad), "");
    }
    fputc('\n', out);
}

void print_table(FILE *out, const struct table *table, int columns)
{
    struct printed printed = {0};
    if (!table->rows.n) {
        fprintf(out, "%s\n", table->view->empty ? table->view->empty : "Nothing to show.");
        return;
    }
    choose_columns(&printed, table, columns ? columns : NO_TERMINAL);
    if (columns)
        fit_columns(&printed, columns);
    put_titles(out, &printed);
    for (size_t r = 0; r < table->rows.n; r++) {
        if (table->rows.at[r].role == ROW_IDLE)
            put_idle(out, table, r, &printed, columns);
        else
            put_line(out, table, r, &printed);
    }
}
