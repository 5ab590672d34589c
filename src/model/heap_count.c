/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See heap_count.h. Any thread; one struct belongs to one of them. */
#include "model/heap_count.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define TYPE_MAX 512

void heap_count_init(struct heap_count *count, pid_t pid)
{
    *count = (struct heap_count){.pid = pid};
}

void heap_count_clear(struct heap_count *count)
{
    for (size_t i = 0; i < count->rows.n; i++)
        free(count->rows.at[i].type);
    for (size_t i = 0; i < count->containers.n; i++)
        free(count->containers.at[i].type);
    vec_free(&count->rows);
    vec_free(&count->containers);
    map_free(&count->index);
    free(count->why_partial);
    count->why_partial = NULL;
}

static struct heap_row *find_row(struct heap_count *count, const char *type, enum language language,
                                 uint32_t flags)
{
    uint64_t key = hash_mix(hash_bytes(type, strlen(type)), (uint64_t)language << 32 | flags);
    uint32_t found;
    for (size_t at = 0; (found = map_probe(&count->index, key, &at)) != MAP_NONE;) {
        struct heap_row *row = &count->rows.at[found];
        if (row->language == language && row->flags == flags && strcmp(row->type, type) == 0)
            return row;
    }
    map_add(&count->index, key, (uint32_t)count->rows.n);
    struct heap_row *row = vec_add(&count->rows);
    row->type = xstrdup(type);
    row->language = language;
    row->flags = flags;
    return row;
}

void heap_count_add(struct heap_count *count, const char *type, enum language language,
                    uint32_t flags, uint64_t objects, uint64_t size_bytes)
{
    char name[TYPE_MAX];
    snprintf(name, sizeof name, "%s", type);
    text_make_printable(name);
    struct heap_row *row = find_row(count, name, language, flags);
    row->count += objects;
    row->size_bytes += size_bytes;
}

void heap_count_add_container(struct heap_count *count, const char *type, uint64_t address,
                              uint64_t length, uint64_t size_bytes)
{
    struct heap_container *c = vec_add(&count->containers);
    c->type = xstrndup(type, TYPE_MAX);
    text_make_printable(c->type);
    c->address = address;
    c->length = length;
    c->size_bytes = size_bytes;
}

void heap_count_cut(struct heap_count *count, const char *fmt, ...)
{
    count->flags |= HEAP_PARTIAL;
    if (count->why_partial)
        return;
    char why[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    text_make_printable(why);
    count->why_partial = xstrdup(why);
}

static int longest_first(const void *a, const void *b)
{
    const struct heap_container *x = a, *y = b;
    if (x->length != y->length)
        return x->length > y->length ? -1 : 1;
    return x->address < y->address ? -1 : x->address > y->address;
}

void heap_count_close(struct heap_count *count, size_t containers_max)
{
    vec_sort(&count->containers, longest_first);
    while (count->containers.n > containers_max)
        free(count->containers.at[--count->containers.n].type);
}
