/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds the objects of a class (or the blocks of a size class) of a C or C++ program: the words
 * that point at them are looked for in all blocks in use and in the modules' data, then what points
 * at those, until a variable is reached. Nothing is stopped; a word that merely looks like a
 * pointer counts as one, so figures are of words, and the path is the way that most of them go.
 *
 * A look costs one walk of the heap a level, 0.5 s a GB; 0.8 % of the heap and 32 MB of our own
 * memory. Worker thread.
 */
#ifndef NATIVE_HOLDERS_H
#define NATIVE_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"
#include "model/heap_count.h"

#define HOLDER_LEVELS 8 /* a path is at most so long */

enum holder_kind {
    HOLDER_BLOCK,   /* blocks in use: name as a census's row */
    HOLDER_GLOBAL,  /* "g_cache in server", "server+0x5040" */
    HOLDER_STACK,   /* the first thread's */
    HOLDER_OUTSIDE, /* memory that is neither malloc's nor a module's: other stacks, arenas of
                       others */
};

struct holder {
    char *name; /* owned */
    enum holder_kind kind;
    uint32_t level;   /* 1: it points at the objects themselves */
    uint64_t words;   /* so many words in it do */
    uint64_t holders; /* blocks, or places, that those stand in */
    bool on_path;     /* the path goes this way */
};

struct holders {
    uint64_t objects;        /* blocks that were asked for */
    VEC(struct holder) list; /* by level, most words first; a few of each */
    /* "global g_cache in server -> [malloc 25-40] -> ns::Order", or "nothing, 2,998 of 3,000 lost":
     * no word points at them; NULL: no way was found. Owned. */
    char *path;
    bool reached; /* it begins at a variable */
    bool partial; /* a bound was met, or not all could be read */
    char why_partial[160];
};

/* type: as in a row of native_census ("ns::Order", "[malloc 25-40]"); newborn: of these the ones
 * that are born within two seconds, where they are some. Fills *out, which is to be cleared in any
 * case. Of our own memory it may take a twentieth of the heap on top of own_bytes_max. false with
 * err: no glibc malloc, gone, or no such object. limits may be NULL; its stop is told the progress.
 */
bool native_holders(pid_t pid, const char *type, bool newborn, const struct heap_limits *limits,
                    struct holders *out, struct err *err);
void holders_clear(struct holders *h);

#endif
