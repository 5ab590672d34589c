/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See allocators.h. */
#include "engine/allocators.h"

#include <string.h>
#include <unistd.h>

#include "native/elf_symbol.h"
#include "python/pymalloc.h"
#include "target/maps.h"

/* Those from OPERATORS on are the C++ operators new and new[], plain and aligned, where they come
 * with an allocator of its own (jemalloc, tcmalloc): others call malloc. */
static const struct allocator_kin kin[] = {
    {"malloc", 0, -1, -1},        {"calloc", 0, 1, -1},    {"realloc", 1, -1, -1},
    {"aligned_alloc", 1, -1, -1}, {"memalign", 1, -1, -1}, {"posix_memalign", 2, -1, 0},
    {"_Znwm", 0, -1, -1},         {"_Znam", 0, -1, -1},    {"_ZnwmSt11align_val_t", 0, -1, -1},
};
#define OPERATORS 6u
#define KIN       (sizeof kin / sizeof *kin)

static const struct allocator_kin python_kin[] = {
    {"malloc", 1, -1, -1}, {"calloc", 1, 2, -1}, {"realloc", 2, -1, -1}};

struct finding {
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
                const struct mapping *m, uint64_t address)
{
    struct allocators *a = f->out;
    uint64_t offset = address - m->start + m->offset;
    bool entry = k->result >= 0 || heap == HEAP_OTHER;
    if (a->n == UPROBE_POINTS_MAX || known(a, address))
        return;
    struct allocator made = {.kin = k, .heap = heap, .at_entry = -1, .address = address};
    made.at_return = uprobes_add(f->u, file, offset, true, f->err);
    if (made.at_return < 0)
        return;
    if (entry && (made.at_entry = uprobes_add(f->u, file, offset, false, f->err)) < 0)
        return;
    a->at[a->n++] = made;
}

/* m: an executable mapping, of which the file's load bias follows. */
static void look_into(struct finding *f, const struct mapping *m)
{
    static const char *const glibc[] = {"gnu_get_libc_version", "__libc_malloc"};
    int fd = maps_open_file(f->maps, m, NULL);
    struct elf_symbols *symbols = fd < 0 ? NULL : elf_symbols_open(fd);
    struct elf_range range;
    uint64_t vaddr;
    const char *const first[] = {kin[0].name};
    if (symbols && elf_symbols_find(symbols, first, 1, &range, NULL) &&
        elf_symbols_vaddr(symbols, m->offset, &vaddr)) {
        uint64_t bias = m->start - vaddr;
        struct elf_range unused;
        enum heap_kind heap =
            elf_symbols_find(symbols, glibc, 2, &unused, NULL) ? HEAP_GLIBC : HEAP_OTHER;
        for (size_t i = 0; i < (heap == HEAP_OTHER ? KIN : OPERATORS); i++) {
            const char *const name[] = {kin[i].name};
            if (!elf_symbols_find(symbols, name, 1, &range, NULL))
                continue;
            uint64_t address = bias + range.vaddr;
            const struct mapping *code = maps_find(f->maps, address);
            if (code && code->perms & MAP_EXEC && maps_same_file(code, m))
                add(f, &kin[i], heap, fd, code, address);
        }
    }
    elf_symbols_close(symbols);
    if (fd >= 0)
        close(fd);
}

static void add_python(struct finding *f, struct python *python)
{
    const struct pymalloc *p = python ? python_pymalloc(python) : NULL;
    if (!p)
        return;
    const uint64_t functions[] = {p->malloc, p->calloc, p->realloc};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const struct mapping *m = maps_find(f->maps, functions[i]);
        int fd = m ? maps_open_file(f->maps, m, f->err) : -1;
        if (fd < 0)
            continue;
        add(f, &python_kin[i], HEAP_PYMALLOC, fd, m, functions[i]);
        close(fd);
    }
}

bool allocators_find(struct allocators *a, struct uprobes *u, pid_t pid, struct python *python,
                     struct err *err)
{
    struct maps maps;
    struct finding f = {a, u, &maps, err};
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
                           "mapped file defines malloc (a stripped static program?)",
                           (int)pid);
}
