/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See alert.h. The defaults are the mission's (contract: "Defaults"). */
#include "model/alert.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* 1.5 times 80 % cannot be reached, so these become critical at 95 %. */
static const struct {
    const char *name, *text;
} defaults[] = {
    {"cpu", "cpu_pct > 80 for 3s, clear 75, critical 95"},
    {"memory", "memory_pct > 80 for 3s, clear 75, critical 95"},
    {"throttled", "throttled_pct > 5 for 3s, clear 3, critical 7.5"},
    {"p95", "p95_s > 1 for 3s, clear 0.9, critical 1.5"},
    {"errors", "error_pct > 5 for 3s, clear 4, critical 7.5"},
};

/* A value that does not come for so long, and for so many times the last gap, is missing; and what
 * was raised is taken back after that. */
#define SILENT_NS    (10 * NS_PER_S)
#define SILENT_GAPS  3
#define FORGOTTEN_NS (60 * NS_PER_S)

/* How a rule is said that looks for what is too high. */
static const struct {
    enum metric metric;
    const char *sentence; /* one %s, the figure */
    bool tells_quota;     /* ends in how many CPUs the cgroup may use */
} sentences[] = {
    {METRIC_CPU_PCT, "CPU stands at %s of what the target may use", false},
    {METRIC_MEMORY_PCT, "memory stands at %s of the limit", false},
    {METRIC_THROTTLED_PCT, "throttled %s of the time", true},
    {METRIC_P95, "one request in 20 takes longer than %s", false},
    {METRIC_ERROR_PCT, "%s of the requests fail", false},
};

const char *severity_name(enum severity severity)
{
    switch (severity) {
    case SEVERITY_WARNING:
        return "warning";
    case SEVERITY_CRITICAL:
        return "critical";
    case SEVERITY_NONE:
        break;
    }
    return "";
}

void alert_rules_default(struct alert_rules *rules)
{
    struct err err;
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        if (!alert_rules_set(rules, defaults[i].name, defaults[i].text, &err))
            die("default rule %s: %s", defaults[i].name, err.text);
}

void alert_rules_copy(struct alert_rules *to, const struct alert_rules *from)
{
    *to = (struct alert_rules){0};
    vec_append(to, from->at, from->n);
}

void alert_rules_clear(struct alert_rules *rules)
{
    vec_free(rules);
}

struct alert_rule *alert_rules_find(const struct alert_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->n; i++)
        if (!rules->at[i].off && strcmp(rules->at[i].name, name) == 0)
            return &rules->at[i];
    return NULL;
}

bool alert_rules_set(struct alert_rules *rules, const char *name, const char *text, struct err *err)
{
    struct alert_rule *have = alert_rules_find(rules, name);
    if (strcmp(text, "off") == 0) {
        if (!have)
            return err_set(err, "there is no alert rule \"%.40s\" to switch off", name);
        size_t after = (size_t)(rules->at + rules->n - have) - 1;
        memmove(have, have + 1, after * sizeof *have);
        rules->n--;
        return true;
    }
    struct alert_rule rule;
    if (!alert_rule_parse(&rule, name, text, err))
        return false;
    if (have)
        *have = rule;
    else if (rules->n == ALERT_RULES_MAX)
        return err_set(err, "there can be at most %d alert rules", ALERT_RULES_MAX);
    else
        vec_push(rules, rule);
    return true;
}

/* Is the value on the far side of the level, or at it? */
static bool beyond(const struct alert_rule *rule, double value, double level)
{
    return rule->below ? value <= level : value >= level;
}

/* Has `holds` been true for hold_s? *since_ns remembers since when. */
static bool held(bool holds, uint64_t *since_ns, uint64_t time_ns, double hold_s)
{
    if (!holds) {
        *since_ns = 0;
        return false;
    }
    if (!*since_ns || *since_ns > time_ns)
        *since_ns = time_ns;
    return (double)(time_ns - *since_ns) >= hold_s * NS_PER_S;
}

/* How long a value may be missing. UINT64_MAX: it comes only when it has changed. */
static uint64_t patience_ns(const struct alert_rule *rule, const struct alert_state *state)
{
    if (rule->metric == METRIC_LIMIT || rule->metric == METRIC_SYSTEM)
        return UINT64_MAX;
    uint64_t gaps = SILENT_GAPS * state->gap_ns;
    if (!gaps)
        return FORGOTTEN_NS; /* how often it comes is not known yet */
    return gaps > SILENT_NS ? gaps : SILENT_NS;
}

static uint64_t quiet_ns(const struct alert_state *state, uint64_t time_ns)
{
    return state->last_ns && time_ns > state->last_ns ? time_ns - state->last_ns : 0;
}

