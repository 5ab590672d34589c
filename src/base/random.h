/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers that nothing in a target can be in step with; good for draws, not for secrets.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

/* The next one of a row: xorshift64* (Vigna, 2014). state: anything but 0 at first. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

#endif
