/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a thread handles an exception: what sys.exc_info() would say in it. From 3.7 on the
 * thread has a stack of items, one in its state and one in each generator that runs; the innermost
 * that holds an exception counts. Before, its state holds it. One thread.
 */
#ifndef PYTHON_HANDLED_H
#define PYTHON_HANDLED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "python/layout.h"
#include "target/remote.h"

#define HANDLED_ITEMS_MAX  4 /* that are read ahead */
#define HANDLED_ITEM_BYTES 32

/* The items outside the thread's state that were met last time. */
struct handled_track {
    uint64_t item[HANDLED_ITEMS_MAX];
    size_t n;
};

struct handled_copy {
    uint8_t bytes[HANDLED_ITEMS_MAX][HANDLED_ITEM_BYTES];
    size_t first_span;
};

/* From the copied state (at this address) and what was read ahead; a few items more are read if
 * they are others than last time. none: address of None. */
bool handled_find(const struct layout *l, pid_t pid, uint64_t none, uint64_t state,
                  const uint8_t *bytes, size_t size, const struct handled_copy *copy,
                  const struct remote_span *spans, struct handled_track *track);

#endif
