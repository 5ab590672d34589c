/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing the settings file: the user's own lines are kept byte for byte; what is missing is added
 * with its comment, itself commented out, so that a later default is not held up by an old file.
 * See settings.h.
 */
#include "session/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "session/rcfile.h"

#define WIDTH 98 /* of the comments */

static const char head[] =
    "# The settings of proftop, KEY = VALUE; what follows a # is a comment.\n"
    "# One that is commented out stands at its default. `proftop settings` prints what is in\n"
    "# force and where it is from; the command line wins over this file, and your own file over\n"
    "# /etc/proftop/proftoprc. `proftop settings --check` says what is wrong in it.\n";
static const char alerts_head[] =
    "[alerts]\n"
    "# Rules, NAME = METRIC > THRESHOLD for TIME, clear LEVEL, critical LEVEL: ACTIONS; a rule "
    "that is\n"
    "# named as a default one replaces it, and off takes it away. The default ones:\n";

struct bytes {
    VEC(char) all;
    const char *eol;
};

/* With the file's own ends of line. */
static void add(struct bytes *b, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            vec_append(&b->all, b->eol, strlen(b->eol));
        else
            vec_push(&b->all, *text);
    }
}

static void add_entry(struct bytes *b, const char *mark, const char *key, const char *value)
{
    char *quoted = rc_quote(value);
    char *line = xasprintf("%s%s = %s\n", mark, key, quoted);
    add(b, line);
    free(line);
    free(quoted);
}

/* Words as a comment of several lines. */
static void add_comment(struct bytes *b, const char *words)
{
    while (*words) {
        size_t n = strlen(words), most = WIDTH - 2;
        if (n > most)
            for (n = most; n > 1 && words[n] != ' ';)
                n--;
        char *line = xasprintf("# %.*s\n", (int)n, words);
        add(b, line);
        free(line);
        words += n;
        while (*words == ' ')
            words++;
    }
}

static void add_setting(struct bytes *b, const struct setting *row, struct settings_edit *edit)
{
    char takes[SETTING_TEXT_MAX], value[SETTING_TEXT_MAX];
    struct setting_values initial;
    bool set = edit->set[row - settings_table];
    char *words = xasprintf("%c%s (%s).", row->comment[0] & ~0x20, row->comment + 1,
                            setting_takes(takes, row));
    setting_defaults(&initial);
    add(b, "\n");
    add_comment(b, words);
    add_entry(b, "#", row->key, setting_text(value, row, &initial));
    if (set)
        add_entry(b, "", row->key, setting_text(value, row, edit->values));
    edit->added++;
    free(words);
}

/* Where in the old text each row stands. */
struct places {
    size_t active[SETTINGS_MAX], commented[SETTINGS_MAX]; /* number of the line; 0: none */
    size_t end;  /* line before which what is missing goes: the first section; 0: the end */
    bool alerts; /* there is such a section */
};

/* The setting of a line that is commented out: "#rate = 100". */
static const struct setting *commented_setting(const struct rc_line *l)
{
    char text[RC_LINE_MAX + 1];
    size_t at = 0;
    while (at < l->size && strchr(" \t#", l->text[at]))
        at++;
    size_t n = l->size - at < RC_KEY_MAX ? l->size - at : RC_KEY_MAX;
    memcpy(text, l->text + at, n);
    text[n] = '\0';
    size_t key = strcspn(text, " \t=");
    if (text[key + strspn(text + key, " \t")] != '=')
        return NULL;
    text[key] = '\0';
    return setting_find(text);
}

static void note_alert(struct settings_edit *edit, const struct rc_line *l)
{
    for (size_t i = 0; i < edit->alerts.n; i++)
        if (strcmp(edit->alerts.at[i].name, l->key) == 0)
            edit->alerts.at[i].line = l->number;
}

static void find_places(struct places *p, struct settings_edit *edit, const char *old, size_t size)
{
    struct rc_reader r;
    unsigned words = 0; /* the first of the comments that stand just before this line; 0: none */
    memset(p, 0, sizeof *p);
    rc_begin(&r, old, size);
    while (rc_next(&r)) {
        const struct rc_line *l = &r.line;
        const struct setting *row = l->kind == RC_COMMENT ? commented_setting(l)
                                    : l->kind == RC_ENTRY ? setting_find(l->key)
                                                          : NULL;
        if (l->kind == RC_ENTRY && strcmp(l->section, "alerts") == 0)
            note_alert(edit, l);
        p->alerts |= l->kind == RC_SECTION && strcmp(l->section, "alerts") == 0;
        if (!p->end && *l->section)
            p->end = words ? words : l->number;
        if (row && !*l->section)
            (l->kind == RC_COMMENT ? p->commented : p->active)[row - settings_table] = l->number;
        if (l->kind != RC_COMMENT || row)
            words = 0;
        else if (!words)
            words = l->number;
    }
}

