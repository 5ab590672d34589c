/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See frames.h. The sampler's thread. */
#include "engine/frames.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "native/perf_map.h"

_Static_assert(NATIVE_NO_MODULE > TRAIL_PYTHON, "a trail step is of one kind");

void frames_init(struct frames *f, struct sink *sink)
{
    *f = (struct frames){.sink = sink, .generation = sink->generation};
}

static void forget_trails(struct frames *f)
{
    for (size_t i = 0; i < TRAILS; i++)
        vec_clear(&f->trails[i].steps);
    f->trails_python = f->python;
}

void frames_clear(struct frames *f)
{
    for (size_t i = 0; i < TRAILS; i++)
        vec_free(&f->trails[i].steps);
    map_free(&f->python_frames);
    map_free(&f->jit);
    vec_free(&f->modules);
    vec_free(&f->stand_ins);
}

void frames_forget(struct frames *f)
{
    map_clear(&f->python_frames);
    map_clear(&f->jit);
    vec_clear(&f->modules);
    vec_clear(&f->stand_ins);
    forget_trails(f);
}

static void keep_up(struct frames *f)
{
    if (f->python != f->trails_python)
        forget_trails(f);
    if (f->generation == f->sink->generation)
        return;
    frames_forget(f);
    f->generation = f->sink->generation;
}

void frames_of_thread(struct frames *f, pid_t tid)
{
    f->trail = (unsigned)tid % TRAILS;
}

static struct trail *trail_begin(struct frames *f)
{
    struct trail *t = &f->trails[f->trail];
    t->at = 0;
    t->parted = false;
    return t;
}

/* Whether the next frame inwards is what it was last time: then *stack is the stack up to it. Code
 * without a file never is: another function may have been put there. */
static bool trail_follow(struct trail *t, uint64_t key, uint32_t module, struct stack_id *stack)
{
    if (t->parted || t->at >= t->steps.n || module == NATIVE_NO_MODULE)
        return false;
    const struct trail_step *s = &t->steps.at[t->at];
    if (s->key != key || s->module != module)
        return false;
    t->at++;
    *stack = s->stack;
    return true;
}

/* It is another one. */
static void trail_leave(struct trail *t, uint64_t key, uint32_t module, struct stack_id stack)
{
    t->parted = true;
    t->steps.n = t->at++;
    vec_push(&t->steps, ((struct trail_step){key, module, stack}));
}

static struct frame_id remark_frame(struct frames *f, const char *remark, enum language language)
{
    struct dictionary *d = &f->sink->words;
    struct function function = {.name = dictionary_string(d, remark),
                                .language = (uint8_t)language};
    struct frame frame = {.kind = FRAME_MARK,
                          .place = {.function = dictionary_function(d, &function)}};
    return dictionary_frame(d, &frame);
}

/* Stands for the frames that were left out. Their number is rounded to two digits: a recursion that
 * goes up and down would make a stack of each. */
static struct frame_id gap_frame(struct frames *f, uint32_t elided)
{
    char remark[96], count[FIGURE_MAX];
    uint32_t unit = 1;
    while (elided / unit >= 100)
        unit *= 10;
    snprintf(remark, sizeof remark, "[deep recursion: %s%s calls left out]",
             unit > 1 ? "about " : "", figure_count(count, (elided + unit / 2) / unit * unit));
    return remark_frame(f, remark, LANGUAGE_NATIVE);
}

struct stack_id frames_remark(struct frames *f, const char *remark)
{
    keep_up(f);
    return dictionary_stack(&f->sink->words, (struct stack_id){0},
                            remark_frame(f, remark, LANGUAGE_NATIVE));
}

/* The recording's number of a module, and the function that stands for its frames until they are
 * named. */
static void meet_module(struct frames *f, const struct unwinder *u, uint32_t n)
{
    while (f->modules.n <= n) {
        vec_push(&f->modules, 0);
        vec_push(&f->stand_ins, 0);
    }
    if (f->modules.at[n])
        return;
    struct dictionary *d = &f->sink->words;
    const struct native_module *m = unwinder_module(u, n);
    struct module_id module = dictionary_module(d, m->path, m->build_id);
    char name[256];
    snprintf(name, sizeof name, "[%s]", path_base(m->path));
    struct function stand_in = {.name = dictionary_string(d, name), .module = module};
    f->modules.at[n] = module.n;
    f->stand_ins.at[n] = dictionary_function(d, &stand_in).n;
}

/* Code without a file: by the map that its compiler may write, now, as its address may be used for
 * other code soon. None (0) if nothing names it. */
static struct frame_id jit_frame(struct frames *f, const struct unwinder *u, uint64_t addr)
{
    struct perf_map_code code;
    if (!perf_map_find(unwinder_perf_map(u), addr, clock_mono_ns(), &code))
        return (struct frame_id){0};
    uint32_t have = map_get(&f->jit, code.key);
    if (have != MAP_NONE)
        return (struct frame_id){have};
    struct dictionary *d = &f->sink->words;
    struct perf_map_name said;
    perf_map_describe(unwinder_perf_map(u), &code, &said);
    struct function function = {
        .name = dictionary_string(d, said.name),
        .file = dictionary_string(d, said.file),
        .line = said.line,
        .language = LANGUAGE_JIT,
    };
    struct frame frame = {
        .kind = f->python && said.is_trampoline ? FRAME_INTERPRETER : FRAME_NATIVE,
        .place = {.function = dictionary_function(d, &function)},
        .offset = code.start,
    };
    struct frame_id id = dictionary_frame(d, &frame);
    map_set(&f->jit, code.key, id.n);
    return id;
}

