/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen of the alerts: their log, of which a row leads to its time, and the rules, which can
 * be changed. See state.h. The front's thread.
 */
#ifndef UI_ALERTS_SCREEN_H
#define UI_ALERTS_SCREEN_H

#include "model/alert.h"
#include "ui/keys.h"

struct ui;

struct alerts_screen {
    bool rules;                      /* these are shown, and not the log */
    char name[ALERT_NAME_MAX];       /* of the rule that is being changed */
    char label[ALERT_NAME_MAX + 16]; /* of its prompt */
};

void alerts_screen_fill(struct ui *ui);
void alerts_screen_draw(struct ui *ui, int row, int height);
/* Shows the rules, or the log again. */
void alerts_screen_vary(struct ui *ui);
/* Leads to the time of the selected alert, or asks for the selected rule's text. */
void alerts_screen_open(struct ui *ui);
/* + and -: the selected rule's threshold. false: the command is another. */
bool alerts_screen_command(struct ui *ui, enum command command);
/* Puts the text that was asked for in force, or says what is wrong and asks again. */
void alerts_screen_change(struct ui *ui, const char *text);
/* Tells what alerts have done: a bell, a message. */
void alerts_screen_news(struct ui *ui);

#endif