static void add_missing(struct bytes *b, struct settings_edit *edit, const struct places *p)
{
    const char *group = NULL, *told = NULL;
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *row = &settings_table[i];
        group = row->group ? row->group : group;
        if (p->active[i] || p->commented[i])
            continue;
        if (group != told) {
            char *line = xasprintf("\n# --- %s ---\n", group);
            add(b, line);
            free(line);
            told = group;
        }
        add_setting(b, row, edit);
    }
}

/* The value that a line of the old text gets, to out; false: it stays as it is. *after: it is a
 * comment, and the value goes on a line after it. */
static bool new_value(char *out, const struct settings_edit *edit, const struct rc_line *l,
                      const struct places *p, const struct setting **after)
{
    *after = NULL;
    for (size_t i = 0; i < settings_count; i++) {
        bool active = p->active[i] == l->number, commented = p->commented[i] == l->number;
        if (!edit->set[i] || !(active || (commented && !p->active[i])))
            continue;
        setting_text(out, &settings_table[i], edit->values);
        *after = active ? NULL : &settings_table[i];
        return true;
    }
    for (size_t i = 0; i < edit->alerts.n; i++) {
        if (edit->alerts.at[i].line == l->number) {
            snprintf(out, RC_LINE_MAX, "%s", edit->alerts.at[i].text);
            return true;
        }
    }
    return false;
}

static void end_line(struct bytes *b)
{
    if (b->all.n && *vec_last(&b->all) != '\n')
        add(b, "\n");
}

static void add_old_line(struct bytes *b, struct settings_edit *edit, const struct rc_line *l,
                         const struct places *p)
{
    char value[RC_LINE_MAX];
    const struct setting *after;
    bool another = new_value(value, edit, l, p, &after);
    if (another && !after) {
        size_t rest = l->value_at + l->value_size;
        char *quoted = rc_quote(value);
        bool same = strcmp(value, l->value) == 0;
        vec_append(&b->all, l->text, l->value_at);
        vec_append(&b->all, same ? l->text + l->value_at : quoted,
                   same ? l->value_size : strlen(quoted));
        vec_append(&b->all, l->text + rest, l->size - rest);
        edit->changed += !same;
        free(quoted);
        return;
    }
    vec_append(&b->all, l->text, l->size);
    if (another) {
        end_line(b);
        add_entry(b, "", after->key, value);
        edit->changed++;
    }
}

static void add_default_rules(struct bytes *b)
{
    struct alert_rules rules = {0};
    char text[ALERT_TEXT_MAX];
    alert_rules_default(&rules);
    for (size_t i = 0; i < rules.n; i++) {
        alert_rule_text(text, sizeof text, &rules.at[i]);
        add_entry(b, "#", rules.at[i].name, text);
    }
    alert_rules_clear(&rules);
}

static void add_alerts(struct bytes *b, struct settings_edit *edit, const struct places *p)
{
    bool begun = false;
    if (!p->alerts) {
        end_line(b);
        add(b, "\n");
        add(b, alerts_head);
        add_default_rules(b);
        edit->added++;
        begun = true;
    }
    for (size_t i = 0; i < edit->alerts.n; i++) {
        if (edit->alerts.at[i].line)
            continue;
        end_line(b);
        if (!begun)
            add(b, "[alerts]\n");
        begun = true;
        add_entry(b, "", edit->alerts.at[i].name, edit->alerts.at[i].text);
        edit->changed++;
    }
}

char *settings_edit_text(struct settings_edit *edit, const char *old, size_t size, size_t *new_size)
{
    struct bytes b = {.eol = "\n"};
    struct places p;
    struct rc_reader r;
    bool done = false;
    if (!old)
        old = "";
    for (; size >= 3 && memcmp(old, RC_MARK, 3) == 0; old += 3, size -= 3)
        add(&b, RC_MARK); /* it stays first, whatever is put before the first line */
    const char *first_end = memchr(old, '\n', size);
    if (first_end && first_end > old && first_end[-1] == '\r')
        b.eol = "\r\n";
    find_places(&p, edit, old, size);
    edit->added = edit->changed = 0;
    if (!size)
        add(&b, head);
    rc_begin(&r, old, size);
    while (rc_next(&r)) {
        if (p.end && r.line.number == p.end) {
            add_missing(&b, edit, &p);
            if (edit->added)
                add(&b, "\n");
            done = true;
        }
        add_old_line(&b, edit, &r.line, &p);
    }
    if (!done) {
        end_line(&b);
        add_missing(&b, edit, &p);
    }
    add_alerts(&b, edit, &p);
    *new_size = b.all.n;
    vec_push(&b.all, '\0');
    return b.all.at;
}

