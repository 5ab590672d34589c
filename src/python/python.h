/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPython seen from outside: which version runs in a process, its threads, and their stacks.
 *
 * One struct python per process, used by one thread (the sampler). Every read is bounded, every
 * walk capped, and nothing in the target's memory is trusted; what does not make sense is a torn
 * stack, counted, and no error.
 */
#ifndef PYTHON_PYTHON_H
#define PYTHON_PYTHON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "target/remote.h"

struct python;
struct pymalloc;

enum python_found {
    PYTHON_NONE, /* no CPython in this process */
    PYTHON_FOUND,
    PYTHON_UNSUPPORTED, /* a CPython whose layout is not known: err says which and what to do */
    PYTHON_NOT_READY,   /* a CPython that is still starting: ask again */
};

enum python_found python_open(struct python **out, pid_t pid, struct err *err);
void python_free(struct python *p);
/* "3.12.1" */
const char *python_version(const struct python *p);

struct python_frame {
    const char *name; /* qualified name (3.11+: co_qualname; before: the best that can be had) */
    const char *file; /* co_filename */
    uint32_t line;    /* being executed; 0 unknown */
    uint32_t first_line;
    uint64_t key; /* the same for the same (code, line): for the caller's cache */
    bool entry;   /* the outermost frame that one C call of the evaluation loop runs: from the
                     outermost frame inwards, the nth entry begins what the nth native frame in the
                     loop (python_is_eval) runs. One more native frame in it may be the innermost:
                     it is about to enter its first frame, or has left it. */
};

/* One look at the interpreters' list of threads: which native thread ids have a Python state. One
 * vectored read where nothing has changed. Needed when threads came or went; a copy of a thread
 * whose state is gone is torn. false: torn, try again. */
bool python_refresh(struct python *p);
/* Whether tid has a Python thread state (as of the last refresh). */
bool python_has_thread(const struct python *p, pid_t tid);

/* The copy: everything of tid's stack that is needed, read with as few vectored reads as possible
 * (the addresses of the last walk are read ahead). Call it while the thread is stopped or blocked:
 * it allocates nothing. The copy is kept in p until the next python_copy. */
bool python_copy(struct python *p, pid_t tid);
/* The same, and with it, at the same moment and in the same call, what `beside` asks for (its ok
 * says whether all of that could be read). */
bool python_copy_beside(struct python *p, pid_t tid, struct remote_span *beside);
/* The same for a thread that runs on while it is read, neither stopped nor blocked. It tries a few
 * times to get frames that all belong to one moment. false: it moved each time, or its state is
 * gone. */
bool python_copy_moving(struct python *p, pid_t tid);
bool python_copy_moving_beside(struct python *p, pid_t tid, struct remote_span *beside);
/* The frames of the last copy, innermost first; number of frames, 0 for a thread with no Python
 * frame; -1: torn, also if that copy was. May read code objects it has not met (a running target
 * may do as it likes meanwhile). Strings are borrowed until python_free. More than max: both ends
 * are kept, *elided counts the middle. */
int python_walk(struct python *p, struct python_frame *out, size_t max, uint32_t *elided);
/* Of the last copy: the same for the same frames, wherever in their code they are. */
uint64_t python_frames_key(const struct python *p);
/* Of the last copy: changes as its innermost frame goes on, because what lies in it does. */
uint64_t python_moment(const struct python *p);
/* threading's name for this thread, for at most PYTHON_NAME_MAX bytes. false: it has none (yet).
 * The list of names is read again when it is 2 s old: about 5 us a thread. */
#define PYTHON_NAME_MAX 256
bool python_thread_name(struct python *p, pid_t tid, char out[PYTHON_NAME_MAX]);

/* Whether a code address lies in the interpreter's evaluation loop. The first question reads the
 * interpreter's file (some milliseconds); later ones cost a short search and allocate nothing. */
bool python_is_eval(struct python *p, uint64_t address);
/* Whether it lies in the interpreter: the module that holds it, or, in a program that is linked
 * with Python statically and is not called python, the functions named Py* and _Py*. */
bool python_is_interpreter(struct python *p, uint64_t address);

/* Of what was copied of an invocation of the loop (its preserved registers and the words of its own
 * stack): which of them point into the bytecode of a code object, and where. See origin.h. */
struct python_origin {
    uint32_t word; /* its index */
    uint64_t code;
    uint32_t offset; /* bytes into the bytecode: of the instruction that runs */
};
/* At first it learns from a thread's frames, without a stop; while that fails, nothing is found. */
size_t python_origins(struct python *p, const uint64_t *words, size_t n, struct python_origin *out,
                      size_t max);
/* The frame's name and line. false: it is no code object (any more). */
bool python_origin_frame(struct python *p, const struct python_origin *origin,
                         struct python_frame *out);

/* The allocator of small objects: see pymalloc.h. NULL: not found, or not the interpreter's own.
 * Borrowed. */
const struct pymalloc *python_pymalloc(struct python *p);

/* State at the last refresh or copy, whichever came last. */
bool python_holds_gil(const struct python *p, pid_t tid);
/* The thread that holds the GIL in which addr lies, as of the same time; 0: nobody, or unknown. */
pid_t python_gil_holder(const struct python *p, uint64_t addr);
/* Whether addr (a futex) lies in a GIL of this process: the thread waits for the GIL. */
bool python_is_gil(const struct python *p, uint64_t addr);

/* Which of Python's own locks a blocked thread waits for: see locks.h. */
struct python_lock {
    uint64_t address; /* by which threads that want the same one can be told */
    pid_t owner;      /* of an RLock; 0: not known */
    bool later;       /* it was not looked for yet: ask again in a while */
};
/* sp: the thread's. false: nothing more is known than the futex. 2 to 4 us; looking for an RLock
 * that is not known yet, at most 160 times a second, 20 to 50 us. */
bool python_lock_find(struct python *p, uint64_t futex, uint64_t sp, uint64_t now_ns,
                      struct python_lock *out);
bool python_collecting(const struct python *p, pid_t tid);
/* As of the last copy of this thread: it handles an exception (is in an except or finally block, or
 * in what that calls); it waits for the GIL and says so (3.15; before, python_is_gil tells). */
bool python_handles_exception(const struct python *p, pid_t tid);
bool python_wants_gil(const struct python *p, pid_t tid);

#endif
