/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each block in use is asked whether it is an object: whether the word where its type would stand
 * is the address of a type whose instances begin just there, and the word before it a reference
 * count. Tables of dicts are known by their head. Neither the collector's lists nor the
 * interpreter's own variables are needed, so this depends on little that changes between versions,
 * and a list that is being relinked cannot lead it astray. Object layouts:
 * Include/cpython/{list,set,tuple}object.h, Include/cpython/bytearrayobject.h,
 * Modules/_collectionsmodule.c (3.6 to 3.15).
 */
#include "python/census.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "python/dict.h"
#include "python/object.h"
#include "python/peek.h"
#include "python/runtime.h"
#include "python/sweep.h"
#include "python/types.h"
#include "target/process.h"
#include "target/remote.h"

#define DEBUG_PREFIX     16 /* PYTHONMALLOC=debug puts it before each block: its size, then */
#define DEBUG_MARK       0xfdfdfdfdfdfdfd00ull /* a letter and forbidden bytes (obmalloc.c) */
#define DEBUG_LAYERS     2 /* pymalloc hands what is too large for it on to malloc's hooks */
#define OFFSETS          4
#define DEQUE_BLOCK      64
#define DEQUE_BYTES      (528 + 16)
#define SET_INSIDE       7 /* a larger mask has a table outside of the set */
#define VALUES_MAX       65536
#define CONTAINERS_SPARE 8192
#define ROWS_DEFAULT     100000
#define LOST_SPARE       (1u << 20) /* so much less of it, or a twentieth, is what a busy heap does */
#define LOST_SHARE       20

enum item_at { AT_SIZE = 16, AT_USED = 24, AT_MASK = 32, AT_LIST_ROOM = 32, AT_DEQUE_LEFT = 40 };

struct census {
    struct runtime runtime;
    struct sweep sweep;
    struct peek *peek;
    struct types types;
    struct heap_count *out; /* NULL: instances are picked */
    struct instances *picked;
    const char *picked_type;
    const struct heap_limits *limits;
    uint32_t offsets[OFFSETS];
    size_t n_offsets;
    uint64_t table_bytes; /* of dicts */
    uint64_t block_bytes; /* of all blocks in use */
    struct map values;    /* by a class's table of keys: bytes of an instance's values */
    uint64_t objects;
    uint64_t witness; /* sys.modules: an object that must be come upon, or 0 */
    bool witnessed;
};

static uint64_t word_at(const uint8_t *bytes, size_t have, size_t at)
{
    uint64_t word = 0;
    if (at + sizeof word <= have)
        memcpy(&word, bytes + at, sizeof word);
    return word;
}

/* What stands before objects: nothing, the collector's head (24 or 32 bytes to 3.7), and,
 * from 3.11, two words more. */
static void set_offsets(struct census *c)
{
    static const uint32_t old[] = {0, 32, 24}, new[] = {0, 16, 32};
    unsigned minor = c->runtime.layout.minor;
    c->n_offsets = minor >= 11 || minor <= 7 ? 3 : 2;
    memcpy(c->offsets, minor <= 7 ? old : new, 3 * sizeof *old);
}

static bool fits(const struct census *c, const struct type *type, uint32_t offset, size_t size)
{
    if (c->runtime.layout.minor <= 7 ? (type->offset != 0) != (offset != 0)
                                     : type->offset != offset)
        return false;
    return type->basic_bytes <= size - offset || type->item_bytes || type->kind == KIND_TYPE ||
           type->kind == KIND_LEAF;
}

/* The type of the object in a block, and where it begins; MAP_NONE: there is none. */
static uint32_t object_in(struct census *c, const uint8_t *bytes, size_t have, size_t size,
                          bool known, uint32_t *offset)
{
    for (size_t i = 0; i < c->n_offsets; i++) {
        uint32_t o = c->offsets[i];
        if (o + 16 > have)
            continue;
        uint64_t type = word_at(bytes, have, o + 8);
        uint32_t found = known ? types_known(&c->types, type) : MAP_NONE;
        if (!known && object_plausible(type))
            found = types_find(&c->types, type);
        if (found == MAP_NONE || !fits(c, &c->types.list.at[found], o, size))
            continue;
        *offset = o;
        return found;
    }
    return MAP_NONE;
}

