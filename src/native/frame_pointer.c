/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See frame_pointer.h. Encodings are those of the Intel SDM, volume 2.
 */
#include "native/frame_pointer.h"

#include <string.h>

#define FRAME_SIZE_MAX (8u << 20) /* between two frame pointers of one chain */
#define SCAN_WORDS_MAX 8192u
#define PROLOGUE_MAX   96u

/* The longest form that a call before a return address takes here: ff /2 with REX, SIB, disp32. */
#define CALL_MAX 8u

static bool is_indirect_call(const uint8_t *end, size_t length)
{
    const uint8_t *p = end - length;
    if ((*p & 0xf0) == 0x40) { /* REX */
        p++;
        length--;
    }
    if (length < 2 || p[0] != 0xff || (p[1] & 0x38) != 0x10)
        return false;
    unsigned mod = p[1] >> 6, rm = p[1] & 7;
    size_t want = 2;
    if (mod != 3 && rm == 4)
        want += 1; /* SIB */
    if (mod == 1)
        want += 1;
    else if (mod == 2 || (mod == 0 && rm == 5) || (mod == 0 && rm == 4 && (p[2] & 7) == 5))
        want += 4;
    return want == length;
}

bool follows_call(struct modules *modules, uint64_t addr, uint64_t *target)
{
    uint8_t code[CALL_MAX];
    const struct code_range *range = modules_find(modules, addr - 1);
    *target = 0;
    if (!range || addr - range->start < CALL_MAX ||
        !modules_code(modules, range, addr - CALL_MAX, code, sizeof code))
        return false;
    const uint8_t *end = code + CALL_MAX;
    if (end[-5] == 0xe8) {
        int32_t to;
        memcpy(&to, end - 4, sizeof to);
        *target = addr + (uint64_t)(int64_t)to;
        if (modules_find(modules, *target))
            return true;
        *target = 0;
    }
    for (size_t length = 2; length <= CALL_MAX; length++)
        if (is_indirect_call(end, length))
            return true;
    return false;
}

enum frame_pointer_result frame_pointer_step(struct stack_memory *memory, struct registers *regs)
{
    uint64_t caller_rbp, ip, rbp = regs->at[DWARF_RBP];
    if (!register_known(regs, DWARF_RBP))
        return FRAME_POINTER_FAILED;
    if (!rbp)
        return FRAME_POINTER_END;
    if (rbp % 8 || rbp < regs->at[DWARF_RSP] || rbp - regs->at[DWARF_RSP] > FRAME_SIZE_MAX ||
        !stack_word(memory, rbp, &caller_rbp) || !stack_word(memory, rbp + 8, &ip))
        return FRAME_POINTER_FAILED;
    if (!ip)
        return FRAME_POINTER_END;
    regs->known = POINTER_MASK | 1u << DWARF_RBP;
    regs->at[DWARF_RBP] = caller_rbp;
    regs->at[DWARF_RSP] = rbp + 16;
    regs->at[DWARF_RIP] = ip;
    return FRAME_POINTER_STEPPED;
}

bool entry_step(struct modules *modules, struct stack_memory *memory, struct registers *regs)
{
    uint64_t ip, target, sp = regs->at[DWARF_RSP];
    if (!stack_word(memory, sp, &ip) || !follows_call(modules, ip, &target))
        return false;
    regs->known &= PRESERVED_MASK | POINTER_MASK;
    regs->at[DWARF_RSP] = sp + 8;
    regs->at[DWARF_RIP] = ip;
    return true;
}

/* Hardware numbers of registers in pop's order to DWARF's. */
static const uint8_t popped[] = {DWARF_RAX, DWARF_RCX, DWARF_RDX, DWARF_RBX,
                                 DWARF_RSP, DWARF_RBP, DWARF_RSI, DWARF_RDI};

