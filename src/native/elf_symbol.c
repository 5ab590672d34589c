/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A few names of one ELF file, through libelf (elf(3)). Every table is bounded by libelf against
 * the file's size; nothing here trusts a count or an index of the file's.
 */
#include "native/elf_symbol.h"

#include <gelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"

struct elf_symbols {
    Elf *elf;
};

struct elf_symbols *elf_symbols_open(int fd)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return NULL;
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    if (!elf)
        return NULL;
    if (elf_kind(elf) != ELF_K_ELF) {
        elf_end(elf);
        return NULL;
    }
    struct elf_symbols *f = xcalloc(1, sizeof *f);
    f->elf = elf;
    return f;
}

void elf_symbols_close(struct elf_symbols *f)
{
    if (!f)
        return;
    elf_end(f->elf);
    free(f);
}

/* The bytes of a table's string table. */
static Elf_Data *table_strings(Elf *elf, const GElf_Shdr *shdr)
{
    Elf_Scn *scn = elf_getscn(elf, shdr->sh_link);
    return scn ? elf_rawdata(scn, NULL) : NULL;
}

/* Most files have none of the names: looking for their bytes spares reading the symbols. */
static bool strings_have(const Elf_Data *strings, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memmem(strings->d_buf, strings->d_size, names[i], strlen(names[i]) + 1))
            return true;
    return false;
}

/* The number of the names that stands at `at` in the strings, or n. */
static size_t name_index(const Elf_Data *strings, size_t at, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(names[i]) + 1;
        if (at < strings->d_size && size <= strings->d_size - at &&
            !memcmp((const char *)strings->d_buf + at, names[i], size))
            return i;
    }
    return n;
}

static bool table_symbol(Elf *elf, Elf_Scn *scn, const GElf_Shdr *shdr, const char *const *names,
                         size_t n, struct elf_range *out, size_t *which)
{
    const Elf_Data *strings = table_strings(elf, shdr);
    if (!strings || !strings->d_buf || !strings_have(strings, names, n))
        return false;
    Elf_Data *data = elf_getdata(scn, NULL);
    if (!data || !shdr->sh_entsize)
        return false;
    size_t count = data->d_size / shdr->sh_entsize;
    for (size_t i = 0; i < count && i < INT_MAX; i++) {
        GElf_Sym sym;
        if (!gelf_getsym(data, (int)i, &sym))
            return false;
        if (sym.st_shndx == SHN_UNDEF || !sym.st_value)
            continue;
        size_t at = name_index(strings, sym.st_name, names, n);
        if (at == n)
            continue;
        *out = (struct elf_range){sym.st_value, sym.st_size};
        if (which)
            *which = at;
        return true;
    }
    return false;
}

bool elf_symbols_find(struct elf_symbols *f, const char *const *names, size_t n,
                      struct elf_range *out, size_t *which)
{
    static const GElf_Word types[] = {SHT_DYNSYM, SHT_SYMTAB};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        Elf_Scn *scn = NULL;
        while ((scn = elf_nextscn(f->elf, scn))) {
            GElf_Shdr shdr;
            if (gelf_getshdr(scn, &shdr) && shdr.sh_type == types[t] &&
                table_symbol(f->elf, scn, &shdr, names, n, out, which))
                return true;
        }
    }
    return false;
}

static Elf_Scn *section(struct elf_symbols *f, const char *name, GElf_Shdr *shdr)
{
    size_t strings;
    if (elf_getshdrstrndx(f->elf, &strings))
        return NULL;
    Elf_Scn *scn = NULL;
    while ((scn = elf_nextscn(f->elf, scn))) {
        if (!gelf_getshdr(scn, shdr))
            continue;
        const char *s = elf_strptr(f->elf, strings, shdr->sh_name);
        if (s && !strcmp(s, name))
            return scn;
    }
    return NULL;
}

bool elf_symbols_section(struct elf_symbols *f, const char *name, struct elf_range *out)
{
    GElf_Shdr shdr;
    if (!section(f, name, &shdr) || !(shdr.sh_flags & SHF_ALLOC))
        return false;
    *out = (struct elf_range){shdr.sh_addr, shdr.sh_size};
    return true;
}

bool elf_symbols_has(struct elf_symbols *f, const char *name)
{
    GElf_Shdr shdr;
    return section(f, name, &shdr) && shdr.sh_type != SHT_NOBITS;
}

const void *elf_symbols_section_bytes(struct elf_symbols *f, const char *name, size_t max,
                                      size_t *size)
{
    GElf_Shdr shdr;
    if (!section(f, name, &shdr) || shdr.sh_type == SHT_NOBITS)
        return NULL;
    size_t want = shdr.sh_size < max ? shdr.sh_size : max;
    Elf_Data *data = elf_getdata_rawchunk(f->elf, (int64_t)shdr.sh_offset, want, ELF_T_BYTE);
    if (!data || !data->d_buf)
        return NULL;
    *size = data->d_size;
    return data->d_buf;
}

static bool begins(const Elf_Data *strings, size_t at, const char *const *prefixes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t size = strlen(prefixes[i]);
        if (at < strings->d_size && size < strings->d_size - at &&
            !memcmp((const char *)strings->d_buf + at, prefixes[i], size))
            return true;
    }
    return false;
}

static int by_vaddr(const void *a, const void *b)
{
    const struct elf_range *x = a, *y = b;
    return x->vaddr < y->vaddr ? -1 : x->vaddr > y->vaddr;
}

struct elf_range *elf_symbols_functions(struct elf_symbols *f, const char *const *prefixes,
                                        size_t n, size_t *count)
{
    VEC(struct elf_range) found = {0};
    Elf_Scn *scn = NULL;
    while ((scn = elf_nextscn(f->elf, scn))) {
        GElf_Shdr shdr;
        if (!gelf_getshdr(scn, &shdr) || !shdr.sh_entsize ||
            (shdr.sh_type != SHT_SYMTAB && shdr.sh_type != SHT_DYNSYM))
            continue;
        const Elf_Data *strings = table_strings(f->elf, &shdr);
        Elf_Data *data = strings && strings->d_buf ? elf_getdata(scn, NULL) : NULL;
        if (!data)
            continue;
        size_t symbols = data->d_size / shdr.sh_entsize;
        for (size_t i = 0; i < symbols && i < INT_MAX; i++) {
            GElf_Sym sym;
            if (!gelf_getsym(data, (int)i, &sym))
                break;
            if (sym.st_shndx != SHN_UNDEF && sym.st_value && sym.st_size &&
                GELF_ST_TYPE(sym.st_info) == STT_FUNC && begins(strings, sym.st_name, prefixes, n))
                vec_push(&found, ((struct elf_range){sym.st_value, sym.st_size}));
        }
    }
    vec_sort(&found, by_vaddr);
    *count = found.n;
    return found.at;
}

bool elf_symbols_vaddr(struct elf_symbols *f, uint64_t offset, uint64_t *vaddr)
{
    size_t n;
    if (elf_getphdrnum(f->elf, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr phdr;
        if (!gelf_getphdr(f->elf, (int)i, &phdr) || phdr.p_type != PT_LOAD)
            continue;
        /* The kernel maps whole pages: the page in which the segment begins is part of it. */
        uint64_t slack = phdr.p_offset & 4095;
        if (offset >= phdr.p_offset - slack && offset < phdr.p_offset + phdr.p_filesz) {
            *vaddr = phdr.p_vaddr - phdr.p_offset + offset;
            return true;
        }
    }
    return false;
}
