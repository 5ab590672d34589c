/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what a probe copied (registers and stack) to a stack of growth.h: machine code where it
 * lies, Python's lines where the evaluation loop stood. Nothing was stopped, and Python's frames
 * are gone by then; the line comes from what the loop keeps in its registers (python/origin.h).
 * Which of its words that is, is learnt by counting over all samples; so stacks are taken in first
 * and named later, when the count is known. One process, one thread.
 */
#ifndef ENGINE_SITES_H
#define ENGINE_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "model/growth.h"
#include "native/unwind.h"
#include "python/python.h"
#include "target/capture.h"

#define SITES_DEPTH_MAX 64
#define SITES_WORDS_MAX 256 /* of an invocation of the loop that are looked at */
#define SITES_EVALS_MAX 4   /* invocations of a stack whose lines are looked for, the innermost */

struct site_frame {
    uint32_t module;
    uint64_t offset;
    bool eval, interpreter;
    uint32_t first, n; /* of hints */
};

/* A line that a loop may have been at, by the word at this place. */
struct site_hint {
    uint32_t place;
    struct python_origin origin;
};

struct site_stack {
    uint32_t first, n; /* of frames */
};

struct sites {
    struct unwinder *unwinder;
    struct python *python; /* NULL: none; borrowed */
    struct native_frame native[SITES_DEPTH_MAX];
    struct unwind_kept kept[SITES_DEPTH_MAX];
    uint64_t words[SITES_WORDS_MAX];
    uint32_t places[SITES_WORDS_MAX];
    struct map votes; /* place -> how many loops had a line there */
    uint32_t loops;   /* that were looked at */
    bool innermost;   /* Python's plain calls share a loop (3.11 on): its innermost line is known */
    VEC(struct site_stack) stacks;
    VEC(struct site_frame) frames;
    VEC(struct site_hint) hints;
};

void sites_init(struct sites *s, pid_t pid, struct python *python);
void sites_clear(struct sites *s);
/* Takes in one stack; its number. 20 to 60 us. */
uint32_t sites_take(struct sites *s, const struct capture *capture);
/* Its number in g, with what is known by now. *unnamed: it is in Python, but the innermost line
 * could not be told. */
uint32_t sites_name(struct sites *s, uint32_t stack, struct growth *g, bool *unnamed);
/* Forgets the stacks that were taken in, not what was learnt. */
void sites_drop(struct sites *s);

#endif
