/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole recording into a new file. No journal and no syncing while it is written: the file has
 * no name that anybody knows until it is whole and synced.
 *
 * For a worker, on a copy of the recording. O(everything): 0.7 to 1 us a run, nearly all of it
 * SQLite's (tests/unit/store_save.c measures it).
 */
#include "store/store.h"

#include "store/outfile.h"
#include "store/put.h"

static void put_everything(struct put *p, const struct recording *rec)
{
    struct put_progress done = {0};
    p->rec = rec;
    p->start_ns = rec->start_ns;
    p->start_wall_ns = rec->start_wall_ns;
    put_schema(p);
    put_new(p, &done);
    for (uint32_t i = 1; i < rec->incarnations.n; i++)
        put_incarnation(p, i);
    for (uint32_t i = 1; i < rec->threads.n; i++)
        put_thread(p, i);
    for (size_t i = 0; i < rec->open.n; i++)
        if (rec->open.at[i].ticks)
            put_open_run(p, &rec->open.at[i]);
    for (uint32_t i = 1; i < rec->frame_places.n; i++)
        put_places(p, i, 0);
    put_state(p, 0);
}

static bool write_into(const struct outfile *out, const struct recording *rec, struct err *err)
{
    struct db db;
    int code = db_open(&db, out->temp, out->path, SQLITE_OPEN_READWRITE);
    if (code != SQLITE_OK)
        return db_write_error(&db, code, err);
    code = db_run(&db, "PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                       "PRAGMA locking_mode=EXCLUSIVE; BEGIN");
    if (code == SQLITE_OK) {
        struct put put;
        put_init(&put, &db);
        put_everything(&put, rec);
        code = put_failed(&put);
        put_clear(&put);
    }
    if (code == SQLITE_OK)
        code = db_run(&db, "COMMIT");
    bool ok = code == SQLITE_OK || db_write_error(&db, code, err);
    db_close(&db);
    return ok;
}

bool store_save(const struct recording *rec, const char *path, struct err *err)
{
    struct outfile out;
    if (!outfile_create_hidden(&out, path, err))
        return false;
    bool ok = write_into(&out, rec, err) && outfile_publish(&out, err);
    if (!ok)
        outfile_remove(&out);
    outfile_clear(&out);
    return ok;
}
