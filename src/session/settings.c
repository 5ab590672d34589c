/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See settings.h. */
#include "session/settings.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/nearest.h"
#include "base/text.h"
#include "session/rcfile.h"

#define NAME            "proftop/proftoprc"
#define PROBLEMS_MAX    50
#define ALERTS_MAX      200
#define CONFIG_DIRS_MAX 16

static const char *const sections[] = {"alerts"};

void settings_init(struct settings *s)
{
    memset(s, 0, sizeof *s);
    setting_defaults(&s->now);
}

static void clear_alert(struct alert_text *alert)
{
    free(alert->name);
    free(alert->text);
}

/* What came from the files. */
static void forget_files(struct settings *s)
{
    for (size_t i = 0; i < s->alerts.n; i++)
        clear_alert(&s->alerts.at[i]);
    for (size_t i = 0; i < s->files.n; i++)
        free(s->files.at[i]);
    for (size_t i = 0; i < s->problems.n; i++)
        free(s->problems.at[i]);
    vec_free(&s->alerts);
    vec_free(&s->files);
    vec_free(&s->problems);
}

void settings_clear(struct settings *s)
{
    forget_files(s);
    for (size_t i = 0; i < s->asked.n; i++) {
        free(s->asked.at[i].key);
        free(s->asked.at[i].value);
    }
    vec_free(&s->asked);
    vec_free(&s->alert_lines);
    free(s->config);
    s->config = NULL;
}

static void add_problem(struct settings *s, const char *path, unsigned line, const char *what)
{
    if (s->problems.n > PROBLEMS_MAX)
        return;
    char *text = line ? xasprintf("%s:%u: %s", path, line, what) : xstrdup(what);
    if (s->problems.n == PROBLEMS_MAX) {
        free(text);
        text = xasprintf("%s: more problems than %d: the others are not told", path, PROBLEMS_MAX);
    }
    text_make_printable(text);
    vec_push(&s->problems, text);
}

/* ---- one value ---- */

/* The last one of a name holds. */
static void set_alert(struct settings *s, const char *name, const char *text,
                      const struct setting_source *from)
{
    struct alert_text *alert = NULL;
    for (size_t i = 0; i < s->alerts.n && !alert; i++)
        if (strcmp(s->alerts.at[i].name, name) == 0)
            alert = &s->alerts.at[i];
    if (alert)
        clear_alert(alert);
    else
        alert = vec_add(&s->alerts);
    *alert = (struct alert_text){xstrdup(name), xstrdup(text), *from};
}

/* What was added at a file's end, and so to the alerts, is likely to be a setting. */
static bool check_alert(const struct settings *s, const char *name, const char *text,
                        struct err *err)
{
    const struct setting *row = setting_find(name);
    bool no_rule = *text && strcmp(text, "off") != 0 && !strpbrk(text, "<>");
    const char *nearest = no_rule && s->problems.n < PROBLEMS_MAX ? setting_nearest(name) : NULL;
    if (row && !strpbrk(text, "<>"))
        return err_set(err, "%s is no alert: it belongs before the line [alerts]", row->key);
    if (nearest)
        return err_set(err,
                       "%s is no alert: did you mean \"%s\"? That belongs before the line "
                       "[alerts]",
                       name, nearest);
    if (!*text)
        return err_set(err, "%s: a rule is METRIC > THRESHOLD, or off", name);
    if (s->alerts.n >= ALERTS_MAX)
        return err_set(err, "%s: there are %d rules already, the most there can be", name,
                       ALERTS_MAX);
    struct alert_rule rule;
    return strcmp(text, "off") == 0 || alert_rule_parse(&rule, name, text, err);
}

static bool unknown(const char *what, const char *key, const char *nearest, struct err *err)
{
    if (nearest)
        return err_set(err, "unknown %s \"%s\": did you mean \"%s\"?", what, key, nearest);
    return err_set(err, "unknown %s \"%s\" (proftop settings lists them)", what, key);
}

/* Of the command line's key: alerts.NAME, or a setting's. */
static const char *alert_name(const char *key)
{
    return strncmp(key, "alerts.", 7) == 0 && key[7] ? key + 7 : NULL;
}

static bool set_value(struct settings *s, const char *key, const char *value,
                      const struct setting_source *from, struct err *err)
{
    const struct setting *row = setting_find(key);
    if (!row) /* of many none is looked for: what is near is told no more */
        return unknown("setting", key, s->problems.n < PROBLEMS_MAX ? setting_nearest(key) : NULL,
                       err);
    struct err why;
    if (!setting_read(row, value, &s->now, &why))
        return err_set(err, "%s %.400s", row->key, why.text);
    s->from[row - settings_table] = *from;
    return true;
}

