/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See perf_map.h. Invariant: `list` is sorted by address and nothing in it overlaps; a name stays
 * in the file and is read when it is asked for. The format is that of Linux's
 * tools/perf/Documentation/jit-interface.txt.
 */
#include "native/perf_map.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "native/demangle.h"
#include "target/procfs.h"

#define PIECE_BYTES   (256u << 10) /* read at a time while sampling */
#define AT_ONCE_BYTES (16u << 20)  /* read when the process is first seen */
#define FILE_MAX      (1u << 30)
#define CODES_MAX     (1u << 19)
#define CODE_SIZE_MAX (64u << 20) /* a longer piece is a lie */
#define NAME_READ_MAX 2048u
#define PAUSE_NS      (20 * NS_PER_MS)
#define NONE_PAUSE_NS (500 * NS_PER_MS) /* while there is no such file */
/* An update that took T is followed by none for so many T. */
#define REST_TIMES        100
#define REST_TIMES_BEHIND 10

struct code {
    uint64_t start;
    uint32_t size;
    uint32_t name_at; /* in the file: also tells which line is the later one */
};

struct perf_map {
    pid_t pid;
    int fd; /* -1: none yet */
    char path[PATH_MAX];
    uint64_t device, inode;
    uint32_t generation; /* of the file: it may be replaced */
    uint64_t read_to;    /* file offset; the beginning of a line unless in_long_line */
    bool in_long_line;   /* its beginning was too long to be a line: the rest goes too */
    bool behind;         /* there is more in the file than has been read */
    uint64_t next_ns;
    VEC(struct code) list, fresh, merged;
    char *piece;
};

size_t perf_map_count(const struct perf_map *m)
{
    return m->list.n;
}

static int by_start(const void *a, const void *b)
{
    const struct code *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x->name_at < y->name_at ? -1 : x->name_at > y->name_at;
}

/* Takes what overlaps among the fresh ones out, the later line staying. */
static void settle_fresh(struct perf_map *m)
{
    size_t n = 0;
    vec_sort(&m->fresh, by_start);
    for (size_t i = 0; i < m->fresh.n; i++) {
        struct code code = m->fresh.at[i];
        bool dead = false;
        while (n && !dead && m->fresh.at[n - 1].start + m->fresh.at[n - 1].size > code.start) {
            if (m->fresh.at[n - 1].name_at > code.name_at)
                dead = true;
            else
                n--;
        }
        if (!dead)
            m->fresh.at[n++] = code;
    }
    m->fresh.n = n;
}

/* Joins the fresh ones with those known before, which end where a fresh one overlaps. */
static void take_fresh(struct perf_map *m)
{
    size_t f = 0;
    if (!m->fresh.n)
        return;
    settle_fresh(m);
    vec_clear(&m->merged);
    vec_reserve(&m->merged, m->list.n + m->fresh.n);
    for (size_t i = 0; i < m->list.n; i++) {
        const struct code *old = &m->list.at[i];
        while (f < m->fresh.n && m->fresh.at[f].start + m->fresh.at[f].size <= old->start)
            vec_push(&m->merged, m->fresh.at[f++]);
        if (f == m->fresh.n || m->fresh.at[f].start >= old->start + old->size)
            vec_push(&m->merged, *old);
    }
    while (f < m->fresh.n)
        vec_push(&m->merged, m->fresh.at[f++]);
    vec_clear(&m->fresh);
    struct code *at = m->list.at;
    size_t cap = m->list.cap;
    m->list.at = m->merged.at;
    m->list.n = m->merged.n;
    m->list.cap = m->merged.cap;
    m->merged.at = at;
    m->merged.cap = cap;
    m->merged.n = 0;
}

