/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See settings_screen.h. */
#include "ui/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "session/settings_apply.h"
#include "view/draw_table.h"

#define AT(member) offsetof(struct setting_values, member)

/* ---- what a change does ---- */

static void apply_interval(struct ui *ui, const struct settings *s)
{
    ui->interval_s = s->now.interval_s;
}

static void apply_window(struct ui *ui, const struct settings *s)
{
    ui->span_ns = (uint64_t)(s->now.window_s * NS_PER_S);
}

static void apply_ascii(struct ui *ui, const struct settings *s)
{
    ui->ascii = s->now.ascii || terminal_is_ascii();
    int columns = ui->grid.columns, rows = ui->grid.rows;
    grid_clear(&ui->grid);
    grid_init(&ui->grid, columns, rows, ui->ascii);
}

static void apply_color(struct ui *ui, const struct settings *s)
{
    (void)ui;
    terminal_set_color(s->now.color != SETTING_COLOR_NO);
}

static void apply_native(struct ui *ui, const struct settings *s)
{
    ui->filter.native = (enum native_frames)s->now.native;
}

/* Of the screens; the session takes the others. */
static const struct {
    size_t at;
    void (*apply)(struct ui *ui, const struct settings *s);
} effects[] = {
    {AT(interval_s), apply_interval}, {AT(window_s), apply_window}, {AT(ascii), apply_ascii},
    {AT(color), apply_color},         {AT(native), apply_native},
};

/* false: it could not be put in force, and why stands at the bottom. */
static bool apply(struct ui *ui, const struct setting *row)
{
    struct err err;
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++)
        if (effects[i].at == row->at)
            effects[i].apply(ui, ui->options->settings);
    ui->refill = ui->repaint = true;
    if (settings_apply(ui->options->settings, ui->session, row, true, &err))
        return true;
    ui_say(ui, STYLE_WARNING, "%s", err.text);
    return false;
}

/* ---- keys ---- */

/* NULL: an alert's rule is selected, or there are no settings. */
static const struct setting *selected(struct ui *ui)
{
    size_t at = ui_list(ui)->selected;
    return ui->options->settings && at < settings_count ? &settings_table[at] : NULL;
}

static void changed(struct ui *ui, const struct setting *row)
{
    char value[SETTING_TEXT_MAX];
    setting_text(value, row, &ui->options->settings->now);
    if (!apply(ui, row))
        return;
    ui_say(ui, STYLE_NOTICE, "%s = %.400s%s; U writes it to your file", row->key,
           *value ? value : "\"\"", row->at_once ? "" : " from the next start");
}

static void step(struct ui *ui, int direction)
{
    const struct setting *row = selected(ui);
    if (!row)
        ui_say(ui, STYLE_NOTICE, "a rule is changed in the file, or on the alerts' screen (a)");
    else if (settings_step(ui->options->settings, row, direction))
        changed(ui, row);
    else if (setting_is_text(row))
        ui_say(ui, STYLE_NOTICE, "Enter asks for the text");
    else
        ui_say(ui, STYLE_NOTICE, "that is the end of what %s takes", row->key);
}

static void edit(struct ui *ui)
{
    const struct setting *row = selected(ui);
    char value[SETTING_TEXT_MAX];
    if (!row || row->words) {
        step(ui, 1);
        return;
    }
    ui->setup.typed = row;
    snprintf(ui->setup.label, sizeof ui->setup.label, "%s =", row->key);
    setting_text(value, row, &ui->options->settings->now);
    prompt_start(&ui->prompt, PROMPT_SETTING, ui->setup.label, value);
}

void settings_screen_take(struct ui *ui, const char *text)
{
    struct err err;
    if (!ui->setup.typed || !ui->options->settings)
        return;
    if (settings_change(ui->options->settings, ui->setup.typed, text, &err))
        changed(ui, ui->setup.typed);
    else
        ui_say(ui, STYLE_ERROR, "%s", err.text);
}

static void put_back(struct ui *ui)
{
    ui->setup.typed = selected(ui);
    if (ui->setup.typed)
        settings_screen_take(ui, ui->setup.typed->initial);
}

