/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables: order, limits, texts, figures; and the views that are not about stacks. */
#include "view_fixture.h"

#include <math.h>
#include <stdio.h>

#include "view/views.h"

enum { COL_NUMBER, COL_NAME, COL_COUNT };

static const struct column columns[] = {
    {"number", "N", FORMAT_COUNT, 6, 80, COLUMN_BOTH, true},
    {"name", "NAME", FORMAT_TEXT, 8, 80, COLUMN_BOTH, false},
};
static const struct view test_view = {
    .name = "test", .columns = columns, .n_columns = COL_COUNT, .sort = "number"};

static void add(struct table *t, uint64_t key, double number, const char *name)
{
    table_add_row(t)->key = key;
    table_set_number(t, COL_NUMBER, number);
    if (name)
        table_set_text(t, COL_NAME, name);
}

static void fill(struct table *t)
{
    table_begin(t, &test_view);
    add(t, 1, 5, "beta");
    add(t, 2, 7, "gamma");
    table_add_row(t)->role = ROW_IDLE;
    table_set_text(t, COL_NAME, "idle");
    add(t, 3, 5, "alpha");
    add(t, 4, NAN, "nothing");
    add(t, 6, 1, "same");
    add(t, 5, 1, "same");
}

static void check_order(const struct table *t, const char *want)
{
    char have[128] = "";
    for (size_t i = 0; i < t->rows.n; i++)
        snprintf(have + strlen(have), sizeof have - strlen(have), "%s%s/%d", i ? " " : "",
                 fixture_text(t, i, "name"), (int)t->rows.at[i].key);
    assert_string_equal(have, want);
}

static void order(void **state)
{
    (void)state;
    struct table t = {0};
    fill(&t);
    table_sort(&t, "number", false);
    check_order(&t, "gamma/2 alpha/3 beta/1 same/5 same/6 nothing/4 idle/0");
    table_sort(&t, "number", true); /* ties and what is missing stay where they are */
    check_order(&t, "same/5 same/6 alpha/3 beta/1 gamma/2 nothing/4 idle/0");
    table_sort(&t, "name", false);
    check_order(&t, "alpha/3 beta/1 gamma/2 nothing/4 same/5 same/6 idle/0");
    table_sort(&t, NULL, true);
    check_order(&t, "same/6 same/5 nothing/4 gamma/2 beta/1 alpha/3 idle/0");
    table_clear(&t);
}

static void limit(void **state)
{
    (void)state;
    struct table t = {0};
    fill(&t);
    table_sort(&t, "number", false);
    table_limit(&t, 2);
    check_order(&t, "gamma/2 alpha/3 idle/0"); /* the grey row is not counted */
    table_limit(&t, 0);
    assert_int_equal(t.rows.n, 3);
    table_clear(&t);
}

static void texts(void **state)
{
    (void)state;
    struct table t = {0};
    table_begin(&t, &test_view);
    char text[] = "esc \x1b[31m, broken \xff\xfe, good \xc3\xa9\n";
    add(&t, 1, 0, text);
    memset(text, 'x', sizeof text - 1);
    assert_string_equal(fixture_text(&t, 0, "name"), "esc ?[31m, broken ??, good \xc3\xa9?");
    char *big = xmalloc(100001);
    memset(big, 'y', 100000);
    big[100000] = '\0';
    for (int i = 0; i < 10; i++)
        add(&t, 2, 0, big);
    assert_int_equal(strlen(fixture_text(&t, 9, "name")), 100000);
    assert_string_equal(fixture_text(&t, 0, "name"), "esc ?[31m, broken ??, good \xc3\xa9?");
    free(big);
    table_clear(&t);
}

static void check_figure(enum column_format format, int width, double number, const char *want)
{
    struct column c = {"k", "K", format, width, 80, COLUMN_BOTH, false};
    struct value v = {VALUE_NUMBER, NULL, number};
    char out[64];
    value_print(out, sizeof out, &c, &v);
    assert_string_equal(out, want);
}

