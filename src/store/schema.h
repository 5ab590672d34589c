/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of a file, one row of schema_tables[] each: CREATE, INSERT and SELECT are made from
 * it, so that they agree. doc/format.md explains it to people.
 *
 * Adding a table or a column is compatible (readers name the columns they want and pass over
 * tables they do not know); what an older reader would misread raises STORE_VERSION.
 */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

#include "model/recording.h"

/* In the order in which a file is read: what is referred to comes before what refers to it. */
enum schema_table {
    TABLE_META,
    TABLE_LEVEL,
    TABLE_LANGUAGE,
    TABLE_WAIT,
    TABLE_METRIC,
    TABLE_STRING,
    TABLE_MODULE,
    TABLE_FUNCTION,
    TABLE_FRAME,
    TABLE_STACK,
    TABLE_OBJECT,
    TABLE_PLACE,
    TABLE_INCARNATION,
    TABLE_THREAD,
    TABLE_RUN,
    TABLE_OPEN_RUN,
    TABLE_POINT,
    TABLE_ALERT_RULE,
    TABLE_ALERT,
    TABLE_ALERT_STATE,
    TABLE_MARK,
    TABLE_COST,
    TABLE_CENSUS,
    TABLE_CENSUS_TYPE,
    TABLE_CENSUS_CONTAINER,
    TABLE_HOLDER,
    TABLE_GROWTH,
    TABLE_GROWTH_SITE,
    TABLE_COUNT
};

#define SCHEMA_COLUMNS_MAX 12 /* as many as TABLE_RUN has: see put.c */

struct schema_table_info {
    const char *name;
    /* SQL; the first is the key that rows are read in the order of. */
    const struct schema_column {
        const char *name, *type;
        int since; /* as below; what a file is too old for is NULL */
    } columns[SCHEMA_COLUMNS_MAX + 1];
    const char *key; /* a key of several columns; NULL: the first column's type says it */
    int since;       /* format in which it came; 0: it was always there */
};

extern const struct schema_table_info schema_tables[TABLE_COUNT];

int schema_column_count(enum schema_table table);

/* Owned by the caller. */
char *schema_create_sql(enum schema_table table);
/* For `rows` rows at once. */
char *schema_insert_sql(enum schema_table table, int rows);
/* For a file of this format. */
char *schema_select_sql(enum schema_table table, int64_t version);

/* The rows of cost, which is a table of names and values so that it can grow. */
struct schema_cost {
    const char *name;
    size_t offset; /* of an uint64_t in struct cost */
};
extern const struct schema_cost schema_costs[];
extern const size_t schema_cost_count;

/* Longer strings are cut when they are written; a reader refuses longer ones. */
#define SCHEMA_STRING_MAX (1u << 20)
/* A frame has at most so many places (a function inlined into a function inlined into ...). */
#define SCHEMA_PLACES_MAX 1024

#endif
