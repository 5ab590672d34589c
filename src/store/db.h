/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The little of SQLite that a recording needs: open, run, prepare, and what went wrong as a
 * sentence. One connection, one thread at a time.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>

#include "base/err.h"

struct db {
    sqlite3 *handle;
    char *path; /* for messages: what the user calls it */
};

/* Opens file (which the user knows as path) with SQLITE_OPEN_... flags. On failure db is closed
 * and the SQLite error code returned. */
int db_open(struct db *db, const char *file, const char *path, int flags);
/* Also after a failure; drops a transaction that is open. Statements must be finalized before. */
void db_close(struct db *db);

/* SQLITE_OK, or the (extended) error code. */
int db_run(struct db *db, const char *sql);
/* NULL on failure; db_code() then says why. */
sqlite3_stmt *db_prepare(struct db *db, const char *sql);
/* The extended code of the last failure. */
int db_code(const struct db *db);

/* "cannot write PATH: ..." for the error code; returns false. */
bool db_write_error(const struct db *db, int code, struct err *err);

#endif
