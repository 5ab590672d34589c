/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Alert rules as text, how they are raised, become critical, hover, clear, fall silent; and the
 * recording's log of it. Series are simulated: the clock is an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/alert_log.h"

#define START (100 * NS_PER_S)

static struct alert_rule parse(const char *text)
{
    struct alert_rule rule;
    struct err err = {""};
    if (!alert_rule_parse(&rule, "r", text, &err))
        fail_msg("%s", err.text);
    return rule;
}

static void says_what_it_reads(void **state)
{
    (void)state;
    static const struct {
        const char *text, *whole;
    } cases[] = {
        {"p95_s > 1.0 for 3s, clear 0.9, critical 1.5: banner bell snapshot command",
         "p95_s > 1 for 3s, clear 0.9, critical 1.5: banner bell snapshot command"},
        {"cpu_pct>80", "cpu_pct > 80 for 3s, clear 72, critical 95: banner snapshot command"},
        {"cpu_pct above 60% for 500ms clear 50 for 10s:none",
         "cpu_pct > 60 for 0.5s, clear 50 for 10s, critical 90: none"},
        {"rss_bytes >= 2G, critical 3G : bell", "rss_bytes > 2G for 3s, clear 1932740000, critical "
                                                "3G: bell"},
        {"read_bytes_per_s > 1.5M/s for 0s:banner",
         "read_bytes_per_s > 1536K for 0s, clear 1415580 for 3s, critical 2359300: banner"},
        {"samples_per_s < 30 for 1m: banner",
         "samples_per_s < 30 for 60s, clear 33, critical 20: banner"},
        {"p95_s > 250ms: banner", "p95_s > 0.25 for 3s, clear 0.225, critical 0.375: banner"},
        {"error_pct > 97: banner", "error_pct > 97 for 3s, clear 87.3, critical 97: banner"},
        {"cpu_pct > 0: banner", "cpu_pct > 0 for 3s, clear 0, critical 0: banner"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char once[ALERT_TEXT_MAX], twice[ALERT_TEXT_MAX];
        struct alert_rule rule = parse(cases[i].text);
        alert_rule_text(once, sizeof once, &rule);
        assert_string_equal(once, cases[i].whole);
        struct alert_rule again = parse(once);
        alert_rule_text(twice, sizeof twice, &again);
        assert_string_equal(twice, once);
        assert_true(again.metric == rule.metric && again.below == rule.below);
        assert_true(again.threshold == rule.threshold && again.critical_at == rule.critical_at);
        assert_true(again.clear_at == rule.clear_at && again.hold_s == rule.hold_s);
        assert_true(again.clear_s == rule.clear_s && again.actions == rule.actions);
    }
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "a rule begins with a metric"},
        {"cpu_pc > 80", "no metric \"cpu_pc\"; the nearest is cpu_pct"},
        {"p9_5s > 1", "the nearest is p95_s"},
        {"cpu_pct 80", "after cpu_pct comes > or <, not \"80\""},
        {"cpu_pct >", "after \">\" comes a figure of cpu_pct, not \"\""},
        {"cpu_pct <> 3", "not \"<>\""},
        {"cpu_pct > 80G", "not \"80G\""},
        {"p95_s > 1%", "not \"1%\""},
        {"cpu_pct > nan", "not \"nan\""},
        {"cpu_pct > 1e999", "not \"1e999\""},
        {"cpu_pct > 80 hold 3s", "\"hold\" is no part of a rule: for, clear, critical"},
        {"cpu_pct > 80 for ever", "\"for\" takes a time up to a day, such as 3s, not \"ever\""},
        {"cpu_pct > 80 for -1s", "not \"-1s\""},
        {"cpu_pct > 80 clear", "after \"clear\" comes a figure of cpu_pct, not \"\""},
        {"cpu_pct > 80 clear 90", "what alarms above 80 cannot clear at 90"},
        {"cpu_pct < 80 clear 70", "what alarms below 80 cannot clear at 70"},
        {"cpu_pct > 80 critical 70", "what alarms above 80 cannot be critical from 70"},
        {"cpu_pct > 80: baner", "no rule can \"baner\"; the nearest is banner"},
        {"cpu_pct > 80: email", "no rule can \"email\" (banner, bell, snapshot, command, none)"},
        {"tides > 3", "there is no metric \"tides\" (they are the columns of the timeline)"},
        {"cpu_pct > 80: snapshots", "the nearest is snapshot"},
    };
    struct alert_rule rule;
    struct err err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        err.text[0] = '\0';
        assert_false(alert_rule_parse(&rule, "busy", cases[i].text, &err));
        if (strncmp(err.text, "alert rule busy: ", 17) != 0 || !strstr(err.text, cases[i].why))
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].why);
    }
    char long_text[400];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_false(alert_rule_parse(&rule, "busy", long_text, &err));
    assert_false(alert_rule_parse(&rule, "no name", "cpu_pct > 1", &err));
    assert_non_null(strstr(err.text, "\"no name\" is no name for an alert rule"));
    assert_false(alert_rule_parse(&rule, long_text + 360, "cpu_pct > 1", &err));
}

