/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alerts as the command line asks for them: the default rules, then the settings', then --alert;
 * and what raised ones do.
 */
#ifndef CLI_ALERTING_H
#define CLI_ALERTING_H

#include "cli/options.h"
#include "model/alert.h"

/* The rules in force. The list is the caller's (alert_rules_clear), also on failure. */
bool alerting_rules(struct alert_rules *rules, const struct options *o, struct err *err);
/* Puts rules and actions in force on a live session. screen: commands must print nothing. */
bool alerting_start(struct session *s, const struct options *o, bool screen, struct err *err);
/* Says on stderr what alerts have to tell, for want of a screen. */
void alerting_tell(struct session *s);

#endif
