/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recording as OpenMetrics text: names and base units, hostile names, what is not known now, the
 * states of alerts. A small reader checks each text as a whole.
 */
#include <math.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/openmetrics.h"

#define START (1000 * NS_PER_S)
#define NOW   (START + 10 * NS_PER_S)

static struct recording *rec;

static void begin(const char *comm)
{
    rec = recording_new(START, 0);
    struct incarnation in = {.pid = 42, .from_ns = START};
    in.comm = dictionary_string(&rec->words, comm);
    recording_add_incarnation(rec, in);
}

/* Every line is a comment of a family or a sample of the family above it, families are told once,
 * a unit ends the name, and the last line is the end. */
static void check(const char *text)
{
    static const char name_re[] = "^[a-z][a-z0-9_]*$";
    regex_t name, sample;
    assert_int_equal(regcomp(&name, name_re, REG_EXTENDED | REG_NOSUB), 0);
    assert_int_equal(regcomp(&sample,
                             "^[a-z][a-z0-9_]*(\\{[a-z]+=\"([^\"\\\\]|\\\\[\"\\\\n])*\""
                             "(,[a-z]+=\"([^\"\\\\]|\\\\[\"\\\\n])*\")*\\})? [-+0-9.e]+$",
                             REG_EXTENDED | REG_NOSUB),
                     0);
    char *copy = strdup(text), *save = NULL, family[64] = "", type[32] = "", other[64];
    char seen[8192] = "\n";
    bool ended = false;
    for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        assert_false(ended);
        if (strcmp(line, "# EOF") == 0) {
            ended = true;
        } else if (sscanf(line, "# TYPE %63s %31s", family, type) == 2) {
            char once[80];
            assert_int_equal(regexec(&name, family, 0, NULL, 0), 0);
            snprintf(once, sizeof once, "\n%s\n", family);
            assert_null(strstr(seen, once));
            strncat(seen, once + 1, sizeof seen - strlen(seen) - 1);
        } else if (sscanf(line, "# UNIT %63s %31s", other, type) == 2) {
            assert_string_equal(other, family);
            assert_true(text_ends_with(family, type));
        } else if (sscanf(line, "# HELP %63s", other) == 1) {
            assert_string_equal(other, family);
        } else {
            if (regexec(&sample, line, 0, NULL, 0) != 0)
                fail_msg("no sample: %s", line);
            assert_true(strncmp(line, family, strlen(family)) == 0);
            char after = line[strlen(family)];
            assert_true(after == '{' || after == ' ' ||
                        strncmp(line + strlen(family), "_total{", 7) == 0);
        }
    }
    assert_true(ended && text[strlen(text) - 1] == '\n');
    regfree(&name);
    regfree(&sample);
    free(copy);
}

static char *print(uint64_t now_ns)
{
    size_t length = 0;
    char *text = openmetrics_print(rec, now_ns, &length);
    assert_int_equal(length, strlen(text));
    check(text);
    return text;
}

static void has(const char *text, const char *line)
{
    char whole[512];
    snprintf(whole, sizeof whole, "\n%s\n", line);
    if (!strstr(text, whole))
        fail_msg("no line %s in\n%s", line, text);
}

static void in_base_units(void **state)
{
    (void)state;
    begin("web");
    recording_add_metric(rec, METRIC_CPU_PCT, NOW, 31.25);
    recording_add_metric(rec, METRIC_CPU_USER, NOW, 0.5);
    recording_add_metric(rec, METRIC_RSS, NOW, 812 * 1048576.0);
    recording_add_metric(rec, METRIC_NET_SENT, NOW, 1024);
    recording_add_metric(rec, METRIC_MINOR_FAULTS, NOW, 12.5);
    recording_add_metric(rec, METRIC_P95, NOW, 1.5);
    recording_add_metric(rec, METRIC_RUNQUEUE, NOW, 0.25);
    recording_add_metric(rec, METRIC_QUOTA, NOW, 2);
    recording_add_metric(rec, METRIC_THREADS, NOW, 8);
    recording_add_metric(rec, METRIC_ERROR_PCT, NOW, 5);
    rec->cost.samples = 11904;
    rec->cost.stopped_ns = NS_PER_S / 4;
    char *text = print(NOW);
    has(text, "# TYPE proftop_cpu_ratio gauge");
    has(text, "# UNIT proftop_cpu_ratio ratio");
    has(text, "proftop_cpu_ratio{pid=\"42\",comm=\"web\"} 0.3125");
    has(text, "proftop_cpu_user_cores{pid=\"42\",comm=\"web\"} 0.5");
    has(text, "proftop_rss_bytes{pid=\"42\",comm=\"web\"} 851443712");
    has(text, "proftop_net_sent_bytes_per_second{pid=\"42\",comm=\"web\"} 1024");
    has(text, "proftop_minor_faults_per_second{pid=\"42\",comm=\"web\"} 12.5");
    has(text, "# UNIT proftop_p95_seconds seconds");
    has(text, "proftop_p95_seconds{pid=\"42\",comm=\"web\"} 1.5");
    has(text, "proftop_runqueue_threads{pid=\"42\",comm=\"web\"} 0.25");
    has(text, "proftop_quota_cpus{pid=\"42\",comm=\"web\"} 2");
    has(text, "proftop_threads{pid=\"42\",comm=\"web\"} 8");
    has(text, "proftop_error_ratio{pid=\"42\",comm=\"web\"} 0.05");
    has(text, "# TYPE proftop_samples counter");
    has(text, "proftop_samples_total{pid=\"42\",comm=\"web\"} 11904");
    has(text, "proftop_stopped_seconds_total{pid=\"42\",comm=\"web\"} 0.25");
    has(text, "proftop_target_running{pid=\"42\",comm=\"web\"} 1");
    assert_null(strstr(text, "proftop_p50"));
    free(text);
    recording_free(rec);
}