static void check_step(const char *text, int direction, const char *stepped)
{
    struct alert_rule rule, again;
    struct err err;
    char out[ALERT_TEXT_MAX];
    assert_true(alert_rule_parse(&rule, "x", text, &err));
    again = rule;
    bool done = alert_rule_step(&rule, direction);
    alert_rule_text(out, sizeof out, &rule);
    if (!stepped)
        assert_memory_equal(&rule, &again, sizeof rule);
    if (done != (stepped != NULL) || (stepped && strncmp(out, stepped, strlen(stepped)) != 0))
        fail_msg("\"%s\" became \"%s\", not \"%s\"", text, out, stepped ? stepped : "nothing");
    assert_true(alert_rule_parse(&again, "x", out, &err));
}

static void steps_keep_the_distance(void **state)
{
    (void)state;
    check_step("cpu_pct > 80 clear 75 critical 95", 1,
               "cpu_pct > 85 for 3s, clear 80, critical 95:");
    check_step("cpu_pct > 80 clear 75 critical 90", 1,
               "cpu_pct > 85 for 3s, clear 80, critical 95:");
    check_step("cpu_pct > 82 clear 75", 1, "cpu_pct > 85 for 3s, clear 78");
    check_step("cpu_pct > 82 clear 75", -1, "cpu_pct > 80 for 3s, clear 73");
    check_step("cpu_pct > 95 clear 90", 1, "cpu_pct > 100 for 3s, clear 95, critical 100:");
    check_step("cpu_pct > 100", 1, NULL);
    check_step("throttled_pct > 5 clear 3 critical 7.5", 1,
               "throttled_pct > 5.5 for 3s, clear 3.5, critical 8.25:");
    check_step("throttled_pct > 2.5 clear 0.5", -1, "throttled_pct > 2 for 3s, clear 1.8");
    check_step("p95_s > 1 clear 0.9", 1, "p95_s > 1.5 for 3s, clear 1.4, critical 2.25:");
    check_step("p95_s > 1 clear 0.9", -1, "p95_s > 0.95 for 3s, clear 0.85, critical 1.425:");
    check_step("p95_s > 0.001", -1, NULL);
    check_step("rss_bytes > 2G clear 1G", 1, "rss_bytes > 2304M for 3s, clear 1280M");
    check_step("rss_bytes > 2G clear 1G", -1, "rss_bytes > 1920M for 3s, clear 896M");
    check_step("threads > 5 clear 3", 1, "threads > 6 for 3s, clear 4");
    check_step("threads > 1", -1, NULL);
    check_step("available_bytes < 64M clear 70M", 1, "available_bytes < 72M for 3s, clear 78M");
    check_step("cpu_pct < 95 clear 97", 1, NULL);
    check_step("cpu_pct > 0", 1, NULL);
}

