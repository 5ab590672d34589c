/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_header.h. */
#include "view/draw_header.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/alert_log.h"
#include "view/draw_figure.h"
#include "view/draw_time.h"
#include "view/memory_pattern.h"

#define SPARK_MAX 400

/* The script or module among a Python command line's words; false if there is none. */
static bool script_of(char *out, size_t size, const char *cmdline)
{
    const char *word = strchr(cmdline, ' ');
    while (word) {
        while (*word == ' ')
            word++;
        size_t n = strcspn(word, " ");
        if (n == 0)
            return false;
        if (n == 2 && strncmp(word, "-c", 2) == 0)
            return false;
        bool module = n == 2 && strncmp(word, "-m", 2) == 0;
        bool takes_value = n == 2 && (strncmp(word, "-X", 2) == 0 || strncmp(word, "-W", 2) == 0);
        if (module || takes_value) {
            word += n;
            while (*word == ' ')
                word++;
            n = strcspn(word, " ");
        }
        if (n && (module || (!takes_value && word[0] != '-'))) {
            char path[512];
            snprintf(path, sizeof path, "%.*s", (int)(n < 500 ? n : 500), word);
            snprintf(out, size, "%s", path_base(path));
            return true;
        }
        word = word[n] ? word + n : NULL;
    }
    return false;
}

void target_title(char *out, size_t size, const struct recording *rec)
{
    const struct incarnation *in = &rec->incarnations.at[recording_target(rec).n];
    const char *runtime = string_text(&rec->words, in->runtime);
    if (strncmp(runtime, "python", 6) == 0 &&
        script_of(out, size, string_text(&rec->words, in->cmdline)))
        return;
    snprintf(out, size, "%s", string_text(&rec->words, in->comm));
}

static double metric_now(const struct recording *rec, enum metric metric, uint64_t at_ns)
{
    const struct point *p = series_find(&rec->total.series[metric], at_ns);
    return p ? p->mean : NAN;
}

double memory_slope(const struct recording *rec, uint64_t at_ns)
{
    struct window minute = {at_ns > 60 * NS_PER_S ? at_ns - 60 * NS_PER_S : 0, at_ns + 1};
    struct series_pattern p;
    series_pattern_find(&p, &rec->total.series[METRIC_RSS], minute);
    return series_pattern_moves(&p, MEMORY_STABLE_PER_S) ? p.slope : 0;
}

double header_memory_top(const struct recording *rec, uint64_t from_ns, uint64_t to_ns)
{
    struct point p = series_summary(&rec->total.series[METRIC_RSS], from_ns, to_ns + 1);
    return scale_top(p.count ? p.max : 0, true);
}

/* How many were watched then. */
static size_t processes_at(const struct recording *rec, uint64_t at_ns)
{
    size_t n = 0;
    for (size_t i = 1; i < rec->incarnations.n; i++) {
        const struct incarnation *in = &rec->incarnations.at[i];
        n += in->from_ns <= at_ns && (!in->to_ns || in->to_ns > at_ns);
    }
    return n;
}

static void draw_target(struct grid *g, int row, const struct header *h)
{
    char name[256], age[FIGURE_MAX], state[256];
    target_title(name, sizeof name, h->rec);
    const struct incarnation *in = &h->rec->incarnations.at[recording_target(h->rec).n];
    uint64_t age_ns = h->at_ns > h->rec->start_ns ? h->at_ns - h->rec->start_ns : 0;
    if (h->ago_ns)
        snprintf(state, sizeof state, "%s  %s ago", h->state, figure_duration(age, h->ago_ns));
    else
        snprintf(state, sizeof state, "%s  %6s", h->state, figure_duration(age, age_ns));
    int state_width = text_columns(state);
    if (state_width > g->columns / 2)
        state_width = g->columns / 2;
    int left = g->columns - state_width - 2, at = 0;
    bool past = h->state_style == STYLE_HELD;
    if (past)
        grid_fill(g, row, 0, g->columns, STYLE_HELD);
    at += grid_put(g, row, at, left - at, past ? STYLE_HELD : STYLE_LABEL, "proftop");
    at += 2;
    at += grid_put(g, row, at, left - at, past ? STYLE_HELD : STYLE_TITLE, name);
    double threads = metric_now(h->rec, METRIC_THREADS, h->at_ns);
    char rest[256];
    struct text t = TEXT(rest);
    text_add(&t, "  %d  %s", in->pid, string_text(&h->rec->words, in->runtime));
    size_t processes = processes_at(h->rec, h->at_ns);
    if (processes > 1)
        text_add(&t, "  %zu processes", processes);
    if (!isnan(threads))
        text_add(&t, "  %.0f thread%s", threads, threads >= 1.5 ? "s" : "");
    grid_put(g, row, at, left - at, past ? STYLE_HELD : STYLE_NORMAL, rest);
    grid_put_right(g, row, g->columns - state_width, state_width, h->state_style, state);
}

