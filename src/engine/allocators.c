/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See allocators.h. */
#include "engine/allocators.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "native/elf_symbol.h"
#include "python/pymalloc.h"
#include "target/maps.h"
#include "target/remote.h"

/* As C's library has them. */
static const struct allocator_kin kin[] = {
    {"malloc", 0, -1, -1, -1},        {"calloc", 0, 1, -1, -1},         {"realloc", 1, -1, -1, 0},
    {"aligned_alloc", 1, -1, -1, -1}, {"posix_memalign", 2, -1, 0, -1}, {"memalign", 1, -1, -1, -1},
};
#define KIN (sizeof kin / sizeof *kin)

/* The C++ operators new and new[]: plain, that do not throw, aligned. They come with an allocator
 * of its own (jemalloc, tcmalloc, mimalloc), and then do not call its malloc. */
static const struct allocator_kin operators[] = {
    {"_Znwm", 0, -1, -1, -1},
    {"_Znam", 0, -1, -1, -1},
    {"_ZnwmRKSt9nothrow_t", 0, -1, -1, -1},
    {"_ZnwmSt11align_val_t", 0, -1, -1, -1},
};
#define OPERATORS (sizeof operators / sizeof *operators)

static const struct allocator_kin python_kin[] = {
    {"malloc", 1, -1, -1, -1}, {"calloc", 1, 2, -1, -1}, {"realloc", 2, -1, -1, 1}};

/* CPython's functions over them (Objects/obmalloc.c, 3.6 to 3.15), in the order of python_kin. They
 * call through a table; a build with profile feedback has what is usually in the table compiled
 * into them and does not call it. */
#define PYTHON_KIN (sizeof python_kin / sizeof *python_kin)
static const struct allocator_kin python_api[][PYTHON_KIN] = {
    {{"PyObject_Malloc", 0, -1, -1, -1},
     {"PyObject_Calloc", 0, 1, -1, -1},
     {"PyObject_Realloc", 1, -1, -1, 0}},
    {{"PyMem_Malloc", 0, -1, -1, -1},
     {"PyMem_Calloc", 0, 1, -1, -1},
     {"PyMem_Realloc", 1, -1, -1, 0}},
};
#define PYTHON_API        (sizeof python_api / sizeof *python_api)
#define COMPARED_IN_BYTES 96u

/* What an allocator may call its functions, where a program has it beside malloc: jemalloc (Redis;
 * Rust), mimalloc, tcmalloc. Under the same address they are the same function. */
static const char *const prefixes[] = {"", "je_", "_rjem_", "mi_", "tc_"};
#define PREFIXES (sizeof prefixes / sizeof *prefixes)

struct finding {
    pid_t pid;
    struct allocators *out;
    struct uprobes *u;
    const struct maps *maps;
    struct err *err;
};

static bool known(const struct allocators *a, uint64_t address)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->at[i].address == address)
            return true;
    return false;
}

/* file: of the mapping m, which holds the address. */
static void add(struct finding *f, const struct allocator_kin *k, enum heap_kind heap, int file,
                const struct mapping *m, const struct elf_range *at)
{
    struct allocators *a = f->out;
    uint64_t offset = at->vaddr - m->start + m->offset;
    bool entry = k->result >= 0 || k->old >= 0 || heap == HEAP_OTHER;
    if (a->n == UPROBE_POINTS_MAX || known(a, at->vaddr))
        return;
    struct allocator made = {
        .kin = k, .heap = heap, .at_entry = -1, .address = at->vaddr, .size = at->size};
    /* The entry first: then no return is seen without it. */
    if (entry && (made.at_entry = uprobes_add(f->u, file, offset, false, f->err)) < 0)
        return;
    made.at_return = uprobes_add(f->u, file, offset, true, f->err);
    if (made.at_return < 0)
        return;
    a->at[a->n++] = made;
}

/* A mapped file with its symbols. */
struct library {
    int file;
    const struct mapping *m; /* an executable one */
    struct elf_symbols *symbols;
    uint64_t bias;
    enum heap_kind heap;
};

/* symbols NULL: it has none, or they cannot be placed; file < 0: it cannot be opened. */
static struct library library_open(const struct finding *f, const struct mapping *m,
                                   struct err *err)
{
    struct library l = {.file = maps_open_file(f->maps, m, err), .m = m};
    uint64_t vaddr;
    l.symbols = l.file < 0 ? NULL : elf_symbols_open(l.file);
    if (l.symbols && elf_symbols_vaddr(l.symbols, m->offset, &vaddr)) {
        l.bias = m->start - vaddr;
    } else {
        elf_symbols_close(l.symbols);
        l.symbols = NULL;
    }
    return l;
}

static void library_close(struct library *l)
{
    elf_symbols_close(l->symbols);
    if (l->file >= 0)
        close(l->file);
}

static bool defines(const struct library *l, const char *prefix, const char *name,
                    struct elf_range *range)
{
    char whole[40];
    snprintf(whole, sizeof whole, "%s%s", prefix, name);
    const char *const names[] = {whole};
    return elf_symbols_find(l->symbols, names, 1, range, NULL);
}

static void add_defined(struct finding *f, const struct library *l, const char *prefix,
                        const struct allocator_kin *k)
{
    struct elf_range range;
    if (!defines(l, prefix, k->name, &range))
        return;
    range.vaddr += l->bias;
    const struct mapping *code = maps_find(f->maps, range.vaddr);
    if (code && code->perms & MAP_EXEC && maps_same_file(code, l->m))
        add(f, k, l->heap, l->file, code, &range);
}

