/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See footprint.h. */
#include "target/footprint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "target/procfs.h"

static bool ends_in(const char *s, size_t size, const char *tail)
{
    size_t length = strlen(tail);
    return size >= length && memcmp(s + size - length, tail, length) == 0;
}

/* "55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0    [heap]" (proc(5)). */
static void take_line(struct maps_count *c)
{
    uint64_t from, to;
    c->line[c->used < sizeof c->line ? c->used : sizeof c->line - 1] = '\0';
    if (c->used < sizeof c->line && ends_in(c->line, c->used, "[heap]") &&
        sscanf(c->line, "%" SCNx64 "-%" SCNx64, &from, &to) == 2 && to > from)
        c->heap_bytes += to - from;
    c->mappings++;
    c->used = 0;
}

void maps_count_add(struct maps_count *c, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n') {
            take_line(c);
            continue;
        }
        if (c->used < sizeof c->line)
            c->line[c->used] = text[i];
        c->used++;
    }
}

static bool read_maps(pid_t pid, struct footprint *f)
{
    char path[64], text[8192];
    struct maps_count count = {.used = 0};
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT && errno != ESRCH;
    ssize_t got;
    while (count.mappings <= FOOTPRINT_MAPPINGS_MAX &&
           ((got = read(fd, text, sizeof text)) > 0 || (got < 0 && errno == EINTR)))
        maps_count_add(&count, text, got > 0 ? (size_t)got : 0);
    close(fd);
    f->has_mappings = count.mappings > 0 && count.mappings <= FOOTPRINT_MAPPINGS_MAX;
    f->mappings = f->has_mappings ? count.mappings : 0;
    f->heap_bytes = f->has_mappings ? count.heap_bytes : 0;
    return count.mappings > 0; /* an ended process has none */
}

bool footprint_read(pid_t pid, uint64_t rss_bytes, struct footprint *f)
{
    char text[2048];
    memset(f, 0, sizeof *f);
    if (!read_maps(pid, f))
        return false;
    if (rss_bytes > FOOTPRINT_RSS_MAX ||
        procfs_read(AT_FDCWD, text, sizeof text, "/proc/%d/smaps_rollup", (int)pid) <= 0)
        return true;
    uint64_t kib = procfs_status_field(text, "Pss", 10, UINT64_MAX);
    f->has_pss = kib < UINT64_MAX / 1024;
    f->pss_bytes = f->has_pss ? kib * 1024 : 0;
    return true;
}
