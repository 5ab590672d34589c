/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The alert rules in force: what each looks at, where that stands, when it is raised and clears,
 * and how it is now. In the order in which they were given. Pure.
 */
#include <stdio.h>

#include "base/text.h"
#include "view/alerts.h"
#include "view/rows.h"

enum rules_column {
    COL_NAME,
    COL_METRIC,
    COL_NOW,
    COL_RAISED,
    COL_CLEAR,
    COL_CRITICAL,
    COL_STATE,
    COL_ACTIONS,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_NAME] = {"rule", "RULE", FORMAT_TEXT, 10, 80, COLUMN_SCREEN, false},
    [COL_METRIC] = {"metric", "LOOKS AT", FORMAT_TEXT, 13, 80, COLUMN_SCREEN, false},
    [COL_NOW] = {"now", "NOW", FORMAT_RATE, 7, 80, COLUMN_SCREEN, false},
    [COL_RAISED] = {"threshold", "RAISED AT", FORMAT_TEXT, 15, 80, COLUMN_SCREEN, false},
    [COL_CLEAR] = {"clear", "CLEAR", FORMAT_RATE, 6, 80, COLUMN_SCREEN, false},
    [COL_CRITICAL] = {"critical", "CRITICAL", FORMAT_RATE, 8, 80, COLUMN_SCREEN, false},
    [COL_STATE] = {"state", "STATE", FORMAT_TEXT, 8, 80, COLUMN_SCREEN, false},
    [COL_ACTIONS] = {"actions", "DOES", FORMAT_TEXT, 28, 120, COLUMN_SCREEN, false},
};

bool alert_rules_row(const struct recording *rec, uint64_t key, size_t *rule)
{
    *rule = (size_t)(key - 1);
    return key && key <= rec->rules.n && !rec->rules.at[*rule].off;
}

void alert_rules_say(char *out, size_t size, const struct recording *rec)
{
    size_t rules = 0, raised = 0;
    for (size_t i = 0; i < rec->rules.n; i++) {
        rules += !rec->rules.at[i].off;
        raised += rec->alert_states.at[i].severity != SEVERITY_NONE;
    }
    struct text t = {out, size, 0, false};
    text_add(&t, "%zu rule%s, ", rules, rules == 1 ? "" : "s");
    if (raised)
        text_add(&t, "%zu stand%s raised", raised, raised == 1 ? "s" : "");
    else
        text_add(&t, "none stands raised");
}

static const char *state_word(const struct recording *rec, size_t i, bool figures)
{
    const struct alert_state *state = &rec->alert_states.at[i];
    if (!figures)
        return "none yet";
    if (state->severity == SEVERITY_NONE)
        return "fine";
    return state->silent ? "silent" : severity_name(state->severity);
}

static void add_rule(struct table *table, const struct recording *rec, size_t i)
{
    const struct alert_rule *rule = &rec->rules.at[i];
    const struct point *now = series_find(&rec->total.series[rule->metric], rec->end_ns);
    char figure[FIGURE_MAX], hold[FIGURE_MAX], whole[ALERT_TEXT_MAX];
    struct row *row = table_add_row(table);
    row->key = i + 1;
    row->role = rec->alert_states.at[i].severity != SEVERITY_NONE ? ROW_ALERT : ROW_PLAIN;
    table_set_text(table, COL_NAME, rule->name);
    table_set_text(table, COL_METRIC, metrics[rule->metric].name);
    if (now)
        table_set_text(table, COL_NOW, metric_figure(figure, rule->metric, now->mean));
    metric_figure(figure, rule->metric, rule->threshold);
    if (rule->hold_s < 60)
        snprintf(hold, sizeof hold, "%.3gs", rule->hold_s);
    else
        figure_duration(hold, (uint64_t)(rule->hold_s * NS_PER_S));
    table_set_format(table, COL_RAISED, "%s %s for %s", rule->below ? "<" : ">", figure, hold);
    table_set_text(table, COL_CLEAR, metric_figure(figure, rule->metric, rule->clear_at));
    table_set_text(table, COL_CRITICAL, metric_figure(figure, rule->metric, rule->critical_at));
    table_set_text(table, COL_STATE, state_word(rec, i, now != NULL));
    alert_rule_text(whole, sizeof whole, rule);
    const char *actions = strstr(whole, ": ");
    table_set_text(table, COL_ACTIONS, actions ? actions + 2 : "");
}

static void rules_fill(struct table *table, const struct query *query)
{
    for (size_t i = 0; i < query->rec->rules.n; i++)
        if (!query->rec->rules.at[i].off)
            add_rule(table, query->rec, i);
}

const struct view alert_rules_view = {
    .name = "rules",
    .title = "Rules",
    .columns = columns,
    .n_columns = COL_COUNT,
    .fill = rules_fill,
    .empty = "There is no alert rule.",
};