/* Where the meter, the sparkline and the words stand at this width. */
struct meter_layout {
    int meter, spark_at, spark, words_at, words;
};

static struct meter_layout meter_layout(int columns)
{
    struct meter_layout l;
    l.words = columns >= 100 ? 34 : 26;
    l.meter = columns >= 120 ? 40 : 28;
    if (columns < 80) {
        l.words = columns >= 60 ? 26 : 0;
        l.meter = columns - 4 - (l.words ? l.words + 2 : 0);
        if (l.meter > 28)
            l.meter = 28;
    }
    l.spark_at = 4 + l.meter + 2;
    l.words_at = columns - l.words;
    l.spark = l.words_at - 2 - l.spark_at;
    if (l.spark > SPARK_MAX)
        l.spark = SPARK_MAX;
    if (l.spark < 4)
        l.spark = 0;
    return l;
}

void header_spark_place(int columns, int *at, int *width)
{
    struct meter_layout l = meter_layout(columns);
    *at = l.spark_at;
    *width = l.spark;
}

static enum style meter_style(const struct recording *rec, enum metric metric)
{
    enum severity worst = SEVERITY_NONE;
    for (size_t i = 0; i < rec->rules.n; i++)
        if (rec->rules.at[i].metric == metric && rec->alert_states.at[i].severity > worst)
            worst = rec->alert_states.at[i].severity;
    return worst == SEVERITY_NONE ? STYLE_BAR : STYLE_BAR_HIGH;
}

/* Puts the window that is held in brackets. */
static void mark_window(struct grid *g, int row, const struct strip *strip, struct window held)
{
    int from, to;
    if (!held.to_ns || !strip_part(strip, held, &from, &to))
        return;
    grid_restyle(g, row, strip->at, strip->width, STYLE_GREY);
    grid_restyle(g, row, strip->at + from, to - from + 1, STYLE_HELD);
    if (from > 0)
        grid_char(g, row, strip->at + from - 1, STYLE_HELD, '[');
    if (to + 1 < strip->width)
        grid_char(g, row, strip->at + to + 1, STYLE_HELD, ']');
}

static void draw_meter_line(struct grid *g, int row, const struct header *h, const char *label,
                            enum metric pct, enum metric series, double top, const char *words)
{
    struct meter_layout l = meter_layout(g->columns);
    double value = metric_now(h->rec, pct, h->at_ns);
    char figure[FIGURE_MAX];
    snprintf(figure, sizeof figure, "%.0f%%", value);
    grid_put(g, row, 0, 3, STYLE_LABEL, label);
    draw_meter(g, row, 4, l.meter, value / 100, isnan(value) ? "-" : figure,
               meter_style(h->rec, pct));
    float steps[SPARK_MAX];
    if (l.spark) {
        const struct strip strip = {l.spark_at, l.spark, h->spark};
        series_steps(steps, l.spark, &h->rec->total.series[series], h->spark.from_ns,
                     h->spark.to_ns);
        draw_sparkline(g, row, l.spark_at, steps, l.spark, top, STYLE_SPARK);
        mark_window(g, row, &strip, h->held);
    }
    grid_put(g, row, l.words_at, l.words, STYLE_NORMAL, words);
}

