/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The room's door: a runtime, its threads, one copied stack, and the code objects met so far.
 */
#include "python/python.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "python/code.h"
#include "python/locks.h"
#include "python/loop.h"
#include "python/names.h"
#include "python/origin.h"
#include "python/pymalloc.h"
#include "python/runtime.h"
#include "python/stack.h"
#include "python/threads.h"

#define MOVING_TRIES   6
#define LEARN_AGAIN_NS (20 * NS_PER_MS)

struct python {
    pid_t pid;
    struct runtime runtime;
    struct threads threads;
    struct stack stack;
    struct stack_frame *inner; /* of newer interpreters than the stack's; NULL: never needed */
    size_t n_inner;
    struct codes *codes;
    struct loop loop;
    struct locks locks;
    struct names names;
    struct origin origin;
    uint64_t origin_try_ns;
    struct pymalloc pymalloc;
    bool pymalloc_tried, pymalloc_found;
    uint32_t copied; /* whose stack it is: an index into threads, or MAP_NONE */
    bool moved;      /* that copy was of a thread that ran on */
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
    origin_init(&p->origin, pid, &p->runtime.layout);
    *out = p;
    return PYTHON_FOUND;
}

void python_free(struct python *p)
{
    if (!p)
        return;
    threads_clear(&p->threads);
    stack_clear(&p->stack);
    free(p->inner);
    codes_free(p->codes);
    loop_clear(&p->loop);
    names_clear(&p->names);
    origin_clear(&p->origin);
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
    bool ok = threads_refresh(&p->threads, clock_mono_ns());
    if (p->threads.interps.n > 1 && !p->inner) /* here, since nothing is allocated in a stop */
        p->inner = xmalloc(STACK_FRAMES_MAX * sizeof *p->inner);
    return ok;
}

bool python_has_thread(const struct python *p, pid_t tid)
{
    return threads_find(&p->threads, tid) != MAP_NONE;
}

static bool copy_moving(struct python *p, struct thread *th)
{
    p->stack.last_try = 0;
    for (int attempt = 0; attempt < MOVING_TRIES; attempt++) {
        if (stack_copy_moving(&p->stack, &p->threads, th))
            return true;
        stack_learn(&p->stack, &p->runtime.layout, th);
    }
    return false;
}

/* A thread that runs code in a subinterpreter has a state in each: the newest is the innermost. All
 * but the last one's frames are put aside. */
static bool copy_states(struct python *p, pid_t tid, bool moving)
{
    p->copied = MAP_NONE;
    p->torn = false;
    p->moved = moving;
    p->stack.n = p->n_inner = 0;
    for (uint32_t i = threads_find(&p->threads, tid); i != MAP_NONE;
         i = p->threads.list.at[i].same_tid) {
        struct thread *th = &p->threads.list.at[i];
        size_t n = p->copied == MAP_NONE ? 0 : p->stack.n;
        if (n && p->inner && n <= STACK_FRAMES_MAX - p->n_inner) {
            memcpy(p->inner + p->n_inner, p->stack.frames, n * sizeof *p->inner);
            p->n_inner += n;
        }
        p->copied = i;
        p->torn = !(moving ? copy_moving(p, th) : stack_copy(&p->stack, &p->threads, th));
        if (p->torn)
            return false;
    }
    return true;
}

bool python_copy(struct python *p, pid_t tid)
{
    return copy_states(p, tid, false);
}

static bool copy_beside(struct python *p, pid_t tid, bool moving, struct remote_span *beside)
{
    beside->ok = false;
    p->stack.beside = beside;
    bool copied = copy_states(p, tid, moving);
    p->stack.beside = NULL;
    return copied;
}

bool python_copy_beside(struct python *p, pid_t tid, struct remote_span *beside)
{
    return copy_beside(p, tid, false, beside);
}

bool python_copy_moving(struct python *p, pid_t tid)
{
    return copy_states(p, tid, true);
}

bool python_copy_moving_beside(struct python *p, pid_t tid, struct remote_span *beside)
{
    return copy_beside(p, tid, true, beside);
}

static const struct stack_frame *frame_at(const struct python *p, size_t i)
{
    return i < p->n_inner ? &p->inner[i] : &p->stack.frames[i - p->n_inner];
}

uint64_t python_frames_key(const struct python *p)
{
    uint64_t key = 0;
    for (size_t i = 0; i < p->n_inner + p->stack.n; i++) {
        const struct stack_frame *f = frame_at(p, i);
        key = hash_mix(hash_mix(key, f->code), f->address);
    }
    return key;
}

uint64_t python_moment(const struct python *p)
{
    return stack_moment(&p->stack);
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
    uint64_t now_ns = clock_mono_ns();
    size_t all = p->n_inner + p->stack.n, n = 0, skip_from = all, skip_to = all;
    if (all > max) {
        skip_from = max - max / 2;
        skip_to = all - max / 2;
        *elided = (uint32_t)(skip_to - skip_from);
    }
    for (size_t i = 0; i < all; i++) {
        if (i == skip_from)
            i = skip_to;
        if (i == all)
            break;
        int named = name_frame(p, frame_at(p, i), now_ns, &out[n]);
        /* The interpreter's own frames have been left out by their owner before: what a moving copy
         * takes for a frame is none. */
        if (named < 0 || (!named && p->moved))
            return -1;
        /* One that is left out hands its mark to the frame within. */
        if (frame_at(p, i)->entry && (named || (n && i != skip_to)))
            out[n - !named].entry = true;
        n += (size_t)named;
    }
    return (int)n;
}

