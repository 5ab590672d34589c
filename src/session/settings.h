/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings in force and where each is from. Of two the later wins: the default,
 * /etc/proftop/proftoprc, proftop/proftoprc in each of XDG_CONFIG_DIRS (the first of them last),
 * the user's own (XDG_CONFIG_HOME, else ~/.config), the command line, a change on the screen.
 *
 * What is wrong in a file is a problem, one line each; the value before stays, and proftop goes on.
 * Belongs to the front's thread.
 */
#ifndef SESSION_SETTINGS_H
#define SESSION_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/vec.h"
#include "model/alert.h"
#include "model/recording.h"
#include "session/setting.h"

enum setting_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_COMMAND_LINE, ORIGIN_CHANGED };

struct setting_source {
    enum setting_origin origin;
    const char *path; /* ORIGIN_FILE: borrowed from settings.files */
    unsigned line;
};

/* A rule of the section [alerts], as it stands in a file: what it means is model/alert.h's. */
struct alert_text {
    char *name, *text; /* owned */
    struct setting_source from;
};

struct setting_asked { /* on the command line */
    char *key, *value;
};

struct settings {
    struct setting_values now;
    struct setting_source from[SETTINGS_MAX]; /* by row */
    VEC(struct alert_text) alerts;
    VEC(char *) files;    /* that were read, in order */
    VEC(char *) problems; /* "FILE:LINE: what": at most PROBLEMS_MAX, and how many more */
    VEC(struct setting_asked) asked;
    VEC(const char *) alert_lines; /* "NAME: RULE" of the command line, borrowed: over all others */
    char *config;                  /* --config: read instead of all others; NULL */
};

void settings_init(struct settings *s);
void settings_clear(struct settings *s);

/* On the command line: KEY, or alerts.NAME, and its value. Holds from the next settings_load on.
 * Fails with a sentence that begins with the key. */
bool settings_ask(struct settings *s, const char *key, const char *value, struct err *err);
/* The same of "KEY=VALUE". */
bool settings_ask_line(struct settings *s, const char *line, struct err *err);
/* Reads the files, then applies what was asked for. Fails if the file of --config cannot be read,
 * with nothing changed. */
bool settings_load(struct settings *s, struct err *err);
/* Reads one file on top; false: it is not there. */
bool settings_load_file(struct settings *s, const char *path, struct err *err);

/* What a reread changed. */
struct setting_changes {
    bool rows[SETTINGS_MAX];
    bool alerts;
    size_t n; /* rows, and 1 for the alerts */
};
/* Reads the files again (SIGHUP); changes made on the screen are forgotten. Fails as settings_load,
 * or if a file is there and cannot be read: then everything stays as it was. */
bool settings_reload(struct settings *s, struct setting_changes *changes, struct err *err);

/* A change on the screen. */
bool settings_change(struct settings *s, const struct setting *row, const char *text,
                     struct err *err);
/* One step up or down; false: there is none. */
bool settings_step(struct settings *s, const struct setting *row, int direction);

enum setting_origin settings_origin(const struct settings *s, const char *key);
/* Adds a problem that shows only when the value is used. Returns its text, borrowed. */
const char *settings_trouble(struct settings *s, const char *key, const char *what);
/* "default", "FILE:LINE", "command line", "changed here". out has 300 bytes at least; returned. */
const char *setting_source_text(char *out, size_t size, const struct setting_source *from);

/* The user's own file (or that of --config); false: there is none, since HOME is not known. */
bool settings_user_path(const struct settings *s, char *out, size_t size, struct err *err);
struct settings_written {
    char path[600];
    size_t added, changed; /* settings that were not in it; values that are others now */
    bool same;             /* nothing to write */
};
/* Writes the user's file: what stands there is kept, what is missing is added as a comment with its
 * default, and what is from `which` (the command line, or changed on the screen) gets its value.
 * Written beside it and renamed; a link is followed. */
bool settings_write(const struct settings *s, enum setting_origin which,
                    struct settings_written *written, struct err *err);

/* For the parts that use them. */
/* The default rules, those of [alerts] over them, and those of the command line over these. Fails
 * where one of the last is wrong. The list is the caller's (alert_rules_clear), also then. */
bool settings_alert_rules(struct alert_rules *rules, const struct settings *s, struct err *err);
struct recording_limits settings_limits(const struct settings *s);
/* A path of theirs, with ~/ at its beginning resolved. out has 1024 bytes; returned. */
const char *settings_resolve(char *out, const char *path);

struct alert_edit {          /* a rule to set */
    const char *name, *text; /* borrowed */
    unsigned line;           /* out: where it stands in the old text; 0: nowhere */
};

/* The text of a settings file: old (NULL: none) with what is missing, and with the values of the
 * rows that are marked. Owned. Pure. */
struct settings_edit {
    const struct setting_values *values;
    bool set[SETTINGS_MAX];
    VEC(struct alert_edit) alerts;
    size_t added, changed; /* out */
};
char *settings_edit_text(struct settings_edit *edit, const char *old, size_t size,
                         size_t *new_size);

#endif
