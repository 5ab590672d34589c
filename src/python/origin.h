/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which Python line an invocation of the evaluation loop was at, from the loop's own machine
 * registers and stack alone, some time after they were copied.
 *
 * The loop keeps the address of the next instruction over every call that it makes, in a preserved
 * register or on its stack; that lies in the bytecode of a code object, which lives on when the
 * frame is long gone. So no frame has to be read, which would be another one by then. Which of the
 * loop's words it is differs by build, and the caller learns it by counting.
 *
 * Of what runs inside one invocation (from 3.11 on, plain calls from Python to Python) it is the
 * innermost. Nothing read is trusted: a word counts only if it lies in the bytecode of what is a
 * code object now. One thread.
 */
#ifndef PYTHON_ORIGIN_H
#define PYTHON_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/map.h"
#include "base/vec.h"
#include "python/layout.h"
#include "python/python.h"

/* Bytecode that a word points into. */
struct origin_range {
    uint64_t start, end; /* of the bytecode */
    uint64_t code;
};

struct origin {
    pid_t pid;
    const struct layout *layout;
    uint64_t code_type, frame_type; /* of code objects, and to 3.10 of frames; 0: not known */
    VEC(struct origin_range) known; /* by start */
    struct map nothing;             /* words that lead to none */
};

void origin_init(struct origin *o, pid_t pid, const struct layout *layout);
void origin_clear(struct origin *o);
/* Takes over the type of a code object, and to 3.10 that of the frame that runs it. */
void origin_learn(struct origin *o, uint64_t code, uint64_t frame);

/* Which of n words point into bytecode; their number, at most max. A word that was met costs 0.1
 * us, a new one up to 20 us. */
size_t origin_find(struct origin *o, const uint64_t *words, size_t n, struct python_origin *out,
                   size_t max);

#endif