static void lists_have_one_of_a_name(void **state)
{
    (void)state;
    struct alert_rules rules = {0};
    struct err err = {""};
    alert_rules_default(&rules);
    size_t n = rules.n;
    assert_int_equal(n, 5);
    assert_true(alert_rules_set_line(&rules, "cpu: cpu_pct > 50 for 2s: banner", &err));
    assert_int_equal(rules.n, n);
    assert_float_equal(alert_rules_find(&rules, "cpu")->threshold, 50, 0);
    assert_true(alert_rules_set_line(&rules, " threads > 100 : bell", &err));
    assert_int_equal(rules.n, n + 1);
    assert_int_equal(alert_rules_find(&rules, "threads")->actions, ALERT_BELL);
    assert_true(alert_rules_set_line(&rules, "cpu:off", &err));
    assert_null(alert_rules_find(&rules, "cpu"));
    assert_int_equal(rules.n, n);
    assert_false(alert_rules_set_line(&rules, "cpu: off", &err));
    assert_string_equal(err.text, "there is no alert rule \"cpu\" to switch off");
    assert_false(alert_rules_set_line(&rules, "CPU > 80", &err));
    assert_non_null(strstr(err.text, "there is no metric \"CPU\""));
    assert_false(alert_rules_set_line(&rules, "My rule: cpu_pct > 80", &err));
    for (int i = 0; rules.n < ALERT_RULES_MAX; i++) {
        char line[64];
        snprintf(line, sizeof line, "rule-%d: threads > %d", i, i);
        assert_true(alert_rules_set_line(&rules, line, &err));
    }
    assert_false(alert_rules_set_line(&rules, "more: threads > 1", &err));
    assert_string_equal(err.text, "there can be at most 64 alert rules");
    alert_rules_clear(&rules);
}

/* A recording with one rule. */
static struct recording *with_rule(const char *line)
{
    struct recording *rec = recording_new(START, 0);
    struct alert_rules rules = {0};
    struct err err = {""};
    if (!alert_rules_set_line(&rules, line, &err))
        fail_msg("%s", err.text);
    alert_log_set_rules(rec, &rules, START);
    alert_rules_clear(&rules);
    return rec;
}

/* Some seconds of a value; the letters of what was said: W warning, C critical, - cleared, ? for
 * want of figures. */
static const char *said(struct recording *rec, enum metric metric, uint64_t *t, double value,
                        int seconds)
{
    static char text[ALERT_LOG_MAX * 2];
    size_t had = rec->alerts.n, n = 0;
    for (int i = 0; i < seconds; i++, *t += NS_PER_S)
        recording_add_metric(rec, metric, *t, value);
    for (size_t i = had; i < rec->alerts.n; i++) {
        const struct alert_event *e = &rec->alerts.at[i];
        text[n++] = !e->raised                         ? (e->silent ? '?' : '-')
                    : e->severity == SEVERITY_CRITICAL ? 'C'
                                                       : 'W';
    }
    text[n] = '\0';
    return text;
}

/* The mission's four, and throttling: at their threshold for 3 s, critical as contract.md says. */
static void defaults_fire_at_their_threshold(void **state)
{
    (void)state;
    static const struct {
        enum metric metric;
        double threshold, critical_at, clear_at;
    } rules[] = {{METRIC_CPU_PCT, 80, 95, 75},
                 {METRIC_MEMORY_PCT, 80, 95, 75},
                 {METRIC_THROTTLED_PCT, 5, 7.5, 3},
                 {METRIC_P95, 1, 1.5, 0.9},
                 {METRIC_ERROR_PCT, 5, 7.5, 4}};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct recording *rec = recording_new(START, 0);
        enum metric m = rules[i].metric;
        double at = rules[i].threshold, hair = at / 1000;
        uint64_t t = START;
        assert_string_equal(said(rec, m, &t, at - hair, 30), "");
        assert_string_equal(said(rec, m, &t, at * 3, 3), ""); /* a short spike is none */
        assert_string_equal(said(rec, m, &t, at - hair, 2), "");
        assert_string_equal(said(rec, m, &t, at, 3), "");
        assert_string_equal(said(rec, m, &t, at, 1), "W"); /* held for 3 s */
        assert_string_equal(said(rec, m, &t, rules[i].critical_at - hair, 20), "");
        assert_string_equal(said(rec, m, &t, rules[i].critical_at, 1), "C");
        assert_string_equal(said(rec, m, &t, at - hair, 20), ""); /* not back to a warning */
        assert_string_equal(said(rec, m, &t, rules[i].clear_at, 20), "");
        assert_string_equal(said(rec, m, &t, rules[i].clear_at - hair, 3), "");
        assert_string_equal(said(rec, m, &t, rules[i].clear_at - hair, 1), "-");
        assert_int_equal(rec->alerts.at[2].severity, SEVERITY_CRITICAL); /* what has cleared */
        recording_free(rec);
    }
}

