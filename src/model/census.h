/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Censuses: what heaps held at some moments, as part of a recording; and who holds what grows.
 *
 * Invariants: censuses are in the order of their time; there are at most CENSUS_MAX of them, of
 * which a process keeps its first and its newest ones whatever goes; a row's type is its name,
 * language and flags, and stands once in a census.
 */
#ifndef MODEL_CENSUS_H
#define MODEL_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "model/heap_count.h"
#include "model/ids.h"

#define CENSUS_MAX            160
#define CENSUS_ROWS_MAX       500 /* types of one census: 32 bytes each, so 2.5 MB in all */
#define CENSUS_CONTAINERS_MAX 32
#define CENSUS_HOLDERS_MAX    256

struct recording;

struct census_row {
    struct string_id type;
    uint8_t language; /* enum language */
    uint8_t flags;    /* enum heap_flags */
    uint64_t count, size_bytes;
};

struct census_container {
    struct string_id type;
    uint64_t address, length, size_bytes;
};

struct census {
    uint64_t number; /* 1 for the recording's first */
    struct incarnation_id incarnation;
    uint64_t time_ns, duration_ns;
    uint32_t flags; /* enum heap_flags */
    double moved_pct;
    uint64_t swapped_bytes;
    struct heap_space space;
    struct string_id why_partial; /* or none */
    VEC(struct census_row) rows;
    VEC(struct census_container) containers; /* longest first */
};

/* Who holds the instances of a type: a path from a root, in words. */
struct census_holder {
    struct incarnation_id incarnation;
    struct string_id type, path;
    uint64_t time_ns;
};

struct census_list {
    VEC(struct census) list;
    VEC(struct census_holder) holders; /* one for each (incarnation, type) */
    uint64_t numbered;                 /* censuses ever */
    uint64_t holders_version;          /* grows with every change of a holder */
};

/* Adds what was counted; types beyond the largest CENSUS_ROWS_MAX go into one row. Thins the list
 * where it is full. */
void recording_add_census(struct recording *rec, struct incarnation_id incarnation,
                          const struct heap_count *count);
/* Adds a census as it stands, whose vectors become the recording's. For reading a file. */
void recording_restore_census(struct recording *rec, struct census census);
/* Replaces what was said of the type before. */
void recording_set_holder(struct recording *rec, struct census_holder holder);
/* What is known of a type's holder; NULL: nothing. Borrowed until the recording changes. */
const struct census_holder *recording_holder(const struct recording *rec,
                                             struct incarnation_id incarnation,
                                             struct string_id type);
/* The process's newest census before to_ns; NULL: none. Borrowed until the recording changes. */
const struct census *recording_census(const struct recording *rec,
                                      struct incarnation_id incarnation, uint64_t to_ns);

void census_list_clear(struct census_list *list);
/* *to owns its memory afterwards. */
void census_list_copy(struct census_list *to, const struct census_list *from);

#endif
