/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A view's rows as plain values under typed columns: what the screens draw, `report` prints and
 * the JSON holds come from the same table.
 *
 * A view is a const struct of a name, columns and a function that fills a table from a query: a
 * pure function of (recording, window, filter). One row in views[] adds one.
 *
 * Invariant: a table refers to nothing outside itself: its texts are copies without control
 * characters or broken UTF-8, so it stays good while the recording goes on (a paused screen).
 */
#ifndef VIEW_TABLE_H
#define VIEW_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "model/window.h"

enum value_kind { VALUE_NULL, VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL };

struct value {
    enum value_kind kind;
    const char *text; /* in the table's arena */
    double number;    /* also the sort key of a bool; finite */
};

/* How a column's values are printed for people (the JSON has the plain number). */
enum column_format {
    FORMAT_TEXT,       /* left, takes what room is left */
    FORMAT_PATH,       /* text, shortened at its front with a sign by who prints it */
    FORMAT_WORD,       /* text of a length that is known: the column takes no more than its width */
    FORMAT_COUNT,      /* 11,904 */
    FORMAT_ID,         /* 11904: a pid */
    FORMAT_PCT,        /* 41.8 */
    FORMAT_SECONDS,    /* 3.2s */
    FORMAT_BYTES,      /* 812M */
    FORMAT_BYTE_RATE,  /* 1.9M/s */
    FORMAT_RATE,       /* plain number, two decimals */
    FORMAT_COUNT_RATE, /* +1,020: so many more each second */
    FORMAT_TIMES,      /* x 12.1 */
    FORMAT_CHANGE,     /* +121%, or a word (new, gone) */
    FORMAT_BAR,        /* signs from the left, padded to the width: "######    " */
    FORMAT_BOOL,
};

/* Where a column is shown. */
enum column_use {
    COLUMN_BOTH,
    COLUMN_SCREEN, /* for people only: not in the JSON and the CSV */
    COLUMN_DATA,   /* JSON and CSV only; it has no title */
};

struct column {
    const char *key;   /* in JSON and for --sort: "self_pct"; never NULL */
    const char *title; /* on the screen and in `report`'s table: "SELF%"; NULL for COLUMN_DATA */
    enum column_format format;
    int width;        /* cells; for FORMAT_TEXT and FORMAT_PATH the least it takes */
    int from_columns; /* shown from this terminal width on: 80, 120, 200 */
    enum column_use use;
    bool integer; /* the JSON number has no fraction */
};

enum row_role {
    ROW_PLAIN,
    ROW_IDLE,  /* the one line about idle time: grey, last, and not in the data */
    ROW_QUIET, /* a row like others, but grey and after them */
    ROW_NOISE,
    ROW_WORSE,
    ROW_BETTER,
    ROW_ALERT
};

static inline bool row_is_last(enum row_role role)
{
    return role == ROW_IDLE || role == ROW_QUIET;
}

struct row {
    uint64_t key; /* the same thing has the same key in the next table: for the selection */
    struct function_id function; /* what it is about, 0: none */
    struct place place;          /* the function's hottest line, for the source detail */
    struct thread_id thread;
    int32_t pid;     /* processes: of the process that the row is about; else 0 */
    uint32_t depth;  /* tree: 0 for a root */
    uint32_t parent; /* tree: row number, UINT32_MAX for a root */
    bool has_children, folded;
    enum row_role role;
};

struct table {
    const struct view *view;
    size_t n_columns;
    VEC(struct row) rows;
    VEC(struct value) values; /* n_columns a row, row after row */
    struct {
        VEC(char *) chunks;
        size_t used, size; /* of the last chunk */
    } arena;
    struct window window;
    uint64_t whole_ns; /* what percents are of */
    uint64_t samples;  /* observations in the window that pass the filter, idle ones too */
    double idle_pct;   /* of all thread time in the window */
    size_t left_out;   /* rows that the limit has cut off */
};

/* The text of a source line without its newline, or NULL; borrowed until the next call. View
 * makes no system calls: who may read files passes this in (cli/source.h has one). */
typedef const char *source_line_fn(void *context, const char *file, uint32_t line);

/* What the tree begins with (calls.h): the outermost frames, or one function. */
enum calls_direction { CALLS_DOWN, CALLS_CALLERS, CALLS_CALLEES };

struct query {
    const struct recording *rec;
    struct window window;
    struct filter filter;
    const char *sort; /* a column's key; NULL: the view's own order */
    bool invert;
    size_t limit;             /* rows, the grey one not counted; 0: all */
    const struct map *folded; /* tree: keys of folded rows; may be NULL */
    enum calls_direction direction;
    uint64_t root_key;      /* rows_function_key() of the function that such a tree is about */
    const char *root_name;  /* or its name; NULL: by the key */
    source_line_fn *source; /* lines; may be NULL */
    void *source_context;
};

struct view {
    const char *name;  /* for --view: "functions" */
    const char *title; /* on the tab: "Hot" */
    const struct column *columns;
    size_t n_columns;
    const char *sort; /* default column key; NULL: fill gives the order, and --sort may change it */
    bool own_order;   /* fill sorts and limits by the query itself (tree) */
    void (*fill)(struct table *table, const struct query *query);
    /* For what is worth doing only for rows that stay: called after sorting and limiting. */
    void (*finish)(struct table *table, const struct query *query);
    const char *empty; /* what to say where there are no rows */
};

extern const struct view *const views[];
extern const size_t view_count;
/* NULL if there is none of that name. */
const struct view *view_by_name(const char *name);
/* -1 if there is none. */
int view_column(const struct view *view, const char *key);

/*
 * Empties the table and fills it: rows in order, sorted and limited as the query says. Numbers
 * sort from the highest, texts from A, values that are missing come last, ties go by the first
 * text; `invert` turns the column round. An unknown sort key gives the view's own order.
 */
void table_fill(struct table *table, const struct view *view, const struct query *query);
void table_clear(struct table *table);

/* For the fill functions. */
void table_begin(struct table *table, const struct view *view); /* empties it */
struct row *table_add_row(struct table *table);                 /* its values are VALUE_NULL */
struct value *table_cell(const struct table *table, size_t row, size_t column);
/* These set a value of the last row. Texts are copied. A number that is not finite is null. */
void table_set_text(struct table *table, size_t column, const char *text);
void table_set_format(struct table *table, size_t column, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void table_set_number(struct table *table, size_t column, double number);
void table_set_bool(struct table *table, size_t column, bool b);
/* The same for any row. */
void table_put_text(struct table *table, size_t row, size_t column, const char *text);
/* sort: a key of the view's, or NULL for the order in which the rows stand. */
void table_sort(struct table *table, const char *sort, bool invert);
/* Keeps the first `limit` rows (0: all) and those of ROW_IDLE. */
void table_limit(struct table *table, size_t limit);

/* A value as people read it, into out (size bytes); never wider than the column says unless it is
 * text. A missing number is "-", a missing text or bar "". */
void value_print(char *out, size_t size, const struct column *column, const struct value *value);
/* Whether the column's values stand at the right of it. */
bool column_is_number(const struct column *column);

#endif
