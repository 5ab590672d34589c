/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of threads as Python has them: the attribute _name of the objects in threading._active,
 * which is found through sys.modules. Nothing of this is in a layout's table of structs that are
 * needed to see stacks: whatever does not make sense means no name, and no error. One thread.
 */
#ifndef PYTHON_NAMES_H
#define PYTHON_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "python/threads.h"
#include "python/unicode.h"

struct active {
    uint64_t interp;
    uint64_t dict; /* threading._active; 0: not found */
};

struct thread_object {
    uint64_t ident, object; /* pthread_t, and the Thread */
};

struct names {
    VEC(struct active) active; /* of each interpreter */
    VEC(struct thread_object) objects;
    struct map by_ident;
    uint64_t read_ns; /* 0: never */
};

void names_clear(struct names *n);
/* The name of the thread with this state. Reads the interpreters' lists of threads again if what is
 * known is some seconds old: about 5 us a thread; modules are searched once, some 100 us. */
bool names_find(struct names *n, const struct threads *t, const struct thread *th, uint64_t now_ns,
                char out[UNICODE_TEXT_SIZE]);

#endif