static const char *hex(const char *at, const char *end, uint64_t *value)
{
    const char *from = at;
    *value = 0;
    if (end - at > 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X'))
        from = at += 2;
    for (; at < end && at - from < 17; at++) {
        char c = *at;
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                                : 16;
        if (digit == 16)
            break;
        *value = *value << 4 | digit;
    }
    return at == from || at - from > 16 || at == end || *at != ' ' ? NULL : at + 1;
}

static void take_line(struct perf_map *m, const char *line, const char *end, uint64_t at)
{
    uint64_t start, size;
    const char *name = hex(line, end, &start);
    name = name ? hex(name, end, &size) : NULL;
    if (!name || name == end || !start || !size || size > CODE_SIZE_MAX ||
        start > UINT64_MAX - size || m->list.n + m->fresh.n >= CODES_MAX)
        return;
    vec_push(&m->fresh, ((struct code){start, (uint32_t)size, (uint32_t)(at + (name - line))}));
}

static void take_piece(struct perf_map *m, size_t size)
{
    const char *at = m->piece, *end = m->piece + size;
    for (const char *newline; (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
        if (!m->in_long_line)
            take_line(m, at, newline, m->read_to + (uint64_t)(at - m->piece));
        m->in_long_line = false;
    }
    if (at == m->piece && size == PIECE_BYTES) {
        m->in_long_line = true;
        at = end;
    }
    /* A line that is still being written is read again. */
    m->read_to += (uint64_t)(at - m->piece);
    take_fresh(m);
}

static void forget(struct perf_map *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
    m->generation++;
    m->read_to = 0;
    m->in_long_line = m->behind = false;
    vec_clear(&m->list);
}

/* A regular file of the target's own user (or root's): /tmp is anybody's. */
static bool open_as(struct perf_map *m, uint64_t pid, uint64_t uid)
{
    struct stat st;
    snprintf(m->path, sizeof m->path, "/proc/%d/root/tmp/perf-%llu.map", (int)m->pid,
             (unsigned long long)pid);
    int fd = open(m->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (st.st_uid != uid && st.st_uid != 0)) {
        close(fd);
        return false;
    }
    m->fd = fd;
    m->device = st.st_dev;
    m->inode = st.st_ino;
    return true;
}

/* The process knows itself by its innermost number (NSpid in proc(5)), an agent may use another. */
static bool open_map(struct perf_map *m)
{
    char status[4096];
    if (procfs_read(AT_FDCWD, status, sizeof status, "/proc/%d/status", (int)m->pid) < 0)
        return false;
    uint64_t uid = procfs_status_field(status, "Uid", 10, 0);
    pid_t inner = m->pid;
    procfs_namespace_ids(status, &inner);
    return open_as(m, (uint64_t)inner, uid) ||
           (inner != m->pid && open_as(m, (uint64_t)m->pid, uid));
}

/* Reads what has been added to the file, up to max bytes of it. */
static void update(struct perf_map *m, uint64_t max)
{
    struct stat st;
    if (m->fd >= 0 &&
        ((!lstat(m->path, &st) && (st.st_dev != m->device || st.st_ino != m->inode)) ||
         fstat(m->fd, &st) || (uint64_t)st.st_size < m->read_to))
        forget(m);
    if (m->fd < 0 && !open_map(m))
        return;
    if (!m->piece)
        m->piece = xmalloc(PIECE_BYTES);
    m->behind = true;
    for (uint64_t done = 0; done < max && m->behind && m->read_to < FILE_MAX;) {
        ssize_t n = pread(m->fd, m->piece, PIECE_BYTES, (off_t)m->read_to);
        if (n > 0)
            take_piece(m, (size_t)n);
        m->behind = n == PIECE_BYTES;
        done += PIECE_BYTES;
    }
    if (m->read_to >= FILE_MAX)
        m->behind = false;
}

static void update_when_due(struct perf_map *m, uint64_t now_ns, uint64_t max)
{
    if (now_ns < m->next_ns)
        return;
    uint64_t from_ns = clock_mono_ns();
    update(m, max);
    uint64_t took_ns = clock_mono_ns() - from_ns;
    uint64_t rest_ns = took_ns * (m->behind ? REST_TIMES_BEHIND : REST_TIMES);
    uint64_t least_ns = m->fd < 0 ? NONE_PAUSE_NS : PAUSE_NS;
    m->next_ns = now_ns + (rest_ns > least_ns ? rest_ns : least_ns);
}

struct perf_map *perf_map_new(pid_t pid)
{
    struct perf_map *m = xcalloc(1, sizeof *m);
    m->pid = pid;
    m->fd = -1;
    update(m, AT_ONCE_BYTES);
    return m;
}

void perf_map_free(struct perf_map *m)
{
    if (!m)
        return;
    forget(m);
    vec_free(&m->list);
    vec_free(&m->fresh);
    vec_free(&m->merged);
    free(m->piece);
    free(m);
}

static const struct code *find(const struct perf_map *m, uint64_t addr)
{
    size_t low = sorted_upto(m->list.at, m->list.n, start, addr);
    return low && addr - m->list.at[low - 1].start < m->list.at[low - 1].size ? &m->list.at[low - 1]
                                                                              : NULL;
}

bool perf_map_find(struct perf_map *m, uint64_t addr, uint64_t now_ns, struct perf_map_code *out)
{
    /* Even a known address may have got other code. */
    update_when_due(m, now_ns, PIECE_BYTES);
    const struct code *code = find(m, addr);
    if (!code)
        return false;
    *out = (struct perf_map_code){hash_mix(hash_mix(m->generation, code->name_at), code->start),
                                  code->start, code->size};
    return true;
}

/* "...:12:34" at the end (line and column): cut off, the line returned; 0: there is none. */
static uint32_t cut_position(char *text)
{
    char *column = strrchr(text, ':');
    if (!column || !column[1] || strspn(column + 1, "0123456789") != strlen(column + 1))
        return 0;
    *column = '\0';
    char *line = strrchr(text, ':');
    if (!line || !line[1] || strspn(line + 1, "0123456789") != strlen(line + 1)) {
        *column = ':';
        return 0;
    }
    *line = '\0';
    return (uint32_t)strtoul(line + 1, NULL, 10);
}

/* V8: "JS:*name file:line:column", the character telling how well it is optimised. */
static bool parse_v8(const char *said, struct perf_map_name *out)
{
    static const char *const tags[] = {"JS:", "LazyCompile:", "Function:", "Script:", "Eval:"};
    char text[sizeof out->file];
    size_t tag = 0;
    for (size_t i = 0; i < sizeof tags / sizeof *tags && !tag; i++)
        if (!strncmp(said, tags[i], strlen(tags[i])))
            tag = strlen(tags[i]);
    if (!tag)
        return false;
    said += tag;
    said += strspn(said, "~^+*");
    snprintf(text, sizeof text, "%s", said);
    uint32_t line = cut_position(text);
    char *space = strstr(text, " file://");
    if (!space)
        space = strstr(text, " /");
    if (!space)
        space = strchr(text, ' ');
    if (space) {
        *space++ = '\0';
        if (!strncmp(space, "file://", 7))
            space += 7;
        snprintf(out->file, sizeof out->file, "%s", space);
        out->line = line;
    }
    snprintf(out->name, sizeof out->name, "%.*s", (int)sizeof out->name - 1,
             text[0] ? text : "(anonymous)");
    return true;
}

/* CPython: "py::qualified.name:file". */
static bool parse_python(const char *said, struct perf_map_name *out)
{
    if (strncmp(said, "py::", 4))
        return false;
    const char *colon = strchr(said + 4, ':');
    if (!colon || colon == said + 4)
        return false;
    snprintf(out->name, sizeof out->name, "%.*s", (int)(colon - said - 4), said + 4);
    out->is_trampoline = true;
    if (colon[1] == '/')
        snprintf(out->file, sizeof out->file, "%s", colon + 1);
    return true;
}

void perf_map_parse_name(const char *said, struct perf_map_name *out)
{
    *out = (struct perf_map_name){.line = 0};
    if (!parse_v8(said, out) && !parse_python(said, out)) {
        enum language unused = LANGUAGE_JIT;
        bool mangled = !strncmp(said, "_Z", 2) || !strncmp(said, "_R", 2);
        char *plain = mangled ? demangle(said, &unused) : NULL;
        snprintf(out->name, sizeof out->name, "%s", plain ? plain : said);
        free(plain);
    }
    text_make_printable(out->name);
    text_make_printable(out->file);
}

void perf_map_describe(struct perf_map *m, const struct perf_map_code *code,
                       struct perf_map_name *out)
{
    char said[NAME_READ_MAX];
    const struct code *known = find(m, code->start);
    ssize_t n = known && m->fd >= 0 ? pread(m->fd, said, sizeof said - 1, known->name_at) : 0;
    said[n > 0 ? n : 0] = '\0';
    said[strcspn(said, "\r\n")] = '\0';
    perf_map_parse_name(said, out);
    if (!out->name[0])
        snprintf(out->name, sizeof out->name, "[JIT code]");
}
