/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code that a program compiles while it runs has names if the program writes a map of them
 * (native/perf_map.h). What makes it do so, by the program that it is. Pure.
 */
#ifndef VIEW_NAMELESS_H
#define VIEW_NAMELESS_H

#include "model/recording.h"

#define REMEDY_MAX 128

/* The remedy for a process: its program's path, what runs it ("python 3.12.1", or "" or "native"),
 * its number. NULL: none is known for that program. */
const char *nameless_remedy(char out[REMEDY_MAX], const char *exe, const char *runtime,
                            int32_t pid);
/* The same for a recording: of its first process that there is one for. */
const char *nameless_remedy_of(char out[REMEDY_MAX], const struct recording *rec);

bool nameless_is(const struct recording *rec, struct function_id function);

#endif
