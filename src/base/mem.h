/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Allocation that never returns NULL, and the one way to end the program.
 *
 * Running out of memory and a broken invariant are not errors that a caller could mend: both
 * end the program through die(), which first runs the hook that gives the terminal back.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *s);
/* At most n bytes of s, always terminated. */
char *xstrndup(const char *s, size_t n);
/* Owned by the caller. */
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* For a program that does the same again and again, as a screen does with each redraw: up to some
 * MB that are freed stay here for the next time, where they would go back to the system and come
 * again page by page, which took longer than the work itself. */
void mem_keep_freed(void);

/* Called once by die(), before its message is printed. The hook must be async-signal-safe. */
void die_set_hook(void (*hook)(void));
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
