/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk: from frame to frame by the rule that is known for the frame's address, learnt from
 * libunwind the first time (cfi.c), by frame pointers where there is no such rule
 * (frame_pointer.c), over signal frames by the kernel's layout.
 *
 * Invariant: `rules` only holds what follows from the bytes of mapped files and is emptied when
 * code is mapped differently; what a walk finds in memory is never kept. A warm walk allocates
 * nothing and asks neither libunwind nor the kernel. Used by the sampler.
 */
#include "native/unwind.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "native/cfi.h"
#include "native/frame_pointer.h"
#include "native/modules.h"
#include "native/perf_map.h"
#include "native/registers.h"
#include "native/stack_memory.h"

#define RULES     4096u
#define RULE_WAYS 4u /* slots for an address: hot ones must not evict each other */
#define STEPS_MAX 16384u
#define MAPS_MISS_AGE_NS                                                                           \
    (250 * NS_PER_MS)              /* an address is unknown: maps this old are read anew           \
                                    */
#define MAPS_AGE_NS (5 * NS_PER_S) /* and so are all maps, for code that was replaced */

/* Linux's rt_sigframe as the handler's return finds it (arch/x86/include/uapi/asm/sigcontext.h):
 * rsp stands at its struct ucontext, whose registers begin 40 bytes in. */
#define SIGCONTEXT_AT 40u
static const uint8_t sigcontext_registers[] = {
    DWARF_R8,  DWARF_R9,  DWARF_R10, DWARF_R11, DWARF_R12, DWARF_R13,
    DWARF_R14, DWARF_R15, DWARF_RDI, DWARF_RSI, DWARF_RBP, DWARF_RBX,
    DWARF_RDX, DWARF_RAX, DWARF_RCX, DWARF_RSP, DWARF_RIP};
/* mov $15, %rax; syscall (rt_sigreturn): how debuggers know a signal's return, too. */
static const uint8_t sigreturn_code[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};

/* What is known of an address: where it lies and how to leave it. */
struct known_address {
    uint64_t addr; /* looked up; 0: a free slot */
    uint64_t offset;
    uint32_t module;
    struct cfi_rule rule;
};

struct unwinder {
    struct modules modules;
    struct stack_memory memory;
    struct cfi *cfi;
    struct perf_map *perf_map;
    struct known_address rules[RULES]; /* in sets of RULE_WAYS, by hash */
    unsigned victim;                   /* which of a full set goes next */
    struct unwind_stats stats;
    struct unwind_kept *kept; /* borrowed */
    size_t kept_max;
    const struct capture *asking; /* during a walk, whose registers may be asked for still */
};

/* Frames on their way out: the innermost half as they come, the rest in a ring. */
struct frames_out {
    struct native_frame *at;
    size_t max, n; /* n: all that were put */
};

struct unwinder *unwinder_new(pid_t pid)
{
    struct unwinder *u = xcalloc(1, sizeof *u);
    modules_init(&u->modules, pid);
    u->memory.pid = pid;
    u->cfi = cfi_new(&u->modules, &u->memory);
    u->perf_map = perf_map_new(pid);
    return u;
}

void unwinder_free(struct unwinder *u)
{
    if (!u)
        return;
    cfi_free(u->cfi);
    perf_map_free(u->perf_map);
    modules_clear(&u->modules);
    free(u);
}

static void refresh(struct unwinder *u, uint64_t max_age_ns)
{
    if (modules_refresh(&u->modules, clock_mono_ns(), max_age_ns))
        memset(u->rules, 0, sizeof u->rules);
}

/* addr is what to look up; in_call: it lies within a call, whose return address is addr + 1. */
static struct known_address *know(struct unwinder *u, uint64_t addr, bool in_call)
{
    struct known_address *set = &u->rules[hash_u64(addr) % (RULES / RULE_WAYS) * RULE_WAYS];
    if (!addr)
        return NULL;
    for (unsigned i = 0; i < RULE_WAYS; i++)
        if (set[i].addr == addr)
            return &set[i];
    const struct code_range *range = modules_find(&u->modules, addr);
    if (!range) {
        refresh(u, MAPS_MISS_AGE_NS);
        range = modules_find(&u->modules, addr);
        if (!range)
            return NULL;
    }
    uint8_t code[sizeof sigreturn_code];
    struct known_address *k = &set[u->victim++ % RULE_WAYS];
    for (unsigned i = 0; i < RULE_WAYS; i++)
        if (!set[i].addr)
            k = &set[i];
    memset(k, 0, sizeof *k);
    k->addr = addr;
    k->module = range->module;
    k->offset = range->module == NATIVE_NO_MODULE ? addr : addr - range->bias;
    bool signal = modules_code(&u->modules, range, addr + in_call, code, sizeof code) &&
                  !memcmp(code, sigreturn_code, sizeof code);
    k->rule.kind = signal ? CFI_SIGNAL : CFI_UNLEARNT;
    return k;
}

