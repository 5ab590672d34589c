/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See census.h. Worker thread. */
#include "native/census.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "native/malloc_heap.h"
#include "native/rtti.h"
#include "target/maps.h"
#include "target/resident.h"

/* Up to here a class is one size of a block; from there on four classes double it. */
#define EXACT_MAX     1032u
#define EXACT_CLASSES 65u   /* of (usable - 8) / 16 */
#define OBJECT_MAX    2048u /* a row of larger objects is not seen as one */
#define SCAN_PIECE    (1u << 20)
#define MALLOC_SHARE                                                                               \
    10 /* percent of the anonymous memory: less, and malloc is not the allocator                   \
        */

struct tally {
    uint64_t count, bytes;
};

struct census {
    struct rtti *rtti;
    VEC(struct tally) classes; /* by the class's number */
    struct tally sizes[SIZE_CLASSES];
};

/* Classes from EXACT_MAX on: bounds are (4 + q) * 2^k / 4 + 8, so that blocks do not straddle. */
static uint64_t class_end(uint32_t size_class)
{
    if (size_class < EXACT_CLASSES)
        return (uint64_t)size_class * 16 + 8;
    uint32_t n = size_class - EXACT_CLASSES, k = 10 + n / 4, q = 1 + n % 4;
    return ((4ull + q) << k) / 4 + 8;
}

uint32_t size_class_of(uint64_t usable_size)
{
    if (usable_size <= EXACT_MAX)
        return (uint32_t)((usable_size + 7) / 16);
    uint64_t above = usable_size - 9; /* 1024 and more */
    uint32_t k = 63 - (uint32_t)__builtin_clzll(above);
    uint32_t n = EXACT_CLASSES + (k - 10) * 4 + (uint32_t)(above >> (k - 2) & 3);
    return n < SIZE_CLASSES ? n : SIZE_CLASSES - 1;
}

static const char *bound(char out[FIGURE_MAX], uint64_t bytes)
{
    static const char units[] = "KMGTP";
    size_t unit = 0;
    double value = (double)bytes / 1024;
    if (bytes < 10240) {
        snprintf(out, FIGURE_MAX, "%" PRIu64, bytes);
        return out;
    }
    for (; value >= 1024 && unit < sizeof units - 2; unit++)
        value /= 1024;
    snprintf(out, FIGURE_MAX, "%.4g%c", value, units[unit]);
    return out;
}

const char *size_class_name(uint32_t size_class, char out[SIZE_CLASS_NAME_MAX])
{
    char from[FIGURE_MAX], to[FIGURE_MAX];
    uint64_t end = class_end(size_class),
             start = size_class <= 1 ? 1 : class_end(size_class - 1) + 1;
    if (end >= 10240) /* what malloc rounds up by does not matter there */
        start -= start >= 10240 ? 9 : 0, end -= 8;
    snprintf(out, SIZE_CLASS_NAME_MAX, "[malloc %s-%s]", bound(from, start), bound(to, end));
    return out;
}

/* A block may hold several of a class, one behind the other (std::vector<T>): no object contains
 * one of its own class, so where its first word comes again, another stands. */
static uint64_t objects_in_row(const uint8_t *bytes, size_t copied, uint64_t usable, uint64_t first)
{
    uint64_t word = 0, n = 1, stride = 8;
    for (; stride + sizeof word <= copied && stride <= OBJECT_MAX && 2 * stride <= usable;
         stride += 8) {
        memcpy(&word, bytes + stride, sizeof word);
        if (word == first)
            break;
    }
    while (word == first && (n + 1) * stride <= usable && n * stride + sizeof word <= copied) {
        memcpy(&word, bytes + n * stride, sizeof word);
        n += word == first;
    }
    return n;
}

/* new T[n] puts the number before the objects if they have destructors (Itanium C++ ABI, 2.7): then
 * the second word is the first object's, and where the second object stands is found by its own. */
static uint64_t objects_in_array(struct rtti *r, const uint8_t *bytes, size_t copied,
                                 uint64_t usable, uint32_t *class_number)
{
    uint64_t n, first, word;
    memcpy(&n, bytes, sizeof n);
    memcpy(&first, bytes + 8, sizeof first);
    if (!n || n > (usable - 8) / 8)
        return 0;
    *class_number = rtti_class(r, first);
    if (*class_number == RTTI_NONE || n == 1)
        return *class_number != RTTI_NONE;
    uint64_t stride = (usable - 8) / n & ~7ull;
    for (int slack = 0; slack < 3 && stride >= 8; slack++, stride -= 8) {
        if (8 + stride + sizeof word > copied)
            continue;
        memcpy(&word, bytes + 8 + stride, sizeof word);
        if (word == first)
            return n;
    }
    return 0;
}

