/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The room's door: a runtime, its threads, one copied stack, and the code objects met so far.
 */
#include "python/python.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "python/code.h"
#include "python/runtime.h"
#include "python/stack.h"
#include "python/threads.h"

struct python {
    pid_t pid;
    struct runtime runtime;
    struct threads threads;
    struct stack stack;
    struct codes *codes;
    uint32_t copied; /* whose stack it is: an index into threads, or MAP_NONE */
    bool torn;       /* that copy is no good, though something can be learnt from it */
};

enum python_found python_open(struct python **out, pid_t pid, struct err *err)
{
    struct runtime runtime;
    *out = NULL;
    enum python_found found = runtime_find(&runtime, pid, err);
    if (found != PYTHON_FOUND)
        return found;
    struct python *p = xcalloc(1, sizeof *p);
    p->pid = pid;
    p->runtime = runtime;
    p->copied = MAP_NONE;
    threads_init(&p->threads, pid, &p->runtime);
    stack_init(&p->stack, &p->runtime.layout);
    p->codes = codes_new(pid, &p->runtime.layout);
    *out = p;
    return PYTHON_FOUND;
}

void python_free(struct python *p)
{
    if (!p)
        return;
    threads_clear(&p->threads);
    stack_clear(&p->stack);
    codes_free(p->codes);
    free(p);
}

const char *python_version(const struct python *p)
{
    return p->runtime.version;
}

bool python_refresh(struct python *p)
{
    if (p->copied != MAP_NONE && p->torn)
        stack_learn(&p->stack, &p->runtime.layout, &p->threads.list.at[p->copied]);
    p->copied = MAP_NONE;
    p->torn = false;
    return threads_refresh(&p->threads, clock_mono_ns());
}

bool python_has_thread(const struct python *p, pid_t tid)
{
    return threads_find(&p->threads, tid) != MAP_NONE;
}

bool python_copy(struct python *p, pid_t tid)
{
    p->copied = MAP_NONE;
    p->torn = false;
    p->stack.n = 0;
    for (uint32_t i = threads_find(&p->threads, tid); i != MAP_NONE;
         i = p->threads.list.at[i].same_tid) {
        p->copied = i;
        if (!stack_copy(&p->stack, &p->threads, &p->threads.list.at[i])) {
            p->torn = true;
            return false;
        }
        if (p->stack.n)
            break;
    }
    return true;
}

/* Bytes into the bytecode; negative: not begun. */
static int64_t instruction_offset(const struct layout *l, const struct stack_frame *f)
{
    if (!l->instr_unit)
        return (int64_t)(f->instr - (f->code + l->code_bytecode_at));
    return (int64_t)(int32_t)f->instr * l->instr_unit;
}

/* Fills *out. 1; 0: the frame stands for no code; -1: torn. */
static int name_frame(struct python *p, const struct stack_frame *f, uint64_t now_ns,
                      struct python_frame *out)
{
    const struct layout *l = &p->runtime.layout;
    const struct code *code = codes_get(p->codes, f->code, f->address, f->local0, now_ns);
    if (!code)
        return -1;
    if (!code->is_code)
        return l->frame_owner.size ? 0 : -1;
    *out = (struct python_frame){.name = code->name,
                                 .file = code->file,
                                 .line = codes_line(p->codes, code, instruction_offset(l, f)),
                                 .first_line = code->first_line};
    out->key = hash_mix(hash_u64(code->uid), out->line);
    return 1;
}

int python_walk(struct python *p, struct python_frame *out, size_t max, uint32_t *elided)
{
    *elided = 0;
    if (p->copied == MAP_NONE || !max)
        return 0;
    stack_learn(&p->stack, &p->runtime.layout, &p->threads.list.at[p->copied]);
    if (p->torn) {
        p->torn = false;
        p->copied = MAP_NONE;
        return -1;
    }
    const struct stack *s = &p->stack;
    uint64_t now_ns = clock_mono_ns();
    size_t n = 0, skip_from = s->n, skip_to = s->n;
    if (s->n > max) {
        skip_from = max - max / 2;
        skip_to = s->n - max / 2;
        *elided = (uint32_t)(skip_to - skip_from);
    }
    for (size_t i = 0; i < s->n; i++) {
        if (i == skip_from)
            i = skip_to;
        if (i == s->n)
            break;
        int named = name_frame(p, &s->frames[i], now_ns, &out[n]);
        if (named < 0)
            return -1;
        n += (size_t)named;
    }
    return (int)n;
}

bool python_holds_gil(const struct python *p, pid_t tid)
{
    return threads_hold_gil(&p->threads, tid);
}

pid_t python_gil_holder(const struct python *p, uint64_t addr)
{
    return threads_gil_holder(&p->threads, addr);
}

bool python_is_gil(const struct python *p, uint64_t addr)
{
    for (size_t i = 0; i < p->threads.interps.n; i++) {
        uint64_t gil = p->threads.interps.at[i].gil;
        if (gil && addr >= gil && addr < gil + GIL_BYTES)
            return true;
    }
    return false;
}

bool python_collecting(const struct python *p, pid_t tid)
{
    uint32_t i = threads_find(&p->threads, tid);
    return i != MAP_NONE && p->threads.interps.at[p->threads.list.at[i].interp].collecting &&
           threads_hold_gil(&p->threads, tid);
}
