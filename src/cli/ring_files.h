/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files of `record --ring`: segments, one after another, which hold what is recorded until it
 * is wanted or a crash needs it, and snapshots, each the whole ring.
 *
 * A segment is appended to each second (store_writer) and lasts some minutes. A crash of proftop
 * leaves the segments of the ring's span, the last one up to its last second. A clean end writes a
 * snapshot and removes them.
 *
 * A disk that is full is said once and once more when it is over; the recording in memory goes on,
 * and what could not be written is tried again.
 */
#ifndef CLI_RING_FILES_H
#define CLI_RING_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "session/session.h"
#include "store/shelf.h"
#include "store/store.h"

struct ring_files {
    struct session *session; /* borrowed; NULL: none yet */
    struct shelf shelf;
    uint64_t span_ns, segment_ns, segments_bytes_max;

    /* The segment that is being written. */
    struct store_writer *writer; /* NULL: none */
    uint64_t began_ns, began_bytes, commit_at_ns;
    uint64_t until_ns; /* how far the recording has been written, in its own time */
    uint64_t retry_at_ns, retry_ns;
    bool segment_trouble;
    /* Of this run, oldest first; the last is the writer's if there is one. */
    VEC(char *) segments;
    VEC(uint64_t) segments_end_ns; /* in the recording's time */

    /* Snapshots. */
    uint64_t due_ns, alert_due_ns;       /* 0: none is wanted */
    uint64_t alert_last_ns, end_last_ns; /* what the last ones were wanted for */
    uint64_t alert_number;               /* the first that it is about */
    uint64_t due_alert;                  /* of the one that is due; 0: it is for none */
    uint64_t saving_alert;               /* of the one that is being written */
    uint64_t wait_names_ns;              /* until then */
    const char *why;                     /* of the one that is being written, constant */
    const char *due_why;
    bool saving, snapshot_trouble, all_saved;
    uint64_t saved_samples, saved_marks, saved_reach_ns; /* what the last one holds */
};

/* Fails where nothing can be written. `name`: see shelf_safe_name. */
bool ring_files_open(struct ring_files *f, const char *folder, const char *name,
                     const struct keep *keep, uint64_t span_ns, struct err *err);
/* whole: the segments are in a snapshot and are removed. */
void ring_files_close(struct ring_files *f, bool whole);

/* Ends the segment that is being written (session_keep_ring's `turn`; context: the files). */
void ring_files_turn(void *context);
/* Some times a second while something is recorded: begins segments, commits, ends and removes. */
void ring_files_append(struct ring_files *f, uint64_t now_ns);

/* A snapshot at once. why: constant, such as "asked for by SIGUSR1". */
void ring_files_want(struct ring_files *f, const char *why, uint64_t now_ns);
/* One for the target's end: at once, unless there was one a moment ago (a service that is started
 * again and again must not push out every older file). */
void ring_files_want_end(struct ring_files *f, uint64_t now_ns);
/* One for an alert (alert_log.h): some seconds later, so that they are in it, and not too soon
 * after another. It opens with what the alert is about. */
void ring_files_want_alert(struct ring_files *f, uint64_t number, uint64_t now_ns);
/* Other bounds from now on. */
void ring_files_keep(struct ring_files *f, const struct keep *keep);
/* Starts what is due, and says how it ended. true: nothing is due or under way. */
bool ring_files_pump(struct ring_files *f, uint64_t now_ns);
/* When to pump again; UINT64_MAX: nothing is wanted. */
uint64_t ring_files_next_ns(const struct ring_files *f, uint64_t now_ns);

#endif