static void hovering_is_not_told_again(void **state)
{
    (void)state;
    struct recording *rec = with_rule("cpu: cpu_pct > 50 for 0s, clear 45 for 5s");
    uint64_t t = START;
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 50, 1), "W");
    for (int i = 0; i < 500; i++) /* about the threshold, and about the level that clears */
        assert_string_equal(said(rec, METRIC_CPU_PCT, &t, i % 3 == 0 ? 51 : 44, 1), "");
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 44, 6), "-");
    assert_float_equal(rec->alert_states.at[0].worst, 51, 0);
    recording_free(rec);
}

/* Raised at 80, cleared under 75: what is said at 77 tells why it is still said. */
static void what_hovers_says_when_it_clears(void **state)
{
    (void)state;
    struct recording *rec = with_rule("cpu: cpu_pct > 80, clear 75");
    char text[128];
    uint64_t t = START;
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 85, 4), "W");
    alert_log_say(text, sizeof text, rec, 0);
    assert_string_equal(text, "CPU stands at 85.0% of what the target may use");
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 77, 4), "");
    alert_log_say(text, sizeof text, rec, 0);
    assert_string_equal(text, "CPU stands at 77.0% of what the target may use, clears under 75.0%");
    recording_free(rec);
}

static void below_is_the_other_way(void **state)
{
    (void)state;
    struct recording *rec = with_rule("stalls: samples_per_s < 30 for 2s");
    char text[128];
    uint64_t t = START;
    assert_string_equal(said(rec, METRIC_SAMPLES, &t, 31, 9), "");
    assert_string_equal(said(rec, METRIC_SAMPLES, &t, 30, 3), "W");
    assert_string_equal(said(rec, METRIC_SAMPLES, &t, 20, 1), "C");
    assert_string_equal(said(rec, METRIC_SAMPLES, &t, 33, 9), "");
    assert_float_equal(rec->alert_states.at[0].worst, 20, 0);
    alert_log_say(text, sizeof text, rec, 0);
    assert_string_equal(text, "samples has fallen to 33/s, clears over 33/s");
    assert_string_equal(said(rec, METRIC_SAMPLES, &t, 34, 4), "-");
    recording_free(rec);
}

/* Another metric goes on: that is how time goes by. */
static void a_metric_that_vanishes_clears(void **state)
{
    (void)state;
    struct recording *rec = with_rule("slow: p95_s > 1");
    uint64_t t = START;
    char text[128];
    assert_string_equal(said(rec, METRIC_P95, &t, 1.2, 5), "W");
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 5, 9), "");
    alert_log_say(text, sizeof text, rec, 0);
    assert_string_equal(text, "one request in 20 takes longer than 1.2s");
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 5, 11), "");
    alert_log_say(text, sizeof text, rec, 0);
    assert_string_equal(text,
                        "one request in 20 takes longer than 1.2s (no figures since 20s ago)");
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 5, 60), "?");
    assert_int_equal(rec->alert_states.at[0].severity, SEVERITY_NONE);
    /* What was before the silence does not count as held. */
    assert_string_equal(said(rec, METRIC_P95, &t, 1.2, 3), "");
    assert_string_equal(said(rec, METRIC_P95, &t, 1.2, 1), "W");
    recording_free(rec);
}

/* One that is read every 40 s is not missing after 10. */
static void a_seldom_metric_is_not_missing(void **state)
{
    (void)state;
    struct recording *rec = with_rule("big: pss_bytes > 1G for 0s");
    uint64_t t = START;
    for (int i = 0; i < 5; i++) {
        assert_string_equal(said(rec, METRIC_PSS, &t, 2e9, 1), i ? "" : "C");
        said(rec, METRIC_CPU_PCT, &t, 5, 39);
    }
    said(rec, METRIC_CPU_PCT, &t, 5, 60);
    assert_false(rec->alert_states.at[0].silent);
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 5, 200), "?");
    recording_free(rec);
}

static void time_may_jump(void **state)
{
    (void)state;
    struct recording *rec = with_rule("cpu: cpu_pct > 50");
    uint64_t t = START + 1000 * NS_PER_S;
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 60, 2), "");
    t = START; /* back: what held begins anew */
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 60, 3), "");
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 60, 1), "W");
    t += 3600 * NS_PER_S; /* far on: an hour without figures */
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 40, 3), "");
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 40, 1), "-");
    recording_free(rec);
}

