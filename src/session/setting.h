/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings, one row each. A row gives the key in the file, the options of the command line, the
 * sentence that explains it in the help, the file, the manual and on the screen, what values it
 * takes, its default, and where it is kept.
 *
 * Pure, but for the tables. Where values come from is settings.h.
 */
#ifndef SESSION_SETTING_H
#define SESSION_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SETTING_TEXT_MAX 512
#define SETTINGS_MAX     48

enum setting_color { SETTING_COLOR_AUTO, SETTING_COLOR_NO };

/* The values in force. Choices are int: the numbers are those of the enum named. */
struct setting_values {
    double rate_hz;
    double budget_pct; /* 0: off */
    int engine;        /* enum engine */
    bool children;
    int native; /* enum native_frames */
    bool debuginfod;
    bool census, census_stop;
    double interval_s;
    double window_s; /* of the screens at the start; 0: all */
    bool ascii;
    int color;                              /* enum setting_color */
    double raw_s, second_s, ten_s;          /* how far back the recording's levels reach */
    char snapshot_dir[SETTING_TEXT_MAX];    /* "": the working directory */
    char alert_snapshots[SETTING_TEXT_MAX]; /* "": none */
    double alert_before_s, alert_after_s;
    char alert_command[SETTING_TEXT_MAX]; /* "": none */
    double alert_command_limit_s;
    double ring_s;                                                 /* record --ring; 0: off */
    char keep[SETTING_TEXT_MAX];                                   /* of its files: "20,1G" */
    char metrics_file[SETTING_TEXT_MAX], listen[SETTING_TEXT_MAX]; /* "": none */
    int log;                                                       /* enum log_level */
};

enum setting_type {
    SETTING_FLAG,     /* bool: yes or no */
    SETTING_CHOICE,   /* int: one of `words`, by its place */
    SETTING_NUMBER,   /* double */
    SETTING_DURATION, /* double, seconds: 500ms, 1.5, 10s, 10m, 2h, 1d */
    SETTING_TEXT,     /* char[SETTING_TEXT_MAX]: one line */
    SETTING_ADDRESS,  /* the same: where to listen, as http_parse_address takes it; "": nowhere */
};

/* Which commands a setting's options go with. */
enum setting_use {
    USE_WATCH = 1, /* those that sample: top, record, demo */
    USE_DUMP = 2,
    USE_SCREEN = 4,  /* top, open, demo */
    USE_PRINT = 8,   /* report, diff */
    USE_RECORD = 16, /* record alone */
    USE_ALL = 32,
};

/* An option of the command line that is this setting. */
struct setting_option {
    char letter;       /* 0: none */
    const char *name;  /* NULL: no such option */
    const char *value; /* what its argument is called; NULL: it takes none, and means `gives` */
    const char *gives;
    const char *help; /* NULL: the setting's comment */
};

struct setting {
    const char *group; /* heading; NULL: that of the row before */
    const char *key;
    enum setting_type type;
    const char *initial; /* the default, as text */
    double low, high;    /* of numbers and durations */
    const char *zero;    /* a word that means 0, beside [low, high]; NULL: none */
    const char *const *words;
    bool at_once; /* a change on the screen is in force at once, else from the next start */
    unsigned uses;
    size_t at; /* in struct setting_values */
    const char *comment;
    struct setting_option options[2];
};

extern const struct setting settings_table[];
extern const size_t settings_count;

/* By its key, whatever the case and - or _. NULL: there is none. */
const struct setting *setting_find(const char *key);
/* The nearest key to one that there is not; NULL. */
const char *setting_nearest(const char *key);

/* Reads a value. Fails with what the setting takes, as `takes 1 to 1000000, not "x"`. */
bool setting_read(const struct setting *row, const char *text, struct setting_values *to,
                  struct err *err);
/* The value as setting_read takes it. out has SETTING_TEXT_MAX bytes; returned. */
const char *setting_text(char *out, const struct setting *row, const struct setting_values *from);
/* What it takes: "1 to 1000000, or off". out has SETTING_TEXT_MAX bytes; returned. */
const char *setting_takes(char *out, const struct setting *row);
/* The next value up or down, for the screen: of numbers 1, 2, 5, 10, ... false: there is none (a
 * text, the end). */
bool setting_step(const struct setting *row, struct setting_values *values, int direction);
bool setting_equal(const struct setting *row, const struct setting_values *a,
                   const struct setting_values *b);
void setting_copy(const struct setting *row, struct setting_values *to,
                  const struct setting_values *from);
/* A line that is typed: no step leads to another. */
bool setting_is_text(const struct setting *row);
void setting_defaults(struct setting_values *values);

#endif
