/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What report and diff print: the JSON by its schema, CSV by RFC 4180, tables that line up. */
#include "view_fixture.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/diff.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/report.h"
#include "cli/source.h"
#include "cli/span.h"

/* Main works in hot 6 s and in a function with an awkward name 2 s, then reads 2 s, sleeps 10 s. */
static struct recording *sample(double hot_s)
{
    struct recording *rec = fixture_new();
    struct thread_id t = fixture_thread(rec, 48211, "MainThread");
    struct function_id main = fixture_function(rec, "<module>", "/srv/shop.py", 1);
    struct function_id hot = fixture_function(rec, "hot", "/srv/shop.py", 10);
    struct function_id odd = fixture_native(rec, "ns::f<\"a\", 'b'>", "/srv/lib,odd.so", "", 0);
    struct function_id wait = fixture_function(rec, "wait", "/srv/shop.py", 30);
    struct stack_id root = fixture_call(rec, (struct stack_id){0}, main, 3);
    struct stack_id in_hot = fixture_call(rec, root, hot, 11);
    struct stack_id in_wait = fixture_call(rec, root, wait, 31);
    const struct place place = {odd, 0};
    struct stack_id in_odd = fixture_call_native(rec, root, &place, 1);
    fixture_run(rec, t, in_hot, STATE_RUNNING, WAIT_NONE, 0, hot_s);
    fixture_run(rec, t, in_odd, STATE_RUNNING, WAIT_NONE, 10, 2);
    fixture_run(rec, t, in_wait, STATE_WAITING, WAIT_READ, 12, 2);
    fixture_run(rec, t, in_wait, STATE_WAITING, WAIT_SLEEP, 14, 10);
    rec->cost =
        (struct cost){.ticks = 2400, .samples = 2000, .lost = 3, .torn = 1, .stopped_ns = 12345678};
    recording_add_metric(rec, METRIC_STOPPED_PCT, START_NS + NS_PER_S, 0.3125);
    recording_add_metric(rec, METRIC_CPU_PCT, START_NS + NS_PER_S, 31.2);
    recording_add_metric(rec, METRIC_RSS, START_NS + NS_PER_S, 812 * 1048576.0);
    return rec;
}

struct printed {
    char *text;
    size_t size;
    int status;
    struct err err;
};

static struct printed report(const struct recording *rec, const struct report_options *o)
{
    struct printed p = {.err = {""}};
    FILE *out = open_memstream(&p.text, &p.size);
    p.status = report_print(rec, o, out, &p.err);
    fclose(out);
    return p;
}

static json_t *report_parsed(const struct recording *rec, const char *view)
{
    struct report_options o = {.view = view, .format = "json", .limit = -1};
    struct printed p = report(rec, &o);
    assert_int_equal(p.status, EXIT_DONE);
    json_error_t error;
    json_t *parsed = json_loads(p.text, JSON_REJECT_DUPLICATES, &error);
    if (!parsed)
        fail_msg("%s: %s", view, error.text);
    free(p.text);
    return parsed;
}

/* Exactly these keys, separated by blanks. */
static void check_keys(const json_t *object, const char *keys)
{
    char copy[1024], *rest = copy;
    snprintf(copy, sizeof copy, "%s", keys);
    size_t n = 0;
    for (char *key; (key = strsep(&rest, " ")); n++)
        if (!json_object_get(object, key))
            fail_msg("no key %s", key);
    assert_int_equal(json_object_size(object), n);
}

#define REPORT_KEYS                                                                                \
    "schema view target window engine rate_hz ticks samples lost_samples torn_samples stopped_s "  \
    "cost_pct idle_pct rows"

static void check_rows(const struct recording *rec, const char *view, size_t n, const char *keys)
{
    json_t *parsed = report_parsed(rec, view);
    check_keys(parsed, REPORT_KEYS);
    assert_string_equal(json_string_value(json_object_get(parsed, "view")), view);
    assert_int_equal(json_integer_value(json_object_get(parsed, "samples")), 2000);
    assert_float_equal(json_number_value(json_object_get(parsed, "idle_pct")), 50, 0);
    const json_t *rows = json_object_get(parsed, "rows");
    assert_int_equal(json_array_size(rows), n);
    for (size_t i = 0; i < n; i++)
        check_keys(json_array_get(rows, i), keys);
    json_decref(parsed);
}

