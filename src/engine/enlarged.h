/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What enlarged a process: sampled page faults on anonymous memory, with stacks of machine code and
 * Python. It says which code was the first to touch new pages, and that is all: where a leak hides
 * in much that comes and goes, the largest innocent allocator touches most of them (facts: "Page
 * faults and brk blame the wrong code"); what stays is survivors.h's to tell.
 *
 * The period adapts, so that an allocation-heavy target loses less than 2 %. Nothing is stopped. Of
 * brk and mmap calls nothing is kept: pages that they add and nobody touches cost no memory. One
 * thread (a worker).
 */
#ifndef ENGINE_ENLARGED_H
#define ENGINE_ENLARGED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "model/growth.h"

struct enlarged;

/* Begins. NULL: err says why (perf events are not permitted). */
struct enlarged *enlarged_new(pid_t pid, struct err *err);
/* Ends: closing its descriptors takes the events out. */
void enlarged_free(struct enlarged *e);
/* Takes in what was sampled; call it some 10 times a second. false: the process has ended. */
bool enlarged_poll(struct enlarged *e);
/* Rows of GROWTH_ENLARGED since the beginning, closed. Borrowed until the next call. */
const struct growth *enlarged_result(struct enlarged *e);

#endif