static void note_value(const struct alert_rule *rule, struct alert_state *state, uint64_t time_ns,
                       double value)
{
    uint64_t quiet = quiet_ns(state, time_ns);
    if (quiet >= patience_ns(rule, state))
        state->over_since_ns = state->under_since_ns = 0; /* who knows what it was meanwhile */
    /* One that comes less often from now on is learned step by step, and a gap is none of these. */
    if (state->gap_ns && quiet > 4 * state->gap_ns)
        quiet = 4 * state->gap_ns;
    if (quiet)
        state->gap_ns = quiet;
    state->last_ns = time_ns;
    state->silent = false;
    state->value = value;
}

static struct alert_event event_of(const struct alert_rule *rule, const struct alert_state *state,
                                   uint64_t time_ns, enum severity was)
{
    bool raised = state->severity != SEVERITY_NONE;
    return (struct alert_event){
        .time_ns = time_ns,
        .severity = (uint8_t)(raised ? state->severity : was),
        .raised = raised,
        .value = state->value,
        .threshold = rule->threshold,
    };
}

bool alert_clears(const struct alert_rule *rule, double value)
{
    return rule->below ? value > rule->clear_at : value < rule->clear_at;
}

bool alert_feed(const struct alert_rule *rule, struct alert_state *state, uint64_t time_ns,
                double value, struct alert_event *event)
{
    if (rule->off || !isfinite(value))
        return false;
    note_value(rule, state, time_ns, value);
    bool over =
        held(beyond(rule, value, rule->threshold), &state->over_since_ns, time_ns, rule->hold_s);
    bool under = held(alert_clears(rule, value), &state->under_since_ns, time_ns, rule->clear_s);
    enum severity was = state->severity;

    if (was == SEVERITY_NONE && over) {
        state->since_ns = state->over_since_ns;
        state->worst = value;
        state->severity = SEVERITY_WARNING;
    }
    if (state->severity != SEVERITY_NONE && beyond(rule, value, state->worst))
        state->worst = value;
    if (state->severity == SEVERITY_WARNING && beyond(rule, value, rule->critical_at))
        state->severity = SEVERITY_CRITICAL;
    if (was != SEVERITY_NONE && under)
        state->severity = SEVERITY_NONE;
    if (state->severity == was)
        return false;
    *event = event_of(rule, state, time_ns, was);
    return true;
}

bool alert_reset(const struct alert_rule *rule, struct alert_state *state, uint64_t time_ns,
                 struct alert_event *event)
{
    enum severity was = state->severity;
    state->severity = SEVERITY_NONE;
    state->over_since_ns = state->under_since_ns = 0;
    state->silent = false;
    if (was == SEVERITY_NONE)
        return false;
    *event = event_of(rule, state, time_ns, was);
    return true;
}

bool alert_check(const struct alert_rule *rule, struct alert_state *state, uint64_t time_ns,
                 struct alert_event *event)
{
    if (state->severity == SEVERITY_NONE)
        return false;
    uint64_t quiet = quiet_ns(state, time_ns), patience = patience_ns(rule, state);
    state->silent = quiet >= patience;
    if (!state->silent || quiet < FORGOTTEN_NS || quiet / 2 < patience)
        return false;
    alert_reset(rule, state, time_ns, event);
    event->silent = true;
    return true;
}

void alert_say(char *out, size_t size, const struct alert_rule *rule, double value,
               double quota_cpus)
{
    char figure[FIGURE_MAX], other[80];
    bool tells_quota = false;
    snprintf(other, sizeof other, rule->below ? "%s has fallen to %%s" : "%s stands at %%s",
             metrics[rule->metric].title);
    const char *sentence = other;
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0] && !rule->below; i++) {
        if (sentences[i].metric == rule->metric) {
            sentence = sentences[i].sentence;
            tells_quota = sentences[i].tells_quota;
        }
    }
    const char *gap = strstr(sentence, "%s");
    int head = gap ? (int)(gap - sentence) : (int)strlen(sentence);
    int used = snprintf(out, size, "%.*s%s%s", head, sentence,
                        gap ? metric_figure(figure, rule->metric, value) : "", gap ? gap + 2 : "");
    if (tells_quota && quota_cpus > 0 && used > 0 && (size_t)used < size)
        used += snprintf(out + used, size - (size_t)used, ": its cgroup may use %.3g CPU%s",
                         quota_cpus, fabs(quota_cpus - 1) < 0.005 ? "" : "s");
    if (!beyond(rule, value, rule->threshold) && !alert_clears(rule, value) && used > 0 &&
        (size_t)used < size)
        snprintf(out + used, size - (size_t)used, ", clears %s %s", rule->below ? "over" : "under",
                 metric_figure(figure, rule->metric, rule->clear_at));
}
