/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verdicts: what stands out in the window, worst first, each a sentence with its figure and the
 * view that proves it. A table of rules: a row adds a kind of verdict. Pure.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "view/nameless.h"
#include "view/summary.h"
#include "view/views.h"
#include "view/wait_group.h"

enum summary_column { COL_RANK, COL_VERDICT, COL_FIGURE, COL_VIEW, COL_KIND, COL_COUNT };

static const struct column columns[COL_COUNT] = {
    [COL_RANK] = {"rank", "#", FORMAT_COUNT, 2, 80, COLUMN_BOTH, true},
    [COL_VERDICT] = {"verdict", "VERDICT", FORMAT_TEXT, 48, 80, COLUMN_BOTH, false},
    [COL_FIGURE] = {"figure", "FIGURE", FORMAT_PCT, 8, 80, COLUMN_BOTH, false},
    [COL_VIEW] = {"view", "PROOF", FORMAT_TEXT, 9, 80, COLUMN_BOTH, false},
    [COL_KIND] = {"kind", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
};

#define FEW_SAMPLES 100

struct finding *summary_find(struct summary *s, const struct summary_rule *rule, double score,
                             const char *fmt, ...)
{
    struct finding *f = vec_add(&s->findings);
    f->rule = rule;
    f->score = score;
    f->number = (uint32_t)s->findings.n;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->sentence, sizeof f->sentence, fmt, ap);
    va_end(ap);
    return f;
}

void summary_set_pct(struct finding *f, double pct)
{
    snprintf(f->figure, sizeof f->figure, "%.1f%%", pct);
}

static void judge_alerts(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    for (uint32_t r = 0; r < rec->rules.n; r++) {
        const struct alert_event *last = NULL;
        for (size_t i = 0; i < rec->alerts.n; i++)
            if (rec->alerts.at[i].rule == r && rec->alerts.at[i].time_ns < s->query->window.to_ns)
                last = &rec->alerts.at[i];
        if (!last || !last->raised || !(rec->rules.at[r].actions & ALERT_BANNER))
            continue;
        enum metric metric = rec->rules.at[r].metric;
        const struct point *now =
            series_find(&rec->total.series[metric], s->query->window.to_ns - 1);
        char figure[FIGURE_MAX];
        metric_figure(figure, metric, now ? now->mean : last->value);
        const struct point *quota =
            series_find(&rec->total.series[METRIC_QUOTA], s->query->window.to_ns - 1);
        char sentence[256];
        alert_say(sentence, sizeof sentence, &rec->rules.at[r], now ? now->mean : last->value,
                  quota ? quota->mean : NAN);
        bool critical = last->severity == SEVERITY_CRITICAL;
        struct finding *f =
            summary_find(s, rule, critical ? SCORE_CRITICAL : SCORE_WARNING, "%s", sentence);
        snprintf(f->figure, sizeof f->figure, "%s", figure);
        f->role = ROW_ALERT;
    }
}

static void judge_hot(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    const struct tally *top = NULL;
    for (size_t i = 1; i < s->tallies->rows.n; i++)
        if (!top || s->tallies->rows.at[i].cpu_ns > top->cpu_ns)
            top = &s->tallies->rows.at[i];
    double pct = top ? rows_pct(top->cpu_ns, s->table->whole_ns) : 0;
    if (pct < rule->least)
        return;
    char place[160];
    uint32_t line = function_at(&rec->words, top->function)->line;
    rows_place(place, sizeof place, rec, top->function, line ? line : top->line);
    const char *name = rows_function_name(rec, top->function);
    struct finding *f =
        place[0]
            ? summary_find(s, rule, pct, "%.0f%% of the time goes to %s on the CPU (%s)", pct, name,
                           place)
            : summary_find(s, rule, pct, "%.0f%% of the time goes to %s on the CPU", pct, name);
    summary_set_pct(f, pct);
    f->function = top->function;
}

