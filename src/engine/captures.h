/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Captures that are kept until there is time to unwind them: each takes what was copied of its
 * stack, and no more. One thread.
 */
#ifndef ENGINE_CAPTURES_H
#define ENGINE_CAPTURES_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"
#include "target/capture.h"

struct captures {
    VEC(uint8_t) bytes;
    VEC(size_t) at; /* where each begins */
};

/* Its number, from 0 on. 0.2 us. */
uint32_t captures_keep(struct captures *c, const struct capture *capture);
/* As it was given. */
void captures_get(const struct captures *c, uint32_t number, struct capture *out);
/* Forgets all of them. */
void captures_drop(struct captures *c);
void captures_free(struct captures *c);

#endif
