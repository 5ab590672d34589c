/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See types.h. PyTypeObject as of Include/cpython/object.h: the same from 3.6 to 3.15 as far as it
 * is read here; ht_qualname lies where it does by version.
 */
#include "python/types.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "python/dict.h"
#include "python/object.h"

#define DEPTH_MAX     4 /* a metatype's metatype's... */
#define BASES_MAX     16
#define SIZE_MAX_BYTE (1u << 20)
#define TYPES_MAX     262144u
#define NAME_MAX_BYTE 256

enum type_at {
    AT_TYPE = 8,
    AT_NAME = 24,
    AT_BASIC = 32,
    AT_ITEM = 40,
    AT_FLAGS = 168,
    AT_BASE = 256,
    AT_DICT = 264,
    AT_DICT_OFFSET = 288,
    TYPE_READ = 296,
};

static uint64_t word_at(const uint8_t *bytes, size_t at)
{
    uint64_t word;
    memcpy(&word, bytes + at, sizeof word);
    return word;
}

bool types_init(struct types *t, struct peek *peek, struct sweep *sweep, const struct maps *maps,
                const struct runtime *runtime, struct err *err)
{
    uint64_t none_type, type_type, again;
    *t = (struct types){.peek = peek, .sweep = sweep, .maps = maps, .runtime = runtime};
    t->cache = xcalloc(TYPES_SLOTS, sizeof *t->cache);
    for (size_t i = 0; i < TYPES_SLOTS; i++)
        t->cache[i].index = TYPES_NONE;
    if (!runtime->none || !peek_word(peek, runtime->none + AT_TYPE, &none_type) ||
        !peek_word(peek, none_type + AT_TYPE, &type_type) ||
        !peek_word(peek, type_type + AT_TYPE, &again) || again != type_type)
        return err_set(err, "the types of Python %s were not found: is it a patched build?",
                       runtime->version);
    t->type_type = type_type;
    return true;
}

void types_clear(struct types *t)
{
    for (size_t i = 0; i < t->list.n; i++)
        free(t->list.at[i].name);
    vec_free(&t->list);
    map_free(&t->by_address);
    free(t->cache);
    t->cache = NULL;
}

/* What stands before an object in its block (_PyType_PreHeaderSize, pycore_object.h). */
static uint32_t object_offset(const struct runtime *r, uint64_t flags)
{
    unsigned minor = r->layout.minor;
    uint32_t offset = 0;
    /* 3.7.4 made it 32 for a time, and some builds of 3.6 have it so: the caller tries both. */
    if (flags & TYPE_HAVE_GC)
        offset = minor >= 8 ? 16 : 32;
    if ((minor == 11 && flags & TYPE_MANAGED_DICT) ||
        (minor >= 12 && flags & (TYPE_MANAGED_DICT | TYPE_MANAGED_WEAKREF)))
        offset += 16;
    return offset;
}

static uint32_t qualname_at(const struct layout *l)
{
    static const uint32_t at[] = {[6] = 848, [7] = 848, [8] = 864, [9] = 856, [10] = 864};
    if (l->minor >= 11) /* just before ht_cached_keys */
        return l->type_cached_keys ? l->type_cached_keys - 8 : 0;
    return l->minor < sizeof at / sizeof *at ? at[l->minor] : 0;
}

/* "checkout.Order": tp_name says it all of a static type, of others only the last word. */
static char *full_name(struct types *t, const uint8_t *bytes, uint64_t address, uint64_t flags)
{
    char plain[NAME_MAX_BYTE], module[UNICODE_TEXT_SIZE], name[UNICODE_TEXT_SIZE];
    const struct layout *l = &t->runtime->layout;
    pid_t pid = t->maps->pid;
    if (!remote_read_string(pid, word_at(bytes, AT_NAME), plain, sizeof plain) || !plain[0])
        return NULL;
    text_make_printable(plain);
    if (!(flags & TYPE_HEAP))
        return xstrdup(!strncmp(plain, "builtins.", 9) ? plain + 9 : plain);
    uint64_t qualname, module_name = dict_item(pid, l, word_at(bytes, AT_DICT), "__module__");
    if (!qualname_at(l) || !object_pointer(pid, address + qualname_at(l), &qualname) ||
        !object_text(pid, l, qualname, name) || !name[0])
        return xstrdup(plain);
    if (!module_name || !object_text(pid, l, module_name, module) || !module[0] ||
        !strcmp(module, "builtins"))
        return xstrndup(name, NAME_MAX_BYTE);
    module[NAME_MAX_BYTE / 2] = '\0';
    name[NAME_MAX_BYTE] = '\0';
    return xasprintf("%s.%s", module, name);
}

static uint32_t find(struct types *t, uint64_t address, int depth);

