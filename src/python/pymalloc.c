/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See pymalloc.h. The functions are local to the interpreter, so a stripped one has no names for
 * them; but it calls them through its tables (_PyMem and _PyObject, PyMemAllocatorEx: a context and
 * four functions each; in _PyRuntime from 3.12 on), which stand side by side and are equal unless
 * the program has replaced one. That pair is looked for in the interpreter's writable data.
 */
#include "python/pymalloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "target/maps.h"
#include "target/remote.h"

#define DATA_MAX_BYTES (32u << 20)
#define TABLE_WORDS    5u /* ctx, malloc, calloc, realloc, free (Include/cpython/pymem.h) */
/* struct pool_header, the same in 3.6 to 3.15. */
#define POOL_HEADER_BYTES 48u
#define POOL_FREEBLOCK_AT 8u
#define POOL_SZIDX_AT     36u
#define POOL_NEXT_AT      40u
#define SZIDX_MAX         64u
#define BLOCK_UNIT        16u /* ALIGNMENT on 64 bits, from 3.7.4 on; 8 before */

struct search {
    const struct maps *maps;
    const struct mapping *module;
    const uint64_t *words;
    size_t n;
};

static bool is_code(const struct search *s, uint64_t address)
{
    const struct mapping *m = maps_find(s->maps, address);
    return m && m->perms & MAP_EXEC && maps_same_file(m, s->module);
}

/* A table without context, whose functions are four of the interpreter's. */
static bool is_table(const struct search *s, size_t at)
{
    const uint64_t *w = s->words + at;
    if (at + TABLE_WORDS > s->n || w[0] || w[1] == w[2] || w[2] == w[3] || w[3] == w[4] ||
        w[1] == w[4])
        return false;
    for (size_t i = 1; i < TABLE_WORDS; i++)
        if (!is_code(s, w[i]))
            return false;
    return true;
}

/* Two equal tables, `stride` words apart: 5 for those in use, 6 for what the debug hooks keep of
 * them (each behind a letter). */
static bool find_pair(const struct search *s, size_t stride, struct pymalloc *out)
{
    for (size_t i = 0; i + stride + TABLE_WORDS <= s->n; i++) {
        const uint64_t *w = s->words + i;
        if (w[0] || !w[1] || memcmp(w, w + stride, TABLE_WORDS * sizeof *w) != 0 || !is_table(s, i))
            continue;
        out->malloc = w[1];
        out->calloc = w[2];
        out->realloc = w[3];
        return true;
    }
    return false;
}

static bool search_mapping(struct search *s, const struct mapping *m, size_t stride, pid_t pid,
                           struct pymalloc *out)
{
    uint64_t size = m->end - m->start;
    if (size > DATA_MAX_BYTES)
        size = DATA_MAX_BYTES;
    uint64_t *words = xmalloc((size_t)size);
    s->words = words;
    s->n = remote_read_some(pid, m->start, words, (size_t)size) / sizeof *words;
    bool found = find_pair(s, stride, out);
    free(words);
    return found;
}

bool pymalloc_find(struct pymalloc *out, const struct runtime *r, pid_t pid)
{
    struct maps maps;
    bool found = false;
    *out = (struct pymalloc){.pool_bytes = r->layout.minor < 10 ? 4096 : PYMALLOC_POOL_MAX};
    maps_init(&maps);
    if (maps_read(&maps, pid, NULL, NULL)) {
        struct search s = {.maps = &maps, .module = maps_find(&maps, r->module)};
        for (size_t stride = TABLE_WORDS; s.module && stride <= TABLE_WORDS + 1; stride++)
            for (size_t i = 0; i < maps.list.n && !found; i++) {
                const struct mapping *m = &maps.list.at[i];
                if (m->perms & MAP_WRITE && m->perms & MAP_READ && maps_same_file(m, s.module))
                    found = search_mapping(&s, m, stride, pid, out);
            }
    }
    maps_clear(&maps);
    return found;
}

static uint32_t get32(const uint8_t *bytes, size_t at)
{
    uint32_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

static uint64_t get64(const uint8_t *bytes, size_t at)
{
    uint64_t value;
    memcpy(&value, bytes + at, sizeof value);
    return value;
}

enum pymalloc_block pymalloc_block(const struct pymalloc *m, uint64_t pool, const uint8_t *bytes,
                                   uint64_t address, uint32_t *block_bytes)
{
    uint32_t szidx = get32(bytes, POOL_SZIDX_AT), next = get32(bytes, POOL_NEXT_AT);
    uint32_t count = get32(bytes, 0), size = (szidx + 1) * BLOCK_UNIT;
    uint64_t at = address - pool;
    if (szidx >= SZIDX_MAX || at < POOL_HEADER_BYTES || at >= m->pool_bytes)
        return BLOCK_NONE;
    /* 3.6 and 3.7 to 3.7.3: a unit of 8. The block tells. */
    if ((at - POOL_HEADER_BYTES) % size)
        size = (szidx + 1) * BLOCK_UNIT / 2;
    if ((at - POOL_HEADER_BYTES) % size || at + size > m->pool_bytes || next > m->pool_bytes ||
        next < POOL_HEADER_BYTES || count > m->pool_bytes / size)
        return BLOCK_NONE;
    *block_bytes = size;
    if (at >= next) /* never given out yet */
        return BLOCK_FREE;
    uint64_t block = get64(bytes, POOL_FREEBLOCK_AT);
    for (uint32_t i = 0; block && i <= m->pool_bytes / size; i++) {
        if (block == address)
            return BLOCK_FREE;
        if (block - pool > m->pool_bytes - size)
            break;
        block = get64(bytes, (size_t)(block - pool));
    }
    return BLOCK_USED;
}
