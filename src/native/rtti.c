/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rtti.h. What was found of a word is kept, also that it is nothing. Worker thread. */
#include "native/rtti.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/vec.h"
#include "native/demangle.h"
#include "target/remote.h"

#define RECENT      8192u   /* a power of two */
#define PROBES_MAX  200000u /* different words that are looked at: 1 s */
#define CLASSES_MAX 100000u
#define NAME_MAX_   4096u

struct range {
    uint64_t start, end;
};

struct rtti {
    pid_t pid;
    VEC(struct range) ranges; /* of files, and of what cannot be written: where vtables stand */
    struct {
        uint64_t word;
        uint32_t class_number;
    } recent[RECENT];
    struct map known;      /* words to classes, CLASS_NOT for none */
    struct map type_kinds; /* vtables of type information: 1 of a class, 0 not */
    struct map names;      /* hashes of names to classes */
    VEC(char *) classes;
    const struct maps *maps;
    uint32_t probes;
};

#define CLASS_NOT (UINT32_MAX - 1) /* MAP_NONE is taken */

struct rtti *rtti_new(pid_t pid, const struct maps *maps)
{
    struct rtti *r = xcalloc(1, sizeof *r);
    r->pid = pid;
    r->maps = maps;
    for (size_t i = 0; i < maps->list.n; i++) {
        const struct mapping *map = &maps->list.at[i];
        if (!(map->perms & MAP_READ) || ((map->perms & MAP_WRITE) && !maps_is_file(maps, map)))
            continue;
        if (r->ranges.n && vec_last(&r->ranges)->end == map->start) {
            vec_last(&r->ranges)->end = map->end;
            continue;
        }
        struct range range = {map->start, map->end};
        vec_push(&r->ranges, range);
    }
    for (size_t i = 0; i < RECENT; i++)
        r->recent[i].class_number = RTTI_NONE;
    return r;
}

void rtti_free(struct rtti *r)
{
    for (size_t i = 0; i < r->classes.n; i++)
        free(r->classes.at[i]);
    vec_free(&r->classes);
    vec_free(&r->ranges);
    map_free(&r->known);
    map_free(&r->type_kinds);
    map_free(&r->names);
    free(r);
}

const char *rtti_name(const struct rtti *r, uint32_t class_number)
{
    return r->classes.at[class_number];
}

bool rtti_cut(const struct rtti *r)
{
    return r->probes >= PROBES_MAX || r->classes.n >= CLASSES_MAX;
}

static bool in_ranges(const struct rtti *r, uint64_t addr)
{
    size_t n = sorted_upto(r->ranges.at, r->ranges.n, start, addr);
    return n && addr < r->ranges.at[n - 1].end;
}

/* Of a module, or what stands behind one: copies of a library's vtables are in a program's .bss. */
static bool may_be_data(const struct rtti *r, uint64_t addr)
{
    const struct mapping *map = maps_find(r->maps, addr);
    return !(addr & 7) && map && (map->perms & MAP_READ) &&
           (in_ranges(r, addr) || in_ranges(r, map->start - 1));
}

/* A name as it stands in type information: mangled, without the _Z. */
static bool read_name(const struct rtti *r, uint64_t addr, char *name)
{
    if (!in_ranges(r, addr) || !remote_read_string(r->pid, addr, name, NAME_MAX_) || !*name)
        return false;
    for (const char *c = name; *c; c++)
        if (!isgraph((unsigned char)*c))
            return false;
    return *name == '*' || isalnum((unsigned char)*name);
}

/* Type information whose first word points here is that of a class: this vtable's own type is one
 * of the ABI's three (2.9.5). */
static bool is_type_of_class(struct rtti *r, uint64_t vtable)
{
    uint32_t known = map_get(&r->type_kinds, vtable);
    if (known != MAP_NONE)
        return known;
    char name[NAME_MAX_];
    uint64_t type, words[2];
    bool is = may_be_data(r, vtable) && remote_read(r->pid, vtable - 8, &type, sizeof type) &&
              may_be_data(r, type) && remote_read(r->pid, type, words, sizeof words) &&
              read_name(r, words[1], name) &&
              (!strcmp(name, "N10__cxxabiv117__class_type_infoE") ||
               !strcmp(name, "N10__cxxabiv120__si_class_type_infoE") ||
               !strcmp(name, "N10__cxxabiv121__vmi_class_type_infoE"));
    map_set(&r->type_kinds, vtable, is);
    return is;
}

static uint32_t number_of(struct rtti *r, char *name)
{
    uint64_t key = hash_bytes(name, strlen(name));
    uint32_t found;
    for (size_t at = 0; (found = map_probe(&r->names, key, &at)) != MAP_NONE;)
        if (!strcmp(r->classes.at[found], name)) {
            free(name);
            return found;
        }
    found = (uint32_t)r->classes.n;
    vec_push(&r->classes, name);
    map_add(&r->names, key, found);
    return found;
}

/* Looks at what stands before the place that a word points to. */
static uint32_t probe(struct rtti *r, uint64_t word)
{
    char name[NAME_MAX_];
    uint64_t before[2], type[2]; /* offset to top, type; its vtable, its name */
    if (rtti_cut(r))
        return RTTI_NONE;
    r->probes++;
    if (!remote_read(r->pid, word - sizeof before, before, sizeof before) || before[0] ||
        !may_be_data(r, before[1]) || !remote_read(r->pid, before[1], type, sizeof type) ||
        !is_type_of_class(r, type[0]) || !read_name(r, type[1], name))
        return RTTI_NONE;
    return number_of(r, demangle_type(name[0] == '*' ? name + 1 : name));
}

uint32_t rtti_class(struct rtti *r, uint64_t word)
{
    if ((word & 7) || word < 4096)
        return RTTI_NONE;
    size_t slot = (word >> 3 ^ word >> 16) & (RECENT - 1);
    if (r->recent[slot].word == word)
        return r->recent[slot].class_number;
    uint32_t found = RTTI_NONE;
    if (in_ranges(r, word)) {
        found = map_get(&r->known, word);
        if (found == MAP_NONE) {
            found = probe(r, word);
            if (r->probes < PROBES_MAX)
                map_set(&r->known, word, found == RTTI_NONE ? CLASS_NOT : found);
        } else if (found == CLASS_NOT) {
            found = RTTI_NONE;
        }
    }
    r->recent[slot].word = word;
    r->recent[slot].class_number = found;
    return found;
}