/* ---- files ---- */

static bool known_section(const char *name, struct err *err)
{
    struct nearest best = {0};
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        if (strcmp(sections[i], name) == 0)
            return true;
        nearest_try(&best, name, sections[i]);
    }
    if (setting_find(name))
        return err_set(err, "%s is a setting and no section: its lines are passed over", name);
    return err_set(err, "unknown section \"%s\"%s%s%s: its lines are passed over", name,
                   best.name ? ", did you mean \"" : "", best.name ? best.name : "",
                   best.name ? "\"?" : "");
}

/* The line of this file on which it was set already; 0: not yet. */
static unsigned set_on_line(const struct settings *s, const struct rc_line *l, const char *path)
{
    const struct setting *row = setting_find(l->key);
    const struct setting_source *from = NULL;
    if (!*l->section && row)
        from = &s->from[row - settings_table];
    for (size_t i = 0; *l->section && i < s->alerts.n; i++)
        if (strcmp(s->alerts.at[i].name, l->key) == 0)
            from = &s->alerts.at[i].from;
    return from && from->origin == ORIGIN_FILE && from->path == path ? from->line : 0;
}

static void take_entry(struct settings *s, const struct rc_line *l, const char *path)
{
    struct setting_source from = {ORIGIN_FILE, path, l->number};
    struct err err;
    unsigned before = set_on_line(s, l, path);
    bool ok = *l->section ? check_alert(s, l->key, l->value, &err)
                          : set_value(s, l->key, l->value, &from, &err);
    if (ok && *l->section)
        set_alert(s, l->key, l->value, &from);
    if (ok && before)
        ok = err_set(&err, "%s stands on line %u already: this line holds", l->key, before);
    if (ok)
        return;
    const struct setting *row = *l->section ? NULL : setting_find(l->key);
    if (row && !before) {
        char kept[SETTING_TEXT_MAX];
        setting_text(kept, row, &s->now);
        char *text = xasprintf("%s; it stays %s", err.text, *kept ? kept : "empty");
        add_problem(s, path, l->number, text);
        free(text);
    } else {
        add_problem(s, path, l->number, err.text);
    }
}

static void take_text(struct settings *s, const char *text, size_t size, const char *path)
{
    struct rc_reader r;
    struct err err;
    bool known = true;
    rc_begin(&r, text, size);
    while (rc_next(&r)) {
        const struct rc_line *l = &r.line;
        if (l->kind == RC_BROKEN)
            add_problem(s, path, l->number, l->err.text);
        if (l->kind == RC_SECTION) {
            known = known_section(l->section, &err);
            if (!known)
                add_problem(s, path, l->number, err.text);
        } else if (l->kind == RC_BROKEN && strcmp(l->section, "?") == 0) {
            known = false;
        } else if (l->kind == RC_ENTRY && known) {
            take_entry(s, l, path);
        }
    }
}

bool settings_load_file(struct settings *s, const char *path, struct err *err)
{
    char *text;
    size_t size;
    if (!rc_read(path, &text, &size, err))
        return false;
    if (!text)
        return err_set(err, "%s: there is no such file", path);
    char *name = xstrdup(path);
    vec_push(&s->files, name);
    take_text(s, text, size, name);
    free(text);
    return true;
}

/* One of the usual places: that it is not there is no problem. */
static bool load_usual(struct settings *s, const char *path, struct err *err)
{
    char *text;
    size_t size;
    if (!rc_read(path, &text, &size, err)) {
        add_problem(s, path, 0, err->text);
        return false;
    }
    if (!text)
        return true;
    char *name = xstrdup(path);
    vec_push(&s->files, name);
    take_text(s, text, size, name);
    free(text);
    return true;
}

/* Of our own, whoever called: sudo sets HOME to root's, and sudo -E leaves the caller's. */
static const char *home(void)
{
    const char *home = getenv("HOME");
    if (home && *home == '/')
        return home;
    const struct passwd *pw = getpwuid(geteuid());
    return pw && pw->pw_dir && *pw->pw_dir == '/' ? pw->pw_dir : NULL;
}

bool settings_user_path(const struct settings *s, char *out, size_t size, struct err *err)
{
    const char *folder = getenv("XDG_CONFIG_HOME");
    int n;
    if (s->config)
        n = snprintf(out, size, "%s", s->config);
    else if (folder && *folder == '/') /* the specification: what is relative is to be ignored */
        n = snprintf(out, size, "%s/" NAME, folder);
    else if (home())
        n = snprintf(out, size, "%s/.config/" NAME, home());
    else
        return err_set(err, "no settings file of yours: HOME is not set (--config names one)");
    if (n < 0 || (size_t)n >= size)
        return err_set(err, "the settings file's path is too long (--config names another)");
    return true;
}

