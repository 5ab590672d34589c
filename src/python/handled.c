/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See handled.h (_PyErr_StackItem of Include/cpython/pystate.h). */
#include "python/handled.h"

#include <string.h>

#include "python/object.h"

#define ITEMS_MAX 16

/* The bytes of the item at this address. */
static bool item_bytes(pid_t pid, uint64_t item, const struct handled_copy *copy,
                       const struct remote_span *spans, const struct handled_track *track,
                       uint8_t out[HANDLED_ITEM_BYTES])
{
    for (size_t i = 0; i < track->n; i++)
        if (track->item[i] == item && spans[i].ok) {
            memcpy(out, copy->bytes[i], HANDLED_ITEM_BYTES);
            return true;
        }
    return object_plausible(item) && remote_read(pid, item, out, HANDLED_ITEM_BYTES);
}

bool handled_find(const struct layout *l, pid_t pid, uint64_t none, uint64_t state,
                  const uint8_t *bytes, size_t size, const struct handled_copy *copy,
                  const struct remote_span *spans, struct handled_track *track)
{
    if (!l->ts_exc_info.size) {
        uint64_t value = field_get(bytes, size, l->ts_exc_value);
        return value && value != none;
    }
    struct handled_track met = {.n = 0};
    uint64_t item = field_get(bytes, size, l->ts_exc_info), value = 0;
    for (size_t i = 0; item && i < ITEMS_MAX && (!value || value == none); i++) {
        uint8_t elsewhere[HANDLED_ITEM_BYTES];
        const uint8_t *at = elsewhere;
        if (item == state + l->ts_exc_state) {
            if (l->ts_exc_state > size || size - l->ts_exc_state < HANDLED_ITEM_BYTES)
                break;
            at = bytes + l->ts_exc_state;
        } else if (!item_bytes(pid, item, copy, spans, track, elsewhere)) {
            break;
        } else if (met.n < HANDLED_ITEMS_MAX) {
            met.item[met.n++] = item;
        }
        value = field_get(at, HANDLED_ITEM_BYTES, l->exc_value);
        item = field_get(at, HANDLED_ITEM_BYTES, l->exc_previous);
    }
    *track = met;
    return value && value != none;
}
