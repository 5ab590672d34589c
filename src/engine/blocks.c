/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See blocks.h. */
#include "engine/blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "native/census.h"

/* malloc_chunk's size word stands before the block (malloc/malloc.c, glibc 2.26 to 2.43). */
#define CHUNK_FLAGS     7ull
#define CHUNK_IN_USE    1ull /* of the next chunk's size word: this one is in use */
#define CHUNK_MMAPPED   2ull
#define CHUNK_MAX_BYTES (1ull << 40)
#define RAW_WORDS       4 /* compared of what is no object: later ones change more often */
/* A word that so many freed blocks have second is tcache's key: a random one, no address. */
#define KEY_TIMES     4u
#define ADDRESS_LIMIT (1ull << 47)
/* A first word that leads so near may be a link to the next free block (mimalloc, tcmalloc). */
#define LINK_NEAR_BITS 26
/* PyTypeObject, the same in 3.6 to 3.15 (Include/cpython/object.h). */
#define TYPE_NAME_AT      24u
#define TYPE_BASICSIZE_AT 32u
#define TYPE_FLAGS_AT     168u
#define TYPE_READ_BYTES   176u
#define TYPE_HAVE_GC      (1ull << 14)
#define TYPE_READY        (1ull << 12)
#define BEGINNINGS_MAX    400000u
#define ITEM_BYTES        64u   /* of an object that a list holds: a short str with its text */
#define CLASS_BYTES       4096u /* of a block that are looked at for a second object */
/* Of a judgement that is not over: what comes after the beginning decides. */
#define BLOCK_STAYS_IF 255
enum { NO_TYPE, TYPE_PLAIN, TYPE_GC };

void blocks_init(struct blocks *b, pid_t pid, struct python *python)
{
    memset(b, 0, sizeof *b);
    b->pid = pid;
    b->pymalloc = python ? python_pymalloc(python) : NULL;
    maps_init(&b->maps);
}

void blocks_clear(struct blocks *b)
{
    vec_free(&b->list);
    vec_free(&b->spans);
    vec_free(&b->buffer);
    map_free(&b->types);
    map_free(&b->second_words);
    map_free(&b->beginnings);
    map_free(&b->by_address);
    if (b->classes)
        rtti_free(b->classes);
    maps_clear(&b->maps);
}

/* What is known of the size that a resized block had. Calls between two bursts were not seen, so
 * the growth since an earlier one is an upper bound. */
static void resize(struct blocks *b, struct block *made, uint32_t before, size_t first)
{
    const struct block *old = before == MAP_NONE ? NULL : &b->list.at[before];
    made->resized = true;
    if (!old || old->fate == BLOCK_GONE || old->fate == BLOCK_UNSEEN)
        return;
    if (before < first) {
        made->had = old->size;
        return;
    }
    made->had = old->had;
    made->grown = old->resized ? old->grown : old->asked;
    if (made->asked > old->asked && old->asked)
        made->grown += made->asked - old->asked;
}

static void forget_at(struct blocks *b, uint32_t before)
{
    if (before != MAP_NONE && b->list.at[before].fate == BLOCK_YOUNG)
        b->list.at[before].fate = BLOCK_GONE;
}

void blocks_given_again(struct blocks *b, uint64_t address)
{
    forget_at(b, map_get(&b->by_address, address));
}

void blocks_add(struct blocks *b, const struct block_call *call, size_t first)
{
    struct block made = {.address = call->address,
                         .time_ns = call->time_ns,
                         .stack = call->stack,
                         .heap = (uint8_t)call->heap,
                         .size = call->size,
                         .asked = call->size,
                         .object = -1};
    if (call->old) {
        uint32_t before = map_get(&b->by_address, call->old);
        resize(b, &made, before, first);
        forget_at(b, before);
    }
    blocks_given_again(b, call->address);
    map_set(&b->by_address, call->address, (uint32_t)b->list.n);
    vec_push(&b->list, made);
}

bool blocks_begins_with_link(const struct block *block)
{
    uint64_t link = block->n_words ? block->words[0] : 0;
    return block->heap == HEAP_OTHER && link % 8 == 0 &&
           link >> LINK_NEAR_BITS == block->address >> LINK_NEAR_BITS &&
           link - block->address >= block->asked;
}

void blocks_new_bytes(const struct block *block, double *least, double *most)
{
    *least = *most = (double)block->size;
    if (!block->resized)
        return;
    *least = (double)(block->grown < block->size ? block->grown : block->size);
    if (block->grown)
        *most = *least;
    else
        *most = block->size > block->had ? (double)(block->size - block->had) : 0;
}

