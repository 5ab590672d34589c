/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a pid to the address of _PyRuntime and the layout of its version.
 *
 * 3.6 has no _PyRuntime (old_runtime.h). _PyRuntime is an exported symbol from 3.7 on and survives
 * strip; from 3.10 on it also has a section of its own. Py_Version is exported from 3.11, and 3.13
 * begins _PyRuntime with its version and offsets; before, the version has to be found among the
 * binary's strings.
 */
#include "python/runtime.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/text.h"
#include "native/elf_symbol.h"
#include "python/old_runtime.h"
#include "python/version.h"
#include "target/maps.h"
#include "target/remote.h"

#define RODATA_MAX (64u << 20)
#define OLD_MINOR  6 /* the last without _PyRuntime */

/* What one mapped file turned out to be. */
struct candidate {
    bool python;
    bool old;                     /* to 3.6 (and 2): there is no _PyRuntime */
    struct old_runtime variables; /* if old */
    uint64_t bias, start, none;
    uint64_t runtime;    /* address */
    uint64_t py_version; /* address; 0: none */
    struct version version;
};

static void candidate_version(struct candidate *c, struct elf_symbols *elf, pid_t pid,
                              const char *path)
{
    uint64_t head[2], hex;
    if (!c->old && remote_read(pid, c->runtime, head, sizeof head) &&
        !memcmp(head, PUBLISHED_COOKIE, sizeof head[0])) {
        c->version = version_from_hex(head[1]);
        return;
    }
    if (c->py_version && remote_read(pid, c->py_version, &hex, sizeof hex)) {
        c->version = version_from_hex(hex);
        return;
    }
    size_t size;
    const void *rodata = elf_symbols_section_bytes(elf, ".rodata", RODATA_MAX, &size);
    if (rodata)
        c->version = version_from_strings(rodata, size);
    /* _PyRuntime says that it is none of those: the number was another library's. */
    if (!c->old && (c->version.major != 3 || c->version.minor <= OLD_MINOR))
        c->version = (struct version){0};
    if (!c->version.major)
        c->version = version_from_file_name(path_base(path));
}

/*
 * Files that were looked into and have no Python in them, by what identifies their contents: to
 * look through the names of a large program takes 0.1 s, and each census and each new try would do
 * so again. For all threads: a place is overwritten at worst.
 */
static _Atomic uint64_t without_python[1024];

static _Atomic uint64_t *without_python_place(int fd, uint64_t *identity)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return NULL;
    uint64_t hash = hash_mix(hash_u64(st.st_dev), st.st_ino);
    hash = hash_mix(hash_mix(hash, (uint64_t)st.st_size), (uint64_t)st.st_ctim.tv_sec);
    *identity = hash_mix(hash, (uint64_t)st.st_ctim.tv_nsec);
    return &without_python[*identity % (sizeof without_python / sizeof *without_python)];
}

/* Looks into the file of a mapping; `first` is the file's lowest one, which tells the bias. */
static struct candidate look_into(const struct maps *maps, const struct mapping *first)
{
    static const char *const names[] = {"_PyRuntime", "_PyThreadState_Current"};
    static const char *const version_name[] = {"Py_Version"}, *const none_name[] = {
                                                                  "_Py_NoneStruct"};
    struct candidate c = {0};
    int fd = maps_open_file(maps, first, NULL);
    if (fd < 0)
        return c;
    uint64_t identity = 0;
    _Atomic uint64_t *known = without_python_place(fd, &identity);
    if (known && *known == identity) {
        close(fd);
        return c;
    }
    struct elf_symbols *elf = elf_symbols_open(fd);
    struct elf_range range;
    size_t which = 0;
    uint64_t vaddr;
    if (elf && elf_symbols_vaddr(elf, first->offset, &vaddr) &&
        (elf_symbols_find(elf, names, 2, &range, &which) ||
         elf_symbols_section(elf, ".PyRuntime", &range))) {
        c.python = true;
        c.old = which == 1;
        c.bias = first->start - vaddr;
        c.start = first->start;
        c.runtime = c.bias + range.vaddr;
        if (c.old) {
            c.variables.current = c.runtime;
            old_runtime_symbols(&c.variables, elf, c.bias,
                                strstr(path_base(maps_path(maps, first)), "python") != NULL);
        }
        if (elf_symbols_find(elf, version_name, 1, &range, NULL))
            c.py_version = c.bias + range.vaddr;
        if (elf_symbols_find(elf, none_name, 1, &range, NULL))
            c.none = c.bias + range.vaddr;
        candidate_version(&c, elf, maps->pid, maps_path(maps, first));
    } else if (elf && known) {
        *known = identity;
    }
    elf_symbols_close(elf);
    close(fd);
    return c;
}

