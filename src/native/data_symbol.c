/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See data_symbol.h. Worker thread. */
#include "native/data_symbol.h"

#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "native/demangle.h"

#define SYMBOLS_MAX      (16u << 20)
#define SECTION_SIZE_MAX (512ull << 20)
#define NAME_CAP         4096u

/* The object in one table that holds vaddr: its name as in the file, or NULL. Owned. */
static char *search_table(Elf *elf, Elf_Scn *section, const GElf_Shdr *sh, uint64_t vaddr)
{
    Elf_Data *data = sh->sh_size <= SECTION_SIZE_MAX ? elf_getdata(section, NULL) : NULL;
    size_t n = data && data->d_type == ELF_T_SYM ? data->d_size / sizeof(Elf64_Sym) : 0;
    for (size_t i = 0; i < n && i < SYMBOLS_MAX; i++) {
        GElf_Sym sym;
        if (!gelf_getsym(data, (int)i, &sym))
            break;
        if (GELF_ST_TYPE(sym.st_info) != STT_OBJECT || sym.st_shndx == SHN_UNDEF ||
            vaddr < sym.st_value || vaddr - sym.st_value >= sym.st_size)
            continue;
        const char *name = elf_strptr(elf, sh->sh_link, sym.st_name);
        if (name && *name)
            return xstrndup(name, NAME_CAP);
    }
    return NULL;
}

/* vaddr of the first byte of a file that is loaded. */
static uint64_t first_vaddr(Elf *elf)
{
    size_t n = 0;
    elf_getphdrnum(elf, &n);
    for (size_t i = 0; i < n && i < 64; i++) {
        GElf_Phdr ph;
        if (gelf_getphdr(elf, (int)i, &ph) && ph.p_type == PT_LOAD)
            return ph.p_vaddr - ph.p_offset;
    }
    return 0;
}

/* *vaddr comes as an offset from where the file's first byte is mapped. */
static char *search_file(int fd, uint64_t *vaddr)
{
    char *name = NULL;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    if (elf && elf_kind(elf) == ELF_K_ELF) {
        *vaddr += first_vaddr(elf);
        for (Elf_Scn *s = NULL; !name && (s = elf_nextscn(elf, s));) {
            GElf_Shdr sh;
            if (gelf_getshdr(s, &sh) && (sh.sh_type == SHT_SYMTAB || sh.sh_type == SHT_DYNSYM))
                name = search_table(elf, s, &sh, *vaddr);
        }
    }
    elf_end(elf);
    return name;
}

char *data_symbol_name(const struct maps *maps, uint64_t addr)
{
    const struct mapping *map = maps_find(maps, addr), *base = NULL;
    if (map && !maps_is_file(maps, map)) /* .bss: what stands behind a module */
        map = maps_find(maps, map->start - 1);
    if (!map || !maps_is_file(maps, map))
        return xasprintf("0x%" PRIx64, addr);
    for (const struct mapping *m = map; m >= maps->list.at && !base; m--)
        if (maps_same_file(m, map) && m->offset == 0)
            base = m;
    const char *module = path_base(maps_path(maps, map));
    uint64_t vaddr = addr - (base ? base->start : map->start);
    int fd = base ? maps_open_file(maps, base, NULL) : -1;
    char *symbol = fd >= 0 ? search_file(fd, &vaddr) : NULL, *name;
    if (fd >= 0)
        close(fd);
    if (symbol) {
        enum language language;
        char *readable = demangle(symbol, &language);
        name = xasprintf("%s in %s", readable, module);
        free(readable);
    } else {
        name = xasprintf("%s+0x%" PRIx64, module, vaddr);
    }
    free(symbol);
    text_make_printable(name);
    return name;
}
