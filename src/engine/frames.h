/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the frames that native/ and python/ find to stacks in the sampler's dictionary. Keeps the
 * numbers of what it has met, so that a frame costs a look-up or two, and each thread's last stack,
 * so that the outer frames, which seldom change, cost a comparison; forgets them when the sink's
 * dictionary starts anew.
 */
#ifndef ENGINE_FRAMES_H
#define ENGINE_FRAMES_H

#include "engine/sink.h"
#include "engine/weave.h"
#include "native/unwind.h"
#include "python/python.h"

/* A thread's last stack, from its outermost frame inwards. */
struct trail_step {
    uint64_t key;    /* native: the offset; Python: python_frame.key; how many are left out */
    uint32_t module; /* of a native frame; TRAIL_PYTHON, TRAIL_GAP */
    struct stack_id stack;
};
#define TRAIL_PYTHON (UINT32_MAX - 1)
#define TRAIL_GAP    (UINT32_MAX - 2)

struct trail {
    VEC(struct trail_step) steps;
    size_t at;   /* in the stack that is being made */
    bool parted; /* it has left the last one's way */
};
#define TRAILS 16u /* threads with the same remainder share one, and gain less */

struct frames {
    struct sink *sink;
    struct python *python;              /* borrowed; NULL: none of the code is an interpreter's */
    const struct python *trails_python; /* for which the trails were made */
    struct trail trails[TRAILS];
    unsigned trail; /* the one in use */
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

/* Whose stacks come next. */
void frames_of_thread(struct frames *f, pid_t tid);
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