uint64_t objects_in_block(struct rtti *r, const uint8_t *bytes, size_t copied_size,
                          uint64_t usable_size, uint32_t *class_number)
{
    uint64_t word;
    *class_number = RTTI_NONE;
    if (copied_size < sizeof word)
        return 0;
    memcpy(&word, bytes, sizeof word);
    *class_number = rtti_class(r, word);
    if (*class_number != RTTI_NONE)
        return objects_in_row(bytes, copied_size, usable_size, word);
    if (copied_size < 2 * sizeof word || word > usable_size)
        return 0;
    return objects_in_array(r, bytes, copied_size, usable_size, class_number);
}

static void tally_class(struct census *c, uint32_t class_number, uint64_t objects, uint64_t bytes)
{
    while (c->classes.n <= class_number)
        vec_add(&c->classes);
    c->classes.at[class_number].count += objects;
    c->classes.at[class_number].bytes += bytes;
}

static bool count_block(void *context, const struct malloc_block *block)
{
    struct census *c = context;
    uint32_t class_number;
    uint64_t n = objects_in_block(c->rtti, block->bytes, block->copied_size, block->usable_size,
                                  &class_number);
    if (n) {
        tally_class(c, class_number, n, block->chunk_size);
        return true;
    }
    struct tally *t = &c->sizes[size_class_of(block->usable_size)];
    t->count++;
    t->bytes += block->chunk_size;
    return true;
}

/* Private memory without a file, but stacks. */
static bool is_scanned(const struct maps *maps, const struct mapping *map)
{
    const char *path = maps_path(maps, map);
    return !map->inode && (map->perms & MAP_READ) && (map->perms & MAP_WRITE) &&
           !(map->perms & MAP_SHARED_PERM) && strcmp(path, "[stack]") != 0;
}

/* Counts the words that begin an object, in memory whose allocator is not known. */
static void scan(struct census *c, pid_t pid, const struct maps *maps,
                 const struct malloc_heap *heap, const struct heap_limits *limits,
                 struct heap_count *out)
{
    struct resident *pages = xmalloc(sizeof *pages);
    uint64_t *words = xmalloc(SCAN_PIECE), began_ns = clock_mono_ns();
    bool ended = false;
    resident_open(pages, pid);
    for (size_t i = 0; i < maps->list.n && !ended; i++) {
        const struct mapping *map = &maps->list.at[i];
        if (!is_scanned(maps, map))
            continue;
        for (uint64_t at = map->start; at < map->end && !ended; at += SCAN_PIECE) {
            size_t size = map->end - at < SCAN_PIECE ? (size_t)(map->end - at) : SCAN_PIECE;
            if (heap && malloc_heap_holds(heap, at))
                continue;
            ended =
                limits &&
                ((limits->stop && limits->stop(limits->context, (int)(i * 1000 / maps->list.n))) ||
                 (limits->read_bytes_max && pages->read_bytes > limits->read_bytes_max) ||
                 (limits->duration_ns_max && clock_mono_ns() - began_ns > limits->duration_ns_max));
            if (ended || !resident_any(pages, at, size) || !resident_read(pages, at, words, size))
                continue;
            for (size_t k = 0; k < size / sizeof *words; k++) {
                uint32_t class_number = rtti_class(c->rtti, words[k]);
                if (class_number != RTTI_NONE)
                    tally_class(c, class_number, 1, 0);
            }
        }
    }
    if (ended)
        heap_count_cut(out, "it was ended before all memory was looked through");
    out->swapped_bytes += pages->swapped_bytes;
    resident_close(pages);
    free(pages);
    free(words);
}

/* The name of an allocator that takes malloc's place, or NULL. */
static const char *other_allocator(const struct maps *maps)
{
    static const char *const names[] = {"jemalloc", "tcmalloc", "mimalloc", "ld-musl"};
    for (size_t i = 0; i < maps->list.n; i++) {
        const struct mapping *map = &maps->list.at[i];
        const char *base = maps_is_file(maps, map) ? path_base(maps_path(maps, map)) : "";
        for (size_t k = 0; *base && k < sizeof names / sizeof *names; k++)
            if (strstr(base, names[k]))
                return names[k];
    }
    return NULL;
}

/* An interpreter has its own memory, in which there are no C++ objects. */
static bool has_python(const struct maps *maps)
{
    for (size_t i = 0; i < maps->list.n; i++)
        if (maps_is_file(maps, &maps->list.at[i]) &&
            strstr(path_base(maps_path(maps, &maps->list.at[i])), "python"))
            return true;
    return false;
}

