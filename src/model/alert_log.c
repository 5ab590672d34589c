/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See alert_log.h. */
#include "model/alert_log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* So many go at once when the log is full. */
#define DROP (ALERT_LOG_MAX / 4)

void alert_log_init(struct recording *rec)
{
    alert_rules_default(&rec->rules);
    while (rec->alert_states.n < rec->rules.n)
        vec_add(&rec->alert_states);
}

void alert_log_clear(struct recording *rec)
{
    alert_rules_clear(&rec->rules);
    vec_free(&rec->alert_states);
    vec_free(&rec->alerts);
}

void alert_log_restore(struct recording *rec, struct alert_event event)
{
    if (rec->alerts.n >= ALERT_LOG_MAX) {
        memmove(rec->alerts.at, rec->alerts.at + DROP,
                (rec->alerts.n - DROP) * sizeof *rec->alerts.at);
        rec->alerts.n -= DROP;
        rec->alerts_gone += DROP;
    }
    vec_push(&rec->alerts, event);
    rec->version++;
}

static void add_event(struct recording *rec, size_t rule, struct alert_event event)
{
    event.rule = (uint32_t)rule;
    alert_log_restore(rec, event);
}

void alert_log_feed(struct recording *rec, enum metric metric, uint64_t time_ns, double value)
{
    for (size_t i = 0; i < rec->rules.n; i++) {
        const struct alert_rule *rule = &rec->rules.at[i];
        struct alert_state *state = &rec->alert_states.at[i];
        struct alert_event event;
        if (rule->metric == metric ? alert_feed(rule, state, time_ns, value, &event)
                                   : alert_check(rule, state, time_ns, &event))
            add_event(rec, i, event);
    }
}

/* The rule in force that goes on as another one. */
static size_t same_rule(const struct recording *rec, const struct alert_rule *rule)
{
    size_t i = 0;
    while (i < rec->rules.n &&
           (rec->rules.at[i].off || rec->rules.at[i].metric != rule->metric ||
            rec->rules.at[i].below != rule->below || strcmp(rec->rules.at[i].name, rule->name)))
        i++;
    return i;
}

static void take_back(struct recording *rec, size_t i, uint64_t time_ns)
{
    struct alert_event event;
    if (alert_reset(&rec->rules.at[i], &rec->alert_states.at[i], time_ns, &event))
        add_event(rec, i, event);
    rec->rules.at[i].off = true;
}

/* Where a new rule can stand: in the place of one that nobody speaks of, or at the end. */
static size_t new_place(struct recording *rec)
{
    for (size_t i = 0; i < rec->rules.n; i++) {
        bool used = !rec->rules.at[i].off;
        for (size_t e = 0; e < rec->alerts.n && !used; e++)
            used = rec->alerts.at[e].rule == i;
        if (!used && !rec->alerts_gone)
            return i;
    }
    vec_add(&rec->alert_states);
    vec_add(&rec->rules);
    return rec->rules.n - 1;
}

void alert_log_set_rules(struct recording *rec, const struct alert_rules *rules, uint64_t time_ns)
{
    size_t had = rec->rules.n;
    bool *kept = xcalloc(had + 1, sizeof *kept); /* the last for those that are new */
    for (size_t i = 0; i < rules->n; i++)
        kept[same_rule(rec, &rules->at[i])] = true;
    for (size_t i = 0; i < had; i++)
        if (!rec->rules.at[i].off && !kept[i])
            take_back(rec, i, time_ns);
    free(kept);
    for (size_t i = 0; i < rules->n; i++) {
        size_t at = same_rule(rec, &rules->at[i]);
        if (at == rec->rules.n) {
            at = new_place(rec);
            rec->alert_states.at[at] = (struct alert_state){0};
        }
        rec->rules.at[at] = rules->at[i];
        rec->rules.at[at].off = false;
    }
    rec->version++;
}

uint64_t alert_log_last(const struct recording *rec)
{
    return rec->alerts_gone + rec->alerts.n;
}

