/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See db.h. */
#include "store/db.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/outfile.h"

int db_open(struct db *db, const char *file, const char *path, int flags)
{
    /* SQLite gives names such as ":memory:" and "file:x" a meaning of their own. */
    char *plain = xasprintf("%s%s", file[0] == '/' ? "" : "./", file);
    *db = (struct db){NULL, xstrdup(path)};
    int code = sqlite3_open_v2(plain, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    free(plain);
    if (!db->handle)
        die("out of memory (SQLite)");
    if (code != SQLITE_OK) {
        code = db_code(db);
        db_close(db);
        return code;
    }
    sqlite3_extended_result_codes(db->handle, 1);
    return SQLITE_OK;
}

void db_close(struct db *db)
{
    sqlite3_close(db->handle);
    free(db->path);
    *db = (struct db){0};
}

int db_run(struct db *db, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? SQLITE_OK : db_code(db);
}

sqlite3_stmt *db_prepare(struct db *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
    return stmt;
}

int db_code(const struct db *db)
{
    return sqlite3_extended_errcode(db->handle);
}

bool db_write_error(const struct db *db, int code, struct err *err)
{
    /* SQLite keeps the errno of most, but not of a write that found no room. */
    int number = db->handle ? sqlite3_system_errno(db->handle) : 0;
    switch (code & 0xff) {
    case SQLITE_FULL:
        return outfile_error(db->path, ENOSPC, err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, "cannot write %s: another program is reading it; let that end first",
                       db->path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return outfile_error(db->path, EACCES, err);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        if (number)
            return outfile_error(db->path, number, err);
        break;
    }
    return err_set(err, "cannot write %s: %s", db->path, sqlite3_errstr(code));
}
