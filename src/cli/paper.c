/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verbs that print what a file holds: report and diff. From the command line's options to
 * theirs.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/diff.h"
#include "cli/report.h"
#include "cli/source.h"
#include "cli/verbs.h"
#include "store/store.h"

/* 0: standard output is no terminal. */
static int terminal_columns(void)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
        return 0;
    return size.ws_col;
}

/* Nothing is watched here: where who reads has enough (`| head`), this ends as other tools do. */
static void end_with_reader(void)
{
    signal(SIGPIPE, SIG_DFL);
}

static int finish(int status, const struct err *err)
{
    if (status == EXIT_FAILED || status == EXIT_USAGE)
        fail(err);
    return status;
}

int verb_report(const struct options *o)
{
    struct err err;
    struct recording *rec;
    end_with_reader();
    if (!store_load(&rec, o->arguments.at[0], &err))
        return fail(&err);
    struct source *source = source_new();
    struct report_options report = {
        .view = o->view,
        .format = o->format,
        .sort = o->sort,
        .root = o->root,
        .callers = o->callers,
        .from = o->from,
        .to = o->to,
        .limit = o->limit,
        .states = o->states,
        .pid = o->pids.n ? (int32_t)o->pids.at[0] : 0,
        .tid = (int32_t)o->thread,
        .native = options_native(o),
        .columns = terminal_columns(),
        .source = source_line,
        .source_context = source,
    };
    int status = finish(report_print(rec, &report, stdout, &err), &err);
    source_free(source);
    recording_free(rec);
    return status;
}

int verb_diff(const struct options *o)
{
    struct err err;
    struct diff_options diff = {
        .view = o->view,
        .format = o->format,
        .sort = o->sort,
        .limit = o->limit,
        .states = o->states,
        .pid = o->pids.n ? (int32_t)o->pids.at[0] : 0,
        .tid = (int32_t)o->thread,
        .native = options_native(o),
        .columns = terminal_columns(),
        .fail_on_regression = o->fail_on != NULL,
    };
    end_with_reader();
    char *names[2] = {xstrdup(o->arguments.at[0]), xstrdup(o->arguments.at[1])};
    diff_side_parse(&diff.before, names[0]);
    diff_side_parse(&diff.after, names[1]);
    struct recording *before = NULL, *after = NULL;
    int status = EXIT_FAILED;
    if (store_load(&before, diff.before.name, &err) && store_load(&after, diff.after.name, &err))
        status = diff_print(before, after, &diff, stdout, &err);
    finish(status, &err);
    recording_free(before);
    recording_free(after);
    free(names[0]);
    free(names[1]);
    return status;
}
