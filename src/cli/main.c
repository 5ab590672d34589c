/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proftop: from the command line to a verb. The hidden arguments SYMBOLIZER_SERVE and FETCH_SERVE
 * make this process a disposable child of another proftop, which reads debug information or
 * fetches it; MAN_KEYS and MAN_SETTINGS print the man page's lists of keys and of settings, which a
 * test compares with the page.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/verbs.h"
#include "config.h"
#include "native/fetch.h"
#include "native/symbolizer.h"
#include "target/process.h"
#include "ui/ui.h"

#define MAN_KEYS     "--man-keys"
#define MAN_SETTINGS "--man-settings"

int fail(const struct err *err)
{
    fprintf(stderr, "%s%s\n", log_error_head(), err->text);
    return EXIT_FAILED;
}

int take_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

struct session *open_target(const struct options *o, bool quiet, struct err *err)
{
    struct session_options options = options_session(o);
    if (o->command)
        return session_spawn(o->command, quiet, &options, err);
    if (o->pids.n) {
        VEC(pid_t) pids = {0};
        for (size_t i = 0; i < o->pids.n; i++)
            vec_push(&pids, (pid_t)o->pids.at[i]);
        struct session *s = session_watch(pids.at, pids.n, &options, err);
        vec_free(&pids);
        return s;
    }
    pid_t pid;
    if (!process_find_one(o->name, &pid, err))
        return NULL;
    return session_watch(&pid, 1, &options, err);
}

/* What cannot be had fails where the command line asks for it. Of the files it is told: a second
 * proftop that finds the port taken watches all the same. */
static bool must_have(struct options *o, const char *key, const struct err *err)
{
    if (settings_origin(o->settings, key) == ORIGIN_COMMAND_LINE)
        return true;
    log_note("%s", settings_trouble(o->settings, key, err->text));
    return false;
}

/* For a monitoring system, where that is asked for. */
static bool open_fleet(struct options *o, struct err *err)
{
    char path[1024];
    const struct setting_values *now = &o->settings->now;
    bool watches = o->verb == VERB_TOP || o->verb == VERB_RECORD || o->verb == VERB_DEMO;
    if (!watches || !(now->metrics_file[0] || now->listen[0]))
        return true;
    o->fleet = fleet_new(err);
    if (!o->fleet)
        return false;
    if (now->metrics_file[0] &&
        !fleet_write(o->fleet, settings_resolve(path, now->metrics_file), err) &&
        must_have(o, "metrics-file", err))
        return false;
    if (now->listen[0] && !fleet_listen(o->fleet, now->listen, err) && must_have(o, "listen", err))
        return false;
    if (fleet_url(o->fleet))
        log_note("the metrics are at %s", fleet_url(o->fleet));
    return true;
}

/* Runs the verb, and meanwhile a monitoring system is told of it. */
static int run_verb(struct options *o, int (*verb)(const struct options *))
{
    struct err err;
    int status = open_fleet(o, &err) ? verb(o) : fail(&err);
    fleet_free(o->fleet);
    return status;
}

/* From the files, under what the command line said. What is wrong in them is told, a line each. */
static bool take_settings(const struct options *o, struct err *err)
{
    const char *config = o->settings->config;
    bool to_be_written = o->write && config && access(config, F_OK) != 0;
    if (!o->check && !to_be_written && !settings_load(o->settings, err))
        return false;
    log_set_level((enum log_level)o->settings->now.log);
    for (size_t i = 0; i < o->settings->problems.n; i++)
        log_note("%s", o->settings->problems.at[i]);
    return true;
}

int main(int argc, char **argv)
{
    static int (*const verbs[VERB_COUNT])(const struct options *) = {
        [VERB_TOP] = verb_top,       [VERB_RECORD] = verb_record, [VERB_OPEN] = verb_open,
        [VERB_REPORT] = verb_report, [VERB_DIFF] = verb_diff,     [VERB_DUMP] = verb_dump,
        [VERB_DOCTOR] = verb_doctor, [VERB_DEMO] = verb_demo,     [VERB_SETTINGS] = verb_settings,
    };
    if (argc == 3 && strcmp(argv[1], SYMBOLIZER_SERVE) == 0)
        return symbolizer_serve(atoi(argv[2]));
    if (argc == 3 && strcmp(argv[1], FETCH_SERVE) == 0)
        return fetch_serve(argv[2]);
    if (argc == 2 && strcmp(argv[1], MAN_KEYS) == 0) {
        ui_print_keys(stdout);
        return EXIT_DONE;
    }
    if (argc == 2 && strcmp(argv[1], MAN_SETTINGS) == 0)
        return print_settings_roff();
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    struct options o;
    struct err err;
    int status;
    if (!options_parse(&o, argc, argv, &err)) {
        fail(&err);
        status = EXIT_USAGE;
    } else if (o.help) {
        options_help(stdout, o.verb);
        status = EXIT_DONE;
    } else if (o.version) {
        printf("proftop %s\n", PACKAGE_VERSION);
        status = EXIT_DONE;
    } else if (!take_settings(&o, &err)) {
        status = fail(&err);
    } else {
        status = run_verb(&o, verbs[o.verb]);
    }
    bool unwritten = fflush(stdout) || ferror(stdout);
    if (unwritten && status != EXIT_FAILED && status != EXIT_USAGE) { /* else it has been said */
        err_errno(&err, "cannot write the output");
        status = fail(&err);
    }
    options_clear(&o);
    return status;
}
