/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of traces is found by its shape, since its variable is local to the interpreter (to
 * 3.11) or lies where it does by build (from 3.12): a hash table (Python/hashtable.c) that
 * something in the interpreter's data points to, and whose entries are traces
 * (Modules/_tracemalloc.c, from 3.13 Python/tracemalloc.c): a size, and a traceback whose frames
 * have a file's name. To 3.8 a trace lies in its entry, behind the key; later the entry points to
 * it. From 3.15 the name is a C string.
 */
#include "python/tracemalloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "python/object.h"
#include "python/peek.h"
#include "python/runtime.h"
#include "target/maps.h"
#include "target/process.h"
#include "target/remote.h"

#define SCAN_MAX      (64u << 20) /* of the interpreter's data */
#define SCAN_PIECE    4096u
#define BUCKETS_MAX   (1ull << 32)
#define CHAIN_MAX     4096u
#define PROBE_BUCKETS 4096u /* that are looked into for a first entry */
#define ASK_EACH      256u
#define ROWS_DEFAULT  100000u
#define FILE_SIZE     1024
#define LOWEST        4096u

struct hash_table {
    uint64_t entries, n_buckets, buckets;
    uint64_t trace_at; /* in an entry: of the trace (to 3.8), or of the pointer to it */
};

struct trace {
    uint64_t bytes, traceback;
};

/* The innermost frame of a traceback. */
struct traced_line {
    uint64_t file;
    uint32_t line;
};

struct reader {
    pid_t pid;
    struct runtime runtime;
    struct peek *peek;
    struct maps maps;
    const struct heap_limits *limits;
    uint64_t end_ns;
    struct hash_table table;
    struct map rows; /* by file's address and line */
    struct map by_traceback;
};

static bool read_table(struct reader *r, uint64_t addr, struct hash_table *out)
{
    uint64_t word[5];
    if (!object_plausible(addr) || !peek_read(r->peek, addr, word, sizeof word))
        return false;
    if (r->runtime.layout.minor <= 8) {
        /* num_buckets, entries, buckets, key_size, data_size */
        if ((word[3] != 8 && word[3] != 12) || word[4] != 16)
            return false;
        *out = (struct hash_table){word[1], word[0], word[2], 16 + word[3]};
    } else {
        *out = (struct hash_table){word[0], word[1], word[2], 24};
    }
    uint64_t n = out->n_buckets;
    return n >= 16 && n <= BUCKETS_MAX && !(n & (n - 1)) && out->entries && out->entries < 16 * n &&
           object_plausible(out->buckets);
}

static bool read_trace(struct reader *r, const struct hash_table *t, uint64_t entry,
                       struct trace *out)
{
    uint64_t at = entry + t->trace_at;
    if (r->runtime.layout.minor >= 9 && !peek_word(r->peek, at, &at))
        return false;
    return peek_read(r->peek, at, out, sizeof *out) && out->bytes < 1ull << 46 &&
           object_plausible(out->traceback);
}

static bool read_place(struct reader *r, uint64_t traceback, struct traced_line *out)
{
    /* hash, number of frames, and then frames of 12 bytes, packed */
    uint8_t bytes[24];
    uint16_t frames;
    if (!peek_read(r->peek, traceback, bytes, sizeof bytes))
        return false;
    memcpy(&frames, bytes + 8, sizeof frames);
    memcpy(&out->file, bytes + 12, sizeof out->file);
    memcpy(&out->line, bytes + 20, sizeof out->line);
    return frames && out->file >= LOWEST && out->file < 1ull << 47;
}

static bool read_file(struct reader *r, uint64_t file, char out[FILE_SIZE])
{
    char text[UNICODE_TEXT_SIZE];
    if (r->runtime.layout.minor >= 15) {
        if (!remote_read_string(r->pid, file, out, FILE_SIZE))
            return false;
        text_make_printable(out);
        return out[0];
    }
    if (!object_text(r->pid, &r->runtime.layout, file, text))
        return false;
    text[FILE_SIZE - 1] = '\0';
    text_make_printable(text);
    strcpy(out, text);
    return out[0];
}

/* Its first entry is a trace whose file has a name. */
static bool is_traces(struct reader *r, const struct hash_table *t)
{
    for (uint64_t i = 0; i < t->n_buckets && i < PROBE_BUCKETS; i++) {
        uint64_t entry;
        struct trace trace;
        struct traced_line place;
        char file[FILE_SIZE];
        if (!peek_word(r->peek, t->buckets + i * 8, &entry))
            return false;
        if (entry)
            return object_plausible(entry) && read_trace(r, t, entry, &trace) &&
                   read_place(r, trace.traceback, &place) && read_file(r, place.file, file);
    }
    return false;
}

/* The largest such table that words of this memory point to. */
static void scan(struct reader *r, uint64_t start, uint64_t end)
{
    uint64_t words[SCAN_PIECE / 8];
    for (uint64_t at = start; at < end && at - start < SCAN_MAX; at += SCAN_PIECE) {
        if (!peek_read(r->peek, at, words, sizeof words))
            continue;
        for (size_t i = 0; i < SCAN_PIECE / 8; i++) {
            struct hash_table t;
            if (words[i] % 16 == 0 && words[i] >= LOWEST && maps_find(&r->maps, words[i]) &&
                read_table(r, words[i], &t) && t.entries > r->table.entries && is_traces(r, &t))
                r->table = t;
        }
    }
}