/* The contract's keys, to the letter. */
static void json_keys(void **state)
{
    (void)state;
    struct recording *rec = sample(6);
    for (int i = 2; i < 10; i++)
        recording_add_metric(rec, METRIC_CPU_PCT, START_NS + (uint64_t)i * NS_PER_S, 90);
    check_rows(rec, "functions", 4,
               "name module file line language self_samples total_samples self_s total_s self_pct "
               "total_pct cpu_s wait_s calls calls_kind per_call_s");
    check_rows(rec, "lines", 4,
               "file line function source self_samples total_samples self_s total_s self_pct "
               "total_pct");
    check_rows(rec, "tree", 4,
               "depth parent name module file line self_samples total_samples total_pct");
    check_rows(rec, "waits", 2,
               "wait on owner_tid owner_name name threads samples wait_s wait_pct typical_s max_s "
               "idle");
    check_rows(rec, "threads", 1,
               "pid tid name samples running_pct runnable_pct waiting_pct gil_pct gil_wait_pct "
               "gc_pct exception_pct top_function state wait");
    check_rows(rec, "summary", 3, "rank verdict kind figure view");
    check_rows(rec, "alerts", 1, "time_s metric value threshold severity state snapshot");
    char keys[4096] = "time_s";
    for (int m = 0; m < METRIC_COUNT; m++)
        snprintf(keys + strlen(keys), sizeof keys - strlen(keys), " %s", metrics[m].name);
    check_rows(rec, "timeline", 9, keys);
    recording_free(rec);
}

/* The object beside the rows; what a short recording does not tell is null. */
static void json_memory(void **state)
{
    (void)state;
    struct recording *rec = sample(6);
    for (int i = 0; i < 20; i++)
        recording_add_metric(rec, METRIC_RSS, START_NS + (uint64_t)(i + 2) * NS_PER_S,
                             851443712 + i * 1e6);
    recording_add_metric(rec, METRIC_SYSTEM, START_NS, 4e9);
    recording_add_metric(rec, METRIC_AVAILABLE, START_NS, 1e9);
    json_t *r = report_parsed(rec, "memory");
    const json_t *m = json_object_get(r, "memory");
    check_keys(m, "rss_bytes peak_bytes baseline_bytes volatility_bytes growth_bytes_per_s "
                  "growth_low_bytes_per_s growth_high_bytes_per_s growth_from_s trend "
                  "system_total_bytes system_available_bytes limit_bytes limit_of "
                  "limit_left_bytes limit_eta_s oom_marks growth_notes");
    assert_int_equal(json_integer_value(json_object_get(m, "rss_bytes")), 870443712);
    assert_float_equal(json_number_value(json_object_get(m, "growth_bytes_per_s")), 1e6, 100);
    assert_string_equal(json_string_value(json_object_get(m, "trend")), "increasing");
    assert_string_equal(json_string_value(json_object_get(m, "limit_of")), "system");
    assert_float_equal(json_number_value(json_object_get(m, "limit_eta_s")), 1000, 1);
    assert_int_equal(json_array_size(json_object_get(r, "rows")), 0);
    json_decref(r);
    recording_free(rec);
    rec = fixture_new();
    r = report_parsed(rec, "memory");
    m = json_object_get(r, "memory");
    assert_true(json_is_null(json_object_get(m, "rss_bytes")));
    assert_true(json_is_null(json_object_get(m, "trend")));
    assert_true(json_is_null(json_object_get(m, "limit_eta_s")));
    json_decref(r);
    recording_free(rec);
}