static void look_into_symbols(struct finding *f, struct library *l)
{
    struct elf_range range;
    /* Other allocators have a __libc_malloc, too, but not this one. */
    l->heap = defines(l, "", "malloc_info", &range) ? HEAP_GLIBC : HEAP_OTHER;
    for (size_t p = 0; p < PREFIXES; p++) {
        if (!defines(l, prefixes[p], kin[0].name, &range))
            continue;
        bool own = *prefixes[p] || l->heap == HEAP_OTHER;
        enum heap_kind heap = l->heap;
        l->heap = own ? HEAP_OTHER : heap;
        for (size_t i = 0; i < KIN; i++)
            add_defined(f, l, prefixes[p], &kin[i]);
        for (size_t i = 0; own && !*prefixes[p] && i < OPERATORS; i++)
            add_defined(f, l, "", &operators[i]);
        l->heap = heap;
    }
}

/* m: an executable mapping. */
static void look_into(struct finding *f, const struct mapping *m)
{
    struct library l = library_open(f, m, NULL);
    if (l.symbols)
        look_into_symbols(f, &l);
    library_close(&l);
}

bool allocators_compares_with(const uint8_t *code, size_t n, uint64_t address, uint64_t with)
{
    for (size_t i = 2; i + 4 <= n; i++) {
        uint32_t word;
        memcpy(&word, code + i, sizeof word);
        /* cmp with what is known to be in the low 2 GB; lea of what is so far from here. */
        bool compared = with <= INT32_MAX && word == with &&
                        (code[i - 1] == 0x3d || (code[i - 1] & 0xf8) == 0xf8);
        bool taken = code[i - 2] == 0x8d && (code[i - 1] & 0xc7) == 0x05 &&
                     address + i + 4 + (uint64_t)(int64_t)(int32_t)word == with;
        if (compared || taken)
            return true;
    }
    return false;
}

/* The API's function, where the default one is compiled into it. */
static void add_compiled_in(struct finding *f, const struct library *l,
                            const struct allocator_kin *k, uint64_t function)
{
    uint8_t code[COMPARED_IN_BYTES];
    struct elf_range range;
    if (!defines(l, "", k->name, &range))
        return;
    range.vaddr += l->bias;
    if (range.size && range.size < sizeof code)
        return;
    if (!remote_read(f->pid, range.vaddr, code, sizeof code) ||
        !allocators_compares_with(code, sizeof code, range.vaddr, function))
        return;
    const struct mapping *m = maps_find(f->maps, range.vaddr);
    if (m && m->perms & MAP_EXEC)
        add(f, k, HEAP_PYMALLOC, l->file, m, &range);
    f->out->compiled_in = true;
}

static void add_python(struct finding *f, struct python *python)
{
    const struct pymalloc *p = python ? python_pymalloc(python) : NULL;
    if (!p)
        return;
    const uint64_t functions[PYTHON_KIN] = {p->malloc, p->calloc, p->realloc};
    for (size_t i = 0; i < PYTHON_KIN; i++) {
        const struct mapping *m = maps_find(f->maps, functions[i]);
        if (!m)
            continue;
        struct library l = library_open(f, m, f->err);
        struct elf_range at = {functions[i], 0};
        if (l.file >= 0)
            add(f, &python_kin[i], HEAP_PYMALLOC, l.file, m, &at);
        for (size_t k = 0; l.symbols && k < PYTHON_API; k++)
            add_compiled_in(f, &l, &python_api[k][i], functions[i]);
        library_close(&l);
    }
}

bool allocators_find(struct allocators *a, struct uprobes *u, pid_t pid, struct python *python,
                     struct err *err)
{
    struct maps maps;
    struct finding f = {pid, a, u, &maps, err};
    memset(a, 0, sizeof *a);
    maps_init(&maps);
    if (!maps_read(&maps, pid, NULL, err)) {
        maps_clear(&maps);
        return false;
    }
    add_python(&f, python);
    const struct mapping *last = NULL;
    for (size_t i = 0; i < maps.list.n; i++) {
        const struct mapping *m = &maps.list.at[i];
        if (!(m->perms & MAP_EXEC) || !maps_is_file(&maps, m) || (last && maps_same_file(m, last)))
            continue;
        last = m;
        look_into(&f, m);
    }
    maps_clear(&maps);
    return a->n || err_set(err,
                           "no allocator that can be probed was found in process %d: no "
                           "mapped file defines malloc (a stripped static program?); start it with "
                           "its symbols, or look at what enlarged it",
                           (int)pid);
}

bool allocators_say(pid_t pid, char *out, size_t size, bool *other, struct err *err)
{
    struct uprobe_options options = {.period = 0};
    struct uprobes *u = uprobes_new(pid, &options, err);
    struct allocators a;
    struct maps maps;
    out[0] = '\0';
    *other = false;
    maps_init(&maps);
    bool ok = u && allocators_find(&a, u, pid, NULL, err) && maps_read(&maps, pid, NULL, err);
    const struct mapping *last = NULL;
    size_t at = 0;
    for (size_t i = 0; ok && i < a.n; i++) {
        const struct mapping *m = maps_find(&maps, a.at[i].address);
        *other |= a.at[i].heap == HEAP_OTHER;
        if (!m || (last && maps_same_file(m, last)) || at >= size)
            continue;
        last = m;
        at += (size_t)snprintf(out + at, size - at, "%s%s in %s", at ? ", " : "", a.at[i].kin->name,
                               path_base(maps_path(&maps, m)));
    }
    maps_clear(&maps);
    uprobes_free(u);
    return ok;
}