static bool signal_step(struct stack_memory *memory, struct registers *regs)
{
    uint64_t at = regs->at[DWARF_RSP] + SIGCONTEXT_AT;
    struct registers next = {.known = 0};
    for (size_t i = 0; i < sizeof sigcontext_registers; i++) {
        uint64_t value;
        if (!stack_word(memory, at + 8 * i, &value))
            return false;
        register_set(&next, sigcontext_registers[i], value);
    }
    *regs = next;
    return true;
}

/* What the thread itself has in the registers that functions keep for their callers. No frame on
 * the way has restored one that is unknown, so that is what it has in this frame, too. */
static bool ask_for_registers(struct unwinder *u, struct registers *regs)
{
    uint64_t all[DWARF_COUNT];
    const struct capture *c = u->asking;
    u->asking = NULL;
    if (!c || c->all_regs || !c->more || !c->more(c->more_of, all))
        return false;
    for (size_t i = 0; i < PRESERVED_REGISTERS; i++)
        if (!register_known(regs, preserved_registers[i]))
            register_set(regs, preserved_registers[i], all[preserved_registers[i]]);
    u->stats.given++;
    return true;
}

static bool recover_rbp(struct unwinder *u, struct registers *regs)
{
    if (ask_for_registers(u, regs))
        return true;
    uint64_t start = 0, rbp, pc = regs->at[DWARF_RIP];
    const struct code_range *range = modules_find(&u->modules, pc);
    if (!range)
        return false;
    if (!cfi_function_start(u->cfi, range, pc, &start))
        start = 0;
    if (!frame_pointer_recover(&u->modules, &u->memory, regs, start, &rbp))
        return false;
    register_set(regs, DWARF_RBP, rbp);
    u->stats.recovered++;
    return true;
}

static enum cfi_result cfi_step_known(struct unwinder *u, struct known_address *k,
                                      struct registers *regs)
{
    for (int attempt = 0; attempt < 2; attempt++) {
        enum cfi_result result;
        if (k->rule.kind == CFI_RULE) {
            result = cfi_step_by_rule(&k->rule, &u->memory, regs);
        } else {
            const struct code_range *range = modules_find(&u->modules, k->addr);
            struct cfi_rule rule;
            u->stats.asked++;
            result = range ? cfi_step(u->cfi, range, regs, &rule) : CFI_FAILED;
            if (result == CFI_STEPPED || result == CFI_END)
                k->rule = rule;
        }
        if (result != CFI_UNKNOWN || !recover_rbp(u, regs))
            return result;
    }
    return CFI_FAILED;
}

/* By frame pointers; in the innermost frame also by a bare return address on the stack. */
static enum cfi_result step_without_cfi(struct unwinder *u, struct registers *regs, bool innermost)
{
    struct registers next = *regs;
    if (!innermost && epilogue_step(&u->modules, &u->memory, &next) &&
        next.at[DWARF_RSP] > regs->at[DWARF_RSP] && know(u, next.at[DWARF_RIP] - 1, true)) {
        *regs = next;
        return CFI_STEPPED;
    }
    next = *regs;
    if (!register_known(regs, DWARF_RBP))
        recover_rbp(u, &next);
    enum frame_pointer_result result = frame_pointer_step(&u->memory, &next);
    if (result == FRAME_POINTER_END && !innermost)
        return CFI_END;
    if (result == FRAME_POINTER_STEPPED && know(u, next.at[DWARF_RIP] - 1, true)) {
        *regs = next;
        return CFI_STEPPED;
    }
    return innermost && entry_step(&u->modules, &u->memory, regs) ? CFI_STEPPED : CFI_FAILED;
}

/* regs->at[DWARF_RIP] is what to look up, and the return address (or, after a signal, the
 * interrupted one) afterwards. */
static enum cfi_result step(struct unwinder *u, struct known_address *k, struct registers *regs,
                            bool innermost)
{
    struct registers next = *regs;
    enum cfi_result result = CFI_FAILED;
    switch (k->rule.kind) {
    case CFI_SIGNAL:
        return signal_step(&u->memory, regs) ? CFI_STEPPED : CFI_FAILED;
    case CFI_OUTERMOST:
        return CFI_END;
    case CFI_NONE:
        return step_without_cfi(u, regs, innermost);
    default:
        break;
    }
    result = cfi_step_known(u, k, &next);
    if (result == CFI_END)
        return CFI_END;
    if (result == CFI_STEPPED && k->rule.kind != CFI_NONE) {
        bool upwards = next.at[DWARF_RSP] > regs->at[DWARF_RSP];
        uint64_t ip = next.at[DWARF_RIP];
        if (upwards && (!ip || know(u, ip - 1, true))) {
            *regs = next;
            return ip ? CFI_STEPPED : CFI_END;
        }
    }
    return step_without_cfi(u, regs, innermost);
}

