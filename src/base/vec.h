/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A growable array of any type, as macros over a plain struct: `VEC(int) v = {0};`.
 * Elements are moved when it grows: keep indexes, not pointers. vec_clear keeps the memory,
 * vec_free gives it back.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t n, cap;                                                                             \
    }

#define vec_reserve(v, want)                                                                       \
    ((v)->cap >= (size_t)(want)                                                                    \
         ? (void)0                                                                                 \
         : (void)((v)->at = vec_grow_((v)->at, &(v)->cap, (want), sizeof *(v)->at)))

#define vec_push(v, value)                                                                         \
    do {                                                                                           \
        vec_reserve((v), (v)->n + 1);                                                              \
        (v)->at[(v)->n++] = (value);                                                               \
    } while (0)

/* One zeroed element more; its address (until the next growth). */
#define vec_add(v)                                                                                 \
    (vec_reserve((v), (v)->n + 1), (void)memset(&(v)->at[(v)->n], 0, sizeof *(v)->at),             \
     &(v)->at[(v)->n++])

/* n elements more, copied from an array. */
#define vec_append(v, from, count)                                                                 \
    do {                                                                                           \
        size_t vec_count_ = (count);                                                               \
        vec_reserve((v), (v)->n + vec_count_);                                                     \
        if (vec_count_)                                                                            \
            memcpy((v)->at + (v)->n, (from), vec_count_ * sizeof *(v)->at);                        \
        (v)->n += vec_count_;                                                                      \
    } while (0)

#define vec_clear(v) ((void)((v)->n = 0))
#define vec_free(v)                                                                                \
    do {                                                                                           \
        free((v)->at);                                                                             \
        (v)->at = NULL;                                                                            \
        (v)->n = (v)->cap = 0;                                                                     \
    } while (0)
#define vec_last(v) (&(v)->at[(v)->n - 1])
#define vec_sort(v, cmp)                                                                           \
    do {                                                                                           \
        if ((v)->n > 1)                                                                            \
            qsort((v)->at, (v)->n, sizeof *(v)->at, (cmp));                                        \
    } while (0)

/* How many of n elements, in rising order of this uint64_t of theirs, have it up to key. */
#define sorted_upto(array, n, field, key)                                                          \
    ((n) ? sorted_upto_(&(array)->field, (n), sizeof *(array), (key)) : 0)

#include <stdlib.h>

static inline size_t sorted_upto_(const uint64_t *first, size_t n, size_t stride, uint64_t key)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (*(const uint64_t *)(const void *)((const char *)first + mid * stride) <= key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static inline void *vec_grow_(void *at, size_t *cap, size_t want, size_t size)
{
    size_t n = *cap ? *cap + *cap / 2 + 1 : 8;
    if (n < want)
        n = want;
    if (size && n > (size_t)-1 / size)
        die("array too large");
    *cap = n;
    return xrealloc(at, n * size);
}

#endif