static void json_values(void **state)
{
    (void)state;
    struct recording *rec = sample(6);
    json_t *r = report_parsed(rec, "functions");
    const char *schema, *comm, *runtime, *start, *engine, *name, *file, *language;
    double from_s, to_s, stopped_s, cost_pct, idle_pct, self_s, self_pct, cpu_s;
    json_int_t pid, samples, lost, torn, line, self_samples;
    json_t *calls;
    assert_int_equal(
        json_unpack(r, "{s:s s:{s:I s:s s:s s:s} s:{s:f s:f} s:s s:I s:I s:I s:f s:f s:f}",
                    "schema", &schema, "target", "pid", &pid, "comm", &comm, "runtime", &runtime,
                    "start_time", &start, "window", "from_s", &from_s, "to_s", &to_s, "engine",
                    &engine, "samples", &samples, "lost_samples", &lost, "torn_samples", &torn,
                    "stopped_s", &stopped_s, "cost_pct", &cost_pct, "idle_pct", &idle_pct),
        0);
    assert_string_equal(schema, "proftop.report/1");
    assert_int_equal(pid, 48211);
    assert_string_equal(runtime, "python 3.11.2");
    /* Begun 500 s after the boot; the recording 1,000 s after it, at 1,700,000,000. */
    assert_string_equal(start, "2023-11-14T22:05:00Z");
    assert_float_equal(from_s, 0, 0);
    assert_float_equal(to_s, 24, 1e-6);
    assert_int_equal(samples, 2000);
    assert_int_equal(lost, 3);
    assert_float_equal(stopped_s, 0.012346, 1e-9);
    assert_float_equal(cost_pct, 0.3125, 1e-6);
    assert_float_equal(idle_pct, 50, 1e-6);
    assert_int_equal(json_unpack(json_array_get(json_object_get(r, "rows"), 0),
                                 "{s:s s:s s:I s:s s:I s:f s:f s:f s:o}", "name", &name, "file",
                                 &file, "line", &line, "language", &language, "self_samples",
                                 &self_samples, "self_s", &self_s, "self_pct", &self_pct, "cpu_s",
                                 &cpu_s, "calls", &calls),
                     0);
    assert_string_equal(name, "hot");
    assert_string_equal(file, "/srv/shop.py");
    assert_int_equal(line, 10);
    assert_string_equal(language, "python");
    assert_int_equal(self_samples, 600);
    assert_float_equal(self_s, 6, 0);
    assert_float_equal(self_pct, 60, 0);
    assert_true(json_is_null(calls));
    json_decref(r);

    /* Figures have no digits that nobody measured. */
    struct report_options o = {.view = "timeline", .format = "json", .limit = -1};
    struct printed p = report(rec, &o);
    assert_non_null(strstr(p.text, "\"cpu_pct\": 31.2,"));
    assert_non_null(strstr(p.text, "\"rss_bytes\": 851443712,"));
    free(p.text);
    recording_free(rec);
}

/* A target that executes another program is named by what it is now. */
static void target_after_exec(void **state)
{
    (void)state;
    struct recording *rec = sample(6);
    struct incarnation next = rec->incarnations.at[1];
    next.comm = dictionary_string(&rec->words, "next");
    recording_add_incarnation(rec, next);
    next.pid++;
    next.comm = dictionary_string(&rec->words, "child");
    recording_add_incarnation(rec, next);
    json_t *r = report_parsed(rec, "functions");
    const char *comm;
    assert_int_equal(json_unpack(r, "{s:{s:s}}", "target", "comm", &comm), 0);
    assert_string_equal(comm, "next");
    json_decref(r);
    recording_free(rec);
}

static void tree_parents(void **state)
{
    (void)state;
    struct recording *rec = sample(6);
    json_t *r = report_parsed(rec, "tree");
    const json_t *rows = json_object_get(r, "rows");
    assert_true(json_is_null(json_object_get(json_array_get(rows, 0), "parent")));
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, i), "parent")), 0);
    json_decref(r);
    recording_free(rec);
}

static void csv(void **state)
{
    (void)state;
    struct recording *rec = sample(6);
    struct report_options o = {.format = "csv", .limit = -1};
    struct printed p = report(rec, &o);
    assert_int_equal(p.status, EXIT_DONE);
    assert_true(strncmp(p.text, "self_pct,total_pct,name,", 24) == 0);
    /* RFC 4180: fields with quotes or commas are quoted, quotes doubled, lines end in CRLF. */
    assert_non_null(strstr(p.text, ",\"ns::f<\"\"a\"\", 'b'>\","));
    assert_non_null(strstr(p.text, ",\"/srv/lib,odd.so\","));
    assert_non_null(strstr(p.text, "\r\n60,60,hot,600,600,,/srv/shop.py,10,python,6,6,6,0,,,\r\n"));
    size_t lines = 0;
    for (const char *at = p.text; (at = strstr(at, "\r\n")); at += 2)
        lines++;
    assert_int_equal(lines, 5); /* the head and four functions; no idle time */
    free(p.text);
    recording_free(rec);
}

static const char *line_with(const char *text, const char *what)
{
    static char line[512];
    const char *at = strstr(text, what);
    if (!at)
        fail_msg("nothing with %s in\n%s", what, text);
    while (at > text && at[-1] != '\n')
        at--;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    return line;
}