static void figures(void **state)
{
    (void)state;
    check_figure(FORMAT_COUNT, 9, 11904, "11,904");
    check_figure(FORMAT_COUNT, 9, 123456789, "123M");
    check_figure(FORMAT_COUNT, 11, 123456789, "123,456,789");
    check_figure(FORMAT_COUNT, 6, -1234, "-1,234");
    check_figure(FORMAT_ID, 7, 48211, "48211");
    check_figure(FORMAT_PCT, 6, 41.84, "41.8");
    check_figure(FORMAT_SECONDS, 6, 3.21, "3.2s");
    check_figure(FORMAT_SECONDS, 6, -1, "0us");
    check_figure(FORMAT_SECONDS, 6, 1e300, "11574d01h");
    check_figure(FORMAT_BYTES, 6, 812.0 * 1048576, "812M");
    check_figure(FORMAT_BYTE_RATE, 6, 1.9 * 1048576, "1.9M/s");
    check_figure(FORMAT_RATE, 6, 0.62, "0.62");
    check_figure(FORMAT_RATE, 6, 1234567, "1.2M");
    check_figure(FORMAT_COUNT_RATE, 7, 1020, "+1,020");
    check_figure(FORMAT_COUNT_RATE, 7, -0.3, "-0.3");
    check_figure(FORMAT_COUNT_RATE, 7, -0.01, "0.0");
    check_figure(FORMAT_CHANGE, 6, 121.2, "+121%");
    check_figure(FORMAT_CHANGE, 6, -51, "-51%");
    check_figure(FORMAT_CHANGE, 6, 5000, ">+999%");
    check_figure(FORMAT_BOOL, 4, 1, "yes");

    char out[32];
    value_print(out, sizeof out, &columns[COL_NUMBER], &(struct value){VALUE_NULL, NULL, 0});
    assert_string_equal(out, "-");
    value_print(out, sizeof out, &columns[COL_NAME], &(struct value){VALUE_NULL, NULL, 0});
    assert_string_equal(out, "");
    value_print(out, 4, &columns[COL_NAME], &(struct value){VALUE_TEXT, "cut here", 0});
    assert_string_equal(out, "cut");
}

static void every_view_is_sound(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    for (size_t i = 0; i < view_count; i++) {
        const struct view *v = views[i];
        assert_ptr_equal(view_by_name(v->name), v);
        assert_non_null(v->title);
        assert_non_null(v->empty);
        if (v->sort)
            assert_int_not_equal(view_column(v, v->sort), -1);
        int width = 1;
        for (size_t c = 0; c < v->n_columns; c++) {
            const struct column *column = &v->columns[c];
            assert_int_equal(view_column(v, column->key), c); /* keys are told apart */
            assert_true((column->title == NULL) == (column->use == COLUMN_DATA));
            if (column->title && column->from_columns <= 80)
                width += column->width + 2;
        }
        if (width > 81)
            fail_msg("%s takes %d columns of 80", v->name, width);
        struct table t = {0}; /* nothing in it yet: no view may mind */
        struct query q = fixture_query(rec);
        table_fill(&t, v, &q);
        table_clear(&t);
    }
    assert_null(view_by_name("nonsense"));
    recording_free(rec);
}

static void add_metrics(struct recording *rec, double at_s, double cpu, double rss)
{
    uint64_t t = START_NS + (uint64_t)(at_s * NS_PER_S);
    recording_add_metric(rec, METRIC_CPU_PCT, t, cpu);
    if (rss >= 0)
        recording_add_metric(rec, METRIC_RSS, t + 2 * NS_PER_MS, rss);
}

