/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See put.h. Times in a file are relative to the recording's start: smaller, and readable. */
#include "store/put.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/alert_log.h"
#include "store/store.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "(unknown version)"
#endif

void put_init(struct put *p, struct db *db)
{
    *p = (struct put){.db = db, .code = SQLITE_OK};
}

void put_clear(struct put *p)
{
    for (int t = 0; t < TABLE_COUNT; t++)
        sqlite3_finalize(p->insert[t]);
    sqlite3_finalize(p->insert_runs);
    *p = (struct put){.code = SQLITE_MISUSE};
}

int put_failed(const struct put *p)
{
    return p->code;
}

static sqlite3_stmt *make_insert(struct put *p, enum schema_table table, int rows)
{
    char *sql = schema_insert_sql(table, rows);
    sqlite3_stmt *stmt = db_prepare(p->db, sql);
    free(sql);
    if (!stmt)
        p->code = db_code(p->db);
    return stmt;
}

static void row_begin(struct put *p, enum schema_table table)
{
    if (p->code == SQLITE_OK && !p->insert[table])
        p->insert[table] = make_insert(p, table, 1);
    p->row = p->insert[table];
    p->column = 0;
}

static void row_int(struct put *p, int64_t value)
{
    sqlite3_bind_int64(p->row, ++p->column, value);
}

static void row_real(struct put *p, double value)
{
    /* SQLite would make NULL of what is no number. */
    sqlite3_bind_double(p->row, ++p->column, isfinite(value) ? value : 0);
}

/* Borrowed until row_end. */
static void row_text(struct put *p, const char *text)
{
    size_t size = strlen(text);
    if (size > SCHEMA_STRING_MAX)
        size = SCHEMA_STRING_MAX;
    sqlite3_bind_text(p->row, ++p->column, text, (int)size, SQLITE_STATIC);
}

static void row_time(struct put *p, uint64_t time_ns)
{
    row_int(p, (int64_t)(time_ns - p->start_ns));
}

/* For times where 0 says that there is none. */
static void row_time_or_null(struct put *p, uint64_t time_ns)
{
    if (time_ns)
        row_time(p, time_ns);
    else
        sqlite3_bind_null(p->row, ++p->column);
}

static void step(struct put *p, sqlite3_stmt *stmt)
{
    if (p->code != SQLITE_OK)
        return;
    if (sqlite3_step(stmt) != SQLITE_DONE)
        p->code = db_code(p->db);
    sqlite3_reset(stmt);
}

static void row_end(struct put *p)
{
    step(p, p->row);
}

static void run_sql(struct put *p, const char *sql)
{
    if (p->code == SQLITE_OK)
        p->code = db_run(p->db, sql);
}

static void put_name(struct put *p, enum schema_table table, int id, const char *name)
{
    row_begin(p, table);
    row_int(p, id);
    row_text(p, name);
    row_end(p);
}

void put_schema(struct put *p)
{
    char pragma[80];
    snprintf(pragma, sizeof pragma, "PRAGMA application_id=%d; PRAGMA user_version=%d",
             STORE_APPLICATION_ID, STORE_VERSION);
    run_sql(p, pragma);
    for (int t = 0; t < TABLE_COUNT; t++) {
        char *sql = schema_create_sql((enum schema_table)t);
        run_sql(p, sql);
        free(sql);
    }
    for (int i = 0; i < LANGUAGE_COUNT; i++)
        put_name(p, TABLE_LANGUAGE, i, language_name((enum language)i));
    for (int i = 0; i < WAIT_COUNT; i++)
        put_name(p, TABLE_WAIT, i, wait_name((enum wait_kind)i));
    for (int i = 0; i < METRIC_COUNT; i++)
        put_name(p, TABLE_METRIC, i, metrics[i].name);
}

