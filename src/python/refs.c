/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See refs.h. Layouts of Objects/{dict,list,set,tuple,func,class,cell,descr,gen}object.c and
 * Modules/_collectionsmodule.c, 3.6 to 3.15. An object of a kind that has no row in by_name is
 * scanned: each word of its struct that is an object's address is a part of it.
 */
#include "python/refs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "python/dict.h"
#include "python/object.h"

#define ITEMS_MAX    (1ull << 30)
#define SLOTS_MAX    1024u
#define LOCALS_MAX   4096u
#define PART_BYTES   1024u
#define DEQUE_BLOCK  64u
#define MODULE_DICT  16
#define TYPE_WEAK_AT 208 /* tp_weaklistoffset */
#define TYPE_DICT_AT 264
#define TYPE_MRO_AT  344 /* tp_mro; tp_bases before it */
#define WEAK_CALLED  24  /* PyWeakReference.wr_callback */
#define STACK_AT     64 /* PyFrameObject.f_valuestack; f_stacktop or, in 3.10, f_stackdepth after */
#define STACK_MAX    4096u
#define MEMBER_DEF   40 /* PyMemberDescrObject.d_member */
#define MEMBER_CELL  16 /* T_OBJECT_EX; T_OBJECT is 6 (structmember.h) */
#define DICT_BEFORE  24 /* a managed dict's pointer, before the object; 3.11: values before that */

void refs_init(struct refs *r, struct peek *peek, struct types *types, const struct layout *l)
{
    *r = (struct refs){.peek = peek, .types = types, .layout = l};
}

void refs_clear(struct refs *r)
{
    vec_free(&r->slots);
    vec_free(&r->slots_from);
    vec_free(&r->slots_n);
}

bool refs_has_any(const struct type *type)
{
    return type->flags & TYPE_HAVE_GC || type->kind == KIND_TYPE;
}

static bool tell(struct refs *r, uint64_t object, enum ref_kind kind, uint64_t value)
{
    struct ref ref = {object, kind, value};
    if (!r->ended && object_plausible(object) && !r->each(r->context, &ref))
        r->ended = true;
    return !r->ended;
}

static uint64_t word(struct refs *r, uint64_t addr)
{
    uint64_t value;
    return peek_word(r->peek, addr, &value) ? value : 0;
}

static uint64_t tuple_items(const struct refs *r)
{
    return r->layout->minor >= 14 ? 32 : 24;
}

static uint64_t tags(const struct refs *r)
{
    return r->layout->minor >= 14 ? ~REFERENCE_TAGS : ~0ull;
}

/* Keys with the values beside them, or with those of an array. */
static void tell_keys(struct refs *r, uint64_t keys, uint64_t values, enum ref_kind kind)
{
    uint8_t bytes[DICT_HEAD_BYTES];
    struct dict_head h;
    if (!object_plausible(keys) || !peek_read(r->peek, keys, bytes, sizeof bytes) ||
        !dict_parse_head(r->layout, bytes, &h) || h.n > ITEMS_MAX)
        return;
    for (uint64_t i = 0; i < h.n && !r->ended; i++) {
        uint64_t entry[3], at = keys + h.entries_at + i * h.words * 8;
        if (!peek_read(r->peek, at, entry, h.words * 8))
            return;
        uint64_t key = entry[h.words - 2], value = entry[h.words - 1];
        if (values)
            value = word(r, values + i * 8);
        if (!key || !value)
            continue;
        tell(r, value, kind, key);
        if (kind == REF_KEY)
            tell(r, key, REF_AS_KEY, key);
    }
}

void refs_of_dict(struct refs *r, uint64_t dict, enum ref_kind kind)
{
    uint64_t parts[2]; /* ma_keys, ma_values */
    if (object_plausible(dict) && peek_read(r->peek, dict + dict_keys.at, parts, sizeof parts))
        tell_keys(r, parts[0], parts[1] ? parts[1] + dict_values_head(r->layout) : 0, kind);
}

