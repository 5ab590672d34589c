/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See cfi.h. How a rule is learnt: libunwind makes one step with a fresh cursor, and the accessors
 * note which registers it reads and which words of the stack. If it read no more than one register
 * to find the frame, and of the stack only the return address under it, then the step was "register
 * + constant", and the save locations that it reports are constants relative to the frame. Anything
 * else (a realigned stack's expression, say) is CFI_COMPLEX.
 *
 * libunwind's accessors are given a budget, so that a hostile expression cannot loop for ever.
 */
#include "native/cfi.h"

#include <libunwind-x86_64.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "target/remote.h"

#define ACCESS_BUDGET 20000

/* Exported by libunwind for its own ptrace library and used by every remote unwinder (perf's
 * util/unwind-libunwind-local.c): searches a table of (function, FDE) pairs. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip,
                                              unw_dyn_info_t *di, unw_proc_info_t *pi,
                                              int need_unwind_info, void *arg);

struct cfi {
    unw_addr_space_t space;
    struct modules *modules;
    struct stack_memory *memory;
    /* Of the step being made: */
    const struct code_range *range;
    struct elf_file *elf;
    const struct registers *regs;
    uint32_t registers_read; /* bits */
    uint32_t words_read;     /* of the stack */
    uint64_t last_word;      /* its address */
    unsigned budget;
    bool wants_rbp;
};

static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *pi,
                          int need_unwind_info, void *arg)
{
    struct cfi *c = arg;
    /* Not -UNW_ENOINFO, after which unw_step would guess by itself. */
    if (!c->elf || !c->elf->eh_base || ip < c->range->start || ip >= c->range->end)
        return -UNW_EBADFRAME;
    unw_dyn_info_t di;
    memset(&di, 0, sizeof di);
    di.format = UNW_INFO_FORMAT_REMOTE_TABLE;
    di.start_ip = c->range->start;
    di.end_ip = c->range->end;
    di.u.rti.segbase = c->elf->eh_base + c->range->bias;
    di.u.rti.table_data = c->elf->eh_table + c->range->bias;
    di.u.rti.table_len = c->elf->eh_table_size * 8 / sizeof(unw_word_t);
    int ret = UNW_OBJ(dwarf_search_unwind_table)(as, ip, &di, pi, need_unwind_info, arg);
    return ret == -UNW_ENOINFO ? -UNW_EBADFRAME : ret;
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *pi, void *arg)
{
    (void)as, (void)pi, (void)arg;
}

static int no_dyn_info_list(unw_addr_space_t as, unw_word_t *addr, void *arg)
{
    (void)as, (void)addr, (void)arg;
    return -UNW_ENOINFO;
}

static int access_mem(unw_addr_space_t as, unw_word_t addr, unw_word_t *value, int write, void *arg)
{
    struct cfi *c = arg;
    (void)as;
    if (write || !c->budget)
        return -UNW_EINVAL;
    c->budget--;
    /* The stack first: it cannot be taken for the file's segments, the other way round it could. */
    bool stack = addr - c->memory->addr < c->memory->size;
    if (!stack && c->elf && elf_file_read(c->elf, addr - c->range->bias, value, sizeof *value))
        return 0;
    c->words_read++;
    c->last_word = addr;
    return stack_word(c->memory, addr, value) ? 0 : -UNW_EINVAL;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *value, int write,
                      void *arg)
{
    struct cfi *c = arg;
    (void)as;
    if (write || reg < 0 || reg >= DWARF_COUNT)
        return -UNW_EBADREG;
    c->registers_read |= 1u << reg;
    if (!register_known(c->regs, (unsigned)reg)) {
        c->wants_rbp |= reg == UNW_X86_64_RBP;
        return -UNW_EBADREG;
    }
    *value = c->regs->at[reg];
    return 0;
}

static int access_fpreg(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *value, int write,
                        void *arg)
{
    (void)as, (void)reg, (void)value, (void)write, (void)arg;
    return -UNW_EBADREG;
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
    (void)as, (void)cursor, (void)arg;
    return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t as, unw_word_t addr, char *name, size_t size,
                         unw_word_t *offset, void *arg)
{
    (void)as, (void)addr, (void)name, (void)size, (void)offset, (void)arg;
    return -UNW_ENOINFO;
}

struct cfi *cfi_new(struct modules *modules, struct stack_memory *memory)
{
    static unw_accessors_t accessors = {
        .find_proc_info = find_proc_info,
        .put_unwind_info = put_unwind_info,
        .get_dyn_info_list_addr = no_dyn_info_list,
        .access_mem = access_mem,
        .access_reg = access_reg,
        .access_fpreg = access_fpreg,
        .resume = resume,
        .get_proc_name = get_proc_name,
    };
    struct cfi *c = xcalloc(1, sizeof *c);
    c->modules = modules;
    c->memory = memory;
    c->space = unw_create_addr_space(&accessors, 0);
    if (!c->space)
        die("out of memory");
    /* The rules learnt are the cache, and are forgotten when mappings change. */
    unw_set_caching_policy(c->space, UNW_CACHE_NONE);
    return c;
}

void cfi_free(struct cfi *c)
{
    if (!c)
        return;
    unw_destroy_addr_space(c->space);
    free(c);
}

