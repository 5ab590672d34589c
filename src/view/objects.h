/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the Objects screen says around its table: which census it shows and how far it can be
 * trusted, and one type seen closely. Pure.
 */
#ifndef VIEW_OBJECTS_H
#define VIEW_OBJECTS_H

#include "model/leak.h"
#include "view/table.h"
#include "view/text_lines.h"

/* The newest census of each process before the window's end, summed. */
struct objects_census {
    uint64_t time_ns; /* of the newest; 0: there is none */
    uint64_t duration_ns;
    uint64_t count, size_bytes, swapped_bytes;
    struct heap_space space;
    double moved_pct; /* of the one that moved most */
    bool stopped;     /* the target stood still for it */
    bool freed;       /* objects that were freed may be among them */
    const char *why;  /* why it is partial; NULL: it is not. Borrowed from the recording */
};
struct objects_census objects_census(const struct query *query);

/* "612,004 objects, 490M; counted 12s ago in 34ms" and what makes it doubtful, of the newest census
 * in the query's window; "" if there is none. */
void objects_say(char *out, size_t size, const struct query *query);

/* The type of a row of the objects view by its key, as it grows in the query's window. false: there
 * is none such now. */
bool objects_find(const struct query *query, uint64_t key, struct type_growth *found);

/* What a programmer looks for in a holder's path, to out: "Cache.shared.entries (dict)" of
 * "module __main__.Cache.shared .entries (dict, 20,269 entries) -> str", "self.cache (dict)" of
 * "local self of Shop.serve() .cache (dict, 20,269 entries) -> str". */
const char *objects_short_owner(char *out, size_t size, const char *path);

/* "str grows 1,020/s, held by module checkout.CACHE (dict)". */
void objects_say_growth(char *out, size_t size, const struct recording *rec,
                        const struct type_growth *g);

/* The type's history, its large containers, and who holds it. looking: what is being done to find
 * that out, or "". */
void object_detail_fill(struct text_lines *d, const struct query *query, uint64_t key,
                        const char *looking);

#endif
