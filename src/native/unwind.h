/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Native stacks: from a capture (registers and stack bytes) to module and offset frames, with
 * libunwind over our own accessors (memory: the capture's stack, then the ELF file mapped here,
 * then the target). Nothing is stopped meanwhile; nothing read from the target is trusted.
 *
 * One unwinder per process, used by one thread (the sampler).
 */
#ifndef NATIVE_UNWIND_H
#define NATIVE_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "target/capture.h"

struct unwinder;

struct native_frame {
    uint32_t module;  /* for unwinder_module; NATIVE_NO_MODULE: anonymous memory (JIT, stack) */
    uint64_t offset;  /* ELF virtual address; callers: of the call itself (return address - 1).
                         Without a module: the address. */
    uint64_t address; /* in the process; callers: of the call */
};
#define NATIVE_NO_MODULE UINT32_MAX

struct native_module {
    const char *path;     /* as the target sees it */
    const char *build_id; /* hex, or "" */
};

struct unwinder *unwinder_new(pid_t pid);
void unwinder_free(struct unwinder *u);

/* What a frame's function finds in the registers that those it calls keep for it, and where the
 * stack stood in it: from sp up to the next outer frame's sp is its own part of the stack. */
struct unwind_kept {
    uint64_t sp;
    uint64_t at[6]; /* rbx, rbp, r12, r13, r14, r15 */
    uint32_t known; /* bit 1 << index in at */
};
/* From now on each walk writes down that of its innermost frames, max of them. Borrowed; NULL: no
 * more. */
void unwinder_keep(struct unwinder *u, struct unwind_kept *kept, size_t max);

enum walk_end {
    WALK_COMPLETE, /* up to where the thread began */
    WALK_CUT,      /* unwinding failed: outer frames are missing */
    WALK_DEEP,     /* complete, but more than max frames: the middle was left out */
};

/* Innermost frame first; number of frames. An address costs about 10 us when first met and 0.05 us
 * after that; nothing is allocated then. A stack deeper than max keeps its innermost max/2 and
 * outermost max/2 frames; *elided counts the rest (also when it was cut). */
size_t unwinder_walk(struct unwinder *u, const struct capture *capture, struct native_frame *out,
                     size_t max, enum walk_end *end, uint32_t *elided);

/* Number of modules met so far; a module keeps its number. Borrowed. */
size_t unwinder_module_count(const struct unwinder *u);
const struct native_module *unwinder_module(const struct unwinder *u, uint32_t module);

/* What names the code without a module. */
struct perf_map;
struct perf_map *unwinder_perf_map(const struct unwinder *u);

/* What the walks did since the unwinder was made. */
struct unwind_stats {
    uint64_t walks, steps;
    uint64_t asked;        /* steps for which libunwind was asked */
    uint64_t recovered;    /* unknown frame pointers that were found */
    uint64_t given;        /* walks whose unknown registers the capture's source had */
    uint64_t remote_reads; /* pieces of stack read from the target because the capture ended */
};
struct unwind_stats unwinder_stats(const struct unwinder *u);

/* How many bytes above the stack pointer the last walk has used: about what a copy of that thread
 * will need next time. More than the capture held: the rest was read from the target meanwhile. */
size_t unwinder_reached(const struct unwinder *u);

#endif
