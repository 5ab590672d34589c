/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See kallsyms.h. Modules follow the kernel itself in the file, so it is sorted here. */
#include "native/kallsyms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

#define SYMBOLS_MAX 1000000u
#define NAMES_MAX   (64u << 20)
/* Further behind the last symbol lies something else. */
#define FUNCTION_MAX (1u << 20)

struct kernel_symbol {
    uint64_t address;
    uint32_t name; /* in names */
};

struct kallsyms {
    VEC(struct kernel_symbol) symbols; /* by address */
    VEC(char) names;
};

static int by_address(const void *x, const void *y)
{
    const struct kernel_symbol *a = x, *b = y;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return a->name < b->name ? -1 : 1;
}

/* "ffffffff81000000 T _stext", behind it perhaps "\t[module]". */
static void add_line(struct kallsyms *k, char *line)
{
    char *end;
    uint64_t address = strtoull(line, &end, 16);
    if (end == line || !address || end[0] != ' ' || !end[1] || !strchr("tTwW", end[1]) ||
        end[2] != ' ')
        return;
    char *name = end + 3;
    name[strcspn(name, " \t\n")] = '\0';
    size_t size = strlen(name) + 1;
    if (size == 1 || k->names.n + size > NAMES_MAX || k->symbols.n >= SYMBOLS_MAX)
        return;
    struct kernel_symbol s = {address, (uint32_t)k->names.n};
    vec_push(&k->symbols, s);
    vec_append(&k->names, name, size);
}

struct kallsyms *kallsyms_read(const char *path)
{
    struct kallsyms *k = xcalloc(1, sizeof *k);
    char line[1024];
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f))
        add_line(k, line);
    if (f)
        fclose(f);
    vec_sort(&k->symbols, by_address);
    return k;
}

void kallsyms_free(struct kallsyms *k)
{
    if (!k)
        return;
    vec_free(&k->symbols);
    vec_free(&k->names);
    free(k);
}

const char *kallsyms_find(const struct kallsyms *k, uint64_t address)
{
    size_t low = sorted_upto(k->symbols.at, k->symbols.n, address, address);
    if (!low || address - k->symbols.at[low - 1].address > FUNCTION_MAX)
        return NULL;
    return k->names.at + k->symbols.at[low - 1].name;
}
