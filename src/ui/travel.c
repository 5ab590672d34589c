/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See travel.h. */
#include "ui/state.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "view/draw_header.h"

#define LEAST_NS     (20 * NS_PER_MS) /* no window is shorter */
#define BEFORE_ALERT (10 * NS_PER_S)  /* what is shown around an alert or a mark */
#define AFTER_ALERT  (20 * NS_PER_S)
#define PARTS_OF_ALL 10 /* a window that a key begins is such a part of what was recorded */
#define STEPS_A_MOVE 2  /* it moves by half of its length */
#define STEPS_AN_END 4  /* its ends by a quarter */

bool travel_holds(const struct ui *ui)
{
    return ui->travel.held.to_ns != 0;
}

void ui_select_window(struct ui *ui, struct window w)
{
    if (!w.to_ns) {
        travel_let_go(ui);
        return;
    }
    struct window all = window_all(ui_recording(ui));
    uint64_t least = all.to_ns - all.from_ns < LEAST_NS ? all.to_ns - all.from_ns : LEAST_NS;
    w.from_ns = w.from_ns < all.from_ns ? all.from_ns : w.from_ns;
    w.to_ns = w.to_ns > all.to_ns ? all.to_ns : w.to_ns;
    if (w.to_ns < all.from_ns + least)
        w.to_ns = all.from_ns + least;
    if (w.from_ns + least > w.to_ns)
        w.from_ns = w.to_ns - least;
    ui->travel.held = w;
    ui->travel.event_ns = 0;
    ui->refill = true;
}

void travel_let_go(struct ui *ui)
{
    ui->travel.held = (struct window){0};
    ui->travel.event_ns = 0;
    ui->refill = true;
}

/* Lengths that people can reckon with. */
static const unsigned round_s[] = {7200, 3600, 1800, 600, 300, 120, 60, 30, 10, 5, 2, 1};
#define ROUND (sizeof round_s / sizeof round_s[0])

/* The longest that is at most so long. */
static uint64_t round_span(uint64_t span_ns)
{
    for (size_t i = 0; i < ROUND; i++)
        if (round_s[i] * NS_PER_S <= span_ns)
            return round_s[i] * NS_PER_S;
    return NS_PER_S;
}

/* Live, with a window held: it moves to the left as time goes on, and the scale changes only when
 * it would leave. A part is left free before it. */
static struct window spark_to_now(struct window all, struct window held, uint64_t least_ns)
{
    uint64_t needed = (all.to_ns - held.from_ns) / 8 * 9, span = all.to_ns - all.from_ns;
    for (size_t i = 0; i < ROUND; i++)
        if (round_s[i] * NS_PER_S >= needed && round_s[i] * NS_PER_S < span)
            span = round_s[i] * NS_PER_S;
    if (span < least_ns)
        span = least_ns;
    return (struct window){all.to_ns > span ? all.to_ns - span : 0, all.to_ns + 1};
}

/* Live, a cell is about a second, or more where a window is held that began before; else the
 * sparkline is the window. Of what stands still, with a window held, it is what it was if that is
 * in it, else all that was recorded. */
struct window travel_spark(const struct ui *ui)
{
    struct window w = ui_window(ui), was = ui->travel.spark.all;
    struct window all = window_all(ui_recording(ui));
    uint64_t span = (uint64_t)ui->grid.columns / 4 * NS_PER_S;
    bool live = session_kind(ui->session) == SESSION_LIVE;
    if (travel_holds(ui) && live)
        return spark_to_now(all, w, span);
    if (travel_holds(ui)) {
        bool in_it = was.from_ns <= w.from_ns && was.to_ns >= w.to_ns && was.from_ns;
        return in_it ? was : all;
    }
    if (live && !ui->span_ns)
        w.from_ns = w.to_ns > span ? w.to_ns - span : 0;
    w.to_ns++;
    return w;
}

uint64_t travel_ago(const struct ui *ui)
{
    uint64_t now = session_recording(ui->session)->end_ns, end = ui->travel.held.to_ns;
    bool live = session_kind(ui->session) == SESSION_LIVE;
    return live && travel_holds(ui) && now > end ? now - end : 0;
}

/* The newest part of what is shown: as long as the window was, or a tenth of all. */
static void begin(struct ui *ui)
{
    struct window w = ui_window(ui);
    uint64_t span = w.to_ns - w.from_ns;
    if (!ui->span_ns)
        span = round_span(span / PARTS_OF_ALL);
    w.from_ns = w.to_ns > span ? w.to_ns - span : 0;
    ui_select_window(ui, w);
    ui_say(ui, STYLE_NOTICE, "this part is shown: [ ] move it, { } ( ) its ends, 0: back to now");
}

