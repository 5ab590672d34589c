/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: one table row an option, from which parsing, --help and the checks of what
 * goes with which verb come. Strings are borrowed from argv.
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
#include "store/shelf.h"

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
    double rate_hz;              /* -r */
    double interval_s;           /* -i */
    double budget_pct;           /* --budget; 0: off */
    bool rate_given, callers;
    bool no_census, census_stop, growth;
    bool children, debuginfod, native, no_native, ascii, no_color, quiet, verbose, help, version;
    uint64_t ring_ns; /* --ring; 0: none */
    const char *dir, *on_alert, *pid_file;
    struct keep keep;
    const char *view, *format, *sort, *from, *to, *fail_on, *root;
    long limit; /* -1: the format's default */
    long thread;
    enum states states;
    enum engine engine;
};

/* false: the command line is wrong, err says how. */
bool options_parse(struct options *o, int argc, char **argv, struct err *err);
void options_clear(struct options *o);
/* Of which frames --native and --no-native speak. */
enum native_frames options_native(const struct options *o);
struct session_options options_session(const struct options *o);
/* verb VERB_COUNT: of the whole program. */
void options_help(FILE *out, enum verb_id verb);

#endif
