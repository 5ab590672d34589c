/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See loop.h. A part that was split off is jumped to from the loop and jumps back into its middle;
 * other functions are called, or jumped to at their beginning (tail calls). Instructions are not
 * decoded: each place that reads like a jump is taken for one, and since both directions are
 * asked for, bytes that only look so do not matter.
 */
#include "python/loop.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "native/elf_file.h"
#include "native/elf_symbol.h"
#include "target/maps.h"

#define LOOP_MAX_BYTES (1u << 20) /* of one part */
#define PARTS_MAX      16

static int by_start(const void *a, const void *b)
{
    const struct code_span *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* Sorts and joins what overlaps. */
static size_t join(struct code_span *spans, size_t n)
{
    size_t kept = 0;
    if (n)
        qsort(spans, n, sizeof *spans, by_start);
    for (size_t i = 0; i < n; i++) {
        if (kept && spans[i].start <= spans[kept - 1].end) {
            if (spans[i].end > spans[kept - 1].end)
                spans[kept - 1].end = spans[i].end;
            continue;
        }
        spans[kept++] = spans[i];
    }
    return kept;
}

static bool holds(const struct code_span *spans, size_t n, uint64_t address)
{
    size_t low = sorted_upto(spans, n, end, address);
    return low < n && spans[low].start <= address;
}

/* The code of one part, read once. */
struct part {
    uint64_t start, end;
    uint8_t *bytes; /* owned */
};

static bool read_part(struct elf_file *elf, struct part *p)
{
    if (p->end <= p->start || p->end - p->start > LOOP_MAX_BYTES)
        return false;
    size_t size = (size_t)(p->end - p->start);
    p->bytes = xmalloc(size);
    for (size_t at = 0, step; at < size; at += step) {
        step = size - at < 4096 ? size - at : 4096;
        if (!elf_file_read(elf, p->start + at, p->bytes + at, step)) {
            free(p->bytes);
            p->bytes = NULL;
            return false;
        }
    }
    return true;
}

/* The target of the jump that the part has from *at on, which is advanced; false: no more.
 * jmp rel32 is E9, jcc rel32 is 0F 80 to 0F 8F (Intel SDM, volume 2, "JMP" and "Jcc"). */
static bool next_jump(const struct part *p, size_t *at, uint64_t *target)
{
    size_t size = (size_t)(p->end - p->start);
    for (size_t i = *at; i + 6 <= size; i++) {
        bool near = p->bytes[i] == 0xe9;
        bool conditional = p->bytes[i] == 0x0f && (p->bytes[i + 1] & 0xf0) == 0x80;
        if (!near && !conditional)
            continue;
        int32_t distance;
        size_t opcode = near ? 1 : 2;
        memcpy(&distance, p->bytes + i + opcode, sizeof distance);
        *target = p->start + i + opcode + 4 + (uint64_t)(int64_t)distance;
        *at = i + 1;
        return true;
    }
    return false;
}

static bool jumps_into_middle(const struct part *from, const struct part *into)
{
    uint64_t target;
    for (size_t at = 0; next_jump(from, &at, &target);)
        if (target > into->start && target < into->end)
            return true;
    return false;
}

static bool in_code(const struct elf_file *elf, uint64_t vaddr)
{
    for (size_t i = 0; i < elf->n_segments; i++)
        if (elf->segments[i].executable &&
            vaddr - elf->segments[i].vaddr < elf->segments[i].file_size)
            return true;
    return false;
}

/* Adds the parts that parts[from] leads to; the new number of parts. */
static size_t follow_jumps(struct elf_file *elf, struct part *parts, size_t n, size_t from)
{
    uint64_t target;
    for (size_t at = 0; next_jump(&parts[from], &at, &target) && n < PARTS_MAX;) {
        struct part new = {0};
        bool known = !in_code(elf, target);
        for (size_t i = 0; i < n && !known; i++)
            known = target >= parts[i].start && target < parts[i].end;
        if (known || !elf_file_function(elf, target, &new.start, &new.end) ||
            new.end == UINT64_MAX || !read_part(elf, &new))
            continue;
        if (jumps_into_middle(&new, &parts[from]))
            parts[n++] = new;
        else
            free(new.bytes);
    }
    return n;
}

static void add_split_parts(struct loop *l, struct elf_file *elf, uint64_t bias,
                            struct elf_range main)
{
    struct part parts[PARTS_MAX] = {{.start = main.vaddr, .end = main.vaddr + main.size}};
    size_t n = read_part(elf, &parts[0]);
    for (size_t i = 0; i < n; i++) {
        n = follow_jumps(elf, parts, n, i);
        vec_push(&l->eval, ((struct code_span){parts[i].start + bias, parts[i].end + bias}));
    }
    for (size_t i = 0; i < n; i++)
        free(parts[i].bytes);
}

static void add_functions(struct loop *l, bool eval, struct elf_symbols *symbols, uint64_t bias,
                          const char *const *prefixes, size_t n)
{
    size_t count;
    struct elf_range *found = elf_symbols_functions(symbols, prefixes, n, &count);
    for (size_t i = 0; i < count; i++) {
        struct code_span span = {found[i].vaddr + bias, found[i].vaddr + bias + found[i].size};
        if (eval)
            vec_push(&l->eval, span);
        else
            vec_push(&l->interpreter, span);
    }
    free(found);
}

static void read_file(struct loop *l, int fd, uint64_t start, uint64_t offset, bool whole)
{
    /* The second: what a loop of tail calls consists of (3.14 and later, by clang). */
    static const char *const loop_names[] = {"_PyEval_EvalFrameDefault", "_TAIL_CALL_"};
    static const char *const python_names[] = {"Py", "_Py"};
    struct elf_symbols *symbols = elf_symbols_open(fd);
    struct elf_range main;
    uint64_t vaddr;
    if (!symbols || !elf_symbols_vaddr(symbols, offset, &vaddr)) {
        elf_symbols_close(symbols);
        close(fd);
        return;
    }
    uint64_t bias = start - vaddr;
    add_functions(l, true, symbols, bias, loop_names, 2);
    if (!whole)
        add_functions(l, false, symbols, bias, python_names, 2);
    bool found = elf_symbols_find(symbols, loop_names, 1, &main, NULL);
    elf_symbols_close(symbols);
    struct elf_file elf;
    if (!elf_file_open(&elf, fd)) /* closes fd if not */
        return;
    if (found)
        add_split_parts(l, &elf, bias, main);
    elf_file_close(&elf);
}

static void load(struct loop *l, const struct runtime *r, pid_t pid)
{
    struct maps maps;
    maps_init(&maps);
    l->ready = true;
    const struct mapping *first =
        maps_read(&maps, pid, NULL, NULL) ? maps_find(&maps, r->module) : NULL;
    if (first && maps_is_file(&maps, first)) {
        bool whole = strstr(path_base(maps_path(&maps, first)), "python") != NULL;
        for (size_t i = 0; i < maps.list.n && whole; i++) {
            const struct mapping *map = &maps.list.at[i];
            if ((map->perms & MAP_EXEC) && maps_same_file(map, first))
                vec_push(&l->interpreter, ((struct code_span){map->start, map->end}));
        }
        int fd = maps_open_file(&maps, first, NULL);
        if (fd >= 0)
            read_file(l, fd, first->start, first->offset, whole);
    }
    maps_clear(&maps);
    l->eval.n = join(l->eval.at, l->eval.n);
    l->interpreter.n = join(l->interpreter.at, l->interpreter.n);
}

void loop_clear(struct loop *l)
{
    vec_free(&l->eval);
    vec_free(&l->interpreter);
    l->ready = false;
}

bool loop_is_eval(struct loop *l, const struct runtime *r, pid_t pid, uint64_t address)
{
    if (!l->ready)
        load(l, r, pid);
    return holds(l->eval.at, l->eval.n, address);
}

bool loop_is_interpreter(struct loop *l, const struct runtime *r, pid_t pid, uint64_t address)
{
    if (!l->ready)
        load(l, r, pid);
    return holds(l->interpreter.at, l->interpreter.n, address);
}