static void begin(struct cfi *c, const struct code_range *range, const struct registers *regs)
{
    c->range = range;
    c->elf = modules_elf(c->modules, range);
    c->regs = regs;
    c->registers_read = 0;
    c->words_read = 0;
    c->budget = ACCESS_BUDGET;
    c->wants_rbp = false;
}

/* After a step: what it has told about the caller's registers, as values and as a rule. */
static void learn(struct cfi *c, unw_cursor_t *cursor, uint64_t cfa, struct registers *next,
                  struct cfi_rule *rule)
{
    uint32_t read = c->registers_read & ~(1u << DWARF_RIP); /* constant at one address */
    unsigned reg = DWARF_RSP;
    bool simple = c->words_read == 1 && c->last_word == cfa - 8;
    if (read & ~(1u << DWARF_RSP)) {
        reg = (unsigned)__builtin_ctz(read & ~(1u << DWARF_RSP));
        simple = simple && (read & ~(1u << DWARF_RSP)) == 1u << reg && !(read & 1u << DWARF_RSP);
    }
    int64_t offset = (int64_t)(cfa - c->regs->at[reg]);
    simple = simple && offset == (int32_t)offset;
    rule->cfa_register = (uint8_t)reg;
    rule->cfa_offset = (int32_t)offset;
    for (size_t i = 0; i < PRESERVED_REGISTERS; i++) {
        unsigned r = preserved_registers[i];
        unw_save_loc_t at;
        unw_word_t value;
        rule->saved[i] = 0;
        if (unw_get_save_loc(cursor, (int)r, &at) < 0 || at.type != UNW_SLT_MEMORY)
            continue; /* in its register still: as before */
        int64_t words = (int64_t)(cfa - at.u.addr) / 8;
        if ((cfa - at.u.addr) % 8 || words != (int16_t)words || !words)
            simple = false;
        rule->saved[i] = (int16_t)words;
        if (stack_word(c->memory, at.u.addr, &value))
            register_set(next, r, value);
        else
            next->known &= ~(1u << r);
    }
    rule->kind = simple ? CFI_RULE : CFI_COMPLEX;
}

enum cfi_result cfi_step(struct cfi *c, const struct code_range *range, struct registers *regs,
                         struct cfi_rule *rule)
{
    unw_cursor_t cursor;
    unw_word_t cfa, ip;
    memset(rule, 0, sizeof *rule);
    begin(c, range, regs);
    if (!c->elf || !c->elf->eh_base) {
        rule->kind = CFI_NONE;
        return CFI_STEPPED;
    }
    if (unw_init_remote(&cursor, c->space, c) < 0)
        return CFI_FAILED;
    c->registers_read = 0;
    int ret = unw_step(&cursor);
    if (ret < 0) {
        uint64_t start;
        if (c->wants_rbp)
            return CFI_UNKNOWN;
        if (cfi_function_start(c, range, regs->at[DWARF_RIP], &start))
            return CFI_FAILED;
        rule->kind = CFI_NONE;
        return CFI_STEPPED;
    }
    if (ret == 0) {
        /* A zero that was read from the stack says nothing about the next stack. */
        rule->kind = c->words_read ? CFI_COMPLEX : CFI_OUTERMOST;
        return CFI_END;
    }
    if (unw_get_reg(&cursor, UNW_X86_64_RSP, &cfa) < 0 ||
        unw_get_reg(&cursor, UNW_X86_64_RIP, &ip) < 0)
        return CFI_FAILED;
    struct registers next = *regs;
    next.known &= PRESERVED_MASK;
    learn(c, &cursor, cfa, &next, rule);
    register_set(&next, DWARF_RSP, cfa);
    register_set(&next, DWARF_RIP, ip);
    *regs = next;
    return CFI_STEPPED;
}

enum cfi_result cfi_step_by_rule(const struct cfi_rule *rule, struct stack_memory *memory,
                                 struct registers *regs)
{
    if (!register_known(regs, rule->cfa_register))
        return rule->cfa_register == DWARF_RBP ? CFI_UNKNOWN : CFI_FAILED;
    uint64_t cfa = regs->at[rule->cfa_register] + (uint64_t)(int64_t)rule->cfa_offset;
    uint64_t ip, value;
    if (!stack_word(memory, cfa - 8, &ip))
        return CFI_FAILED;
    regs->known &= PRESERVED_MASK | POINTER_MASK;
    for (size_t i = 0; i < PRESERVED_REGISTERS; i++) {
        if (!rule->saved[i])
            continue;
        unsigned r = preserved_registers[i];
        if (stack_word(memory, cfa - (uint64_t)((int64_t)rule->saved[i] * 8), &value))
            register_set(regs, r, value);
        else
            regs->known &= ~(1u << r);
    }
    regs->at[DWARF_RSP] = cfa;
    regs->at[DWARF_RIP] = ip;
    return CFI_STEPPED;
}

bool cfi_function_start(struct cfi *c, const struct code_range *range, uint64_t addr,
                        uint64_t *start)
{
    unw_proc_info_t info;
    begin(c, range, c->regs);
    memset(&info, 0, sizeof info);
    if (find_proc_info(c->space, addr, &info, 0, c) < 0 || info.start_ip > addr)
        return false;
    *start = info.start_ip;
    return true;
}