static void put_words(struct put *p, struct put_progress *done)
{
    const struct dictionary *d = &p->rec->words;
    size_t i;
    /* Entry 0 of each is "none" and is not written. */
    for (i = done->strings ? done->strings : 1; i < d->strings.offsets.n; i++)
        put_name(p, TABLE_STRING, (int)i, string_text(d, (struct string_id){(uint32_t)i}));
    done->strings = i;
    for (i = done->modules ? done->modules : 1; i < d->modules.n; i++) {
        row_begin(p, TABLE_MODULE);
        row_int(p, (int64_t)i);
        row_int(p, d->modules.at[i].path.n);
        row_int(p, d->modules.at[i].build_id.n);
        row_end(p);
    }
    done->modules = i;
    for (i = done->functions ? done->functions : 1; i < d->functions.n; i++) {
        const struct function *f = &d->functions.at[i];
        row_begin(p, TABLE_FUNCTION);
        row_int(p, (int64_t)i);
        row_int(p, f->name.n);
        row_int(p, f->file.n);
        row_int(p, f->line);
        row_int(p, f->module.n);
        row_int(p, f->language);
        row_end(p);
    }
    done->functions = i;
    for (i = done->frames ? done->frames : 1; i < d->frames.n; i++) {
        const struct frame *f = &d->frames.at[i];
        row_begin(p, TABLE_FRAME);
        row_int(p, (int64_t)i);
        row_int(p, f->kind);
        row_int(p, f->place.function.n);
        row_int(p, f->place.line);
        row_int(p, f->module.n);
        row_int(p, (int64_t)f->offset);
        row_end(p);
    }
    done->frames = i;
    for (i = done->stacks ? done->stacks : 1; i < d->stacks.n; i++) {
        row_begin(p, TABLE_STACK);
        row_int(p, (int64_t)i);
        row_int(p, d->stacks.at[i].parent.n);
        row_int(p, d->stacks.at[i].frame.n);
        row_end(p);
    }
    done->stacks = i;
    for (i = done->objects ? done->objects : 1; i < d->objects.n; i++) {
        row_begin(p, TABLE_OBJECT);
        row_int(p, (int64_t)i);
        row_int(p, d->objects.at[i].n);
        row_end(p);
    }
    done->objects = i;
}

/* Binds what runs and open runs have in common, from column `at` on. */
static void bind_run(sqlite3_stmt *stmt, int at, const struct run *whole, int level,
                     uint64_t start_ns)
{
    struct run cut = *whole;
    const struct run *run = &cut;
    run_cut(&cut, level, start_ns);
    sqlite3_bind_int64(stmt, at++, run->thread.n);
    sqlite3_bind_int64(stmt, at++, run->stack.n);
    sqlite3_bind_int64(stmt, at++, run->object.n);
    sqlite3_bind_int64(stmt, at++, run->owner);
    sqlite3_bind_int64(stmt, at++, run->state);
    sqlite3_bind_int64(stmt, at++, run->wait);
    sqlite3_bind_int64(stmt, at++, run->flags);
    sqlite3_bind_int64(stmt, at++, (int64_t)(run->from_ns - start_ns));
    sqlite3_bind_int64(stmt, at++, (int64_t)run->weight_ns);
    sqlite3_bind_int64(stmt, at++, run->ticks);
}

static void flush_runs(struct put *p)
{
    bool full = p->pending_n == PUT_RUNS_AT_ONCE;
    if (full && !p->insert_runs && p->code == SQLITE_OK)
        p->insert_runs = make_insert(p, TABLE_RUN, PUT_RUNS_AT_ONCE);
    for (size_t i = 0; i < p->pending_n; i++) {
        /* The id is left NULL: SQLite numbers the rows as they come. */
        if (full) {
            int at = (int)i * SCHEMA_COLUMNS_MAX + 2;
            sqlite3_bind_int64(p->insert_runs, at, p->pending_level[i]);
            bind_run(p->insert_runs, at + 1, p->pending[i], p->pending_level[i], p->start_ns);
        } else {
            row_begin(p, TABLE_RUN);
            sqlite3_bind_int64(p->row, 2, p->pending_level[i]);
            bind_run(p->row, 3, p->pending[i], p->pending_level[i], p->start_ns);
            row_end(p);
        }
    }
    if (full)
        step(p, p->insert_runs);
    p->pending_n = 0;
}

