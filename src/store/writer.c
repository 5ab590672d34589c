/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Appends a recording to NAME.part while it is made.
 *
 * Invariant: NAME.part holds what the last commit wrote, whatever happens to this process: it is
 * written with SQLite's rollback journal (NAME.part-journal), which a reader plays back if the
 * writer was killed in the middle of a commit.
 *
 * Why a rollback journal and not a write-ahead log: the file is whole by itself at all times, so
 * it can be read in a folder that may not be written to, or copied away; a log would hold the last
 * minutes in a second file. The price is that a reader holds up commits for as long as it reads;
 * a commit that finds one is left open and tried again with the next, so nobody waits for long.
 *
 * Why synchronous=NORMAL: the journal reaches the disk before the file is changed, so that a power
 * cut loses at most the last commits and damages nothing. That costs two fsyncs a second, of the
 * thread that owns the recording; the sampler goes on meanwhile.
 *
 * A commit is O(what is new + living threads).
 */
#include "store/store.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "store/outfile.h"
#include "store/put.h"

/* What stands in the file of an incarnation that has not ended, or of a thread that has not ended
 * or has an open run. Those that are over never change again and are looked at no more. */
struct alive {
    uint32_t id;
    bool written;
    uint32_t name;   /* of a thread, as it was written */
    struct run open; /* of a thread; ticks 0: none */
};

struct store_writer {
    struct outfile out;
    struct db db;
    struct put put;
    struct put_progress done;
    VEC(struct alive) incarnations, threads;
    uint32_t incarnations_seen, threads_seen;
    /* By frame: a hash of the places that were written, and how many. */
    VEC(struct written_places {
        uint64_t hash;
        uint32_t n;
    })
    places;
    uint64_t places_version;
    uint64_t runs_missed; /* folded before they were written */
    bool begun;           /* where the file starts is settled */
    bool open;            /* a transaction that could not be committed yet is waiting */
    bool failed;          /* for good: nothing more is written */
    struct err why;
};

/* How long a commit waits for a reader; the last one has more patience. */
#define BUSY_MS      100
#define BUSY_LAST_MS 10000

static void destroy(struct store_writer *w)
{
    put_clear(&w->put);
    db_close(&w->db); /* drops what was not committed, and with it the journal */
    outfile_clear(&w->out);
    vec_free(&w->incarnations);
    vec_free(&w->threads);
    vec_free(&w->places);
    free(w);
}

struct store_writer *store_writer_open(const char *path, struct err *err)
{
    struct outfile out;
    if (!outfile_create_part(&out, path, err))
        return NULL;
    struct store_writer *w = xcalloc(1, sizeof *w);
    w->out = out;
    int code = db_open(&w->db, out.temp, path, SQLITE_OPEN_READWRITE);
    put_init(&w->put, &w->db);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(w->db.handle, BUSY_MS);
        code = db_run(&w->db, "PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous=NORMAL; BEGIN");
    }
    if (code == SQLITE_OK) {
        put_schema(&w->put);
        code = put_failed(&w->put);
    }
    if (code == SQLITE_OK)
        code = db_run(&w->db, "COMMIT");
    if (code != SQLITE_OK) {
        struct db named = w->db.handle ? w->db : (struct db){.path = w->out.path};
        db_write_error(&named, code, err);
        store_writer_abandon(w);
        return NULL;
    }
    return w;
}

static void put_incarnations(struct store_writer *w, const struct recording *rec)
{
    for (; w->incarnations_seen < rec->incarnations.n; w->incarnations_seen++)
        if (w->incarnations_seen)
            vec_push(&w->incarnations, ((struct alive){.id = w->incarnations_seen}));
    size_t kept = 0;
    for (size_t i = 0; i < w->incarnations.n; i++) {
        struct alive a = w->incarnations.at[i];
        put_incarnation(&w->put, a.id); /* its runtime may be known only now */
        if (!rec->incarnations.at[a.id].to_ns)
            w->incarnations.at[kept++] = a;
    }
    w->incarnations.n = kept;
}

static bool same_run(const struct run *a, const struct run *b)
{
    return a->from_ns == b->from_ns && a->weight_ns == b->weight_ns && a->ticks == b->ticks &&
           a->stack.n == b->stack.n && a->object.n == b->object.n && a->owner == b->owner &&
           a->state == b->state && a->wait == b->wait && a->flags == b->flags;
}

static void put_threads(struct store_writer *w, const struct recording *rec)
{
    for (; w->threads_seen < rec->threads.n; w->threads_seen++)
        if (w->threads_seen)
            vec_push(&w->threads, ((struct alive){.id = w->threads_seen}));
    static const struct run none;
    size_t kept = 0;
    for (size_t i = 0; i < w->threads.n; i++) {
        struct alive a = w->threads.at[i];
        bool over = rec->threads.at[a.id].to_ns;
        uint32_t name = rec->threads.at[a.id].name.n;
        if (!a.written || over || a.name != name)
            put_thread(&w->put, a.id);
        a.written = true;
        a.name = name;
        const struct run *open = a.id < rec->open.n ? &rec->open.at[a.id] : &none;
        if (open->ticks && !same_run(open, &a.open))
            put_open_run(&w->put, open);
        else if (!open->ticks && a.open.ticks)
            put_no_open_run(&w->put, a.id);
        a.open = *open;
        if (!over || open->ticks)
            w->threads.at[kept++] = a;
    }
    w->threads.n = kept;
}

