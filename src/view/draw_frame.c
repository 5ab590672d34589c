/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_frame.h. */
#include "view/draw_frame.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define TAB_MAX       64
#define MESSAGE_ROWS  3
#define MESSAGE_BYTES 600
/* What watching costs is told of so long, as it belongs to the rate that stands beside it: the
 * seconds of attaching are over then. */
#define COST_SPAN_NS (10 * NS_PER_S)
#define OTHERS_SHARE 1.25

/* The columns of a tab's text, which goes to out. */
static int tab_text(char out[TAB_MAX], const struct label *tab)
{
    snprintf(out, TAB_MAX, "%s%s%s", tab->key, tab->key[0] ? " " : "", tab->text);
    return text_columns(out);
}

void draw_tabs(struct grid *g, int row, const struct label *tabs, size_t n, size_t active,
               const char *position)
{
    int right = text_columns(position), at = 0, end = g->columns - (right ? right + 1 : 0);
    int need = 1;
    char text[TAB_MAX];
    grid_put(g, row, g->columns - right, right, STYLE_GREY, position);
    for (size_t i = 0; i < n && i <= active; i++)
        need += tab_text(text, &tabs[i]) + 1;
    /* Where it would not be reached the active one has its room before the others, and so has the
     * sign for what is left out between. */
    int kept = active < n && need > end ? tab_text(text, &tabs[active]) + 2 + 2 : 0;
    for (size_t i = 0; i < n; i++) {
        bool on = i == active;
        int width = tab_text(text, &tabs[i]);
        if (at + width + 2 + (on ? 0 : kept) > end) {
            grid_char(g, row, at + 1, STYLE_TAB, g->ascii ? '~' : 0x2026);
            if (i >= active)
                return;
            at += 2;
            i = active - 1;
            kept = 0;
            continue;
        }
        /* Brackets stand where the blanks between the tabs were, so that nothing moves. */
        enum style style = on ? STYLE_TAB_ON : STYLE_TAB;
        if (on)
            grid_char(g, row, at, style, '[');
        grid_put(g, row, at + 1, width, style, text);
        if (on)
            grid_char(g, row, at + 1 + width, style, ']');
        grid_link(g, row, at, width + 1, (uint16_t)(LINK_TAB + i));
        at += width + 1;
    }
}

void draw_bar_line(struct grid *g, int row, const struct label *items, size_t n)
{
    int need = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        need += text_columns(items[i].key) + text_columns(items[i].text) + 1;
    int most = need > g->columns + 1 ? 4 : 32;
    grid_fill(g, row, 0, g->columns, STYLE_KEY_TEXT);
    for (size_t i = 0; i < n; i++) {
        int from = at, key = text_columns(items[i].key);
        int text = text_columns(items[i].text) < most ? text_columns(items[i].text) : most;
        if (at + key + text > g->columns) {
            grid_char(g, row, g->columns - 1, STYLE_KEY_TEXT, g->ascii ? '~' : 0x2026);
            return;
        }
        at += grid_put(g, row, at, key, STYLE_KEY, items[i].key);
        at += grid_put(g, row, at, text, STYLE_KEY_TEXT, items[i].text);
        grid_link(g, row, from, at - from, (uint16_t)(LINK_BAR + i));
        at++;
    }
}

/* The cost is of the CPU time that the threads used, the budget is of the time that a core has. The
 * rate keeps the sampler within it; our own CPU has the screen and the censuses in it, too. */
static bool is_over_budget(const struct recording *rec, uint64_t from_ns, uint64_t to_ns,
                           struct point stopped, struct point own)
{
    const struct series *series = rec->total.series;
    double budget = rec->budget_pct;
    struct point user = series_summary(&series[METRIC_CPU_USER], from_ns, to_ns);
    struct point system = series_summary(&series[METRIC_CPU_SYSTEM], from_ns, to_ns);
    double cores = fmin(user.mean + system.mean, 1);
    return budget > 0 && ((stopped.count && stopped.mean * cores > budget) ||
                          (own.count && own.mean > OTHERS_SHARE * 2 * budget));
}

