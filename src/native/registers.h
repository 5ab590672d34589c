/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of one frame while a stack is walked, and which of them are known. Numbers are
 * struct capture's (DWARF's for x86-64), which are libunwind's too.
 */
#ifndef NATIVE_REGISTERS_H
#define NATIVE_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "target/capture.h"

struct registers {
    uint64_t at[DWARF_COUNT];
    uint32_t known; /* bit 1 << register */
};

/* What a function keeps for its caller (System V ABI, figure 3.4), rsp apart. */
#define PRESERVED_REGISTERS 6
static const uint8_t preserved_registers[PRESERVED_REGISTERS] = {DWARF_RBX, DWARF_RBP, DWARF_R12,
                                                                 DWARF_R13, DWARF_R14, DWARF_R15};
#define PRESERVED_MASK                                                                             \
    (1u << DWARF_RBX | 1u << DWARF_RBP | 1u << DWARF_R12 | 1u << DWARF_R13 | 1u << DWARF_R14 |     \
     1u << DWARF_R15)
#define POINTER_MASK (1u << DWARF_RSP | 1u << DWARF_RIP)

static inline bool register_known(const struct registers *r, unsigned reg)
{
    return r->known >> reg & 1;
}

static inline void register_set(struct registers *r, unsigned reg, uint64_t value)
{
    r->at[reg] = value;
    r->known |= 1u << reg;
}

#endif
