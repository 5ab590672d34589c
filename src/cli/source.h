/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines of source files that are on this machine, for the views (source_line_fn in view/table.h).
 *
 * The names come from a target or a file, so only absolute names of regular files of a bounded
 * size are read. What was read is kept, bounded too. One thread.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include <stdint.h>

struct source;

struct source *source_new(void);
void source_free(struct source *source);

/* The line's text without its newline, or NULL where the file cannot be read or is shorter.
 * Borrowed until the next call. context: a struct source. */
const char *source_line(void *context, const char *file, uint32_t line);

#endif