/* Its bases may be met here: t->list may move. */
static enum kind kind_of(struct types *t, uint32_t index, int depth)
{
    static const struct {
        uint64_t flag;
        enum kind kind;
    } by_flag[] = {{TYPE_DICT, KIND_DICT}, {TYPE_LIST, KIND_LIST},    {TYPE_TUPLE, KIND_TUPLE},
                   {TYPE_TYPE, KIND_TYPE}, {TYPE_UNICODE, KIND_LEAF}, {TYPE_LONG, KIND_LEAF},
                   {TYPE_BYTES, KIND_LEAF}};
    static const struct {
        const char *name;
        enum kind kind;
    } by_name[] = {{"set", KIND_SET},
                   {"frozenset", KIND_SET},
                   {"collections.deque", KIND_DEQUE},
                   {"bytearray", KIND_BYTEARRAY}};
    const struct type *type = &t->list.at[index];
    /* Of an instance of a class of one's own, a leaf may have attributes. */
    for (size_t i = 0; i < sizeof by_flag / sizeof *by_flag; i++)
        if (type->flags & by_flag[i].flag &&
            !(by_flag[i].kind == KIND_LEAF && type->flags & TYPE_HEAP))
            return by_flag[i].kind;
    for (size_t i = 0; i < sizeof by_name / sizeof *by_name; i++)
        if (!strcmp(type->name, by_name[i].name))
            return by_name[i].kind;
    uint32_t base = type->base && depth < BASES_MAX ? find(t, type->base, depth + 1) : MAP_NONE;
    return base == MAP_NONE ? KIND_OTHER : t->list.at[base].kind;
}

/* Types live in the interpreter's data and its extensions', or, longer than a pool's blocks are, in
 * malloc's memory. */
static bool may_be_type(struct types *t, uint64_t address)
{
    if (!object_plausible(address))
        return false;
    const struct mapping *map = maps_find(t->maps, address);
    if (!map || !(map->perms & MAP_WRITE) || map->perms & MAP_SHARED_PERM)
        return false;
    return !t->sweep || maps_path(t->maps, map)[0] == '/' || !sweep_is_pool(t->sweep, address);
}

static uint32_t add(struct types *t, uint64_t address, int depth)
{
    uint8_t bytes[TYPE_READ];
    uint64_t meta;
    if (t->list.n >= TYPES_MAX || !may_be_type(t, address) ||
        !peek_word(t->peek, address + AT_TYPE, &meta))
        return MAP_NONE;
    if (meta != t->type_type && meta != address) {
        uint32_t m = depth < DEPTH_MAX ? find(t, meta, depth + 1) : MAP_NONE;
        if (m == MAP_NONE || !(t->list.at[m].flags & TYPE_TYPE))
            return MAP_NONE;
    } else if (meta == address && address != t->type_type) {
        return MAP_NONE;
    }
    if (!peek_read(t->peek, address, bytes, sizeof bytes))
        return MAP_NONE;
    struct type type = {
        .address = address, .flags = word_at(bytes, AT_FLAGS), .base = word_at(bytes, AT_BASE)};
    uint64_t basic = word_at(bytes, AT_BASIC), item = word_at(bytes, AT_ITEM);
    int64_t dict_offset = (int64_t)word_at(bytes, AT_DICT_OFFSET);
    if (!(type.flags & TYPE_READY) || basic < 16 || basic > SIZE_MAX_BYTE || item > SIZE_MAX_BYTE ||
        dict_offset > SIZE_MAX_BYTE || dict_offset < -(int64_t)SIZE_MAX_BYTE)
        return MAP_NONE;
    type.basic_bytes = (uint32_t)basic;
    type.item_bytes = (uint32_t)item;
    type.dict_offset = (int32_t)dict_offset;
    type.offset = object_offset(t->runtime, type.flags);
    type.name = full_name(t, bytes, address, type.flags);
    if (!type.name)
        return MAP_NONE;
    uint32_t i = (uint32_t)t->list.n;
    vec_push(&t->list, type);
    return i;
}

static uint32_t find(struct types *t, uint64_t address, int depth)
{
    struct types_cached *c = &t->cache[types_slot(address)];
    if (c->address == address)
        return c->index < TYPES_NONE ? c->index : MAP_NONE;
    uint32_t i = map_get(&t->by_address, address);
    if (i == MAP_NONE) {
        t->asked++;
        i = add(t, address, depth);
        if (i != MAP_NONE) {
            map_set(&t->by_address, address, i);
            enum kind kind = kind_of(t, i, depth);
            t->list.at[i].kind = kind;
        }
    }
    *c = (struct types_cached){address, i == MAP_NONE ? TYPES_NONE : i};
    return i;
}

uint32_t types_find(struct types *t, uint64_t address)
{
    return find(t, address, 0);
}

/* Freed objects have none, or what a free list wrote over it. What is no object at all has an
 * address there, or the bits of a number; what is left of a dict's or a set's table, the hash of a
 * type that was a key, which is its address / 16 (_Py_HashPointer). Those of a program that stands
 * low and of its heap have 32 bits. From 3.14 flags are in the upper 16 bits (refcount.h). */
bool types_alive(const struct types *t, uint64_t refcount)
{
    enum { LOWEST_PROGRAM = 0x400000, HASH_SHIFT = 4 };
    const uint32_t immortal_3_12 = 0xffffffff, immortal_3_14 = 0xc0000000; /* pycore_object.h */
    unsigned minor = t->runtime->layout.minor;
    uint32_t low = (uint32_t)refcount;
    if (!low || (refcount >> 32 & 0xffff) || (minor < 14 && refcount >> 32))
        return false;
    if (low < LOWEST_PROGRAM || low == (minor < 14 ? immortal_3_12 : immortal_3_14))
        return true;
    return !maps_find(t->maps, low) && !maps_find(t->maps, (uint64_t)low << HASH_SHIFT);
}
