/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash map from a 64-bit key to a 32-bit value, open addressing, and the hash that turns bytes
 * into such keys. The values are mostly indexes into a vector that holds the real thing.
 *
 * Interning by content uses map_probe(): several entries may share one hash as their key, and
 * the caller tells which is the one it means by looking at the value's content.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAP_NONE UINT32_MAX

struct map {
    struct map_slot *slots; /* 2^k of them; value MAP_NONE is a free slot */
    size_t cap, n;
};

struct map_slot {
    uint64_t key;
    uint32_t value;
};

void map_free(struct map *m);
/* Forgets the entries, keeps the memory. */
void map_clear(struct map *m);
/* Makes room for so many entries in all, so that they are added without moving the others. */
void map_reserve(struct map *m, size_t n);
/* MAP_NONE if there is none. */
uint32_t map_get(const struct map *m, uint64_t key);
/* Adds or replaces. value must not be MAP_NONE. */
void map_set(struct map *m, uint64_t key, uint32_t value);

/* What stands under key already, or value, which is added then: one search where map_get and
 * map_add would be two. */
uint32_t map_find_or_add(struct map *m, uint64_t key, uint32_t value);

/* Walks the values stored under key: start with *at = 0; MAP_NONE at the end. */
uint32_t map_probe(const struct map *m, uint64_t key, size_t *at);
/* Adds one more entry under key, whatever stands there already. */
void map_add(struct map *m, uint64_t key, uint32_t value);

uint64_t hash_bytes(const void *bytes, size_t size);

/* These are on the sampling path some hundred times a sample. */
static inline uint64_t hash_u64(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    return x;
}

/* Order matters: hash_mix(a, b) != hash_mix(b, a). */
static inline uint64_t hash_mix(uint64_t seed, uint64_t x)
{
    return hash_u64(seed * 0x9e3779b97f4a7c15u + x + 1);
}

#endif