/* The bytes of a text that stand in a line of so many columns: all of it, or up to a blank. */
static size_t line_bytes(const char *text, int columns)
{
    const char *at = text, *fits = text, *blank = text;
    for (int used = 0; *at; fits = at) {
        if (*at == ' ')
            blank = at;
        used += codepoint_columns(codepoint_next(&at));
        if (used > columns)
            return (size_t)((blank > text ? blank : fits) - text);
    }
    return (size_t)(at - text);
}

static void draw_message(struct grid *g, int row, const struct status *s)
{
    const char *lines[MESSAGE_ROWS] = {s->message};
    size_t sizes[MESSAGE_ROWS], n = 0;
    for (;;) {
        sizes[n] = line_bytes(lines[n], g->columns);
        const char *rest = lines[n] + sizes[n];
        if (++n == MESSAGE_ROWS || !*rest)
            break;
        lines[n] = rest + strspn(rest, " ");
    }
    for (size_t i = 0; i < n; i++) {
        char text[MESSAGE_BYTES];
        int size = i + 1 < n ? (int)sizes[i] : MESSAGE_BYTES - 1; /* the last is cut with a sign */
        snprintf(text, sizeof text, "%.*s", size, lines[i]);
        int at = row + 1 - (int)(n - i);
        if (at < row) /* a row of the list */
            grid_fill(g, at, 0, g->columns, STYLE_NORMAL);
        grid_put(g, at, 0, g->columns, s->style, text);
    }
}

void draw_status(struct grid *g, int row, const struct status *s)
{
    const struct cost *cost = &s->rec->cost;
    char text[256], samples[FIGURE_MAX], lost[FIGURE_MAX];
    struct text t = TEXT(text);
    uint64_t from = s->at_ns > COST_SPAN_NS ? s->at_ns - COST_SPAN_NS : 0;
    const struct series *series = s->rec->total.series;
    struct point stopped = series_summary(&series[METRIC_STOPPED_PCT], from, s->at_ns + 1);
    struct point own = series_summary(&series[METRIC_OWN_CPU_PCT], from, s->at_ns + 1);
    const char *engine = string_text(&s->rec->words, s->rec->engine);
    bool over = is_over_budget(s->rec, from, s->at_ns + 1, stopped, own);
    if (*engine)
        text_add(&t, "%s %.0f Hz  ", engine, s->rec->rate_hz);
    text_add(&t, "%s samples  %s lost", figure_count(samples, cost->samples),
             figure_count(lost, cost->lost + cost->torn));
    if (stopped.count)
        text_add(&t, "  cost %.1f%% of CPU", stopped.mean);
    if (own.count)
        text_add(&t, "  own %.1f%%", own.mean);
    if (over)
        text_add(&t, "  over budget");
    int right = text_columns(text), left = text_columns(s->message);
    grid_fill(g, row, 0, g->columns, STYLE_NORMAL);
    if (left == 0 || left + 2 + right <= g->columns)
        grid_put_right(g, row, 0, g->columns, over ? STYLE_WARNING : STYLE_STATUS, text);
    if (left)
        draw_message(g, row, s);
}

int draw_prompt(struct grid *g, int row, const char *label, const char *text)
{
    grid_fill(g, row, 0, g->columns, STYLE_NORMAL);
    int at = grid_put(g, row, 0, g->columns - 8, STYLE_KEY, label) + 1;
    return at + grid_put_tail(g, row, at, g->columns - at - 1, STYLE_NORMAL, text);
}

void draw_help(struct grid *g, int row, int height, const struct label *lines, size_t n, size_t top)
{
    for (int i = 0; i < height && top + (size_t)i < n; i++) {
        const struct label *l = &lines[top + (size_t)i];
        if (!l->key) {
            grid_put(g, row + i, 1, g->columns - 2, STYLE_HEADING, l->text);
            continue;
        }
        int used = grid_put(g, row + i, 3, 20, STYLE_KEY, l->key);
        int at = used == 0 ? 3 : used > 14 ? 3 + used + 2 : 19;
        grid_put(g, row + i, at, g->columns - at - 1, STYLE_NORMAL, l->text);
    }
}
