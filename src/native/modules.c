/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See modules.h. Files are opened when the first sample falls into them; only the most recently
 * used few stay open, for a family of processes would otherwise run out of descriptors.
 */
#include "native/modules.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "target/remote.h"

#define MODULE_UNKNOWN (UINT32_MAX - 1)
#define OPEN_FILES_MAX 12
#define VDSO_SIZE_MAX  65536u

void modules_init(struct modules *m, pid_t pid)
{
    memset(m, 0, sizeof *m);
    m->pid = pid;
    maps_init(&m->maps);
}

void modules_clear(struct modules *m)
{
    for (size_t i = 0; i < m->list.n; i++) {
        free((char *)m->list.at[i].name.path);
        free((char *)m->list.at[i].name.build_id);
        elf_file_close(&m->list.at[i].elf);
    }
    vec_free(&m->list);
    vec_free(&m->code);
    maps_clear(&m->maps);
}

static uint64_t mapping_hash(const struct maps *maps, const struct mapping *map, uint64_t hash)
{
    const char *path = maps_path(maps, map);
    hash = hash_mix(hash, map->start);
    hash = hash_mix(hash, map->end);
    hash = hash_mix(hash, map->offset);
    hash = hash_mix(hash, map->inode);
    return hash_mix(hash, hash_bytes(path, strlen(path)));
}

bool modules_refresh(struct modules *m, uint64_t now_ns, uint64_t max_age_ns)
{
    bool changed = false;
    if (m->read_ns && now_ns - m->read_ns < max_age_ns)
        return false;
    m->read_ns = now_ns;
    if (!maps_read(&m->maps, m->pid, &changed, NULL))
        return false; /* gone, or not allowed: the samples say so; what is known stays */
    if (!changed && m->code.n)
        return false;
    uint64_t hash = 1;
    for (size_t i = 0; i < m->maps.list.n; i++)
        if (m->maps.list.at[i].perms & MAP_EXEC)
            hash = mapping_hash(&m->maps, &m->maps.list.at[i], hash);
    if (hash == m->code_hash)
        return false;
    m->code_hash = hash;
    vec_clear(&m->code);
    for (size_t i = 0; i < m->maps.list.n; i++) {
        const struct mapping *map = &m->maps.list.at[i];
        if (map->perms & MAP_EXEC)
            vec_push(&m->code, ((struct code_range){.start = map->start,
                                                    .end = map->end,
                                                    .file_offset = map->offset,
                                                    .module = MODULE_UNKNOWN}));
    }
    return true;
}

static void close_least_used(struct modules *m)
{
    struct loaded_module *oldest = NULL;
    for (size_t i = 0; i < m->list.n; i++) {
        struct loaded_module *l = &m->list.at[i];
        if (l->elf.fd >= 0 && (!oldest || l->used < oldest->used))
            oldest = l;
    }
    if (oldest) {
        elf_file_park(&oldest->elf);
        m->open_files--;
    }
}

static bool open_elf(struct modules *m, const struct mapping *map, struct elf_file *elf)
{
    if (maps_is_file(&m->maps, map)) {
        int fd = maps_open_file(&m->maps, map, NULL);
        return fd >= 0 && elf_file_open(elf, fd);
    }
    size_t size = (size_t)(map->end - map->start);
    if (strcmp(maps_path(&m->maps, map), "[vdso]") || size > VDSO_SIZE_MAX)
        return false;
    uint8_t *image = xmalloc(size);
    if (!remote_read(m->pid, map->start, image, size)) {
        free(image);
        return false;
    }
    return elf_file_open_image(elf, image, size);
}

static uint32_t add_module(struct modules *m, const char *path, struct elf_file *elf)
{
    for (uint32_t i = 0; i < m->list.n; i++) {
        struct loaded_module *l = &m->list.at[i];
        if (l->elf.device != elf->device || l->elf.inode != elf->inode ||
            strcmp(l->name.path, path) || strcmp(l->name.build_id, elf->build_id))
            continue;
        if (l->elf.fd < 0 && elf->fd >= 0) {
            l->elf.fd = elf->fd; /* it was parked: goes on with this descriptor */
            elf->fd = -1;
            m->open_files++;
        }
        elf_file_close(elf);
        return i;
    }
    struct loaded_module *l = vec_add(&m->list);
    l->elf = *elf;
    l->name.path = xstrdup(path);
    l->name.build_id = xstrdup(elf->build_id);
    if (elf->fd >= 0)
        m->open_files++;
    return (uint32_t)(m->list.n - 1);
}

static void look_at(struct modules *m, struct code_range *range)
{
    struct elf_file elf;
    const struct mapping *map = maps_find(&m->maps, range->start);
    range->module = NATIVE_NO_MODULE;
    if (!map || !open_elf(m, map, &elf))
        return;
    uint64_t vaddr;
    if (!elf_file_code_vaddr(&elf, range->file_offset, &vaddr)) {
        elf_file_close(&elf);
        return;
    }
    range->bias = range->start - vaddr;
    range->module = add_module(m, maps_path(&m->maps, map), &elf);
    m->list.at[range->module].used = ++m->uses;
    if (m->open_files > OPEN_FILES_MAX)
        close_least_used(m);
}

const struct code_range *modules_find(struct modules *m, uint64_t addr)
{
    size_t low = 0, high = m->code.n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        struct code_range *r = &m->code.at[mid];
        if (addr < r->start)
            high = mid;
        else if (addr >= r->end)
            low = mid + 1;
        else {
            if (r->module == MODULE_UNKNOWN)
                look_at(m, r);
            return r;
        }
    }
    return NULL;
}

struct elf_file *modules_elf(struct modules *m, const struct code_range *range)
{
    if (range->module >= m->list.n)
        return NULL;
    struct loaded_module *l = &m->list.at[range->module];
    l->used = ++m->uses;
    if (l->elf.fd >= 0 || l->elf.image)
        return &l->elf;
    const struct mapping *map = maps_find(&m->maps, range->start);
    int fd = map ? maps_open_file(&m->maps, map, NULL) : -1;
    if (fd < 0 || !elf_file_unpark(&l->elf, fd))
        return NULL;
    m->open_files++;
    if (m->open_files > OPEN_FILES_MAX)
        close_least_used(m);
    return &l->elf;
}

bool modules_code(struct modules *m, const struct code_range *range, uint64_t addr, void *to,
                  size_t size)
{
    if (addr < range->start || addr >= range->end || size > range->end - addr)
        return false;
    struct elf_file *elf = modules_elf(m, range);
    if (elf && elf_file_read(elf, addr - range->bias, to, size))
        return true;
    return remote_read(m->pid, addr, to, size);
}
