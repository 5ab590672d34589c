/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See symbols.h. libelf reads the sections (also compressed ones); the file is not mapped, so that
 * one that is cut short meanwhile is a short read.
 *
 * Invariant: `list` is sorted by address, with one symbol for an address.
 */
#include "native/symbols.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/vec.h"
#include "native/elf_file.h"
#include "native/go_table.h"

#define SYMBOLS_MAX      (16u << 20)
#define SECTION_SIZE_MAX (512ull << 20)
#define INFLATION_MAX    100u /* times: a section that grows more is a trap */
#define NAME_PIECE       256u

struct symbol_entry {
    uint64_t start;
    uint32_t size; /* bytes; UINT32_MAX: that or more */
    uint32_t name; /* offset in the string table */
};

struct symbols {
    struct elf_file module;
    struct elf_file debug; /* with has_debug: where the names are */
    bool has_debug;
    VEC(struct symbol_entry) list;
    uint64_t names_at, names_size; /* the string table in its file */
    char *names;                   /* owned copy if it is compressed there; else NULL */
    bool go;
    bool has_debug_info;
    bool exported_only; /* the names are .dynsym's: some functions have none */
    struct debuglink debuglink;
};

/* While the table is made: what decides between names for one address. */
struct candidate {
    struct symbol_entry entry;
    uint16_t rank; /* lower is better */
};
struct candidates {
    VEC(struct candidate) list;
};

static size_t underscores(const char *names, size_t size, uint32_t at)
{
    size_t n = 0;
    while (at + n < size && names[at + n] == '_')
        n++;
    return n;
}

/* Where the version begins that a linker has added to a name ("read@@GLIBC_2.2.5"); the name's
 * length where it has none. */
static size_t version_at(const char *name, size_t length)
{
    const char *at = memchr(name, '@', length);
    size_t n = at ? (size_t)(at - name) : length;
    size_t signs = n + 1 < length && name[n + 1] == '@' ? 2 : 1;
    bool version = n > 0 && n + signs < length && name[n + signs] >= 'A' && name[n + signs] <= 'Z';
    return version ? n : length;
}

/* What a programmer calls it comes first: names that other files can use before those that they
 * cannot, the version that is linked with today before older ones, then few leading underscores
 * (nanosleep, not __nanosleep), strong before weak, short before long. A mangled name's underscore
 * does not count. */
static uint16_t rank_of(const GElf_Sym *sym, const char *names, size_t size)
{
    unsigned bind = GELF_ST_BIND(sym->st_info);
    size_t n = underscores(names, size, sym->st_name);
    if (n == 1 && sym->st_name + 1 < size &&
        (names[sym->st_name + 1] == 'Z' || names[sym->st_name + 1] == 'R'))
        n = 0;
    const char *name = names + sym->st_name;
    size_t whole = strnlen(name, size - sym->st_name), length = version_at(name, whole);
    bool old = length + 1 < whole && name[length + 1] != '@';
    return (uint16_t)((bind == STB_LOCAL) << 15 | old << 14 | (n > 31 ? 31 : n) << 9 |
                      (bind == STB_WEAK) << 8 | (length > 255 ? 255 : length));
}

static int by_address(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->entry.start != y->entry.start)
        return x->entry.start < y->entry.start ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return x->entry.name < y->entry.name ? -1 : x->entry.name > y->entry.name;
}

static void add_symbols(struct candidates *c, const Elf_Data *data, const char *names, size_t size)
{
    size_t n = data->d_size / sizeof(Elf64_Sym);
    for (size_t i = 0; i < n && i < SYMBOLS_MAX; i++) {
        GElf_Sym sym;
        if (!gelf_getsym((Elf_Data *)data, (int)i, &sym))
            break;
        unsigned type = GELF_ST_TYPE(sym.st_info);
        if ((type != STT_FUNC && type != STT_GNU_IFUNC) || sym.st_shndx == SHN_UNDEF ||
            !sym.st_size || !sym.st_name || sym.st_name >= size)
            continue;
        struct candidate found = {
            .entry = {.start = sym.st_value,
                      .size = sym.st_size < UINT32_MAX ? (uint32_t)sym.st_size : UINT32_MAX,
                      .name = sym.st_name},
            .rank = rank_of(&sym, names, size),
        };
        vec_push(&c->list, found);
    }
}

