/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See names.h. Dicts and instances as of Objects/dictobject.c and Include/internal/pycore_dict.h,
 * pycore_object.h. Keys are compared by their text, since hashes are salted.
 */
#include "python/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "python/object.h"
#include "target/remote.h"

#define ENTRIES_MAX     65536
#define ACTIVE_MAX      16 /* interpreters */
#define READ_EACH_NS    (2 * NS_PER_S)
#define MODULE_DICT_AT  16 /* PyModuleObject.md_dict */
#define LONG_SIZE_AT    16
#define LONG_DIGITS_AT  24
#define TYPE_BASIC_AT   32  /* PyTypeObject.tp_basicsize */
#define TYPE_DICT_AT    288 /* tp_dictoffset */
#define MANAGED_DICT_AT 24  /* before the object */

struct entry {
    uint64_t key, value;
};

struct entries {
    struct entry *at; /* owned */
    size_t n;
};

/* The head of a PyDictKeysObject: where its entries are, and how many words each has. */
static bool parse_keys(const struct layout *l, const uint8_t head[40], uint64_t *entries_at,
                       uint64_t *n, size_t *words)
{
    uint64_t size;
    if (l->minor <= 10) {
        memcpy(&size, head + 8, sizeof size);
        memcpy(n, head + 32, sizeof *n);
        *entries_at = 40 + size * (size <= 0xff ? 1 : size <= 0xffff ? 2 : 4);
        *words = 3;
        return size && size <= 8 * ENTRIES_MAX && *n <= size && *n <= ENTRIES_MAX;
    }
    unsigned index_shift = head[9], kind = head[10];
    memcpy(n, head + 24, sizeof *n);
    if (index_shift > 24 || kind > 2 || *n > ENTRIES_MAX)
        return false;
    *entries_at = 32 + (1ull << index_shift);
    *words = kind ? 2 : 3;
    return true;
}

/* Keys with the values that they have there; with `values`, those of an array instead. */
static bool read_entries(pid_t pid, const struct layout *l, uint64_t keys, uint64_t values,
                         struct entries *out)
{
    uint8_t head[40];
    uint64_t at, n;
    size_t words;
    *out = (struct entries){0};
    if (!object_plausible(keys) || !remote_read(pid, keys, head, sizeof head) ||
        !parse_keys(l, head, &at, &n, &words))
        return false;
    uint64_t *raw = xcalloc(n * (words + 1) + 1, sizeof *raw), *other = raw + n * words;
    bool ok = !n || (remote_read(pid, keys + at, raw, n * words * sizeof *raw) &&
                     (!values || remote_read(pid, values, other, n * sizeof *other)));
    out->at = xcalloc(n + 1, sizeof *out->at);
    for (size_t i = 0; i < n && ok; i++) {
        struct entry e = {raw[i * words + words - 2], raw[i * words + words - 1]};
        if (values)
            e.value = other[i];
        if (e.key && e.value)
            out->at[out->n++] = e;
    }
    free(raw);
    return ok;
}

/* From 3.13 on an array of values has a head of 8 bytes (struct _dictvalues). */
static uint64_t values_head(const struct layout *l)
{
    return l->minor >= 13 ? 8 : 0;
}

static bool read_dict(pid_t pid, const struct layout *l, uint64_t dict, struct entries *out)
{
    uint64_t parts[2]; /* ma_keys, ma_values */
    *out = (struct entries){0};
    return object_plausible(dict) && remote_read(pid, dict + dict_keys.at, parts, sizeof parts) &&
           read_entries(pid, l, parts[0], parts[1] ? parts[1] + values_head(l) : 0, out);
}

/* The value whose key is this (ASCII) string; 0: none. */
static uint64_t find_text(pid_t pid, const struct layout *l, const struct entries *e,
                          const char *key)
{
    size_t length = strlen(key), size = l->unicode.ascii_data_at + length + 1;
    uint8_t *bytes = xmalloc(e->n * size + 1);
    struct remote_span *spans = xcalloc(e->n + 1, sizeof *spans);
    uint64_t found = 0;
    for (size_t i = 0; i < e->n; i++)
        spans[i] = (struct remote_span){e->at[i].key, bytes + i * size, size, false};
    remote_read_spans(pid, spans, e->n);
    for (size_t i = 0; i < e->n && !found; i++) {
        uint64_t have;
        memcpy(&have, bytes + i * size + l->unicode.length_at, sizeof have);
        if (spans[i].ok && have == length &&
            !memcmp(bytes + i * size + l->unicode.ascii_data_at, key, length + 1))
            found = e->at[i].value;
    }
    free(spans);
    free(bytes);
    return found;
}

static uint64_t dict_item(pid_t pid, const struct layout *l, uint64_t dict, const char *key)
{
    struct entries e;
    uint64_t found = read_dict(pid, l, dict, &e) ? find_text(pid, l, &e, key) : 0;
    free(e.at);
    return found;
}

/* threading._active of an interpreter. */
static uint64_t find_active(pid_t pid, const struct layout *l, uint64_t interp)
{
    uint64_t modules, threading, dict;
    if (!l->interp_modules.size || !object_pointer(pid, interp + l->interp_modules.at, &modules) ||
        !(threading = dict_item(pid, l, modules, "threading")) ||
        !object_pointer(pid, threading + MODULE_DICT_AT, &dict))
        return 0;
    return dict_item(pid, l, dict, "_active");
}