static void judge_sampling(struct summary *s, const struct summary_rule *rule)
{
    const struct cost *cost = &s->query->rec->cost;
    double lost = rows_pct(cost->lost, cost->lost + cost->samples);
    if (lost >= rule->least)
        summary_set_pct(summary_find(s, rule, SCORE_SAMPLING,
                                     "%.0f%% of the samples were lost: a lower rate keeps "
                                     "the figures true",
                                     lost),
                        lost);
    if (s->table->samples >= FEW_SAMPLES)
        return;
    struct finding *f =
        s->table->samples
            ? summary_find(s, rule, SCORE_SAMPLING, "only %u samples so far: the figures are rough",
                           (unsigned)s->table->samples)
            : summary_find(s, rule, SCORE_SAMPLING, "no samples in this window");
    snprintf(f->figure, sizeof f->figure, "%u", (unsigned)s->table->samples);
}

static void judge_names(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    char remedy[REMEDY_MAX];
    for (size_t i = 1; i < s->tallies->rows.n; i++) {
        const struct tally *t = &s->tallies->rows.at[i];
        double pct = rows_pct(t->self_ns, s->table->whole_ns);
        if (pct < rule->least || !nameless_is(rec, t->function) || !nameless_remedy_of(remedy, rec))
            continue;
        struct finding *f =
            summary_find(s, rule, pct, "%.0f%% of the time in code without names: %s", pct, remedy);
        summary_set_pct(f, pct);
        f->function = t->function;
    }
}

static const struct summary_rule rules[] = {
    {"alert", "alerts", 0, judge_alerts},
    {"leak", "objects", 0, judge_objects},
    {"sampling", "timeline", 5, judge_sampling},
    {"cpu", "functions", 10, judge_hot},
    {"names", "functions", 10, judge_names},
    {"wait", "waits", 10, judge_waits},
    {"loop", "waits", 5, judge_loop},
    {"lock", "waits", 10, judge_locks},
    {"gil", "waits", 10, judge_gil},
    {"deadlock", "waits", 0, judge_deadlock},
    {"memory", "memory", 0, judge_memory},
    {"oom", "memory", 0, judge_oom},
    {"process", "processes", 10, judge_processes},
    {"throttled", "timeline", 5, judge_throttled},
    {"run queue", "timeline", 10, judge_run_queue},
    {"steal", "timeline", 5, judge_steal},
    {"stopped", "threads", 10, judge_stopped},
    {"idle", "threads", 90, judge_idle},
};
static const struct summary_rule nothing = {"none", "functions", 0, NULL};

static int worse(const void *x, const void *y)
{
    const struct finding *a = x, *b = y;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

static void add_finding(struct table *table, const struct finding *f, size_t rank)
{
    struct row *row = table_add_row(table);
    row->key = hash_mix(hash_bytes(f->rule->kind, strlen(f->rule->kind)), f->function.n);
    row->function = f->function;
    row->place.function = f->function;
    row->role = f->role;
    table_set_number(table, COL_RANK, (double)rank);
    table_set_text(table, COL_VERDICT, f->sentence);
    rows_set_text(table, COL_FIGURE, f->figure);
    table_set_text(table, COL_KIND, f->rule->kind);
    table_set_text(table, COL_VIEW, f->rule->view);
}

static void summary_fill(struct table *table, const struct query *query)
{
    struct window_sum sum;
    rows_sum(table, query, &sum);
    struct tallies tallies;
    tally_sum(&tallies, query->rec, &sum, query->filter.states, TALLY_FUNCTIONS);
    struct wait_groups waits;
    wait_groups_sum(&waits, query, &sum);
    struct summary s = {
        .query = query, .table = table, .sum = &sum, .tallies = &tallies, .waits = &waits};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        rules[i].judge(&s, &rules[i]);
    if (!s.findings.n)
        summary_find(&s, &nothing, 0, "nothing stands out");
    vec_sort(&s.findings, worse);
    for (size_t i = 0; i < s.findings.n; i++)
        add_finding(table, &s.findings.at[i], i + 1);
    vec_free(&s.findings);
    wait_groups_clear(&waits);
    tally_clear(&tallies);
    window_sum_clear(&sum);
}

const struct view summary_view = {
    .name = "summary",
    .title = "Summary",
    .columns = columns,
    .n_columns = COL_COUNT,
    .fill = summary_fill,
    .empty = "Nothing stands out.",
};
