/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the elements of a vector by their content, where a map would be too large: elements of the
 * same hash are chained, eight bytes for each and four for each chain. For what is built anew for
 * every look at a window, of which there may be 100,000.
 *
 * Invariant: element i of the vector was the ith that was added here. Most chains have one element,
 * and the caller tells by its content which one it means:
 *
 *     for (uint32_t i = chains_first(c, hash); i != CHAINS_NONE; i = chains_next(c, i))
 */
#ifndef BASE_CHAINS_H
#define BASE_CHAINS_H

#include <stdint.h>

#include "base/vec.h"

#define CHAINS_NONE UINT32_MAX
#define CHAINS_BITS 10 /* at first */

struct chain_link {
    uint32_t hash;
    uint32_t next; /* the element + 1 */
};

struct chains {
    VEC(struct chain_link) links;
    uint32_t *heads; /* 2^bits; the element + 1 */
    unsigned bits;
};

/* One multiplication, of whose bits the upper ones are used: x must differ where content does. */
static inline uint32_t chains_hash(uint64_t x)
{
    return (uint32_t)(x * 0x9e3779b97f4a7c15u >> 32);
}

static inline uint32_t chains_first(const struct chains *c, uint32_t hash)
{
    return c->bits ? c->heads[hash >> (32 - c->bits)] - 1 : CHAINS_NONE;
}

static inline uint32_t chains_next(const struct chains *c, uint32_t element)
{
    return c->links.at[element].next - 1;
}

static inline void chains_grow(struct chains *c)
{
    c->bits = c->bits ? c->bits + 2 : CHAINS_BITS;
    free(c->heads);
    c->heads = xcalloc((size_t)1 << c->bits, sizeof *c->heads);
    for (size_t i = 0; i < c->links.n; i++) {
        uint32_t *head = &c->heads[c->links.at[i].hash >> (32 - c->bits)];
        c->links.at[i].next = *head;
        *head = (uint32_t)i + 1;
    }
}

/* The vector's next element has this hash. */
static inline void chains_add(struct chains *c, uint32_t hash)
{
    if (c->bits < 30 && (!c->bits || c->links.n >> c->bits))
        chains_grow(c);
    uint32_t *head = &c->heads[hash >> (32 - c->bits)];
    vec_push(&c->links, ((struct chain_link){hash, *head}));
    *head = (uint32_t)c->links.n;
}

static inline void chains_free(struct chains *c)
{
    vec_free(&c->links);
    free(c->heads);
    *c = (struct chains){0};
}

#endif
