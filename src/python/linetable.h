/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Line tables of code objects: from an instruction's offset to its source line, in the three
 * formats that CPython has had. Pure functions over bytes that nobody vouches for: a table that
 * is cut or mad gives a line of 0 (unknown) or a wrong one, never a fault. Any thread.
 */
#ifndef PYTHON_LINETABLE_H
#define PYTHON_LINETABLE_H

#include <stddef.h>
#include <stdint.h>

enum line_format {
    LINES_LNOTAB,    /* to 3.9: co_lnotab, pairs of unsigned byte and signed line deltas */
    LINES_RANGES,    /* 3.10: co_linetable, pairs too, but of ranges that may have no line */
    LINES_LOCATIONS, /* from 3.11: co_linetable, entries of varying length with columns */
};

/* The line of the instruction at `offset` bytes into the code; negative: not begun yet, which is
 * the first line. 0: unknown. O(size), about 1 us a kilobyte. */
uint32_t line_lookup(enum line_format format, const uint8_t *table, size_t size,
                     uint32_t first_line, int64_t offset);

#endif
