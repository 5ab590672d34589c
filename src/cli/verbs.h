/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each word after `proftop` does. All return an exit status and print at most one line of
 * error on stderr.
 */
#ifndef CLI_VERBS_H
#define CLI_VERBS_H

#include "cli/options.h"
#include "session/session.h"

int verb_top(const struct options *o);
int verb_record(const struct options *o);
int verb_open(const struct options *o);
int verb_report(const struct options *o);
int verb_diff(const struct options *o);
int verb_dump(const struct options *o);
int verb_doctor(const struct options *o);
int verb_demo(const struct options *o);
int verb_settings(const struct options *o);
/* The settings as roff, for the man page. */
int print_settings_roff(void);

/* "proftop: ..." on stderr; the status to return. */
int fail(const struct err *err);

/* The live session that the options ask for (pid, name or command). `quiet`: a command's output is
 * dropped, because a screen is shown. NULL with err filled. */
struct session *open_target(const struct options *o, bool quiet, struct err *err);

/* A descriptor that becomes readable when one of SIGINT, SIGTERM, SIGHUP comes; they are blocked
 * from now on, in threads started later too. */
int take_signals(void);

/* The screens on one or two sessions, by the options. */
int run_screens(struct session *a, struct session *b, const struct options *o);

#endif
