/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See eh_table.h. Formats: LSB 5.0 core, 10.6.1 (.eh_frame); DWARF 5, 7.6 (LEB128). */
#include "native/eh_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define ENCODING_NONE  0xff
#define ENCODING_PCREL 0x10

struct cursor {
    const uint8_t *at, *end;
    bool bad;
};

static uint64_t number(struct cursor *c, size_t size, bool is_signed)
{
    uint64_t value = 0;
    if ((size_t)(c->end - c->at) < size) {
        c->bad = true;
        return 0;
    }
    memcpy(&value, c->at, size);
    c->at += size;
    unsigned unused = (unsigned)(64 - 8 * size);
    return is_signed && unused ? (uint64_t)((int64_t)(value << unused) >> unused) : value;
}

static void skip_leb128(struct cursor *c)
{
    while (number(c, 1, false) & 0x80 && !c->bad) {
    }
}

/* A pointer of a DW_EH_PE encoding, without what it is relative to. */
static uint64_t pointer(struct cursor *c, uint8_t encoding)
{
    switch (encoding & 0x0f) {
    case 0x02:
    case 0x0a:
        return number(c, 2, encoding & 8);
    case 0x03:
    case 0x0b:
        return number(c, 4, encoding & 8);
    case 0x00:
    case 0x04:
    case 0x0c:
        return number(c, 8, false);
    default:
        c->bad = true;
        return 0;
    }
}

/* How an FDE of this CIE writes its function's address; ENCODING_NONE if it makes no sense. */
static uint8_t cie_encoding(struct cursor c)
{
    uint8_t version = (uint8_t)number(&c, 1, false);
    const char *augmentation = (const char *)c.at;
    const uint8_t *end = memchr(c.at, 0, (size_t)(c.end - c.at));
    if (!end || (version != 1 && version != 3))
        return ENCODING_NONE;
    c.at = end + 1;
    if (augmentation[0] != 'z')
        return augmentation[0] ? ENCODING_NONE : 0;
    skip_leb128(&c);
    skip_leb128(&c);
    if (version == 1)
        number(&c, 1, false);
    else
        skip_leb128(&c);
    skip_leb128(&c); /* the augmentation's size */
    for (const char *a = augmentation + 1; *a && !c.bad; a++) {
        uint8_t encoding;
        switch (*a) {
        case 'R':
            encoding = (uint8_t)number(&c, 1, false);
            return c.bad ? ENCODING_NONE : encoding;
        case 'P':
            encoding = (uint8_t)number(&c, 1, false);
            pointer(&c, encoding);
            break;
        case 'L':
            number(&c, 1, false);
            break;
        case 'S':
        case 'B':
            break;
        default:
            return ENCODING_NONE;
        }
    }
    return 0;
}

static int by_function(const void *a, const void *b)
{
    const struct eh_row *x = a, *y = b;
    return x->function < y->function ? -1 : x->function > y->function;
}

struct eh_row *eh_table_make(const uint8_t *bytes, size_t size, uint64_t vaddr, size_t *n)
{
    VEC(struct eh_row) rows = {0};
    size_t at = 0;
    if (size > EH_FRAME_SIZE_MAX)
        size = EH_FRAME_SIZE_MAX; /* so that offsets fit an int32 */
    while (size - at >= 8) {
        uint32_t length, id;
        memcpy(&length, bytes + at, sizeof length);
        memcpy(&id, bytes + at + 4, sizeof id);
        if (!length) { /* an end mark; more may follow from another object */
            at += 4;
            continue;
        }
        if (length < 4 || length > size - at - 4)
            break;
        struct cursor c = {bytes + at + 8, bytes + at + 4 + length, false};
        if (id && id <= at + 4 && size - (at + 4 - id) >= 8) { /* an FDE; id leads to its CIE */
            size_t cie = at + 4 - id;
            uint32_t cie_length;
            memcpy(&cie_length, bytes + cie, sizeof cie_length);
            uint8_t encoding = ENCODING_NONE;
            if (cie_length >= 4 && cie_length <= size - cie - 4)
                encoding = cie_encoding(
                    (struct cursor){bytes + cie + 8, bytes + cie + 4 + cie_length, false});
            uint64_t function = encoding == ENCODING_NONE ? 0 : pointer(&c, encoding);
            if ((encoding & 0x70) == ENCODING_PCREL)
                function += vaddr + at + 8;
            int64_t offset = (int64_t)(function - vaddr);
            if (encoding != ENCODING_NONE && !(encoding & 0x60) && !c.bad &&
                offset == (int32_t)offset)
                vec_push(&rows, ((struct eh_row){(int32_t)offset, (int32_t)at}));
        }
        at += 4 + (size_t)length;
    }
    vec_sort(&rows, by_function);
    *n = rows.n;
    return rows.at;
}

bool eh_fde_covers(const uint8_t *cie, size_t cie_size, const uint8_t *fde, size_t fde_size,
                   uint64_t *covers)
{
    if (cie_size < 5 || fde_size < 5)
        return false;
    uint8_t encoding = cie_encoding((struct cursor){cie + 4, cie + cie_size, false});
    if (encoding == ENCODING_NONE)
        return false;
    struct cursor c = {fde + 4, fde + fde_size, false};
    pointer(&c, encoding);
    *covers = pointer(&c, encoding & 0x07); /* the same size, never negative */
    return !c.bad;
}
