/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The interpreters of a process and their thread states: which native threads have one, who holds
 * a GIL, which interpreter is collecting garbage.
 *
 * Invariant: the list is what one consistent look has shown; a look that contradicts itself leaves
 * the last good list. Steady state is one vectored read that only compares. One thread.
 */
#ifndef PYTHON_THREADS_H
#define PYTHON_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/map.h"
#include "base/vec.h"
#include "python/handled.h"
#include "python/runtime.h"
#include "python/tid.h"
#include "target/remote.h"

struct interp {
    uint64_t address, next, first_thread;
    uint64_t gil; /* 0: none */
    uint64_t holder;
    bool locked, collecting;
    uint64_t gc_frame; /* 3.15, as of the last copy */
};

struct chunk {
    uint64_t address, previous;
    uint32_t size_bytes;
    uint32_t used_bytes; /* as far as frames were seen in it: what is read ahead */
    /* Of its copy, meaningful only within one stack_copy(): where, and how much is there yet. */
    uint32_t arena_at, copied_bytes;
};

/* A frame outside the chunks, and the code that it last ran. */
struct ahead_frame {
    uint64_t address, code;
    uint32_t group;
    uint32_t at; /* of its copy, from where the copies of the groups begin */
    bool calls;  /* of this copy: another frame that is live leads back to it */
};

/* Neighbouring frames, copied as one: a span costs as much as copying some kilobytes. */
struct ahead_group {
    uint64_t address;
    uint32_t size_bytes;
};

/* What the last walk of a thread has shown, to be read ahead by the next. */
struct track {
    uint64_t cframe;
    VEC(struct chunk) chunks;      /* innermost first */
    VEC(struct ahead_frame) ahead; /* in the order of the stack, then others met before */
    VEC(struct ahead_group) groups;
    struct map ahead_at; /* address -> index in ahead */
    struct handled_track handled;
};

/* What tells an interpreter's flags, read along with a stack: see threads_flag_spans. */
struct thread_flags {
    uint8_t gil[GIL_READ_BYTES];
    uint32_t collecting;
    uint64_t gc_frame;
};
#define THREAD_FLAG_SPANS 3

struct thread {
    uint64_t state, next, interp_address;
    uint64_t pthread, native_id;
    pid_t tid;      /* 0: not known (yet) */
    uint32_t tries; /* to find tid */
    uint32_t interp;
    bool handles, wants_gil, collects; /* as of the last copy */
    uint32_t same_tid; /* the next state of this tid (subinterpreters), or MAP_NONE */
    struct track track;
};

struct threads {
    pid_t pid;
    const struct runtime *runtime;
    struct tids tids;
    VEC(struct interp) interps;
    VEC(struct thread) list;
    struct map by_tid;
    uint64_t head;        /* the first interpreter */
    uint64_t compared_ns; /* when all states were last compared */
    uint32_t state_bytes; /* of a thread state that are read */
    uint32_t interp_at, interp_bytes;
    VEC(uint8_t) copy;
    VEC(struct remote_span) spans;
};

/* runtime is borrowed. */
void threads_init(struct threads *t, pid_t pid, const struct runtime *runtime);
void threads_clear(struct threads *t);
/* false: torn; the list is as before. */
bool threads_refresh(struct threads *t, uint64_t now_ns);
/* Index of a state of this tid, or MAP_NONE; others follow by same_tid. */
uint32_t threads_find(const struct threads *t, pid_t tid);
/* Where the flags of an interpreter are, as spans that fill *to; their number. What was read is
 * then taken over as the newest. */
size_t threads_flag_spans(const struct threads *t, uint32_t interp, struct thread_flags *to,
                          struct remote_span spans[THREAD_FLAG_SPANS]);
void threads_take_flags(struct threads *t, uint32_t interp, const struct thread_flags *flags);
/* Whether a futex belongs to the interpreter's GIL. */
bool threads_is_gil(const struct threads *t, const struct interp *interp, uint64_t addr);
/* Who holds the GIL that has addr in it; 0: nobody, or a thread that is not known. O(threads). */
pid_t threads_gil_holder(const struct threads *t, uint64_t addr);
bool threads_hold_gil(const struct threads *t, pid_t tid);

#endif