static Elf_Data *section_data(Elf_Scn *section, bool *was_compressed)
{
    GElf_Shdr sh;
    GElf_Chdr ch;
    *was_compressed = false;
    if (!gelf_getshdr(section, &sh) || sh.sh_type == SHT_NOBITS || sh.sh_size > SECTION_SIZE_MAX)
        return NULL;
    if (sh.sh_flags & SHF_COMPRESSED) {
        if (!gelf_getchdr(section, &ch) || ch.ch_size > SECTION_SIZE_MAX ||
            ch.ch_size / INFLATION_MAX > sh.sh_size || elf_compress(section, 0, 0) < 0)
            return NULL;
        *was_compressed = true;
    }
    return elf_getdata(section, NULL);
}

static void keep(struct symbols *s, struct candidates *c)
{
    vec_sort(&c->list, by_address);
    vec_reserve(&s->list, c->list.n);
    for (size_t i = 0; i < c->list.n; i++)
        if (!s->list.n || vec_last(&s->list)->start != c->list.at[i].entry.start)
            vec_push(&s->list, c->list.at[i].entry);
    if (s->list.n < s->list.cap / 2) {
        s->list.at = xrealloc(s->list.at, (s->list.n + 1) * sizeof *s->list.at);
        s->list.cap = s->list.n + 1;
    }
}

/* Fills s->list from one symbol table section and the string table that it names. */
static bool load_table(struct symbols *s, Elf *elf, Elf_Scn *section)
{
    GElf_Shdr sh, names_sh;
    bool compressed;
    if (!gelf_getshdr(section, &sh))
        return false;
    Elf_Scn *names_section = elf_getscn(elf, sh.sh_link);
    const Elf_Data *data = section_data(section, &compressed);
    if (!data || data->d_type != ELF_T_SYM || !names_section)
        return false;
    const Elf_Data *names = section_data(names_section, &compressed);
    if (!names || !names->d_size || !gelf_getshdr(names_section, &names_sh))
        return false;
    struct candidates c = {0};
    add_symbols(&c, data, names->d_buf, names->d_size);
    if (!c.list.n)
        return false;
    keep(s, &c);
    vec_free(&c.list);
    s->names_at = names_sh.sh_offset;
    s->names_size = names->d_size;
    if (compressed) {
        s->names = xmalloc(names->d_size);
        memcpy(s->names, names->d_buf, names->d_size);
    }
    return true;
}

/* The module's own remarks: built by Go, where its debug file is. */
static void note_section(struct symbols *s, Elf_Scn *section, const char *name)
{
    bool compressed;
    if (text_ends_with(name, ".gopclntab") || !strcmp(name, ".go.buildinfo")) {
        s->go = true;
    } else if (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")) {
        s->has_debug_info = true;
    } else if (!strcmp(name, ".gnu_debuglink")) {
        const Elf_Data *data = section_data(section, &compressed);
        const char *end = data && data->d_size ? memchr(data->d_buf, 0, data->d_size) : NULL;
        if (!end || (size_t)(end - (const char *)data->d_buf) >= sizeof s->debuglink.name)
            return;
        size_t size = (size_t)(end - (const char *)data->d_buf), crc_at = (size + 4) & ~(size_t)3;
        memcpy(s->debuglink.name, data->d_buf, size + 1);
        if (crc_at <= data->d_size && data->d_size - crc_at >= sizeof s->debuglink.crc)
            memcpy(&s->debuglink.crc, (const char *)data->d_buf + crc_at, sizeof s->debuglink.crc);
    }
}

/* Reads the table of that type (SHT_SYMTAB, SHT_DYNSYM) of a file. */
static bool load_file(struct symbols *s, struct elf_file *file, GElf_Word type, bool notes)
{
    Elf *elf = file->fd >= 0 ? elf_begin(file->fd, ELF_C_READ, NULL) : NULL;
    size_t names;
    bool loaded = false;
    if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &names) < 0) {
        elf_end(elf);
        return false;
    }
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr sh;
        if (!gelf_getshdr(section, &sh))
            continue;
        const char *name = elf_strptr(elf, names, sh.sh_name);
        if (notes && name)
            note_section(s, section, name);
        if (!loaded && sh.sh_type == type)
            loaded = load_table(s, elf, section);
    }
    elf_end(elf);
    return loaded;
}

