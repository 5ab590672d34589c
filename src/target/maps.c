/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mappings of a process (maps.h). Invariant: `list` is sorted and does not overlap, whatever
 * the text said; every path_at is inside `text`, which ends with a NUL. Any thread.
 */
#include "target/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/map.h"

#define READ_STEP 65536
#define RAW_MAX   (64u * 1024 * 1024)
#define PATH_CAP  4096

void maps_init(struct maps *m)
{
    memset(m, 0, sizeof *m);
}

void maps_clear(struct maps *m)
{
    vec_free(&m->list);
    vec_free(&m->text);
    vec_free(&m->raw);
    maps_init(m);
}

/* The number in the given base at *at, which moves behind it; false if there is none. */
static bool take_number(const char **at, const char *end, int base, uint64_t *value)
{
    const char *p = *at;
    *value = 0;
    for (; p < end; p++) {
        unsigned digit = *p >= '0' && *p <= '9'   ? (unsigned)(*p - '0')
                         : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a') + 10
                                                  : 99;
        if (digit >= (unsigned)base)
            break;
        *value = *value * (unsigned)base + digit;
    }
    bool any = p != *at;
    *at = p;
    return any;
}

static bool take_char(const char **at, const char *end, char c)
{
    if (*at == end || **at != c)
        return false;
    ++*at;
    return true;
}

/* The path into `text`; the one before is used again if it is the same (it mostly is). */
static uint32_t keep_path(struct maps *m, const char *path, size_t size)
{
    if (m->list.n) {
        uint32_t before = vec_last(&m->list)->path_at;
        const char *old = m->text.at + before;
        if (strlen(old) == size && memcmp(old, path, size) == 0)
            return before;
    }
    uint32_t at = (uint32_t)m->text.n;
    vec_append(&m->text, path, size);
    vec_push(&m->text, '\0');
    return at;
}

/* Undoes the kernel's \012 for a newline, the only character that it escapes (seq_file_path). */
static size_t unescape(char *out, const char *path, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size && n < PATH_CAP; i++) {
        if (size - i >= 4 && memcmp(path + i, "\\012", 4) == 0) {
            out[n++] = '\n';
            i += 3;
        } else {
            out[n++] = path[i];
        }
    }
    return n;
}

/* "start-end rwxp offset major:minor inode   path" (proc(5)). */
static bool parse_line(struct maps *m, const char *at, const char *end)
{
    static const char deleted[] = " (deleted)";
    struct mapping map = {0};
    uint64_t major, minor;
    if (!take_number(&at, end, 16, &map.start) || !take_char(&at, end, '-') ||
        !take_number(&at, end, 16, &map.end) || !take_char(&at, end, ' ') || end - at < 5)
        return false;
    map.perms = (uint8_t)((at[0] == 'r' ? MAP_READ : 0) | (at[1] == 'w' ? MAP_WRITE : 0) |
                          (at[2] == 'x' ? MAP_EXEC : 0) | (at[3] == 's' ? MAP_SHARED_PERM : 0));
    at += 4;
    if (!take_char(&at, end, ' ') || !take_number(&at, end, 16, &map.offset) ||
        !take_char(&at, end, ' ') || !take_number(&at, end, 16, &major) ||
        !take_char(&at, end, ':') || !take_number(&at, end, 16, &minor) ||
        !take_char(&at, end, ' ') || !take_number(&at, end, 10, &map.inode))
        return false;
    if (map.start >= map.end || (m->list.n && map.start < vec_last(&m->list)->end))
        return false;
    map.dev_major = (uint32_t)major;
    map.dev_minor = (uint32_t)minor;
    while (at < end && *at == ' ')
        at++;
    char path[PATH_CAP];
    size_t size = unescape(path, at, (size_t)(end - at)), tail = sizeof deleted - 1;
    if (map.inode && size > tail && memcmp(path + size - tail, deleted, tail) == 0) {
        map.deleted = true;
        size -= tail;
    }
    if (memchr(path, '\0', size))
        return false;
    map.path_at = keep_path(m, path, size);
    vec_push(&m->list, map);
    return true;
}

void maps_parse(struct maps *m, const char *text, size_t size)
{
    vec_clear(&m->list);
    vec_clear(&m->text);
    m->cut = false;
    const char *end = text + size;
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;
        if (m->list.n == MAPS_MAX) {
            m->cut = true;
            break;
        }
        parse_line(m, line, stop);
        line = stop + 1;
    }
}

