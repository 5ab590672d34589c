/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See stacks.h. */
#include "engine/stacks.h"

#include <string.h>

void stacks_init(struct stacks *s, pid_t pid, struct sink *sink)
{
    memset(s, 0, sizeof *s);
    s->pid = pid;
    s->sink = sink;
    frames_init(&s->frames, sink);
    s->unwinder = unwinder_new(pid);
}

void stacks_clear(struct stacks *s)
{
    unwinder_free(s->unwinder);
    python_free(s->python);
    frames_clear(&s->frames);
}

void stacks_restart(struct stacks *s)
{
    python_free(s->python);
    s->python = s->frames.python = NULL;
    unwinder_free(s->unwinder);
    s->unwinder = unwinder_new(s->pid);
    frames_forget(&s->frames);
}

struct stack_id stacks_native(struct stacks *s, const struct capture *capture,
                              const uint64_t *kernel, size_t n_kernel, uint8_t *flags,
                              size_t *reached)
{
    enum walk_end end;
    uint32_t elided = 0;
    size_t n = unwinder_walk(s->unwinder, capture, s->native, STACKS_DEPTH_MAX, &end, &elided);
    if (end == WALK_CUT)
        *flags |= SAMPLE_TORN;
    *reached = unwinder_reached(s->unwinder);
    struct stack_id stack = n ? frames_native(&s->frames, s->unwinder, s->native, n, elided)
                              : frames_remark(&s->frames, "[no stack]");
    return n_kernel ? frames_kernel(&s->frames, stack, kernel, n_kernel) : stack;
}

bool stacks_python(struct stacks *s, struct stack_id *stack)
{
    uint32_t elided = 0;
    int n = python_walk(s->python, s->python_frames, STACKS_DEPTH_MAX, &elided);
    if (n < 0)
        return false;
    *stack = n ? frames_python(&s->frames, s->python_frames, (size_t)n, elided)
               : frames_remark(&s->frames, "[no Python code]");
    return true;
}

bool stacks_mixed(struct stacks *s, const struct capture *capture, uint8_t *flags,
                  struct stack_id *stack, size_t *reached)
{
    uint32_t elided = 0, native_elided = 0;
    int n = python_walk(s->python, s->python_frames, STACKS_DEPTH_MAX, &elided);
    if (n < 0)
        return false;
    if (n == 0) {
        *stack = stacks_native(s, capture, NULL, 0, flags, reached);
        return true;
    }
    enum walk_end end;
    size_t n_native =
        unwinder_walk(s->unwinder, capture, s->native, STACKS_DEPTH_MAX, &end, &native_elided);
    *reached = unwinder_reached(s->unwinder);
    if (elided || native_elided || !n_native) {
        /* Which invocations are missing in the middle is not known: Python's frames alone. */
        *stack = frames_python(&s->frames, s->python_frames, (size_t)n, elided);
        return true;
    }
    for (size_t i = 0; i < n_native; i++)
        s->eval[i] = python_is_eval(s->python, s->native[i].address);
    for (int i = 0; i < n; i++)
        s->entry[i] = s->python_frames[i].entry;
    struct weave_in in = {n_native, (size_t)n, s->eval, s->entry, end == WALK_CUT};
    int items = weave(&in, s->items);
    if (items < 0)
        return false;
    *stack =
        frames_mixed(&s->frames, s->unwinder, s->native, s->python_frames, s->items, (size_t)items);
    return true;
}
