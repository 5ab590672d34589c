/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look into one ELF file: a symbol or a section by its name, and which virtual address a file
 * offset is loaded at. For callers that need a few known names of a file, not its whole table.
 * The file is read, never mapped: a file that is cut short meanwhile gives an error, no signal.
 * Any thread; one struct belongs to one of them.
 */
#ifndef NATIVE_ELF_SYMBOL_H
#define NATIVE_ELF_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_symbols;

struct elf_range {
    uint64_t vaddr; /* as linked: add the load bias for the address in a process */
    uint64_t size;  /* bytes; 0 if the file does not say */
};

/* NULL if fd is no ELF file. fd stays the caller's and must outlive the struct. */
struct elf_symbols *elf_symbols_open(int fd);
void elf_symbols_close(struct elf_symbols *f);

/* The first defined symbol of one of these names, .dynsym before .symtab. *which (may be NULL):
 * its index in names. Costs reading the string tables
 * (1 ms for 5 MB), and the symbols only if a name is there. */
bool elf_symbols_find(struct elf_symbols *f, const char *const *names, size_t n,
                      struct elf_range *out, size_t *which);
bool elf_symbols_section(struct elf_symbols *f, const char *name, struct elf_range *out);
/* Whether there is such a section in the file, mapped or not. */
bool elf_symbols_has(struct elf_symbols *f, const char *name);
/* A section's bytes, at most max of them (rest cut). Borrowed until close; NULL: none. */
const void *elf_symbols_section_bytes(struct elf_symbols *f, const char *name, size_t max,
                                      size_t *size);
/* The functions whose names begin with one of these, of .symtab and .dynsym, sorted by vaddr, the
 * same one perhaps more than once. Owned; *count of them, NULL if none. */
struct elf_range *elf_symbols_functions(struct elf_symbols *f, const char *const *prefixes,
                                        size_t n, size_t *count);
/* The virtual address at which the byte at this file offset is loaded. */
bool elf_symbols_vaddr(struct elf_symbols *f, uint64_t offset, uint64_t *vaddr);

#endif
