/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See alert.h. The defaults are the mission's (contract: "Defaults"). */
#include "model/alert.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* 1.5 times 80 % cannot be reached, so these become critical at 95 %. */
const struct alert_rule alert_rules[] = {
    {METRIC_CPU_PCT, 80, 95, 75, 3, "CPU stands at %s of what the target may use", false},
    {METRIC_MEMORY_PCT, 80, 95, 75, 3, "memory stands at %s of the limit", false},
    {METRIC_THROTTLED_PCT, 5, 7.5, 3, 3, "throttled %s of the time", true},
};
const size_t alert_rule_count = sizeof alert_rules / sizeof alert_rules[0];

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

bool alert_feed(const struct alert_rule *rule, struct alert_state *state, uint64_t time_ns,
                double value, struct alert_event *event)
{
    bool over = held(value >= rule->threshold, &state->over_since_ns, time_ns, rule->hold_s);
    bool under = held(value < rule->clear_below, &state->under_since_ns, time_ns, rule->hold_s);
    enum severity was = state->severity;
    state->value = value;

    if (was == SEVERITY_NONE && over) {
        state->since_ns = state->over_since_ns;
        state->worst = value;
        state->severity = SEVERITY_WARNING;
    }
    if (state->severity != SEVERITY_NONE && value > state->worst)
        state->worst = value;
    if (state->severity == SEVERITY_WARNING && value >= rule->critical_at)
        state->severity = SEVERITY_CRITICAL;
    if (was != SEVERITY_NONE && under)
        state->severity = SEVERITY_NONE;
    if (state->severity == was)
        return false;

    bool raised = state->severity != SEVERITY_NONE;
    *event = (struct alert_event){
        .time_ns = time_ns,
        .severity = (uint8_t)(raised ? state->severity : was),
        .raised = raised,
        .value = value,
    };
    return true;
}

void alert_say(char *out, size_t size, const struct alert_rule *rule, double value,
               double quota_cpus)
{
    char figure[FIGURE_MAX];
    const char *gap = strstr(rule->sentence, "%s");
    int head = gap ? (int)(gap - rule->sentence) : (int)strlen(rule->sentence);
    int used = snprintf(out, size, "%.*s%s%s", head, rule->sentence,
                        gap ? metric_figure(figure, rule->metric, value) : "", gap ? gap + 2 : "");
    if (rule->tells_quota && quota_cpus > 0 && used > 0 && (size_t)used < size)
        snprintf(out + used, size - (size_t)used, ": its cgroup may use %.3g CPU%s", quota_cpus,
                 fabs(quota_cpus - 1) < 0.005 ? "" : "s");
}