/* Bytes outside of the object that are its own; those of a dict are found by themselves. */
static uint64_t table_bytes(const struct type *type, const uint8_t *object, size_t have)
{
    uint64_t bytes = 0;
    if (type->kind == KIND_LIST) {
        bytes = word_at(object, have, AT_LIST_ROOM) * 8;
    } else if (type->kind == KIND_SET) {
        uint64_t mask = word_at(object, have, AT_MASK);
        bytes = mask > SET_INSIDE ? (mask + 1) * 16 : 0;
    } else if (type->kind == KIND_DEQUE) {
        uint64_t left = word_at(object, have, AT_DEQUE_LEFT) % DEQUE_BLOCK;
        uint64_t end = left + word_at(object, have, AT_SIZE);
        bytes = (end / DEQUE_BLOCK + (end % DEQUE_BLOCK != 0) + (end == left)) * DEQUE_BYTES;
    } else if (type->kind == KIND_BYTEARRAY) {
        bytes = word_at(object, have, AT_USED);
    }
    return bytes < 1ull << 46 ? bytes : 0; /* it was being changed */
}

/* What an array takes that has values for this table of keys, which a class's instances share. */
static uint64_t values_of(struct census *c, uint64_t keys)
{
    uint8_t bytes[DICT_HEAD_BYTES];
    struct dict_head h;
    uint32_t known = map_get(&c->values, keys);
    if (known != MAP_NONE)
        return known;
    uint64_t size = 0;
    if (object_plausible(keys) && peek_read(c->peek, keys, bytes, sizeof bytes) &&
        dict_parse_head(&c->runtime.layout, bytes, &h) && h.room <= VALUES_MAX) {
        /* From 3.11 a byte for each, and two, stand before it. */
        uint64_t before = c->runtime.layout.minor >= 11 ? (h.room + 2 + 7) / 8 * 8 : 0;
        size = (before + h.room * 8 + 15) / 16 * 16;
    }
    map_set(&c->values, keys, (uint32_t)size);
    return size;
}

/* Of an instance whose attributes are an array of values in a block of its own: to 3.10 its dict
 * has it, in 3.11 and 3.12 it stands before the object; then it is a part of the object. */
static uint64_t values_bytes(struct census *c, const struct type *type, const uint8_t *object,
                             size_t have, uint32_t before)
{
    unsigned minor = c->runtime.layout.minor;
    uint64_t keys, word;
    if (minor <= 10 && type->kind == KIND_DICT && word_at(object, have, dict_keys.at + 8))
        return values_of(c, word_at(object, have, dict_keys.at));
    if (minor != 11 && minor != 12)
        return 0;
    if (!(type->flags & TYPE_MANAGED_DICT) || before < 32)
        return 0;
    memcpy(&word, object - (minor == 11 ? 32 : 24), sizeof word);
    if (minor == 11 ? !word : !(word & 1))
        return 0;
    return peek_word(c->peek, type->address + c->runtime.layout.type_cached_keys, &keys)
               ? values_of(c, keys)
               : 0;
}

static uint64_t length_of(const struct type *type, const uint8_t *object, size_t have)
{
    switch (type->kind) {
    case KIND_DICT:
    case KIND_LIST:
    case KIND_TUPLE:
    case KIND_DEQUE:
    case KIND_BYTEARRAY:
        return word_at(object, have, AT_SIZE);
    case KIND_SET:
        return word_at(object, have, AT_USED);
    default:
        return 0;
    }
}