static bool read_text(struct maps *m, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    vec_clear(&m->raw);
    ssize_t got = 0;
    do {
        vec_reserve(&m->raw, m->raw.n + READ_STEP);
        got = read(fd, m->raw.at + m->raw.n, READ_STEP);
        if (got > 0)
            m->raw.n += (size_t)got;
    } while ((got > 0 && m->raw.n < RAW_MAX) || (got < 0 && errno == EINTR));
    int error = errno;
    close(fd);
    errno = error;
    return got >= 0;
}

bool maps_read(struct maps *m, pid_t pid, bool *changed, struct err *err)
{
    bool ok = read_text(m, pid);
    if (!ok) {
        int error = errno;
        maps_clear(m);
        errno = error;
        return err_errno(err, "cannot read the mappings of process %d (/proc/%d/maps)", (int)pid,
                         (int)pid);
    }
    uint64_t hash = hash_bytes(m->raw.at, m->raw.n);
    bool same = m->pid == pid && m->hash == hash && m->list.n;
    if (!same)
        maps_parse(m, m->raw.at, m->raw.n);
    m->pid = pid;
    m->hash = hash;
    if (changed)
        *changed = !same;
    if (m->list.n == 0) /* a zombie, a kernel thread */
        return err_set(err, "process %d has no memory: it has ended or is a kernel thread",
                       (int)pid);
    return true;
}

const struct mapping *maps_find(const struct maps *m, uint64_t addr)
{
    size_t low = 0, high = m->list.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct mapping *map = &m->list.at[middle];
        if (addr < map->start)
            high = middle;
        else if (addr >= map->end)
            low = middle + 1;
        else
            return map;
    }
    return NULL;
}

const char *maps_path(const struct maps *m, const struct mapping *map)
{
    return m->text.at + map->path_at;
}

bool maps_is_file(const struct maps *m, const struct mapping *map)
{
    return map->inode != 0 && maps_path(m, map)[0] == '/';
}

bool maps_same_file(const struct mapping *a, const struct mapping *b)
{
    return a->inode == b->inode && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

/* A regular file with the mapping's inode and (`same_device`) device, or -1 with errno set. */
static int open_same(const char *path, const struct mapping *map, bool same_device)
{
    struct stat st;
    /* First without opening: the target may have put a device or a FIFO there. */
    int where = open(path, O_PATH | O_CLOEXEC);
    if (where < 0)
        return -1;
    bool same = fstat(where, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == map->inode &&
                (!same_device ||
                 (major(st.st_dev) == map->dev_major && minor(st.st_dev) == map->dev_minor));
    int fd = -1;
    if (same) {
        char own[64];
        snprintf(own, sizeof own, "/proc/self/fd/%d", where);
        fd = open(own, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    } else {
        errno = ESTALE;
    }
    int error = errno;
    close(where);
    errno = error;
    return fd;
}

static int open_named(const struct maps *m, const struct mapping *map, bool same_device)
{
    char path[PATH_CAP + 64];
    snprintf(path, sizeof path, "/proc/%d/root%s", (int)m->pid, maps_path(m, map));
    int fd = open_same(path, map, same_device);
    return fd >= 0 ? fd : open_same(maps_path(m, map), map, same_device);
}

/* The kernel's own link leads to the very file; that it is a regular one is left to check. */
static int open_map_file(const struct maps *m, const struct mapping *map)
{
    char path[96];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)m->pid, map->start,
             map->end);
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

int maps_open_file(const struct maps *m, const struct mapping *map, struct err *err)
{
    const char *file = maps_path(m, map);
    if (!maps_is_file(m, map)) {
        err_set(err, "the mapping at %" PRIx64 " of process %d has no file", map->start,
                (int)m->pid);
        return -1;
    }
    int fd = map->deleted ? -1 : open_named(m, map, true);
    if (fd < 0)
        fd = open_map_file(m, map);
    if (fd < 0 && !map->deleted)
        fd = open_named(m, map, false);
    if (fd < 0)
        err_set(err,
                "cannot open %s, which process %d maps: it was replaced or removed since, or root "
                "is needed to see it",
                file, (int)m->pid);
    return fd;
}
