/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See debug_file.h. Where debug files stand: "Debugging Information in Separate Files" (GDB). */
#include "native/debug_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "native/elf_file.h"
#include "target/maps.h"
#include "target/procfs.h"

#define DEBUG_ROOT     "/usr/lib/debug"
#define DEBUG_FILE_MAX ((off_t)4 << 30) /* more is not read for its CRC */

/* A regular file with this build id (if want is known), else -1; fd is closed then. */
static int check(int fd, const char *want)
{
    struct elf_file elf;
    if (fd < 0)
        return -1;
    int kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (!elf_file_open(&elf, fd)) {
        if (kept >= 0)
            close(kept);
        return -1;
    }
    bool same = !want || !*want || !strcmp(elf.build_id, want);
    elf_file_close(&elf);
    if (!same && kept >= 0) {
        close(kept);
        kept = -1;
    }
    return kept;
}

static int open_regular(const char *path)
{
    /* O_NONBLOCK: opening a FIFO of the target's must not wait. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int open_checked(pid_t pid, const char *path, const char *build_id)
{
    char in_root[PATH_MAX];
    struct text t = TEXT(in_root);
    text_add(&t, "/proc/%d/root%s", (int)pid, path);
    int fd = pid && !t.cut ? check(open_regular(in_root), build_id) : -1;
    return fd >= 0 ? fd : check(open_regular(path), build_id);
}

/* The file that is mapped, also if it is deleted or replaced by now. *gone: the process cannot be
 * asked any more. */
static int open_mapped(pid_t pid, const char *path, const char *build_id, bool *gone)
{
    struct maps maps;
    int fd = -1;
    maps_init(&maps);
    *gone = !maps_read(&maps, pid, NULL, NULL);
    for (size_t i = 0; i < maps.list.n && fd < 0; i++) {
        const struct mapping *map = &maps.list.at[i];
        if (map->perms & MAP_EXEC && !strcmp(maps_path(&maps, map), path))
            fd = check(maps_open_file(&maps, map, NULL), build_id);
    }
    maps_clear(&maps);
    return fd;
}

/* Has the file stayed as it is since this process began? fd is closed if not. */
static int check_unchanged(int fd)
{
    struct procfs_stat own;
    struct timespec real, boot;
    struct stat st;
    if (fd < 0)
        return -1;
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    if (procfs_stat(getpid(), &own) && fstat(fd, &st) == 0) {
        int64_t age_s = boot.tv_sec - (int64_t)own.start_ticks / sysconf(_SC_CLK_TCK);
        if (st.st_ctim.tv_sec < real.tv_sec - age_s)
            return fd;
    }
    close(fd);
    return -1;
}

/* The kernel's own code is the same in every process: ours is as good as the target's. */
static int open_vdso(const char *build_id)
{
    struct maps maps;
    int fd = -1;
    maps_init(&maps);
    bool read = maps_read(&maps, getpid(), NULL, NULL);
    for (size_t i = 0; read && i < maps.list.n; i++) {
        const struct mapping *map = &maps.list.at[i];
        if (strcmp(maps_path(&maps, map), "[vdso]"))
            continue;
        const void *image = (const void *)(uintptr_t)map->start; // NOLINT: an address
        size_t size = (size_t)(map->end - map->start);
        fd = memfd_create("vdso", MFD_CLOEXEC);
        if (fd >= 0 && write(fd, image, size) != (ssize_t)size) {
            close(fd);
            fd = -1;
        }
        break;
    }
    maps_clear(&maps);
    return check(fd, build_id);
}

int module_file_open(pid_t pid, const char *path, const char *build_id)
{
    bool known = build_id && *build_id, gone = false;
    if (!strcmp(path, "[vdso]"))
        return open_vdso(build_id);
    if (path[0] != '/')
        return -1;
    if (!pid || known) {
        int fd = open_checked(pid, path, build_id);
        return fd < 0 && pid ? open_mapped(pid, path, build_id, &gone) : fd;
    }
    /* Without a build id only the mapping tells that the file is the one that runs. */
    int fd = open_mapped(pid, path, build_id, &gone);
    return fd < 0 && gone ? check_unchanged(open_checked(0, path, build_id)) : fd;
}

/* As .gnu_debuglink wants it: polynomial 0xedb88320. */
static bool has_crc(int fd, uint32_t wanted)
{
    uint32_t table[256], crc = UINT32_MAX;
    static const size_t size = 1u << 16;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
    uint8_t *bytes = xmalloc(size);
    off_t at = 0;
    for (ssize_t n; at < DEBUG_FILE_MAX && (n = pread(fd, bytes, size, at)) > 0; at += n)
        for (ssize_t i = 0; i < n; i++)
            crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    free(bytes);
    return ~crc == wanted;
}

/* With a build id that has been checked; else the file must have the CRC that the link tells. */
static int open_linked(pid_t pid, const char *path, const char *build_id, uint32_t crc)
{
    int fd = open_checked(pid, path, build_id);
    if (fd >= 0 && !(build_id && *build_id) && !has_crc(fd, crc)) {
        close(fd);
        return -1;
    }
    return fd;
}

int debug_file_open(pid_t pid, const char *path, const char *build_id, const struct debuglink *link)
{
    char name[PATH_MAX];
    int fd = -1;
    if (build_id && strlen(build_id) > 2) {
        struct text t = TEXT(name);
        text_add(&t, DEBUG_ROOT "/.build-id/%.2s/%s.debug", build_id, build_id + 2);
        fd = open_checked(pid, name, build_id);
    }
    if (fd >= 0 || !link || !link->name[0] || strchr(link->name, '/') || path[0] != '/')
        return fd;
    const char *roots[] = {"", DEBUG_ROOT}, *folders[] = {"", ".debug/"};
    int folder_len = (int)(path_base(path) - path);
    for (size_t i = 0; i < 4 && fd < 0; i++) {
        struct text t = TEXT(name);
        text_add(&t, "%s%.*s%s%s", roots[i / 2], folder_len, path, folders[i % 2], link->name);
        if (!t.cut && strcmp(name, path))
            fd = open_linked(pid, name, build_id, link->crc);
    }
    return fd;
}

int debug_file_open_fetched(const char *path, const char *build_id)
{
    return check(open_regular(path), build_id);
}
