/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mixed stacks: Python frames stand where the interpreter's evaluation loop stood on the native
 * stack. An invocation of the loop runs a group of Python frames: one to 3.10, from 3.11 on all
 * that call each other without leaving it; the group's outermost is its `entry`.
 *
 * Both stacks were copied at one moment, so they agree but at the inner end: an invocation may not
 * have its frame yet, or no longer. Pure.
 */
#ifndef ENGINE_WEAVE_H
#define ENGINE_WEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weave_in {
    size_t n_native, n_python; /* innermost first, as is what follows */
    const bool *eval;          /* by native frame: it is the evaluation loop */
    const bool *entry;         /* by Python frame: the outermost of its invocation */
    bool cut;                  /* the native stack's outer end is missing */
};

struct weave_item {
    bool python;
    uint32_t index; /* of the native or the Python frame */
};

/* Fills out (room for n_native + n_python) innermost first; how many. -1: they do not agree. */
int weave(const struct weave_in *in, struct weave_item *out);

#endif