/* One instruction of a function's end at code: its length, or 0 for any other. *ended: the ret. */
static size_t epilogue_instruction(const uint8_t *code, struct stack_memory *memory,
                                   struct registers *regs, bool *ended)
{
    uint64_t *sp = &regs->at[DWARF_RSP], value;
    int32_t imm;
    if (code[0] == 0x48 && code[1] == 0x83 && code[2] == 0xc4) { /* add $imm8, %rsp */
        *sp += (uint64_t)(int64_t)(int8_t)code[3];
        return 4;
    }
    if (code[0] == 0x48 && code[1] == 0x81 && code[2] == 0xc4) { /* add $imm32, %rsp */
        memcpy(&imm, code + 3, sizeof imm);
        *sp += (uint64_t)(int64_t)imm;
        return 7;
    }
    if (code[0] == 0xc9) { /* leave */
        if (!register_known(regs, DWARF_RBP) || !stack_word(memory, regs->at[DWARF_RBP], &value))
            return 0;
        *sp = regs->at[DWARF_RBP] + 8;
        register_set(regs, DWARF_RBP, value);
        return 1;
    }
    bool high = code[0] == 0x41;
    if ((code[high] & 0xf8) == 0x58) { /* pop */
        unsigned r = code[high] & 7;
        if ((r == 4 && !high) || !stack_word(memory, *sp, &value))
            return 0;
        register_set(regs, high ? DWARF_R8 + r : popped[r], value);
        *sp += 8;
        return 1u + high;
    }
    if (code[0] == 0xc3) {
        *ended = stack_word(memory, *sp, &regs->at[DWARF_RIP]);
        *sp += 8;
        return *ended ? 1 : 0;
    }
    return 0;
}

bool epilogue_step(struct modules *modules, struct stack_memory *memory, struct registers *regs)
{
    uint8_t code[32] = {0};
    struct registers next = *regs;
    uint64_t at = regs->at[DWARF_RIP] + 1;
    const struct code_range *range = modules_find(modules, at);
    if (!range)
        return false;
    size_t size = range->end - at < sizeof code ? (size_t)(range->end - at) : sizeof code;
    if (!modules_code(modules, range, at, code, size))
        return false;
    next.known &= PRESERVED_MASK | POINTER_MASK;
    bool ended = false;
    for (size_t i = 0, n; i + 8 <= sizeof code; i += n) {
        n = epilogue_instruction(code + i, memory, &next, &ended);
        if (!n)
            return false;
        if (ended) {
            next.known &= PRESERVED_MASK | POINTER_MASK;
            *regs = next;
            return true;
        }
    }
    return false;
}

/* Length of an instruction that a compiler mixes into a prologue: mov, lea, xor, test between
 * registers and memory. 0: another one. */
static size_t filler_length(const uint8_t *p, size_t left)
{
    size_t at = left && (p[0] & 0xf0) == 0x40 ? 1 : 0;
    if (left < at + 3)
        return 0;
    uint8_t op = p[at++];
    if (op >= 0xb8 && op <= 0xbf && at == 1)
        return 5; /* mov imm32 */
    if (op != 0x89 && op != 0x8b && op != 0x8d && op != 0x31 && op != 0x33 && op != 0x85)
        return 0;
    unsigned mod = p[at] >> 6, rm = p[at] & 7;
    at++;
    if (mod != 3 && rm == 4) {
        if (mod == 0 && (p[at] & 7) == 5)
            return 0;
        at++;
    }
    if (mod == 1)
        at += 1;
    else if (mod == 2 || (mod == 0 && rm == 5))
        at += 4;
    return at;
}

/* Walks the prologue up to stop bytes. false: rbp was not set up from rsp, or the code is of
 * another form. *below: how far rsp is below rbp behind it. */
