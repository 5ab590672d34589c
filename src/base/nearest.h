/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which known name somebody meant who wrote another: the one that the fewest letters have to be
 * added, left out, replaced or swapped for. Any thread.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

/* Edit distance, neighbours swapped counting as one, whatever the case; '_' is '-'. Longer names
 * than 63 bytes are compared by their beginnings. O(length squared). */
unsigned nearest_distance(const char *a, const char *b);

struct nearest {
    const char *name; /* the best so far, borrowed; NULL: nothing is near enough */
    unsigned distance;
};

/* Considers a known name for a word: near enough is a third of the word, and at least one letter.
 */
void nearest_try(struct nearest *n, const char *word, const char *known);

#endif
