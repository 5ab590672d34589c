/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steps without call frame information: chains of saved frame pointers (rbp), and finding out what
 * rbp must be where it is not known, which is so for a blocked thread that is read in place. rbp
 * was the only register ever missed there.
 *
 * Nothing found here is certain; every guess is checked against the code: a return address stands
 * in an executable mapping, right after a call instruction. Used by the sampler.
 */
#ifndef NATIVE_FRAME_POINTER_H
#define NATIVE_FRAME_POINTER_H

#include <stdbool.h>
#include <stdint.h>

#include "native/modules.h"
#include "native/registers.h"
#include "native/stack_memory.h"

/* Is there a call instruction right before addr? *target: where it goes, 0 if not told by the
 * instruction itself. */
bool follows_call(struct modules *modules, uint64_t addr, uint64_t *target);

enum frame_pointer_result { FRAME_POINTER_STEPPED, FRAME_POINTER_END, FRAME_POINTER_FAILED };
/* To the caller by [rbp] and [rbp + 8]. A frame pointer of 0 ends the chain. */
enum frame_pointer_result frame_pointer_step(struct stack_memory *memory, struct registers *regs);
/* To the caller by a return address on top of the stack: a function just entered, a jump to
 * nowhere. */
bool entry_step(struct modules *modules, struct stack_memory *memory, struct registers *regs);

/* To the caller by the code that follows a call, if that is nothing but the function's end (add N,
 * %rsp; pops; leave; ret), as in CPython's perf trampolines. DWARF_RIP is the address to look up:
 * one before the return address. Exact. */
bool epilogue_step(struct modules *modules, struct stack_memory *memory, struct registers *regs);

/* The rbp of a function that uses it as its frame pointer, with rip in it (the address to look up)
 * and rsp known. function_start: 0 if unknown. 5 us by the prologue, 50 us by a scan. */
bool frame_pointer_recover(struct modules *modules, struct stack_memory *memory,
                           const struct registers *regs, uint64_t function_start, uint64_t *rbp);

#endif
