/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a raised alert does besides standing in the recording's log: an automatic snapshot of the
 * minutes before and the seconds after, a command, and news for whoever shows something.
 *
 * Invariant: never a flood. A rule takes one snapshot in snapshot_gap_s, all rules together
 * snapshots_per_hour, and what is raised while one is being waited for shares it; commands run one
 * at a time and commands_per_hour; trouble of one kind is told once until it has gone. The front's
 * thread; files are written by a worker (saver.h).
 */
#ifndef SESSION_ALARMS_H
#define SESSION_ALARMS_H

#include "base/err.h"
#include "model/recording.h"

struct alarms_options {
    const char *command;    /* run for rules with ALERT_COMMAND (hook.h); NULL: none */
    const char *folder;     /* where snapshots of rules with ALERT_SNAPSHOT go; NULL: none */
    double before_s;        /* a snapshot begins so long before its alert, */
    double after_s;         /* and ends so long after it, or with the target */
    double command_limit_s; /* a command that takes longer is killed */
    double snapshot_gap_s;
    unsigned snapshots_per_hour, commands_per_hour;
    bool hush; /* what a command prints goes nowhere: a screen is shown */
};
/* 5 minutes before, 10 s after; 10 s for a command; one snapshot of a rule in 5 minutes, 6 an hour,
 * 60 commands an hour; no command and no folder. */
extern const struct alarms_options alarms_defaults;

struct alarms;

/* With alarms_defaults. */
struct alarms *alarms_new(void);
/* Changes what is done; what was done stays known, so that no limit begins anew. Strings are
 * copied. Fails where the command cannot be run, or the folder cannot be written to, and changes
 * nothing. Waits up to two seconds for a command that is running. */
bool alarms_set(struct alarms *a, const struct alarms_options *options, struct err *err);
/* After alarms_finish, or without what that would wait for. */
void alarms_free(struct alarms *a);
/* Readable when alarms_pump has something to do. */
int alarms_fd(const struct alarms *a);

/* Takes in what the log has that is new, goes on with what is under way, and writes the paths of
 * snapshots into the log. ended: the target has, so nothing comes after that would be waited for.
 */
void alarms_pump(struct alarms *a, struct recording *rec, uint64_t now_ns, bool ended);
/* Saves at once what a snapshot was to have, and waits until it is written. */
void alarms_finish(struct alarms *a, struct recording *rec, uint64_t now_ns);

enum alarm_kind { ALARM_RAISED, ALARM_CLEARED, ALARM_SAVED, ALARM_TROUBLE };
struct alarm_news {
    enum alarm_kind kind;
    bool bell;      /* its rule rings */
    char path[512]; /* ALARM_SAVED: of the snapshot */
    char text[640]; /* a sentence */
};
/* The oldest that was not taken yet; false: none. The newest 16 are kept. */
bool alarms_take_news(struct alarms *a, struct alarm_news *news);

/* "proftop-COMM-PID[-WORD]-DATE-TIME.ptop": a snapshot's name, without a folder; word may be NULL.
 */
void alarms_file_name(char *out, size_t size, const struct recording *rec, const char *word);

#endif