/* The interpreter's writable data: its file's, and the anonymous memory right behind that. */
static void find_table(struct reader *r)
{
    const struct mapping *module = maps_find(&r->maps, r->runtime.module);
    uint64_t data_end = 0;
    for (size_t i = 0; module && i < r->maps.list.n; i++) {
        const struct mapping *map = &r->maps.list.at[i];
        bool same = maps_is_file(&r->maps, map) && maps_same_file(map, module);
        if (same)
            data_end = map->end;
        if (map->perms & MAP_WRITE &&
            (same || (map->start == data_end && !maps_path(&r->maps, map)[0])))
            scan(r, map->start, map->end);
    }
}

static bool may_go_on(struct reader *r, uint64_t bucket)
{
    const struct heap_limits *l = r->limits;
    if (r->end_ns && clock_mono_ns() > r->end_ns)
        return false;
    return !l || !l->stop ||
           !l->stop(l->context, (int)((double)bucket / (double)r->table.n_buckets * 999));
}

/* The row of a place, MAP_NONE if it has no name or there are too many. */
static uint32_t row_of(struct reader *r, struct tracemalloc_table *table, uint64_t traceback)
{
    size_t max = r->limits && r->limits->rows_max ? r->limits->rows_max : ROWS_DEFAULT;
    uint32_t i = map_get(&r->by_traceback, traceback);
    struct traced_line place;
    char file[FILE_SIZE];
    if (i != MAP_NONE)
        return i;
    if (!read_place(r, traceback, &place))
        return MAP_NONE;
    uint64_t key = hash_mix(hash_u64(place.file), place.line);
    i = map_get(&r->rows, key);
    if (i == MAP_NONE) {
        if (table->rows.n >= max || !read_file(r, place.file, file))
            return MAP_NONE;
        i = (uint32_t)table->rows.n;
        vec_push(&table->rows,
                 ((struct tracemalloc_row){.file = xstrdup(file), .line = place.line}));
        map_set(&r->rows, key, i);
    }
    map_set(&r->by_traceback, traceback, i);
    return i;
}

static void add_entry(struct reader *r, struct tracemalloc_table *table, uint64_t entry)
{
    struct trace trace;
    uint32_t i = MAP_NONE;
    if (read_trace(r, &r->table, entry, &trace))
        i = row_of(r, table, trace.traceback);
    if (i == MAP_NONE) {
        table->partial = true;
        return;
    }
    table->rows.at[i].bytes += trace.bytes;
    table->rows.at[i].count++;
    table->bytes += trace.bytes;
    table->count++;
}

static void walk(struct reader *r, struct tracemalloc_table *table)
{
    for (uint64_t i = 0; i < r->table.n_buckets; i++) {
        uint64_t entry;
        if (i % ASK_EACH == 0 && !may_go_on(r, i)) {
            table->partial = true;
            return;
        }
        if (!peek_word(r->peek, r->table.buckets + i * 8, &entry)) {
            table->partial = true;
            continue;
        }
        for (unsigned n = 0; entry && n < CHAIN_MAX; n++) {
            if (!object_plausible(entry)) {
                table->partial = true;
                break;
            }
            add_entry(r, table, entry);
            if (!peek_word(r->peek, entry, &entry))
                break;
        }
    }
    if (table->count != r->table.entries)
        table->partial = true;
}

static int most_bytes_first(const void *a, const void *b)
{
    const struct tracemalloc_row *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    int names = strcmp(x->file, y->file);
    return names ? names : (x->line > y->line) - (x->line < y->line);
}

static bool open_reader(struct reader *r, pid_t pid, const struct heap_limits *limits,
                        struct err *err)
{
    r->pid = pid;
    r->limits = limits;
    maps_init(&r->maps);
    enum python_found found = runtime_find(&r->runtime, pid, err);
    if (found == PYTHON_NONE)
        return process_check_traceable(pid, err) &&
               err_set(err, "process %d runs no Python, so there is no tracemalloc in it", pid);
    if (found != PYTHON_FOUND || !maps_read(&r->maps, pid, NULL, err))
        return false;
    if (limits && limits->duration_ns_max)
        r->end_ns = clock_mono_ns() + limits->duration_ns_max;
    r->peek = peek_new(pid);
    find_table(r);
    if (r->table.entries)
        return true;
    return err_set(err,
                   "process %d does not run tracemalloc: start the program with \"python3 -X "
                   "tracemalloc\", or with PYTHONTRACEMALLOC=1 set",
                   pid);
}

bool python_tracemalloc(pid_t pid, const struct heap_limits *limits,
                        struct tracemalloc_table *table, struct err *err)
{
    struct reader r = {0};
    *table = (struct tracemalloc_table){0};
    bool ok = open_reader(&r, pid, limits, err);
    if (ok) {
        walk(&r, table);
        vec_sort(&table->rows, most_bytes_first);
    }
    map_free(&r.rows);
    map_free(&r.by_traceback);
    peek_free(r.peek);
    maps_clear(&r.maps);
    return ok;
}

void tracemalloc_table_clear(struct tracemalloc_table *table)
{
    for (size_t i = 0; i < table->rows.n; i++)
        free(table->rows.at[i].file);
    vec_free(&table->rows);
    *table = (struct tracemalloc_table){0};
}
