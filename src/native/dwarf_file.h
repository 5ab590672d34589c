/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Source places of one module by libdw. Only ever called in the disposable child process
 * (symbolizer_serve): hostile or huge debug information may crash it, fill it or keep it busy.
 */
#ifndef NATIVE_DWARF_FILE_H
#define NATIVE_DWARF_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "native/symbolizer.h"

struct dwarf_file;

/* Reads debug_fd's information if there is such a file (else -1), else fd's own. Both stay the
 * caller's. NULL: there is none. */
struct dwarf_file *dwarf_file_open(int fd, int debug_fd);
void dwarf_file_close(struct dwarf_file *f);
/* Fills *out, innermost inlined call first; false: nothing is known of the address. */
bool dwarf_file_find(struct dwarf_file *f, uint64_t vaddr, struct symbol_places *out);

#endif