static void timeline(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    add_metrics(rec, 0.5, 10, 1000);
    add_metrics(rec, 1.48, 20, -1); /* the clock of rounds is not exact */
    add_metrics(rec, 2.51, 30, 3000);
    struct table t = {0};
    struct query q = fixture_query(rec);
    table_fill(&t, &timeline_view, &q);
    assert_int_equal(t.n_columns, 1 + METRIC_COUNT);
    for (int m = 0; m < METRIC_COUNT; m++)
        assert_int_not_equal(view_column(&timeline_view, metrics[m].name), -1);
    assert_int_equal(t.rows.n, 3);
    assert_float_equal(fixture_number(&t, 0, "time_s"), 0.5, 1e-9);
    assert_float_equal(fixture_number(&t, 0, "cpu_pct"), 10, 0);
    assert_float_equal(fixture_number(&t, 0, "rss_bytes"), 1000, 0);
    assert_float_equal(fixture_number(&t, 1, "cpu_pct"), 20, 0);
    assert_int_equal(fixture_value(&t, 1, "rss_bytes")->kind, VALUE_NULL);
    assert_float_equal(fixture_number(&t, 2, "rss_bytes"), 3000, 0);

    q.window = (struct window){START_NS + NS_PER_S, START_NS + 2 * NS_PER_S};
    table_fill(&t, &timeline_view, &q);
    assert_int_equal(t.rows.n, 1);

    /* Thinned points are rows, too. */
    for (int i = 3; i < 3000; i++)
        add_metrics(rec, i + 0.5, 40, 1);
    q = fixture_query(rec);
    table_fill(&t, &timeline_view, &q);
    assert_true(t.rows.n >= 1000 && t.rows.n < 1300);
    for (size_t r = 1; r < t.rows.n; r++)
        assert_true(fixture_number(&t, r - 1, "time_s") < fixture_number(&t, r, "time_s"));
    table_clear(&t);
    recording_free(rec);
}

/* CPU over 80 % from 10 s to 20 s, over 95 % in its midst: raised, critical, cleared. */
static struct recording *alarming(void)
{
    struct recording *rec = fixture_new();
    for (int i = 0; i < 40; i++)
        add_metrics(rec, i, i >= 10 && i < 20 ? (i == 15 ? 99 : 90) : 10, -1);
    return rec;
}

static void alerts(void **state)
{
    (void)state;
    struct recording *rec = alarming();
    assert_int_equal(rec->alerts.n, 3);
    struct table t = {0};
    struct query q = fixture_query(rec);
    table_fill(&t, &alerts_view, &q);
    assert_int_equal(t.rows.n, 3); /* the newest first */
    assert_string_equal(fixture_text(&t, 0, "state"), "cleared");
    assert_string_equal(fixture_text(&t, 0, "severity"), "critical");
    assert_string_equal(fixture_text(&t, 1, "severity"), "critical");
    assert_float_equal(fixture_number(&t, 1, "value"), 99, 0);
    assert_string_equal(fixture_text(&t, 2, "state"), "raised");
    assert_string_equal(fixture_text(&t, 2, "severity"), "warning");
    assert_string_equal(fixture_text(&t, 2, "metric"), "cpu_pct");
    assert_float_equal(fixture_number(&t, 2, "threshold"), 80, 0);
    assert_float_equal(fixture_number(&t, 2, "time_s"), 13, 1e-6);
    assert_int_equal(fixture_value(&t, 2, "snapshot")->kind, VALUE_NULL);
    for (size_t r = 0; r < 3; r++)
        assert_int_equal(t.rows.at[r].role, ROW_PLAIN); /* it is over */

    /* While it was raised: a window that begins after the raise still shows it. */
    q.window = (struct window){START_NS + 16 * NS_PER_S, START_NS + 18 * NS_PER_S};
    table_fill(&t, &alerts_view, &q);
    assert_int_equal(t.rows.n, 1);
    assert_string_equal(fixture_text(&t, 0, "severity"), "critical");
    assert_int_equal(t.rows.at[0].role, ROW_ALERT);

    q.window = (struct window){START_NS + 30 * NS_PER_S, START_NS + 40 * NS_PER_S};
    table_fill(&t, &alerts_view, &q);
    assert_int_equal(t.rows.n, 0);
    table_clear(&t);
    recording_free(rec);
}

