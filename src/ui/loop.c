/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop of the screens: waits for keys, for the session and for signals; takes in what came;
 * computes the tables at most once an interval, or at once for a key; paints. The front's thread.
 */
#include "ui/state.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define SAVE_STEP_US  5000              /* how often the end looks whether a snapshot is written */
#define FIRST_NS      (2 * NS_PER_S)    /* in the beginning */
#define FIRST_STEP_NS (100 * NS_PER_MS) /* it goes faster, so that something is there at once */

static uint64_t interval_ns(const struct ui *ui)
{
    double s = ui->interval_s;
    if (!(s > 0))
        s = 1;
    if (s < 0.05)
        s = 0.05;
    if (s > 3600)
        s = 3600;
    return (uint64_t)(s * NS_PER_S);
}

/* When the tables are due again, if the recording has changed. */
static uint64_t due_ns(const struct ui *ui)
{
    const struct recording *rec = ui_recording(ui);
    uint64_t step = interval_ns(ui);
    if (rec->end_ns - rec->start_ns < FIRST_NS && step > FIRST_STEP_NS)
        step = FIRST_STEP_NS;
    return ui->filled_ns + step;
}

static bool changed(const struct ui *ui)
{
    return !ui->frozen && ui_recording(ui)->version != ui->shown_version;
}

static int timeout_ms(const struct ui *ui, uint64_t now_ns)
{
    uint64_t next = now_ns + 60 * NS_PER_S;
    if (ui->summary_due)
        return 0;
    if (changed(ui) && due_ns(ui) < next)
        next = due_ns(ui);
    if (now_ns < ui->message_until_ns && ui->message_until_ns < next)
        next = ui->message_until_ns;
    if (ui->saving && now_ns + 50 * NS_PER_MS < next)
        next = now_ns + 50 * NS_PER_MS;
    return next <= now_ns ? 0 : (int)((next - now_ns) / NS_PER_MS) + 1;
}

/* A change of the rate does not take the place of what is still to be read. */
static bool may_wait(const struct ui *ui, const char *notice)
{
    const struct recording *rec = session_recording(ui->session);
    const struct mark *last = rec->marks.n ? vec_last(&rec->marks) : NULL;
    return clock_mono_ns() < ui->message_until_ns && last && last->kind == MARK_RATE &&
           strcmp(string_text(&rec->words, last->text), notice) == 0;
}

static void take_news(struct ui *ui)
{
    char text[512];
    uint32_t seq = 0;
    const char *notice = session_notice(ui->session, &seq);
    if (seq != ui->notice_seq && notice[0] && !may_wait(ui, notice))
        ui_say(ui, STYLE_NOTICE, "%s", notice);
    ui->notice_seq = seq;
    alerts_screen_news(ui);
    switch (session_save_state(ui->session, text, sizeof text)) {
    case SAVE_DONE:
        ui->saving = false;
        snprintf(ui->snapshot, sizeof ui->snapshot, "%s", text);
        ui_say(ui, STYLE_NOTICE, "saved %s", text);
        break;
    case SAVE_FAILED:
        ui->saving = false;
        ui_say(ui, STYLE_ERROR, "%s", text);
        break;
    case SAVE_IDLE:
    case SAVE_RUNNING:
        break;
    }
}

static void take_wishes(struct ui *ui)
{
    unsigned wishes = terminal_wishes();
    if (wishes & TERMINAL_LEAVE)
        ui->leave = true;
    if (wishes & TERMINAL_SUSPEND) {
        session_rest(ui->session, true);
        terminal_suspend();
        session_rest(ui->session, false);
    }
    if (wishes & (TERMINAL_SUSPEND | TERMINAL_RESIZED))
        ui->repaint = true;
}

static void take_keys(struct ui *ui, short revents)
{
    struct terminal_event event;
    bool any = false;
    while (!ui->leave && terminal_read(&event)) {
        any = true;
        ui_event(ui, &event, clock_mono_ns());
    }
    /* Hung up, or its end: nobody is there any more. */
    if (revents & (POLLHUP | POLLERR | POLLNVAL) && !any)
        ui->leave = true;
}

