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
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "native/elf_file.h"
#include "target/maps.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define VDSO_SIZE  8192u

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
    bool same = !want || !*want || !elf.build_id[0] || !strcmp(elf.build_id, want);
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

/* Deleted and replaced files: through the mapping itself. */
static int open_mapped(pid_t pid, const char *path, const char *build_id)
{
    struct maps maps;
    int fd = -1;
    maps_init(&maps);
    if (maps_read(&maps, pid, NULL, NULL))
        for (size_t i = 0; i < maps.list.n && fd < 0; i++) {
            const struct mapping *map = &maps.list.at[i];
            if (map->perms & MAP_EXEC && !strcmp(maps_path(&maps, map), path))
                fd = check(maps_open_file(&maps, map, NULL), build_id);
        }
    maps_clear(&maps);
    return fd;
}

/* The kernel's own code is the same in every process: ours is as good as the target's. */
static int open_vdso(const char *build_id)
{
    const void *image = (const void *)getauxval(AT_SYSINFO_EHDR); // NOLINT: an address
    int fd = image ? memfd_create("vdso", MFD_CLOEXEC) : -1;
    if (fd < 0)
        return -1;
    if (write(fd, image, VDSO_SIZE) != VDSO_SIZE) {
        close(fd);
        return -1;
    }
    return check(fd, build_id);
}

int module_file_open(pid_t pid, const char *path, const char *build_id)
{
    if (!strcmp(path, "[vdso]"))
        return open_vdso(build_id);
    if (path[0] != '/')
        return -1;
    int fd = -1;
    /* Without a build id only the mapping tells that the file is the one that runs. */
    if (pid && (!build_id || !*build_id))
        fd = open_mapped(pid, path, build_id);
    if (fd < 0)
        fd = open_checked(pid, path, build_id);
    if (fd < 0 && pid && build_id && *build_id)
        fd = open_mapped(pid, path, build_id);
    return fd;
}

int debug_file_open(pid_t pid, const char *path, const char *build_id, const char *debuglink)
{
    char name[PATH_MAX];
    int fd = -1;
    if (build_id && strlen(build_id) > 2) {
        struct text t = TEXT(name);
        text_add(&t, DEBUG_ROOT "/.build-id/%.2s/%s.debug", build_id, build_id + 2);
        fd = open_checked(pid, name, build_id);
    }
    if (fd >= 0 || !debuglink || !*debuglink || strchr(debuglink, '/') || path[0] != '/')
        return fd;
    const char *roots[] = {"", DEBUG_ROOT}, *folders[] = {"", ".debug/"};
    int folder_len = (int)(path_base(path) - path);
    for (size_t i = 0; i < 4 && fd < 0; i++) {
        struct text t = TEXT(name);
        text_add(&t, "%s%.*s%s%s", roots[i / 2], folder_len, path, folders[i % 2], debuglink);
        if (!t.cut && strcmp(name, path))
            fd = open_checked(pid, name, build_id);
    }
    return fd;
}
