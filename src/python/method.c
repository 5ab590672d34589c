/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Class dicts are combined tables (Objects/dict-common.h, to 3.10): a header of 40 bytes, an index
 * of 1, 2 or 4 bytes a slot, then entries of hash, key and value. All values are looked at, in two
 * vectored reads, since the key need not be the code's name (private names are mangled).
 */
#include "python/method.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "python/object.h"
#include "target/remote.h"

enum { BASES_MAX = 64, ENTRIES_MAX = 4096, KEYS_HEADER = 40, ENTRY_BYTES = 24, CODE_BYTES = 128 };

/* For each i: to[i] = the pointer at from[i] + at, 0 if there is none. */
static void read_pointers(pid_t pid, const uint64_t *from, uint32_t at, uint64_t *to, size_t n)
{
    struct remote_span *spans = xcalloc(n ? n : 1, sizeof *spans);
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        to[i] = 0;
        if (object_plausible(from[i]))
            spans[used++] = (struct remote_span){from[i] + at, &to[i], sizeof to[i], false};
    }
    remote_read_spans(pid, spans, used);
    free(spans);
}

/* The function among n values whose code this is: itself, or wrapped in a property or the like. */
static uint64_t find_function(pid_t pid, const struct layout *l, const uint64_t *values, size_t n,
                              uint64_t code)
{
    uint64_t *inner = xcalloc(2 * n + 1, sizeof *inner), *codes = inner + n, found = 0;
    read_pointers(pid, values, l->func_code.at, codes, n);
    for (size_t i = 0; i < n && !found; i++)
        if (codes[i] == code)
            found = values[i];
    if (!found) {
        read_pointers(pid, values, l->wrapped.at, inner, n);
        read_pointers(pid, inner, l->func_code.at, codes, n);
        for (size_t i = 0; i < n && !found; i++)
            if (codes[i] == code)
                found = inner[i];
    }
    free(inner);
    return found;
}

/* The function in this class's own dict, 0 if there is none. */
static uint64_t class_function(pid_t pid, const struct layout *l, uint64_t class, uint64_t code)
{
    uint64_t dict, keys, header[5];
    if (!object_pointer(pid, class + type_dict.at, &dict) ||
        !object_pointer(pid, dict + dict_keys.at, &keys) || !object_plausible(keys) ||
        !remote_read(pid, keys, header, sizeof header))
        return 0;
    uint64_t slots = header[1], entries = header[4];
    if (slots > 1u << 24 || entries > ENTRIES_MAX || entries > slots)
        return 0;
    uint64_t index_bytes = slots * (slots <= 0xff ? 1 : slots <= 0xffff ? 2 : 4);
    uint64_t *table = xcalloc(entries * 3 + 1, sizeof *table), function = 0;
    if (remote_read(pid, keys + KEYS_HEADER + index_bytes, table, entries * ENTRY_BYTES)) {
        for (size_t i = 0; i < entries; i++)
            table[i] = table[i * 3 + 2]; /* the values, moved to the front */
        function = find_function(pid, l, table, entries, code);
    }
    free(table);
    return function;
}

/* An argument that an inner function uses lives in a cell behind the locals. */
static uint64_t cell_argument(pid_t pid, const struct layout *l, const uint8_t *code,
                              uint64_t frame)
{
    uint64_t cellvars = field_get(code, CODE_BYTES, l->code_cellvars), n, cell, object;
    uint64_t map = field_get(code, CODE_BYTES, l->code_cell2arg);
    uint64_t nlocals = field_get(code, CODE_BYTES, l->code_nlocals);
    uint8_t argument[64 * sizeof(int64_t)];
    size_t item = l->cell2arg_bytes;
    if (!map || !object_pointer(pid, cellvars + object_size.at, &n) || n > 64 || nlocals > 65536 ||
        !remote_read(pid, map, argument, n * item))
        return 0;
    for (size_t i = 0; i < n; i++)
        if (!memcmp(argument + i * item, &(int64_t){0}, item))
            return object_pointer(pid, frame + l->frame_local0.at + (nlocals + i) * 8, &cell) &&
                           object_pointer(pid, cell + CELL_OBJECT_AT, &object)
                       ? object
                       : 0;
    return 0;
}

/* The class that the first argument is, or is of. 0: it is no method. */
static uint64_t first_class(pid_t pid, const struct layout *l, const uint8_t *code, uint64_t frame,
                            uint64_t local0, bool *torn)
{
    char name[UNICODE_TEXT_SIZE];
    uint64_t varnames = field_get(code, CODE_BYTES, l->code_varnames), first, class;
    if (!field_get(code, CODE_BYTES, l->code_argcount) ||
        !object_pointer(pid, varnames + TUPLE_ITEMS_AT, &first) ||
        !object_text(pid, l, first, name))
        return 0;
    bool is_class = !strcmp(name, "cls") || !strcmp(name, "mcs") || !strcmp(name, "metacls");
    if (!is_class && strcmp(name, "self") != 0)
        return 0;
    uint64_t object = local0 ? local0 : cell_argument(pid, l, code, frame);
    *torn = true;
    if (is_class)
        return object_plausible(object) ? object : 0;
    return object_pointer(pid, object + object_type.at, &class) && object_plausible(class) ? class
                                                                                           : 0;
}

enum method_found method_name(pid_t pid, const struct layout *l, uint64_t code, uint64_t frame,
                              uint64_t local0, char *out)
{
    uint8_t bytes[CODE_BYTES];
    if (!remote_read(pid, code, bytes, sizeof bytes))
        return METHOD_TORN;
    bool torn = false;
    uint64_t class = first_class(pid, l, bytes, frame, local0, &torn), mro, n;
    if (!class)
        return torn ? METHOD_TORN : METHOD_NONE;
    uint64_t bases[BASES_MAX], qualname;
    if (!object_pointer(pid, class + type_mro.at, &mro) ||
        !object_pointer(pid, mro + object_size.at, &n) || !n || n > 65536)
        return METHOD_TORN;
    if (n > BASES_MAX)
        n = BASES_MAX;
    if (!remote_read(pid, mro + TUPLE_ITEMS_AT, bases, n * sizeof *bases))
        return METHOD_TORN;
    for (size_t i = 0; i < n; i++) {
        uint64_t function = class_function(pid, l, bases[i], code);
        if (function && object_pointer(pid, function + l->func_qualname.at, &qualname) &&
            object_text(pid, l, qualname, out) && out[0])
            return METHOD_FOUND;
    }
    return METHOD_NONE;
}
