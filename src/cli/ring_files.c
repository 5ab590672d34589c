/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ring_files.h. */
#include "cli/ring_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "model/alert_log.h"

#define COMMIT_NS          (1 * NS_PER_S)
#define SEGMENTS           6 /* of a span */
#define SEGMENT_MIN_NS     (2 * NS_PER_S)
#define SEGMENT_MAX_NS     (300 * NS_PER_S)
#define SEGMENTS_BYTES_MAX (256ull << 20)
/* A disk that could not be written to is tried again after so long, then after twice that, ... */
#define RETRY_MIN_NS (5 * NS_PER_S)
#define RETRY_MAX_NS (60 * NS_PER_S)
/* How long a snapshot waits for the names of the last frames. */
#define NAMES_NS (2 * NS_PER_S)
/* How long after an alert its snapshot is made, and how far apart such snapshots are. */
#define AFTER_ALERT_NS (10 * NS_PER_S)
#define APART_NS       (60 * NS_PER_S)
#define STEP_NS        (50 * NS_PER_MS) /* how often it is looked whether a snapshot is written */

static uint64_t clamp(uint64_t x, uint64_t low, uint64_t high)
{
    return x < low ? low : x > high ? high : x;
}

static void bound_segments(struct ring_files *f, const struct keep *keep)
{
    f->segments_bytes_max = SEGMENTS_BYTES_MAX;
    if (keep->bytes && keep->bytes / 2 < f->segments_bytes_max)
        f->segments_bytes_max = keep->bytes / 2;
}

bool ring_files_open(struct ring_files *f, const char *folder, const char *name,
                     const struct keep *keep, uint64_t span_ns, struct err *err)
{
    *f = (struct ring_files){.span_ns = span_ns, .retry_ns = RETRY_MIN_NS};
    f->segment_ns = clamp(span_ns / SEGMENTS, SEGMENT_MIN_NS, SEGMENT_MAX_NS);
    bound_segments(f, keep);
    return shelf_open(&f->shelf, folder, name, keep, err);
}

void ring_files_keep(struct ring_files *f, const struct keep *keep)
{
    bound_segments(f, keep);
    f->shelf.keep = *keep;
}

/* ---- segments ---- */

static struct recording *recording_of(const struct ring_files *f)
{
    return session_recording(f->session);
}

static void segment_fails(struct ring_files *f, const struct err *err, uint64_t now_ns)
{
    if (!f->segment_trouble)
        log_warning("%s (recording goes on in memory, and this is tried again)", err->text);
    f->segment_trouble = true;
    f->retry_at_ns = now_ns + f->retry_ns;
    f->retry_ns = clamp(2 * f->retry_ns, RETRY_MIN_NS, RETRY_MAX_NS);
}

static void segment_works(struct ring_files *f)
{
    if (f->segment_trouble)
        log_note("%s can be written to again", f->shelf.folder);
    f->segment_trouble = false;
    f->retry_ns = RETRY_MIN_NS;
}

static void remove_segment(struct ring_files *f, size_t i)
{
    shelf_remove(&f->shelf, f->segments.at[i]);
    free(f->segments.at[i]);
    f->segments.n--;
    f->segments_end_ns.n--;
    memmove(f->segments.at + i, f->segments.at + i + 1,
            (f->segments.n - i) * sizeof *f->segments.at);
    memmove(f->segments_end_ns.at + i, f->segments_end_ns.at + i + 1,
            (f->segments_end_ns.n - i) * sizeof *f->segments_end_ns.at);
}

static uint64_t segment_bytes(const char *path)
{
    char *part = xasprintf("%s.part", path);
    uint64_t bytes = shelf_bytes(path) + shelf_bytes(part);
    free(part);
    return bytes;
}

/* Removes segments that the ring has left behind, or that are too much; not the one being written.
 */
static void trim_segments(struct ring_files *f)
{
    uint64_t end_ns = recording_of(f)->end_ns, bytes = 0;
    uint64_t wanted_ns = end_ns > f->span_ns ? end_ns - f->span_ns : 0;
    size_t writing = f->writer ? 1 : 0;
    for (size_t i = 0; i < f->segments.n; i++)
        bytes += segment_bytes(f->segments.at[i]);
    while (f->segments.n > writing &&
           (f->segments_end_ns.at[0] < wanted_ns || bytes > f->segments_bytes_max)) {
        bytes -= clamp(segment_bytes(f->segments.at[0]), 0, bytes);
        remove_segment(f, 0);
    }
    shelf_trim(&f->shelf, f->segments.at, f->segments.n, clock_wall_ns());
}

