/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See symbolizer.h. A module's symbol table is kept until all tables together pass a limit; then
 * the one that was used longest ago goes, to be made again when it is wanted.
 */
#include "native/symbolizer.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "native/debug_file.h"
#include "native/demangle.h"
#include "native/kallsyms.h"
#include "native/fetch.h"
#include "native/lines.h"
#include "native/symbols.h"

#define TABLES_BYTES_MAX  (64u << 20)
#define LINES_MODULES_MAX 400u

/* A module that no process had is looked for so many times more, when there are others. */
#define REACH_AGAIN 8

struct named_module {
    char *path, *build_id;
    pid_t pid;    /* through which it was opened */
    bool reached; /* false: none of the processes had it */
    uint32_t reach_tries, reach_version;
    struct symbols *symbols; /* NULL: not open */
    uint64_t used;
    uint32_t lines_generation; /* of the child that has it open; 0 none */
    bool no_lines;             /* there are none, or the child broke on them */
    enum { FETCH_UNTRIED, FETCH_BEGUN, FETCH_OVER } fetch;
    char *fetched; /* a debug file from a server; NULL none */
};

struct symbolizer {
    VEC(pid_t) pids;
    uint32_t pids_version;
    VEC(struct named_module) modules;
    struct map index; /* hash of path and build id to modules */
    size_t bytes;     /* of all open tables */
    uint64_t uses;
    struct lines *lines;
    struct kallsyms *kernel; /* NULL: not read yet */
    bool fetches;
    struct fetch *fetch;   /* one at a time; NULL: none runs */
    uint32_t fetch_module; /* whose */
    struct symbol symbol;  /* scratch: it is large */
};

void symbol_place_clear(struct symbol_place *p)
{
    free(p->name);
    free(p->file);
    *p = (struct symbol_place){0};
}

void symbol_places_clear(struct symbol_places *p)
{
    for (size_t i = 0; i < p->n; i++)
        symbol_place_clear(&p->at[i]);
    p->n = 0;
}

struct symbolizer *symbolizer_new(pid_t pid)
{
    struct symbolizer *s = xcalloc(1, sizeof *s);
    vec_push(&s->pids, pid);
    s->lines = lines_new();
    return s;
}

void symbolizer_free(struct symbolizer *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->modules.n; i++) {
        free(s->modules.at[i].path);
        free(s->modules.at[i].build_id);
        free(s->modules.at[i].fetched);
        symbols_free(s->modules.at[i].symbols);
    }
    vec_free(&s->modules);
    vec_free(&s->pids);
    map_free(&s->index);
    lines_free(s->lines);
    kallsyms_free(s->kernel);
    fetch_free(s->fetch);
    free(s);
}

void symbolizer_set_pids(struct symbolizer *s, const pid_t *pids, size_t n)
{
    if (!n || (n == s->pids.n && !memcmp(pids, s->pids.at, n * sizeof *pids)))
        return;
    vec_clear(&s->pids);
    vec_append(&s->pids, pids, n);
    s->pids_version++;
}

void symbolizer_set_limit(struct symbolizer *s, uint64_t limit_ns)
{
    lines_set_limit(s->lines, limit_ns);
}

void symbolizer_set_meanwhile(struct symbolizer *s, int fd, bool (*call)(void *arg), void *arg)
{
    lines_set_meanwhile(s->lines, (struct meanwhile){fd, call, arg});
}

static uint32_t module_number(struct symbolizer *s, const char *path, const char *build_id)
{
    uint64_t key = hash_mix(hash_bytes(path, strlen(path)), hash_bytes(build_id, strlen(build_id)));
    size_t at = 0;
    for (uint32_t i; (i = map_probe(&s->index, key, &at)) != MAP_NONE;)
        if (!strcmp(s->modules.at[i].path, path) && !strcmp(s->modules.at[i].build_id, build_id))
            return i;
    struct named_module *m = vec_add(&s->modules);
    m->path = xstrdup(path);
    m->build_id = xstrdup(build_id);
    map_add(&s->index, key, (uint32_t)(s->modules.n - 1));
    return (uint32_t)(s->modules.n - 1);
}

