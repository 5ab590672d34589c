/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alert rules: a metric, a threshold, how long it must hold, when it clears, what happens then;
 * and their state over time.
 *
 * Invariant: a rule is raised when its value has been at its threshold or beyond it for hold_s,
 * and cleared when it has been on the other side of clear_at for clear_s: what hovers between the
 * two changes nothing. It becomes critical at critical_at (contract: 1.5 times the threshold, 95 %
 * where 1.5 times cannot be reached), and stays so until it clears. One whose metric has no more
 * points is first said to be silent and then cleared. Pure: fed with points, answers with events;
 * times are monotonic and one that lies before the last begins anew.
 */
#ifndef MODEL_ALERT_H
#define MODEL_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/ids.h"
#include "model/metric.h"

enum severity { SEVERITY_NONE, SEVERITY_WARNING, SEVERITY_CRITICAL };
const char *severity_name(enum severity severity); /* "warning", "critical"; "" for none */

/* What a raised rule does; ALERT_SNAPSHOT and ALERT_COMMAND where there is a folder, a command. */
enum alert_action {
    ALERT_BANNER = 1,
    ALERT_BELL = 2,
    ALERT_SNAPSHOT = 4,
    ALERT_COMMAND = 8,
};
#define ALERT_DEFAULT_ACTIONS (ALERT_BANNER | ALERT_SNAPSHOT | ALERT_COMMAND)

#define ALERT_NAME_MAX  32  /* bytes of a name with its end */
#define ALERT_TEXT_MAX  256 /* of a rule's text: longer ones are refused */
#define ALERT_RULES_MAX 64

struct alert_rule {
    char name[ALERT_NAME_MAX]; /* [a-z0-9_-], one of each in a list */
    enum metric metric;
    bool below; /* false: at the threshold or above it; true: or below it */
    double threshold, critical_at, clear_at;
    double hold_s, clear_s;
    unsigned actions; /* enum alert_action */
    bool off;         /* was taken back; it stays for the events that speak of it */
};

/* At most ALERT_RULES_MAX; works with the macros of vec.h. */
struct alert_rules {
    struct alert_rule *at;
    size_t n, cap;
};

/* The mission's (contract: "Defaults"): cpu, memory, throttled, p95, errors. Into an empty list. */
void alert_rules_default(struct alert_rules *rules);
void alert_rules_copy(struct alert_rules *to, const struct alert_rules *from);
void alert_rules_clear(struct alert_rules *rules);
/* The rule of this name that is not off; NULL: there is none. */
struct alert_rule *alert_rules_find(const struct alert_rules *rules, const char *name);
/* Adds a rule, or replaces the one of this name; the text "off" takes that away. */
bool alert_rules_set(struct alert_rules *rules, const char *name, const char *text,
                     struct err *err);
/* The same for "NAME: RULE", or a rule alone, which is named after its metric. */
bool alert_rules_set_line(struct alert_rules *rules, const char *line, struct err *err);

/*
 * A rule as one line, such as
 *     p95_s > 1 for 3s, clear 0.9, critical 1.5: banner bell snapshot command
 * What is left out is as the contract has it: held for 3 s, cleared a tenth before the threshold
 * for as long and at least 3 s, critical from 1.5 times it, ALERT_DEFAULT_ACTIONS. Numbers are in
 * the metric's unit; 2G, 80%, 500ms are understood where they fit. On failure err names the word
 * and the nearest right one.
 */
bool alert_rule_parse(struct alert_rule *rule, const char *name, const char *text, struct err *err);
/* What alert_rule_parse takes, and makes the same rule of. */
void alert_rule_text(char *out, size_t size, const struct alert_rule *rule);
/* The threshold one step up (1) or down (-1), of which there are some 20 to ten times as much (of
 * bytes 8 to twice). The other two levels keep their distance; a critical one that is as the
 * contract has it, stays so. false: there is no such step (of a percentage over 100), nothing has
 * changed. */
bool alert_rule_step(struct alert_rule *rule, int direction);

/* A change of a rule's state, kept in the recording. */
struct alert_event {
    uint64_t time_ns;
    uint32_t rule;    /* index into the recording's rules */
    uint8_t severity; /* enum severity: of what is raised, or was when it cleared */
    bool raised;      /* false: cleared */
    bool silent;      /* cleared because there were no more figures; the value is the last */
    double value;
    double threshold;          /* as it was then */
    struct string_id snapshot; /* path of what was saved for it; 0: none */
};

struct alert_state {
    enum severity severity;                 /* now */
    uint64_t since_ns;                      /* raised: over the threshold since */
    uint64_t over_since_ns, under_since_ns; /* 0: not so now */
    double value, worst;
    uint64_t last_ns, gap_ns; /* when the last value came, and how long after the one before */
    bool silent;              /* no value has come for too long */
};

/* Whether a value is on the side of clear_at on which the rule clears, if it stays there. */
bool alert_clears(const struct alert_rule *rule, double value);
/* Feeds one value; true if *event was filled (but for its rule). */
bool alert_feed(const struct alert_rule *rule, struct alert_state *state, uint64_t time_ns,
                double value, struct alert_event *event);
/* Looks whether values still come; true if *event was filled: raised until now, and now cleared. */
bool alert_check(const struct alert_rule *rule, struct alert_state *state, uint64_t time_ns,
                 struct alert_event *event);
/* Takes back what is raised; true if *event was filled. */
bool alert_reset(const struct alert_rule *rule, struct alert_state *state, uint64_t time_ns,
                 struct alert_event *event);

/* "CPU stands at 93.0% of what the target may use"; quota_cpus NAN: not known. Of a value that no
 * longer alarms and does not clear yet, also at which it would: why it is still told. */
void alert_say(char *out, size_t size, const struct alert_rule *rule, double value,
               double quota_cpus);

#endif
