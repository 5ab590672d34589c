/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The qualified name of a method where code objects have none (to 3.10): from the first argument
 * to its class, to the function in the class's dict (or one of its bases') whose code this is.
 * Nothing is guessed: the name is that function's own __qualname__.
 */
#ifndef PYTHON_METHOD_H
#define PYTHON_METHOD_H

#include <stdint.h>
#include <sys/types.h>

#include "python/layout.h"

enum method_found {
    METHOD_NONE, /* no method, or a class does not list it: the plain name is all there is */
    METHOD_FOUND,
    METHOD_TORN, /* unreadable at this moment: worth another try */
};

/* frame: the frame object's address; local0: its first local as copied. out has UNICODE_TEXT_SIZE
 * bytes. About 5 reads, and 3 more for each base class. */
enum method_found method_name(pid_t pid, const struct layout *l, uint64_t code, uint64_t frame,
                              uint64_t local0, char *out);

#endif