static void set_line(struct recording *rec, const char *line, uint64_t t)
{
    struct alert_rules rules = {0};
    struct err err = {""};
    assert_true(alert_rules_set_line(&rules, line, &err));
    alert_log_set_rules(rec, &rules, t);
    alert_rules_clear(&rules);
}

static void rules_change_at_once(void **state)
{
    (void)state;
    struct recording *rec = with_rule("cpu: cpu_pct > 50 for 0s");
    uint64_t t = START;
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 60, 5), "W");
    /* Another level: the same rule, whose past stays as it was. */
    set_line(rec, "cpu: cpu_pct > 70 for 0s, clear 65 for 1s", t);
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 60, 2), "-");
    assert_float_equal(rec->alerts.at[0].threshold, 50, 0);
    assert_float_equal(rec->alerts.at[1].threshold, 70, 0);
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 75, 1), "W");
    /* Another metric is another rule; the old one clears, and is kept for its events. */
    set_line(rec, "cpu: cpu_user > 2 for 0s", t);
    assert_true(rec->rules.at[0].off);
    assert_int_equal(rec->alerts.n, 4);
    assert_false(rec->alerts.at[3].raised);
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 99, 9), "");
    assert_string_equal(said(rec, METRIC_CPU_USER, &t, 2, 1), "W");
    assert_int_equal(rec->alerts.at[4].rule, 1);
    for (int i = 0; i < 100; i++) { /* one that has said nothing gives its place to the next */
        set_line(rec, i % 2 ? "a: threads > 5" : "b: threads > 5", t);
        assert_int_equal(rec->rules.n, 5); /* those that it was made with */
    }
    recording_free(rec);
}

static void the_log_is_bounded(void **state)
{
    (void)state;
    struct recording *rec = with_rule("cpu: cpu_pct > 50 for 0s, clear 50 for 0s, critical 90");
    uint64_t t = START;
    for (int i = 0; i < 2 * ALERT_LOG_MAX; i++)
        said(rec, METRIC_CPU_PCT, &t, i % 2 ? 10 : 60, 1);
    assert_true(rec->alerts.n <= ALERT_LOG_MAX);
    assert_int_equal(alert_log_last(rec), 2 * ALERT_LOG_MAX);
    assert_null(alert_log_at(rec, 1));
    assert_null(alert_log_at(rec, alert_log_last(rec) + 1));
    const struct alert_event *last = alert_log_at(rec, alert_log_last(rec));
    assert_ptr_equal(last, vec_last(&rec->alerts));
    alert_log_set_snapshot(rec, alert_log_last(rec), "/tmp/a.ptop");
    alert_log_set_snapshot(rec, 1, "/tmp/b.ptop"); /* forgotten: nothing happens */
    assert_string_equal(string_text(&rec->words, vec_last(&rec->alerts)->snapshot), "/tmp/a.ptop");
    recording_free(rec);
}

static void a_window_holds_the_spike(void **state)
{
    (void)state;
    struct recording *rec = with_rule("cpu: cpu_pct > 50 for 3s, clear 50, critical 90");
    uint64_t t = START, from_ns, to_ns;
    said(rec, METRIC_CPU_PCT, &t, 10, 60);
    uint64_t spike_ns = t;
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 60, 5), "W");
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 95, 5), "C");
    for (size_t i = 0; i < 2; i++) {
        alert_log_window(rec, i, &from_ns, &to_ns);
        assert_int_equal(from_ns, spike_ns - NS_PER_S);
        assert_int_equal(to_ns, rec->end_ns + 1);
    }
    uint64_t over_ns = t;
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 10, 60), "-");
    assert_string_equal(said(rec, METRIC_CPU_PCT, &t, 60, 5), "W");
    for (size_t i = 0; i < 3; i++) {
        alert_log_window(rec, i, &from_ns, &to_ns);
        assert_int_equal(from_ns, spike_ns - NS_PER_S);
        assert_int_equal(to_ns, over_ns - NS_PER_S + 1); /* the last point that was over */
    }
    alert_log_window(rec, 3, &from_ns, &to_ns);
    assert_true(from_ns > over_ns && to_ns == rec->end_ns + 1);
    recording_free(rec);
}

/* The seconds after a spike, of which the snapshot has more or less than it takes to clear, are no
 * part of it; what hovers is, and so is a figure that comes seldom and still stands. */
