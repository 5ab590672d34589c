/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See alerts_screen.h. */
#include "ui/alerts_screen.h"

#include <stdio.h>

#include "base/text.h"
#include "model/alert_log.h"
#include "ui/state.h"
#include "view/alerts.h"

#define ROWS_MAX 2000

/* All alerts, also while one's time is shown: to choose another. */
void alerts_screen_fill(struct ui *ui)
{
    const struct list *l = ui_list(ui);
    struct query q = ui_query(ui);
    q.window = window_all(q.rec);
    q.sort = l->sort;
    q.invert = l->invert;
    q.limit = ROWS_MAX;
    table_fill(&ui->table, ui->alerts.rules ? &alert_rules_view : view_by_name("alerts"), &q);
}

void alerts_screen_draw(struct ui *ui, int row, int height)
{
    struct grid *g = &ui->grid;
    char text[80];
    const char *hint =
        ui->alerts.rules ? "+ -: threshold   Enter: change it   v: the alerts" : "v: the rules";
    alert_rules_say(text, sizeof text, ui_recording(ui));
    int used = grid_put(g, row, 1, g->columns - 1, STYLE_HEADING, text);
    grid_put_right(g, row, used + 3, g->columns - used - 4, STYLE_GREY, hint);
    ui_draw_list(ui, row + 1, height - 1);
}

void alerts_screen_vary(struct ui *ui)
{
    ui->alerts.rules = !ui->alerts.rules;
    *ui_list(ui) = (struct list){0};
    table_clear(&ui->table);
    ui->refill = true;
}

static void open_alert(struct ui *ui, uint64_t key)
{
    const struct recording *rec = ui_recording(ui);
    struct window w;
    size_t i;
    if (!alerts_find(rec, key, &i))
        return;
    alert_log_window(rec, i, &w.from_ns, &w.to_ns);
    const struct alert_event *event = &rec->alerts.at[i];
    const char *snapshot = string_text(&rec->words, alert_log_snapshot(rec, i));
    char figure[FIGURE_MAX];
    figure_duration(figure, w.to_ns - w.from_ns);
    if (text_columns(snapshot) > ui->grid.columns - 40)
        snapshot = path_base(snapshot);
    ui_select_window(ui, w);
    ui_show(ui, SCREEN_HOT);
    ui_say(ui, STYLE_NOTICE, "alert %s, %s (0: back to now)%s%s", rec->rules.at[event->rule].name,
           figure, snapshot[0] ? ": " : "", snapshot);
}

/* The rule to change, of the selected row; NULL: there is none, and why is said. */
static const struct alert_rule *selected_rule(struct ui *ui)
{
    const struct recording *rec = session_recording(ui->session);
    size_t row = ui_list(ui)->selected, i;
    if (travel_stands_still(ui, "these are the rules that there were"))
        return NULL;
    if (row >= ui->table.rows.n || !alert_rules_row(rec, ui->table.rows.at[row].key, &i))
        return NULL;
    return &rec->rules.at[i];
}

static void open_rule(struct ui *ui)
{
    char text[ALERT_TEXT_MAX];
    const struct alert_rule *rule = selected_rule(ui);
    if (!rule)
        return;
    snprintf(ui->alerts.name, sizeof ui->alerts.name, "%s", rule->name);
    snprintf(ui->alerts.label, sizeof ui->alerts.label, "Rule %s:", ui->alerts.name);
    alert_rule_text(text, sizeof text, rule);
    prompt_start(&ui->prompt, PROMPT_RULE, ui->alerts.label, text);
}

void alerts_screen_open(struct ui *ui)
{
    const struct list *l = ui_list(ui);
    if (l->selected >= ui->table.rows.n)
        return;
    uint64_t key = ui->table.rows.at[l->selected].key;
    if (ui->alerts.rules)
        open_rule(ui);
    else
        open_alert(ui, key);
}

/* The rules with this one in the place of what had its name. */
static bool put_rule(struct ui *ui, const char *name, const char *text, struct err *err)
{
    const struct recording *rec = session_recording(ui->session);
    struct alert_rules rules = {0};
    for (size_t i = 0; i < rec->rules.n; i++)
        if (!rec->rules.at[i].off)
            vec_push(&rules, rec->rules.at[i]);
    bool ok = alert_rules_set(&rules, name, text, err);
    if (ok)
        session_set_alert_rules(ui->session, &rules);
    alert_rules_clear(&rules);
    ui->refill = true;
    return ok;
}

static void step_rule(struct ui *ui, int direction)
{
    char text[ALERT_TEXT_MAX], raised[FIGURE_MAX], clear[FIGURE_MAX];
    const struct alert_rule *selected = selected_rule(ui);
    struct err err;
    if (!selected)
        return;
    struct alert_rule rule = *selected;
    bool stepped = alert_rule_step(&rule, direction);
    alert_rule_text(text, sizeof text, &rule);
    if (!stepped)
        ui_say(ui, STYLE_NOTICE, "%s can step no further: Enter asks for the rule", rule.name);
    else if (!put_rule(ui, rule.name, text, &err))
        ui_say(ui, STYLE_ERROR, "%s", err.text);
    else
        ui_say(ui, STYLE_NOTICE, "%s: raised at %s, clears at %s, until proftop ends", rule.name,
               metric_figure(raised, rule.metric, rule.threshold),
               metric_figure(clear, rule.metric, rule.clear_at));
}

bool alerts_screen_command(struct ui *ui, enum command command)
{
    bool up = command == COMMAND_UNFOLD || command == COMMAND_RIGHT;
    if (!up && command != COMMAND_FOLD && command != COMMAND_LEFT)
        return false;
    if (ui->alerts.rules)
        step_rule(ui, up ? 1 : -1);
    else
        ui_say(ui, STYLE_NOTICE, "v shows the rules: there + and - change a threshold");
    return true;
}

void alerts_screen_change(struct ui *ui, const char *text)
{
    struct err err;
    if (put_rule(ui, ui->alerts.name, text, &err)) {
        ui_say(ui, STYLE_NOTICE, "the rule is in force, until proftop ends");
    } else {
        char again[PROMPT_MAX];
        snprintf(again, sizeof again, "%s", text);
        prompt_start(&ui->prompt, PROMPT_RULE, ui->alerts.label, again);
        ui_say(ui, STYLE_ERROR, "%s", err.text);
    }
}

void alerts_screen_news(struct ui *ui)
{
    struct alarm_news news;
    while (session_take_alarm_news(ui->session, &news)) {
        if (news.bell)
            terminal_bell();
        if (news.kind == ALARM_SAVED)
            ui_say(ui, STYLE_NOTICE, "%s", news.text);
        else if (news.kind == ALARM_TROUBLE)
            ui_say(ui, STYLE_ERROR, "%s", news.text);
        ui->refill = true; /* the banner and the log */
    }
}