static bool decode_prologue(const uint8_t *p, size_t stop, uint64_t *below)
{
    bool pushed = false, framed = false;
    size_t at = 0;
    *below = 0;
    while (at + 1 <= stop) {
        const uint8_t *i = p + at;
        size_t left = stop - at, length = 0;
        int32_t imm;
        if (left >= 4 && !memcmp(i, "\xf3\x0f\x1e\xfa", 4)) { /* endbr64 */
            length = 4;
        } else if (i[0] >= 0x50 && i[0] <= 0x57) {
            pushed |= i[0] == 0x55;
            *below += framed ? 8 : 0;
            length = 1;
        } else if (left >= 2 && i[0] == 0x41 && i[1] >= 0x50 && i[1] <= 0x57) {
            *below += framed ? 8 : 0;
            length = 2;
        } else if (left >= 3 && pushed && !framed &&
                   (!memcmp(i, "\x48\x89\xe5", 3) || !memcmp(i, "\x48\x8b\xec", 3))) {
            framed = true;
            length = 3;
        } else if (left >= 4 && framed && !memcmp(i, "\x48\x83\xec", 3)) {
            *below += (uint64_t)(int64_t)(int8_t)i[3];
            return true; /* the locals: nothing is pushed after them */
        } else if (left >= 7 && framed && !memcmp(i, "\x48\x81\xec", 3)) {
            memcpy(&imm, i + 3, sizeof imm);
            *below += (uint64_t)(int64_t)imm;
            return true;
        } else {
            length = filler_length(i, left);
        }
        if (!length)
            break;
        at += length;
    }
    return framed;
}

static bool by_prologue(struct modules *modules, struct stack_memory *memory,
                        const struct registers *regs, uint64_t start, uint64_t *rbp)
{
    uint8_t code[PROLOGUE_MAX];
    uint64_t below, ip, target, pc = regs->at[DWARF_RIP];
    const struct code_range *range = modules_find(modules, pc);
    if (!start || !range || start < range->start || pc < start)
        return false;
    size_t size = pc - start < sizeof code ? (size_t)(pc - start) : sizeof code;
    if (!modules_code(modules, range, start, code, size) || !decode_prologue(code, size, &below) ||
        below > FRAME_SIZE_MAX)
        return false;
    *rbp = regs->at[DWARF_RSP] + below;
    return stack_word(memory, *rbp + 8, &ip) && follows_call(modules, ip, &target);
}

/* How likely [at], [at + 8] are the frame pointer and return address that the function pushed. */
enum likelihood { UNLIKELY, POSSIBLE, LIKELY, CERTAIN };

static enum likelihood judge_pair(struct modules *modules, uint64_t at, uint64_t saved_rbp,
                                  uint64_t ip, const struct code_range *function, uint64_t start)
{
    uint64_t target;
    const struct code_range *caller = modules_find(modules, ip - 1);
    if (!caller || !follows_call(modules, ip, &target))
        return UNLIKELY;
    if (target && target == start)
        return CERTAIN;
    /* A direct call to elsewhere within the same file is most likely a stale frame of a call that
     * has returned; from another file it goes through the PLT. */
    if (target && start && function && caller->module == function->module)
        return POSSIBLE;
    return saved_rbp > at && saved_rbp - at < FRAME_SIZE_MAX ? LIKELY : POSSIBLE;
}

bool frame_pointer_recover(struct modules *modules, struct stack_memory *memory,
                           const struct registers *regs, uint64_t function_start, uint64_t *rbp)
{
    if (by_prologue(modules, memory, regs, function_start, rbp))
        return true;
    const struct code_range *function = modules_find(modules, regs->at[DWARF_RIP]);
    uint64_t sp = regs->at[DWARF_RSP], saved_rbp, ip;
    enum likelihood best = UNLIKELY;
    if (sp % 8 || !stack_word(memory, sp, &saved_rbp))
        return false;
    for (uint64_t i = 0; i < SCAN_WORDS_MAX; i++, saved_rbp = ip) {
        uint64_t at = sp + i * 8;
        if (!stack_word(memory, at + 8, &ip))
            break;
        enum likelihood now = judge_pair(modules, at, saved_rbp, ip, function, function_start);
        if (now > best) {
            best = now;
            *rbp = at;
        }
        if (best == CERTAIN)
            break;
    }
    return best != UNLIKELY;
}
