/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See report.h. */
#include "cli/report.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/memory_report.h"
#include "cli/objects_report.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/span.h"
#include "view/rows.h"
#include "view/views.h"

/* The kernel's unit of process start times on every machine that it tells them on: USER_HZ. */
#define TICKS_PER_S 100

/* The target as it was last seen: it may have executed other programs on its way. */
static const struct incarnation *target_of(const struct recording *rec)
{
    const struct incarnation *target = &rec->incarnations.at[rec->incarnations.n > 1 ? 1 : 0];
    for (size_t i = 2; i < rec->incarnations.n; i++)
        if (rec->incarnations.at[i].pid == target->pid)
            target = &rec->incarnations.at[i];
    return target;
}

/* When the process began, in UTC. The kernel counts from the boot and we from the same moment but
 * for time asleep: where the machine slept before the recording, it is that much too early. */
static json_t *start_time(const struct recording *rec)
{
    uint64_t ticks = target_of(rec)->start_ticks;
    if (!ticks)
        return json_null();
    int64_t boot_ns = rec->start_wall_ns - (int64_t)rec->start_ns;
    time_t start = (time_t)(boot_ns / (int64_t)NS_PER_S + (int64_t)(ticks / TICKS_PER_S));
    struct tm tm;
    char text[64];
    if (!gmtime_r(&start, &tm) || !strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return json_null();
    return json_string(text);
}

json_t *report_target(const struct recording *rec)
{
    const struct incarnation *in = target_of(rec);
    json_t *target = json_object();
    json_object_set_new(target, "pid", in->pid ? json_integer(in->pid) : json_null());
    json_object_set_new(target, "comm", print_text(string_text(&rec->words, in->comm)));
    json_object_set_new(target, "cmdline", print_text(string_text(&rec->words, in->cmdline)));
    json_object_set_new(target, "runtime", print_text(string_text(&rec->words, in->runtime)));
    json_object_set_new(target, "start_time", start_time(rec));
    return target;
}

static double time_s(const struct recording *rec, uint64_t time_ns)
{
    return ((double)time_ns - (double)rec->start_ns) / NS_PER_S;
}

json_t *report_window(const struct recording *rec, struct window window)
{
    json_t *object = json_object();
    json_object_set_new(object, "from_s", print_real(time_s(rec, window.from_ns), 6));
    json_object_set_new(object, "to_s", print_real(time_s(rec, window.to_ns), 6));
    return object;
}

/* What the screen shows: the metric's mean over the window, where it was measured. */
static double cost_pct(const struct recording *rec, struct window window, bool *known)
{
    const struct series *s = &rec->total.series[METRIC_STOPPED_PCT];
    struct point mean = series_summary(s, window.from_ns, window.to_ns);
    *known = mean.count > 0;
    return mean.mean;
}

static json_t *report_json(const struct query *query, const struct table *table)
{
    const struct recording *rec = query->rec;
    const struct cost *cost = &rec->cost;
    bool cost_known;
    double cost_share = cost_pct(rec, table->window, &cost_known);
    json_t *report = json_object();
    json_object_set_new(report, "schema", json_string("proftop.report/1"));
    json_object_set_new(report, "view", json_string(table->view->name));
    json_object_set_new(report, "target", report_target(rec));
    json_object_set_new(report, "window", report_window(rec, table->window));
    json_object_set_new(report, "engine", print_text(string_text(&rec->words, rec->engine)));
    json_object_set_new(report, "rate_hz", print_real(rec->rate_hz, 3));
    json_object_set_new(report, "ticks", json_integer((json_int_t)cost->ticks));
    json_object_set_new(report, "samples", json_integer((json_int_t)table->samples));
    json_object_set_new(report, "lost_samples", json_integer((json_int_t)cost->lost));
    json_object_set_new(report, "torn_samples", json_integer((json_int_t)cost->torn));
    json_object_set_new(report, "stopped_s", print_real((double)cost->stopped_ns / NS_PER_S, 6));
    json_object_set_new(report, "cost_pct", cost_known ? print_real(cost_share, 4) : json_null());
    json_object_set_new(report, "idle_pct", print_real(table->idle_pct, 4));
    if (table->view == &memory_view)
        json_object_set_new(report, "memory", memory_report_json(query, table->window));
    if (table->view == &objects_view)
        json_object_set_new(report, "census", objects_report_json(query));
    json_object_set_new(report, "rows", print_rows(table));
    return report;
}

static void put_head(FILE *out, const struct recording *rec, const struct table *table)
{
    const struct incarnation *in = target_of(rec);
    char samples[FIGURE_MAX], lost[FIGURE_MAX], line[512];
    bool cost_known;
    double cost_share = cost_pct(rec, table->window, &cost_known);
    struct text t = TEXT(line);
    text_add(&t, "%s  %d", string_text(&rec->words, in->comm), in->pid);
    if (*string_text(&rec->words, in->runtime))
        text_add(&t, "  %s", string_text(&rec->words, in->runtime));
    /* What was lost is counted for the recording as a whole. */
    bool part = table->window.from_ns > rec->start_ns || table->window.to_ns <= rec->end_ns;
    text_add(&t, "  %.1fs to %.1fs  %s samples  %s lost%s  idle %.1f%%",
             time_s(rec, table->window.from_ns), time_s(rec, table->window.to_ns),
             figure_count(samples, table->samples), figure_count(lost, rec->cost.lost),
             part && rec->cost.lost ? " in all" : "", table->idle_pct);
    if (cost_known)
        text_add(&t, "  cost %.1f%% of CPU", cost_share);
    text_make_printable(line);
    fprintf(out, "%s\n", line);
}

bool report_check_sort(const struct view *view, const char *sort, struct err *err)
{
    if (!sort || view_column(view, sort) >= 0)
        return true;
    char line[320];
    struct text t = TEXT(line);
    for (size_t i = 0; i < view->n_columns; i++)
        text_add(&t, "%s%s", i ? ", " : "", view->columns[i].key);
    return err_set(err, "no column \"%s\" in the view %s; it has %s", sort, view->name, line);
}

static const struct view *find_view(const char *name, struct err *err)
{
    const struct view *view = name ? view_by_name(name) : views[0];
    if (view)
        return view;
    char line[256];
    struct text t = TEXT(line);
    for (size_t i = 0; i < view_count; i++)
        text_add(&t, "%s%s", i ? ", " : "", views[i]->name);
    err_set(err, "no view \"%s\"; there are %s", name, line);
    return NULL;
}

/* Whether the recording has a function of this name. */
static bool check_root(const struct recording *rec, const char *name, struct err *err)
{
    for (uint32_t i = 1; name && i < rec->words.functions.n; i++)
        if (strcmp(rows_function_name(rec, (struct function_id){i}), name) == 0)
            return true;
    return !name || err_set(err,
                            "no function \"%.200s\" in the recording; --view functions lists "
                            "their names",
                            name);
}

/* Whether it has the thread and the process that the rows are asked of. */
static bool check_filter(const struct recording *rec, int32_t pid, int32_t tid, struct err *err)
{
    bool has_pid = !pid, has_tid = !tid;
    for (size_t i = 1; i < rec->incarnations.n; i++)
        has_pid |= rec->incarnations.at[i].pid == pid;
    for (size_t i = 1; i < rec->threads.n; i++)
        has_tid |= rec->threads.at[i].tid == tid;
    if (!has_pid)
        return err_set(err, "no process %d in the recording; --view processes lists them", pid);
    return has_tid || err_set(err, "no thread %d in the recording; --view threads lists them", tid);
}

int report_print(const struct recording *rec, const struct report_options *o, FILE *out,
                 struct err *err)
{
    enum print_format format;
    const struct view *view = find_view(o->view, err);
    if (!view || !print_format_by_name(&format, o->format, err) ||
        !report_check_sort(view, o->sort, err))
        return EXIT_USAGE;
    struct query query = {
        .rec = rec,
        .filter = {.states = o->states, .pid = o->pid, .tid = o->tid, .native = o->native},
        .sort = o->sort,
        .limit = o->limit >= 0           ? (size_t)o->limit
                 : format == PRINT_TABLE ? REPORT_TABLE_LIMIT
                                         : 0,
        .direction = !o->root     ? CALLS_DOWN
                     : o->callers ? CALLS_CALLERS
                                  : CALLS_CALLEES,
        .root_name = o->root,
        .source = o->source,
        .source_context = o->source_context,
    };
    if (!check_root(rec, o->root, err) || !check_filter(rec, o->pid, o->tid, err))
        return EXIT_FAILED;
    bool usage;
    if (!span_window(&query.window, rec, o->from, o->to, &usage, err))
        return usage ? EXIT_USAGE : EXIT_FAILED;

    struct table table = {0};
    bool ok = true;
    table_fill(&table, view, &query);
    switch (format) {
    case PRINT_JSON:
        ok = print_json(out, report_json(&query, &table), err);
        break;
    case PRINT_CSV:
        print_csv(out, &table);
        break;
    case PRINT_TABLE:
        put_head(out, rec, &table);
        if (view == &memory_view)
            memory_report_put(out, &query, o->columns);
        if (view == &objects_view)
            objects_report_put(out, &query);
        print_table(out, &table, o->columns);
        if (table.left_out)
            fprintf(out, "... and %zu more rows (--limit 0 shows all)\n", table.left_out);
        break;
    }
    table_clear(&table);
    if (ok && (fflush(out) || ferror(out)))
        ok = err_errno(err, "cannot write the report");
    return ok ? EXIT_DONE : EXIT_FAILED;
}