/* Moves the window by half of its length; it stops at the ends of the recording. */
static void move(struct ui *ui, bool later)
{
    if (!travel_holds(ui)) {
        begin(ui);
        return;
    }
    struct window w = ui->travel.held, all = window_all(ui_recording(ui));
    uint64_t span = w.to_ns - w.from_ns, step = span / STEPS_A_MOVE;
    if (later)
        w.from_ns = w.to_ns + step < all.to_ns ? w.from_ns + step : all.to_ns - span;
    else
        w.from_ns = w.from_ns > all.from_ns + step ? w.from_ns - step : all.from_ns;
    w.to_ns = w.from_ns + span;
    ui_select_window(ui, w);
}

static void move_end(struct ui *ui, enum command command)
{
    if (!travel_holds(ui)) {
        begin(ui);
        return;
    }
    struct window w = ui->travel.held;
    uint64_t step = (w.to_ns - w.from_ns) / STEPS_AN_END;
    switch (command) {
    case COMMAND_BEGIN_EARLIER:
        w.from_ns = w.from_ns > step ? w.from_ns - step : 0;
        break;
    case COMMAND_BEGIN_LATER:
        w.from_ns += step;
        break;
    case COMMAND_END_EARLIER:
        w.to_ns -= step;
        break;
    default:
        w.to_ns += step;
        break;
    }
    ui_select_window(ui, w);
}

static void jump_to_spike(struct ui *ui, bool later)
{
    const struct recording *rec = ui_recording(ui);
    enum metric metric = ui->time.metric;
    struct spikes spikes = {0};
    char top[FIGURE_MAX], usual[FIGURE_MAX], clock[FIGURE_MAX];
    spikes_find(&spikes, &rec->total.series[metric], metric);
    uint64_t at = travel_holds(ui) ? ui->travel.held.from_ns : rec->end_ns;
    const struct spike *s = later ? spikes_after(&spikes, at) : spikes_before(&spikes, at);
    if (s) {
        ui_select_window(ui, s->window);
        ui_say(ui, STYLE_NOTICE, "%s %s at %s, usually %s: c says what ran", metrics[metric].title,
               metric_figure(top, metric, s->top), wall_clock(clock, rec, s->window.from_ns),
               metric_figure(usual, metric, spikes.usual));
    } else {
        ui_say(ui, STYLE_NOTICE, "no spike of %s %s this (Time, 9, chooses the metric)",
               metrics[metric].title, later ? "after" : "before");
    }
    spikes_clear(&spikes);
}

/* The nearest one to `at` in its direction, among those seen so far. */
struct nearest {
    uint64_t at_ns, found_ns; /* found_ns 0: none yet */
    bool later;
};

static bool is_nearer(struct nearest *n, uint64_t time_ns)
{
    bool beyond = n->later ? time_ns > n->at_ns : time_ns < n->at_ns;
    bool nearer = !n->found_ns || (n->later ? time_ns < n->found_ns : time_ns > n->found_ns);
    if (!beyond || !nearer)
        return false;
    n->found_ns = time_ns;
    return true;
}

static void jump_to_event(struct ui *ui, bool later)
{
    const struct recording *rec = ui_recording(ui);
    char text[160] = "", clock[FIGURE_MAX];
    const struct travel *t = &ui->travel;
    struct nearest n = {t->event_ns         ? t->event_ns
                        : !travel_holds(ui) ? rec->end_ns + 1
                        : later             ? t->held.from_ns
                                            : t->held.to_ns,
                        0, later};
    for (size_t i = 0; i < rec->alerts.n; i++)
        if (rec->alerts.at[i].raised && is_nearer(&n, rec->alerts.at[i].time_ns))
            snprintf(text, sizeof text, "an alert was raised (a lists them)");
    for (size_t i = 0; i < rec->marks.n; i++)
        if (rec->marks.at[i].kind != MARK_RATE && is_nearer(&n, rec->marks.at[i].time_ns))
            snprintf(text, sizeof text, "%.150s", string_text(&rec->words, rec->marks.at[i].text));
    if (!n.found_ns) {
        ui_say(ui, STYLE_NOTICE, "no alert and no mark %s this", later ? "after" : "before");
        return;
    }
    text_make_printable(text);
    uint64_t from = n.found_ns > BEFORE_ALERT ? n.found_ns - BEFORE_ALERT : 0;
    ui_select_window(ui, (struct window){from, n.found_ns + AFTER_ALERT});
    ui->travel.event_ns = n.found_ns;
    ui_say(ui, STYLE_NOTICE, "%s: %s", wall_clock(clock, rec, n.found_ns), text);
}

bool travel_stands_still(struct ui *ui, const char *so)
{
    if (session_kind(ui->session) == SESSION_LIVE)
        return false;
    bool file = session_kind(ui->session) == SESSION_FILE;
    ui_say(ui, STYLE_NOTICE, "%s: %s", file ? "a file stands still" : "the target has ended", so);
    return true;
}