static void put_changed_places(struct store_writer *w, const struct recording *rec)
{
    if (w->places_version == rec->places_version)
        return;
    while (w->places.n < rec->frame_places.n)
        vec_add(&w->places);
    for (uint32_t i = 1; i < rec->frame_places.n; i++) {
        const struct frame_places *fp = &rec->frame_places.at[i];
        struct written_places *had = &w->places.at[i];
        uint64_t hash =
            fp->n ? hash_bytes(rec->places.at + fp->first, fp->n * sizeof(struct place)) : 0;
        if (had->n == fp->n && had->hash == hash)
            continue;
        put_places(&w->put, i, had->n);
        *had = (struct written_places){hash, fp->n};
    }
    w->places_version = rec->places_version;
}

void store_writer_begin(struct store_writer *w, const struct recording *rec, uint64_t from_ns)
{
    w->begun = true;
    w->put.rec = rec;
    w->put.start_ns = from_ns > rec->start_ns ? from_ns : rec->start_ns;
    w->put.start_wall_ns = rec->start_wall_ns + (int64_t)(w->put.start_ns - rec->start_ns);
    if (w->put.start_ns > rec->start_ns)
        put_pass_over(&w->put, &w->done);
}

void store_writer_spare_disk(struct store_writer *w)
{
    db_run(&w->db, "PRAGMA synchronous=OFF");
}

/* Puts what is new into the open transaction. */
static int append(struct store_writer *w, const struct recording *rec)
{
    struct put *p = &w->put;
    if (!w->begun)
        store_writer_begin(w, rec, rec->start_ns);
    p->rec = rec;
    uint64_t closed = rec->levels[LEVEL_RAW].closed;
    size_t have = recording_run_count(rec, LEVEL_RAW);
    if (w->done.folded && closed - w->done.runs > have)
        w->runs_missed += closed - w->done.runs - have;
    put_new(p, &w->done);
    put_incarnations(w, rec);
    put_threads(w, rec);
    put_changed_places(w, rec);
    put_state(p, w->runs_missed);
    return put_failed(p);
}

static bool is_busy(int code)
{
    return (code & 0xff) == SQLITE_BUSY;
}

/* Back to the last commit, at once: what is left must not depend on how the program ends. */
static void fail(struct store_writer *w, int code)
{
    db_write_error(&w->db, code, &w->why);
    w->failed = true;
    put_clear(&w->put);
    sqlite3_exec(w->db.handle, "ROLLBACK", NULL, NULL, NULL);
}

/* SQLITE_OK: committed. Busy: somebody reads the file; nothing is lost. Else w has failed. */
static int commit(struct store_writer *w, const struct recording *rec)
{
    int code = SQLITE_OK;
    if (!w->open) {
        code = db_run(&w->db, "BEGIN IMMEDIATE");
        if (is_busy(code))
            return code;
        w->open = true;
    }
    if (code == SQLITE_OK)
        code = append(w, rec);
    bool appended = code == SQLITE_OK;
    if (appended)
        code = db_run(&w->db, "COMMIT");
    if (appended && is_busy(code))
        return code;
    w->open = false;
    if (code != SQLITE_OK)
        fail(w, code);
    return code;
}

bool store_writer_commit(struct store_writer *w, const struct recording *rec, struct err *err)
{
    if (!w->failed)
        commit(w, rec);
    return !w->failed || err_set(err, "%s", w->why.text);
}

/* Leaves the file as of the last commit, without a journal beside it if that can be done. */
static void close_file(struct store_writer *w)
{
    put_clear(&w->put);
    sqlite3_exec(w->db.handle, "ROLLBACK", NULL, NULL, NULL); /* fails if there is nothing to */
    sqlite3_exec(w->db.handle, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    db_close(&w->db);
}

bool store_writer_finish(struct store_writer *w, const struct recording *rec, struct err *err)
{
    if (!w->failed) {
        sqlite3_busy_timeout(w->db.handle, BUSY_LAST_MS);
        int code = commit(w, rec);
        if (is_busy(code))
            fail(w, code);
    }
    close_file(w);
    bool ok = w->failed ? err_set(err, "%s", w->why.text) : outfile_publish(&w->out, err);
    destroy(w);
    return ok;
}

void store_writer_keep(struct store_writer *w)
{
    close_file(w);
    destroy(w);
}

void store_writer_abandon(struct store_writer *w)
{
    close_file(w);
    outfile_remove(&w->out);
    destroy(w);
}

/* Goes back to the last commit, without a journal. false: it cannot, or this is none of ours. */
static bool put_back(const char *part)
{
    struct db db;
    if (db_open(&db, part, part, SQLITE_OPEN_READWRITE) != SQLITE_OK)
        return false;
    bool ok = db_run(&db, "PRAGMA journal_mode=DELETE") == SQLITE_OK;
    sqlite3_stmt *stmt = ok ? db_prepare(&db, "PRAGMA application_id") : NULL;
    ok = stmt && sqlite3_step(stmt) == SQLITE_ROW &&
         sqlite3_column_int64(stmt, 0) == STORE_APPLICATION_ID;
    sqlite3_finalize(stmt);
    db_close(&db);
    return ok;
}

void store_settle_part(const char *path)
{
    struct outfile part;
    struct stat st;
    struct err err;
    if (!outfile_take_part(&part, path))
        return;
    if (put_back(part.temp))
        (void)outfile_publish(&part, &err); /* else it stays, and is opened as it is */
    else if (fstat(part.fd, &st) == 0 && st.st_size == 0)
        outfile_remove(&part);
    outfile_clear(&part);
}
