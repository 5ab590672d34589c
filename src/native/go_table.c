/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See go_table.h. The layouts are those of Go's debug/gosym/pclntab.go, 64-bit little-endian. */
#include "native/go_table.h"

#include <string.h>

#define MAGIC_1_16    0xfffffffau
#define MAGIC_1_18    0xfffffff0u
#define MAGIC_1_20    0xfffffff1u
#define FUNCTIONS_MAX (4u << 20)

static uint64_t number(const uint8_t *bytes, size_t size, uint64_t at, size_t width)
{
    uint64_t value = 0;
    if (at <= size && width <= size - at)
        memcpy(&value, bytes + at, width);
    return value;
}

bool go_table_parse(struct go_table *t, const uint8_t *bytes, size_t size, uint64_t text)
{
    *t = (struct go_table){.names_at = 0};
    uint64_t magic = number(bytes, size, 0, 4);
    bool relative = magic == MAGIC_1_18 || magic == MAGIC_1_20; /* addresses are offsets */
    if ((!relative && magic != MAGIC_1_16) || size < 80 || bytes[7] != 8)
        return false;
    uint64_t n = number(bytes, size, 8, 8), header = relative ? 32 : 24;
    if (relative && number(bytes, size, 24, 8))
        text = number(bytes, size, 24, 8);
    uint64_t names = number(bytes, size, header, 8), units = number(bytes, size, header + 8, 8);
    uint64_t table = number(bytes, size, header + 32, 8);
    size_t word = relative ? 4 : 8;
    if (names >= units || units > size || table >= size || n > FUNCTIONS_MAX ||
        n > (size - table) / (2 * word))
        return false;
    t->names_at = names;
    t->names_size = units - names;
    vec_reserve(&t->list, n);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t row = table + i * 2 * word, base = relative ? text : 0;
        uint64_t start = base + number(bytes, size, row, word);
        uint64_t end = base + number(bytes, size, row + 2 * word, word);
        uint64_t function = number(bytes, size, row + word, word);
        if (end <= start || end - start > UINT32_MAX || function > size - table)
            continue;
        uint64_t name = number(bytes, size, table + function + word, 4);
        if (name && name < t->names_size)
            vec_push(&t->list,
                     ((struct go_function){start, (uint32_t)(end - start), (uint32_t)name}));
    }
    return true;
}

void go_table_clear(struct go_table *t)
{
    vec_free(&t->list);
}
