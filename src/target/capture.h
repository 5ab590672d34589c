/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is copied of a thread at one moment, to be unwound later: registers and stack bytes.
 * Nothing here points into the target.
 */
#ifndef TARGET_CAPTURE_H
#define TARGET_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_STACK_MAX (32 * 1024)

/* DWARF register numbers of x86-64 (System V ABI, figure 3.36), the last is the return address
 * column. (Not REG_...: <signal.h> has other numbers under those names.) */
enum dwarf_register {
    DWARF_RAX,
    DWARF_RDX,
    DWARF_RCX,
    DWARF_RBX,
    DWARF_RSI,
    DWARF_RDI,
    DWARF_RBP,
    DWARF_RSP,
    DWARF_R8,
    DWARF_R9,
    DWARF_R10,
    DWARF_R11,
    DWARF_R12,
    DWARF_R13,
    DWARF_R14,
    DWARF_R15,
    DWARF_RIP,
    DWARF_COUNT
};

struct capture {
    uint64_t regs[DWARF_COUNT];
    bool all_regs; /* false: only DWARF_RSP and DWARF_RIP are known (read in place) */
    /* Of use then: gives all of them, of the same moment, to a walk that needs another one. NULL:
     * nobody can. */
    bool (*more)(void *more_of, uint64_t regs[DWARF_COUNT]);
    void *more_of;
    uint64_t stack_addr; /* == regs[DWARF_RSP], less the 128-byte red zone is not included */
    size_t stack_size;   /* bytes copied; less than asked near the stack's end */
    uint8_t stack[CAPTURE_STACK_MAX];
};

#endif