/* Reads the word before each block and its first words into the buffer, as much as can be read. */
static void read_blocks(struct blocks *b, size_t first, size_t n)
{
    size_t stride = BLOCK_WORDS + 1;
    vec_clear(&b->spans);
    vec_clear(&b->buffer);
    vec_reserve(&b->buffer, n * stride);
    for (size_t i = 0; i < n; i++) {
        struct remote_span span = {b->list.at[first + i].address - 8, b->buffer.at + i * stride,
                                   stride * 8, false};
        vec_push(&b->spans, span);
    }
    remote_read_spans(b->pid, b->spans.at, b->spans.n);
    for (size_t i = 0; i < n; i++) {
        struct remote_span *s = &b->spans.at[i];
        s->size = s->ok ? s->size : remote_read_some(b->pid, s->addr, s->to, s->size);
    }
}

/* Whether the first two words may be those of a block in a tcache: a link to the next one, mangled
 * with its own place (safe-linking, glibc 2.32 on; plain before), and a key that is no address. */
static bool like_cached(uint64_t address, const uint64_t *words)
{
    uint64_t links[] = {words[0] ^ address >> 12, words[0]};
    if (words[1] < ADDRESS_LIMIT)
        return false;
    for (size_t i = 0; i < 2; i++)
        if (!links[i] || (links[i] % 16 == 0 && links[i] >> 36 == address >> 36))
            return true;
    return false;
}

/* What the word is as a type: read once. */
static uint32_t type_at(struct blocks *b, uint64_t word)
{
    uint64_t bytes[TYPE_READ_BYTES / 8], flags, basic;
    if (word % 8 || word < 4096 || word >= ADDRESS_LIMIT)
        return NO_TYPE;
    uint32_t known = map_get(&b->types, word);
    if (known != MAP_NONE)
        return known;
    known = NO_TYPE;
    if (remote_read(b->pid, word, bytes, sizeof bytes)) {
        flags = bytes[TYPE_FLAGS_AT / 8];
        basic = bytes[TYPE_BASICSIZE_AT / 8];
        char name[2] = "";
        if (flags & TYPE_READY && basic >= 16 && basic <= 1u << 16 &&
            remote_read_string(b->pid, bytes[TYPE_NAME_AT / 8], name, sizeof name) && name[0])
            known = flags & TYPE_HAVE_GC ? TYPE_GC : TYPE_PLAIN;
    }
    if (b->types.n > 1u << 16)
        map_clear(&b->types);
    map_set(&b->types, word, known);
    return known;
}

/* An object begins at the block, or behind the collector's header (2 words, 4 to 3.7), or behind
 * that and two more of its own (3.11 on). Its type is its second word. */
static int8_t object_in(struct blocks *b, const struct block *block)
{
    static const int8_t places[] = {0, 2, 4};
    if (block->heap != HEAP_PYMALLOC)
        return -1;
    for (size_t i = 0; i < sizeof places; i++) {
        int8_t at = places[i];
        if (at + 1 < block->n_words &&
            type_at(b, block->words[at + 1]) == (at ? TYPE_GC : TYPE_PLAIN))
            return at;
    }
    return -1;
}

static uint64_t beginning(const struct block *block)
{
    size_t n = block->size / 8 < RAW_WORDS && block->size ? block->size / 8 : RAW_WORDS;
    return hash_bytes(block->words, (n < block->n_words ? n : block->n_words) * 8);
}

static void count_beginning(struct blocks *b, const struct block *block)
{
    uint64_t hash = beginning(block);
    uint32_t times = map_get(&b->beginnings, hash);
    if (times == MAP_NONE && b->beginnings.n < BEGINNINGS_MAX)
        map_set(&b->beginnings, hash, 1);
    else if (times != MAP_NONE)
        map_set(&b->beginnings, hash, times + 1);
}

/* Several blocks begin like this one. */
static bool begins_commonly(const struct blocks *b, const struct block *block)
{
    uint32_t times = map_get(&b->beginnings, beginning(block));
    return times != MAP_NONE && times > 1;
}

static uint64_t chunk_bytes(uint64_t head)
{
    return head & ~CHUNK_FLAGS;
}

static bool plausible_chunk(uint64_t head)
{
    uint64_t bytes = chunk_bytes(head);
    return bytes >= 32 && bytes <= CHUNK_MAX_BYTES && bytes % 16 == 0;
}

/* What else is compared of a block: of malloc's what comes after its words; of Python's memory that
 * is no object what the first pointer in it points to (the items of a list are often put back at
 * the very same addresses, but are others). false: nothing. */