/* The first of XDG_CONFIG_DIRS wins, so it is read last. */
static bool load_config_dirs(struct settings *s, struct err *err)
{
    const char *dirs = getenv("XDG_CONFIG_DIRS");
    if (!dirs || !*dirs)
        dirs = "/etc/xdg";
    const char *starts[CONFIG_DIRS_MAX];
    size_t n = 0;
    for (const char *at = dirs; at && n < CONFIG_DIRS_MAX; at = strchr(at, ':')) {
        at += *at == ':';
        starts[n++] = at;
    }
    bool ok = true;
    while (n-- > 0) {
        char path[1024];
        int length = (int)strcspn(starts[n], ":");
        if (*starts[n] == '/' && length < 900) {
            snprintf(path, sizeof path, "%.*s/" NAME, length, starts[n]);
            ok &= load_usual(s, path, err);
        }
    }
    return ok;
}

static bool load_files(struct settings *s, struct err *err)
{
    char path[1024];
    if (s->config)
        return settings_load_file(s, s->config, err);
    bool ok = load_usual(s, "/etc/" NAME, err);
    ok &= load_config_dirs(s, err);
    if (settings_user_path(s, path, sizeof path, NULL))
        ok &= load_usual(s, path, err);
    return ok;
}

/* ---- all of them ---- */

/* A level that reaches less far back than the one before is taken to reach as far. */
static void check_levels(struct settings *s)
{
    static const char *const keys[] = {"raw-samples", "second-slices", "ten-second-slices"};
    const double reach[] = {s->now.raw_s, s->now.second_s, s->now.ten_s};
    for (size_t i = 1; i < 3; i++) {
        const struct setting_source *from = &s->from[setting_find(keys[i]) - settings_table];
        char where[300];
        if (reach[i] >= reach[i - 1])
            continue;
        if (from->origin == ORIGIN_DEFAULT)
            from = &s->from[setting_find(keys[i - 1]) - settings_table];
        setting_source_text(where, sizeof where, from);
        char *line = xasprintf("%s: %s reaches less far back than %s: it is taken to reach as far",
                               where, keys[i], keys[i - 1]);
        add_problem(s, "", 0, line);
        free(line);
    }
}

static bool apply_asked(struct settings *s, const struct setting_asked *a, struct err *err)
{
    static const struct setting_source here = {ORIGIN_COMMAND_LINE, NULL, 0};
    const char *name = alert_name(a->key);
    if (!name)
        return set_value(s, a->key, a->value, &here, err);
    if (!check_alert(s, name, a->value, err))
        return false;
    set_alert(s, name, a->value, &here);
    return true;
}

bool settings_ask(struct settings *s, const char *key, const char *value, struct err *err)
{
    struct setting_asked asked = {xstrdup(key), xstrdup(value)};
    vec_push(&s->asked, asked);
    if (apply_asked(s, &asked, err))
        return true;
    s->asked.n--;
    free(asked.key);
    free(asked.value);
    return false;
}

bool settings_ask_line(struct settings *s, const char *line, struct err *err)
{
    const char *sign = strchr(line, '='), *value = sign ? sign + 1 : NULL;
    if (!sign || sign == line)
        return err_set(err, "\"%.200s\" is not KEY=VALUE", line);
    size_t n = (size_t)(sign - line);
    while (n && line[n - 1] == ' ')
        n--;
    while (*value == ' ')
        value++;
    char *key = xstrndup(line, n);
    bool ok = settings_ask(s, key, value, err);
    free(key);
    return ok;
}

/* Loads into another one, so that a failure leaves this one as it was. *whole: every file that is
 * there was read. */
static bool load_anew(const struct settings *s, struct settings *into, bool *whole, struct err *err)
{
    settings_init(into);
    into->config = s->config ? xstrdup(s->config) : NULL;
    *whole = load_files(into, err);
    if (!*whole && s->config)
        return false;
    struct err unused;
    for (size_t i = 0; i < s->asked.n; i++)
        settings_ask(into, s->asked.at[i].key, s->asked.at[i].value, &unused);
    vec_append(&into->alert_lines, s->alert_lines.at, s->alert_lines.n);
    check_levels(into);
    return true;
}