static void begin_segment(struct ring_files *f, uint64_t now_ns)
{
    struct err err;
    struct recording *rec = recording_of(f);
    char *path = shelf_path(&f->shelf, SHELF_SEGMENT, clock_wall_ns());
    struct store_writer *w = store_writer_open(path, &err);
    if (w) {
        store_writer_spare_disk(w);
        store_writer_begin(w, rec, f->until_ns);
        if (!store_writer_commit(w, rec, &err)) {
            store_writer_abandon(w);
            w = NULL;
        }
    }
    if (!w) {
        free(path);
        segment_fails(f, &err, now_ns);
        return;
    }
    segment_works(f);
    f->writer = w;
    f->began_ns = now_ns;
    f->commit_at_ns = now_ns + COMMIT_NS;
    f->until_ns = rec->end_ns;
    f->began_bytes = segment_bytes(path);
    vec_push(&f->segments, path);
    vec_push(&f->segments_end_ns, rec->end_ns);
}

void ring_files_turn(void *context)
{
    struct ring_files *f = context;
    struct err err;
    if (!f->writer)
        return;
    const struct recording *rec = recording_of(f);
    if (store_writer_finish(f->writer, rec, &err)) /* on failure the .part stays as it was */
        f->until_ns = rec->end_ns;
    else
        segment_fails(f, &err, clock_mono_ns());
    f->writer = NULL;
    *vec_last(&f->segments_end_ns) = rec->end_ns;
    trim_segments(f);
}

static void commit(struct ring_files *f, uint64_t now_ns)
{
    struct err err;
    const struct recording *rec = recording_of(f);
    f->commit_at_ns = now_ns + COMMIT_NS;
    if (store_writer_commit(f->writer, rec, &err)) {
        f->until_ns = rec->end_ns;
        *vec_last(&f->segments_end_ns) = rec->end_ns;
        return;
    }
    store_writer_keep(f->writer);
    f->writer = NULL;
    segment_fails(f, &err, now_ns);
}

void ring_files_append(struct ring_files *f, uint64_t now_ns)
{
    if (!f->writer && now_ns >= f->retry_at_ns)
        begin_segment(f, now_ns);
    if (f->writer && now_ns >= f->commit_at_ns)
        commit(f, now_ns);
    if (!f->writer)
        return;
    /* Each begins with all names: under a small bound it must be worth those first. */
    uint64_t bytes = segment_bytes(*vec_last(&f->segments));
    bool full = bytes > f->segments_bytes_max / SEGMENTS && bytes > 2 * f->began_bytes;
    if (full || now_ns - f->began_ns >= f->segment_ns) {
        session_turn(f->session);
        begin_segment(f, now_ns);
    }
}

/* ---- snapshots ---- */

static void want(struct ring_files *f, const char *why, uint64_t due_ns, uint64_t now_ns)
{
    if (!f->due_ns || due_ns < f->due_ns) {
        f->due_ns = due_ns;
        f->due_why = why;
        f->wait_names_ns = (due_ns > now_ns ? due_ns : now_ns) + NAMES_NS;
    }
}

void ring_files_want(struct ring_files *f, const char *why, uint64_t now_ns)
{
    want(f, why, now_ns, now_ns);
}

/* due_ns, or as much later as the last one of the kind demands; that is then the last one. */
static uint64_t apart(const struct ring_files *f, uint64_t *last_ns, uint64_t due_ns)
{
    uint64_t least_ns = clamp(f->span_ns / 2, 0, APART_NS);
    if (*last_ns && due_ns < *last_ns + least_ns)
        due_ns = *last_ns + least_ns;
    *last_ns = due_ns;
    return due_ns;
}

void ring_files_want_end(struct ring_files *f, uint64_t now_ns)
{
    if (!f->due_ns) /* else that one will hold this end too */
        want(f, "the target has ended", apart(f, &f->end_last_ns, now_ns), now_ns);
}

void ring_files_want_alert(struct ring_files *f, uint64_t number, uint64_t now_ns)
{
    uint64_t after_ns = clamp(f->span_ns / 4, 0, AFTER_ALERT_NS);
    if (f->alert_due_ns)
        return; /* that one will hold this alert too */
    f->alert_due_ns = apart(f, &f->alert_last_ns, now_ns + after_ns);
    f->alert_number = number;
}

