/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log of alerts with snapshots and vanished metrics, the rules in force, and what the header
 * and the summary say of them. */
#include "view_fixture.h"

#include "base/text.h"
#include "model/alert_log.h"
#include "view/alerts.h"
#include "view/draw_header.h"
#include "view/draw_table.h"
#include "view/draw_time.h"
#include "view/views.h"

static void set_rules(struct recording *rec, const char *const *lines, size_t n)
{
    struct alert_rules rules = {0};
    struct err err = {""};
    for (size_t i = 0; i < n; i++)
        if (!alert_rules_set_line(&rules, lines[i], &err))
            fail_msg("%s", err.text);
    alert_log_set_rules(rec, &rules, rec->end_ns);
    alert_rules_clear(&rules);
}

static void feed(struct recording *rec, enum metric metric, double value, int from_s, int to_s)
{
    for (int s = from_s; s < to_s; s++)
        recording_add_metric(rec, metric, START_NS + (uint64_t)s * NS_PER_S, value);
}

static void the_log_names_snapshots_and_silence(void **state)
{
    (void)state;
    struct recording *rec = fixture_new();
    struct table t = {0};
    struct query q = fixture_query(rec);
    size_t event;
    char clock[FIGURE_MAX];
    const char *path = "/var/lib/proftop/proftop-python3-30175-burst-20261130-113749.ptop";
    feed(rec, METRIC_P95, 2.5, 0, 5);
    alert_log_set_snapshot(rec, 1, path);
    feed(rec, METRIC_CPU_PCT, 5, 5, 100);
    q.window = window_all(rec);
    table_fill(&t, &alerts_view, &q);
    assert_int_equal(t.rows.n, 2);
    assert_string_equal(fixture_text(&t, 1, "snapshot"), path);
    assert_string_equal(fixture_text(&t, 1, "since"),
                        wall_clock(clock, rec, rec->alerts.at[0].time_ns));
    assert_string_equal(fixture_text(&t, 1, "rule"), "p95");
    assert_string_equal(fixture_text(&t, 1, "figure"), "2.5s");
    assert_string_equal(fixture_text(&t, 0, "state"), "cleared");
    assert_string_equal(fixture_text(&t, 0, "figure"), "no figures");
    assert_int_equal(fixture_value(&t, 0, "value")->kind, VALUE_NULL);
    assert_true(alerts_find(rec, t.rows.at[0].key, &event) && event == 1);
    assert_true(alerts_find(rec, t.rows.at[1].key, &event) && event == 0);
    assert_false(alerts_find(rec, 12345, &event));
    /* What the words before it do not need is the path's. */
    struct grid g;
    grid_init(&g, 200, 3, true);
    draw_table(&g, 0, 0, 200, 3, &t, &(struct table_look){.selected = SIZE_MAX});
    char line[201] = "";
    for (int at = 0; at < 200; at++)
        line[at] = (char)grid_at(&g, 2, at)->codepoint;
    assert_non_null(strstr(line, path));
    grid_clear(&g);
    table_clear(&t);
    recording_free(rec);
}

