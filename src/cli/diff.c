/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See diff.h. */
#include "cli/diff.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/span.h"
#include "view/compare_objects.h"
#include "view/rows.h"
#include "view/views.h"

void diff_side_parse(struct diff_side *side, char *argument)
{
    *side = (struct diff_side){.name = argument};
    char *at = strrchr(argument, '@'), *dots = at ? strstr(at, "..") : NULL;
    if (!dots || strchr(at, '/') || access(argument, F_OK) == 0)
        return;
    *at = *dots = '\0';
    side->from = at[1] ? at + 1 : NULL;
    side->to = dots[2] ? dots + 2 : NULL;
}

static json_t *side_json(const struct compare_side *side, const struct diff_side *named,
                         const struct compare_totals *totals)
{
    const struct recording *rec = side->rec;
    double all = totals->cpu + totals->wait + totals->idle;
    json_t *object = json_object();
    json_object_set_new(object, "file", print_text(named->name ? named->name : ""));
    json_object_set_new(object, "target", report_target(rec));
    json_object_set_new(object, "window", report_window(rec, side->window));
    json_object_set_new(object, "engine", print_text(string_text(&rec->words, rec->engine)));
    json_object_set_new(object, "rate_hz", print_real(rec->rate_hz, 3));
    json_object_set_new(object, "samples", json_integer((json_int_t)totals->samples));
    json_object_set_new(object, "cpu_s_per_s", print_real(totals->cpu, 6));
    json_object_set_new(object, "wait_s_per_s", print_real(totals->wait, 6));
    json_object_set_new(object, "idle_pct", print_real(all > 0 ? 100 * totals->idle / all : 0, 4));
    return object;
}

static json_t *diff_json(const struct compare_side sides[2], const struct diff_options *o,
                         const struct compare_summary *summary, const struct table *table)
{
    json_t *diff = json_object();
    json_object_set_new(diff, "schema", json_string("proftop.diff/1"));
    json_object_set_new(diff, "before", side_json(&sides[0], &o->before, &summary->before));
    json_object_set_new(diff, "after", side_json(&sides[1], &o->after, &summary->after));
    char note[COMPARE_NOTE_MAX];
    compare_say_engines(note, sizeof note, &sides[0], &sides[1]);
    json_object_set_new(diff, "engines_differ",
                        json_boolean(compare_engines_differ(&sides[0], &sides[1])));
    json_object_set_new(diff, "note", *note ? print_text(note) : json_null());
    json_object_set_new(diff, "time_diff_s", print_real(summary->time_diff_s, 6));
    json_object_set_new(diff, "regressions", json_integer((json_int_t)summary->regressions));
    json_object_set_new(diff, "improvements", json_integer((json_int_t)summary->improvements));
    json_object_set_new(diff, "rows", print_rows(table));
    return diff;
}

static void put_side(FILE *out, const char *title, const struct compare_side *side,
                     const struct diff_side *named, const struct compare_totals *totals)
{
    char samples[FIGURE_MAX], line[512];
    struct text t = TEXT(line);
    text_add(&t, "%s %s  %.1fs to %.1fs  %.0f Hz  %s samples", title,
             path_base(named->name ? named->name : ""),
             rows_time_s(side->rec, side->window.from_ns),
             rows_time_s(side->rec, side->window.to_ns), side->rec->rate_hz,
             figure_count(samples, totals->samples));
    text_make_printable(line);
    fprintf(out, "%s\n", line);
}

static void put_head(FILE *out, const struct compare_side sides[2], const struct diff_options *o,
                     const struct compare_summary *summary)
{
    char note[COMPARE_NOTE_MAX], others[64];
    put_side(out, "BEFORE", &sides[0], &o->before, &summary->before);
    put_side(out, "AFTER ", &sides[1], &o->after, &summary->after);
    compare_say_others(others, sizeof others, summary);
    compare_say_engines(note, sizeof note, &sides[0], &sides[1]);
    text_make_printable(note);
    if (*note)
        fprintf(out, "%s\n", note);
    fprintf(out, "time on CPU %.2f -> %.2f cores  waiting %.2f -> %.2f threads  ",
            summary->before.cpu, summary->after.cpu, summary->before.wait, summary->after.wait);
    fprintf(out, "%zu slower, %zu faster by %.0f %% or more%s (~ within the noise)\n",
            summary->regressions, summary->improvements, COMPARE_THRESHOLD_PCT, others);
}

static json_t *objects_side_json(const struct compare_side *side, const struct diff_side *named,
                                 const struct compare_objects_totals *totals)
{
    json_t *object = json_object();
    json_object_set_new(object, "file", print_text(named->name ? named->name : ""));
    json_object_set_new(object, "target", report_target(side->rec));
    json_object_set_new(object, "window", report_window(side->rec, side->window));
    json_object_set_new(object, "census_s",
                        totals->time_ns ? print_real(rows_time_s(side->rec, totals->time_ns), 3)
                                        : json_null());
    json_object_set_new(object, "count", json_integer((json_int_t)totals->count));
    json_object_set_new(object, "bytes", json_integer((json_int_t)totals->size_bytes));
    return object;
}

