/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PEP 393 strings: one, two or four bytes a character, all of one width. A lone surrogate (a file
 * name that was no UTF-8) comes out as "?" like everything that cannot be shown.
 */
#include "python/unicode.h"

#include <string.h>

#include "base/text.h"

struct shape {
    size_t data_at, width, chars;
};

static bool object_shape(const struct unicode_layout *l, const uint8_t *object, size_t size,
                         struct shape *out)
{
    uint64_t length;
    uint32_t state;
    if (size < l->length_at + sizeof length || size < l->state_at + sizeof state)
        return false;
    memcpy(&length, object + l->length_at, sizeof length);
    memcpy(&state, object + l->state_at, sizeof state);
    state >>= l->kind_shift;
    size_t width = state & 7;
    bool compact = state & 8, ascii = state & 16;
    if (!compact || (width != 1 && width != 2 && width != 4) || (ascii && width != 1))
        return false;
    out->data_at = ascii ? l->ascii_data_at : l->compact_data_at;
    out->width = width;
    out->chars = length < UNICODE_CHARS_MAX ? (size_t)length : UNICODE_CHARS_MAX;
    return true;
}

size_t unicode_object_size(const struct unicode_layout *l, const uint8_t *object, size_t size)
{
    struct shape s;
    return object_shape(l, object, size, &s) ? s.data_at + s.width * s.chars : 0;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        c = '?';
    if (c < 0x80) {
        *out++ = c ? (char)c : '?';
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 63));
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

bool unicode_to_utf8(const struct unicode_layout *l, const uint8_t *object, size_t size, char *out)
{
    struct shape s;
    out[0] = '\0';
    if (!object_shape(l, object, size, &s) || size < s.data_at + s.width * s.chars)
        return false;
    const uint8_t *data = object + s.data_at;
    char *to = out;
    for (size_t i = 0; i < s.chars; i++) {
        uint32_t c = 0;
        memcpy(&c, data + i * s.width, s.width); /* little-endian, as all of proftop is */
        to = put_utf8(to, c);
    }
    *to = '\0';
    text_make_printable(out);
    return true;
}
