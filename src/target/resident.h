/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copying much of another process's memory: only pages that are there. A page that was swapped out
 * would be brought back by reading it, and one that was never touched would be made; so the page
 * map (pagemap.h) is asked first.
 *
 * Invariant: every byte of the caller's buffer is written, with zeros where nothing was read. The
 * target is not stopped. One struct belongs to one thread.
 */
#ifndef TARGET_RESIDENT_H
#define TARGET_RESIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/pagemap.h"

#define RESIDENT_PAGE      PAGE_BYTES
#define RESIDENT_PAGES_MAX PAGEMAP_RUN_PAGES /* in one call: 4 MiB */

enum resident_state {
    RESIDENT_READ,    /* was read */
    RESIDENT_NEVER,   /* never touched: zeros */
    RESIDENT_SWAPPED, /* swapped out: zeros */
    RESIDENT_GONE,    /* unmapped, or not readable: zeros */
};

struct resident {
    pid_t pid;
    struct pagemap pagemap;
    uint64_t read_bytes, swapped_bytes; /* of all calls */
    /* Of the last resident_read. */
    uint8_t state[RESIDENT_PAGES_MAX]; /* enum resident_state, of each page */
    bool holes;                        /* one is swapped or gone */
};

void resident_open(struct resident *r, pid_t pid);
void resident_close(struct resident *r);

/* Copies size bytes (at most RESIDENT_PAGES_MAX pages) from the page-aligned addr. The number of
 * bytes that were read. 0.15 ms for 1 MiB into a touched buffer. */
size_t resident_read(struct resident *r, uint64_t addr, void *to, size_t size);
/* Whether the page at addr can be read without bringing it back or making it. */
bool resident_has(struct resident *r, uint64_t addr);
/* Whether any page of [addr, addr + size) can be; of at most RESIDENT_PAGES_MAX pages. */
bool resident_any(struct resident *r, uint64_t addr, size_t size);
/* The states of n pages from addr on, as far as pagemap tells: RESIDENT_READ is one that is
 * there. */
void resident_states(struct resident *r, uint64_t addr, size_t n, uint8_t *states);

#endif