static void summary(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct table t = {0};
    struct query q = fixture_query(rec);
    table_fill(&t, &summary_view, &q);
    assert_int_equal(t.rows.n, 1);
    assert_string_equal(fixture_text(&t, 0, "verdict"), "no samples in this window");

    struct function_id recommend = fixture_function(rec, "recommend", "/srv/checkout.py", 131);
    struct function_id get = fixture_function(rec, "get_products", "/srv/checkout.py", 80);
    struct function_id read = fixture_function(rec, "readinto", "/usr/lib/python3.11/socket.py", 9);
    struct stack_id none = {0};
    struct stack_id in_recommend = fixture_call(rec, none, recommend, 133);
    struct stack_id in_read = fixture_call(rec, fixture_call(rec, none, get, 81), read, 10);
    struct object_id peer = dictionary_object(&rec->words, "tcp 10.0.0.5:5432");
    for (int i = 1; i <= 3; i++) {
        struct run run = {.from_ns = START_NS,
                          .weight_ns = 20 * NS_PER_S,
                          .thread = fixture_thread(rec, i, "w"),
                          .stack = in_read,
                          .object = peer,
                          .ticks = 2000,
                          .state = STATE_WAITING,
                          .wait = WAIT_READ};
        recording_add_run(rec, &run);
    }
    fixture_run(rec, fixture_thread(rec, 4, "m"), in_recommend, STATE_RUNNING, WAIT_NONE, 0, 20);
    q = fixture_query(rec);
    table_fill(&t, &summary_view, &q);
    assert_int_equal(t.rows.n, 2);
    assert_string_equal(fixture_text(&t, 0, "verdict"),
                        "75% of the time 3 threads wait for tcp 10.0.0.5:5432 in get_products()");
    assert_string_equal(fixture_text(&t, 0, "figure"), "75.0%");
    assert_string_equal(fixture_text(&t, 0, "kind"), "wait");
    assert_float_equal(fixture_number(&t, 0, "rank"), 1, 0);
    assert_string_equal(fixture_text(&t, 1, "verdict"),
                        "25% of the time goes to recommend on the CPU (checkout.py:131)");
    assert_string_equal(fixture_text(&t, 1, "view"), "functions");

    for (int i = 0; i < 10; i++)
        add_metrics(rec, i, 90, -1);
    rec->cost.samples = 900;
    rec->cost.lost = 100;
    table_fill(&t, &summary_view, &q);
    assert_int_equal(t.rows.n, 4);
    assert_string_equal(fixture_text(&t, 0, "kind"), "alert");
    assert_string_equal(fixture_text(&t, 0, "verdict"),
                        "CPU stands at 90.0% of what the target may use");
    assert_int_equal(t.rows.at[0].role, ROW_ALERT);
    assert_string_equal(fixture_text(&t, 1, "kind"), "sampling");
    table_clear(&t);
    recording_free(rec);
}

static void summary_of_many_small(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct thread_id thread = fixture_thread(rec, 1, "t");
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "f%d", i);
        struct function_id f = fixture_function(rec, name, "/f.py", 1);
        fixture_run(rec, thread, fixture_call(rec, (struct stack_id){0}, f, 1), STATE_RUNNING,
                    WAIT_NONE, i, 1);
    }
    struct table t = {0};
    struct query q = fixture_query(rec);
    table_fill(&t, &summary_view, &q);
    assert_int_equal(t.rows.n, 1);
    assert_string_equal(fixture_text(&t, 0, "verdict"), "nothing stands out");
    assert_string_equal(fixture_text(&t, 0, "kind"), "none");
    table_clear(&t);
    recording_free(rec);
}

static void add_seconds(struct recording *rec, enum metric metric, double value)
{
    for (uint64_t i = 0; i < 20; i++)
        recording_add_metric(rec, metric, START_NS + i * NS_PER_S, value);
}

