/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an object refers to, and by which words of the program: attributes, items, closures, locals.
 * Weak references are none, but to what they call. One look at a heap, one thread; everything is
 * bounded, and what makes no sense refers to nothing.
 */
#ifndef PYTHON_REFS_H
#define PYTHON_REFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "python/peek.h"
#include "python/types.h"

#define FRAME_OBJECT_AT 24 /* of a frame object, from 3.11: where its frame is */

enum ref_kind {
    REF_ROOT,      /* value: sys.modules' key, a str */
    REF_GLOBAL,    /* of a module; value: its name, a str, as in the next two */
    REF_ATTRIBUTE, /* of a class or a function */
    REF_INSTANCE,  /* of an instance */
    REF_MEMBER,    /* a slot; value: the address of its name, a C string */
    REF_KEY,       /* of a dict; value: the key */
    REF_AS_KEY,    /* it is the key itself */
    REF_INDEX,     /* value: which item */
    REF_ITEM,      /* of a set */
    REF_LOCAL,     /* value: its name, a str; of a frame or a closure */
    REF_CLOSURE,
    REF_DEFAULT, /* of an argument */
    REF_PART,    /* of an object that is not known in detail */
};

struct ref {
    uint64_t object;
    enum ref_kind kind;
    uint64_t value;
};

struct refs {
    struct peek *peek;
    struct types *types;
    const struct layout *layout;
    VEC(struct ref_slot) slots;
    VEC(uint32_t) slots_from; /* by type: where its slots begin, 1 more than that; 0: not read */
    VEC(uint32_t) slots_n;
    /* Called for each reference; false ends the look at this object. */
    bool (*each)(void *context, const struct ref *ref);
    void *context;
    bool ended;
};

struct ref_slot {
    uint64_t name; /* a C string in the target */
    uint32_t at;
};

void refs_init(struct refs *r, struct peek *peek, struct types *types, const struct layout *l);
void refs_clear(struct refs *r);
/* Everything that the object refers to, which has this type. */
void refs_of(struct refs *r, uint64_t object, uint32_t type);
/* The same of the locals in a frame that runs this code; locals: the address of the first. */
void refs_of_frame(struct refs *r, uint64_t code, uint64_t locals);
/* The items of a dict under the given kind. */
void refs_of_dict(struct refs *r, uint64_t dict, enum ref_kind kind);
/* Whether instances of the type can refer to anything. */
bool refs_has_any(const struct type *type);

#endif