/* The attributes of an instance: its dict, or values beside the keys of its type. */
static bool read_attributes(pid_t pid, const struct layout *l, uint64_t object, struct entries *out)
{
    uint64_t type, offset, word, keys;
    *out = (struct entries){0};
    if (!object_pointer(pid, object + object_type.at, &type))
        return false;
    if (l->minor <= 10) {
        if (!object_pointer(pid, type + TYPE_DICT_AT, &offset) || offset > 4096 ||
            !object_pointer(pid, object + offset, &word))
            return false;
        return read_dict(pid, l, word, out);
    }
    if (!object_pointer(pid, type + l->type_cached_keys, &keys) ||
        !object_pointer(pid, object - MANAGED_DICT_AT, &word))
        return false;
    uint64_t values = 0;
    if (l->minor == 11 && !word)
        object_pointer(pid, object - MANAGED_DICT_AT - 8, &values);
    else if (l->minor == 12 && (word & 1))
        values = word + 1;
    else if (l->minor >= 13 && !word && object_pointer(pid, type + TYPE_BASIC_AT, &offset) &&
             offset <= 4096)
        values = object + offset + values_head(l);
    return values ? read_entries(pid, l, keys, values, out) : read_dict(pid, l, word, out);
}

/* A small positive int: digits of 30 bits. */
static uint64_t int_value(const struct layout *l, const uint8_t *bytes)
{
    uint64_t size, value = 0;
    memcpy(&size, bytes + LONG_SIZE_AT, sizeof size);
    if (l->minor >= 12)
        size >>= 3;
    for (size_t i = 0; i < size && i < 3; i++) {
        uint32_t digit;
        memcpy(&digit, bytes + LONG_DIGITS_AT + i * sizeof digit, sizeof digit);
        value |= (uint64_t)digit << (30 * i);
    }
    return value;
}

static void add_objects(struct names *n, pid_t pid, const struct layout *l, uint64_t dict)
{
    enum { INT_BYTES = LONG_DIGITS_AT + 2 * sizeof(uint32_t) }; /* a pthread_t has 47 bits */
    struct entries e;
    if (!read_dict(pid, l, dict, &e)) {
        free(e.at);
        return;
    }
    uint8_t *bytes = xcalloc(e.n + 1, LONG_DIGITS_AT + 3 * sizeof(uint32_t));
    struct remote_span *spans = xcalloc(e.n + 1, sizeof *spans);
    for (size_t i = 0; i < e.n; i++)
        spans[i] = (struct remote_span){e.at[i].key, bytes + i * INT_BYTES, INT_BYTES, false};
    remote_read_spans(pid, spans, e.n);
    for (size_t i = 0; i < e.n; i++) {
        uint8_t key[LONG_DIGITS_AT + 3 * sizeof(uint32_t)] = {0};
        memcpy(key, bytes + i * INT_BYTES, INT_BYTES);
        if (!spans[i].ok)
            continue;
        struct thread_object o = {int_value(l, key), e.at[i].value};
        map_set(&n->by_ident, o.ident, (uint32_t)n->objects.n);
        vec_push(&n->objects, o);
    }
    free(spans);
    free(bytes);
    free(e.at);
}

static uint64_t active_of(struct names *n, const struct threads *t, uint64_t interp)
{
    struct active *a = NULL;
    for (size_t i = 0; i < n->active.n && !a; i++)
        if (n->active.at[i].interp == interp)
            a = &n->active.at[i];
    if (!a) {
        if (n->active.n == ACTIVE_MAX)
            vec_clear(&n->active);
        a = vec_add(&n->active);
        a->interp = interp;
    }
    if (!a->dict) /* not imported yet, perhaps */
        a->dict = find_active(t->pid, &t->runtime->layout, interp);
    return a->dict;
}

static void refresh(struct names *n, const struct threads *t, uint64_t now_ns)
{
    n->read_ns = now_ns;
    vec_clear(&n->objects);
    map_clear(&n->by_ident);
    for (size_t i = t->interps.n; i-- > 0 && t->interps.n - i <= ACTIVE_MAX;) {
        uint64_t dict = active_of(n, t, t->interps.at[i].address);
        if (dict)
            add_objects(n, t->pid, &t->runtime->layout, dict);
    }
}

void names_clear(struct names *n)
{
    vec_free(&n->active);
    vec_free(&n->objects);
    map_free(&n->by_ident);
}

bool names_find(struct names *n, const struct threads *t, const struct thread *th, uint64_t now_ns,
                char out[UNICODE_TEXT_SIZE])
{
    if (!n->read_ns || now_ns - n->read_ns > READ_EACH_NS)
        refresh(n, t, now_ns);
    uint32_t i = map_get(&n->by_ident, th->pthread);
    struct entries e;
    if (i == MAP_NONE)
        return false;
    uint64_t name = 0;
    if (read_attributes(t->pid, &t->runtime->layout, n->objects.at[i].object, &e))
        name = find_text(t->pid, &t->runtime->layout, &e, "_name");
    free(e.at);
    return name && object_text(t->pid, &t->runtime->layout, name, out) && out[0];
}