static void loop(struct ui *ui)
{
    bool message_shown = false;
    while (!ui->leave) {
        struct pollfd fds[3] = {
            {STDIN_FILENO, POLLIN, 0},
            {terminal_wish_fd(), POLLIN, 0},
            {session_fd(ui->session), POLLIN, 0}, /* poll skips -1 */
        };
        if (poll(fds, 3, timeout_ms(ui, clock_mono_ns())) < 0 && errno != EINTR)
            break;
        take_wishes(ui);
        if (ui->leave)
            break;
        if (fds[2].revents)
            session_pump(ui->session);
        take_keys(ui, fds[0].revents);
        take_news(ui);
        uint64_t now_ns = clock_mono_ns();
        bool message = now_ns < ui->message_until_ns;
        if (message_shown && !message)
            ui->repaint = true;
        message_shown = message;
        if (ui->refill || (changed(ui) && now_ns >= due_ns(ui)))
            ui_fill(ui, now_ns);
        else if (ui->summary_due)
            ui_fill_summary(ui);
        if (ui->repaint && !ui->leave)
            ui_paint(ui, now_ns);
    }
}

static void ui_clear(struct ui *ui)
{
    table_clear(&ui->table);
    table_clear(&ui->summary);
    detail_clear(&ui->detail);
    flame_screen_clear(&ui->flame);
    time_screen_clear(&ui->time);
    text_lines_clear(&ui->wait);
    text_lines_clear(&ui->objects.lines);
    map_free(&ui->folded);
    vec_free(&ui->folded_keys);
    vec_free(&ui->detail_path);
    for (int i = 0; i < SCREEN_COUNT; i++)
        order_clear(&ui->lists[i].order);
    if (ui->compare.owned && ui->compare.other)
        session_free(ui->compare.other);
    ui_go_on(ui);
    grid_clear(&ui->grid);
}

/* A snapshot that was begun before the end. false: it could not be written. */
static bool finish_saving(struct ui *ui, struct err *err)
{
    char text[512];
    while (ui->saving) {
        switch (session_save_state(ui->session, text, sizeof text)) {
        case SAVE_FAILED:
            return err_set(err, "%s", text);
        case SAVE_RUNNING:
            usleep(SAVE_STEP_US);
            session_pump(ui->session);
            break;
        case SAVE_DONE:
        case SAVE_IDLE:
            return true;
        }
    }
    return true;
}

bool ui_run(struct session *a, struct session *b, const struct ui_options *options, struct err *err)
{
    static const struct ui_options defaults = {.interval_s = 1};
    struct ui ui = {.session = b ? b : a, .options = options ? options : &defaults};
    if (!terminal_open(ui.options->no_color, err))
        return false;
    mem_keep_freed();
    ui.ascii = ui.options->ascii || terminal_is_ascii();
    grid_init(&ui.grid, 80, 24, ui.ascii);
    ui.filter.native = ui.options->native;
    ui.interval_s = ui.options->interval_s;
    ui.refill = ui.repaint = true;
    if (b) {
        ui.compare.other = a;
        ui.compare.with = COMPARE_OTHER;
        ui.screen = SCREEN_COMPARE;
        const char *path = session_path(a);
        snprintf(ui.compare.name, sizeof ui.compare.name, "%s", path ? path_base(path) : "live");
    }
    struct window about;
    if (session_alert_window(ui.session, &about)) {
        ui_select_window(&ui, about);
        ui_say(&ui, STYLE_NOTICE, "the time of the alert that saved this file; 0 shows all");
    }
    /* A notice from before the screen came up is still news. */
    session_pump(ui.session);
    settings_screen_start(&ui);
    ui_fill(&ui, clock_mono_ns());
    ui_paint(&ui, clock_mono_ns());
    loop(&ui);
    terminal_close();
    bool saved = finish_saving(&ui, err);
    ui_clear(&ui);
    return saved;
}

void ui_print_keys(FILE *out)
{
    for (size_t i = 0; i < SCREEN_COUNT; i++) {
        const struct screen *s = &screens[i];
        if (!s->letter || i == SCREEN_COMPARE || i == SCREEN_HELP)
            continue;
        fprintf(out, ".TP\n.B ");
        if (s->digit)
            fprintf(out, "%c ", s->digit);
        fprintf(out, "%c\nShow %s.\n", s->letter, s->help);
    }
    for (size_t i = 0; i < key_count; i++) {
        if (keys[i].command == COMMAND_NONE) {
            fprintf(out, ".SS %s\n", keys[i].help);
            continue;
        }
        fprintf(out, ".TP\n.B ");
        for (const char *c = keys[i].names; *c; c++)
            fprintf(out, "%s%c", *c == '\\' || *c == '-' ? "\\" : "", *c == '\\' ? 'e' : *c);
        fprintf(out, "\n%c%s.\n", keys[i].help[0] & ~0x20, keys[i].help + 1);
    }
}
