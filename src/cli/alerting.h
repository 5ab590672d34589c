/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alerts of the commands that watch: what was set is put in force at the start, and what there is
 * to tell goes to stderr where no screen tells it.
 */
#ifndef CLI_ALERTING_H
#define CLI_ALERTING_H

#include "cli/options.h"

/* Puts rules and actions in force on a live session. screen: commands must print nothing. Fails
 * where the command line asks for what cannot be done; of a file's wish that is told, and no more.
 */
bool alerting_start(struct session *s, const struct options *o, bool screen, struct err *err);
/* Says on stderr what alerts have to tell, for want of a screen. */
void alerting_tell(struct session *s);

#endif
