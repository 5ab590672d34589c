/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All processes, for the list to choose from, through libproc2. Kernel threads, zombies and
 * proftop itself are left out. One struct belongs to one thread.
 */
#ifndef TARGET_LISTING_H
#define TARGET_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct listed {
    pid_t pid, ppid;
    uint64_t start_ticks;
    const char *user, *comm, *cmdline; /* printable; borrowed until the next listing_read;
                                          cmdline is the name in brackets if it is empty */
    uint32_t threads;
    uint64_t rss_bytes;
    double cpu_cores; /* used since the last read (at the first: since its start) */
};

struct listing;
struct listing *listing_new(struct err *err);
void listing_free(struct listing *listing);
/* O(processes), about 25 us each: once a second or on a key. */
bool listing_read(struct listing *listing, struct err *err);
size_t listing_count(const struct listing *listing);
const struct listed *listing_at(const struct listing *listing, size_t i); /* by pid */

#endif
