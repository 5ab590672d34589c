/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What enlarged a process, with stacks of machine code and Python, in two ways that are never added
 * up. Sampled page faults on anonymous memory tell which code was the first to touch new pages: its
 * resident memory. brk, mmap and mremap tell which code asked for address space and still has it
 * (mapping_calls.h, where the kernel's tracepoints can be read), touched or not. Both blame an
 * innocent allocator where a leak hides in much that comes and goes (facts: "Page faults and brk
 * blame the wrong code"); what stays is survivors.h's to tell.
 *
 * The period adapts, so that an allocation-heavy target loses less than 2 %. Nothing is stopped.
 * One thread (a worker).
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
/* Rows of GROWTH_TOUCHED, and of address space, since the beginning, closed. Borrowed until the
 * next call. */
const struct growth *enlarged_result(struct enlarged *e);

#endif