static void tell_array(struct refs *r, uint64_t items, uint64_t n, enum ref_kind kind)
{
    for (uint64_t i = 0; i < n && i < ITEMS_MAX && !r->ended; i++) {
        uint64_t item;
        if (!peek_word(r->peek, items + i * 8, &item))
            return;
        tell(r, item, kind, i);
    }
}

static void tell_set(struct refs *r, uint64_t set)
{
    uint64_t head[3]; /* used, mask, table */
    if (!peek_read(r->peek, set + 24, head, sizeof head) || head[1] >= ITEMS_MAX)
        return;
    for (uint64_t i = 0; i <= head[1] && !r->ended; i++) {
        uint64_t item;
        if (!peek_word(r->peek, head[2] + i * 16, &item))
            return;
        if (item)
            tell(r, item, REF_ITEM, 0);
    }
}

static void tell_deque(struct refs *r, uint64_t deque)
{
    uint64_t head[4]; /* size, leftblock, rightblock, leftindex */
    if (!peek_read(r->peek, deque + 16, head, sizeof head) || head[0] > ITEMS_MAX)
        return;
    uint64_t block = head[1], at = head[3] % DEQUE_BLOCK;
    for (uint64_t i = 0; i < head[0] && !r->ended; i++) {
        uint64_t item;
        if (at == DEQUE_BLOCK) {
            at = 0;
            block = word(r, block + 8 + 8 * DEQUE_BLOCK);
        }
        if (!peek_word(r->peek, block + 8 + 8 * at++, &item))
            return;
        tell(r, item, REF_INDEX, i);
    }
}

static void add_slot(struct refs *r, uint64_t descriptor)
{
    uint64_t def = word(r, descriptor + MEMBER_DEF), member[3]; /* name, type, offset */
    if (!object_plausible(def) || !peek_read(r->peek, def, member, sizeof member))
        return;
    int type = (int)(uint32_t)member[1];
    if ((type == MEMBER_CELL || type == 6) && member[2] < 1u << 16)
        vec_push(&r->slots, ((struct ref_slot){member[0], (uint32_t)member[2]}));
}

static void read_slots(struct refs *r, uint64_t dict, uint32_t n_max)
{
    uint64_t parts[2], item_type;
    uint8_t bytes[DICT_HEAD_BYTES];
    struct dict_head h;
    if (!object_plausible(dict) || !peek_read(r->peek, dict + dict_keys.at, parts, sizeof parts) ||
        !peek_read(r->peek, parts[0], bytes, sizeof bytes) ||
        !dict_parse_head(r->layout, bytes, &h) || h.n > DICT_ENTRIES_MAX || parts[1])
        return;
    for (uint64_t i = 0; i < h.n && r->slots.n < n_max; i++) {
        uint64_t value = word(r, parts[0] + h.entries_at + (i + 1) * h.words * 8 - 8);
        if (!object_plausible(value) || !peek_word(r->peek, value + 8, &item_type))
            continue;
        uint32_t type = types_find(r->types, item_type);
        if (type != MAP_NONE && !strcmp(r->types->list.at[type].name, "member_descriptor"))
            add_slot(r, value);
    }
}

/* The slots that a class and its bases have, from the descriptors in their dicts. */
static void find_slots(struct refs *r, uint32_t type)
{
    while (r->slots_from.n <= type) {
        vec_push(&r->slots_from, 0);
        vec_push(&r->slots_n, 0);
    }
    if (r->slots_from.at[type])
        return;
    uint32_t from = (uint32_t)r->slots.n;
    uint32_t base = type;
    for (int depth = 0; depth < 32 && base != MAP_NONE; depth++) {
        const struct type *t = &r->types->list.at[base];
        uint64_t next = t->base;
        if (t->flags & TYPE_HEAP)
            read_slots(r, word(r, t->address + TYPE_DICT_AT), from + SLOTS_MAX);
        base = next ? types_find(r->types, next) : MAP_NONE;
    }
    r->slots_from.at[type] = from + 1;
    r->slots_n.at[type] = (uint32_t)r->slots.n - from;
}

