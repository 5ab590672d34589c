/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of a recording, how each stands, and the log of what they said.
 *
 * Invariants: rec->alert_states has one entry a rule. A rule keeps its number for good, since
 * events speak of it: one that is taken back is only switched off. The log keeps the newest
 * ALERT_LOG_MAX events or a few less; an event's number counts those that are gone, so that it
 * never changes. Pure.
 */
#ifndef MODEL_ALERT_LOG_H
#define MODEL_ALERT_LOG_H

#include "model/recording.h"

#define ALERT_LOG_MAX 4096

/* The default rules, and nothing said yet. */
void alert_log_init(struct recording *rec);
void alert_log_clear(struct recording *rec);

/* Feeds every rule about the metric, and looks whether the others still have values. */
void alert_log_feed(struct recording *rec, enum metric metric, uint64_t time_ns, double value);

/* Puts rules in force at once. A rule of the same name, metric and way keeps its number and, if it
 * stands raised, goes on; others begin anew. What is not among them is taken back, and clears. */
void alert_log_set_rules(struct recording *rec, const struct alert_rules *rules, uint64_t time_ns);

/* The newest event's number; 0: there was none. */
uint64_t alert_log_last(const struct recording *rec);
/* NULL: it is forgotten, or was never. Borrowed until the recording changes. */
const struct alert_event *alert_log_at(const struct recording *rec, uint64_t number);
/* Appends an event as it stands, for reading a file. In the order of time. */
void alert_log_restore(struct recording *rec, struct alert_event event);
/* Says where what was saved for an event is. */
void alert_log_set_snapshot(struct recording *rec, uint64_t number, const char *path);

/* What was saved for alerts.at[i], or for what it says more of (critical, cleared); 0: nothing. */
struct string_id alert_log_snapshot(const struct recording *rec, size_t i);

/* The time that alerts.at[i] is about: from when its value first passed the threshold (a second
 * before the point that says so, which is the mean of that second) to its last point before it
 * cleared that was not clear yet, or to now. So a spike's window holds no seconds after it. */
void alert_log_window(const struct recording *rec, size_t i, uint64_t *from_ns, uint64_t *to_ns);

/* How a raised rule is said now, with its figure, or that it has none any more. */
void alert_log_say(char *out, size_t size, const struct recording *rec, size_t rule);

#endif
