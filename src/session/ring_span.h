/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a session does to keep the last half hour and no more (session_keep_ring): the recording's
 * start moves along, and what nobody refers to any more is forgotten, here and by those who hold
 * its numbers. The front's thread.
 */
#ifndef SESSION_RING_SPAN_H
#define SESSION_RING_SPAN_H

#include "model/batch.h"
#include "session/censuses.h"
#include "session/growing.h"

struct ring_span {
    uint64_t span_ns; /* 0: no ring */
    void (*turn)(void *context);
    void *context;
};

/* Who holds numbers of the recording's incarnations. */
struct ring_parts {
    struct recording *rec;
    struct batch_reader *reader;
    struct censuses *censuses; /* NULL: none are taken */
    struct growing *growing;
    pid_t target; /* the process that is watched, or was last */
};

/* Lets the recording begin span_ns before the newest thing in it. */
void ring_span_cut(struct recording *rec, uint64_t span_ns);
/* The same, and forgets processes of which nothing is left. The one that is watched stands first.
 */
void ring_span_forget(const struct ring_parts *parts, uint64_t span_ns);

/* Whether the recording knows of a process of this pid that lives. */
bool ring_span_lives(const struct recording *rec, pid_t pid);

/* What earlier samplers of this program cost, added to what the last one did; proftop's own CPU is
 * counted from its start anyway. */
void ring_span_add_cost(struct cost *cost, const struct cost *before);

#endif
