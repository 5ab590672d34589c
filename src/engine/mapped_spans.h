/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address space that a process was seen to ask for and has not been seen to give back, with the
 * code that asked: what brk, mmap and mremap added since a look began, net of what munmap and a
 * falling break took away. What was there before the look is not in it. Pure.
 *
 * Invariant: spans are in the order of their addresses and do not overlap; at most
 * MAPPED_SPANS_MAX.
 */
#ifndef ENGINE_MAPPED_SPANS_H
#define ENGINE_MAPPED_SPANS_H

#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "model/growth.h"

#define MAPPED_SPANS_MAX 65536 /* as many as a process may have mappings (vm.max_map_count) */

struct mapped_span {
    uint64_t start, end; /* [start, end) */
    uint64_t time_ns;    /* when it was asked for */
    enum growth_kind kind;
    uint32_t stack; /* of a growth */
    double weight;  /* it stands for so many like it, most of which nobody looked at */
};

/* What is known of the spans of a stack. */
struct mapped_lives {
    uint64_t begun, ended;
    uint64_t lived_ns;    /* all that ended */
    uint64_t youngest_ns; /* of those that ended, the last one's beginning */
};

struct mapped_spans {
    VEC(struct mapped_span) list;
    VEC(struct mapped_lives) lives;
    struct map by_stack; /* -> lives */
    uint64_t dropped;    /* for which there was no room */
};

void mapped_spans_clear(struct mapped_spans *s);
/* In place of whatever was there. O(n) like the next two: most look at tens of them. */
void mapped_spans_add(struct mapped_spans *s, const struct mapped_span *span);
/* They went at time_ns. */
void mapped_spans_remove(struct mapped_spans *s, uint64_t start, uint64_t end, uint64_t time_ns);
/* What is in [from, from + size) is at `to` from now on (mremap). */
void mapped_spans_move(struct mapped_spans *s, uint64_t from, uint64_t size, uint64_t to);
/* From time_ns on nobody sees what goes: takes out what will not stay, as others of its stack did
 * not. What stays has outlived one that came after it, and got much older than they do. */
void mapped_spans_cull(struct mapped_spans *s, uint64_t time_ns);

#endif
