/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds what grows: the way from a module, or a function that is running, to a container or to
 * the instances of a type, in a programmer's words. Walks the objects of a running CPython from its
 * roots, without stopping it. Shares nothing: any one thread.
 */
#ifndef PYTHON_HOLDERS_H
#define PYTHON_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/heap_count.h"

struct holders_question {
    uint64_t address; /* of a container (struct heap_container); 0: ask by type */
    const char *type; /* "checkout.Order", "str": as the census calls it */
    bool newborn;     /* ask of the type's instances those that are born meanwhile: 2 s more */
    const struct heap_limits *limits; /* own_bytes_max, duration_ns_max, stop and context */
};

struct holders_answer {
    /* "module checkout.Cache._instance ._cache (dict, 48,211 entries) -> str". It says if that
     * holds few of them, or if nothing leads to them. NULL: no way was found. Printable; owned, as
     * the next. */
    char *path;
    char *holder_type; /* what `path` leads to: the container itself, or what holds the instances */
    uint64_t holder;   /* its address */
    uint64_t length;   /* its items; 0: it is no container */
    size_t sampled;    /* instances that were looked for, and were not freed meanwhile, */
    size_t reached;    /* came upon on the way from the roots, */
    size_t held;       /* of those, held by `holder` */
    uint64_t objects;  /* looked at */
    uint64_t duration_ns;
    bool partial; /* a limit was met, or it was stopped, before all was looked at */
};

/* Initialises *answer, which the caller clears in any case. false: no CPython that can be read, or
 * no such object: a sentence. About 1 s for a million objects that refer to others. */
bool python_holders(pid_t pid, const struct holders_question *q, struct holders_answer *answer,
                    struct err *err);
void holders_answer_clear(struct holders_answer *answer);

#endif
