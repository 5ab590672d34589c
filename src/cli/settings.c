/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proftop settings: what is in force and where it is from, the settings file written or checked;
 * and the settings' part of the manual.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/verbs.h"
#include "session/rcfile.h"
#include "session/settings.h"

static void print_row(const char *key, const char *value, const struct setting_source *from)
{
    char where[600];
    char *quoted = rc_quote(value);
    printf("%-20s %-16s %s\n", key, quoted, setting_source_text(where, sizeof where, from));
    free(quoted);
}

static int print_settings(const struct settings *s)
{
    char value[SETTING_TEXT_MAX];
    for (size_t i = 0; i < settings_count; i++)
        print_row(settings_table[i].key, setting_text(value, &settings_table[i], &s->now),
                  &s->from[i]);
    for (size_t i = 0; i < s->alerts.n; i++) {
        char *key = xasprintf("alerts.%s", s->alerts.at[i].name);
        print_row(key, s->alerts.at[i].text, &s->alerts.at[i].from);
        free(key);
    }
    return EXIT_DONE;
}

static int write_settings(const struct settings *s)
{
    struct settings_written w;
    struct err err;
    if (!settings_write(s, ORIGIN_COMMAND_LINE, &w, &err))
        return fail(&err);
    if (w.same)
        printf("%s: every setting is in it\n", w.path);
    else
        printf("%s: %zu added, %zu changed\n", w.path, w.added, w.changed);
    return EXIT_DONE;
}

/* Of one file, or of all that are read. */
static int check_settings(struct settings *s, const char *path)
{
    struct err err;
    if (path) {
        free(s->config);
        s->config = xstrdup(path);
    }
    if (!settings_load(s, &err))
        return fail(&err);
    for (size_t i = 0; i < s->problems.n; i++)
        fprintf(stderr, "proftop: %s\n", s->problems.at[i]);
    if (s->problems.n)
        return EXIT_FAILED;
    for (size_t i = 0; i < s->files.n; i++)
        printf("%s: nothing is wrong\n", s->files.at[i]);
    if (!s->files.n)
        printf("no settings file: the defaults hold\n");
    return EXIT_DONE;
}

int verb_settings(const struct options *o)
{
    if (o->check)
        return check_settings(o->settings, o->arguments.n ? o->arguments.at[0] : NULL);
    return o->write ? write_settings(o->settings) : print_settings(o->settings);
}

/* A word for roff: what would be a hyphen or an escape stays what it is. */
static void print_roff(const char *text)
{
    for (; *text; text++)
        printf("%s%c", *text == '-' || *text == '\\' ? "\\" : "", *text == '\\' ? 'e' : *text);
}

static void print_options(const struct setting *row)
{
    const char *before = "On the command line ";
    for (size_t k = 0; k < 2 && row->options[k].name; k++, before = ", ") {
        const struct setting_option *o = &row->options[k];
        printf("%s\\fB", before);
        if (o->letter)
            printf("\\-%c\\fR, \\fB", o->letter);
        printf("\\-\\-");
        print_roff(o->name);
        printf("\\fR");
        if (o->gives) {
            printf(" (");
            print_roff(o->gives);
            printf(")");
        }
    }
    if (row->options[0].name)
        printf(".\n");
}

int print_settings_roff(void)
{
    char takes[SETTING_TEXT_MAX];
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *row = &settings_table[i];
        if (row->group)
            printf(".SS %s\n", row->group);
        printf(".TP\n.B ");
        print_roff(row->key);
        printf("\n%c", toupper((unsigned char)row->comment[0]));
        print_roff(row->comment + 1);
        printf(".\nTakes ");
        print_roff(setting_takes(takes, row));
        if (row->initial[0]) {
            printf(" (default ");
            print_roff(row->initial);
            printf(")");
        }
        printf(".\n");
        print_options(row);
    }
    return EXIT_DONE;
}