/* Where an instance's attributes are: a dict, or values beside the keys of its type. */
static void tell_attributes(struct refs *r, uint64_t object, const struct type *type)
{
    const struct layout *l = r->layout;
    uint64_t dict = 0, values = 0;
    if (l->minor >= 11 && type->flags & TYPE_MANAGED_DICT) {
        uint64_t managed = word(r, object - DICT_BEFORE);
        if (l->minor == 11 && !managed)
            values = word(r, object - DICT_BEFORE - 8);
        else if (l->minor == 12 && managed & 1)
            values = managed + 1;
        else if (l->minor >= 13 && !managed && type->flags & TYPE_INLINE_VALUES)
            values = object + type->basic_bytes + dict_values_head(l);
        else
            dict = managed;
    } else if (type->dict_offset > 0) {
        dict = word(r, object + (uint64_t)type->dict_offset);
    } else if (type->dict_offset < 0) { /* from the end, which depends on the size */
        uint64_t size = word(r, object + 16);
        if ((int64_t)size < 0)
            size = -size;
        if (size < ITEMS_MAX) {
            uint64_t bytes = (type->basic_bytes + size * type->item_bytes + 7) & ~7ull;
            dict = word(r, object + bytes + (uint64_t)(int64_t)type->dict_offset);
        }
    }
    if (values)
        tell_keys(r, word(r, type->address + l->type_cached_keys), values, REF_INSTANCE);
    if (object_plausible(dict)) {
        tell(r, dict, REF_INSTANCE, 0);
        refs_of_dict(r, dict, REF_INSTANCE);
    }
}

static void tell_slots(struct refs *r, uint64_t object, uint32_t type)
{
    find_slots(r, type);
    for (uint32_t i = 0; i < r->slots_n.at[type] && !r->ended; i++) {
        const struct ref_slot *s = &r->slots.at[r->slots_from.at[type] - 1 + i];
        tell(r, word(r, object + s->at), REF_MEMBER, s->name);
    }
}

void refs_of_frame(struct refs *r, uint64_t code, uint64_t locals)
{
    const struct layout *l = r->layout;
    uint64_t first = 0;
    uint64_t tuples[3] = {0}; /* of names, in the order of the array */
    if (l->minor >= 11) {
        tuples[0] = word(r, code + l->code_filename.at - 16);
    } else {
        tuples[0] = word(r, code + l->code_varnames.at);
        tuples[1] = word(r, code + l->code_cellvars.at);
        tuples[2] = word(r, code + l->code_cellvars.at - 8); /* co_freevars */
    }
    for (size_t t = 0; t < 3; t++) {
        uint64_t n = object_plausible(tuples[t]) ? word(r, tuples[t] + object_size.at) : 0;
        for (uint64_t i = 0; i < n && first + i < LOCALS_MAX && !r->ended; i++)
            tell(r, word(r, locals + (first + i) * 8) & tags(r), REF_LOCAL,
                 word(r, tuples[t] + tuple_items(r) + i * 8));
        first += n;
    }
}

/* What a frame that rests has on its stack above its locals: above all what it awaits. Include/
 * frameobject.h, from 3.8; Include/internal/pycore_frame.h. */
static void tell_stack(struct refs *r, uint64_t frame)
{
    const struct layout *l = r->layout;
    uint64_t from = frame + l->frame_locals_at, to = 0;
    if (l->minor <= 10) {
        from = word(r, frame + STACK_AT);
        to = l->minor == 10 ? from + (uint32_t)word(r, frame + STACK_AT + 16) * 8
                            : word(r, frame + STACK_AT + 8);
    } else if (l->running == RUNNING_DEPTH) {
        to = from + (uint32_t)word(r, frame + l->frame_running.at) * 8;
    } else {
        to = word(r, frame + l->frame_running.at);
    }
    for (uint64_t at = from; at < to && to - from <= STACK_MAX * 8 && !r->ended; at += 8)
        tell(r, word(r, at) & tags(r), REF_PART, 0);
}

