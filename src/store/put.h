/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording's parts as rows: what store_save and the writer share.
 *
 * The first failure sticks: later calls do nothing, and put_failed() tells. What was put before is
 * undone by the caller's transaction.
 */
#ifndef STORE_PUT_H
#define STORE_PUT_H

#include "store/db.h"
#include "store/schema.h"

#define PUT_RUNS_AT_ONCE 16

struct put {
    struct db *db;                     /* borrowed */
    const struct recording *rec;       /* borrowed; set before each round */
    uint64_t start_ns;                 /* of the file: the recording's own, or later; what began */
    int64_t start_wall_ns;             /* before it is cut there. Set before the first round */
    sqlite3_stmt *insert[TABLE_COUNT]; /* made when first needed */
    sqlite3_stmt *insert_runs;         /* PUT_RUNS_AT_ONCE at once: half the cost of one by one */
    const struct run *pending[PUT_RUNS_AT_ONCE];
    int pending_level[PUT_RUNS_AT_ONCE];
    size_t pending_n;
    sqlite3_stmt *row; /* being filled */
    int column;
    int code; /* SQLITE_OK, or the first failure */
};

void put_init(struct put *p, struct db *db);
void put_clear(struct put *p);
/* SQLITE_OK, or the code of the first failure. */
int put_failed(const struct put *p);

/* Tables and what never changes: the names of levels, waits, languages and metrics. */
void put_schema(struct put *p);

/* How much of the tables that only grow has been written. Zeroed: nothing. */
struct put_progress {
    size_t strings, modules, functions, frames, stacks, objects, marks;
    uint64_t alerts; /* number of the newest */
    uint64_t alerts_version;
    uint64_t point_ns[METRIC_COUNT]; /* time of the newest point */
    uint64_t runs;                   /* number of raw runs ever closed */
    uint64_t censuses;               /* number of the newest */
    uint64_t holders_version;
    uint64_t growth; /* number of the newest look */
    bool folded;     /* the levels above raw */
};
/* For a file that begins in the middle of a recording, at p->start_ns: what is over by then counts
 * as written, but for the newest figures before. */
void put_pass_over(const struct put *p, struct put_progress *done);
/* Everything that is new since `done`, which is brought up to date. */
void put_new(struct put *p, struct put_progress *done);

/* One entry, new or in the place of what stood there. */
void put_incarnation(struct put *p, uint32_t id);
void put_thread(struct put *p, uint32_t id);
void put_open_run(struct put *p, const struct run *run);
void put_no_open_run(struct put *p, uint32_t thread);
/* The places of a frame, in the place of `had` that stood there. */
void put_places(struct put *p, uint32_t frame, uint32_t had);
/* The small things that change all the time: meta, levels, alert rules and states, cost. */
void put_state(struct put *p, uint64_t runs_missed);

#endif
