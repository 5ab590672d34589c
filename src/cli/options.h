/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: one table row an option, from which parsing, --help and the checks of what
 * goes with which verb come. Options that are settings are rows of session/setting.h instead.
 * Strings are borrowed from argv.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"
#include "model/window.h"
#include "session/session.h"
#include "session/settings.h"

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_REGRESSION = 3 };

enum verb_id {
    VERB_TOP,
    VERB_RECORD,
    VERB_OPEN,
    VERB_REPORT,
    VERB_DIFF,
    VERB_DUMP,
    VERB_DOCTOR,
    VERB_DEMO,
    VERB_SETTINGS,
    VERB_COUNT
};

struct options {
    enum verb_id verb;
    VEC(const char *) arguments; /* what is no option: files, a pid */
    char **command;              /* after --; NULL: none */
    VEC(long) pids;              /* -p, or for report the --pid filter */
    const char *name;            /* -n */
    const char *output;          /* -o */
    double duration_s;           /* -d; 0: until stopped */
    bool callers, growth;
    bool help, version;
    bool check, write; /* settings */
    const char *dir, *on_alert, *pid_file;
    const char *view, *format, *sort, *from, *to, *fail_on, *root;
    long limit; /* -1: the format's default */
    long thread;
    enum states states;
    struct fleet *fleet;       /* while the verb runs; owned by main */
    struct settings *settings; /* owned; the screen changes it. Files are read by settings_load */
};

/* false: the command line is wrong, err says how. */
bool options_parse(struct options *o, int argc, char **argv, struct err *err);
void options_clear(struct options *o);
/* How far back `record --ring` keeps what it saw; 0: it writes to -o. From a file it holds where
 * there is no -o. */
uint64_t options_ring_ns(const struct options *o);
/* What goes with `record`, once the settings' files were read: false is a wrong command line. */
bool options_check_record(const struct options *o, struct err *err);
/* Of which frames --native and --no-native speak. */
enum native_frames options_native(const struct options *o);
struct session_options options_session(const struct options *o);
/* verb VERB_COUNT: of the whole program. */
void options_help(FILE *out, enum verb_id verb);

#endif