/* From 3.11: the function that runs, where no other holds it. */
static void tell_running(struct refs *r, uint64_t frame)
{
    if (r->layout->minor >= 11)
        tell(r, word(r, frame + (r->layout->minor == 11 ? 0 : 16)) & tags(r), REF_PART, 0);
}

static void of_module(struct refs *r, uint64_t object, const struct type *type)
{
    uint64_t dict = word(r, object + MODULE_DICT);
    (void)type;
    refs_of_dict(r, dict, REF_GLOBAL);
    tell(r, dict, REF_PART, 0);
}

/* What a function closes over, by its names. */
static void tell_closure(struct refs *r, uint64_t code, uint64_t closure)
{
    uint64_t names = 0, n = 0, skip = 0;
    if (object_plausible(closure))
        n = word(r, closure + object_size.at);
    if (n && n < LOCALS_MAX && r->layout->minor >= 11) { /* its last names are the free ones */
        names = word(r, code + r->layout->code_filename.at - 16);
        skip = word(r, names + object_size.at) - n;
    } else if (n) {
        names = word(r, code + r->layout->code_cellvars.at - 8);
    }
    for (uint64_t i = 0; i < n && i < LOCALS_MAX && !r->ended; i++) {
        uint64_t cell = word(r, closure + tuple_items(r) + i * 8);
        if (object_plausible(cell))
            tell(r, word(r, cell + CELL_OBJECT_AT), REF_CLOSURE,
                 word(r, names + tuple_items(r) + (skip + i) * 8));
    }
}

static void of_function(struct refs *r, uint64_t object, const struct type *type)
{
    bool old = r->layout->minor <= 9;
    uint64_t code = word(r, object + (old ? 16 : 48)), closure = word(r, object + (old ? 48 : 72));
    uint64_t defaults = word(r, object + (old ? 32 : 56)), by_name = old ? 40 : 64;
    (void)type;
    tell_closure(r, code, closure);
    if (object_plausible(defaults))
        tell_array(r, defaults + tuple_items(r), word(r, defaults + object_size.at), REF_DEFAULT);
    refs_of_dict(r, word(r, object + by_name), REF_DEFAULT);
    refs_of_dict(r, word(r, object + (old ? 72 : 88)), REF_ATTRIBUTE);
    /* After what it names: these, and its globals, which a module may not have. */
    tell(r, closure, REF_PART, 0);
    tell(r, code, REF_PART, 0);
    tell(r, word(r, object + (old ? 24 : 16)), REF_PART, 0);
}

static void of_nothing(struct refs *r, uint64_t object, const struct type *type)
{
    (void)r, (void)object, (void)type;
}

static void of_weak(struct refs *r, uint64_t object, const struct type *type)
{
    (void)type;
    tell(r, word(r, object + WEAK_CALLED), REF_PART, 0);
}

/* To 3.10: an object with its locals; later one that points at them, which a traceback keeps. */
static void of_frame(struct refs *r, uint64_t object, const struct type *type)
{
    const struct layout *l = r->layout;
    uint64_t frame = l->minor <= 10 ? object : word(r, object + FRAME_OBJECT_AT);
    (void)type;
    if (!object_plausible(frame))
        return;
    refs_of_frame(r, word(r, frame + l->frame_code.at) & tags(r), frame + l->frame_locals_at);
    tell_stack(r, frame);
    tell_running(r, frame);
}

static void of_generator(struct refs *r, uint64_t object, const struct type *type)
{
    const struct layout *l = r->layout;
    if (l->minor <= 10) { /* a frame object of its own */
        uint64_t old = word(r, object + 16);
        if (object_plausible(old))
            of_frame(r, old, type);
        return;
    }
    uint64_t locals = object + type->basic_bytes, frame = locals - l->frame_locals_at;
    refs_of_frame(r, word(r, frame + l->frame_code.at) & tags(r), locals);
    tell_stack(r, frame);
    tell_running(r, frame);
}

