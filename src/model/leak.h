/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which types of object grow, and which of them look like a leak: two rules over the censuses of a
 * window. Pure: a function of (recording, window, process).
 *
 * Both rules ask for growth that is still going on and was never given back, so that neither a
 * warm-up that has levelled off nor a sawtooth is warned of; what fell in as long a time before the
 * window counts too:
 * - doubled (the mission's): there are twice as many as at first, and more than LEAK_COUNT;
 * - slope: a line through five or more censuses rises by several times its own uncertainty, so that
 * a slow leak in a large heap is found before it has doubled anything. If what was there at first
 * came in a jump, the part of the window after it is looked at.
 */
#ifndef MODEL_LEAK_H
#define MODEL_LEAK_H

#include "model/recording.h"

#define LEAK_COUNT      1000 /* contract.md */
#define LEAK_HIGH_PER_S 100.0

enum leak_rule { LEAK_NONE, LEAK_DOUBLED, LEAK_SLOPE };
enum leak_severity { LEAK_MILD, LEAK_MEDIUM, LEAK_HIGH };

/* A type's objects over a window: of one process, or of several together. */
struct type_growth {
    struct string_id type;
    struct incarnation_id incarnation; /* of the process with the most of them: */
    uint64_t largest_count;            /* so many */
    uint8_t language, flags;
    uint64_t count, size_bytes; /* at the newest census */
    uint64_t initial_count, initial_bytes;
    double per_s, bytes_per_s; /* now: over the later half of the window */
    double error_per_s;        /* half of its 95 % interval; 0: too few censuses to tell */
    enum leak_rule rule;
    enum leak_severity severity; /* of a leak */
    uint64_t since_ns;           /* of a leak: when it began to grow, as far as was seen */
};

struct growth_list {
    VEC(struct type_growth) rows; /* leaks first, the fastest growing first; then by bytes */
    size_t censuses;              /* in the window, of the process that has most */
    uint64_t time_ns;             /* of the newest census; 0: there is none */
};

/* pid 0: all processes. O(censuses * types). Freed with vec_free(&list->rows). */
void leak_find(struct growth_list *list, const struct recording *rec, uint64_t from_ns,
               uint64_t to_ns, int32_t pid);

/* The address of the container, of those that are listed by themselves, which has grown about as
 * much as the type's objects of that process, and so seems to hold them; 0: none has. */
uint64_t leak_container(const struct recording *rec, struct incarnation_id incarnation,
                        struct string_id type);

/* Whether a good part of the type's objects was there at the first census: what holds all of them
 * says little of what holds those that grow. */
bool leak_is_mostly_old(const struct recording *rec, struct incarnation_id incarnation,
                        struct string_id type);

#endif
