/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See reader.h. */
#include "store/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/store.h"

/* How long a writer's commit may keep us waiting. */
#define BUSY_MS 5000

/* The header of every SQLite file (sqlite.org/fileformat2.html, section 1.3). */
#define HEADER_BYTES 100
#define HEADER_MAGIC "SQLite format 3"
enum { HEADER_PAGE_SIZE = 16, HEADER_WRITE_VERSION = 18, HEADER_PAGE_COUNT = 28 };

static bool is_there_as_part(const char *path)
{
    char *part = xasprintf("%s.part", path);
    bool there = *path && access(part, R_OK) == 0;
    free(part);
    return there;
}

/* Says which of the reasons to open nothing it is, before SQLite sees the file. */
static bool check_file(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 && errno == ENOENT && is_there_as_part(path))
        return err_set(err,
                       "there is no %s yet: %s.part is what is being recorded, or was when its "
                       "recorder was killed; give that",
                       path, path);
    if (fd < 0)
        return err_errno(err, "cannot open %s", path);
    unsigned char header[HEADER_BYTES] = {0};
    ssize_t n = -1;
    bool ok = fstat(fd, &st) == 0;
    if (ok && S_ISREG(st.st_mode))
        n = pread(fd, header, sizeof header, 0);
    if (!ok || (S_ISREG(st.st_mode) && n < 0))
        err_errno(err, "cannot read %s", path);
    else if (S_ISDIR(st.st_mode))
        err_set(err, "%s is not a proftop recording (it is a folder)", path);
    else if (!S_ISREG(st.st_mode))
        err_set(err, "%s is not a proftop recording (no regular file)", path);
    else if (n == 0)
        err_set(err, "%s is not a proftop recording (it is empty)", path);
    else if (memcmp(header, HEADER_MAGIC, n < 16 ? (size_t)n : 16) != 0)
        err_set(err, "%s is not a proftop recording (no SQLite file)", path);
    else if (n < HEADER_BYTES)
        err_set(err, "%s is cut short or damaged: it has only %zd bytes", path, n);
    else if (header[HEADER_WRITE_VERSION] != 1 || header[HEADER_WRITE_VERSION + 1] != 1)
        /* proftop writes none with a log; opening one would leave files beside it. */
        err_set(err, "%s is not a proftop recording as proftop wrote it (%s)", path,
                header[HEADER_WRITE_VERSION] == 2 ? "SQLite's WAL mode; undo it with sqlite3's "
                                                    "'PRAGMA journal_mode=DELETE'"
                                                  : "an unknown SQLite format");
    else
        n = -HEADER_BYTES; /* as it should be */
    close(fd);
    return n == -HEADER_BYTES;
}

/* Is the file shorter than its header says? Only to word an error. */
static bool is_cut(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    unsigned char h[HEADER_BYTES];
    struct stat st;
    bool cut = false;
    if (fstat(fd, &st) == 0 && pread(fd, h, sizeof h, 0) == sizeof h) {
        uint64_t size = (uint64_t)h[HEADER_PAGE_SIZE] << 8 | h[HEADER_PAGE_SIZE + 1];
        if (size == 1)
            size = 65536;
        const unsigned char *c = h + HEADER_PAGE_COUNT;
        uint64_t pages = (uint64_t)c[0] << 24 | c[1] << 16 | c[2] << 8 | c[3];
        cut = (uint64_t)st.st_size < size * pages;
    }
    close(fd);
    return cut;
}

/* Says what SQLite found wrong. */
static bool read_error(struct reader *r, int code, struct err *err)
{
    const char *path = r->path;
    switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR: /* an SQL error: a table or a column is not what it should be */
    case SQLITE_TOOBIG:
        return err_set(err, "%s is cut short or damaged: %s", path,
                       is_cut(path)                    ? "its end is missing"
                       : (code & 0xff) == SQLITE_ERROR ? sqlite3_errmsg(r->db.handle)
                                                       : sqlite3_errstr(code));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(err, "cannot read %s: another program is writing it; try again", path);
    case SQLITE_READONLY:
        return err_set(err,
                       "cannot read %s: its writer was killed in the middle of a write, and what "
                       "%s-journal holds can only be put back where it may be written; copy both",
                       path, path);
    }
    return err_set(err, "cannot read %s: %s", path, sqlite3_errstr(code));
}

static int64_t pragma_int(struct reader *r, const char *sql, int *code)
{
    int64_t value = 0;
    sqlite3_stmt *stmt = db_prepare(&r->db, sql);
    if (stmt && sqlite3_step(stmt) == SQLITE_ROW)
        value = sqlite3_column_int64(stmt, 0);
    else
        *code = db_code(&r->db);
    sqlite3_finalize(stmt);
    return value;
}