const struct alert_event *alert_log_at(const struct recording *rec, uint64_t number)
{
    if (number <= rec->alerts_gone || number > alert_log_last(rec))
        return NULL;
    return &rec->alerts.at[number - 1 - rec->alerts_gone];
}

void alert_log_set_snapshot(struct recording *rec, uint64_t number, const char *path)
{
    if (!alert_log_at(rec, number))
        return;
    rec->alerts.at[number - 1 - rec->alerts_gone].snapshot = dictionary_string(&rec->words, path);
    rec->alerts_version++;
    rec->version++;
}

/* Where what alerts.at[i] is about was raised: what came before that is a clearing. */
static size_t first_of(const struct recording *rec, size_t i)
{
    size_t first = i;
    for (size_t k = i; k-- > 0;) {
        if (rec->alerts.at[k].rule != rec->alerts.at[i].rule)
            continue;
        if (!rec->alerts.at[k].raised)
            break;
        first = k;
    }
    return first;
}

struct string_id alert_log_snapshot(const struct recording *rec, size_t i)
{
    struct string_id found = {0};
    for (size_t k = first_of(rec, i); k <= i; k++)
        if (rec->alerts.at[k].rule == rec->alerts.at[i].rule && rec->alerts.at[k].snapshot.n)
            found = rec->alerts.at[k].snapshot;
    return found;
}

/* The last moment of [from, to] at which the rule's figure was not clear: what comes behind it was
 * only waited for. to_ns where the points do not tell, or where the newest still stands. */
static uint64_t last_held(const struct recording *rec, const struct alert_rule *rule,
                          uint64_t from_ns, uint64_t to_ns, bool cleared)
{
    const struct series *s = &rec->total.series[rule->metric];
    const struct point *newest = series_find(s, to_ns);
    uint64_t end_ns = to_ns; /* of the point: a thinned one stands for all up to the next */
    for (const struct point *p = newest; p && p->time_ns > from_ns;
         p = series_find(s, p->time_ns - 1)) {
        if (!alert_clears(rule, rule->below ? p->min : p->max))
            return (p == newest && !cleared) || p->count > 1 ? end_ns : p->time_ns;
        end_ns = p->time_ns;
    }
    return newest && newest->time_ns > from_ns ? from_ns : to_ns;
}

void alert_log_window(const struct recording *rec, size_t i, uint64_t *from_ns, uint64_t *to_ns)
{
    uint32_t rule = rec->alerts.at[i].rule;
    size_t last = i;
    while (last < rec->alerts.n &&
           (rec->alerts.at[last].rule != rule || rec->alerts.at[last].raised))
        last++;
    double hold_s = rule < rec->rules.n ? rec->rules.at[rule].hold_s : 0;
    uint64_t before_ns = (uint64_t)(hold_s * NS_PER_S) + NS_PER_S;
    uint64_t raised_ns = rec->alerts.at[first_of(rec, i)].time_ns;
    *from_ns = raised_ns > rec->start_ns + before_ns ? raised_ns - before_ns : rec->start_ns;
    bool cleared = last < rec->alerts.n;
    uint64_t end_ns = cleared ? rec->alerts.at[last].time_ns : rec->end_ns;
    if (rule < rec->rules.n)
        end_ns = last_held(rec, &rec->rules.at[rule], raised_ns, end_ns, cleared);
    *to_ns = end_ns + 1;
}

void alert_log_say(char *out, size_t size, const struct recording *rec, size_t rule)
{
    const struct alert_state *state = &rec->alert_states.at[rule];
    const struct point *quota = series_find(&rec->total.series[METRIC_QUOTA], rec->end_ns);
    alert_say(out, size, &rec->rules.at[rule], state->value, quota ? quota->mean : NAN);
    size_t used = strlen(out);
    char ago[FIGURE_MAX];
    if (state->silent && rec->end_ns > state->last_ns)
        snprintf(out + used, size - used, " (no figures since %s ago)",
                 figure_duration(ago, rec->end_ns - state->last_ns));
}
