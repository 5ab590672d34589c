/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one look at a process's heap counted: its live objects by type, its big containers one by
 * one, and what its allocator holds. Made by a worker that knows nothing of a recording's numbers,
 * so its texts are its own; the front turns it into a census of the recording (census.h).
 *
 * Invariant: one row for each (type, language, flags); a row's count and bytes are what was seen,
 * never an extrapolation.
 */
#ifndef MODEL_HEAP_COUNT_H
#define MODEL_HEAP_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/map.h"
#include "base/vec.h"
#include "model/dictionary.h"

enum heap_flags {
    HEAP_PARTIAL = 1, /* not all could be read, or a bound was met: counts are lower bounds */
    HEAP_INCLUDES_FREED = 2, /* found by their vtable: memory that was freed may be among them */
    HEAP_STOPPED = 4,        /* the target stood still meanwhile (--census-stop) */
};

struct heap_row {
    char *type; /* "str", "checkout.Order", "ns::Widget", "[malloc 33-48]"; printable, owned */
    enum language language;
    uint32_t flags; /* enum heap_flags: of this row alone */
    uint64_t count, size_bytes;
};

/* A container with so many items that it may be what grows. */
struct heap_container {
    char *type; /* "dict", "list", "std::vector<...>"; owned */
    uint64_t address;
    uint64_t length; /* items */
    uint64_t size_bytes;
};

/* What an allocator holds; 0: unknown. */
struct heap_space {
    uint64_t used_bytes;   /* in blocks that are in use */
    uint64_t free_bytes;   /* free inside the heap: fragmentation */
    uint64_t mapped_bytes; /* blocks with a mapping of their own, in use too */
};

/* How far a look may go. */
struct heap_limits {
    uint64_t read_bytes_max; /* of the target's memory that is read; 0: no bound */
    size_t own_bytes_max;    /* of our own memory */
    uint64_t duration_ns_max;
    size_t rows_max;        /* types; what comes after is in a row "[other types]" */
    size_t containers_max;  /* the largest so many are kept */
    uint64_t container_min; /* items of a container that is listed by itself */
    /* Asked now and then, between pieces of work: true ends the look, which is then partial.
     * permille of the work that is done, as far as it can be told. */
    bool (*stop)(void *context, int permille);
    void *context;
};

struct heap_count {
    pid_t pid;
    uint64_t time_ns;       /* CLOCK_MONOTONIC, of its middle */
    uint64_t duration_ns;   /* it took so long */
    uint32_t flags;         /* enum heap_flags: of all of it */
    double moved_pct;       /* estimate: share of what was read that changed meanwhile */
    uint64_t swapped_bytes; /* passed over, so as not to bring them back */
    VEC(struct heap_row) rows;
    VEC(struct heap_container) containers; /* longest first, once heap_count_close was called */
    struct heap_space space;
    char *why_partial; /* a sentence, or NULL; owned */
    struct map index;  /* of rows */
};

void heap_count_init(struct heap_count *count, pid_t pid);
void heap_count_clear(struct heap_count *count);
/* Adds to the type's row, which is made where there is none. The text is copied, without control
 * characters or broken UTF-8. O(1). */
void heap_count_add(struct heap_count *count, const char *type, enum language language,
                    uint32_t flags, uint64_t objects, uint64_t size_bytes);
void heap_count_add_container(struct heap_count *count, const char *type, uint64_t address,
                              uint64_t length, uint64_t size_bytes);
/* Marks all of it as partial; the first reason is kept. */
void heap_count_cut(struct heap_count *count, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Puts the longest containers first and keeps `max` of them. */
void heap_count_close(struct heap_count *count, size_t containers_max);

#endif
