/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls by which a process asks the kernel for address space: brk, mmap and mremap, with
 * the stack that asked, and munmap, which gives some back. They are seen by the tracepoints at
 * their ends (perf events, like faults): there the user's registers still hold the arguments, and
 * the tracepoint has the result. What counts is memory that can be used and is of no file; a
 * reservation without rights (PROT_NONE) is none, until it is mapped over.
 *
 * Of a process that makes many such calls only bursts are looked at, so that it loses less than
 * 2 %; what a burst has seen then stands for the time between. That can take a mapping that comes
 * and goes for one that stays, so the sum is held down to what the data segment has really grown.
 * One process, one thread (a worker).
 */
#ifndef ENGINE_MAPPING_CALLS_H
#define ENGINE_MAPPING_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "engine/sites.h"
#include "model/growth.h"
#include "target/maps.h"

struct mapping_calls;

/* Begins for the threads that are given with mapping_calls_add, and those that they start, once
 * mapping_calls_begin is called. NULL: err says what is missing, with the remedy. */
struct mapping_calls *mapping_calls_new(pid_t pid, size_t stack_bytes, struct err *err);
/* Closing the descriptors takes the events out. */
void mapping_calls_free(struct mapping_calls *c);
/* false: as perf_events_add. */
bool mapping_calls_add(struct mapping_calls *c, pid_t tid, struct err *err);
void mapping_calls_begin(struct mapping_calls *c);

/* Takes in what was seen; some 10 times a second. A burst makes it last up to 40 ms. */
void mapping_calls_take(struct mapping_calls *c, struct sites *sites);
/* Names what was taken, as frames of g, and settles what is mapped now. */
void mapping_calls_settle(struct mapping_calls *c, struct sites *sites, struct growth *g);
/* Adds rows of GROWTH_BRK, GROWTH_MMAP and GROWTH_MREMAP to `out`: address space that was asked for
 * since the beginning, is some seconds old, and is still mapped. `from` is the growth that was
 * settled into. */
void mapping_calls_result(struct mapping_calls *c, const struct growth *from, struct growth *out);

/* Whether this process may open such events; else a sentence with the remedy. For doctor. */
bool mapping_calls_allowed(struct err *err);

#endif