static void close_oldest(struct symbolizer *s, const struct named_module *kept)
{
    struct named_module *oldest = NULL;
    for (size_t i = 0; i < s->modules.n; i++) {
        struct named_module *m = &s->modules.at[i];
        if (m->symbols && m != kept && (!oldest || m->used < oldest->used))
            oldest = m;
    }
    if (!oldest) {
        s->bytes = symbols_bytes(kept->symbols);
        return;
    }
    s->bytes -= symbols_bytes(oldest->symbols);
    symbols_free(oldest->symbols);
    oldest->symbols = NULL;
}

static bool is_alive(pid_t pid)
{
    return pid == 0 || kill(pid, 0) == 0 || errno == EPERM;
}

/* Opens the module's file through a process that has it, whose pid is kept; -1: none has. Of those
 * that have ended only a file that stayed as it was is left, which is the second choice. */
static int reach(const struct symbolizer *s, struct named_module *m)
{
    m->reached = false;
    m->reach_version = s->pids_version;
    m->pid = s->pids.at[0];
    for (int alive = 1; alive >= 0; alive--)
        for (size_t i = 0; i < s->pids.n; i++) {
            if (is_alive(s->pids.at[i]) != alive)
                continue;
            int fd = module_file_open(s->pids.at[i], m->path, m->build_id);
            if (fd < 0)
                continue;
            m->pid = s->pids.at[i];
            m->reached = true;
            return fd;
        }
    return -1;
}

static void close_table(struct symbolizer *s, struct named_module *m)
{
    if (m->symbols)
        s->bytes -= symbols_bytes(m->symbols);
    symbols_free(m->symbols);
    m->symbols = NULL;
}

/* A table that is empty because no process had the module, and there are others now. */
static bool is_worth_another(const struct symbolizer *s, const struct named_module *m)
{
    return m->symbols && !m->reached && m->path[0] == '/' && m->reach_version != s->pids_version &&
           m->reach_tries < REACH_AGAIN;
}

static struct named_module *find_module(struct symbolizer *s, const char *path,
                                        const char *build_id)
{
    uint32_t number = module_number(s, path ? path : "", build_id ? build_id : "");
    struct named_module *m = &s->modules.at[number];
    m->used = ++s->uses;
    if (is_worth_another(s, m)) {
        close_table(s, m);
        m->reach_tries++;
        m->no_lines = false;
    }
    if (!m->symbols) {
        int fd = reach(s, m);
        if (fd >= 0)
            close(fd);
        m->symbols = symbols_open(m->pid, m->path, m->build_id, m->fetched);
        s->bytes += symbols_bytes(m->symbols);
        while (s->bytes > TABLES_BYTES_MAX && s->bytes > symbols_bytes(m->symbols))
            close_oldest(s, m);
    }
    return m;
}

static void kernel_name(struct symbolizer *s, uint64_t address, struct symbol_place *place)
{
    if (!s->kernel)
        s->kernel = kallsyms_read("/proc/kallsyms");
    const char *name = kallsyms_find(s->kernel, address);
    *place = (struct symbol_place){.name = xstrdup(name ? name : KERNEL_MODULE),
                                   .language = LANGUAGE_KERNEL};
    text_make_printable(place->name);
}

/* true: a symbol gave the name. */
static bool name_of(struct symbolizer *s, struct named_module *m, uint64_t offset,
                    struct symbol_place *place)
{
    *place = (struct symbol_place){.language = LANGUAGE_NATIVE};
    if (m->path[0] == '\0') {
        place->name = xstrdup("[JIT code]");
        place->language = LANGUAGE_JIT;
        return true;
    }
    if (symbols_is_go(m->symbols))
        place->language = LANGUAGE_GO;
    bool found = symbols_find(m->symbols, offset, &s->symbol);
    if (found && s->symbol.name[0]) {
        place->name = demangle(s->symbol.name, &place->language);
        return true;
    }
    place->name = xasprintf("%s+0x%llx", path_base(m->path),
                            (unsigned long long)(found ? s->symbol.start : offset));
    text_make_printable(place->name);
    return false;
}

void symbolizer_name(struct symbolizer *s, const char *module_path, const char *build_id,
                     uint64_t offset, struct symbol_places *out)
{
    out->n = 1;
    if (module_path && !strcmp(module_path, KERNEL_MODULE)) {
        kernel_name(s, offset, &out->at[0]);
        return;
    }
    struct named_module *m = find_module(s, module_path, build_id);
    name_of(s, m, offset, &out->at[0]);
}