static void put_run(struct put *p, int level, const struct run *run)
{
    if (run->from_ns < p->start_ns && run_end_ns(run, level) <= p->start_ns)
        return; /* it was over before the file begins */
    p->pending[p->pending_n] = run;
    p->pending_level[p->pending_n] = level;
    if (++p->pending_n == PUT_RUNS_AT_ONCE)
        flush_runs(p);
}

/* Oldest first, as a reader needs them: the coarsest level begins. */
static void put_runs(struct put *p, struct put_progress *done)
{
    const struct recording *rec = p->rec;
    for (int level = LEVEL_COUNT - 1; level > LEVEL_RAW && !done->folded; level--)
        for (size_t i = 0; i < recording_run_count(rec, level); i++)
            put_run(p, level, recording_run_at(rec, level, i));
    done->folded = true;

    size_t n = recording_run_count(rec, LEVEL_RAW);
    uint64_t closed = rec->levels[LEVEL_RAW].closed;
    uint64_t fresh = closed - done->runs;
    for (size_t i = fresh < n ? n - (size_t)fresh : 0; i < n; i++)
        put_run(p, LEVEL_RAW, recording_run_at(rec, LEVEL_RAW, i));
    done->runs = closed;
    flush_runs(p);
}

static void put_point(struct put *p, int metric, const struct point *point)
{
    row_begin(p, TABLE_POINT);
    sqlite3_bind_null(p->row, ++p->column);
    row_int(p, metric);
    row_time(p, point->time_ns > p->start_ns ? point->time_ns : p->start_ns);
    row_real(p, point->mean);
    row_real(p, point->min);
    row_real(p, point->max);
    row_int(p, point->count);
    row_end(p);
}

static void put_points(struct put *p, int metric, uint64_t *done_ns)
{
    const struct series *s = &p->rec->total.series[metric];
    size_t n = series_count(s), first = n;
    if (!*done_ns) {
        first = 0;
    } else {
        /* What has been written as it came stays so; only its thinned form is in the series. */
        while (first > 0 && n - first < s->levels[0].ring.n &&
               series_at(s, first - 1)->time_ns > *done_ns)
            first--;
    }
    while (first + 1 < n && series_at(s, first + 1)->time_ns <= p->start_ns)
        first++; /* the newest before the file's start stands for what held then */
    for (size_t i = first; i < n; i++)
        put_point(p, metric, series_at(s, i));
    if (n)
        *done_ns = series_at(s, n - 1)->time_ns;
}

static void put_alert(struct put *p, uint64_t number)
{
    const struct alert_event *e = alert_log_at(p->rec, number);
    row_begin(p, TABLE_ALERT);
    row_int(p, (int64_t)number);
    row_int(p, p->rec->rules.at[e->rule].metric);
    row_real(p, e->threshold);
    row_time(p, e->time_ns);
    row_int(p, e->severity);
    row_int(p, e->raised);
    row_real(p, e->value);
    row_int(p, (int64_t)e->rule + 1);
    row_int(p, e->silent);
    row_int(p, e->snapshot.n);
    row_end(p);
}

/* New ones, and those that have got a snapshot since they were written. */
static void put_alerts(struct put *p, struct put_progress *done)
{
    const struct recording *rec = p->rec;
    bool again = done->alerts_version != rec->alerts_version;
    for (uint64_t n = rec->alerts_gone + 1; n <= alert_log_last(rec); n++) {
        const struct alert_event *event = alert_log_at(rec, n);
        if (n > done->alerts || (again && event->snapshot.n && event->time_ns >= p->start_ns))
            put_alert(p, n);
    }
    done->alerts = alert_log_last(rec);
    done->alerts_version = rec->alerts_version;
}

static void put_mark(struct put *p, size_t id)
{
    const struct mark *mark = &p->rec->marks.at[id];
    row_begin(p, TABLE_MARK);
    row_int(p, (int64_t)id + 1);
    row_time(p, mark->time_ns);
    row_int(p, mark->kind);
    row_int(p, mark->text.n);
    row_end(p);
}

