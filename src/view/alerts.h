/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of alerts and the rules behind it: which row is about what. Pure.
 */
#ifndef VIEW_ALERTS_H
#define VIEW_ALERTS_H

#include "view/table.h"

/* The rules in force, as the Alerts screen shows them; no VIEW of `report --view`. */
extern const struct view alert_rules_view;

/* Which of rec->alerts a row of the log is about; false: it is forgotten. */
bool alerts_find(const struct recording *rec, uint64_t key, size_t *event);
/* Which of rec->rules a row of the rules is about; false: none that is in force. */
bool alert_rules_row(const struct recording *rec, uint64_t key, size_t *rule);
/* "5 rules, 1 stands raised". */
void alert_rules_say(char *out, size_t size, const struct recording *rec);

#endif
