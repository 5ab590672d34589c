/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alert rules: a metric, a threshold, how long it must hold; and their state over time.
 *
 * Invariant: a rule is raised when its value has been at or over the threshold for hold_s, and
 * cleared when it has been under the clearing level for as long. It becomes critical at
 * critical_at (contract: 1.5 times the threshold, 95 % where 1.5 times cannot be reached).
 * Pure: fed with points, answers with events.
 */
#ifndef MODEL_ALERT_H
#define MODEL_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/metric.h"

enum severity { SEVERITY_NONE, SEVERITY_WARNING, SEVERITY_CRITICAL };
const char *severity_name(enum severity severity); /* "warning", "critical"; "" for none */

struct alert_rule {
    enum metric metric;
    double threshold, critical_at, clear_below;
    double hold_s;
    const char *sentence; /* "CPU is at %s of what the target may use": one %s, the figure */
    bool tells_quota;     /* ends in how many CPUs the cgroup may use */
};

extern const struct alert_rule alert_rules[];
extern const size_t alert_rule_count;

/* A change of a rule's state, kept in the recording. */
struct alert_event {
    uint64_t time_ns;
    uint32_t rule;    /* index into alert_rules */
    uint8_t severity; /* enum severity: of what is raised, or was when it cleared */
    bool raised;      /* false: cleared */
    double value;
};

struct alert_state {
    enum severity severity;                 /* now */
    uint64_t since_ns;                      /* raised at */
    uint64_t over_since_ns, under_since_ns; /* 0: not so now */
    double value, worst;
};

/* Feeds one value; true if *event was filled. */
bool alert_feed(const struct alert_rule *rule, struct alert_state *state, uint64_t time_ns,
                double value, struct alert_event *event);

/* The rule's sentence with its figure; quota_cpus NAN: not known. */
void alert_say(char *out, size_t size, const struct alert_rule *rule, double value,
               double quota_cpus);

#endif