static json_t *diff_objects_json(const struct compare_side sides[2], const struct diff_options *o,
                                 const struct compare_objects_summary *summary,
                                 const struct table *table)
{
    double grown = (double)summary->after.size_bytes - (double)summary->before.size_bytes;
    json_t *diff = json_object();
    json_object_set_new(diff, "schema", json_string("proftop.diff/1"));
    json_object_set_new(diff, "view", json_string("objects"));
    json_object_set_new(diff, "before", objects_side_json(&sides[0], &o->before, &summary->before));
    json_object_set_new(diff, "after", objects_side_json(&sides[1], &o->after, &summary->after));
    json_object_set_new(diff, "bytes_diff", json_integer((json_int_t)grown));
    json_object_set_new(diff, "regressions", json_integer((json_int_t)summary->regressions));
    json_object_set_new(diff, "improvements", json_integer((json_int_t)summary->improvements));
    json_object_set_new(diff, "rows", print_rows(table));
    return diff;
}

static void put_objects_side(FILE *out, const char *title, const struct compare_side *side,
                             const struct diff_side *named,
                             const struct compare_objects_totals *totals)
{
    char count[FIGURE_MAX], bytes[FIGURE_MAX], line[512];
    struct text t = TEXT(line);
    text_add(&t, "%s %s  ", title, path_base(named->name ? named->name : ""));
    if (totals->time_ns)
        text_add(&t, "counted at %.1fs: %s objects, %s", rows_time_s(side->rec, totals->time_ns),
                 figure_count(count, totals->count),
                 figure_bytes(bytes, (double)totals->size_bytes));
    else
        text_add(&t, "the objects were not counted");
    text_make_printable(line);
    fprintf(out, "%s\n", line);
}

static void put_objects_head(FILE *out, const struct compare_side sides[2],
                             const struct diff_options *o,
                             const struct compare_objects_summary *summary)
{
    put_objects_side(out, "BEFORE", &sides[0], &o->before, &summary->before);
    put_objects_side(out, "AFTER ", &sides[1], &o->after, &summary->after);
}

static bool of_objects(const struct diff_options *o)
{
    return o->view && strcmp(o->view, objects_view.name) == 0;
}

/* Prints what differs; the number of regressions. */
static bool print_difference(FILE *out, const struct compare_side sides[2],
                             const struct diff_options *o, enum print_format format, size_t limit,
                             size_t *regressions, struct err *err)
{
    struct table table = {0};
    struct compare_summary functions = {0};
    struct compare_objects_summary objects = {0};
    bool by_objects = of_objects(o), ok = true;
    if (by_objects)
        compare_objects_fill(&table, &objects, &sides[0], &sides[1], o->sort, false, limit);
    else
        compare_fill(&table, &functions, &sides[0], &sides[1], o->sort, false, limit);
    switch (format) {
    case PRINT_JSON:
        ok = print_json(out,
                        by_objects ? diff_objects_json(sides, o, &objects, &table)
                                   : diff_json(sides, o, &functions, &table),
                        err);
        break;
    case PRINT_CSV:
        print_csv(out, &table);
        break;
    case PRINT_TABLE:
        if (by_objects)
            put_objects_head(out, sides, o, &objects);
        else
            put_head(out, sides, o, &functions);
        print_table(out, &table, o->columns);
        break;
    }
    *regressions = by_objects ? objects.regressions : functions.regressions;
    table_clear(&table);
    return ok;
}

static bool check_options(const struct diff_options *o, enum print_format *format, struct err *err)
{
    if (o->view && strcmp(o->view, functions_view.name) != 0 && !of_objects(o))
        return err_set(err, "diff compares functions or objects, not \"%s\"", o->view);
    return print_format_by_name(format, o->format, err) &&
           report_check_sort(of_objects(o) ? &compare_objects_view : &compare_view, o->sort, err);
}

int diff_print(const struct recording *before, const struct recording *after,
               const struct diff_options *o, FILE *out, struct err *err)
{
    enum print_format format;
    if (!check_options(o, &format, err))
        return EXIT_USAGE;
    const struct filter filter = {
        .states = o->states, .pid = o->pid, .tid = o->tid, .native = o->native};
    struct compare_side sides[2] = {{.rec = before, .filter = filter},
                                    {.rec = after, .filter = filter}};
    bool usage;
    if (!span_window(&sides[0].window, before, o->before.from, o->before.to, &usage, err) ||
        !span_window(&sides[1].window, after, o->after.from, o->after.to, &usage, err))
        return usage ? EXIT_USAGE : EXIT_FAILED;

    size_t limit = o->limit >= 0           ? (size_t)o->limit
                   : format == PRINT_TABLE ? REPORT_TABLE_LIMIT
                                           : 0;
    size_t regressions = 0;
    bool ok = print_difference(out, sides, o, format, limit, &regressions, err);
    if (ok && (fflush(out) || ferror(out)))
        ok = err_errno(err, "cannot write the comparison");
    if (!ok)
        return EXIT_FAILED;
    return o->fail_on_regression && regressions ? EXIT_REGRESSION : EXIT_DONE;
}