static void put_census(struct put *p, const struct census *census)
{
    row_begin(p, TABLE_CENSUS);
    row_int(p, (int64_t)census->number);
    row_int(p, census->incarnation.n);
    row_time(p, census->time_ns);
    row_int(p, (int64_t)census->duration_ns);
    row_int(p, census->flags);
    row_real(p, census->moved_pct);
    row_int(p, (int64_t)census->swapped_bytes);
    row_int(p, (int64_t)census->space.used_bytes);
    row_int(p, (int64_t)census->space.free_bytes);
    row_int(p, (int64_t)census->space.mapped_bytes);
    row_int(p, census->why_partial.n);
    row_end(p);
    for (size_t i = 0; i < census->rows.n; i++) {
        const struct census_row *row = &census->rows.at[i];
        row_begin(p, TABLE_CENSUS_TYPE);
        row_int(p, (int64_t)census->number);
        row_int(p, (int64_t)i);
        row_int(p, row->type.n);
        row_int(p, row->language);
        row_int(p, row->flags);
        row_int(p, (int64_t)row->count);
        row_int(p, (int64_t)row->size_bytes);
        row_end(p);
    }
    for (size_t i = 0; i < census->containers.n; i++) {
        const struct census_container *container = &census->containers.at[i];
        row_begin(p, TABLE_CENSUS_CONTAINER);
        row_int(p, (int64_t)census->number);
        row_int(p, (int64_t)i);
        row_int(p, container->type.n);
        row_int(p, (int64_t)container->address);
        row_int(p, (int64_t)container->length);
        row_int(p, (int64_t)container->size_bytes);
        row_end(p);
    }
}

static void put_holders(struct put *p, uint64_t *done_version)
{
    const struct census_list *censuses = &p->rec->censuses;
    for (size_t i = 0; *done_version != censuses->holders_version && i < censuses->holders.n; i++) {
        const struct census_holder *holder = &censuses->holders.at[i];
        row_begin(p, TABLE_HOLDER);
        row_int(p, holder->incarnation.n);
        row_int(p, holder->type.n);
        row_int(p, holder->path.n);
        row_time(p, holder->time_ns);
        row_end(p);
    }
    *done_version = censuses->holders_version;
}

static void put_censuses(struct put *p, struct put_progress *done)
{
    const struct census_list *censuses = &p->rec->censuses;
    for (size_t i = 0; i < censuses->list.n; i++)
        if (censuses->list.at[i].number > done->censuses)
            put_census(p, &censuses->list.at[i]);
    done->censuses = censuses->numbered;
    put_holders(p, &done->holders_version);
}

static void put_growth(struct put *p, const struct growth_look *look)
{
    row_begin(p, TABLE_GROWTH);
    row_int(p, (int64_t)look->number);
    row_int(p, look->incarnation.n);
    row_time(p, look->from_ns);
    row_time(p, look->to_ns);
    row_real(p, look->cost_pct);
    row_int(p, (int64_t)look->samples);
    row_int(p, (int64_t)look->lost);
    row_int(p, (int64_t)look->unnamed);
    row_int(p, look->flags);
    row_end(p);
    for (size_t i = 0; i < look->sites.n; i++) {
        const struct growth_site *site = &look->sites.at[i];
        row_begin(p, TABLE_GROWTH_SITE);
        row_int(p, (int64_t)look->number);
        row_int(p, (int64_t)i);
        row_text(p, growth_kind_name(site->kind));
        row_int(p, site->stack.n);
        row_int(p, site->type.n);
        row_real(p, site->bytes);
        row_real(p, site->bytes_per_s);
        row_int(p, (int64_t)site->count);
        row_int(p, (int64_t)site->of_samples);
        row_text(p, growth_kind_by(site->kind));
        row_real(p, site->unsure_per_s);
        row_end(p);
    }
}

/* Runs lie in the order of their ends, but for what is handed over together. */
#define DISORDER_NS (2 * NS_PER_S)