void draw_header(struct grid *g, int row, const struct header *h)
{
    const struct recording *rec = h->rec;
    char words[128], used[FIGURE_MAX], of[FIGURE_MAX], slope[FIGURE_MAX];
    draw_target(g, row, h);
    double user = metric_now(rec, METRIC_CPU_USER, h->at_ns);
    double system = metric_now(rec, METRIC_CPU_SYSTEM, h->at_ns);
    double cores = rec->cpus_allowed > 0 ? rec->cpus_allowed : 1;
    if (isnan(user) || isnan(system))
        words[0] = '\0';
    else
        snprintf(words, sizeof words, "%.2f of %.3g core%s, sys %.0f%%", user + system, cores,
                 cores > 1 ? "s" : "", 100 * system / cores);
    draw_meter_line(g, row + 1, h, "CPU", METRIC_CPU_PCT, METRIC_CPU_PCT, 100, words);
    double rss = metric_now(rec, METRIC_RSS, h->at_ns);
    if (isnan(rss))
        words[0] = '\0';
    else if (h->say_memory_top)
        snprintf(words, sizeof words, "%s, scale now 0-%s", figure_bytes(used, rss),
                 figure_bytes(of, h->memory_top));
    else
        snprintf(words, sizeof words, "%s of %s, %s", figure_bytes(used, rss),
                 figure_bytes(of, (double)rec->memory_limit),
                 figure_bytes_rate(slope, memory_slope(rec, h->at_ns)));
    draw_meter_line(g, row + 2, h, "MEM", METRIC_MEMORY_PCT, METRIC_RSS, h->memory_top, words);
}

static void draw_verdict_line(struct grid *g, int row, enum style style, char sign,
                              const char *sentence, char letter)
{
    char text[512];
    snprintf(text, sizeof text, "%c %s", sign, sentence);
    grid_put(g, row, 0, g->columns - 3, style, text);
    if (letter) {
        grid_char(g, row, g->columns - 1, STYLE_KEY, (uint32_t)letter);
        grid_link(g, row, 0, g->columns, (uint16_t)(LINK_LETTER + letter));
    }
}

void draw_verdicts(struct grid *g, int row, const struct recording *rec,
                   const struct table *summary, const char *hint, char (*letter)(const char *view))
{
    int drawn = 0;
    for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_WARNING; severity--) {
        for (size_t i = 0; i < rec->rules.n && drawn < VERDICT_ROWS; i++) {
            if ((int)rec->alert_states.at[i].severity != severity ||
                !(rec->rules.at[i].actions & ALERT_BANNER))
                continue;
            char text[256];
            alert_log_say(text, sizeof text, rec, i);
            draw_verdict_line(g, row + drawn++,
                              severity == SEVERITY_CRITICAL ? STYLE_CRITICAL : STYLE_WARNING, '!',
                              text, letter("alerts"));
        }
    }
    bool alerts_told = drawn > 0;
    if (hint[0] && drawn < VERDICT_ROWS)
        draw_verdict_line(g, row + drawn++, STYLE_NOTICE, '!', hint, '\0');
    int verdict = summary->view ? view_column(summary->view, "verdict") : -1;
    int view = summary->view ? view_column(summary->view, "view") : -1;
    for (size_t i = 0; verdict >= 0 && i < summary->rows.n && drawn < VERDICT_ROWS; i++) {
        const struct value *v = table_cell(summary, i, (size_t)verdict);
        const struct value *proof = view >= 0 ? table_cell(summary, i, (size_t)view) : NULL;
        const char *where = proof && proof->kind == VALUE_TEXT ? proof->text : NULL;
        /* The banner has said it: the line is worth another verdict. */
        if (v->kind != VALUE_TEXT || (alerts_told && where && strcmp(where, "alerts") == 0))
            continue;
        draw_verdict_line(g, row + drawn++, STYLE_NORMAL, '!', v->text,
                          where ? letter(where) : '\0');
    }
    if (drawn == 0)
        draw_verdict_line(g, row, STYLE_GREY, ' ', "nothing stands out", '\0');
}