/* Hands the module's files to the child that runs now, if that has not been done. */
static bool open_lines(struct symbolizer *s, struct named_module *m)
{
    uint32_t number = (uint32_t)(m - s->modules.at);
    if (m->lines_generation == lines_generation(s->lines))
        return true;
    if (number >= LINES_MODULES_MAX || m->path[0] != '/')
        return false;
    int fd = reach(s, m);
    if (fd < 0)
        return false;
    int debug_fd = debug_file_open(m->pid, m->path, symbols_build_id(m->symbols),
                                   symbols_debuglink(m->symbols));
    if (debug_fd < 0 && m->fetched)
        debug_fd = debug_file_open_fetched(m->fetched, symbols_build_id(m->symbols));
    bool ok = lines_open(s->lines, number, fd, debug_fd);
    m->lines_generation = ok ? lines_generation(s->lines) : 0;
    close(fd);
    if (debug_fd >= 0)
        close(debug_fd);
    return ok;
}

/* Gives the function its symbol's name, and named the one that it had. Under another name it may
 * stand within itself: its first lines were inlined, and the rest moved away. That is one call. */
static void rename_function(struct symbol_places *out, struct symbol_place *named)
{
    struct symbol_place *function = &out->at[out->n - 1];
    while (out->n > 1 && strcmp(function->name, named->name) != 0 &&
           strcmp(function[-1].name, function->name) == 0) {
        symbol_place_clear(function);
        function--;
        out->n--;
    }
    char *name = function->name;
    function->name = named->name;
    named->name = name;
}

bool symbolizer_lines(struct symbolizer *s, const char *module_path, const char *build_id,
                      uint64_t offset, struct symbol_places *out)
{
    struct named_module *m = find_module(s, module_path, build_id);
    out->n = 0;
    if (m->no_lines)
        return false;
    if (!open_lines(s, m)) {
        m->no_lines = true;
        return false;
    }
    enum lines_result result = lines_find(s->lines, (uint32_t)(m - s->modules.at), offset, out);
    /* Names that were asked for meanwhile may have moved it, or closed its table. */
    m = find_module(s, module_path, build_id);
    if (result == LINES_FAILED)
        m->no_lines = true;
    if (result != LINES_FOUND)
        return false;
    /* The function itself goes by its symbol: nanosleep and not __GI___nanosleep. */
    struct symbol_place named;
    if (name_of(s, m, offset, &named))
        rename_function(out, &named);
    symbol_place_clear(&named);
    return true;
}

void symbolizer_set_fetching(struct symbolizer *s, bool on)
{
    s->fetches = on;
}

/* Ends the fetch that runs if it is over; its module is then read anew. */
static void take_fetched(struct symbolizer *s)
{
    char path[PATH_MAX];
    enum fetch_state state = s->fetch ? fetch_poll(s->fetch, path, sizeof path) : FETCH_RUNNING;
    if (state == FETCH_RUNNING)
        return;
    fetch_free(s->fetch);
    s->fetch = NULL;
    struct named_module *m = &s->modules.at[s->fetch_module];
    m->fetch = FETCH_OVER;
    if (state != FETCH_DONE)
        return;
    m->fetched = xstrdup(path);
    m->lines_generation = 0;
    m->no_lines = false;
    close_table(s, m);
}

static bool wants_fetch(const struct named_module *m)
{
    const char *build_id = symbols_build_id(m->symbols);
    if (m->path[0] != '/' || !build_id[0] || !symbols_lacks_debug(m->symbols))
        return false;
    int fd = debug_file_open(m->pid, m->path, build_id, symbols_debuglink(m->symbols));
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

bool symbolizer_fetching(struct symbolizer *s, const char *module_path, const char *build_id)
{
    if (!s->fetches)
        return false;
    take_fetched(s);
    struct named_module *m = find_module(s, module_path, build_id);
    if (m->fetch == FETCH_UNTRIED && !wants_fetch(m))
        m->fetch = FETCH_OVER;
    if (m->fetch == FETCH_UNTRIED && !s->fetch) {
        s->fetch = fetch_start(symbols_build_id(m->symbols));
        s->fetch_module = (uint32_t)(m - s->modules.at);
        m->fetch = s->fetch ? FETCH_BEGUN : FETCH_OVER;
    }
    return m->fetch != FETCH_OVER;
}