static void pause_or_go_on(struct ui *ui)
{
    if (!ui->frozen && travel_stands_still(ui, "there is nothing to pause"))
        return;
    /* A copy, and not merely a window that ends now: what the sampler saw before now is still on
     * its way, and old samples are thinned. */
    if (ui->frozen)
        ui_go_on(ui);
    else
        ui->frozen = recording_copy(session_recording(ui->session));
    ui->refill = true;
}

static void next_span(struct ui *ui)
{
    static const uint64_t spans[] = {0, 10 * NS_PER_S, 60 * NS_PER_S, 600 * NS_PER_S};
    size_t n = sizeof spans / sizeof spans[0], at = 0;
    while (at < n && spans[at] != ui->span_ns)
        at++;
    ui->span_ns = spans[(at + 1) % n];
    travel_let_go(ui);
    char figure[FIGURE_MAX];
    if (ui->span_ns)
        ui_say(ui, STYLE_NOTICE, "window: the last %s", figure_duration(figure, ui->span_ns));
    else
        ui_say(ui, STYLE_NOTICE, "window: all that was recorded");
}

static void start_now(struct ui *ui)
{
    if (travel_stands_still(ui, "nothing comes after that"))
        return;
    travel_let_go(ui);
    ui->started_ns = window_all(ui_recording(ui)).to_ns;
    ui_say(ui, STYLE_NOTICE, "the window starts now; 0 takes all in again");
}

static void back_to_now(struct ui *ui)
{
    ui->span_ns = ui->started_ns = 0;
    travel_let_go(ui);
    ui_go_on(ui);
}

bool travel_command(struct ui *ui, enum command command)
{
    switch (command) {
    case COMMAND_PAUSE:
        pause_or_go_on(ui);
        return true;
    case COMMAND_WINDOW:
        next_span(ui);
        return true;
    case COMMAND_START:
        start_now(ui);
        return true;
    case COMMAND_EARLIER:
    case COMMAND_LATER:
        move(ui, command == COMMAND_LATER);
        return true;
    case COMMAND_BEGIN_EARLIER:
    case COMMAND_BEGIN_LATER:
    case COMMAND_END_EARLIER:
    case COMMAND_END_LATER:
        move_end(ui, command);
        return true;
    case COMMAND_SPIKE_BEFORE:
    case COMMAND_SPIKE_AFTER:
        jump_to_spike(ui, command == COMMAND_SPIKE_AFTER);
        return true;
    case COMMAND_EVENT_BEFORE:
    case COMMAND_EVENT_AFTER:
        jump_to_event(ui, command == COMMAND_EVENT_AFTER);
        return true;
    case COMMAND_NOW:
        back_to_now(ui);
        return true;
    default:
        return false;
    }
}

void travel_press(struct ui *ui, const struct strip *strip, struct window on)
{
    ui->travel.drag.on = true;
    ui->travel.drag.strip = *strip;
    ui->travel.drag.begun = on;
    ui_select_window(ui, on);
}

static void drag_to(struct ui *ui, struct window on)
{
    struct window w = ui->travel.drag.begun;
    w.from_ns = on.from_ns < w.from_ns ? on.from_ns : w.from_ns;
    w.to_ns = on.to_ns > w.to_ns ? on.to_ns : w.to_ns;
    ui_select_window(ui, w);
}

/* What a column of a strip is of, wherever the mouse is. */
static struct window at_column(const struct strip *s, int column)
{
    int x = column - s->at;
    x = x < 0 ? 0 : x >= s->width ? s->width - 1 : x;
    return (struct window){strip_time_ns(s, x), strip_time_ns(s, x + 1)};
}

bool travel_mouse(struct ui *ui, const struct terminal_event *event)
{
    struct travel *t = &ui->travel;
    struct window cell;
    bool in_cells = ui->screen == SCREEN_TIME && time_screen_cell(ui, event, &cell);
    switch (event->key) {
    case TERMINAL_CLICK: {
        const struct strip *s = &t->spark;
        bool spark = (event->row == 1 || event->row == 2) && event->column >= s->at &&
                     event->column < s->at + s->width;
        if (spark)
            travel_press(ui, s, at_column(s, event->column));
        else if (in_cells)
            travel_press(ui, &ui->time.strip, cell);
        return spark || in_cells;
    }
    case TERMINAL_DRAG:
        if (t->drag.on && in_cells)
            drag_to(ui, cell);
        else if (t->drag.on)
            drag_to(ui, at_column(&t->drag.strip, event->column));
        return true;
    case TERMINAL_RELEASE:
        t->drag.on = false;
        return true;
    default:
        return false;
    }
}
