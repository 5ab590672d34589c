/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects by address. A first read takes what most strings need; only longer ones cost a second.
 */
#include "python/object.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "target/remote.h"

bool object_pointer(pid_t pid, uint64_t addr, uint64_t *out)
{
    return object_plausible(addr) && remote_read(pid, addr, out, sizeof *out);
}

bool object_text(pid_t pid, const struct layout *l, uint64_t addr, char *out)
{
    enum { USUAL = 192, HEADER_MAX = 256 };
    uint8_t object[HEADER_MAX + UNICODE_CHARS_MAX * 4];
    out[0] = '\0';
    if (!object_plausible(addr))
        return false;
    size_t have = remote_read_some(pid, addr, object, USUAL);
    size_t want = unicode_object_size(&l->unicode, object, have);
    if (!want || want > sizeof object)
        return false;
    if (want > have && !remote_read(pid, addr + have, object + have, want - have))
        return false;
    return unicode_to_utf8(&l->unicode, object, want, out);
}

uint8_t *object_bytes(pid_t pid, const struct layout *l, uint64_t addr, size_t max, size_t *size)
{
    uint64_t length;
    if (!object_plausible(addr) ||
        !remote_read(pid, addr + l->bytes_size_at, &length, sizeof length) || length > max)
        return NULL;
    uint8_t *bytes = xmalloc(length ? length : 1);
    if (!remote_read(pid, addr + l->bytes_data_at, bytes, length)) {
        free(bytes);
        return NULL;
    }
    *size = length;
    return bytes;
}
