/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of one module, sorted by address: from .symtab (the module's or its separate debug
 * file's), else from .gopclntab of a Go program, else from .dynsym. dwfl_module_addrinfo searches
 * linearly and is 20 times slower.
 *
 * 16 bytes a symbol; names stay in the file and are read when asked for. Worker thread.
 */
#ifndef NATIVE_SYMBOLS_H
#define NATIVE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "native/debug_file.h"

struct symbols;

/* What is known of the function at an address. */
struct symbol {
    uint64_t start;
    uint64_t size;   /* 0: unknown */
    char name[4096]; /* as in the file (mangled); "" : no symbol, start is from .eh_frame_hdr */
};

/* Opens the module (see debug_file.h for pid and build_id; fetched: a debug file for the case that
 * none is found, or NULL). 1 ms for 6,000 symbols, 20 ms for
 * 86,000. Never NULL: a file that is missing or broken has no symbols. */
struct symbols *symbols_open(pid_t pid, const char *path, const char *build_id,
                             const char *fetched);
void symbols_free(struct symbols *s);

/* The function that holds the ELF vaddr; false if neither a symbol nor unwind information covers
 * it. O(log n) and one read for the name. */
bool symbols_find(struct symbols *s, uint64_t vaddr, struct symbol *out);

size_t symbols_count(const struct symbols *s);
/* Memory kept for it. */
size_t symbols_bytes(const struct symbols *s);
/* The module was built by the Go toolchain (it has .gopclntab or .go.buildinfo). */
bool symbols_is_go(const struct symbols *s);
/* The module has no debug information of its own. */
bool symbols_lacks_debug(const struct symbols *s);
/* The module's build id in hex, "" if none, and its .gnu_debuglink. Borrowed. */
const char *symbols_build_id(const struct symbols *s);
const struct debuglink *symbols_debuglink(const struct symbols *s);

#endif
