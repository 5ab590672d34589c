/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The type objects of a process, met one by one: which addresses are types, what their instances
 * look like in a block of memory, and what a programmer calls them. One look at a heap, one thread.
 *
 * Invariant: an address is only taken for a type if its own type is a metatype, back to `type`.
 */
#ifndef PYTHON_TYPES_H
#define PYTHON_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "python/peek.h"
#include "python/runtime.h"
#include "python/sweep.h"

enum kind {
    KIND_OTHER,
    KIND_DICT,
    KIND_LIST,
    KIND_TUPLE,
    KIND_SET,
    KIND_DEQUE,
    KIND_BYTEARRAY,
    KIND_TYPE,
    KIND_LEAF, /* int, str, bytes: holds nothing */
};

/* tp_flags (Include/object.h), the same in all versions unless said. */
#define TYPE_MANAGED_WEAKREF (1ull << 3) /* 3.12+ */
#define TYPE_MANAGED_DICT    (1ull << 4) /* 3.11+ */
#define TYPE_INLINE_VALUES   (1ull << 2) /* 3.13+ */
#define TYPE_HEAP            (1ull << 9)
#define TYPE_READY           (1ull << 12)
#define TYPE_HAVE_GC         (1ull << 14)
#define TYPE_LONG            (1ull << 24)
#define TYPE_LIST            (1ull << 25)
#define TYPE_TUPLE           (1ull << 26)
#define TYPE_BYTES           (1ull << 27)
#define TYPE_UNICODE         (1ull << 28)
#define TYPE_DICT            (1ull << 29)
#define TYPE_TYPE            (1ull << 31)

struct type {
    uint64_t address, flags, base;
    uint32_t basic_bytes, item_bytes;
    uint32_t offset; /* of an instance in its block: what stands before it */
    int32_t dict_offset;
    enum kind kind;
    char *name;            /* "str", "checkout.Order"; owned */
    uint64_t count, bytes; /* the caller's */
};

struct types {
    struct peek *peek;
    struct sweep *sweep; /* may be NULL: then no pools are asked for */
    const struct runtime *runtime;
    const struct maps *maps;
    uint64_t type_type; /* the address of `type` */
    VEC(struct type) list;
    struct map by_address; /* MAP_NONE: not met */
    struct types_cached {
        uint64_t address;
        uint32_t index; /* TYPES_NONE: it is none */
    } * cache;
    uint64_t asked; /* how many addresses were looked at */
};

#define TYPES_NONE  (UINT32_MAX - 1)
#define TYPES_SLOTS 32768u

/* Everything given is borrowed until types_clear. false: `type` was not found. */
bool types_init(struct types *t, struct peek *peek, struct sweep *sweep, const struct maps *maps,
                const struct runtime *runtime, struct err *err);
void types_clear(struct types *t);

static inline uint32_t types_slot(uint64_t address)
{
    return (uint32_t)((address >> 4) * 0x9e3779b97f4a7c15ull >> 49);
}

/* The index of a type that was met before, or MAP_NONE: no reads. */
static inline uint32_t types_known(const struct types *t, uint64_t address)
{
    const struct types_cached *c = &t->cache[types_slot(address)];
    if (c->address == address)
        return c->index < TYPES_NONE ? c->index : MAP_NONE;
    return MAP_NONE;
}

/* The index of the type at this address, or MAP_NONE if there is none. Reads it if it is new. */
uint32_t types_find(struct types *t, uint64_t address);
/* Whether the first word of an object says that it lives. */
bool types_alive(const struct types *t, uint64_t refcount);

#endif