/* Opens and begins the one transaction in which everything is read. */
static int begin(struct reader *r, int flags, int64_t *application, int64_t *version)
{
    int code = db_open(&r->db, r->path, r->path, flags);
    if (code != SQLITE_OK)
        return code;
    sqlite3 *h = r->db.handle;
    sqlite3_busy_timeout(h, BUSY_MS);
    sqlite3_limit(h, SQLITE_LIMIT_LENGTH, 2 * SCHEMA_STRING_MAX);
    sqlite3_db_config(h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    code = db_run(&r->db, "PRAGMA cell_size_check=1; BEGIN");
    if (code == SQLITE_OK)
        *application = pragma_int(r, "PRAGMA application_id", &code);
    if (code == SQLITE_OK)
        *version = pragma_int(r, "PRAGMA user_version", &code);
    if (code != SQLITE_OK)
        db_close(&r->db);
    return code;
}

/* Each of our tables must be there, and be a plain table: without columns that are computed. */
static bool check_tables(struct reader *r, struct err *err)
{
    sqlite3_stmt *stmt =
        db_prepare(&r->db, "SELECT NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1) WHERE hidden)"
                           " FROM sqlite_schema WHERE type='table' AND name=?1 AND rootpage>0"
                           " AND sql NOT LIKE 'CREATE VIRTUAL%'");
    if (!stmt)
        return read_error(r, db_code(&r->db), err);
    bool ok = true;
    for (int t = 0; t < TABLE_COUNT && ok; t++) {
        if (schema_tables[t].since > r->version)
            continue;
        sqlite3_bind_text(stmt, 1, schema_tables[t].name, -1, SQLITE_STATIC);
        int step = sqlite3_step(stmt);
        if (step != SQLITE_ROW && step != SQLITE_DONE)
            ok = read_error(r, db_code(&r->db), err);
        else if (step == SQLITE_DONE || !sqlite3_column_int(stmt, 0))
            ok = err_set(err, "%s is cut short or damaged: it has no plain table \"%s\"", r->path,
                         schema_tables[t].name);
        sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
    return ok;
}

static bool open_file(struct reader *r, struct err *err)
{
    int64_t application = 0, version = 0;
    int code = begin(r, SQLITE_OPEN_READONLY, &application, &version);
    if ((code & 0xff) == SQLITE_READONLY)
        /* A writer was killed in the middle of a commit: SQLite goes back to the one before it,
         * for which it has to write. */
        code = begin(r, SQLITE_OPEN_READWRITE, &application, &version);
    if (code != SQLITE_OK)
        return read_error(r, code, err);
    if (application != STORE_APPLICATION_ID)
        return err_set(err, "%s is not a proftop recording (an SQLite file of another program)",
                       r->path);
    if (version > STORE_VERSION)
        return err_set(err,
                       "%s was written by a newer proftop (format %lld), this one reads up to %d; "
                       "update proftop to open it",
                       r->path, (long long)version, STORE_VERSION);
    if (version < 1)
        return err_set(err, "%s is cut short or damaged: it has no format version", r->path);
    r->version = version;
    return check_tables(r, err);
}

bool reader_open(struct reader *r, const char *path, struct err *err)
{
    *r = (struct reader){.path = path};
    if (check_file(path, err) && open_file(r, err))
        return true;
    reader_close(r);
    return false;
}

void reader_close(struct reader *r)
{
    sqlite3_finalize(r->stmt);
    r->stmt = NULL;
    db_close(&r->db);
    vec_free(&r->text);
}

bool reader_damaged(struct reader *r, const char *fmt, ...)
{
    if (r->damaged)
        return false;
    r->damaged = true;
    char what[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(&r->why, "%s is cut short or damaged: table \"%s\", row %llu: %s", r->path,
                   schema_tables[r->table].name, (unsigned long long)r->row, what);
}

void reader_begin(struct reader *r, enum schema_table table)
{
    r->table = table;
    r->row = 0;
    r->key = INT64_MIN;
    sqlite3_finalize(r->stmt);
    r->stmt = NULL;
    if (r->damaged || schema_tables[table].since > r->version)
        return;
    char *sql = schema_select_sql(table, r->version);
    r->stmt = db_prepare(&r->db, sql);
    free(sql);
    if (!r->stmt) {
        r->damaged = true;
        read_error(r, db_code(&r->db), &r->why);
    }
}

bool reader_next(struct reader *r)
{
    int step = r->damaged || !r->stmt ? SQLITE_DONE : sqlite3_step(r->stmt);
    if (step == SQLITE_ROW) {
        r->row++;
        if (schema_tables[r->table].key)
            return true;
        int64_t key = sqlite3_column_int64(r->stmt, 0);
        if (key > r->key) {
            r->key = key;
            return true;
        }
        reader_damaged(r, "out of order");
    } else if (step != SQLITE_DONE) {
        r->damaged = true;
        read_error(r, db_code(&r->db), &r->why);
    }
    sqlite3_finalize(r->stmt);
    r->stmt = NULL;
    return false;
}

int64_t reader_int(struct reader *r, int column, int64_t min, int64_t max)
{
    if (sqlite3_column_type(r->stmt, column) == SQLITE_INTEGER) {
        int64_t value = sqlite3_column_int64(r->stmt, column);
        if (value >= min && value <= max)
            return value;
    }
    reader_damaged(r, "%s is out of range", schema_tables[r->table].columns[column].name);
    return min <= 0 && max >= 0 ? 0 : min;
}

double reader_real(struct reader *r, int column)
{
    int type = sqlite3_column_type(r->stmt, column);
    if (type == SQLITE_FLOAT || type == SQLITE_INTEGER) {
        double value = sqlite3_column_double(r->stmt, column);
        if (isfinite(value))
            return value;
    }
    reader_damaged(r, "%s is no number", schema_tables[r->table].columns[column].name);
    return 0;
}

const char *reader_text(struct reader *r, int column)
{
    const char *text = NULL;
    if (sqlite3_column_type(r->stmt, column) == SQLITE_TEXT)
        text = (const char *)sqlite3_column_text(r->stmt, column);
    if (!text) {
        reader_damaged(r, "%s is no text", schema_tables[r->table].columns[column].name);
        text = "";
    }
    vec_clear(&r->text);
    vec_append(&r->text, text, strlen(text) + 1);
    text_make_printable(r->text.at);
    return r->text.at;
}

bool reader_null(struct reader *r, int column)
{
    return sqlite3_column_type(r->stmt, column) == SQLITE_NULL;
}