/* Go's own table, which is left in a stripped binary. */
static bool load_go_table(struct symbols *s)
{
    Elf *elf = s->module.fd >= 0 ? elf_begin(s->module.fd, ELF_C_READ, NULL) : NULL;
    size_t names;
    uint64_t text = 0;
    struct go_table table = {.names_at = 0};
    struct candidates c = {0};
    bool compressed;
    if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getshdrstrndx(elf, &names) < 0) {
        elf_end(elf);
        return false;
    }
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section)) && !c.list.n;) {
        GElf_Shdr sh;
        const char *name = gelf_getshdr(section, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
        if (name && !strcmp(name, ".text"))
            text = sh.sh_addr;
        if (!name || !text_ends_with(name, ".gopclntab"))
            continue;
        const Elf_Data *data = section_data(section, &compressed);
        if (!data || compressed || !data->d_buf ||
            !go_table_parse(&table, data->d_buf, data->d_size, text))
            continue;
        s->names_at = sh.sh_offset + table.names_at;
        s->names_size = table.names_size;
        for (size_t i = 0; i < table.list.n; i++) {
            const struct go_function *f = &table.list.at[i];
            vec_push(&c.list, ((struct candidate){{f->start, f->size, f->name}, 0}));
        }
        go_table_clear(&table);
    }
    elf_end(elf);
    keep(s, &c);
    vec_free(&c.list);
    return s->list.n > 0;
}

struct symbols *symbols_open(pid_t pid, const char *path, const char *build_id, const char *fetched)
{
    struct symbols *s = xcalloc(1, sizeof *s);
    s->module.fd = s->debug.fd = -1;
    elf_version(EV_CURRENT);
    int fd = module_file_open(pid, path, build_id);
    if (fd < 0 || !elf_file_open(&s->module, fd))
        return s;
    if (load_file(s, &s->module, SHT_SYMTAB, true))
        return s;
    fd = debug_file_open(pid, path, s->module.build_id, &s->debuglink);
    if (fd < 0 && fetched)
        fd = debug_file_open_fetched(fetched, s->module.build_id);
    if (fd >= 0 && elf_file_open(&s->debug, fd)) {
        s->has_debug = true;
        if (load_file(s, &s->debug, SHT_SYMTAB, false))
            return s;
        elf_file_close(&s->debug);
        s->has_debug = false;
    }
    if (s->go && load_go_table(s))
        return s;
    s->exported_only = load_file(s, &s->module, SHT_DYNSYM, false);
    return s;
}

void symbols_free(struct symbols *s)
{
    if (!s)
        return;
    elf_file_close(&s->module);
    elf_file_close(&s->debug);
    vec_free(&s->list);
    free(s->names);
    free(s);
}

static void read_name(struct symbols *s, uint64_t at, char *to, size_t size)
{
    size_t n = 0;
    *to = '\0';
    if (at >= s->names_size)
        return;
    size_t left = s->names_size - at < size - 1 ? (size_t)(s->names_size - at) : size - 1;
    while (n < left) {
        size_t piece = left - n < NAME_PIECE ? left - n : NAME_PIECE;
        if (s->names)
            memcpy(to + n, s->names + at + n, piece);
        else if (!elf_file_pread(s->has_debug ? &s->debug : &s->module, s->names_at + at + n,
                                 to + n, piece))
            break;
        if (memchr(to + n, 0, piece))
            return;
        n += piece;
    }
    to[n] = '\0';
}

bool symbols_find(struct symbols *s, uint64_t vaddr, struct symbol *out)
{
    size_t low = sorted_upto(s->list.at, s->list.n, start, vaddr);
    uint64_t end;
    bool bounded =
        (s->exported_only || !s->list.n) && elf_file_function(&s->module, vaddr, &out->start, &end);
    /* A few back: a short one may stand within a longer one. */
    for (size_t i = low; i > 0 && low - i < 8; i--) {
        const struct symbol_entry *e = &s->list.at[i - 1];
        if (vaddr - e->start >= e->size || (s->exported_only && bounded && e->start < out->start))
            continue;
        out->start = e->start;
        out->size = e->size;
        read_name(s, e->name, out->name, sizeof out->name);
        return true;
    }
    out->name[0] = '\0';
    if (!bounded && !elf_file_function(&s->module, vaddr, &out->start, &end))
        return false;
    out->size = end == UINT64_MAX ? 0 : end - out->start;
    return true;
}

size_t symbols_count(const struct symbols *s)
{
    return s->list.n;
}

size_t symbols_bytes(const struct symbols *s)
{
    return sizeof *s + s->list.cap * sizeof *s->list.at + (s->names ? s->names_size : 0);
}

bool symbols_is_go(const struct symbols *s)
{
    return s->go;
}

bool symbols_lacks_debug(const struct symbols *s)
{
    return !s->has_debug_info;
}

const char *symbols_build_id(const struct symbols *s)
{
    return s->module.build_id;
}

const struct debuglink *symbols_debuglink(const struct symbols *s)
{
    return &s->debuglink;
}
