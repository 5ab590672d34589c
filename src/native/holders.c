/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See holders.h. Level by level: the set of blocks that are asked about, all words that point into
 * it, and of the blocks that most of those stand in the set for the next level. Blocks that were in
 * a set before do not count as holders: lists point at themselves, children at their parents.
 */
#include "native/holders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "native/block_set.h"
#include "native/census.h"
#include "native/data_symbol.h"
#include "native/malloc_heap.h"
#include "native/rtti.h"
#include "target/maps.h"
#include "target/remote.h"
#include "target/resident.h"

#define KEY_SIZE      0x80000000u /* a size class's number; else a C++ class's */
#define FOUND_MAX     (2u << 20)  /* holders that are kept: 32 MB */
#define GLOBALS_MAX   65536u
#define NAME_COMPARED 511u /* a row's name is cut there (heap_count.c) */
#define MAPPED_MAX    (1u << 20)
#define NAMED_MAX     16u /* addresses of variables that are named on a level */
#define LISTED        4u  /* classes of holders that are told on a level */
#define PIECE         (1u << 20)
#define HEAD_BYTES    256u
#define ROOT_WEIGHT   4u  /* a variable's word against what may be left over in blocks */
#define HEADS_ENOUGH  20u /* a list's head is one word: so many times fewer others do not matter */
#define LOST_SHARE    4u  /* fewer words than one for so many blocks: most are held by none */
#define NEWBORN_MIN   8u  /* fewer say nothing: all blocks are asked about */
#define NEWBORN_NS    (2 * NS_PER_S)
#define STEP_NS       (50 * NS_PER_MS)

struct tally {
    uint32_t key;
    uint64_t words, blocks;
};

struct found {
    uint64_t addr;
    uint32_t key;
    uint32_t granules; /* its size in 16 bytes; UINT32_MAX: that or more */
};

struct global {
    char *name;
    uint64_t words, places;
};

struct search {
    pid_t pid;
    const struct heap_limits *limits;
    struct heap_limits inner; /* of a walk: its progress is part of all */
    struct maps maps;
    struct rtti *rtti;
    struct malloc_heap *heap;
    struct block_set set, visited, before; /* before: blocks that are too old to be asked about */
    struct resident pages;
    uint64_t *piece;
    struct holders *out;
    uint64_t began_ns;
    const char *type;
    uint32_t wanted_size; /* its size class; SIZE_CLASSES: it is a class */
    unsigned level;
    /* Of this level. */
    VEC(struct tally) tallies;
    struct map by_key;
    VEC(struct found) found;
    VEC(uint64_t) globals; /* addresses of words that point into the set */
    uint64_t global_words, stack_words, outside_words;
    uint64_t own_words; /* in blocks that were asked about, or are of that kind */
    /* Blocks with mappings of their own, by address. */
    VEC(struct block_range) mapped;
    VEC(char *) path; /* names, the objects first; owned */
    bool ended;
};

static void cut(struct search *s, const char *why)
{
    if (!s->out->partial)
        snprintf(s->out->why_partial, sizeof s->out->why_partial, "%s", why);
    s->out->partial = true;
}

/* Progress of one walk into that of all. */
static bool stop_inner(void *context, int permille)
{
    struct search *s = context;
    int done = (int)((s->level * 1000 + (unsigned)permille) / (HOLDER_LEVELS + 1));
    bool stop = s->limits && s->limits->stop && s->limits->stop(s->limits->context, done);
    if (!stop && s->limits && s->limits->duration_ns_max)
        stop = clock_mono_ns() - s->began_ns > s->limits->duration_ns_max;
    s->ended = s->ended || stop;
    return stop;
}

static uint32_t key_of(struct search *s, const struct malloc_block *b)
{
    uint32_t class_number;
    if (objects_in_block(s->rtti, b->bytes, b->copied_size, b->usable_size, &class_number))
        return class_number;
    return KEY_SIZE | size_class_of(b->usable_size);
}

static char *name_of(const struct search *s, uint32_t key)
{
    char text[SIZE_CLASS_NAME_MAX];
    return xstrdup(key & KEY_SIZE ? size_class_name(key & ~KEY_SIZE, text)
                                  : rtti_name(s->rtti, key));
}

