/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the frames that native/ and python/ find to stacks in the sampler's dictionary. Keeps the
 * numbers of what it has met, so that a frame costs a look-up or two; forgets them when the
 * sink's dictionary starts anew.
 */
#ifndef ENGINE_FRAMES_H
#define ENGINE_FRAMES_H

#include "engine/sink.h"
#include "engine/weave.h"
#include "native/unwind.h"
#include "python/python.h"

struct frames {
    struct sink *sink;
    struct python *python; /* borrowed; NULL: none of the code is an interpreter's */
    uint32_t generation;
    struct map python_frames; /* python_frame.key -> frame id */
    struct map jit;           /* perf_map_code.key -> frame id */
    VEC(uint32_t) modules;    /* unwinder's module -> module id; 0: not yet */
    VEC(uint32_t) stand_ins;  /* the same -> function id */
};

void frames_init(struct frames *f, struct sink *sink);
void frames_clear(struct frames *f);
/* Another program runs in the process: modules are counted anew. */
void frames_forget(struct frames *f);

/* Innermost first. `elided` frames are missing in the middle (after the first n / 2). */
struct stack_id frames_native(struct frames *f, const struct unwinder *u,
                              const struct native_frame *frames, size_t n, uint32_t elided);
struct stack_id frames_python(struct frames *f, const struct python_frame *frames, size_t n,
                              uint32_t elided);
/* Both, woven: the items tell which comes where. */
struct stack_id frames_mixed(struct frames *f, const struct unwinder *u,
                             const struct native_frame *native, const struct python_frame *python,
                             const struct weave_item *items, size_t n);
/* Kernel functions (their addresses, innermost first) called from a stack. */
struct stack_id frames_kernel(struct frames *f, struct stack_id stack, const uint64_t *addresses,
                              size_t n);
/* A stack of one remark, such as "[no Python code]". */
struct stack_id frames_remark(struct frames *f, const char *remark);

#endif
