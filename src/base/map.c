/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See map.h. Linear probing at most 3/4 full, no removal: tables here only grow or start anew. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

uint64_t hash_bytes(const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    uint64_t h = size;
    while (size >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = hash_mix(h, word);
        p += 8;
        size -= 8;
    }
    uint64_t tail = 0;
    if (size)
        memcpy(&tail, p, size);
    return hash_mix(h, tail);
}

void map_free(struct map *m)
{
    free(m->slots);
    *m = (struct map){0};
}

void map_clear(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        m->slots[i].value = MAP_NONE;
    m->n = 0;
}

static void map_place(struct map *m, uint64_t key, uint32_t value)
{
    size_t i = hash_u64(key) & (m->cap - 1);
    while (m->slots[i].value != MAP_NONE)
        i = (i + 1) & (m->cap - 1);
    m->slots[i] = (struct map_slot){key, value};
    m->n++;
}

static void map_resize(struct map *m, size_t cap)
{
    struct map old = *m;
    m->cap = cap;
    m->n = 0;
    m->slots = xmalloc(m->cap * sizeof *m->slots);
    for (size_t i = 0; i < m->cap; i++)
        m->slots[i] = (struct map_slot){0, MAP_NONE};
    for (size_t i = 0; i < old.cap; i++)
        if (old.slots[i].value != MAP_NONE)
            map_place(m, old.slots[i].key, old.slots[i].value);
    free(old.slots);
}

static void map_make_room(struct map *m)
{
    if (!m->cap || m->n >= m->cap - m->cap / 4)
        map_resize(m, m->cap ? m->cap * 2 : 16);
}

void map_reserve(struct map *m, size_t n)
{
    size_t cap = m->cap ? m->cap : 16;
    while (cap - cap / 4 < n)
        cap *= 2;
    if (cap > m->cap)
        map_resize(m, cap);
}

void map_add(struct map *m, uint64_t key, uint32_t value)
{
    map_make_room(m);
    map_place(m, key, value);
}

uint32_t map_find_or_add(struct map *m, uint64_t key, uint32_t value)
{
    map_make_room(m);
    size_t i = hash_u64(key) & (m->cap - 1);
    for (; m->slots[i].value != MAP_NONE; i = (i + 1) & (m->cap - 1))
        if (m->slots[i].key == key)
            return m->slots[i].value;
    m->slots[i] = (struct map_slot){key, value};
    m->n++;
    return value;
}

uint32_t map_probe(const struct map *m, uint64_t key, size_t *at)
{
    if (!m->cap)
        return MAP_NONE;
    size_t start = hash_u64(key) & (m->cap - 1);
    while (*at < m->cap) {
        const struct map_slot *slot = &m->slots[(start + *at) & (m->cap - 1)];
        if (slot->value == MAP_NONE)
            break;
        ++*at;
        if (slot->key == key)
            return slot->value;
    }
    return MAP_NONE;
}

uint32_t map_get(const struct map *m, uint64_t key)
{
    if (!m->cap)
        return MAP_NONE;
    size_t i = hash_u64(key) & (m->cap - 1);
    while (m->slots[i].value != MAP_NONE && m->slots[i].key != key)
        i = (i + 1) & (m->cap - 1);
    return m->slots[i].value;
}

void map_set(struct map *m, uint64_t key, uint32_t value)
{
    if (m->cap) {
        size_t i = hash_u64(key) & (m->cap - 1);
        for (; m->slots[i].value != MAP_NONE; i = (i + 1) & (m->cap - 1)) {
            if (m->slots[i].key == key) {
                m->slots[i].value = value;
                return;
            }
        }
    }
    map_add(m, key, value);
}
