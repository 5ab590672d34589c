/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fold.h. Pure. */
#include "model/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* How many stacks, its callers' among them, one adds to those of the others, roughly. */
#define NEW_STACKS 8

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
    f->known = xcalloc(d->stacks.n, sizeof *f->known);
    vec_add(&f->stacks);
}

void fold_reserve(struct fold *f, size_t stacks)
{
    size_t likely = NEW_STACKS * stacks, all = f->rec->words.stacks.n;
    if (!f->plain)
        map_reserve(&f->index, likely < all ? likely : all);
}

void fold_clear(struct fold *f)
{
    free(f->roles);
    free(f->known);
    vec_free(&f->stacks);
    vec_free(&f->kept);
    map_free(&f->index);
    *f = (struct fold){.plain = true};
}

size_t fold_count(const struct fold *f)
{
    return f->plain ? f->rec->words.stacks.n : f->stacks.n;
}

static struct stack_id add(struct fold *f, struct stack_id parent, struct frame_id frame)
{
    uint32_t fresh = (uint32_t)f->stacks.n;
    uint32_t n = map_find_or_add(&f->index, (uint64_t)parent.n << 32 | frame.n, fresh);
    if (n == fresh) {
        struct stack s = {parent, frame, f->stacks.at[parent.n].depth + 1};
        vec_push(&f->stacks, s);
    }
    return (struct stack_id){n};
}

static const struct stack *raw(const struct fold *f, struct stack_id id)
{
    return stack_at(&f->rec->words, id);
}

/* The outermost Python frame's stack; 0: there is none, and all of the stack is shown. */
static struct stack_id outermost_python(const struct fold *f, struct stack_id stack)
{
    struct stack_id found = {0};
    for (struct stack_id s = stack; s.n; s = raw(f, s)->parent)
        if (f->roles[raw(f, s)->frame.n] == ROLE_PYTHON)
            found = s;
    return found;
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

static void keep_frames(struct fold *f, struct stack_id stack)
{
    vec_clear(&f->kept);
    struct stack_id outermost = outermost_python(f, stack);
    bool beyond = false; /* of the outermost Python frame */
    if (outermost.n)
        stack = behind_c_library(f, stack);
    for (struct stack_id s = stack; s.n; s = raw(f, s)->parent) {
        struct frame_id frame = raw(f, s)->frame;
        enum frame_role role = f->roles[frame.n];
        bool native = frame_is_native(frame_at(&f->rec->words, frame));
        bool in_python = role == ROLE_INTERPRETER || (role == ROLE_C_LIBRARY && beyond) ||
                         (native && f->native == NATIVE_NONE);
        if (role != ROLE_KERNEL && !(outermost.n && in_python))
            vec_push(&f->kept, frame);
        if (s.n == outermost.n)
            beyond = true;
    }
}

struct stack_id fold_stack(struct fold *f, struct stack_id stack)
{
    if (f->plain || !stack.n)
        return stack;
    uint32_t *known = &f->known[stack.n];
    if (!*known) {
        keep_frames(f, stack);
        struct stack_id folded = {0};
        for (size_t i = f->kept.n; i-- > 0;)
            folded = add(f, folded, f->kept.at[i]);
        *known = folded.n + 1;
    }
    return (struct stack_id){*known - 1};
}