/* What holds a block points at its beginning: into the middle of a large one point what was left of
 * pointers to smaller ones that stood there before. A block's last word is also its neighbour's
 * first, and malloc's own lists point there. */
static void add(struct block_set *set, uint64_t addr, uint64_t usable_size)
{
    block_set_add(set, addr, usable_size - 8 < HEAD_BYTES ? usable_size - 8 : HEAD_BYTES);
}

/* Of the kind that is asked about. */
static bool is_wanted(const struct search *s, uint32_t key)
{
    return key & KEY_SIZE ? (key & ~KEY_SIZE) == s->wanted_size
                          : !strncmp(rtti_name(s->rtti, key), s->type, NAME_COMPARED);
}

/* The first walk: the objects that are asked about. */
static bool select_block(void *context, const struct malloc_block *b)
{
    struct search *s = context;
    if (b->mapped && s->mapped.n < MAPPED_MAX) {
        struct block_range range = {b->addr, b->addr + b->usable_size, 0};
        vec_push(&s->mapped, range);
    }
    if (block_set_has(&s->before, b->addr))
        return true;
    if (is_wanted(s, key_of(s, b)))
        add(&s->set, b->addr, b->usable_size);
    return true;
}

/* Words that point into the set but not into [start, end). */
static uint64_t count_words(struct search *s, const uint8_t *bytes, size_t size, uint64_t start,
                            uint64_t end)
{
    uint64_t n = 0, low = s->set.low, span = s->set.high - s->set.low;
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        if (word - low < span && block_set_has(&s->set, word) && (word < start || word >= end))
            n++;
    }
    return n;
}

static struct tally *tally_of(struct search *s, uint32_t key)
{
    uint32_t at = map_get(&s->by_key, key);
    if (at == MAP_NONE) {
        at = (uint32_t)s->tallies.n;
        vec_add(&s->tallies)->key = key;
        map_set(&s->by_key, key, at);
    }
    return &s->tallies.at[at];
}

/* All other walks: does this block point into the set? */
static bool look_at_block(void *context, const struct malloc_block *b)
{
    struct search *s = context;
    uint64_t end = b->addr + b->usable_size;
    uint64_t words = count_words(s, b->bytes, b->copied_size, b->addr, end);
    for (uint64_t done = b->copied_size & ~7ull; done + 8 <= b->usable_size && !s->ended;) {
        /* The rest of a large one, by pages. */
        uint64_t at = b->addr + done, page = at & ~(uint64_t)(RESIDENT_PAGE - 1);
        size_t size = end - page < PIECE ? (size_t)(end - page) : PIECE;
        resident_read(&s->pages, page, s->piece, size);
        words += count_words(s, (const uint8_t *)s->piece + (at - page), size - (size_t)(at - page),
                             b->addr, end);
        done = page + size - b->addr;
        stop_inner(s, 0);
    }
    if (!words)
        return !s->ended;
    bool visited = block_set_has(&s->visited, b->addr);
    uint32_t key = visited ? 0 : key_of(s, b);
    /* One that was born meanwhile is but the next of a list. */
    if (visited || is_wanted(s, key)) {
        s->own_words += words;
        return !s->ended;
    }
    struct tally *t = tally_of(s, key);
    t->words += words;
    t->blocks++;
    uint64_t granules = b->usable_size / 16;
    struct found f = {b->addr, key, granules < UINT32_MAX ? (uint32_t)granules : UINT32_MAX};
    if (s->found.n < FOUND_MAX)
        vec_push(&s->found, f);
    return !s->ended;
}

static bool is_malloc(const struct search *s, uint64_t addr)
{
    size_t n = sorted_upto(s->mapped.at, s->mapped.n, start, addr);
    return malloc_heap_holds(s->heap, addr) || (n && addr < s->mapped.at[n - 1].end);
}

/* What a writable mapping is to a path. */
static enum holder_kind kind_of(const struct search *s, size_t i, bool *after_module)
{
    const struct mapping *map = &s->maps.list.at[i], *before = i ? map - 1 : NULL;
    bool file = maps_is_file(&s->maps, map);
    *after_module = file || (*after_module && before && before->end == map->start && !map->inode &&
                             !*maps_path(&s->maps, map));
    if (*after_module)
        return HOLDER_GLOBAL;
    return strcmp(maps_path(&s->maps, map), "[stack]") ? HOLDER_OUTSIDE : HOLDER_STACK;
}