/* The verdict of a kind; "" if there is none. */
static const char *verdict(struct table *t, const struct recording *rec, const char *kind)
{
    struct query q = fixture_query(rec);
    table_fill(t, &summary_view, &q);
    size_t row = fixture_find(t, "kind", kind);
    if (row == SIZE_MAX)
        return "";
    if (strcmp(kind, "alert") != 0)
        assert_string_equal(fixture_text(t, row, "view"), "timeline");
    return fixture_text(t, row, "verdict");
}

static void summary_of_throttling(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct table t = {0};
    add_seconds(rec, METRIC_QUOTA, 0.2);
    add_seconds(rec, METRIC_THROTTLED_PCT, 4);
    assert_string_equal(verdict(&t, rec, "throttled"), "");
    /* Long ago, and cleared since: the window's mean is left. */
    for (uint64_t i = 20; i < 60; i++)
        recording_add_metric(rec, METRIC_THROTTLED_PCT, START_NS + i * NS_PER_S, i < 50 ? 38 : 0);
    assert_string_equal(verdict(&t, rec, "throttled"),
                        "throttled 20% of the time: its cgroup may use 0.2 CPUs");
    assert_string_equal(verdict(&t, rec, "alert"), "");
    for (uint64_t i = 60; i < 70; i++)
        recording_add_metric(rec, METRIC_THROTTLED_PCT, START_NS + i * NS_PER_S, 79.6);
    assert_string_equal(verdict(&t, rec, "throttled"), ""); /* the alert says it */
    assert_string_equal(verdict(&t, rec, "alert"),
                        "throttled 79.6% of the time: its cgroup may use 0.2 CPUs");
    table_clear(&t);
    recording_free(rec);
}

static void summary_of_run_queue(void **state)
{
    (void)state;
    static const struct {
        double queue, cpu, throttled, neighbours, steal;
        const char *says;
    } cases[] = {
        {0.05, 0.01, 0, 80, 0, ""}, /* hardly wants a CPU */
        {0.1, 1.9, 0, 80, 0, ""},
        {0.75, 0.25, 40, 80, 0, "75% of the time that one is wanted: its cgroup throttles it"},
        {2, 2, 0, 30, 0, "50% of the time that one is wanted: 4 are wanted, 2 allowed"},
        {0.5, 0.5, 0, 80, 10, "50% of the time that one is wanted: others use 80% of the CPUs"},
        {0.5, 0.5, 0, 3, 12, "50% of the time that one is wanted: the hypervisor keeps 12%"},
        {0.5, 0.5, 0, 3, 0, "50% of the time that one is wanted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct recording *rec = fixture_new();
        struct table t = {0};
        char wanted[160] = "";
        rec->cpus_allowed = 2;
        add_seconds(rec, METRIC_RUNQUEUE, cases[i].queue);
        add_seconds(rec, METRIC_CPU_USER, cases[i].cpu);
        add_seconds(rec, METRIC_THROTTLED_PCT, cases[i].throttled);
        add_seconds(rec, METRIC_NEIGHBOURS_PCT, cases[i].neighbours);
        add_seconds(rec, METRIC_STEAL_PCT, cases[i].steal);
        if (cases[i].says[0])
            snprintf(wanted, sizeof wanted, "without a CPU %s", cases[i].says);
        assert_string_equal(verdict(&t, rec, "run queue"), wanted);
        snprintf(wanted, sizeof wanted, "the hypervisor keeps %.0f%% of the machine's CPUs (steal)",
                 cases[i].steal);
        assert_string_equal(verdict(&t, rec, "steal"), cases[i].steal >= 5 ? wanted : "");
        table_clear(&t);
        recording_free(rec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),
        cmocka_unit_test(limit),
        cmocka_unit_test(texts),
        cmocka_unit_test(figures),
        cmocka_unit_test(timeline),
        cmocka_unit_test(every_view_is_sound),
        cmocka_unit_test(alerts),
        cmocka_unit_test(summary),
        cmocka_unit_test(summary_of_many_small),
        cmocka_unit_test(summary_of_throttling),
        cmocka_unit_test(summary_of_run_queue),
    };
    return cmocka_run_group_tests_name("view_table", tests, NULL, NULL);
}