static struct frame_id native_frame(struct frames *f, const struct unwinder *u,
                                    const struct native_frame *in)
{
    if (in->module == NATIVE_NO_MODULE)
        return jit_frame(f, u, in->offset);
    meet_module(f, u, in->module);
    bool own = f->python && python_is_interpreter(f->python, in->address);
    struct frame frame = {
        .kind = own ? FRAME_INTERPRETER : FRAME_NATIVE,
        .place = {.function = {f->stand_ins.at[in->module]}},
        .module = {f->modules.at[in->module]},
        .offset = in->offset,
    };
    return dictionary_frame(&f->sink->words, &frame);
}

/* Compiled code of a JIT comes in many pieces: they are one frame without names. */
static struct stack_id add_native(struct frames *f, struct stack_id stack, struct frame_id frame,
                                  bool *nameless)
{
    bool was = *nameless;
    *nameless = !frame.n;
    if (!frame.n && was)
        return stack;
    if (!frame.n)
        frame = remark_frame(f, NAMELESS_CODE, LANGUAGE_JIT);
    return dictionary_stack(&f->sink->words, stack, frame);
}

static struct stack_id follow_native(struct frames *f, struct trail *t, struct stack_id stack,
                                     const struct unwinder *u, const struct native_frame *in,
                                     bool *nameless)
{
    if (trail_follow(t, in->offset, in->module, &stack)) {
        *nameless = false;
        return stack;
    }
    stack = add_native(f, stack, native_frame(f, u, in), nameless);
    trail_leave(t, in->offset, in->module, stack);
    return stack;
}

/* The frame in the middle that stands for those which are missing. */
static struct stack_id add_gap(struct frames *f, struct trail *t, struct stack_id stack,
                               uint32_t elided)
{
    if (trail_follow(t, elided, TRAIL_GAP, &stack))
        return stack;
    stack = dictionary_stack(&f->sink->words, stack, gap_frame(f, elided));
    trail_leave(t, elided, TRAIL_GAP, stack);
    return stack;
}

struct stack_id frames_native(struct frames *f, const struct unwinder *u,
                              const struct native_frame *frames, size_t n, uint32_t elided)
{
    keep_up(f);
    struct trail *trail = trail_begin(f);
    struct stack_id stack = {0};
    size_t gap = elided ? n / 2 : n; /* frames before it are inner ones */
    bool nameless = false;
    for (size_t i = n; i-- > 0;) {
        stack = follow_native(f, trail, stack, u, &frames[i], &nameless);
        if (i == gap)
            stack = add_gap(f, trail, stack, elided);
    }
    return stack;
}

static struct frame_id python_frame(struct frames *f, const struct python_frame *in)
{
    uint32_t have = map_get(&f->python_frames, in->key);
    if (have != MAP_NONE)
        return (struct frame_id){have};
    struct dictionary *d = &f->sink->words;
    struct function function = {
        .name = dictionary_string(d, in->name),
        .file = dictionary_string(d, in->file),
        .line = in->first_line,
        .language = LANGUAGE_PYTHON,
    };
    struct frame frame = {
        .kind = FRAME_PYTHON,
        .place = {dictionary_function(d, &function), in->line},
    };
    struct frame_id id = dictionary_frame(d, &frame);
    map_set(&f->python_frames, in->key, id.n);
    return id;
}

static struct stack_id follow_python(struct frames *f, struct trail *t, struct stack_id stack,
                                     const struct python_frame *in)
{
    if (trail_follow(t, in->key, TRAIL_PYTHON, &stack))
        return stack;
    stack = dictionary_stack(&f->sink->words, stack, python_frame(f, in));
    trail_leave(t, in->key, TRAIL_PYTHON, stack);
    return stack;
}

struct stack_id frames_kernel(struct frames *f, struct stack_id stack, const uint64_t *addresses,
                              size_t n)
{
    keep_up(f);
    struct dictionary *d = &f->sink->words;
    struct function stand_in = {.name = dictionary_string(d, KERNEL_MODULE),
                                .module = dictionary_module(d, KERNEL_MODULE, ""),
                                .language = LANGUAGE_KERNEL};
    struct frame frame = {.kind = FRAME_NATIVE,
                          .place = {.function = dictionary_function(d, &stand_in)},
                          .module = stand_in.module};
    for (size_t i = n; i-- > 0;) {
        frame.offset = addresses[i];
        stack = dictionary_stack(d, stack, dictionary_frame(d, &frame));
    }
    return stack;
}

struct stack_id frames_python(struct frames *f, const struct python_frame *frames, size_t n,
                              uint32_t elided)
{
    keep_up(f);
    struct trail *trail = trail_begin(f);
    struct stack_id stack = {0};
    size_t gap = elided ? n / 2 : n;
    for (size_t i = n; i-- > 0;) {
        stack = follow_python(f, trail, stack, &frames[i]);
        if (i == gap)
            stack = add_gap(f, trail, stack, elided);
    }
    return stack;
}

struct stack_id frames_mixed(struct frames *f, const struct unwinder *u,
                             const struct native_frame *native, const struct python_frame *python,
                             const struct weave_item *items, size_t n)
{
    keep_up(f);
    struct trail *trail = trail_begin(f);
    struct stack_id stack = {0};
    bool nameless = false;
    for (size_t i = n; i-- > 0;) {
        const struct weave_item *item = &items[i];
        if (item->python) {
            stack = follow_python(f, trail, stack, &python[item->index]);
            nameless = false;
        } else {
            stack = follow_native(f, trail, stack, u, &native[item->index], &nameless);
        }
    }
    return stack;
}