static const struct known {
    const char *name;
    void (*look)(struct refs *r, uint64_t object, const struct type *type);
} by_name[] = {
    {"module", of_module},
    {"function", of_function},
    {"frame", of_frame},
    {"generator", of_generator},
    {"coroutine", of_generator},
    {"async_generator", of_generator},
    {"weakref", of_weak},
    {"weakref.ReferenceType", of_weak},
    {"weakproxy", of_weak},
    {"weakref.ProxyType", of_weak},
    {"getset_descriptor", of_nothing},
    {"member_descriptor", of_nothing},
    {"method_descriptor", of_nothing},
    {"wrapper_descriptor", of_nothing},
};

/* Each word of the struct that is the address of an object. */
static void tell_parts(struct refs *r, uint64_t object, const struct type *type)
{
    uint64_t words[PART_BYTES / 8], class;
    size_t bytes = type->basic_bytes < sizeof words ? type->basic_bytes : sizeof words;
    uint64_t weak =
        word(r, type->address + TYPE_WEAK_AT); /* who refers to it, and is not its own */
    if (bytes <= 16 || !peek_read(r->peek, object + 16, words, bytes - 16))
        return;
    for (size_t i = 0; i < (bytes - 16) / 8 && !r->ended; i++)
        if (object_plausible(words[i]) && 16 + i * 8 != weak &&
            peek_word(r->peek, words[i] + 8, &class) && types_find(r->types, class) != MAP_NONE)
            tell(r, words[i], REF_PART, 0);
}

static void of_class(struct refs *r, uint64_t object, const struct type *type)
{
    uint64_t dict = word(r, object + TYPE_DICT_AT);
    (void)type;
    refs_of_dict(r, dict, REF_ATTRIBUTE);
    tell(r, dict, REF_PART, 0);
    tell(r, word(r, object + TYPE_MRO_AT - 8), REF_PART, 0);
    tell(r, word(r, object + TYPE_MRO_AT), REF_PART, 0);
}

/* Of a class of one's own that is derived from it too, such as weakref.KeyedRef. */
static bool is_weak(struct refs *r, const struct type *type)
{
    for (int depth = 0; depth < 8 && type->base; depth++) {
        uint32_t base = types_find(r->types, type->base);
        if (base == MAP_NONE)
            return false;
        type = &r->types->list.at[base];
        if (!strcmp(type->name, "weakref") || !strcmp(type->name, "weakref.ReferenceType"))
            return true;
    }
    return false;
}

void refs_of(struct refs *r, uint64_t object, uint32_t index)
{
    struct type type = r->types->list.at[index]; /* the list may move */
    r->ended = false;
    for (size_t i = 0; i < sizeof by_name / sizeof *by_name; i++)
        if (!strcmp(type.name, by_name[i].name)) {
            by_name[i].look(r, object, &type);
            return;
        }
    switch (type.kind) {
    case KIND_DICT:
        refs_of_dict(r, object, REF_KEY);
        break;
    case KIND_LIST:
        tell_array(r, word(r, object + 24), word(r, object + 16), REF_INDEX);
        break;
    case KIND_TUPLE:
        tell_array(r, object + tuple_items(r), word(r, object + 16), REF_INDEX);
        break;
    case KIND_SET:
        tell_set(r, object);
        break;
    case KIND_DEQUE:
        tell_deque(r, object);
        break;
    case KIND_TYPE:
        of_class(r, object, &type);
        return;
    default:
        /* A class of one's own has its attributes in slots and a dict alone, unless a base in C
         * has more: those, and others' structs, are scanned. */
        tell_attributes(r, object, &type);
        if (type.flags & TYPE_HEAP)
            tell_slots(r, object, index);
        if (type.flags & TYPE_HEAP && is_weak(r, &type))
            of_weak(r, object, &type);
        else
            tell_parts(r, object, &type);
        return;
    }
    if (type.flags & TYPE_HEAP) {
        tell_attributes(r, object, &type);
        tell_slots(r, object, index);
    }
}