static bool rest_of(const struct block *block, uint64_t *address, size_t *size)
{
    bool glibc = block->heap == HEAP_GLIBC;
    uint64_t usable = glibc ? chunk_bytes(block->head) - 8 : block->asked;
    if (block->heap == HEAP_PYMALLOC) {
        *address = block->words[0];
        *size = ITEM_BYTES;
        return block->n_words && block->object < 0 && *address % 8 == 0 && *address >= 1u << 16 &&
               *address < ADDRESS_LIMIT;
    }
    if (block->n_words < BLOCK_WORDS || (glibc && !plausible_chunk(block->head)) ||
        usable <= BLOCK_WORDS * 8)
        return false;
    *address = block->address + BLOCK_WORDS * 8;
    *size = (usable < BLOCK_REST_BYTES ? (size_t)usable : BLOCK_REST_BYTES) - BLOCK_WORDS * 8;
    return true;
}

static uint64_t rest_hash(const struct block *block, uint64_t *words, size_t size)
{
    if (block->heap == HEAP_PYMALLOC)
        words[0] = words[3] = 0; /* an item's references, and a str's hash */
    return hash_bytes(words, size);
}

/* Reads that of n blocks from `first` on, and calls for each that has such. */
static void read_rests(struct blocks *b, size_t first, size_t n,
                       void (*call)(struct block *block, bool ok, uint64_t hash))
{
    VEC(uint32_t) which = {0};
    vec_clear(&b->spans);
    vec_clear(&b->buffer);
    vec_reserve(&b->buffer, n * BLOCK_REST_BYTES / 8);
    for (size_t i = 0; i < n; i++) {
        struct remote_span span = {.to = b->buffer.at + i * BLOCK_REST_BYTES / 8};
        if (!rest_of(&b->list.at[first + i], &span.addr, &span.size))
            continue;
        vec_push(&b->spans, span);
        vec_push(&which, (uint32_t)i);
    }
    remote_read_spans(b->pid, b->spans.at, b->spans.n);
    for (size_t i = 0; i < which.n; i++) {
        const struct remote_span *span = &b->spans.at[i];
        struct block *block = &b->list.at[first + which.at[i]];
        call(block, span->ok, span->ok ? rest_hash(block, span->to, span->size) : 0);
    }
    vec_free(&which);
}

static void keep_rest(struct block *block, bool ok, uint64_t hash)
{
    block->has_rest = ok;
    block->rest = hash;
}

static void compare_rest(struct block *block, bool ok, uint64_t hash)
{
    if (block->fate == BLOCK_STAYS_IF && block->has_rest)
        block->fate = ok && hash == block->rest ? BLOCK_STAYS : BLOCK_GONE;
}

void blocks_look(struct blocks *b, size_t first)
{
    size_t n = b->list.n - first;
    read_blocks(b, first, n);
    for (size_t i = 0; i < n; i++) {
        struct block *block = &b->list.at[first + i];
        const uint64_t *words = b->buffer.at + i * (BLOCK_WORDS + 1);
        size_t have = b->spans.at[i].size / 8;
        block->n_words = (uint8_t)(have ? have - 1 : 0);
        block->head = have ? words[0] : 0;
        memcpy(block->words, words + 1, block->n_words * sizeof *words);
        block->object = object_in(b, block);
        if (block->heap == HEAP_GLIBC && plausible_chunk(block->head))
            block->size = chunk_bytes(block->head) - 8;
        if (block->heap != HEAP_PYMALLOC)
            count_beginning(b, block);
        if (block->heap == HEAP_GLIBC && block->n_words > 1 &&
            like_cached(block->address, block->words)) {
            uint32_t times = map_get(&b->second_words, block->words[1]);
            map_set(&b->second_words, block->words[1], times == MAP_NONE ? 1 : times + 1);
        }
    }
    read_rests(b, first, n, keep_rest);
}

/* Whether the words are as they were, as far as they lie in the block and should be. all: not only
 * the first of them. */
static bool unchanged(const struct block *block, const uint64_t *now, size_t have, bool all)
{
    size_t n = block->n_words, from = 0;
    if (block->object >= 0)
        from =
            (size_t)block->object + 1; /* not what the collector and the count of references say */
    else if (n > RAW_WORDS && !all)
        n = RAW_WORDS;
    if (n > block->size / 8)
        n = block->size / 8;
    if (n > have || from >= n)
        return false;
    for (size_t i = from; i < n; i++) {
        /* A str's hash is worked out when it is first asked for. */
        bool hash =
            block->object >= 0 && i == (size_t)block->object + 3 && block->words[i] == UINT64_MAX;
        if (now[i] != block->words[i] && !hash)
            return false;
    }
    return true;
}