static void rules_say_where_they_stand(void **state)
{
    (void)state;
    static const char *const lines[] = {"cpu: cpu_pct > 50 for 1s: banner bell",
                                        "stalls: samples_per_s < 10 for 90s: none",
                                        "slow: p95_s > 250ms for 0s"};
    struct recording *rec = fixture_new();
    struct table t = {0};
    struct query q = fixture_query(rec);
    char text[80];
    size_t rule;
    set_rules(rec, lines, 3);
    alert_rules_say(text, sizeof text, rec);
    assert_string_equal(text, "3 rules, none stands raised");
    feed(rec, METRIC_CPU_PCT, 60, 0, 5);
    feed(rec, METRIC_SAMPLES, 100, 0, 5);
    q.window = window_all(rec);
    table_fill(&t, &alert_rules_view, &q);
    assert_int_equal(t.rows.n, 3);
    size_t cpu = fixture_find(&t, "rule", "cpu"), stalls = fixture_find(&t, "rule", "stalls");
    size_t slow = fixture_find(&t, "rule", "slow");
    assert_string_equal(fixture_text(&t, cpu, "threshold"), "> 50.0% for 1s");
    assert_string_equal(fixture_text(&t, cpu, "now"), "60.0%");
    assert_string_equal(fixture_text(&t, cpu, "critical"), "75.0%");
    assert_string_equal(fixture_text(&t, cpu, "state"), "warning");
    assert_string_equal(fixture_text(&t, cpu, "actions"), "banner bell");
    assert_int_equal(t.rows.at[cpu].role, ROW_ALERT);
    assert_string_equal(fixture_text(&t, stalls, "threshold"), "< 10/s for 1m30s");
    assert_string_equal(fixture_text(&t, stalls, "state"), "fine");
    assert_string_equal(fixture_text(&t, stalls, "actions"), "none");
    assert_string_equal(fixture_text(&t, slow, "threshold"), "> 250ms for 0s");
    assert_string_equal(fixture_text(&t, slow, "state"), "none yet");
    assert_int_equal(fixture_value(&t, slow, "now")->kind, VALUE_NULL);
    alert_rules_say(text, sizeof text, rec);
    assert_string_equal(text, "3 rules, 1 stands raised");
    assert_true(alert_rules_row(rec, t.rows.at[slow].key, &rule));
    assert_string_equal(rec->rules.at[rule].name, "slow");
    assert_false(alert_rules_row(rec, 0, &rule));
    assert_false(alert_rules_row(rec, rec->rules.n + 1, &rule));

    feed(rec, METRIC_SAMPLES, 100, 5, 30); /* no CPU any more */
    table_fill(&t, &alert_rules_view, &q);
    assert_string_equal(fixture_text(&t, cpu, "state"), "silent");
    set_rules(rec, lines + 1, 1);
    table_fill(&t, &alert_rules_view, &q);
    assert_int_equal(t.rows.n, 1);
    alert_rules_say(text, sizeof text, rec);
    assert_string_equal(text, "1 rule, none stands raised");
    table_clear(&t);
    recording_free(rec);
}

static char letter(const char *v)
{
    return strcmp(v, "alerts") == 0 ? 'a' : '\0';
}

/* The text of the header's second part under a rule. */
static const char *banner(const char *line, int seconds_of_silence)
{
    static char text[2 * 160];
    struct recording *rec = fixture_new();
    struct table summary = {0};
    struct grid g;
    set_rules(rec, &line, 1);
    feed(rec, METRIC_CPU_PCT, 60, 0, 5);
    feed(rec, METRIC_RSS, 1e6, 5, 5 + seconds_of_silence);
    struct query q = fixture_query(rec);
    q.window = window_all(rec);
    table_fill(&summary, &summary_view, &q);
    grid_init(&g, 100, 2, true);
    draw_verdicts(&g, 0, rec, &summary, "", letter);
    size_t n = 0;
    for (int row = 0; row < 2; row++)
        for (int column = 0; column < 100; column++) {
            uint32_t c = grid_at(&g, row, column)->codepoint;
            text[n++] = c ? (char)c : ' ';
        }
    text[n] = '\0';
    grid_clear(&g);
    table_clear(&summary);
    recording_free(rec);
    return text;
}

static void the_banner_is_for_rules_that_ask_for_it(void **state)
{
    (void)state;
    const char *text = banner("cpu: cpu_pct > 50: banner", 0);
    assert_non_null(strstr(text, "! CPU stands at 60.0% of what the target may use"));
    assert_null(strstr(text, "no figures"));
    text = banner("cpu: cpu_pct > 50: banner", 20);
    assert_non_null(
        strstr(text, "CPU stands at 60.0% of what the target may use (no figures since "));
    text = banner("cpu: cpu_pct > 50: bell", 0);
    assert_null(strstr(text, "CPU stands at"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_names_snapshots_and_silence),
        cmocka_unit_test(rules_say_where_they_stand),
        cmocka_unit_test(the_banner_is_for_rules_that_ask_for_it),
    };
    return cmocka_run_group_tests_name("view_alerts", tests, NULL, NULL);
}