/* Private memory that is there. */
static uint64_t anonymous_bytes(pid_t pid, const struct maps *maps)
{
    struct resident *pages = xmalloc(sizeof *pages);
    uint8_t states[4096];
    uint64_t sum = 0, looked = 0;
    resident_open(pages, pid);
    for (size_t i = 0; i < maps->list.n; i++) {
        const struct mapping *map = &maps->list.at[i];
        for (uint64_t at = map->start;
             is_scanned(maps, map) && at < map->end && looked < 1u << 24;) {
            size_t n = (size_t)((map->end - at) / RESIDENT_PAGE);
            if (n > sizeof states)
                n = sizeof states;
            if (!n)
                break;
            resident_states(pages, at, n, states);
            for (size_t k = 0; k < n; k++)
                sum += states[k] == RESIDENT_READ ? RESIDENT_PAGE : 0;
            looked += n;
            at += n * RESIDENT_PAGE;
        }
    }
    resident_close(pages);
    free(pages);
    return sum;
}

struct row {
    char *type;
    enum language language;
    struct tally tally;
};

static int largest_first(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->tally.bytes != y->tally.bytes)
        return x->tally.bytes > y->tally.bytes ? -1 : 1;
    if (x->tally.count != y->tally.count)
        return x->tally.count > y->tally.count ? -1 : 1;
    return strcmp(x->type, y->type);
}

/* Puts what was counted into rows, the largest; the rest is one row. */
static void put_rows(struct census *c, const struct heap_limits *limits, uint32_t flags,
                     struct heap_count *out)
{
    VEC(struct row) rows = {0};
    char name[SIZE_CLASS_NAME_MAX];
    for (uint32_t i = 0; i < c->classes.n; i++) {
        struct row row = {xstrdup(rtti_name(c->rtti, i)), LANGUAGE_CXX, c->classes.at[i]};
        vec_push(&rows, row);
    }
    for (uint32_t i = 0; i < SIZE_CLASSES; i++) {
        struct row row = {xstrdup(size_class_name(i, name)), LANGUAGE_NATIVE, c->sizes[i]};
        vec_push(&rows, row);
    }
    vec_sort(&rows, largest_first);
    for (size_t i = 0; i < rows.n; i++) {
        const struct row *row = &rows.at[i];
        bool other = limits && limits->rows_max && i + 1 >= limits->rows_max;
        if (row->tally.count)
            heap_count_add(out, other ? "[other types]" : row->type,
                           other ? LANGUAGE_NATIVE : row->language, flags, row->tally.count,
                           row->tally.bytes);
        free(row->type);
    }
    vec_free(&rows);
    memset(c->sizes, 0, sizeof c->sizes);
    vec_clear(&c->classes);
}

static bool count_malloc(struct census *c, struct malloc_heap *heap,
                         const struct heap_limits *limits, struct heap_count *out, struct err *err)
{
    const struct malloc_visitor visitor = {
        .block = count_block, .context = c, .whole = true, .limits = limits};
    struct malloc_sums sums;
    if (!malloc_heap_walk(heap, &visitor, &sums, err))
        return false;
    out->space = (struct heap_space){
        .used_bytes = sums.used_bytes,
        .free_bytes = sums.free_bytes,
        .mapped_bytes = sums.mapped_bytes,
    };
    out->moved_pct = sums.moved_pct;
    out->swapped_bytes = sums.swapped_bytes;
    if (sums.cut)
        heap_count_cut(out, "%s", sums.why);
    put_rows(c, limits, 0, out);
    return true;
}

bool native_census(pid_t pid, const struct heap_limits *limits, struct heap_count *out,
                   struct err *err)
{
    uint64_t began_ns = clock_mono_ns();
    struct maps maps;
    maps_init(&maps);
    if (!maps_read(&maps, pid, NULL, err)) {
        maps_clear(&maps);
        return false;
    }
    struct census *c = xcalloc(1, sizeof *c);
    c->rtti = rtti_new(pid, &maps);
    struct malloc_heap *heap = malloc_heap_find(pid, &maps, NULL);
    bool ok = !heap || count_malloc(c, heap, limits, out, err);
    const char *other = ok ? other_allocator(&maps) : NULL;
    uint64_t in_malloc = out->space.used_bytes + out->space.free_bytes + out->space.mapped_bytes;
    if (ok &&
        (!heap || other ||
         (!has_python(&maps) && in_malloc < anonymous_bytes(pid, &maps) / 100 * MALLOC_SHARE))) {
        scan(c, pid, &maps, heap, limits, out);
        put_rows(c, limits, HEAP_INCLUDES_FREED, out);
        out->space = (struct heap_space){0};
        heap_count_cut(out,
                       "most memory is not glibc malloc's (%s): C++ objects there are counted by "
                       "class, freed ones among them, and nothing else",
                       other ? other : "an allocator of its own");
    }
    if (maps.cut || rtti_cut(c->rtti))
        heap_count_cut(out, "it has more mappings or classes than are looked at");
    uint64_t now_ns = clock_mono_ns();
    out->time_ns = began_ns + (now_ns - began_ns) / 2;
    out->duration_ns = now_ns - began_ns;
    malloc_heap_free(heap);
    rtti_free(c->rtti);
    vec_free(&c->classes);
    free(c);
    maps_clear(&maps);
    return ok;
}