void put_pass_over(const struct put *p, struct put_progress *done)
{
    const struct recording *rec = p->rec;
    size_t i = recording_run_count(rec, LEVEL_RAW);
    done->runs = rec->levels[LEVEL_RAW].closed;
    for (; i > 0; i--, done->runs--) {
        const struct run *run = recording_run_at(rec, LEVEL_RAW, i - 1);
        if (run->from_ns + run->weight_ns + DISORDER_NS <= p->start_ns)
            break;
    }
    done->folded = true;
    for (int m = 0; m < METRIC_COUNT; m++) {
        const struct point *held = series_find(&rec->total.series[m], p->start_ns);
        done->point_ns[m] = held ? held->time_ns - 1 : 0;
    }
    done->alerts = rec->alerts_gone;
    while (done->alerts < alert_log_last(rec) &&
           alert_log_at(rec, done->alerts + 1)->time_ns < p->start_ns)
        done->alerts++;
    while (done->marks < rec->marks.n && rec->marks.at[done->marks].time_ns < p->start_ns)
        done->marks++;
    for (i = 0; i < rec->censuses.list.n; i++)
        if (rec->censuses.list.at[i].time_ns < p->start_ns)
            done->censuses = rec->censuses.list.at[i].number - 1;
    for (i = 0; i < rec->growth.list.n; i++)
        if (rec->growth.list.at[i].to_ns < p->start_ns)
            done->growth = rec->growth.list.at[i].number;
}

void put_new(struct put *p, struct put_progress *done)
{
    put_words(p, done);
    put_runs(p, done);
    for (int m = 0; m < METRIC_COUNT; m++)
        put_points(p, m, &done->point_ns[m]);
    put_alerts(p, done);
    for (; done->marks < p->rec->marks.n; done->marks++)
        put_mark(p, done->marks);
    put_censuses(p, done);
    for (size_t i = 0; i < p->rec->growth.list.n; i++)
        if (p->rec->growth.list.at[i].number > done->growth)
            put_growth(p, &p->rec->growth.list.at[i]);
    done->growth = p->rec->growth.numbered;
}

void put_incarnation(struct put *p, uint32_t id)
{
    const struct incarnation *in = &p->rec->incarnations.at[id];
    row_begin(p, TABLE_INCARNATION);
    row_int(p, id);
    row_int(p, in->pid);
    row_int(p, in->ppid);
    row_int(p, (int64_t)in->start_ticks);
    row_int(p, in->comm.n);
    row_int(p, in->cmdline.n);
    row_int(p, in->exe.n);
    row_int(p, in->runtime.n);
    row_time(p, in->from_ns);
    row_time_or_null(p, in->to_ns);
    row_int(p, in->exec);
    row_int(p, (int64_t)in->rss_bytes);
    row_end(p);
}

void put_thread(struct put *p, uint32_t id)
{
    const struct thread *t = &p->rec->threads.at[id];
    row_begin(p, TABLE_THREAD);
    row_int(p, id);
    row_int(p, t->incarnation.n);
    row_int(p, t->tid);
    row_int(p, t->name.n);
    row_time(p, t->from_ns);
    row_time_or_null(p, t->to_ns);
    row_end(p);
}

void put_open_run(struct put *p, const struct run *run)
{
    row_begin(p, TABLE_OPEN_RUN);
    bind_run(p->row, 1, run, LEVEL_COUNT, p->start_ns);
    row_end(p);
}

void put_no_open_run(struct put *p, uint32_t thread)
{
    char sql[64];
    snprintf(sql, sizeof sql, "DELETE FROM open_run WHERE thread=%u", thread);
    run_sql(p, sql);
}

void put_places(struct put *p, uint32_t frame, uint32_t had)
{
    const struct frame_places *fp = &p->rec->frame_places.at[frame];
    uint32_t n = fp->n < SCHEMA_PLACES_MAX ? fp->n : SCHEMA_PLACES_MAX;
    for (uint32_t i = 0; i < n; i++) {
        const struct place *place = &p->rec->places.at[fp->first + i];
        row_begin(p, TABLE_PLACE);
        row_int(p, frame);
        row_int(p, i);
        row_int(p, place->function.n);
        row_int(p, place->line);
        row_end(p);
    }
    if (had > n) {
        char sql[80];
        snprintf(sql, sizeof sql, "DELETE FROM place WHERE frame=%u AND position>=%u", frame, n);
        run_sql(p, sql);
    }
}