static void add_container(struct census *c, const struct type *type, uint64_t address,
                          uint64_t length, uint64_t bytes, const uint8_t *object, size_t have)
{
    uint8_t head[DICT_HEAD_BYTES];
    struct dict_head h;
    uint64_t keys = word_at(object, have, dict_keys.at);
    if (type->kind == KIND_DICT && peek_read(c->peek, keys, head, sizeof head) &&
        dict_parse_head(&c->runtime.layout, head, &h) && h.bytes < 1ull << 46) {
        /* A count that its table has no room for is another's memory. */
        if (length > h.n)
            return;
        bytes += h.bytes;
    }
    if (length > bytes)
        return;
    heap_count_add_container(c->out, type->name, address, length, bytes);
    if (c->out->containers.n > c->limits->containers_max + CONTAINERS_SPARE)
        heap_count_close(c->out, c->limits->containers_max);
}

static void count_object(struct census *c, uint32_t index, const struct block *b, size_t skipped,
                         uint32_t offset)
{
    struct type *type = &c->types.list.at[index];
    const uint8_t *object = b->bytes + skipped + offset;
    size_t have = b->have - skipped - offset;
    if (!types_alive(&c->types, word_at(object, have, 0)))
        return;
    uint64_t address = b->address + skipped + offset;
    c->witnessed |= address == c->witness;
    uint64_t bytes =
        b->size + table_bytes(type, object, have) + values_bytes(c, type, object, have, offset);
    type->count++;
    type->bytes += bytes;
    c->objects++;
    if (c->picked) {
        if (strcmp(type->name, c->picked_type) == 0)
            instances_add(c->picked, address);
        return;
    }
    uint64_t length = length_of(type, object, have);
    if (length && c->limits->container_min && length >= c->limits->container_min &&
        length < 1ull << 40)
        add_container(c, type, address, length, bytes, object, have);
}

static void look_at(void *context, const struct block *b)
{
    struct census *c = context;
    struct dict_head head;
    size_t skipped = 0;
    uint32_t offset;
    c->block_bytes += b->size;
    while (skipped < DEBUG_LAYERS * DEBUG_PREFIX && b->have > skipped + DEBUG_PREFIX + 16 &&
           (word_at(b->bytes, b->have, skipped + 8) & ~0xffull) == DEBUG_MARK)
        skipped += DEBUG_PREFIX;
    const uint8_t *bytes = b->bytes + skipped;
    size_t have = b->have - skipped, size = b->size - skipped;
    uint32_t index = object_in(c, bytes, have, size, true, &offset);
    if (index == MAP_NONE) {
        if (have >= DICT_HEAD_BYTES && dict_parse_head(&c->runtime.layout, bytes, &head) &&
            head.sure && head.bytes <= size + 16 && size < head.bytes + head.bytes / 2 + 8192) {
            c->table_bytes += b->size;
            return;
        }
        index = object_in(c, bytes, have, size, false, &offset);
    }
    if (index != MAP_NONE)
        count_object(c, index, b, skipped, offset);
}

static bool open_all(struct census *c, pid_t pid, const struct heap_limits *limits, struct err *err)
{
    uint64_t interp;
    enum python_found found = runtime_find(&c->runtime, pid, err);
    if (found == PYTHON_NONE)
        return process_check_traceable(pid, err) &&
               err_set(err, "process %d runs no Python: there are no Python objects to count", pid);
    if (found != PYTHON_FOUND)
        return false;
    c->limits = limits;
    set_offsets(c);
    c->peek = peek_new(pid);
    if (remote_read(pid, c->runtime.interpreters, &interp, sizeof interp))
        object_pointer(pid, interp + c->runtime.layout.interp_modules.at, &c->witness);
    return sweep_init(&c->sweep, pid, &c->runtime.layout, limits, err) &&
           types_init(&c->types, c->peek, &c->sweep, &c->sweep.maps, &c->runtime, err);
}

static void close_all(struct census *c)
{
    types_clear(&c->types);
    sweep_clear(&c->sweep);
    map_free(&c->values);
    peek_free(c->peek);
}

static void run(struct census *c)
{
    c->sweep.block = look_at;
    c->sweep.context = c;
    sweep_run(&c->sweep);
}