/* Whether the word is the address of a block of the kind that is asked about which was born after
 * those were selected: the head of a list is such a one. */
static bool is_newer(struct search *s, uint64_t word)
{
    struct malloc_block b = {.addr = word};
    uint64_t head[1 + 2];
    if (word % 16 || !malloc_heap_holds(s->heap, word) || block_set_has(&s->before, word) ||
        !remote_read(s->pid, word - 8, head, sizeof head))
        return false;
    b.usable_size = (head[0] & ~7ull) - 8;
    b.bytes = (const uint8_t *)&head[1];
    b.copied_size = sizeof head - 8;
    return head[0] >= 32 && head[0] < 1ull << 47 && is_wanted(s, key_of(s, &b));
}

static void take_word(struct search *s, enum holder_kind kind, uint64_t at)
{
    if (is_malloc(s, at))
        return;
    if (kind == HOLDER_GLOBAL) {
        s->global_words++;
        if (s->globals.n < GLOBALS_MAX)
            vec_push(&s->globals, at);
    } else if (kind == HOLDER_STACK) {
        s->stack_words++;
    } else {
        s->outside_words++;
    }
}

/* Words in memory that is not malloc's. */
static void look_outside(struct search *s)
{
    bool after_module = false;
    for (size_t i = 0; i < s->maps.list.n && !s->ended; i++) {
        const struct mapping *map = &s->maps.list.at[i];
        enum holder_kind kind = kind_of(s, i, &after_module);
        if (!(map->perms & MAP_WRITE) || !(map->perms & MAP_READ) || (map->perms & MAP_SHARED_PERM))
            continue;
        for (uint64_t at = map->start; at < map->end && !s->ended; at += PIECE) {
            size_t size = map->end - at < PIECE ? (size_t)(map->end - at) : PIECE;
            if ((is_malloc(s, at) && is_malloc(s, at + size - 32)) ||
                !resident_any(&s->pages, at, size) || !resident_read(&s->pages, at, s->piece, size))
                continue;
            for (size_t k = 0; k < size / 8; k++)
                if (block_set_has(&s->set, s->piece[k]) ||
                    (s->level == 1 && kind == HOLDER_GLOBAL && is_newer(s, s->piece[k])))
                    take_word(s, kind, at + k * 8);
            stop_inner(s, 900);
        }
    }
}

static void list_holder(struct search *s, char *name, enum holder_kind kind, uint64_t words,
                        uint64_t holders)
{
    struct holder *h = vec_add(&s->out->list);
    *h = (struct holder){name, kind, s->level, words, holders, false};
}

/* Names what was found in modules' data: of many words a few, which stand for the others. */
static void list_globals(struct search *s)
{
    VEC(struct global) named = {0};
    size_t n = s->globals.n < NAMED_MAX ? s->globals.n : NAMED_MAX;
    for (size_t i = 0; i < n; i++) {
        uint64_t share = s->global_words / n + (i < s->global_words % n);
        char *name = data_symbol_name(&s->maps, s->globals.at[i * s->globals.n / n]);
        size_t at = 0;
        while (at < named.n && strcmp(named.at[at].name, name))
            at++;
        if (at == named.n)
            vec_add(&named)->name = name;
        else
            free(name);
        named.at[at].words += share;
        named.at[at].places++;
    }
    for (size_t i = 0; i < named.n; i++)
        list_holder(s, named.at[i].name, HOLDER_GLOBAL, named.at[i].words, named.at[i].places);
    vec_free(&named);
}