static void put_alert_rule(struct put *p, size_t number)
{
    const struct alert_rule *rule = &p->rec->rules.at[number];
    char text[ALERT_TEXT_MAX];
    alert_rule_text(text, sizeof text, rule);
    row_begin(p, TABLE_ALERT_RULE);
    row_int(p, (int64_t)number + 1);
    row_text(p, rule->name);
    row_text(p, text);
    row_int(p, rule->off);
    row_end(p);
    const struct alert_state *state = &p->rec->alert_states.at[number];
    row_begin(p, TABLE_ALERT_STATE);
    row_int(p, (int64_t)number + 1);
    row_int(p, rule->metric);
    row_real(p, rule->threshold);
    row_int(p, state->severity);
    row_time_or_null(p, state->since_ns);
    row_time_or_null(p, state->over_since_ns);
    row_time_or_null(p, state->under_since_ns);
    row_real(p, state->value);
    row_real(p, state->worst);
    row_time_or_null(p, state->last_ns);
    row_int(p, (int64_t)state->gap_ns);
    row_end(p);
}

static void put_levels(struct put *p, uint64_t runs_missed)
{
    const struct recording *rec = p->rec;
    static const char *const names[LEVEL_COUNT] = {"raw", "second", "ten", "pooled"};
    const uint64_t reach_ns[LEVEL_COUNT] = {rec->limits.raw_ns, rec->limits.second_ns,
                                            rec->limits.ten_ns, rec->limits.ten_ns};
    for (int level = 0; level < LEVEL_COUNT; level++) {
        row_begin(p, TABLE_LEVEL);
        row_int(p, level);
        row_text(p, names[level]);
        row_int(p, (int64_t)reach_ns[level]);
        row_int(p, (int64_t)rec->limits.runs_max[level]);
        row_int(p, (int64_t)(rec->levels[level].dropped + (level == LEVEL_RAW ? runs_missed : 0)));
        row_end(p);
    }
}

static void meta_begin(struct put *p, const char *key)
{
    row_begin(p, TABLE_META);
    row_text(p, key);
}

static void meta_int(struct put *p, const char *key, int64_t value)
{
    meta_begin(p, key);
    row_int(p, value);
    row_end(p);
}

static void meta_real(struct put *p, const char *key, double value)
{
    meta_begin(p, key);
    row_real(p, value);
    row_end(p);
}

static void meta_text(struct put *p, const char *key, const char *value)
{
    meta_begin(p, key);
    row_text(p, value);
    row_end(p);
}

void put_state(struct put *p, uint64_t runs_missed)
{
    const struct recording *rec = p->rec;
    meta_text(p, "program", "proftop " PACKAGE_VERSION);
    meta_int(p, "start_ns", (int64_t)p->start_ns);
    meta_int(p, "start_wall_ns", p->start_wall_ns);
    meta_int(p, "end_ns", rec->end_ns > p->start_ns ? (int64_t)(rec->end_ns - p->start_ns) : 0);
    meta_real(p, "rate_hz", rec->rate_hz);
    meta_text(p, "engine", string_text(&rec->words, rec->engine));
    meta_text(p, "host", string_text(&rec->words, rec->host));
    meta_real(p, "cpus_allowed", rec->cpus_allowed);
    meta_int(p, "memory_limit_bytes", (int64_t)rec->memory_limit);
    put_levels(p, runs_missed);
    if (rec->shown_to_ns) {
        meta_int(p, "window_from_ns", (int64_t)(rec->shown_from_ns - rec->start_ns));
        meta_int(p, "window_to_ns", (int64_t)(rec->shown_to_ns - rec->start_ns));
    }
    for (size_t i = 0; i < rec->rules.n; i++)
        put_alert_rule(p, i);
    for (size_t i = 0; i < schema_cost_count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&rec->cost + schema_costs[i].offset, sizeof value);
        row_begin(p, TABLE_COST);
        row_text(p, schema_costs[i].name);
        row_int(p, (int64_t)value);
        row_end(p);
    }
}
