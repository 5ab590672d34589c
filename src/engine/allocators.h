/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of a process that give out memory, as places for probes: malloc and its kin in
 * every mapped file that defines them (libc, a static program, jemalloc, tcmalloc, mimalloc), also
 * under those allocators' own names, and the functions of Python's allocator of small objects.
 * libstdc++'s operator new is not among them: it calls malloc. Once per process; one thread.
 */
#ifndef ENGINE_ALLOCATORS_H
#define ENGINE_ALLOCATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "python/python.h"
#include "target/uprobe.h"

enum heap_kind {
    HEAP_GLIBC, /* blocks have a header that tells their size */
    HEAP_OTHER, /* nothing is known of its blocks: the size comes from the call's arguments */
    HEAP_PYMALLOC,
};

/* Where a call's arguments have what is asked for (0 rdi, 1 rsi, 2 rdx). */
struct allocator_kin {
    const char *name;
    int8_t size, times; /* size is multiplied by that argument; -1: by none */
    int8_t result;      /* the argument that points to where the address is put; -1: returned */
    int8_t old;         /* the block that is made larger or smaller; -1: it makes a new one */
};

struct allocator {
    const struct allocator_kin *kin;
    enum heap_kind heap;
    int at_return, at_entry; /* probes' numbers; at_entry -1: not needed */
    uint64_t address, size;  /* of the function in the process; size 0: unknown */
};

struct allocators {
    struct allocator at[UPROBE_POINTS_MAX];
    size_t n;
    bool compiled_in; /* Python's is also compiled into its callers: there its calls are not seen */
};

/* Words for the allocators of pid whose calls can be probed, by the files that hold them ("malloc
 * in libc.so.6, malloc in libjemalloc.so.2"). other: one is not glibc's: what was freed there can
 * seem to stay. false: none, err says so with the remedy. For doctor. */
bool allocators_say(pid_t pid, char *out, size_t size, bool *other, struct err *err);

/* Whether n bytes of code at an address compare something with another address, as a call through a
 * table does that was made faster for what is usually there. For tests. */
bool allocators_compares_with(const uint8_t *code, size_t n, uint64_t address, uint64_t with);

/* Adds the probes of pid's allocators to u. python: NULL where there is none. Opens each mapped
 * file (some ms). false: none was found. */
bool allocators_find(struct allocators *a, struct uprobes *u, pid_t pid, struct python *python,
                     struct err *err);

#endif