static void tables(void **state)
{
    (void)state;
    struct recording *rec = sample(6);
    struct report_options o = {.limit = -1, .columns = 80};
    struct printed p = report(rec, &o);
    assert_string_equal(line_with(p.text, "checkout"),
                        "checkout  48211  python 3.11.2  0.0s to 24.0s  2,000 samples  3 lost  "
                        "idle 50.0%  cost 0.3% of CPU");
    const char *head = line_with(p.text, "SELF%");
    assert_true(strncmp(head, "SELF%  TOTAL%  CPU%  WAIT%  FUNCTION", 36) == 0);
    const char *hot = line_with(p.text, "  hot ");
    assert_true(strncmp(hot, " 60.0    60.0  60.0    0.0  hot ", 32) == 0);
    assert_non_null(strstr(hot, "  shop.py:10"));
    const char *idle = line_with(p.text, "idle 50.0%: ");
    assert_ptr_equal(strstr(p.text, idle) + strlen(idle) + 1, p.text + p.size); /* the last */
    for (const char *at = strchr(p.text, '\n') + 1; *at; at += strcspn(at, "\n") + 1)
        assert_true(strcspn(at, "\n") <= 80);
    free(p.text);

    /* Where there is no terminal nothing is cut. */
    o.columns = 0;
    o.limit = 1;
    p = report(rec, &o);
    assert_non_null(strstr(p.text, "timers, accept loops, workers with nothing to do"));
    assert_null(strstr(p.text, "wait "));
    assert_non_null(strstr(p.text, " more rows (--limit 0 shows all)\n"));
    free(p.text);

    /* Paths keep their end, names their beginning. */
    o = (struct report_options){.limit = -1, .columns = 45};
    p = report(rec, &o);
    assert_non_null(strstr(p.text, "<modu"));
    assert_non_null(strstr(p.text, "~"));
    free(p.text);
    recording_free(rec);
}

static void deep_tree_on_paper(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct stack_id s = {0};
    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof name, "level_%d", i);
        s = fixture_call(rec, s, fixture_function(rec, name, "/f.py", 1), 1);
    }
    fixture_run(rec, fixture_thread(rec, 1, "t"), s, STATE_RUNNING, WAIT_NONE, 0, 1);
    struct report_options o = {.view = "tree", .limit = 0, .columns = 80};
    struct printed p = report(rec, &o);
    assert_non_null(strstr(p.text, "  level_2 "));
    assert_non_null(strstr(line_with(p.text, "level_59"), " >level_59")); /* it goes on deeper */
    assert_true(strlen(line_with(p.text, "level_59")) <= 80);
    free(p.text);
    recording_free(rec);
}

static void check_error(const struct report_options *o, int status, const char *says)
{
    struct recording *rec = sample(6);
    struct printed p = report(rec, o);
    assert_int_equal(p.status, status);
    assert_int_equal(p.size, 0);
    if (!strstr(p.err.text, says))
        fail_msg("\"%s\" does not say \"%s\"", p.err.text, says);
    free(p.text);
    recording_free(rec);
}

static void errors(void **state)
{
    (void)state;
    check_error(&(struct report_options){.view = "nonsense"}, EXIT_USAGE, "there are functions");
    check_error(&(struct report_options){.format = "xml"}, EXIT_USAGE, "table, json or csv");
    check_error(&(struct report_options){.sort = "nonsense"}, EXIT_USAGE, "self_pct");
    check_error(&(struct report_options){.from = "soon"}, EXIT_USAGE, "not a time");
    check_error(&(struct report_options){.from = "5", .to = "5"}, EXIT_USAGE, "not before");
    check_error(&(struct report_options){.from = "100"}, EXIT_FAILED, "0 to 24.0 s");
}

static void sorted_and_filtered(void **state)
{
    (void)state;
    struct recording *rec = sample(6);
    struct report_options o = {.format = "csv", .limit = 1, .sort = "total_pct"};
    struct printed p = report(rec, &o);
    assert_non_null(strstr(p.text, "\r\n0,100,<module>,"));
    free(p.text);
    o = (struct report_options){.format = "csv", .limit = -1, .states = STATES_WAIT};
    p = report(rec, &o);
    assert_non_null(strstr(p.text, "\r\n100,100,wait,"));
    assert_null(strstr(p.text, ",hot,"));
    free(p.text);
    o = (struct report_options){.format = "csv", .limit = -1, .to = "3", .states = STATES_ALL};
    p = report(rec, &o);
    assert_non_null(strstr(p.text, "\r\n100,100,hot,300,300,"));
    free(p.text);
    recording_free(rec);
}

