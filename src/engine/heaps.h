/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The heap of a process, whatever runs in it: which way of counting suits it, and who holds what.
 * On any thread but the sampler's; everything is opened anew for each look and given back.
 */
#ifndef ENGINE_HEAPS_H
#define ENGINE_HEAPS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/growth.h"
#include "model/heap_count.h"

#define HEAP_PATH_MAX 512

extern const struct heap_limits heap_default_limits;

/* Counts the live objects of a process. out is initialised (heap_count_init) and stays the
 * caller's. hold: the process stands still meanwhile; nobody else may trace it. false: nothing
 * could be counted, with a sentence. */
bool heaps_count(pid_t pid, bool hold, const struct heap_limits *limits, struct heap_count *out,
                 struct err *err);

/* What the process's own tracer of allocations has by line: rows of GROWTH_TRACED in *out, which is
 * initialised (growth_init) and stays the caller's; their bytes are exact, and of all time. false:
 * it has none. */
bool heaps_traced(pid_t pid, const struct heap_limits *limits, struct growth *out);

struct heap_question {
    const char *type; /* as in a heap_count; borrowed */
    enum language language;
    uint64_t container; /* the address of one that grows as the type does; 0: not known */
    bool newborn;       /* many of the type were there before it grew: ask of those that are new */
};

/* Who holds the type's objects: a path from a root in words, of at most size - 1 bytes. */
bool heaps_holder(pid_t pid, const struct heap_question *question, const struct heap_limits *limits,
                  char *path, size_t size, struct err *err);

#endif
