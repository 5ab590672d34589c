/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thread's Python stack copied: the chain of its frames, innermost first. What the last walk
 * of the thread has met (chunks of the data stack, frames elsewhere) is read ahead in one vectored
 * read; only what that missed costs a read of its own.
 *
 * stack_copy() allocates nothing, since the thread may be stopped; stack_learn() does, after it.
 * One thread.
 */
#ifndef PYTHON_STACK_H
#define PYTHON_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "python/threads.h"

#define STACK_FRAMES_MAX 20000

struct stack_frame {
    uint64_t address;
    uint64_t code;   /* address of the code object */
    uint64_t instr;  /* as in the frame: an address, or a number of units */
    uint64_t local0; /* to 3.10: the first local */
    enum frame_doing {
        FRAME_UNKNOWN,
        FRAME_RUNS,  /* its own instructions, or C that they call */
        FRAME_CALLS, /* it waits for a frame that the same loop runs (from 3.11 on) */
        FRAME_OVER,  /* popped (to 3.10, and from 3.14 on) */
    } doing;
    bool entry; /* the outermost that its C call of the evaluation loop runs */
};

struct stack {
    struct stack_frame *frames; /* owned, STACK_FRAMES_MAX of them */
    size_t n;
    uint8_t *arena; /* owned */
    size_t arena_used;
    uint32_t frame_at, frame_bytes; /* the part of a frame that is read */
    uint32_t state_bytes;           /* of a thread state */
    struct remote_span *spans;      /* owned */
    size_t spans_cap;
    struct loose_frame {
        uint64_t address, code;
    } * loose; /* owned: frames of this copy outside the chunks, in order */
    size_t n_loose;
    struct chunk *chunks; /* owned: those of this copy, innermost first */
    size_t n_chunks;
    size_t misses, ahead_used;
    bool interrupted; /* the copy took so long that it tells nothing */
    uint64_t cframe;
    struct remote_span *beside; /* of the caller's, read in the same call; NULL: nothing */
    uint64_t last_try; /* hash of what the last moving copy of this thread has shown; 0: none */
};

void stack_init(struct stack *s, const struct layout *layout);
void stack_clear(struct stack *s);
/* false: torn. */
bool stack_copy(struct stack *s, struct threads *t, struct thread *th);
/* The same of a thread that runs on meanwhile (last_try is 0 at the first try): false also if what
 * was read is not of one moment, or was not all read at once. After stack_learn() the next try
 * knows more. */
bool stack_copy_moving(struct stack *s, struct threads *t, struct thread *th);
/* What the innermost frame of the copy holds, as a hash. */
uint64_t stack_moment(const struct stack *s);
/* Remembers in th what the copy has met; of one that was interrupted, nothing. */
void stack_learn(struct stack *s, const struct layout *layout, struct thread *th);

#endif