static void check_time(const struct recording *rec, const char *text, double seconds)
{
    uint64_t t;
    struct err err;
    if (!span_time(&t, rec, text, &err))
        fail_msg("%s", err.text);
    assert_float_equal((double)(t - rec->start_ns) / NS_PER_S, seconds, 1e-6);
}

static void times(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    struct recording *rec = fixture_new(); /* begins at 22:13:20 */
    rec->end_ns = START_NS + 3 * 3600 * NS_PER_S;
    check_time(rec, "12.5", 12.5);
    check_time(rec, "0", 0);
    check_time(rec, "22:13:20", 0);
    check_time(rec, "22:14:00", 40);
    check_time(rec, "22:14", 40);
    check_time(rec, "00:13:20", 7200); /* past midnight */
    check_time(rec, "22:00:00", 0);    /* before it: its start */
    static const char *const wrong[] = {"",       "-1",  "1x",    "25:00:00", "22:60", "22:14:61",
                                        "1:2:3x", "nan", "1e300", "22:",      ":",     "0x10:00"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t t;
        struct err err;
        if (span_time(&t, rec, wrong[i], &err))
            fail_msg("\"%s\" is no time", wrong[i]);
    }
    recording_free(rec);
}

static void check_side(const char *argument, const char *name, const char *from, const char *to)
{
    char copy[64];
    struct diff_side side;
    snprintf(copy, sizeof copy, "%s", argument);
    diff_side_parse(&side, copy);
    assert_string_equal(side.name, name);
    assert_string_equal(side.from ? side.from : "-", from);
    assert_string_equal(side.to ? side.to : "-", to);
}

static void diff_sides(void **state)
{
    (void)state;
    check_side("a.ptop", "a.ptop", "-", "-");
    check_side("a.ptop@1..2.5", "a.ptop", "1", "2.5");
    check_side("a.ptop@14:02:10..", "a.ptop", "14:02:10", "-");
    check_side("me@host/a.ptop@..7", "me@host/a.ptop", "-", "7");
    check_side("a@b.ptop", "a@b.ptop", "-", "-");
    check_side("a@../b.ptop", "a@../b.ptop", "-", "-");
}

static struct printed diff(const struct recording *a, const struct recording *b,
                           const struct diff_options *o)
{
    struct printed p = {.err = {""}};
    FILE *out = open_memstream(&p.text, &p.size);
    p.status = diff_print(a, b, o, out, &p.err);
    fclose(out);
    return p;
}

static void diffs(void **state)
{
    (void)state;
    struct recording *before = sample(4), *after = sample(8);
    struct diff_options o = {.before = {.name = "x/a.ptop"},
                             .after = {.name = "b.ptop", .to = "20"},
                             .format = "json",
                             .limit = -1};
    struct printed p = diff(before, after, &o);
    assert_int_equal(p.status, EXIT_DONE);
    json_t *parsed = json_loads(p.text, JSON_REJECT_DUPLICATES, NULL);
    check_keys(parsed, "schema before after engines_differ note time_diff_s regressions "
                       "improvements rows");
    assert_string_equal(json_string_value(json_object_get(parsed, "schema")), "proftop.diff/1");
    assert_true(json_is_false(json_object_get(parsed, "engines_differ")));
    assert_true(json_is_null(json_object_get(parsed, "note")));
    json_t *rows = json_object_get(parsed, "rows");
    assert_int_equal(json_array_size(rows), 3);
    for (size_t i = 0; i < 3; i++)
        check_keys(json_array_get(rows, i),
                   "name module file line before_pct after_pct before_s_per_s after_s_per_s "
                   "change_pct significant verdict");
    assert_true(json_is_boolean(json_object_get(json_array_get(rows, 0), "significant")));
    json_decref(parsed);
    free(p.text);

    o.format = "csv";
    p = diff(before, after, &o);
    assert_non_null(strstr(p.text, "before_pct,after_pct,name,verdict,before_s_per_s,"));
    free(p.text);
    o.format = NULL;
    p = diff(before, after, &o);
    assert_non_null(strstr(p.text, "BEFORE a.ptop  0.0s to 24.0s  100 Hz  1,800 samples"));
    assert_non_null(strstr(p.text, "AFTER  b.ptop  0.0s to 20.0s"));
    free(p.text);
    o.view = "tree";
    p = diff(before, after, &o);
    assert_int_equal(p.status, EXIT_USAGE);
    free(p.text);
    recording_free(before);
    recording_free(after);
}

