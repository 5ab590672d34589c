/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process's memory through a cache, for looks at many small things that lie near each other:
 * about 0.1 us where the piece is at hand, 5 us where it must be copied. What was read once is not
 * read again, so the cache is for one look at a heap, and thrown away or forgotten after it. Pages
 * that are swapped out stay there. At most PEEK_BYTES_MAX of our memory; one thread.
 */
#ifndef PYTHON_PEEK_H
#define PYTHON_PEEK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct peek;

#define PEEK_BYTES_MAX (32u << 20)

struct peek *peek_new(pid_t pid);
void peek_free(struct peek *p);
/* What is read from now on is as it is then. */
void peek_forget(struct peek *p);
/* All of size, or false. */
bool peek_read(struct peek *p, uint64_t addr, void *to, size_t size);
bool peek_word(struct peek *p, uint64_t addr, uint64_t *out);
uint64_t peek_swapped_bytes(const struct peek *p);

#endif
