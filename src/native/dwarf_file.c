/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See dwarf_file.h. The unit of an address is found by .debug_aranges or, as not every compiler
 * writes that, in a sorted list of all units' ranges, which is made when it is first needed.
 */
#include "native/dwarf_file.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "native/demangle.h"

#define UNITS_MAX     1000000u
#define SCOPES_MAX    64
#define DEPTH_MAX     64
#define DIES_MAX      20000000u
#define QUALIFIED_MAX 1024u

struct unit_range {
    uint64_t start, end;
    Dwarf_Off unit;
};

struct dwarf_file {
    Dwarf *dwarf;
    bool listed;
    VEC(struct unit_range) units; /* by start */
};

struct dwarf_file *dwarf_file_open(int fd, int debug_fd)
{
    Dwarf *dwarf = debug_fd >= 0 ? dwarf_begin(debug_fd, DWARF_C_READ) : NULL;
    if (!dwarf)
        dwarf = dwarf_begin(fd, DWARF_C_READ);
    if (!dwarf)
        return NULL;
    struct dwarf_file *f = xcalloc(1, sizeof *f);
    f->dwarf = dwarf;
    return f;
}

void dwarf_file_close(struct dwarf_file *f)
{
    if (!f)
        return;
    dwarf_end(f->dwarf);
    vec_free(&f->units);
    free(f);
}

static int by_start(const void *a, const void *b)
{
    const struct unit_range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static void list_units(struct dwarf_file *f)
{
    Dwarf_CU *cu = NULL;
    Dwarf_Half version;
    uint8_t type;
    Dwarf_Die die, split;
    f->listed = true;
    for (size_t i = 0; i < UNITS_MAX; i++) {
        if (dwarf_get_units(f->dwarf, cu, &cu, &version, &type, &die, &split))
            break;
        Dwarf_Addr base, start, end;
        ptrdiff_t at = 0;
        while ((at = dwarf_ranges(&die, at, &base, &start, &end)) > 0)
            if (start < end)
                vec_push(&f->units, ((struct unit_range){start, end, dwarf_dieoffset(&die)}));
    }
    vec_sort(&f->units, by_start);
}

static bool find_unit(struct dwarf_file *f, uint64_t vaddr, Dwarf_Die *unit)
{
    if (dwarf_addrdie(f->dwarf, vaddr, unit))
        return true;
    if (!f->listed)
        list_units(f);
    size_t low = sorted_upto(f->units.at, f->units.n, start, vaddr);
    return low && vaddr < f->units.at[low - 1].end &&
           dwarf_offdie(f->dwarf, f->units.at[low - 1].unit, unit);
}

static enum language unit_language(Dwarf_Die *unit)
{
    switch (dwarf_srclang(unit)) {
    case DW_LANG_C:
    case DW_LANG_C89:
    case DW_LANG_C99:
    case DW_LANG_C11:
        return LANGUAGE_C;
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
        return LANGUAGE_CXX;
    case DW_LANG_Rust:
        return LANGUAGE_RUST;
    case DW_LANG_Go:
        return LANGUAGE_GO;
    default:
        return LANGUAGE_NATIVE;
    }
}

/* Resolves "." and ".." and doubled slashes by the text alone, in place. */
static void tidy_path(char *path)
{
    char *to = path;
    for (const char *from = path; *from;) {
        size_t n = strcspn(from + 1, "/") + 1; /* "/name" */
        if (n == 1 || (n == 2 && from[1] == '.')) {
            from += n;
            continue;
        }
        if (n == 3 && from[1] == '.' && from[2] == '.') {
            while (to > path && *--to != '/') {
            }
        } else {
            memmove(to, from, n);
            to += n;
        }
        from += n;
    }
    *to = '\0';
}

/* Owned; NULL if there is no name. */
static char *absolute_path(const char *file, Dwarf_Die *unit)
{
    Dwarf_Attribute attr;
    if (!file || !*file)
        return NULL;
    char *path;
    const char *folder = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attr));
    if (file[0] != '/' && folder && folder[0] == '/')
        path = xasprintf("%s/%s", folder, file);
    else
        path = xstrdup(file);
    if (path[0] == '/')
        tidy_path(path);
    text_make_printable(path);
    return path;
}

/* "ns::Type::name" from what encloses the declaration, for functions without a linkage name. */
static char *qualified_name(Dwarf_Die *die, const char *name)
{
    Dwarf_Attribute attr;
    Dwarf_Die origin = *die, next, *scopes = NULL;
    for (int i = 0; i < 4; i++) {
        bool more = dwarf_formref_die(dwarf_attr(&origin, DW_AT_abstract_origin, &attr), &next) ||
                    dwarf_formref_die(dwarf_attr(&origin, DW_AT_specification, &attr), &next);
        if (!more)
            break;
        origin = next;
    }
    int n = dwarf_getscopes_die(&origin, &scopes);
    char qualified[QUALIFIED_MAX];
    struct text t = TEXT(qualified);
    for (int i = n - 1; i > 0; i--) {
        int tag = dwarf_tag(&scopes[i]);
        const char *part = dwarf_diename(&scopes[i]);
        if (tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type)
            text_add(&t, "%s::", part ? part : "(anonymous)");
    }
    free(scopes);
    text_add(&t, "%s", name);
    return xstrdup(qualified);
}