static void put(struct frames_out *out, uint32_t module, uint64_t offset, uint64_t address)
{
    size_t at = out->n++, head = out->max / 2;
    if (at >= out->max)
        at = head + (at - head) % (out->max - head);
    out->at[at] = (struct native_frame){module, offset, address};
}

static void reverse(struct native_frame *at, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct native_frame f = at[i];
        at[i] = at[n - 1 - i];
        at[n - 1 - i] = f;
    }
}

/* Turns the ring so that its oldest frame stands first. */
static size_t finish(struct frames_out *out, uint32_t *elided)
{
    *elided = 0;
    if (out->n <= out->max)
        return out->n;
    size_t head = out->max / 2, ring = out->max - head, first = (out->n - head) % ring;
    reverse(out->at + head, first);
    reverse(out->at + head + first, ring - first);
    reverse(out->at + head, ring);
    *elided = (uint32_t)(out->n - out->max);
    return out->max;
}

void unwinder_keep(struct unwinder *u, struct unwind_kept *kept, size_t max)
{
    u->kept = kept;
    u->kept_max = kept ? max : 0;
}

static void keep(struct unwinder *u, size_t frame, const struct registers *regs)
{
    if (frame >= u->kept_max)
        return;
    struct unwind_kept *kept = &u->kept[frame];
    *kept = (struct unwind_kept){.sp = regs->at[DWARF_RSP]};
    for (unsigned i = 0; i < PRESERVED_REGISTERS; i++) {
        kept->at[i] = regs->at[preserved_registers[i]];
        kept->known |= (uint32_t)register_known(regs, preserved_registers[i]) << i;
    }
}

static enum walk_end walk(struct unwinder *u, struct registers *regs, struct frames_out *out)
{
    bool in_call = false;
    for (size_t steps = 0; steps < STEPS_MAX; steps++) {
        uint64_t addr = regs->at[DWARF_RIP] - in_call;
        struct known_address *k = know(u, addr, in_call);
        regs->at[DWARF_RIP] = addr;
        keep(u, out->n, regs);
        enum cfi_result result;
        if (k) {
            put(out, k->module, k->offset, addr);
            bool signal = k->rule.kind == CFI_SIGNAL;
            result = step(u, k, regs, steps == 0 || !in_call);
            in_call = !signal;
        } else {
            if (in_call)
                return WALK_CUT;
            /* A jump to nowhere: the caller may still stand on the stack. */
            put(out, NATIVE_NO_MODULE, addr, addr);
            result = entry_step(&u->modules, &u->memory, regs) ? CFI_STEPPED : CFI_FAILED;
            in_call = true;
        }
        if (result == CFI_END)
            return WALK_COMPLETE;
        if (result != CFI_STEPPED)
            return WALK_CUT;
    }
    return WALK_CUT;
}

size_t unwinder_walk(struct unwinder *u, const struct capture *capture, struct native_frame *out,
                     size_t max, enum walk_end *end, uint32_t *elided)
{
    struct registers regs;
    struct frames_out frames = {.at = out, .max = max};
    memcpy(regs.at, capture->regs, sizeof regs.at);
    regs.known = capture->all_regs ? (1u << DWARF_COUNT) - 1 : POINTER_MASK;
    size_t size = capture->stack_size < CAPTURE_STACK_MAX ? capture->stack_size : CAPTURE_STACK_MAX;
    *end = WALK_CUT;
    *elided = 0;
    if (!max)
        return 0;
    stack_memory_start(&u->memory, capture->stack_addr, capture->stack, size);
    refresh(u, MAPS_AGE_NS);
    u->asking = capture;
    *end = walk(u, &regs, &frames);
    u->asking = NULL;
    u->stats.walks++;
    u->stats.steps += frames.n;
    size_t n = finish(&frames, elided);
    if (*elided && *end == WALK_COMPLETE)
        *end = WALK_DEEP;
    return n;
}

size_t unwinder_module_count(const struct unwinder *u)
{
    return u->modules.list.n;
}

const struct native_module *unwinder_module(const struct unwinder *u, uint32_t module)
{
    return &u->modules.list.at[module].name;
}

struct perf_map *unwinder_perf_map(const struct unwinder *u)
{
    return u->perf_map;
}

struct unwind_stats unwinder_stats(const struct unwinder *u)
{
    struct unwind_stats stats = u->stats;
    stats.remote_reads = u->memory.remote_reads;
    return stats;
}

size_t unwinder_reached(const struct unwinder *u)
{
    return u->memory.reached;
}
