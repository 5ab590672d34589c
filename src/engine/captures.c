/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See captures.h. */
#include "engine/captures.h"

#define HEAD_BYTES offsetof(struct capture, stack)

uint32_t captures_keep(struct captures *c, const struct capture *capture)
{
    vec_push(&c->at, c->bytes.n);
    vec_append(&c->bytes, (const uint8_t *)capture, HEAD_BYTES + capture->stack_size);
    return (uint32_t)c->at.n - 1;
}

void captures_get(const struct captures *c, uint32_t number, struct capture *out)
{
    size_t from = c->at.at[number];
    size_t to = number + 1 < c->at.n ? c->at.at[number + 1] : c->bytes.n;
    memcpy(out, c->bytes.at + from, to - from);
}

void captures_drop(struct captures *c)
{
    vec_clear(&c->bytes);
    vec_clear(&c->at);
}

void captures_free(struct captures *c)
{
    vec_free(&c->bytes);
    vec_free(&c->at);
}