static int most_bytes_first(const void *a, const void *b)
{
    const struct type *const *x = a, *const *y = b;
    if ((*x)->bytes != (*y)->bytes)
        return (*x)->bytes > (*y)->bytes ? -1 : 1;
    return (*x)->address < (*y)->address ? -1 : (*x)->address > (*y)->address;
}

static void add_rows(struct census *c)
{
    VEC(const struct type *) order = {0};
    size_t max = c->limits->rows_max ? c->limits->rows_max : ROWS_DEFAULT;
    for (size_t i = 0; i < c->types.list.n; i++) {
        struct type *type = &c->types.list.at[i];
        if (!strcmp(type->name, "dict") && !(type->flags & TYPE_HEAP))
            type->bytes += c->table_bytes;
        if (type->count)
            vec_push(&order, type);
    }
    vec_sort(&order, most_bytes_first);
    for (size_t i = 0; i < order.n; i++)
        heap_count_add(c->out, i < max ? order.at[i]->name : "[other types]", LANGUAGE_PYTHON, 0,
                       order.at[i]->count, order.at[i]->bytes);
    vec_free(&order);
}

static void say_what_is_missing(struct census *c)
{
    const char *foreign = sweep_foreign_allocator(&c->sweep);
    uint64_t word, lost = c->sweep.lost_bytes;
    char figure[FIGURE_MAX];
    if (c->sweep.cut)
        heap_count_cut(c->out, "not all of the heap was counted: %s", c->sweep.cut);
    if (c->out->swapped_bytes)
        heap_count_cut(c->out, "objects in %s that are swapped out were not counted",
                       figure_bytes(figure, (double)c->out->swapped_bytes));
    if (!remote_read(c->sweep.pid, c->runtime.none, &word, sizeof word))
        heap_count_cut(c->out, "process %d ended while its heap was counted", c->sweep.pid);
    if (c->witness && !c->witnessed && !foreign)
        heap_count_cut(c->out, "Python keeps its objects with an allocator that is not known: "
                               "start it without PYTHONMALLOC to have them counted");
    if (foreign)
        heap_count_cut(c->out,
                       "objects of more than 512 bytes were not counted: they are in the memory of "
                       "%s, which is not known",
                       foreign);
    if (lost > LOST_SPARE && lost > c->sweep.heap_bytes / LOST_SHARE)
        heap_count_cut(c->out, "in %s of malloc's memory no blocks could be made out",
                       figure_bytes(figure, (double)lost));
}

bool python_census(pid_t pid, const struct heap_limits *limits, struct heap_count *out,
                   struct err *err)
{
    struct census *c = xcalloc(1, sizeof *c);
    heap_count_init(out, pid);
    c->out = out;
    c->sweep.pages.pagemap.fd = -1;
    uint64_t start_ns = clock_mono_ns();
    bool ok = open_all(c, pid, limits, err);
    if (ok) {
        run(c);
        add_rows(c);
        heap_count_close(out, limits->containers_max);
        out->moved_pct = sweep_moved_pct(&c->sweep);
        out->swapped_bytes = c->sweep.pages.swapped_bytes + peek_swapped_bytes(c->peek);
        out->space.free_bytes = c->sweep.free_bytes;
        out->space.mapped_bytes = c->sweep.mapped_bytes;
        out->space.used_bytes = c->block_bytes - c->sweep.mapped_bytes;
        say_what_is_missing(c);
        out->duration_ns = clock_mono_ns() - start_ns;
        out->time_ns = start_ns + out->duration_ns / 2;
    }
    close_all(c);
    free(c);
    return ok;
}

bool python_census_instances(pid_t pid, const struct heap_limits *limits, const char *type,
                             size_t max, struct instances *out, struct err *err)
{
    struct census *c = xcalloc(1, sizeof *c);
    instances_init(out, max);
    c->picked = out;
    c->picked_type = type;
    c->sweep.pages.pagemap.fd = -1;
    bool ok = open_all(c, pid, limits, err);
    if (ok)
        run(c);
    instances_close(out);
    close_all(c);
    free(c);
    return ok;
}