static void all_metrics_at_once(void **state)
{
    (void)state;
    begin("all");
    for (int m = 0; m < METRIC_COUNT; m++)
        recording_add_metric(rec, (enum metric)m, NOW, 1e12 / 3);
    uint64_t from_ns = clock_mono_ns();
    char *text = NULL;
    for (int i = 0; i < 20; i++) {
        free(text);
        size_t length;
        text = openmetrics_print(rec, NOW, &length);
    }
    printf("# %zu bytes in %.0f us\n", strlen(text),
           (double)(clock_mono_ns() - from_ns) / 20 / NS_PER_US);
    check(text);
    for (int m = 0; m < METRIC_COUNT; m++) {
        char name[OPENMETRICS_NAME_MAX];
        const char *unit;
        double scale;
        assert_non_null(strstr(text, openmetrics_name(name, (enum metric)m, &unit, &scale)));
    }
    free(text);
    recording_free(rec);
}

static void hostile_names(void **state)
{
    (void)state;
    static const struct {
        const char *comm, *label;
    } names[] = {
        {"a\"b", "comm=\"a\\\"b\"}"},
        {"a\\", "comm=\"a\\\\\"}"},
        {"x\"} 1\n# EOF", "comm=\"x\\\"} 1?# EOF\"}"},
        {"\xff\xfe", "comm=\"??\"}"},
        {"", "comm=\"\"}"},
        {"a name that is far longer than the sixteen bytes of any that a kernel gives, but in a "
         "file",
         "comm=\"a name that is far longer than the sixteen bytes of any that a "},
        {"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\""
         "\"\"\"\"\"\"\"\"\"\"\"\""
         "\"\"\"\"\"\"\"\"\"\"\"\"",
         "comm=\"\\\""},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        begin(names[i].comm);
        char *text = print(NOW);
        assert_non_null(strstr(text, names[i].label));
        free(text);
        recording_free(rec);
    }
}

/* No line for a metric that has vanished, for one that is no number, and of a target that has
 * ended.
 */
static void only_what_is_known_now(void **state)
{
    (void)state;
    begin("web");
    recording_add_metric(rec, METRIC_RSS, START, 1e6);
    recording_add_metric(rec, METRIC_SYSTEM, START, 4e9);
    recording_add_metric(rec, METRIC_THREADS, NOW + 60 * NS_PER_S, 2);
    recording_add_metric(rec, METRIC_SWAP, NOW + 60 * NS_PER_S, NAN);
    char *text = print(NOW + 60 * NS_PER_S);
    assert_null(strstr(text, "proftop_rss_bytes"));
    assert_null(strstr(text, "proftop_swap_bytes"));
    has(text, "proftop_system_bytes{pid=\"42\",comm=\"web\"} 4e+09");
    has(text, "proftop_threads{pid=\"42\",comm=\"web\"} 2");
    free(text);

    struct incarnation next = {.pid = 42, .from_ns = NOW}; /* it has executed another program */
    next.comm = dictionary_string(&rec->words, "other");
    recording_end_incarnation(rec, (struct incarnation_id){1}, NOW, true);
    recording_add_incarnation(rec, next);
    text = print(NOW + 60 * NS_PER_S);
    has(text, "proftop_threads{pid=\"42\",comm=\"other\"} 2");
    free(text);

    recording_end_incarnation(rec, (struct incarnation_id){2}, NOW, false);
    text = print(NOW + 60 * NS_PER_S);
    has(text, "proftop_target_running 0");
    assert_null(strstr(text, "proftop_threads"));
    assert_null(strstr(text, "proftop_alert"));
    free(text);
    recording_free(rec);

    rec = NULL;
    text = print(NOW);
    has(text, "proftop_target_running 0");
    free(text);
}

static void says_alerts(void **state)
{
    (void)state;
    static const struct {
        double cpu;
        int warning, critical;
    } steps[] = {{50, 0, 0}, {85, 1, 0}, {99, 0, 1}, {10, 0, 0}};
    begin("web");
    uint64_t t = START;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        for (int s = 0; s < 10; s++, t += NS_PER_S)
            recording_add_metric(rec, METRIC_CPU_PCT, t, steps[i].cpu);
        char *text = print(t), found[2][64];
        for (int k = 0; k < 2; k++) {
            const char *severity = k ? "severity=\"critical\"}" : "severity=\"warning\"}";
            const char *line = strstr(text, "\nproftop_alert{pid=\"42\",comm=\"web\",rule=\"cpu");
            assert_non_null(line);
            line = strstr(line, severity);
            assert_non_null(line);
            snprintf(found[k], sizeof found[k], "%.2s", line + strlen(severity));
            assert_int_equal(atoi(found[k]), k ? steps[i].critical : steps[i].warning);
        }
        free(text);
    }
    recording_free(rec);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(in_base_units), cmocka_unit_test(all_metrics_at_once),
    cmocka_unit_test(hostile_names), cmocka_unit_test(only_what_is_known_now),
    cmocka_unit_test(says_alerts),
};

int main(void)
{
    return cmocka_run_group_tests_name("store/openmetrics", tests, NULL, NULL);
}
