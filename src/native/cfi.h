/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step of a stack walk by call frame information, done by libunwind over our own accessors,
 * and what that step teaches: the rule by which every later step from the same address can be done
 * with a few loads. So libunwind is asked once for an address and not for each sample (its warm
 * step is 0.8 us, a learnt one about 0.02 us).
 *
 * Used by the sampler.
 */
#ifndef NATIVE_CFI_H
#define NATIVE_CFI_H

#include <stdbool.h>
#include <stdint.h>

#include "native/modules.h"
#include "native/registers.h"
#include "native/stack_memory.h"

enum cfi_kind {
    CFI_RULE,      /* caller's frame: cfa = register + offset, return address at cfa - 8 */
    CFI_COMPLEX,   /* libunwind must be asked each time */
    CFI_OUTERMOST, /* the return address is undefined: a thread begins here */
    CFI_NONE,      /* nothing covers the address */
    CFI_SIGNAL,    /* the return of a signal handler: the kernel's frame (set by unwind.c) */
    CFI_UNLEARNT,  /* not asked yet (set by unwind.c) */
};

struct cfi_rule {
    uint8_t kind; /* enum cfi_kind */
    uint8_t cfa_register;
    int32_t cfa_offset;
    /* Where the caller's preserved_registers[] are: at cfa - 8 * n; 0: unchanged. */
    int16_t saved[PRESERVED_REGISTERS];
};

enum cfi_result {
    CFI_STEPPED,
    CFI_END,     /* this was the outermost frame */
    CFI_UNKNOWN, /* needs rbp, which is not known */
    CFI_FAILED,
};

struct cfi;
struct cfi *cfi_new(struct modules *modules, struct stack_memory *memory);
void cfi_free(struct cfi *c);

/* Steps from the frame of regs, whose DWARF_RIP is the address to look up (of the call, in a
 * caller), to its caller's, whose DWARF_RIP is then the return address. range holds the address.
 * *rule is filled unless the result is CFI_UNKNOWN or CFI_FAILED. */
enum cfi_result cfi_step(struct cfi *c, const struct code_range *range, struct registers *regs,
                         struct cfi_rule *rule);
/* The same by a CFI_RULE. */
enum cfi_result cfi_step_by_rule(const struct cfi_rule *rule, struct stack_memory *memory,
                                 struct registers *regs);

/* The start of the function (of its FDE) that holds addr; false if nothing covers it. */
bool cfi_function_start(struct cfi *c, const struct code_range *range, uint64_t addr,
                        uint64_t *start);

#endif
