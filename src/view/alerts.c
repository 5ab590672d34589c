/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The alerts: each raise and each clearing in the window, and what was raised before it and still
 * was at its beginning. The newest first. Pure.
 */
#include "view/alerts.h"
#include "view/draw_time.h"
#include "view/rows.h"
#include "view/views.h"

#include "base/text.h"

enum alerts_column {
    COL_SINCE,
    COL_TIME,
    COL_SEVERITY,
    COL_STATE,
    COL_METRIC_TITLE,
    COL_FIGURE,
    COL_LIMIT,
    COL_LASTED,
    COL_RULE,
    COL_METRIC,
    COL_VALUE,
    COL_THRESHOLD,
    COL_SNAPSHOT,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_SINCE] = {"since", "SINCE", FORMAT_WORD, 8, 80, COLUMN_SCREEN, false},
    [COL_TIME] = {"time_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
    [COL_SEVERITY] = {"severity", "SEVERITY", FORMAT_WORD, 8, 80, COLUMN_BOTH, false},
    [COL_STATE] = {"state", "STATE", FORMAT_WORD, 7, 80, COLUMN_BOTH, false},
    [COL_METRIC_TITLE] = {"title", "WHAT", FORMAT_WORD, 14, 80, COLUMN_SCREEN, false},
    [COL_FIGURE] = {"figure", "VALUE", FORMAT_RATE, 10, 80, COLUMN_SCREEN, false},
    [COL_LIMIT] = {"limit", "THRESHOLD", FORMAT_RATE, 10, 80, COLUMN_SCREEN, false},
    [COL_LASTED] = {"lasted_s", "LASTED", FORMAT_SECONDS, 6, 80, COLUMN_SCREEN, false},
    [COL_RULE] = {"rule", "RULE", FORMAT_WORD, 16, 120, COLUMN_SCREEN, false},
    [COL_METRIC] = {"metric", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_VALUE] = {"value", NULL, FORMAT_RATE, 0, 0, COLUMN_DATA, false},
    [COL_THRESHOLD] = {"threshold", NULL, FORMAT_RATE, 0, 0, COLUMN_DATA, false},
    [COL_SNAPSHOT] = {"snapshot", "SNAPSHOT", FORMAT_PATH, 12, 120, COLUMN_BOTH, false},
};

/* The event of the same rule that came after event i; NULL if it is the rule's newest. */
static const struct alert_event *next_of_rule(const struct recording *rec, size_t i,
                                              uint64_t before_ns)
{
    for (size_t j = i + 1; j < rec->alerts.n; j++)
        if (rec->alerts.at[j].rule == rec->alerts.at[i].rule &&
            rec->alerts.at[j].time_ns < before_ns)
            return &rec->alerts.at[j];
    return NULL;
}

/* How long what was raised lasted: to its clearing, or to the end of the window. */
static double lasted_s(const struct recording *rec, size_t i, uint64_t end_ns)
{
    for (size_t j = i + 1; j < rec->alerts.n; j++)
        if (rec->alerts.at[j].rule == rec->alerts.at[i].rule && !rec->alerts.at[j].raised &&
            rec->alerts.at[j].time_ns < end_ns) {
            end_ns = rec->alerts.at[j].time_ns;
            break;
        }
    return rows_seconds(end_ns - rec->alerts.at[i].time_ns);
}

static uint64_t key_of(const struct alert_event *event)
{
    return hash_mix(event->time_ns, event->rule);
}

bool alerts_find(const struct recording *rec, uint64_t key, size_t *event)
{
    for (*event = 0; *event < rec->alerts.n; ++*event)
        if (key_of(&rec->alerts.at[*event]) == key)
            return true;
    return false;
}

static void add_event(struct table *table, const struct query *query, size_t i)
{
    const struct alert_event *event = &query->rec->alerts.at[i];
    const struct alert_rule *rule = &query->rec->rules.at[event->rule];
    uint64_t end_ns = query->window.to_ns;
    if (end_ns > query->rec->end_ns + 1)
        end_ns = query->rec->end_ns + 1;
    bool newest = !next_of_rule(query->rec, i, query->window.to_ns);
    char figure[FIGURE_MAX];

    struct row *row = table_add_row(table);
    row->key = key_of(event);
    row->role = event->raised && newest ? ROW_ALERT : ROW_PLAIN;
    table_set_text(table, COL_SINCE, wall_clock(figure, query->rec, event->time_ns));
    table_set_number(table, COL_TIME, rows_time_s(query->rec, event->time_ns));
    table_set_text(table, COL_SEVERITY, severity_name(event->severity));
    table_set_text(table, COL_STATE, event->raised ? "raised" : "cleared");
    table_set_text(table, COL_METRIC_TITLE, metrics[rule->metric].title);
    table_set_text(table, COL_FIGURE,
                   event->silent ? "no figures"
                                 : metric_figure(figure, rule->metric, event->value));
    table_set_text(table, COL_LIMIT, metric_figure(figure, rule->metric, event->threshold));
    table_set_text(table, COL_RULE, rule->name);
    if (event->raised)
        table_set_number(table, COL_LASTED, lasted_s(query->rec, i, end_ns));
    table_set_text(table, COL_METRIC, metrics[rule->metric].name);
    if (!event->silent)
        table_set_number(table, COL_VALUE, event->value);
    table_set_number(table, COL_THRESHOLD, event->threshold);
    rows_set_text(table, COL_SNAPSHOT, string_text(&query->rec->words, event->snapshot));
}

static void alerts_fill(struct table *table, const struct query *query)
{
    const struct recording *rec = query->rec;
    rows_count(table, query);
    for (size_t i = rec->alerts.n; i-- > 0;) {
        const struct alert_event *event = &rec->alerts.at[i];
        if (event->time_ns >= query->window.to_ns)
            continue;
        bool held_on = event->raised && !next_of_rule(rec, i, query->window.from_ns);
        if (event->time_ns >= query->window.from_ns || held_on)
            add_event(table, query, i);
    }
}

const struct view alerts_view = {
    .name = "alerts",
    .title = "Alerts",
    .columns = columns,
    .n_columns = COL_COUNT,
    .fill = alerts_fill,
    .empty = "No alert was raised in this window.",
};
