/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file's tables, row by row, trusting nothing.
 *
 * The file may be cut, damaged, foreign, or made to harm: every table must be a plain table; every
 * number is checked against its range when it is fetched; rows must come in the order of their
 * keys, so that a damaged b-tree cannot make a table endless; SQL that a file brings along (views,
 * triggers, columns that call functions) is never run. The first fault sticks: from then on there
 * are no more rows, and `why` says what it was.
 */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "base/vec.h"
#include "store/db.h"
#include "store/schema.h"

struct reader {
    const char *path; /* borrowed */
    struct db db;
    int64_t version; /* of the file's format */
    sqlite3_stmt *stmt;
    enum schema_table table; /* being read: */
    uint64_t row;            /* rows so far */
    int64_t key;             /* the last row's */
    VEC(char) text;
    bool damaged;
    struct err why;
};

/* Says in one line why a file cannot be opened. Everything is read in one transaction: a writer
 * that appends meanwhile is not seen. */
bool reader_open(struct reader *r, const char *path, struct err *err);
/* r->damaged and r->why stay. */
void reader_close(struct reader *r);

/* A table that came with a later format than the file's is empty.
 * for (reader_begin(r, TABLE); reader_next(r);) ... */
void reader_begin(struct reader *r, enum schema_table table);
bool reader_next(struct reader *r);

/* A column of the row, numbered as in schema_tables[]. What is not of its type or out of range
 * marks the file as damaged and gives a harmless value. */
int64_t reader_int(struct reader *r, int column, int64_t min, int64_t max);
double reader_real(struct reader *r, int column);
/* Made printable; borrowed until the next call. */
const char *reader_text(struct reader *r, int column);
bool reader_null(struct reader *r, int column);

/* Marks the file as damaged in the row that is being read. Returns false. */
bool reader_damaged(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
