/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker that looks at heaps: it counts the objects of the watched processes on a schedule and
 * when it is asked to, and finds out who holds a type that grows.
 *
 * One look at a time, each with a bound on its own time and memory; what it costs is kept under
 * CENSUS_SHARE of a core by waiting longer until the next. It only ever reads memory, so the
 * target runs on, and a look that is under way can be given up at any moment.
 */
#ifndef SESSION_CENSUSES_H
#define SESSION_CENSUSES_H

#include <stdbool.h>
#include <stdint.h>

#include "model/recording.h"

struct censuses;

/* hold: the target stands still while it is counted; rest is then called before and after, and may
 * not return before nobody else of us traces it. */
struct censuses *censuses_start(bool hold, void (*rest)(void *context, bool rest), void *context);
/* Gives up what is under way. */
void censuses_stop(struct censuses *c);
/* Readable when there is something to pump. */
int censuses_fd(const struct censuses *c);

/* Adds what was found to the recording and orders what is due; to be called some times a second. */
void censuses_pump(struct censuses *c, struct recording *rec, uint64_t now_ns);
/* The recording's incarnations were renumbered (recording_collect_incarnations). */
void censuses_renumber(struct censuses *c, const uint32_t *renumbered);
/* Counts every process now, whatever the schedule says. */
void censuses_now(struct censuses *c, const struct recording *rec);
/* Who holds this type of the process? The answer becomes a holder of the recording. */
void censuses_ask_holder(struct censuses *c, const struct recording *rec,
                         struct incarnation_id incarnation, struct string_id type,
                         enum language language);
/* Gives up looking for holders: those that wait, and the one that is under way. */
void censuses_stop_asking(struct censuses *c);

struct censuses_state {
    bool counting, asking; /* what is under way */
    bool wanted;           /* a census that somebody asked for has not come yet */
    int permille;          /* of what is under way, as far as it can be told */
    uint64_t next_ns;      /* when the next census is due; 0: none is */
    const char *trouble;   /* why the last look failed, or "" */
};
struct censuses_state censuses_state(const struct censuses *c);

#endif