static enum block_fate judge_glibc(struct blocks *b, struct block *block, const uint64_t *words,
                                   size_t have)
{
    uint64_t head = words[0], bytes = chunk_bytes(head), next;
    if (!have || (head ^ block->head) & ~CHUNK_FLAGS)
        return BLOCK_GONE;
    if (!plausible_chunk(head))
        return BLOCK_UNSEEN;
    block->size = bytes - (head & CHUNK_MMAPPED ? 16 : 8);
    if (!unchanged(block, words + 1, have - 1, begins_commonly(b, block)))
        return BLOCK_GONE;
    if (!(head & CHUNK_MMAPPED) &&
        remote_read(b->pid, block->address - 8 + bytes, &next, sizeof next) &&
        !(next & CHUNK_IN_USE))
        return BLOCK_GONE;
    uint32_t times = have > 2 && like_cached(block->address, words + 1)
                         ? map_get(&b->second_words, words[2])
                         : MAP_NONE;
    return times != MAP_NONE && times >= KEY_TIMES ? BLOCK_GONE : BLOCK_STAYS;
}

static enum block_fate judge_python(struct blocks *b, struct block *block, const uint64_t *words,
                                    size_t have)
{
    uint64_t pool = pymalloc_pool(b->pymalloc, block->address);
    uint32_t bytes = 0;
    if (pool != b->pool_at)
        b->pool_ok = remote_read(b->pid, pool, b->pool, b->pymalloc->pool_bytes);
    b->pool_at = pool;
    if (!b->pool_ok)
        return BLOCK_GONE; /* its arena was given back, or it is none of the allocator's */
    switch (pymalloc_block(b->pymalloc, pool, b->pool, block->address, &bytes)) {
    case BLOCK_NONE: /* a big one, which malloc gave: it is seen there */
        return BLOCK_UNSEEN;
    case BLOCK_FREE:
        return BLOCK_GONE;
    case BLOCK_USED:
        break;
    }
    block->size = bytes;
    return have && unchanged(block, words + 1, have - 1, begins_commonly(b, block)) ? BLOCK_STAYS
                                                                                    : BLOCK_GONE;
}

void blocks_judge(struct blocks *b, size_t first, size_t n)
{
    read_blocks(b, first, n);
    b->pool_at = 0;
    for (size_t i = 0; i < n; i++) {
        struct block *block = &b->list.at[first + i];
        const uint64_t *words = b->buffer.at + i * (BLOCK_WORDS + 1);
        size_t have = b->spans.at[i].size / 8;
        if (block->fate != BLOCK_YOUNG)
            continue;
        if (!block->n_words)
            block->fate = BLOCK_UNSEEN;
        else if (block->heap == HEAP_PYMALLOC)
            block->fate = (uint8_t)judge_python(b, block, words, have);
        else if (block->heap == HEAP_GLIBC)
            block->fate = (uint8_t)judge_glibc(b, block, words, have);
        else
            block->fate = have && unchanged(block, words + 1, have - 1, begins_commonly(b, block))
                              ? BLOCK_STAYS
                              : BLOCK_GONE;
    }
    for (size_t i = first; i < first + n; i++)
        if (b->list.at[i].fate == BLOCK_STAYS &&
            (b->list.at[i].heap == HEAP_PYMALLOC || begins_commonly(b, &b->list.at[i])))
            b->list.at[i].fate = BLOCK_STAYS_IF;
    read_rests(b, first, n, compare_rest);
    for (size_t i = first; i < first + n; i++)
        if (b->list.at[i].fate == BLOCK_STAYS_IF)
            b->list.at[i].fate = BLOCK_STAYS;
}

/* The class of a C++ object that fills the block by itself. Of one with several (an array, what a
 * std::vector points to) no class is said: it is not the objects that stay, but their container. */
static void class_name(struct blocks *b, const struct block *block, char *out, size_t size)
{
    uint8_t bytes[CLASS_BYTES];
    uint32_t class_number;
    uint64_t first = block->n_words ? block->words[0] : 0;
    if (first % 8 || first < 1u << 16 || first >= ADDRESS_LIMIT)
        return;
    if (!b->classes && maps_read(&b->maps, b->pid, NULL, NULL))
        b->classes = rtti_new(b->pid, &b->maps);
    if (!b->classes || rtti_class(b->classes, first) == RTTI_NONE)
        return;
    size_t have = block->size < sizeof bytes ? (size_t)block->size : sizeof bytes;
    have = remote_read_some(b->pid, block->address, bytes, have);
    if (objects_in_block(b->classes, bytes, have, block->size, &class_number) == 1)
        snprintf(out, size, "%s", rtti_name(b->classes, class_number));
}

void blocks_type_name(struct blocks *b, const struct block *block, char *out, size_t size)
{
    uint64_t name;
    out[0] = '\0';
    if (block->heap != HEAP_PYMALLOC)
        class_name(b, block, out, size);
    else if (block->object < 0 ||
             !remote_read(b->pid, block->words[block->object + 1] + TYPE_NAME_AT, &name,
                          sizeof name) ||
             !remote_read_string(b->pid, name, out, size))
        out[0] = '\0';
}
