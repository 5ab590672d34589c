/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See rows.h. Pure. */
#include "view/rows.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void sum_into(struct table *table, const struct query *query, const struct filter *filter,
                     struct window_sum *sum)
{
    window_sum(sum, query->rec, query->window, filter);
    table->window = query->window;
    table->whole_ns = sum->whole_ns;
    table->samples = sum->cpu_ticks + sum->wait_ticks + sum->idle_ticks;
    table->idle_pct = rows_pct(sum->idle_ns, sum->cpu_ns + sum->wait_ns + sum->idle_ns);
}

void rows_sum(struct table *table, const struct query *query, struct window_sum *sum)
{
    sum_into(table, query, &query->filter, sum);
}

void rows_sum_stacks(struct table *table, const struct query *query, struct window_sum *sum)
{
    struct filter filter = query->filter;
    filter.together = true;
    sum_into(table, query, &filter, sum);
}

void rows_count(struct table *table, const struct query *query)
{
    struct window_sum sum;
    rows_sum_stacks(table, query, &sum);
    window_sum_clear(&sum);
}

void rows_add_idle(struct table *table, const struct query *query, const struct window_sum *sum,
                   size_t name_column)
{
    if (query->filter.states == STATES_ALL || !sum->idle_ns)
        return;
    struct row *row = table_add_row(table);
    row->role = ROW_IDLE;
    row->key = UINT64_MAX;
    table_set_format(table, name_column,
                     "idle %.1f%%: timers, accept loops, workers with nothing to do",
                     table->idle_pct);
}

const char *rows_function_name(const struct recording *rec, struct function_id function)
{
    const char *name = string_text(&rec->words, function_at(&rec->words, function)->name);
    return *name ? name : function.n ? "[no name]" : "[no stack]";
}

uint64_t rows_mix_text(uint64_t seed, const char *text)
{
    return hash_mix(seed, hash_bytes(text, strlen(text)));
}

uint64_t rows_function_key(const struct recording *rec, struct function_id function)
{
    const struct function *f = function_at(&rec->words, function);
    uint64_t key = rows_mix_text(f->line, string_text(&rec->words, f->name));
    key = rows_mix_text(key, string_text(&rec->words, f->file));
    return rows_mix_text(key, module_path(&rec->words, f->module));
}

const char *rows_place(char *out, size_t size, const struct recording *rec,
                       struct function_id function, uint32_t line)
{
    const struct function *f = function_at(&rec->words, function);
    const char *file = path_base(string_text(&rec->words, f->file));
    if (*file && line)
        snprintf(out, size, "%s:%u", file, line);
    else if (*file)
        snprintf(out, size, "%s", file);
    else
        snprintf(out, size, "%s", path_base(module_path(&rec->words, f->module)));
    return out;
}

void rows_set_text(struct table *table, size_t column, const char *text)
{
    if (*text)
        table_set_text(table, column, text);
}

void rows_set_line(struct table *table, size_t column, uint32_t line)
{
    if (line)
        table_set_number(table, column, line);
}

static bool starts_with_any(const char *s, const char *const *heads)
{
    for (; *heads; heads++)
        if (strncmp(s, *heads, strlen(*heads)) == 0)
            return true;
    return false;
}

/* The target's program itself, wherever it is installed. */
static bool is_program(const struct recording *rec, struct module_id module)
{
    for (size_t i = 1; i < rec->incarnations.n; i++)
        if (rec->incarnations.at[i].exe.n == rec->words.modules.at[module.n].path.n)
            return module.n != 0;
    return false;
}

static bool is_python_library(const char *path)
{
    return strstr(path, "/lib/python3") || strstr(path, "/site-packages/") ||
           strstr(path, "/dist-packages/") || strncmp(path_base(path), "libpython", 9) == 0;
}

bool rows_is_own(const struct recording *rec, struct function_id function)
{
    static const char *const library_dirs[] = {"/lib/",       "/lib64/", "/usr/lib/",
                                               "/usr/lib64/", "[",       NULL};
    /* A static program has libc's in its own file, and any has what its language's library has as
     * templates or is linked with: C++, Rust, Go. */
    static const char *const library_names[] = {"[",          "__",         "_start",   "std::",
                                                "void std::", "bool std::", "core::",   "alloc::",
                                                "<std::",     "<core::",    "<alloc::", "runtime.",
                                                "sync.",      "internal/",  NULL};
    static const char *const library_files[] = {"/usr/include/", "/rustc/", NULL};
    const struct function *f = function_at(&rec->words, function);
    const char *name = string_text(&rec->words, f->name);
    const char *file = string_text(&rec->words, f->file);
    const char *module = module_path(&rec->words, f->module);
    if (f->language == LANGUAGE_PYTHON)
        return *file && *file != '<' && !is_python_library(file);
    if (f->language == LANGUAGE_JIT)
        return *file == '/' && !strstr(file, "/node_modules/") && !is_python_library(file);
    /* In a root of its own the system's libraries have that root before them. */
    bool system = starts_with_any(module, library_dirs) || strstr(module, "/usr/lib/") ||
                  strstr(module, "-linux-gnu/");
    /* Extension modules lie where Python's own files do. */
    return *module && !starts_with_any(name, library_names) &&
           !starts_with_any(file, library_files) && !is_python_library(module) &&
           (!system || is_program(rec, f->module));
}

struct place rows_self_place(const struct fold *fold, struct stack_id stack)
{
    const struct place *places;
    if (!stack.n)
        return (struct place){0};
    recording_places(fold->rec, fold_at(fold, stack)->frame, &places);
    return places[0];
}

/* How programs wait, and not what for: PostgreSQL's latches and semaphores. */
static bool is_waiting_helper(const struct recording *rec, struct function_id function)
{
    static const char *const names[] = {"WaitEventSetWait", "WaitEventSetWaitBlock", "WaitLatch",
                                        "WaitLatchOrSocket", "PGSemaphoreLock"};
    const char *name = rows_function_name(rec, function);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

struct place rows_own_place(const struct fold *fold, struct stack_id stack)
{
    for (struct stack_id s = stack; s.n; s = fold_at(fold, s)->parent) {
        const struct place *places;
        size_t n = recording_places(fold->rec, fold_at(fold, s)->frame, &places);
        for (size_t i = 0; i < n; i++)
            if (rows_is_own(fold->rec, places[i].function) &&
                !is_waiting_helper(fold->rec, places[i].function))
                return places[i];
    }
    return rows_self_place(fold, stack);
}
