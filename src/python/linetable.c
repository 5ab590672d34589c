/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The three formats of CPython's line tables, as Objects/lnotab_notes.txt of 3.9 and 3.10 and
 * Objects/locations.md of 3.11 describe them. Lines are summed in 64 bits and clamped at the end,
 * so that hostile deltas cannot overflow: a table has at most 1 MB. An instruction without a line
 * of its own belongs to the line before it.
 */
#include "python/linetable.h"

static uint32_t clamp_line(int64_t line)
{
    return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}

static uint32_t lnotab_lookup(const uint8_t *table, size_t size, int64_t line, int64_t offset)
{
    int64_t at = 0;
    for (size_t i = 0; i + 1 < size; i += 2) {
        at += table[i];
        if (at > offset)
            break;
        line += (int8_t)table[i + 1];
    }
    return clamp_line(line);
}

static uint32_t ranges_lookup(const uint8_t *table, size_t size, int64_t line, int64_t offset)
{
    int64_t end = 0;
    for (size_t i = 0; i + 1 < size; i += 2) {
        int8_t delta = (int8_t)table[i + 1];
        end += table[i];
        if (delta != INT8_MIN)
            line += delta;
        if (offset < end)
            return clamp_line(line);
    }
    return 0;
}

/* A number in groups of six bits, least significant first, bit 6 set on all but the last. */
static uint64_t read_varint(const uint8_t *table, size_t size, size_t *at)
{
    uint64_t value = 0;
    for (unsigned shift = 0; *at < size; shift += 6) {
        uint8_t byte = table[(*at)++];
        if (shift < 60)
            value |= (uint64_t)(byte & 63) << shift;
        if (!(byte & 64))
            break;
    }
    return value;
}

/* The sign is the lowest bit. */
static int64_t read_signed_varint(const uint8_t *table, size_t size, size_t *at)
{
    uint64_t value = read_varint(table, size, at) & UINT32_MAX;
    return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

static uint32_t locations_lookup(const uint8_t *table, size_t size, int64_t line, int64_t offset)
{
    enum { NO_COLUMNS = 13, LONG = 14, ONE_LINE_0 = 10, UNIT_BYTES = 2 };
    int64_t end = 0;
    for (size_t at = 0; at < size;) {
        uint8_t head = table[at++];
        unsigned code = (head >> 3) & 15;
        end += ((head & 7) + 1) * UNIT_BYTES;
        if (code == NO_COLUMNS || code == LONG)
            line += read_signed_varint(table, size, &at);
        else if (code >= ONE_LINE_0 && code < NO_COLUMNS)
            line += code - ONE_LINE_0;
        if (offset < end)
            return clamp_line(line);
        /* What is left of an entry are columns: bytes without bit 7, which only heads have. */
        while (at < size && !(table[at] & 128))
            at++;
    }
    return 0;
}

uint32_t line_lookup(enum line_format format, const uint8_t *table, size_t size,
                     uint32_t first_line, int64_t offset)
{
    if (offset < 0)
        return clamp_line(first_line);
    switch (format) {
    case LINES_LNOTAB:
        return lnotab_lookup(table, size, first_line, offset);
    case LINES_RANGES:
        return ranges_lookup(table, size, first_line, offset);
    case LINES_LOCATIONS:
        return locations_lookup(table, size, first_line, offset);
    }
    return 0;
}