/* The exit status that a build can be failed with. */
static void diff_fails_on_regression(void **state)
{
    (void)state;
    struct recording *recs[2];
    for (int n = 0; n < 2; n++) {
        recs[n] = fixture_new();
        struct thread_id t = fixture_thread(recs[n], 1, "t");
        struct stack_id none = {0};
        struct stack_id a = fixture_call(recs[n], none, fixture_function(recs[n], "a", "/a", 1), 1);
        struct stack_id b = fixture_call(recs[n], none, fixture_function(recs[n], "b", "/a", 9), 9);
        for (int i = 0; i < 300; i++) {
            double b_s = (n ? 0.045 : 0.03) + 0.001 * (i % 7);
            fixture_run(recs[n], t, b, STATE_RUNNING, WAIT_NONE, i * 0.1, b_s);
            fixture_run(recs[n], t, a, STATE_RUNNING, WAIT_NONE, i * 0.1 + b_s, 0.1 - b_s);
        }
    }
    struct diff_options o = {.limit = -1, .fail_on_regression = true};
    struct printed p = diff(recs[0], recs[1], &o);
    assert_int_equal(p.status, EXIT_REGRESSION);
    assert_non_null(strstr(p.text, "1 slower, 1 faster"));
    assert_non_null(strstr(line_with(p.text, "a:9"), "+45%  ##"));
    free(p.text);
    p = diff(recs[1], recs[0], &(struct diff_options){.limit = -1});
    assert_int_equal(p.status, EXIT_DONE); /* nobody asked */
    free(p.text);
    p = diff(recs[0], recs[0], &o);
    assert_int_equal(p.status, EXIT_DONE);
    free(p.text);
    recording_free(recs[0]);
    recording_free(recs[1]);
}

static void write_failure(void **state)
{
    (void)state;
    struct recording *rec = sample(6);
    static const char *const formats[] = {"json", "csv", "table"};
    for (int i = 0; i < 3; i++) {
        FILE *full = fopen("/dev/full", "w");
        assert_non_null(full);
        struct err err;
        struct report_options o = {.format = formats[i], .limit = -1};
        assert_int_equal(report_print(rec, &o, full, &err), EXIT_FAILED);
        assert_non_null(strstr(err.text, "No space left"));
        fclose(full);
    }
    recording_free(rec);
}

static void sources(void **state)
{
    (void)state;
    char name[] = P_tmpdir "/cli_print.XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    const char text[] = "first\n\tsecond line\r\n\nlast";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    struct source *s = source_new();
    assert_string_equal(source_line(s, name, 1), "first");
    assert_string_equal(source_line(s, name, 2), "\tsecond line");
    assert_string_equal(source_line(s, name, 3), "");
    assert_string_equal(source_line(s, name, 4), "last");
    assert_null(source_line(s, name, 5));
    assert_null(source_line(s, name, 0));
    assert_null(source_line(s, "/dev/zero", 1)); /* only regular files, only by full name */
    assert_null(source_line(s, P_tmpdir, 1));
    assert_null(source_line(s, "/nowhere/at/all.c", 1));
    assert_null(source_line(s, "relative.c", 1));
    source_free(s);
    unlink(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_keys),
        cmocka_unit_test(json_memory),
        cmocka_unit_test(json_values),
        cmocka_unit_test(tree_parents),
        cmocka_unit_test(target_after_exec),
        cmocka_unit_test(csv),
        cmocka_unit_test(tables),
        cmocka_unit_test(deep_tree_on_paper),
        cmocka_unit_test(errors),
        cmocka_unit_test(sorted_and_filtered),
        cmocka_unit_test(times),
        cmocka_unit_test(diff_sides),
        cmocka_unit_test(diffs),
        cmocka_unit_test(diff_fails_on_regression),
        cmocka_unit_test(sources),
        cmocka_unit_test(write_failure),
    };
    return cmocka_run_group_tests_name("cli_print", tests, NULL, NULL);
}