static void a_window_ends_with_the_spike(void **state)
{
    (void)state;
    struct recording *rec = with_rule("cpu: cpu_pct > 50 for 2s, clear 40 for 3s");
    uint64_t t = START, from_ns, to_ns;
    said(rec, METRIC_CPU_PCT, &t, 10, 30);
    said(rec, METRIC_CPU_PCT, &t, 60, 4);
    said(rec, METRIC_CPU_PCT, &t, 45, 1); /* neither over nor clear */
    uint64_t held_ns = rec->end_ns;
    for (int after = 0; after < 8; after++) {
        alert_log_window(rec, 0, &from_ns, &to_ns);
        assert_int_equal(from_ns, held_ns - 5 * NS_PER_S);
        assert_int_equal(to_ns, held_ns + 1);
        said(rec, METRIC_CPU_PCT, &t, 10, 1);
    }
    assert_int_equal(rec->alerts.n, 2);
    assert_false(rec->alerts.at[1].raised);
    recording_add_metric(rec, METRIC_CPU_PCT, t + 100 * NS_PER_S, 10); /* long after */
    alert_log_window(rec, 1, &from_ns, &to_ns);
    assert_int_equal(to_ns, held_ns + 1);
    recording_free(rec);

    rec = with_rule("pss: pss_bytes < 100 for 0s");
    recording_add_metric(rec, METRIC_PSS, START, 200);
    recording_add_metric(rec, METRIC_PSS, START + 10 * NS_PER_S, 50);
    recording_add_metric(rec, METRIC_PSS, START + 20 * NS_PER_S, 60);
    recording_add_metric(rec, METRIC_CPU_PCT, START + 28 * NS_PER_S, 10);
    alert_log_window(rec, 0, &from_ns, &to_ns);
    assert_int_equal(to_ns, START + 28 * NS_PER_S + 1);
    recording_add_metric(rec, METRIC_PSS, START + 30 * NS_PER_S, 300);
    alert_log_window(rec, 0, &from_ns, &to_ns);
    assert_int_equal(to_ns, START + 20 * NS_PER_S + 1);
    recording_free(rec);
}

/* As many rules as there can be, each second's figures of all metrics. */
static void rules_cost_next_to_nothing(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START, 0);
    struct alert_rules rules = {0};
    struct err err;
    for (int i = 0; i < ALERT_RULES_MAX; i++) {
        char line[80];
        snprintf(line, sizeof line, "r%d: %s > 1e18", i, metrics[i % METRIC_COUNT].name);
        assert_true(alert_rules_set_line(&rules, line, &err));
    }
    alert_log_set_rules(rec, &rules, START);
    uint64_t began_ns = clock_cpu_ns();
    for (uint64_t s = 0; s < 2000; s++)
        for (int m = 0; m < METRIC_COUNT; m++)
            alert_log_feed(rec, (enum metric)m, START + s * NS_PER_S, 1);
    double us = (double)(clock_cpu_ns() - began_ns) / 2000 / NS_PER_US;
    print_message("%d rules, %d metrics: %.1f us a second\n", ALERT_RULES_MAX, METRIC_COUNT, us);
    assert_true(us < 500); /* a twentieth of a percent of a core */
    assert_int_equal(rec->alerts.n, 0);
    alert_rules_clear(&rules);
    recording_free(rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_it_reads),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(steps_keep_the_distance),
        cmocka_unit_test(lists_have_one_of_a_name),
        cmocka_unit_test(defaults_fire_at_their_threshold),
        cmocka_unit_test(hovering_is_not_told_again),
        cmocka_unit_test(what_hovers_says_when_it_clears),
        cmocka_unit_test(below_is_the_other_way),
        cmocka_unit_test(a_metric_that_vanishes_clears),
        cmocka_unit_test(a_seldom_metric_is_not_missing),
        cmocka_unit_test(time_may_jump),
        cmocka_unit_test(rules_change_at_once),
        cmocka_unit_test(the_log_is_bounded),
        cmocka_unit_test(a_window_holds_the_spike),
        cmocka_unit_test(a_window_ends_with_the_spike),
        cmocka_unit_test(rules_cost_next_to_nothing),
    };
    return cmocka_run_group_tests_name("model_alerts", tests, NULL, NULL);
}