/* Writes the file and reads it again, so that what is shown is what it says. */
static void write_file(struct ui *ui)
{
    struct settings *s = ui->options->settings;
    struct settings_written w;
    struct setting_changes changes;
    struct err err;
    if (!settings_write(s, ORIGIN_CHANGED, &w, &err) || !settings_reload(s, &changes, &err)) {
        ui_say(ui, STYLE_ERROR, "%s", err.text);
        return;
    }
    for (size_t i = 0; i < settings_count; i++)
        if (changes.rows[i])
            apply(ui, &settings_table[i]);
    ui_say(ui, STYLE_NOTICE, w.same ? "%s says all that already" : "written to %s", w.path);
}

bool settings_screen_command(struct ui *ui, enum command command)
{
    bool here = ui->screen == SCREEN_SETTINGS;
    switch (command) {
    case COMMAND_SETTINGS:
        ui_show(ui, SCREEN_SETTINGS);
        return true;
    case COMMAND_WRITE_SETTINGS:
    case COMMAND_DEFAULT:
        if (!here || !ui->options->settings)
            ui_say(ui, STYLE_NOTICE, "that is for the settings (F2)");
        else if (command == COMMAND_DEFAULT)
            put_back(ui);
        else
            write_file(ui);
        return true;
    case COMMAND_OPEN:
        if (here)
            edit(ui);
        return here;
    case COMMAND_LEFT:
    case COMMAND_FOLD:
        if (here)
            step(ui, -1);
        return here;
    case COMMAND_RIGHT:
    case COMMAND_UNFOLD:
        if (here)
            step(ui, 1);
        return here;
    default:
        return false;
    }
}

/* ---- what is seen ---- */

#define VALUE_AT 22
#define FROM_AT  46

size_t settings_screen_rows(const struct ui *ui)
{
    const struct settings *s = ui->options->settings;
    return s ? settings_count + s->alerts.n : 0;
}

/* A path under the home with ~ for it. Borrowed from path, or out. */
static const char *short_path(char *out, size_t size, const char *path)
{
    const char *home = getenv("HOME");
    size_t n = home ? strlen(home) : 0;
    if (n < 2 || strncmp(path, home, n) != 0 || path[n] != '/')
        return path;
    snprintf(out, size, "~%s", path + n);
    return out;
}

int settings_screen_words(const struct ui *ui)
{
    return ui->grid.rows >= 16 ? 4 : 0;
}

/* The key, the value or the sentence about it has the word. */
static bool matches(const struct ui *ui, size_t at, const void *context)
{
    (void)context;
    const struct settings *s = ui->options->settings;
    char value[SETTING_TEXT_MAX];
    if (at >= settings_count)
        return strcasestr(s->alerts.at[at - settings_count].name, ui->search) ||
               strcasestr(s->alerts.at[at - settings_count].text, ui->search);
    const struct setting *row = &settings_table[at];
    return strcasestr(row->key, ui->search) || strcasestr(row->comment, ui->search) ||
           strcasestr(setting_text(value, row, &s->now), ui->search);
}

bool settings_screen_find(struct ui *ui, int step, bool here)
{
    return ui_find_row(ui, settings_screen_rows(ui), matches, NULL, step, here);
}

static void draw_row(struct ui *ui, int row, size_t at)
{
    const struct settings *s = ui->options->settings;
    struct grid *g = &ui->grid;
    char value[SETTING_TEXT_MAX], where[700], shorter[700];
    const struct setting_source *from;
    bool is_alert = at >= settings_count;
    if (is_alert) {
        const struct alert_text *a = &s->alerts.at[at - settings_count];
        grid_printf(g, row, 1, VALUE_AT - 2, STYLE_NORMAL, "alerts.%s", a->name);
        grid_put(g, row, VALUE_AT, FROM_AT - VALUE_AT - 1, STYLE_NORMAL, a->text);
        from = &a->from;
    } else {
        const struct setting *setting = &settings_table[at];
        from = &s->from[at];
        setting_text(value, setting, &s->now);
        grid_put(g, row, 1, VALUE_AT - 2, STYLE_NORMAL, setting->key);
        grid_put(g, row, VALUE_AT, FROM_AT - VALUE_AT - 1,
                 from->origin == ORIGIN_DEFAULT ? STYLE_NORMAL : STYLE_TITLE,
                 *value ? value : "\"\"");
    }
    grid_put_tail(
        g, row, FROM_AT, g->columns - FROM_AT - 1,
        from->origin == ORIGIN_DEFAULT ? STYLE_GREY : STYLE_NORMAL,
        short_path(shorter, sizeof shorter, setting_source_text(where, sizeof where, from)));
    if (at == ui_list(ui)->selected)
        grid_restyle(g, row, 0, g->columns, STYLE_SELECTED);
    if (at < LINK_ROWS)
        grid_link(g, row, 0, g->columns, (uint16_t)(LINK_ROW + at));
}