/* ---- the file ---- */

/* The directories above a file, for us alone as XDG wants them. */
static bool make_folders(const char *path, struct err *err)
{
    char folder[600];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *c = folder + 1; *c; c++) {
        if (*c != '/')
            continue;
        *c = '\0';
        if (mkdir(folder, 0700) && errno != EEXIST)
            return err_errno(err, "cannot make the directory %s", folder);
        *c = '/';
    }
    return true;
}

/* Root that writes for somebody else (sudo -E) leaves the file theirs. */
static bool give_to_owner(int fd, const char *target)
{
    struct stat st;
    char folder[600];
    if (geteuid() != 0)
        return true;
    if (stat(target, &st)) {
        snprintf(folder, sizeof folder, "%.*s", (int)(path_base(target) - target), target);
        if (stat(*folder ? folder : ".", &st))
            return true;
    }
    return fchown(fd, st.st_uid, st.st_gid) == 0;
}

static bool write_all(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        size -= (size_t)n;
    }
    return true;
}

/* Beside the target, then in its place: nobody ever reads half a file. What is there and no regular
 * file (--config /dev/null) is never replaced. */
static bool replace_file(const char *target, const char *text, size_t size, struct err *err)
{
    char beside[700];
    struct stat st;
    bool there = lstat(target, &st) == 0;
    if (there && !S_ISREG(st.st_mode))
        return err_set(err, "cannot write %s: it is no regular file", target);
    mode_t mask = umask(0);
    umask(mask);
    mode_t mode = there ? st.st_mode & 0777 : 0644 & ~mask;
    snprintf(beside, sizeof beside, "%s.XXXXXX", target);
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "cannot write beside %s", target);
    bool ok = write_all(fd, text, size) && give_to_owner(fd, target) && fchmod(fd, mode) == 0 &&
              fsync(fd) == 0;
    int why = errno;
    if (close(fd) && ok) {
        ok = false;
        why = errno;
    }
    if (ok && rename(beside, target) == 0)
        return true;
    if (ok)
        why = errno;
    unlink(beside);
    errno = why;
    return err_errno(err, "cannot write %s", target);
}

/* Root that writes for somebody else must not be led to a file of root's. */
static bool check_link(const char *path, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && st.st_uid != geteuid())
        return err_set(err, "cannot write %s: it is another user's link", path);
    return true;
}

static void mark_changes(const struct settings *s, enum setting_origin which,
                         struct settings_edit *edit)
{
    for (size_t i = 0; i < settings_count; i++)
        edit->set[i] = s->from[i].origin == which;
    for (size_t i = 0; i < s->alerts.n; i++) {
        const struct alert_text *a = &s->alerts.at[i];
        if (a->from.origin == which) {
            struct alert_edit alert = {a->name, a->text, 0};
            vec_push(&edit->alerts, alert);
        }
    }
}

bool settings_write(const struct settings *s, enum setting_origin which,
                    struct settings_written *written, struct err *err)
{
    char *old, target[600];
    size_t size, new_size;
    memset(written, 0, sizeof *written);
    if (!settings_user_path(s, written->path, sizeof written->path, err) ||
        !check_link(written->path, err) || !rc_read(written->path, &old, &size, err))
        return false;
    char *real = realpath(written->path, NULL); /* a link keeps its place */
    snprintf(target, sizeof target, "%s", real ? real : written->path);
    free(real);
    struct settings_edit edit = {.values = &s->now};
    mark_changes(s, which, &edit);
    char *text = settings_edit_text(&edit, old, size, &new_size);
    vec_free(&edit.alerts);
    written->added = edit.added;
    written->changed = edit.changed;
    written->same = old && new_size == size && memcmp(old, text, size) == 0;
    bool ok =
        written->same || (make_folders(target, err) && replace_file(target, text, new_size, err));
    free(text);
    free(old);
    return ok;
}