static int most_words_first(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    if (x->words != y->words)
        return x->words > y->words ? -1 : 1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static void take_step(struct search *s, struct holder *h)
{
    h->on_path = true;
    vec_push(&s->path, xasprintf("%s%s", h->kind == HOLDER_GLOBAL ? "global " : "", h->name));
}

/* Lists this level's holders and goes on to the next. false: the path has come to its end. */
static bool next_level(struct search *s)
{
    size_t first = s->out->list.n;
    vec_sort(&s->tallies, most_words_first);
    for (size_t i = 0; i < s->tallies.n && i < LISTED; i++)
        list_holder(s, name_of(s, s->tallies.at[i].key), HOLDER_BLOCK, s->tallies.at[i].words,
                    s->tallies.at[i].blocks);
    size_t blocks = s->out->list.n;
    list_globals(s);
    size_t globals = s->out->list.n, global = globals;
    for (size_t i = blocks; i < globals; i++)
        if (global == globals || s->out->list.at[i].words > s->out->list.at[global].words)
            global = i;
    if (s->stack_words)
        list_holder(s, xstrdup("stack of the first thread"), HOLDER_STACK, s->stack_words, 1);
    if (s->outside_words)
        list_holder(s, xstrdup("memory outside of malloc's"), HOLDER_OUTSIDE, s->outside_words, 1);
    struct holder *list = s->out->list.at;
    uint64_t of_blocks = blocks > first ? list[first].words : 0;
    if (global < globals && (list[global].words * ROOT_WEIGHT >= of_blocks ||
                             of_blocks * HEADS_ENOUGH < s->set.blocks)) {
        take_step(s, &list[global]);
        s->out->reached = true;
        return false;
    }
    if (!of_blocks) {
        if (s->out->list.n > first)
            take_step(s, &list[first]);
        return false;
    }
    take_step(s, &list[first]);
    uint32_t key = s->tallies.at[0].key;
    block_set_empty(&s->set);
    for (size_t i = 0; i < s->found.n; i++) {
        const struct found *f = &s->found.at[i];
        if (f->key != key)
            continue;
        add(&s->set, f->addr, (uint64_t)f->granules * 16 + 8);
        add(&s->visited, f->addr, (uint64_t)f->granules * 16 + 8);
    }
    block_set_close(&s->set);
    block_set_close(&s->visited);
    return s->set.blocks > 0;
}

/* Whether hardly a word points at what was asked about, which then is the whole answer: the few may
 * be left over from when there was one for each. */
static bool are_lost(struct search *s)
{
    char text[160], lost[FIGURE_MAX], all[FIGURE_MAX];
    uint64_t words = s->own_words + s->global_words + s->stack_words + s->outside_words;
    for (size_t i = 0; i < s->tallies.n; i++)
        words += s->tallies.at[i].words;
    if (s->out->partial || words * LOST_SHARE >= s->set.blocks)
        return false;
    snprintf(text, sizeof text, "nothing, %s of %s lost", figure_count(lost, s->set.blocks - words),
             figure_count(all, s->set.blocks));
    s->out->path = xstrdup(text);
    return true;
}

static bool walk(struct search *s, bool (*block)(void *, const struct malloc_block *),
                 struct err *err)
{
    const struct malloc_visitor visitor = {
        .block = block, .context = s, .whole = true, .limits = &s->inner};
    struct malloc_sums sums;
    if (!malloc_heap_walk(s->heap, &visitor, &sums, err))
        return false;
    if (sums.cut)
        cut(s, sums.why);
    return true;
}

static int by_start(const void *a, const void *b)
{
    const struct block_range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static bool select_all(struct search *s, struct err *err)
{
    block_set_empty(&s->set);
    vec_clear(&s->mapped);
    if (!walk(s, select_block, err))
        return false;
    block_set_close(&s->set);
    vec_sort(&s->mapped, by_start);
    /* What is asked about does not hold itself. */
    block_set_copy(&s->visited, &s->set);
    s->out->objects = s->set.blocks;
    return true;
}

static bool search_levels(struct search *s, struct err *err)
{
    for (s->level = 1; s->level <= HOLDER_LEVELS && !s->ended; s->level++) {
        vec_clear(&s->tallies);
        map_clear(&s->by_key);
        vec_clear(&s->found);
        vec_clear(&s->globals);
        s->global_words = s->stack_words = s->outside_words = s->own_words = 0;
        if (!walk(s, look_at_block, err))
            return false;
        /* The new ones hang on older ones of their kind, as in a tree: then all are asked about. */
        if (s->level == 1 && s->before.blocks && s->own_words * 2 > s->set.blocks) {
            block_set_empty(&s->before);
            if (!select_all(s, err))
                return false;
            s->level = 0;
            continue;
        }
        look_outside(s);
        if (s->ended || (s->level == 1 && are_lost(s)) || !next_level(s))
            break;
    }
    if (s->ended)
        cut(s, "it was stopped before its end");
    return true;
}

static void write_path(struct search *s)
{
    char text[4096];
    struct text t = TEXT(text);
    if (s->path.n < 2 || s->out->path)
        return;
    for (size_t i = s->path.n; i-- > 0;)
        text_add(&t, "%s%s", s->path.at[i], i ? " -> " : "");
    s->out->path = xstrdup(text);
}

/* The heap as it is now: it may have grown since it was found. */
static bool find_heap(struct search *s, struct err *err)
{
    malloc_heap_free(s->heap);
    maps_clear(&s->maps);
    s->heap =
        maps_read(&s->maps, s->pid, NULL, err) ? malloc_heap_find(s->pid, &s->maps, err) : NULL;
    return s->heap;
}

/* Remembers what is there, and lets some seconds go by. */
static bool wait_for_births(struct search *s, struct err *err)
{
    struct timespec step = {0, (long)STEP_NS};
    block_set_init(&s->set, s->heap);
    block_set_init(&s->visited, s->heap);
    if (!select_all(s, err))
        return false;
    s->before = s->set;
    s->set = (struct block_set){.n_bits = 0};
    block_set_clear(&s->visited);
    for (uint64_t end_ns = clock_mono_ns() + NEWBORN_NS; clock_mono_ns() < end_ns && !s->ended;) {
        nanosleep(&step, NULL);
        stop_inner(s, 0);
    }
    return find_heap(s, err);
}

static bool find_holders(struct search *s, bool newborn, struct err *err)
{
    char text[SIZE_CLASS_NAME_MAX];
    s->wanted_size = 0;
    while (s->wanted_size < SIZE_CLASSES &&
           strcmp(size_class_name(s->wanted_size, text), s->type) != 0)
        s->wanted_size++;
    if (s->limits && s->limits->own_bytes_max &&
        3 * block_set_bytes(s->heap) >
            s->limits->own_bytes_max + malloc_heap_system_bytes(s->heap) / 20)
        return err_set(err, "the heap of process %d is too large to look for holders in it",
                       (int)s->pid);
    if (newborn && !wait_for_births(s, err))
        return false;
    block_set_init(&s->set, s->heap);
    block_set_init(&s->visited, s->heap);
    if (!select_all(s, err))
        return false;
    if (newborn && s->set.blocks < NEWBORN_MIN) {
        block_set_empty(&s->before);
        if (!select_all(s, err))
            return false;
    }
    if (!s->set.blocks)
        return err_set(err, "there is no %s in the heap of process %d any more", s->type,
                       (int)s->pid);
    vec_push(&s->path, xstrdup(s->type));
    return search_levels(s, err);
}

static void search_clear(struct search *s)
{
    malloc_heap_free(s->heap);
    rtti_free(s->rtti);
    block_set_clear(&s->set);
    block_set_clear(&s->visited);
    block_set_clear(&s->before);
    resident_close(&s->pages);
    free(s->piece);
    vec_free(&s->tallies);
    map_free(&s->by_key);
    vec_free(&s->found);
    vec_free(&s->globals);
    vec_free(&s->mapped);
    for (size_t i = 0; i < s->path.n; i++)
        free(s->path.at[i]);
    vec_free(&s->path);
    maps_clear(&s->maps);
    free(s);
}

bool native_holders(pid_t pid, const char *type, bool newborn, const struct heap_limits *limits,
                    struct holders *out, struct err *err)
{
    struct search *s = xcalloc(1, sizeof *s);
    memset(out, 0, sizeof *out);
    s->pid = pid;
    s->type = type;
    s->limits = limits;
    s->inner = (struct heap_limits){.stop = stop_inner, .context = s};
    s->out = out;
    s->began_ns = clock_mono_ns();
    s->piece = xmalloc(PIECE);
    resident_open(&s->pages, pid);
    maps_init(&s->maps);
    bool ok = find_heap(s, err);
    s->rtti = rtti_new(pid, &s->maps);
    ok = ok && find_holders(s, newborn, err);
    if (ok)
        write_path(s);
    search_clear(s);
    return ok;
}

void holders_clear(struct holders *h)
{
    for (size_t i = 0; i < h->list.n; i++)
        free(h->list.at[i].name);
    vec_free(&h->list);
    free(h->path);
    h->path = NULL;
}