/* At most `lines` lines, broken between words. Returns how many were used. */
static int draw_words(struct grid *g, int row, int lines, const char *words)
{
    int used = 0;
    while (*words && used < lines) {
        size_t most = (size_t)(g->columns - 2), n = strlen(words);
        char line[1024];
        if (n > most && used + 1 < lines)
            for (n = most; n > 1 && words[n] != ' ';)
                n--;
        snprintf(line, sizeof line, "%.*s", (int)n, words);
        grid_put(g, row + used++, 1, g->columns - 2, STYLE_NORMAL, line);
        words += n;
        while (*words == ' ')
            words++;
    }
    return used;
}

/* What the selected one is for. */
static void draw_selected(struct ui *ui, int row)
{
    const struct settings *s = ui->options->settings;
    const struct setting *setting = selected(ui);
    char takes[SETTING_TEXT_MAX], words[1024];
    struct err err;
    if (setting) {
        snprintf(words, sizeof words, "%s: %s", setting->key, setting->comment);
        int used = draw_words(&ui->grid, row, 2, words);
        grid_printf(&ui->grid, row + used, 1, ui->grid.columns - 2, STYLE_GREY,
                    "Takes %s (default %s). A change holds %s.", setting_takes(takes, setting),
                    *setting->initial ? setting->initial : "\"\"",
                    setting->at_once ? "at once" : "from the next start");
    } else {
        const struct alert_text *a = &s->alerts.at[ui_list(ui)->selected - settings_count];
        draw_words(&ui->grid, row, 3, a->text);
    }
    char path[600], shorter[600];
    if (settings_user_path(s, path, sizeof path, &err))
        snprintf(words, sizeof words, "Enter + - change it, D: its default, U writes %s",
                 short_path(shorter, sizeof shorter, path));
    else
        snprintf(words, sizeof words, "%s", err.text);
    grid_put(&ui->grid, row + settings_screen_words(ui) - 1, 1, ui->grid.columns - 2, STYLE_GREY,
             words);
}

void settings_screen_draw(struct ui *ui, int row, int height)
{
    struct grid *g = &ui->grid;
    size_t n = settings_screen_rows(ui), top = ui_list(ui)->top;
    grid_fill(g, row, 0, g->columns, STYLE_COLUMN);
    grid_put(g, row, 1, VALUE_AT - 2, STYLE_COLUMN, "SETTING");
    grid_put(g, row, VALUE_AT, FROM_AT - VALUE_AT - 1, STYLE_COLUMN, "VALUE");
    grid_put(g, row, FROM_AT, g->columns - FROM_AT, STYLE_COLUMN, "FROM");
    int words = settings_screen_words(ui);
    for (int i = 0; i < height - 1 - words && top + (size_t)i < n; i++)
        draw_row(ui, row + 1 + i, top + (size_t)i);
    if (words && ui_list(ui)->selected < n)
        draw_selected(ui, row + height - words);
}

void settings_screen_place(char *out, size_t size, const struct ui *ui, const char *name)
{
    char dir[1024] = "";
    if (ui->options->settings)
        settings_resolve(dir, ui->options->settings->now.snapshot_dir);
    size_t n = strlen(dir);
    snprintf(out, size, "%s%s%s", dir, n && dir[n - 1] != '/' ? "/" : "", name);
}

void settings_screen_start(struct ui *ui)
{
    const struct settings *s = ui->options->settings;
    if (!s)
        return;
    apply_window(ui, s);
    if (!s->problems.n)
        return;
    char shorter[600];
    const char *first = short_path(shorter, sizeof shorter, s->problems.at[0]);
    if (s->problems.n > 1)
        ui_say(ui, STYLE_ERROR, "%zu settings are wrong (proftop settings --check): %s",
               s->problems.n, first);
    else
        ui_say(ui, STYLE_ERROR, "%s", first);
}
