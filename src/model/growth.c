/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See growth.h. */
#include "model/growth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const struct {
    const char *name, *by;
} kinds[GROWTH_KINDS] = {
    [GROWTH_TRACED] = {"traced", ""},         [GROWTH_SURVIVES] = {"survives", ""},
    [GROWTH_BRK] = {"enlarged", "brk"},       [GROWTH_MMAP] = {"enlarged", "mmap"},
    [GROWTH_MREMAP] = {"enlarged", "mremap"}, [GROWTH_TOUCHED] = {"enlarged", "faults"},
};

const char *growth_kind_name(enum growth_kind kind)
{
    return kind < GROWTH_KINDS ? kinds[kind].name : "?";
}

const char *growth_kind_by(enum growth_kind kind)
{
    return kind < GROWTH_KINDS ? kinds[kind].by : "";
}

bool growth_kind_enlarged(enum growth_kind kind)
{
    return kind >= GROWTH_BRK && kind <= GROWTH_TOUCHED;
}

enum growth_kind growth_kind_whole(enum growth_kind kind)
{
    return kind == GROWTH_MMAP || kind == GROWTH_MREMAP ? GROWTH_BRK : kind;
}

void growth_init(struct growth *g, pid_t pid)
{
    memset(g, 0, sizeof *g);
    g->pid = pid;
}

void growth_clear(struct growth *g)
{
    for (size_t i = 0; i < g->texts.n; i++)
        free(g->texts.at[i]);
    vec_free(&g->rows);
    vec_free(&g->stacks);
    vec_free(&g->frames);
    vec_free(&g->texts);
    map_free(&g->text_index);
    map_free(&g->stack_index);
    map_free(&g->row_index);
}

const char *growth_text(struct growth *g, const char *text)
{
    char *own = xstrdup(text);
    text_make_printable(own);
    uint64_t hash = hash_bytes(own, strlen(own));
    size_t at = 0;
    for (uint32_t i; (i = map_probe(&g->text_index, hash, &at)) != MAP_NONE;) {
        if (strcmp(g->texts.at[i], own) != 0)
            continue;
        free(own);
        return g->texts.at[i];
    }
    map_add(&g->text_index, hash, (uint32_t)g->texts.n);
    vec_push(&g->texts, own);
    return own;
}

/* Texts are unique, so that their addresses tell them apart. */
static uint64_t frame_hash(const struct growth_frame *f)
{
    uint64_t hash = hash_u64((uint64_t)(uintptr_t)(f->python ? f->name : f->module));
    if (f->python)
        return hash_mix(hash_mix(hash, (uint64_t)(uintptr_t)f->file), f->line);
    return hash_mix(hash, f->offset);
}

uint32_t growth_stack(struct growth *g, const struct growth_frame *frames, size_t n)
{
    uint64_t hash = 1;
    if (n > GROWTH_FRAMES_MAX)
        n = GROWTH_FRAMES_MAX;
    for (size_t i = 0; i < n; i++)
        hash = hash_mix(hash, frame_hash(&frames[i]));
    uint32_t found = map_get(&g->stack_index, hash);
    if (found != MAP_NONE)
        return found;
    struct growth_stack stack = {(uint32_t)g->frames.n, (uint32_t)n, hash};
    vec_append(&g->frames, frames, n);
    map_set(&g->stack_index, hash, (uint32_t)g->stacks.n);
    vec_push(&g->stacks, stack);
    return (uint32_t)g->stacks.n - 1;
}

size_t growth_add(struct growth *g, enum growth_kind kind, uint32_t stack, const char *type,
                  double bytes, double bytes_per_s, uint64_t count, uint64_t of_samples)
{
    uint64_t key = hash_mix(hash_u64((uint64_t)kind), stack);
    uint32_t at = map_get(&g->row_index, key);
    if (at == MAP_NONE) {
        at = (uint32_t)g->rows.n;
        map_set(&g->row_index, key, at);
        struct growth_row *made = vec_add(&g->rows);
        made->kind = kind;
        made->stack = stack;
        made->type = "";
    }
    struct growth_row *row = &g->rows.at[at];
    if (!row->type[0] && type[0])
        row->type = growth_text(g, type);
    row->bytes += bytes;
    row->bytes_per_s += bytes_per_s;
    row->count += count;
    row->of_samples += of_samples;
    return at;
}

void growth_copy(struct growth *g, const struct growth *from, const struct growth_row *row)
{
    struct growth_frame frames[GROWTH_FRAMES_MAX];
    const struct growth_stack *stack = &from->stacks.at[row->stack];
    for (uint32_t i = 0; i < stack->n; i++) {
        struct growth_frame *f = &frames[i];
        *f = from->frames.at[stack->first + i];
        const char **texts[] = {&f->name, &f->file, &f->module, &f->build_id};
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            if (*texts[t])
                *texts[t] = growth_text(g, *texts[t]);
    }
    size_t at = growth_add(g, row->kind, growth_stack(g, frames, stack->n), row->type, row->bytes,
                           row->bytes_per_s, row->count, row->of_samples);
    g->rows.at[at].unsure_per_s = hypot(g->rows.at[at].unsure_per_s, row->unsure_per_s);
}

static int by_growth(const void *a, const void *b)
{
    const struct growth_row *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->bytes_per_s != y->bytes_per_s)
        return x->bytes_per_s > y->bytes_per_s ? -1 : 1;
    return x->stack < y->stack ? -1 : x->stack > y->stack;
}

void growth_close(struct growth *g)
{
    map_clear(&g->row_index);
    vec_sort(&g->rows, by_growth);
}

double growth_total_per_s(const struct growth *g, enum growth_kind kind)
{
    double total = 0;
    for (size_t i = 0; i < g->rows.n; i++)
        if (g->rows.at[i].kind == kind)
            total += g->rows.at[i].bytes_per_s;
    return total;
}
