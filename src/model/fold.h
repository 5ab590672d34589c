/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which frames of a stack are shown. In a Python process a stack shows Python frames and, below
 * them, those of extension modules and libraries; the interpreter's own functions are folded into
 * the Python function that they serve, and with them what the C library does for them at the inner
 * end (waiting, copying, allocating). The kernel's are folded into the function that called or was
 * interrupted. The recording keeps them all, so a file can be shown either way.
 *
 * A fold numbers the folded stacks on its own; every stack of a window_sum is one of them.
 * Invariant: as in a dictionary, a stack's parent has a smaller number, and 0 is "none". Where
 * there is nothing to fold, the numbers are the recording's. Pure; good until the recording
 * changes.
 */
#ifndef MODEL_FOLD_H
#define MODEL_FOLD_H

#include <stdbool.h>

#include "base/chains.h"
#include "model/recording.h"

enum native_frames {
    NATIVE_FOLDED, /* the default */
    NATIVE_ALL,    /* --native: the interpreter's own and the kernel's too */
    NATIVE_NONE,   /* --no-native: in a thread with Python frames these alone */
};

struct fold {
    const struct recording *rec;
    enum native_frames native;
    bool plain;     /* nothing to fold */
    uint8_t *roles; /* by frame */
    uint8_t *outer; /* by frame: see idle.c; 0: not found out */
    VEC(struct stack) stacks;
    struct chains index; /* of them, but for the first */
    /* By the recording's stack, each found out once: whether there is a Python frame in it; and
     * what it comes to, number + 1, in a stack with Python frames and in one without. */
    uint8_t *python;
    uint32_t *known[2];
    VEC(uint32_t) path;
};

/* O(frames). */
void fold_init(struct fold *f, const struct recording *rec, enum native_frames native);
void fold_clear(struct fold *f);
/* The folded stack of one of the recording's. O(its callers that were not met yet). */
struct stack_id fold_stack(struct fold *f, struct stack_id stack);
/* Every folded stack so far has a smaller number. */
size_t fold_count(const struct fold *f);

static inline const struct stack *fold_at(const struct fold *f, struct stack_id id)
{
    return f->plain ? stack_at(&f->rec->words, id) : &f->stacks.at[id.n];
}

#endif
