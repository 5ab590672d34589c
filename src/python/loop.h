/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the interpreter's evaluation loop is, as ranges of the target's addresses: the function
 * _PyEval_EvalFrameDefault with the parts that the compiler has split off it. By symbols where the
 * file has them; a stripped file keeps the symbol of the first part, and the others are found by
 * the jumps between them and by the bounds of functions in .eh_frame. (Debian's 3.13 to 3.15 have
 * 2 KB at the symbol and 80 KB elsewhere.)
 *
 * Read at the first question, once. One thread.
 */
#ifndef PYTHON_LOOP_H
#define PYTHON_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"
#include "python/runtime.h"

struct code_span {
    uint64_t start, end;
};

struct loop {
    bool ready;
    VEC(struct code_span) eval, interpreter; /* by address, not overlapping */
};

void loop_clear(struct loop *l);
bool loop_is_eval(struct loop *l, const struct runtime *r, pid_t pid, uint64_t address);
bool loop_is_interpreter(struct loop *l, const struct runtime *r, pid_t pid, uint64_t address);

#endif
