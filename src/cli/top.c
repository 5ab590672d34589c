/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs with a screen: watching a process (picked from a list where none is named), showing
 * files, and the demo.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/alerting.h"
#include "cli/demo.h"
#include "cli/source.h"
#include "cli/verbs.h"
#include "target/listing.h"
#include "ui/ui.h"

static struct ui_options screen_options(const struct options *o, struct source *source)
{
    return (struct ui_options){
        .interval_s = o->settings->now.interval_s,
        .ascii = o->settings->now.ascii,
        .no_color = o->settings->now.color == SETTING_COLOR_NO ||
                    (getenv("NO_COLOR") && *getenv("NO_COLOR")),
        .native = options_native(o),
        .source = source_line,
        .source_context = source,
        .settings = o->settings,
    };
}

int run_screens(struct session *a, struct session *b, const struct options *o)
{
    struct err err;
    struct source *source = source_new();
    struct ui_options options = screen_options(o, source);
    bool ok = ui_run(a, b, &options, &err);
    source_free(source);
    return ok ? EXIT_DONE : fail(&err);
}

static bool needs_terminal(struct err *err)
{
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return true;
    return err_set(err, "the screen needs a terminal; without one use `proftop record`, `report` "
                        "or `dump`");
}

/* The picker's rows. */
static bool list_processes(void *context, struct ui_process_list *list, struct err *err)
{
    struct listing *listing = context;
    if (!listing_read(listing, err))
        return false;
    for (size_t i = 0; i < listing_count(listing); i++) {
        const struct listed *row = listing_at(listing, i);
        struct ui_process p = {
            .pid = row->pid,
            .cmdline = xstrdup(row->cmdline),
            .cpu_pct = 100 * row->cpu_cores,
            .rss_bytes = row->rss_bytes,
            .threads = row->threads,
        };
        strncpy(p.user, row->user, sizeof p.user - 1);
        strncpy(p.comm, row->comm, sizeof p.comm - 1);
        vec_push(&list->rows, p);
    }
    return true;
}

/* Has the user pick one; false with err->text empty if the user left without. */
static bool pick(const struct options *o, pid_t *pid, struct err *err)
{
    struct ui_options options = screen_options(o, NULL);
    options.source = NULL;
    struct listing *listing = listing_new(err);
    if (!listing)
        return false;
    err->text[0] = '\0';
    *pid = 0;
    bool ok = ui_pick(pid, &options, list_processes, listing, err);
    listing_free(listing);
    return ok && *pid;
}

int verb_top(const struct options *o)
{
    struct err err;
    if (!needs_terminal(&err))
        return fail(&err);
    struct session *s;
    if (!o->command && !o->name && !o->pids.n) {
        pid_t pid;
        if (!pick(o, &pid, &err))
            return err.text[0] ? fail(&err) : EXIT_DONE;
        struct session_options options = options_session(o);
        s = session_watch(&pid, 1, &options, &err);
    } else {
        s = open_target(o, true, &err);
    }
    if (!s)
        return fail(&err);
    int status = alerting_start(s, o, true, &err) ? run_screens(s, NULL, o) : fail(&err);
    session_free(s);
    return status;
}

int verb_open(const struct options *o)
{
    struct err err;
    if (!needs_terminal(&err))
        return fail(&err);
    struct session *s[2] = {NULL, NULL};
    int status = EXIT_DONE;
    for (size_t i = 0; i < o->arguments.n && status == EXIT_DONE; i++) {
        s[i] = session_open(o->arguments.at[i], &err);
        if (!s[i])
            status = fail(&err);
    }
    if (status == EXIT_DONE)
        status = run_screens(s[0], s[1], o);
    session_free(s[0]);
    session_free(s[1]);
    return status;
}

int verb_demo(const struct options *o)
{
    struct err err;
    if (!needs_terminal(&err))
        return fail(&err);
    struct demo demo;
    if (!demo_start(&demo, &err))
        return fail(&err);
    struct session_options options = options_session(o);
    struct session *s = session_watch(&demo.service, 1, &options, &err);
    bool ok = s && alerting_start(s, o, true, &err);
    int status = ok ? run_screens(s, NULL, o) : fail(&err);
    session_free(s);
    demo_stop(&demo);
    return status;
}