static char *function_name(Dwarf_Die *die, enum language *language)
{
    Dwarf_Attribute attr;
    const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));
    if (!name)
        name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr));
    if (name)
        return demangle(name, language);
    name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attr));
    if (!name)
        return NULL;
    char *found = *language == LANGUAGE_CXX || *language == LANGUAGE_RUST
                      ? qualified_name(die, name)
                      : demangle(name, language);
    text_make_printable(found);
    return found;
}

static uint32_t number(Dwarf_Die *die, unsigned name)
{
    Dwarf_Attribute attr;
    Dwarf_Word value;
    if (dwarf_formudata(dwarf_attr(die, name, &attr), &value) || value > UINT32_MAX)
        return 0;
    return (uint32_t)value;
}

static const char *call_file(Dwarf_Die *die, Dwarf_Die *unit)
{
    Dwarf_Files *files;
    size_t n;
    uint32_t index = number(die, DW_AT_call_file);
    if (dwarf_getsrcfiles(unit, &files, &n) || index >= n)
        return NULL;
    return dwarf_filesrc(files, index, NULL, NULL);
}

/* DWARF 5 counts files from 0, which is the unit's own; elfutils 0.188 takes 0 for "none". */
static const char *decl_file(Dwarf_Die *die, Dwarf_Die *unit)
{
    const char *file = dwarf_decl_file(die);
    Dwarf_Attribute attr;
    if (file || !dwarf_attr_integrate(die, DW_AT_decl_file, &attr))
        return file;
    Dwarf_Files *files;
    size_t n;
    return dwarf_getsrcfiles(unit, &files, &n) || !n ? NULL : dwarf_filesrc(files, 0, NULL, NULL);
}

/* Adds the function of one scope. `file` and `line` say where it executes. */
static void add_place(struct symbol_places *out, Dwarf_Die *die, Dwarf_Die *unit, const char *file,
                      uint32_t line)
{
    struct symbol_place *p = &out->at[out->n];
    enum language language = unit_language(unit);
    int declared = 0;
    p->name = function_name(die, &language);
    if (!p->name)
        return;
    out->n++;
    p->language = language;
    const char *declared_in = decl_file(die, unit);
    if (declared_in && !dwarf_decl_line(die, &declared) && declared > 0)
        p->first_line = (uint32_t)declared;
    p->file = absolute_path(declared_in ? declared_in : file, unit);
    /* A body that is #included from elsewhere: its lines are not this file's. */
    char *executing = absolute_path(file, unit);
    if (executing && p->file && !strcmp(executing, p->file))
        p->line = line;
    free(executing);
}

/* Functions, real and inlined, around pc, outermost first. */
struct scopes {
    uint64_t pc;
    Dwarf_Die at[SCOPES_MAX];
    size_t n;
    unsigned budget; /* entries still to be looked at */
    bool into_types; /* Rust puts functions into types; C++ bodies stand outside of them */
};

/* Walks the entries under `in`. (dwarf_getscopes does not look into namespaces, where Rust keeps
 * its functions.) false: no function there holds pc. */
static bool find_scopes(Dwarf_Die *in, struct scopes *s, unsigned depth)
{
    Dwarf_Die die;
    if (depth > DEPTH_MAX || dwarf_child(in, &die))
        return false;
    do {
        int tag = dwarf_tag(&die);
        bool function = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
        bool block =
            tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
        if (!s->budget--) {
            s->budget = 0;
            return false;
        }
        if (function ? dwarf_haspc(&die, s->pc) == 1
                     : block && (dwarf_haspc(&die, s->pc) == 1 ||
                                 (!dwarf_hasattr(&die, DW_AT_low_pc) &&
                                  !dwarf_hasattr(&die, DW_AT_ranges)))) {
            if (function && s->n < SCOPES_MAX)
                s->at[s->n++] = die;
            if (find_scopes(&die, s, depth + 1) || function)
                return true;
        } else if (tag == DW_TAG_namespace || tag == DW_TAG_module ||
                   (s->into_types &&
                    (tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
                     tag == DW_TAG_union_type || tag == DW_TAG_enumeration_type))) {
            if (find_scopes(&die, s, depth + 1))
                return true;
        }
    } while (dwarf_siblingof(&die, &die) == 0);
    return false;
}

bool dwarf_file_find(struct dwarf_file *f, uint64_t vaddr, struct symbol_places *out)
{
    Dwarf_Die unit;
    out->n = 0;
    memset(out->at, 0, sizeof out->at);
    if (!find_unit(f, vaddr, &unit))
        return false;
    int line = 0;
    Dwarf_Line *row = dwarf_getsrc_die(&unit, vaddr);
    const char *file = row ? dwarf_linesrc(row, NULL, NULL) : NULL;
    if (!row || dwarf_lineno(row, &line) || line < 0)
        line = 0;
    struct scopes scopes = {.pc = vaddr,
                            .budget = DIES_MAX,
                            .into_types = unit_language(&unit) != LANGUAGE_C &&
                                          unit_language(&unit) != LANGUAGE_CXX};
    if (!find_scopes(&unit, &scopes, 0))
        return false;
    uint32_t at = (uint32_t)line;
    const size_t room = sizeof out->at / sizeof out->at[0];
    for (size_t i = scopes.n; i-- > 0;) {
        Dwarf_Die *die = &scopes.at[i];
        if (out->n == room) /* the outermost is the function itself: it replaces the last */
            symbol_place_clear(&out->at[--out->n]);
        add_place(out, die, &unit, file, at);
        if (dwarf_tag(die) == DW_TAG_subprogram)
            break;
        file = call_file(die, &unit);
        at = number(die, DW_AT_call_line);
    }
    return out->n > 0;
}
