/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A census of a C or C++ program's heap, from outside and while it runs: its objects by class where
 * they have virtual functions (rtti.h), what else malloc holds by size class, and the space. An
 * object is counted once, by class or by size.
 *
 * Of other allocators than glibc's (jemalloc, tcmalloc, mimalloc, musl) only classes can be told,
 * freed objects among them: those rows have HEAP_INCLUDES_FREED and no size. Worker thread.
 */
#ifndef NATIVE_CENSUS_H
#define NATIVE_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/heap_count.h"

/* Fills *out, which heap_count_init made. false with err: the process is gone or cannot be read. A
 * row's bytes are what its blocks take of the heap, malloc's own words included. 0.2 s and 4 MB for
 * a heap of 1 GB. limits may be NULL; a zero in it is no bound. */
bool native_census(pid_t pid, const struct heap_limits *limits, struct heap_count *out,
                   struct err *err);

/* The row that blocks of this usable size are counted in: "[malloc 25-40]" is what was asked for,
 * in bytes. There are SIZE_CLASSES of them. */
#define SIZE_CLASSES 256u
uint32_t size_class_of(uint64_t usable_size);
#define SIZE_CLASS_NAME_MAX 48
const char *size_class_name(uint32_t size_class, char out[SIZE_CLASS_NAME_MAX]);

/* What a block is: the class of the objects in it and how many (an array of them has several), or
 * 0. bytes: its first ones. */
struct rtti;
uint64_t objects_in_block(struct rtti *r, const uint8_t *bytes, size_t copied_size,
                          uint64_t usable_size, uint32_t *class_number);

#endif
