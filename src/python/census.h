/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A census of a CPython heap: every live object by type, with count and bytes, whether the garbage
 * collector tracks it or not, and the big containers one by one. The target runs on and is only
 * read. Opens all that it needs itself and shares nothing: any one thread, any number at a time.
 *
 * Bytes are what a block takes from its allocator, and of a list, set, deque and dict its table
 * too, under its type. Not counted: objects that are part of the program's file (None, built-in
 * types, small ints from 3.12 on), and what extensions hold outside of objects.
 */
#ifndef PYTHON_CENSUS_H
#define PYTHON_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/heap_count.h"
#include "python/instances.h"

/* Initialises *out, which the caller clears in any case. false: no CPython that can be read, with a
 * sentence; else what could be counted, marked as partial where it is not all. About 0.1 s for a
 * million objects; PEEK_BYTES_MAX and a window of 4 MiB of our memory. */
bool python_census(pid_t pid, const struct heap_limits *limits, struct heap_count *out,
                   struct err *err);

/* Live instances of a type, for who asks what holds them: a sample of at most max in *out, which
 * the caller clears; false: the heap could not be read, with a sentence. */
bool python_census_instances(pid_t pid, const struct heap_limits *limits, const char *type,
                             size_t max, struct instances *out, struct err *err);

#endif