/* How far back the runs reach: as far as the ring, unless the recording is younger. */
static uint64_t reach_ns(const struct ring_files *f)
{
    const struct recording *rec = recording_of(f);
    for (int level = LEVEL_COUNT - 1; level >= 0; level--) {
        if (!recording_run_count(rec, level))
            continue;
        uint64_t from_ns = recording_run_at(rec, level, 0)->from_ns;
        return from_ns < rec->end_ns ? clamp(rec->end_ns - from_ns, 0, f->span_ns) : 0;
    }
    return clamp(rec->end_ns - rec->start_ns, 0, f->span_ns);
}

static void start_snapshot(struct ring_files *f)
{
    char *path = shelf_path(&f->shelf, SHELF_SNAPSHOT, clock_wall_ns());
    struct recording *rec = recording_of(f);
    struct window about;
    bool alert = f->due_alert && alert_log_at(rec, f->due_alert);
    if (alert)
        alert_log_window(rec, (size_t)(f->due_alert - 1 - rec->alerts_gone), &about.from_ns,
                         &about.to_ns);
    f->saving = session_save(f->session, path, alert ? &about : NULL);
    if (f->saving) {
        f->saving_alert = alert ? f->due_alert : 0;
        f->why = f->due_why;
        f->due_ns = f->due_alert = 0;
        f->saved_samples = rec->cost.samples;
        f->saved_marks = rec->marks_gone + rec->marks.n;
        f->saved_reach_ns = reach_ns(f);
    }
    free(path);
}

static void finish_snapshot(struct ring_files *f, enum save_state state, const char *text,
                            uint64_t now_ns)
{
    f->saving = false;
    f->all_saved = state == SAVE_DONE;
    if (state == SAVE_DONE) {
        char size[FIGURE_MAX], span[FIGURE_MAX];
        log_note("%s: %s; the last %s, %s", text, f->why, figure_duration(span, f->saved_reach_ns),
                 figure_bytes(size, (double)shelf_bytes(text)));
        f->snapshot_trouble = false;
        if (f->saving_alert)
            alert_log_set_snapshot(recording_of(f), f->saving_alert, text);
        shelf_trim(&f->shelf, f->segments.at, f->segments.n, clock_wall_ns());
        return;
    }
    if (!f->snapshot_trouble)
        log_warning("%s (%s; this is tried again)", text, f->why);
    f->snapshot_trouble = true;
    want(f, f->why, now_ns + RETRY_MAX_NS / 2, now_ns);
}

bool ring_files_pump(struct ring_files *f, uint64_t now_ns)
{
    char text[sizeof((struct err *)0)->text];
    if (!f->session)
        return true;
    if (f->saving) {
        enum save_state state = session_save_state(f->session, text, sizeof text);
        if (state == SAVE_DONE || state == SAVE_FAILED)
            finish_snapshot(f, state, text, now_ns);
    }
    if (f->alert_due_ns && now_ns >= f->alert_due_ns) {
        f->alert_due_ns = 0;
        f->due_alert = f->alert_number;
        want(f, "an alert was raised", now_ns, now_ns);
    }
    bool named = !session_naming(f->session) || now_ns >= f->wait_names_ns;
    if (f->due_ns && now_ns >= f->due_ns && !f->saving && named)
        start_snapshot(f);
    return !f->saving && !f->due_ns;
}

uint64_t ring_files_next_ns(const struct ring_files *f, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    if (f->saving || (f->due_ns && f->due_ns <= now_ns))
        return now_ns + STEP_NS;
    if (f->due_ns)
        next_ns = f->due_ns;
    if (f->alert_due_ns && f->alert_due_ns < next_ns)
        next_ns = f->alert_due_ns;
    return next_ns;
}

void ring_files_close(struct ring_files *f, bool whole)
{
    if (f->writer && whole) {
        store_writer_abandon(f->writer);
        f->writer = NULL;
    }
    if (f->writer)
        ring_files_turn(f);
    while (f->segments.n && whole)
        remove_segment(f, 0);
    for (size_t i = 0; i < f->segments.n; i++)
        free(f->segments.at[i]);
    vec_free(&f->segments);
    vec_free(&f->segments_end_ns);
    shelf_close(&f->shelf);
}
