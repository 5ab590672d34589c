/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The class of a C++ object in another process, by its first word: a pointer into a vtable, before
 * which stands a pointer to the class's type information, and that has the class's name (Itanium
 * C++ ABI, 2.5.3 and 2.9.5; gcc and clang alike). All is read from the target's memory, so that it
 * works on stripped programs and for templates; not for classes without virtual functions, and not
 * with -fno-rtti.
 *
 * Invariant: a word is a class only if its type information is one of the ABI's three kinds of
 * class. Worker thread.
 */
#ifndef NATIVE_RTTI_H
#define NATIVE_RTTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/maps.h"

struct rtti;

#define RTTI_NONE UINT32_MAX

/* maps is borrowed until rtti_free. */
struct rtti *rtti_new(pid_t pid, const struct maps *maps);
void rtti_free(struct rtti *r);

/* The number of the class whose objects begin with this word, or RTTI_NONE. Classes of one name
 * have one number. 3 ns for what was asked before, 10 us for a new class. */
uint32_t rtti_class(struct rtti *r, uint64_t word);
/* As a programmer says it; printable. Borrowed. */
const char *rtti_name(const struct rtti *r, uint32_t class_number);
/* More different words were asked for than are looked at: some classes may have been missed. */
bool rtti_cut(const struct rtti *r);

#endif
