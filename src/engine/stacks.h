/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what was copied of a thread to a stack in the sampler's dictionary: the native walk, the
 * Python walk, and the weaving of both. All of it comes after the thread runs again. One process;
 * the sampler's thread.
 */
#ifndef ENGINE_STACKS_H
#define ENGINE_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/frames.h"
#include "engine/sink.h"
#include "engine/weave.h"
#include "target/capture.h"

#define STACKS_DEPTH_MAX 256 /* deeper stacks keep both ends */

struct stacks {
    pid_t pid;
    struct sink *sink;
    struct unwinder *unwinder;
    struct python *python; /* NULL: no Python here (yet); owned */
    struct frames frames;
    struct native_frame native[STACKS_DEPTH_MAX];
    struct python_frame python_frames[STACKS_DEPTH_MAX];
    bool eval[STACKS_DEPTH_MAX], entry[STACKS_DEPTH_MAX];
    struct weave_item items[2 * STACKS_DEPTH_MAX];
};

void stacks_init(struct stacks *s, pid_t pid, struct sink *sink);
void stacks_clear(struct stacks *s);
/* Another program runs in the process. */
void stacks_restart(struct stacks *s);

/* Native frames alone; adds SAMPLE_TORN to *flags where outer ones are missing. *reached: how many
 * bytes of the thread's stack were used, also beyond those that were copied. kernel: frames of a
 * system call or an interrupt on top of it, innermost first. */
struct stack_id stacks_native(struct stacks *s, const struct capture *capture,
                              const uint64_t *kernel, size_t n_kernel, uint8_t *flags,
                              size_t *reached);
/* The Python frames of the last python_copy. false: torn. */
bool stacks_python(struct stacks *s, struct stack_id *stack);
/* Both, of one moment. false: torn. */
bool stacks_mixed(struct stacks *s, const struct capture *capture, uint8_t *flags,
                  struct stack_id *stack, size_t *reached);

#endif
