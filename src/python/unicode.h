/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A str object's bytes to UTF-8. Pure: the bytes were copied from a target and nobody vouches for
 * them. Only compact strings are known (PEP 393), which names and file names are. Any thread.
 */
#ifndef PYTHON_UNICODE_H
#define PYTHON_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNICODE_CHARS_MAX 1024
/* A UTF-8 text of so many characters, and its end. */
#define UNICODE_TEXT_SIZE (UNICODE_CHARS_MAX * 4 + 1)

struct unicode_layout {
    uint32_t length_at, state_at; /* in PyASCIIObject */
    uint32_t ascii_data_at, compact_data_at;
    uint32_t kind_shift; /* of 3 bits in state; then come compact and ascii */
};

/* Bytes of the object that are needed, from its first `size` bytes; 0: it is no such string. */
size_t unicode_object_size(const struct unicode_layout *l, const uint8_t *object, size_t size);
/* `out` has UNICODE_TEXT_SIZE bytes and is always terminated and printable; longer texts are cut.
 * false: no such string, or `size` is less than unicode_object_size() says. */
bool unicode_to_utf8(const struct unicode_layout *l, const uint8_t *object, size_t size, char *out);

#endif
