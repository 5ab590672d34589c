/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See dict.h. Dicts and instances as of Objects/dictobject.c, Objects/dict-common.h (to 3.10),
 * Include/internal/pycore_dict.h and pycore_object.h.
 */
#include "python/dict.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "python/object.h"
#include "target/remote.h"

#define TYPE_BASIC_AT   32  /* PyTypeObject.tp_basicsize */
#define TYPE_DICT_AT    288 /* tp_dictoffset */
#define MANAGED_DICT_AT 24  /* before the object */
#define SLOTS_MAX       (1ull << 40)
#define REFERENCES_MAX  (1u << 20) /* to one table of keys: the instances of a class share it */

/* To 3.10: references, slots, a function, how many entries may be added, how many there are. */
static bool parse_old(const uint8_t head[DICT_HEAD_BYTES], struct dict_head *out)
{
    uint64_t word[5];
    memcpy(word, head, sizeof word);
    uint64_t slots = word[1], usable = word[3];
    if (!slots || slots > SLOTS_MAX || word[4] > slots)
        return false;
    unsigned index = slots <= 0xff ? 1 : slots <= 0xffff ? 2 : slots <= 0xffffffff ? 4 : 8;
    out->entries_at = 40 + slots * index;
    out->n = word[4];
    out->words = 3;
    out->room = word[4] + usable < slots ? word[4] + usable : slots;
    out->bytes = out->entries_at + slots * 2 / 3 * 24;
    out->sure = slots >= 8 && !(slots & (slots - 1)) && usable <= slots &&
                word[4] + usable <= slots * 2 / 3 && word[0] && word[0] <= REFERENCES_MAX &&
                word[2] >= 4096 && word[2] < 1ull << 47;
    return true;
}

/* From 3.11: references, logarithms of the slots and of their bytes, what keys there are, a
 * version; how many entries may be added, how many there are. */
static bool parse_new(const uint8_t head[DICT_HEAD_BYTES], struct dict_head *out)
{
    uint64_t references, usable;
    unsigned slots = head[8], index_shift = head[9], kind = head[10];
    memcpy(&references, head, sizeof references);
    memcpy(&usable, head + 16, sizeof usable);
    memcpy(&out->n, head + 24, sizeof out->n);
    if (slots > 40 || index_shift > 43 || kind > 2 || out->n > SLOTS_MAX)
        return false;
    uint64_t fraction = (1ull << slots) * 2 / 3;
    unsigned bytes_shift = slots < 8 ? 0 : slots < 16 ? 1 : slots < 32 ? 2 : 3;
    out->entries_at = 32 + (1ull << index_shift);
    out->words = kind ? 2 : 3;
    out->room = out->n + usable < fraction ? out->n + usable : fraction;
    out->bytes = out->entries_at + fraction * out->words * 8;
    /* Tables of classes' keys are never cut, and in an immortal one nothing counts references. */
    out->sure = slots >= 3 && index_shift == slots + bytes_shift && usable <= fraction &&
                out->n + usable <= fraction && references && references <= REFERENCES_MAX;
    return true;
}

bool dict_parse_head(const struct layout *l, const uint8_t head[DICT_HEAD_BYTES],
                     struct dict_head *out)
{
    *out = (struct dict_head){0};
    return l->minor <= 10 ? parse_old(head, out) : parse_new(head, out);
}

bool dict_read_keys(pid_t pid, const struct layout *l, uint64_t keys, uint64_t values,
                    struct dict_entries *out)
{
    uint8_t head[DICT_HEAD_BYTES];
    struct dict_head h;
    *out = (struct dict_entries){0};
    if (!object_plausible(keys) || !remote_read(pid, keys, head, sizeof head) ||
        !dict_parse_head(l, head, &h) || h.n > DICT_ENTRIES_MAX)
        return false;
    size_t n = h.n, words = h.words;
    uint64_t *raw = xcalloc(n * (words + 1) + 1, sizeof *raw), *other = raw + n * words;
    bool ok = !n || (remote_read(pid, keys + h.entries_at, raw, n * words * sizeof *raw) &&
                     (!values || remote_read(pid, values, other, n * sizeof *other)));
    out->at = xcalloc(n + 1, sizeof *out->at);
    for (size_t i = 0; i < n && ok; i++) {
        struct dict_entry e = {raw[i * words + words - 2], raw[i * words + words - 1]};
        if (values)
            e.value = other[i];
        if (e.key && e.value)
            out->at[out->n++] = e;
    }
    free(raw);
    return ok;
}

/* From 3.13 on it has a head of 8 bytes. */
uint64_t dict_values_head(const struct layout *l)
{
    return l->minor >= 13 ? 8 : 0;
}

bool dict_read(pid_t pid, const struct layout *l, uint64_t dict, struct dict_entries *out)
{
    uint64_t parts[2]; /* ma_keys, ma_values */
    *out = (struct dict_entries){0};
    return object_plausible(dict) && remote_read(pid, dict + dict_keys.at, parts, sizeof parts) &&
           dict_read_keys(pid, l, parts[0], parts[1] ? parts[1] + dict_values_head(l) : 0, out);
}

uint64_t dict_find_text(pid_t pid, const struct layout *l, const struct dict_entries *e,
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

uint64_t dict_item(pid_t pid, const struct layout *l, uint64_t dict, const char *key)
{
    struct dict_entries e;
    uint64_t found = dict_read(pid, l, dict, &e) ? dict_find_text(pid, l, &e, key) : 0;
    free(e.at);
    return found;
}

bool dict_attributes(pid_t pid, const struct layout *l, uint64_t object, struct dict_entries *out)
{
    uint64_t type, offset, word, keys;
    *out = (struct dict_entries){0};
    if (!object_pointer(pid, object + object_type.at, &type))
        return false;
    if (l->minor <= 10) {
        if (!object_pointer(pid, type + TYPE_DICT_AT, &offset) || offset > 4096 ||
            !object_pointer(pid, object + offset, &word))
            return false;
        return dict_read(pid, l, word, out);
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
        values = object + offset + dict_values_head(l);
    return values ? dict_read_keys(pid, l, keys, values, out) : dict_read(pid, l, word, out);
}