bool settings_load(struct settings *s, struct err *err)
{
    struct settings into;
    bool whole;
    if (!load_anew(s, &into, &whole, err)) {
        settings_clear(&into);
        return false;
    }
    settings_clear(s);
    *s = into;
    return true;
}

bool settings_alert_rules(struct alert_rules *rules, const struct settings *s, struct err *err)
{
    struct err unused; /* what is wrong in a file was told when it was read */
    alert_rules_default(rules);
    for (size_t i = 0; i < s->alerts.n; i++)
        alert_rules_set(rules, s->alerts.at[i].name, s->alerts.at[i].text, &unused);
    for (size_t i = 0; i < s->alert_lines.n; i++)
        if (!alert_rules_set_line(rules, s->alert_lines.at[i], err))
            return false;
    return true;
}

static bool same_alerts(const struct settings *a, const struct settings *b)
{
    if (a->alerts.n != b->alerts.n)
        return false;
    for (size_t i = 0; i < a->alerts.n; i++)
        if (strcmp(a->alerts.at[i].name, b->alerts.at[i].name) != 0 ||
            strcmp(a->alerts.at[i].text, b->alerts.at[i].text) != 0)
            return false;
    return true;
}

bool settings_reload(struct settings *s, struct setting_changes *changes, struct err *err)
{
    struct settings into;
    bool whole;
    memset(changes, 0, sizeof *changes);
    if (!load_anew(s, &into, &whole, err) || !whole) {
        settings_clear(&into);
        return false;
    }
    for (size_t i = 0; i < settings_count; i++) {
        changes->rows[i] = !setting_equal(&settings_table[i], &s->now, &into.now);
        changes->n += changes->rows[i];
    }
    changes->alerts = !same_alerts(s, &into);
    changes->n += changes->alerts;
    settings_clear(s);
    *s = into;
    return true;
}

/* It holds until the file says so: what the command line asked for is over. */
static void note_change(struct settings *s, const struct setting *row)
{
    s->from[row - settings_table] = (struct setting_source){ORIGIN_CHANGED, NULL, 0};
    for (size_t i = 0; i < s->asked.n; i++) {
        struct setting_asked *a = &s->asked.at[i];
        if (alert_name(a->key) || setting_find(a->key) != row)
            continue;
        free(a->key);
        free(a->value);
        s->asked.at[i--] = s->asked.at[--s->asked.n];
    }
}

bool settings_change(struct settings *s, const struct setting *row, const char *text,
                     struct err *err)
{
    struct err why;
    if (!setting_read(row, text, &s->now, &why))
        return err_set(err, "%s %.400s", row->key, why.text);
    note_change(s, row);
    return true;
}

bool settings_step(struct settings *s, const struct setting *row, int direction)
{
    if (!setting_step(row, &s->now, direction))
        return false;
    note_change(s, row);
    return true;
}

enum setting_origin settings_origin(const struct settings *s, const char *key)
{
    return s->from[setting_find(key) - settings_table].origin;
}

const char *settings_trouble(struct settings *s, const char *key, const char *what)
{
    const struct setting_source *from = &s->from[setting_find(key) - settings_table];
    char *text = xasprintf("%s: %s", key, what);
    add_problem(s, from->path, from->line, text);
    free(text);
    return *vec_last(&s->problems);
}

const char *setting_source_text(char *out, size_t size, const struct setting_source *from)
{
    static const char *const words[] = {[ORIGIN_DEFAULT] = "default",
                                        [ORIGIN_COMMAND_LINE] = "command line",
                                        [ORIGIN_CHANGED] = "changed here"};
    if (from->origin == ORIGIN_FILE)
        snprintf(out, size, "%s:%u", from->path, from->line);
    else
        snprintf(out, size, "%s", words[from->origin]);
    return out;
}

struct recording_limits settings_limits(const struct settings *s)
{
    struct recording_limits limits = recording_default_limits;
    limits.raw_ns = (uint64_t)(s->now.raw_s * NS_PER_S);
    limits.second_ns = (uint64_t)(s->now.second_s * NS_PER_S);
    limits.ten_ns = (uint64_t)(s->now.ten_s * NS_PER_S);
    if (limits.second_ns < limits.raw_ns)
        limits.second_ns = limits.raw_ns;
    if (limits.ten_ns < limits.second_ns)
        limits.ten_ns = limits.second_ns;
    return limits;
}

const char *settings_resolve(char *out, const char *path)
{
    if (path[0] == '~' && (path[1] == '/' || !path[1]) && home())
        snprintf(out, 1024, "%.400s%s", home(), path + 1);
    else
        snprintf(out, 1024, "%s", path);
    return out;
}
