/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fold.h. Pure. */
#include "model/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { PYTHON_UNKNOWN, PYTHON_NO, PYTHON_YES };
enum frame_role { ROLE_SHOWN, ROLE_PYTHON, ROLE_INTERPRETER, ROLE_C_LIBRARY, ROLE_KERNEL };

static bool is_c_library(const char *path)
{
    static const char *const heads[] = {"libc.so", "libc-2.",   "libpthread", "ld-linux",
                                        "[vdso]",  "libc.musl", "ld-musl"};
    const char *name = path_base(path);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        if (strncmp(name, heads[i], strlen(heads[i])) == 0)
            return true;
    return false;
}

/* An executable that only starts a shared libpython is as much the interpreter's as that. */
static enum frame_role module_role(const char *path)
{
    if (strcmp(path, KERNEL_MODULE) == 0)
        return ROLE_KERNEL;
    if (strncmp(path_base(path), "python", 6) == 0)
        return ROLE_INTERPRETER;
    return is_c_library(path) ? ROLE_C_LIBRARY : ROLE_SHOWN;
}

static enum frame_role role_of(const struct frame *frame, const enum frame_role *modules)
{
    switch (frame->kind) {
    case FRAME_PYTHON:
        return ROLE_PYTHON;
    case FRAME_INTERPRETER:
        return ROLE_INTERPRETER;
    case FRAME_NATIVE:
        return modules[frame->module.n];
    default:
        return ROLE_SHOWN;
    }
}

void fold_init(struct fold *f, const struct recording *rec, enum native_frames native)
{
    const struct dictionary *d = &rec->words;
    *f = (struct fold){.rec = rec, .native = native, .plain = true};
    f->outer = xcalloc(d->frames.n, 1);
    if (native == NATIVE_ALL)
        return;
    enum frame_role *modules = xcalloc(d->modules.n, sizeof *modules);
    for (uint32_t i = 1; i < d->modules.n; i++) {
        modules[i] = module_role(module_path(d, (struct module_id){i}));
        f->plain &= modules[i] != ROLE_KERNEL;
    }
    for (size_t i = 1; i < d->frames.n && f->plain; i++)
        f->plain = d->frames.at[i].kind != FRAME_INTERPRETER;
    if (!f->plain)
        f->roles = xcalloc(d->frames.n, 1);
    for (size_t i = 1; i < d->frames.n && !f->plain; i++)
        f->roles[i] = (uint8_t)role_of(&d->frames.at[i], modules);
    free(modules);
    if (f->plain)
        return;
    f->python = xcalloc(d->stacks.n, 1);
    for (int i = 0; i < 2; i++) {
        f->known[i] = xcalloc(d->stacks.n, sizeof *f->known[i]);
        f->known[i][0] = 1;
    }
    f->python[0] = PYTHON_NO;
    vec_add(&f->stacks);
}

void fold_clear(struct fold *f)
{
    free(f->outer);
    free(f->roles);
    free(f->python);
    free(f->known[0]);
    free(f->known[1]);
    vec_free(&f->stacks);
    vec_free(&f->path);
    chains_free(&f->index);
    *f = (struct fold){.plain = true};
}

size_t fold_count(const struct fold *f)
{
    return f->plain ? f->rec->words.stacks.n : f->stacks.n;
}

static struct stack_id add(struct fold *f, struct stack_id parent, struct frame_id frame)
{
    uint32_t hash = chains_hash((uint64_t)parent.n << 32 | frame.n);
    for (uint32_t i = chains_first(&f->index, hash); i != CHAINS_NONE;
         i = chains_next(&f->index, i)) {
        const struct stack *have = &f->stacks.at[i + 1];
        if (have->parent.n == parent.n && have->frame.n == frame.n)
            return (struct stack_id){i + 1};
    }
    struct stack s = {parent, frame, f->stacks.at[parent.n].depth + 1};
    vec_push(&f->stacks, s);
    chains_add(&f->index, hash);
    return (struct stack_id){(uint32_t)f->stacks.n - 1};
}

static const struct stack *raw(const struct fold *f, struct stack_id id)
{
    return stack_at(&f->rec->words, id);
}

static bool has_python(struct fold *f, struct stack_id stack)
{
    vec_clear(&f->path);
    struct stack_id s = stack;
    for (; !f->python[s.n]; s = raw(f, s)->parent)
        vec_push(&f->path, s.n);
    uint8_t python = f->python[s.n];
    for (size_t i = f->path.n; i-- > 0;) {
        uint32_t n = f->path.at[i];
        if (f->roles[raw(f, (struct stack_id){n})->frame.n] == ROLE_PYTHON)
            python = PYTHON_YES;
        f->python[n] = python;
    }
    return f->python[stack.n] == PYTHON_YES;
}

/* Behind the C library's innermost functions, if the interpreter called them. The stack itself if
 * another library did. */
static struct stack_id behind_c_library(const struct fold *f, struct stack_id stack)
{
    struct stack_id s = stack;
    while (s.n && (f->roles[raw(f, s)->frame.n] == ROLE_C_LIBRARY ||
                   f->roles[raw(f, s)->frame.n] == ROLE_KERNEL))
        s = raw(f, s)->parent;
    bool own = s.n && (f->roles[raw(f, s)->frame.n] == ROLE_INTERPRETER ||
                       f->roles[raw(f, s)->frame.n] == ROLE_PYTHON);
    return own ? s : stack;
}

/* Whether the innermost frame of a stack is shown; in_python: in a stack with Python frames. */
static bool is_shown(const struct fold *f, struct stack_id s, bool in_python)
{
    struct frame_id frame = raw(f, s)->frame;
    enum frame_role role = f->roles[frame.n];
    if (role == ROLE_KERNEL)
        return false;
    if (!in_python)
        return true;
    /* Beyond the outermost Python frame the C library only starts the interpreter. */
    if (role == ROLE_INTERPRETER || (role == ROLE_C_LIBRARY && f->python[s.n] == PYTHON_NO))
        return false;
    return f->native != NATIVE_NONE || !frame_is_native(frame_at(&f->rec->words, frame));
}

struct stack_id fold_stack(struct fold *f, struct stack_id stack)
{
    if (f->plain || !stack.n)
        return stack;
    bool in_python = has_python(f, stack);
    uint32_t *known = f->known[in_python];
    if (in_python)
        stack = behind_c_library(f, stack);
    vec_clear(&f->path);
    struct stack_id s = stack;
    for (; !known[s.n]; s = raw(f, s)->parent)
        vec_push(&f->path, s.n);
    struct stack_id folded = {known[s.n] - 1};
    for (size_t i = f->path.n; i-- > 0;) {
        s.n = f->path.at[i];
        if (is_shown(f, s, in_python))
            folded = add(f, folded, raw(f, s)->frame);
        known[s.n] = folded.n + 1;
    }
    return folded;
}
