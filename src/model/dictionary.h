/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of a recording: strings, modules, functions, frames, stacks and waited-for objects,
 * each stored once and used by number.
 *
 * Invariant: an entry never changes once added, entry 0 of each table is "none", and an entry
 * refers only to entries with smaller numbers of its own table (a stack to its parent) or to
 * entries of the tables before it. So a table's tail is a valid increment of it: that is how the
 * sampler's words reach the recording (batch.h) and how a file is appended to.
 *
 * The sampler and the recording each have a dictionary of their own; neither needs a lock.
 */
#ifndef MODEL_DICTIONARY_H
#define MODEL_DICTIONARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "model/ids.h"

enum language {
    LANGUAGE_NATIVE, /* machine code, language unknown */
    LANGUAGE_C,
    LANGUAGE_CXX,
    LANGUAGE_RUST,
    LANGUAGE_GO,
    LANGUAGE_PYTHON,
    LANGUAGE_KERNEL,
    LANGUAGE_JIT,
    LANGUAGE_COUNT
};

/* The name of code that was compiled while it ran, where nothing tells its names. */
#define NAMELESS_CODE "[code without a file]"

/* "c", "c++", "python", ... as in the JSON. */
const char *language_name(enum language language);

/* The path of the module that stands for the kernel: its offsets are addresses. */
#define KERNEL_MODULE "[kernel]"

/* A file mapped for execution. Path as the target sees it; the build id in hex, or none. */
struct module {
    struct string_id path, build_id;
};

/* What a programmer calls a function: a demangled or qualified name, where it is defined. */
struct function {
    struct string_id name; /* "Cache.get_data", "ns::Foo::bar" */
    struct string_id file; /* absolute as the target sees it, or none */
    uint32_t line;         /* where it begins; 0 unknown */
    struct module_id module;
    uint8_t language; /* enum language */
};

/* Where a frame stands in source: a function and the line being executed (0 unknown). */
struct place {
    struct function_id function;
    uint32_t line;
};

enum frame_kind {
    FRAME_NATIVE,      /* module and offset; its places come later (recording_resolve) */
    FRAME_PYTHON,      /* place is final */
    FRAME_MARK,        /* no code: place names a remark such as "[stack cut short]" */
    FRAME_INTERPRETER, /* as FRAME_NATIVE, of a language's interpreter itself (see fold.h) */
    FRAME_KIND_COUNT
};

struct frame {
    uint8_t kind;            /* enum frame_kind */
    struct place place;      /* native: a stand-in for its module, until it is resolved */
    struct module_id module; /* native */
    uint64_t offset;         /* native: ELF virtual address in the module; for a caller, of the
                                call (return address - 1). Without a module: where the code
                                that a JIT compiled begins, and place is final. */
};

/* Machine code, named by module and offset. */
static inline bool frame_is_native(const struct frame *f)
{
    return f->kind == FRAME_NATIVE || f->kind == FRAME_INTERPRETER;
}

/* A stack is its innermost frame on top of its parent (the callers). */
struct stack {
    struct stack_id parent;
    struct frame_id frame;
    uint32_t depth; /* 1 for a thread's outermost frame */
};

struct dictionary {
    struct {
        VEC(char) bytes;       /* all strings, each with its NUL */
        VEC(uint32_t) offsets; /* by string id */
        struct map index;
    } strings;
    VEC(struct module) modules;
    VEC(struct function) functions;
    VEC(struct frame) frames;
    VEC(struct stack) stacks;
    VEC(struct string_id) objects; /* what a wait is about, as text: a path, "tcp 127.0.0.1:80" */
    struct map module_index, function_index, frame_index, stack_index, object_index;
};

void dictionary_init(struct dictionary *d);
void dictionary_clear(struct dictionary *d); /* frees; not usable until init */
void dictionary_copy(struct dictionary *to, const struct dictionary *from);
size_t dictionary_bytes(const struct dictionary *d);

/* Find or add. */
struct string_id dictionary_string(struct dictionary *d, const char *s);
struct module_id dictionary_module(struct dictionary *d, const char *path, const char *build_id);
struct function_id dictionary_function(struct dictionary *d, const struct function *f);
struct frame_id dictionary_frame(struct dictionary *d, const struct frame *f);
struct stack_id dictionary_stack(struct dictionary *d, struct stack_id parent,
                                 struct frame_id frame);
struct object_id dictionary_object(struct dictionary *d, const char *text);

/* Look up. Strings are borrowed until the next string is added. Ids must be valid. */
const char *string_text(const struct dictionary *d, struct string_id id);
static inline const struct function *function_at(const struct dictionary *d, struct function_id id)
{
    return &d->functions.at[id.n];
}
static inline const struct frame *frame_at(const struct dictionary *d, struct frame_id id)
{
    return &d->frames.at[id.n];
}
static inline const struct stack *stack_at(const struct dictionary *d, struct stack_id id)
{
    return &d->stacks.at[id.n];
}
const char *module_path(const struct dictionary *d, struct module_id id);
const char *dictionary_object_text(const struct dictionary *d, struct object_id id);

#endif
