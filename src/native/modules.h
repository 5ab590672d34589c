/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which file the code at an address of the target comes from: its executable mappings, the ELF
 * files behind them, and the code's bytes. A module keeps its number for good; what is mapped
 * where is read again when an address is unknown and every few seconds. Used by the sampler.
 */
#ifndef NATIVE_MODULES_H
#define NATIVE_MODULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"
#include "native/elf_file.h"
#include "native/unwind.h"
#include "target/maps.h"

struct loaded_module {
    struct native_module name; /* strings owned */
    struct elf_file elf;
    uint64_t used; /* modules.uses when its file was last wanted open */
};

struct code_range {
    uint64_t start, end, file_offset;
    uint64_t bias;   /* address - ELF vaddr */
    uint32_t module; /* NATIVE_NO_MODULE: anonymous or no ELF file; MODULE_UNKNOWN: not looked at */
};

struct modules {
    pid_t pid;
    struct maps maps;
    VEC(struct code_range) code; /* executable mappings, by address */
    VEC(struct loaded_module) list;
    uint64_t code_hash; /* of what is mapped where */
    uint64_t read_ns;   /* when the maps were last read; 0 never */
    uint64_t uses;
    size_t open_files;
};

void modules_init(struct modules *m, pid_t pid);
void modules_clear(struct modules *m);

/* Reads the maps again if they are older than max_age_ns. true: code is mapped differently now. */
bool modules_refresh(struct modules *m, uint64_t now_ns, uint64_t max_age_ns);

/* The executable mapping that holds addr with its module opened, or NULL. Borrowed until the next
 * refresh. */
const struct code_range *modules_find(struct modules *m, uint64_t addr);
/* A module's file, ready for reading; NULL for NATIVE_NO_MODULE. */
struct elf_file *modules_elf(struct modules *m, const struct code_range *range);
/* Code bytes: from the file, else from the target. */
bool modules_code(struct modules *m, const struct code_range *range, uint64_t addr, void *to,
                  size_t size);

#endif