/* The lowest mapping of each file that has code, once. NULL if map is not the one to look at. */
static const struct mapping *first_of_code(const struct maps *maps, size_t i)
{
    const struct mapping *map = &maps->list.at[i];
    if (!(map->perms & MAP_EXEC) || !maps_is_file(maps, map))
        return NULL;
    const struct mapping *first = map;
    while (first > maps->list.at && maps_same_file(first - 1, map)) {
        first--;
        if (first->perms & MAP_EXEC)
            return NULL; /* looked at already */
    }
    return first;
}

static struct candidate find_candidate(const struct maps *maps)
{
    /* Names only decide what is looked at first. */
    for (int likely = 1; likely >= 0; likely--) {
        for (size_t i = 0; i < maps->list.n; i++) {
            const struct mapping *first = first_of_code(maps, i);
            if (!first || (strstr(path_base(maps_path(maps, first)), "python") != NULL) != likely)
                continue;
            struct candidate c = look_into(maps, first);
            if (c.python)
                return c;
        }
    }
    return (struct candidate){0};
}

static enum python_found unsupported(pid_t pid, const struct version *v, struct err *err)
{
    if (!v->major)
        err_set(err,
                "process %d runs a Python whose version cannot be told; supported are %s, in "
                "builds that kept their symbols or strings",
                pid, layout_versions());
    else
        err_set(err,
                "process %d runs Python %s%s; supported are %s: run the program with one of "
                "those to see its Python functions",
                pid, v->text, v->early ? ", a pre-release" : "", layout_versions());
    return PYTHON_UNSUPPORTED;
}

/* From the layout to addresses. */
static bool place(struct runtime *out, const struct candidate *c, pid_t pid)
{
    const struct layout *l = &out->layout;
    if (c->old)
        return old_runtime_find(&c->variables, pid, out);
    out->interpreters = out->address + l->rt_interpreters.at;
    if (l->rt_collecting.size)
        out->collecting = out->address + l->rt_collecting.at;
    if (!l->interp_gil.size)
        out->gil = out->address + l->rt_gil.at;
    return true;
}

enum python_found runtime_find(struct runtime *out, pid_t pid, struct err *err)
{
    struct maps maps;
    maps_init(&maps);
    if (!maps_read(&maps, pid, NULL, err)) {
        maps_clear(&maps);
        return PYTHON_NONE;
    }
    struct candidate c = find_candidate(&maps);
    maps_clear(&maps);
    if (!c.python)
        return PYTHON_NONE;
    const struct layout *layout = c.version.major == 3 ? layout_find(c.version.minor) : NULL;
    if (!layout || c.version.early || c.old != (layout->minor <= OLD_MINOR))
        return unsupported(pid, &c.version, err);
    *out = (struct runtime){
        .address = c.runtime, .module = c.start, .none = c.none, .layout = *layout};
    snprintf(out->version, sizeof out->version, "%s", c.version.text);
    if (c.version.micro_known)
        layout_adjust(&out->layout, c.version.micro);
    uint8_t table[PUBLISHED_BYTES] = {0};
    if (!c.old)
        remote_read_some(pid, c.runtime, table, sizeof table);
    if (!layout_apply_published(&out->layout, table, err))
        return PYTHON_UNSUPPORTED;
    if (!place(out, &c, pid) || !runtime_ready(out, pid)) {
        err_set(err, "Python %s in process %d is still starting", out->version, pid);
        return PYTHON_NOT_READY;
    }
    return PYTHON_FOUND;
}

bool runtime_ready(const struct runtime *r, pid_t pid)
{
    const struct layout *l = &r->layout;
    uint32_t initialized = 1;
    uint64_t interp = 0, thread = 0;
    if (l->rt_initialized.size &&
        !remote_read(pid, r->address + l->rt_initialized.at, &initialized, sizeof initialized))
        return false;
    return initialized && remote_read(pid, r->interpreters, &interp, sizeof interp) && interp &&
           remote_read(pid, interp + l->interp_threads.at, &thread, sizeof thread) && thread;
}