bool python_is_eval(struct python *p, uint64_t address)
{
    return loop_is_eval(&p->loop, &p->runtime, p->pid, address);
}

bool python_is_interpreter(struct python *p, uint64_t address)
{
    return loop_is_interpreter(&p->loop, &p->runtime, p->pid, address);
}

/* The types of code objects and frames, from the first thread that shows one. */
static void learn_types(struct python *p)
{
    uint64_t now_ns = clock_mono_ns();
    if (p->origin.code_type || now_ns - p->origin_try_ns < LEARN_AGAIN_NS)
        return;
    p->origin_try_ns = now_ns;
    python_refresh(p);
    for (size_t i = 0; i < p->threads.list.n && !p->origin.code_type; i++) {
        pid_t tid = p->threads.list.at[i].tid;
        if (!tid || !python_copy_moving(p, tid))
            continue;
        for (size_t f = 0; f < p->stack.n && !p->origin.code_type; f++) {
            const struct stack_frame *frame = &p->stack.frames[f];
            const struct code *code =
                codes_get(p->codes, frame->code, frame->address, frame->local0, now_ns);
            if (code && code->is_code)
                origin_learn(&p->origin, frame->code, frame->address);
        }
    }
}

size_t python_origins(struct python *p, const uint64_t *words, size_t n, struct python_origin *out,
                      size_t max)
{
    learn_types(p);
    return origin_find(&p->origin, words, n, out, max);
}

bool python_origin_frame(struct python *p, const struct python_origin *origin,
                         struct python_frame *out)
{
    const struct code *code = codes_get(p->codes, origin->code, 0, 0, clock_mono_ns());
    if (!code || !code->is_code)
        return false;
    *out = (struct python_frame){.name = code->name,
                                 .file = code->file,
                                 .line = codes_line(p->codes, code, origin->offset),
                                 .first_line = code->first_line};
    out->key = hash_mix(hash_u64(code->uid), out->line);
    return true;
}

const struct pymalloc *python_pymalloc(struct python *p)
{
    if (!p->pymalloc_tried)
        p->pymalloc_found = pymalloc_find(&p->pymalloc, &p->runtime, p->pid);
    p->pymalloc_tried = true;
    return p->pymalloc_found ? &p->pymalloc : NULL;
}

bool python_thread_name(struct python *p, pid_t tid, char out[PYTHON_NAME_MAX])
{
    char name[UNICODE_TEXT_SIZE];
    uint32_t i = threads_find(&p->threads, tid);
    if (i == MAP_NONE ||
        !names_find(&p->names, &p->threads, &p->threads.list.at[i], clock_mono_ns(), name))
        return false;
    size_t length = strnlen(name, PYTHON_NAME_MAX - 1);
    while (length && (name[length] & 0xc0) == 0x80) /* not in the middle of a character */
        length--;
    memcpy(out, name, length);
    out[length] = '\0';
    return true;
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
    for (size_t i = 0; i < p->threads.interps.n; i++)
        if (threads_is_gil(&p->threads, &p->threads.interps.at[i], addr))
            return true;
    return false;
}

bool python_lock_find(struct python *p, uint64_t futex, uint64_t sp, uint64_t now_ns,
                      struct python_lock *out)
{
    return locks_find(&p->locks, &p->threads, futex, sp, now_ns, out);
}

bool python_collecting(const struct python *p, pid_t tid)
{
    for (uint32_t i = threads_find(&p->threads, tid); i != MAP_NONE;
         i = p->threads.list.at[i].same_tid) {
        const struct thread *th = &p->threads.list.at[i];
        const struct interp *interp = &p->threads.interps.at[th->interp];
        /* 3.15 says where. Before, it is who holds the GIL: while a finalizer has let go of it,
         * another thread. */
        if (interp->collecting && (p->runtime.layout.interp_gc_frame.size && interp->gc_frame
                                       ? th->collects
                                       : interp->locked && interp->holder == th->state))
            return true;
    }
    return false;
}

bool python_handles_exception(const struct python *p, pid_t tid)
{
    bool handles = false;
    for (uint32_t i = threads_find(&p->threads, tid); i != MAP_NONE;
         i = p->threads.list.at[i].same_tid)
        handles |= p->threads.list.at[i].handles;
    return handles;
}

bool python_wants_gil(const struct python *p, pid_t tid)
{
    bool wants = false;
    for (uint32_t i = threads_find(&p->threads, tid); i != MAP_NONE;
         i = p->threads.list.at[i].same_tid)
        wants |= p->threads.list.at[i].wants_gil;
    return wants;
}
