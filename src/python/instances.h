/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sample of addresses, such that two looks at a heap take the same ones: those whose hash is
 * least. So what the later look has and the earlier one lacks was born between them, though neither
 * keeps more than a bounded part of millions. Pure.
 */
#ifndef PYTHON_INSTANCES_H
#define PYTHON_INSTANCES_H

#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct instances {
    VEC(uint64_t) at; /* when it is closed: at most max, by their hash, ascending */
    size_t max;
    uint64_t below; /* every address was taken whose hash is less */
};

void instances_init(struct instances *s, size_t max);
void instances_clear(struct instances *s);
void instances_add(struct instances *s, uint64_t address);
/* After the last one. */
void instances_close(struct instances *s);
/* Keeps in a closed *now what is not in an earlier one. */
void instances_born(struct instances *now, const struct instances *before);

#endif
