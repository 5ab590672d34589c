/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See dictionary.h. One thread per dictionary. */
#include "model/dictionary.h"

#include <stdlib.h>
#include <string.h>

const char *language_name(enum language language)
{
    static const char *const names[LANGUAGE_COUNT] = {
        [LANGUAGE_NATIVE] = "native", [LANGUAGE_C] = "c",     [LANGUAGE_CXX] = "c++",
        [LANGUAGE_RUST] = "rust",     [LANGUAGE_GO] = "go",   [LANGUAGE_PYTHON] = "python",
        [LANGUAGE_KERNEL] = "kernel", [LANGUAGE_JIT] = "jit",
    };
    return (unsigned)language < LANGUAGE_COUNT ? names[language] : "native";
}

void dictionary_init(struct dictionary *d)
{
    memset(d, 0, sizeof *d);
    dictionary_string(d, "");
    vec_add(&d->modules);
    vec_add(&d->functions);
    vec_add(&d->frames);
    vec_add(&d->stacks);
    vec_add(&d->objects);
}

void dictionary_clear(struct dictionary *d)
{
    vec_free(&d->strings.bytes);
    vec_free(&d->strings.offsets);
    map_free(&d->strings.index);
    vec_free(&d->modules);
    vec_free(&d->functions);
    vec_free(&d->frames);
    vec_free(&d->stacks);
    vec_free(&d->objects);
    map_free(&d->module_index);
    map_free(&d->function_index);
    map_free(&d->frame_index);
    map_free(&d->stack_index);
    map_free(&d->object_index);
}

static void map_copy(struct map *to, const struct map *from)
{
    *to = *from;
    if (!from->cap)
        return;
    to->slots = xmalloc(from->cap * sizeof *from->slots);
    memcpy(to->slots, from->slots, from->cap * sizeof *from->slots);
}

void dictionary_copy(struct dictionary *to, const struct dictionary *from)
{
    memset(to, 0, sizeof *to);
    vec_append(&to->strings.bytes, from->strings.bytes.at, from->strings.bytes.n);
    vec_append(&to->strings.offsets, from->strings.offsets.at, from->strings.offsets.n);
    map_copy(&to->strings.index, &from->strings.index);
    vec_append(&to->modules, from->modules.at, from->modules.n);
    vec_append(&to->functions, from->functions.at, from->functions.n);
    vec_append(&to->frames, from->frames.at, from->frames.n);
    vec_append(&to->stacks, from->stacks.at, from->stacks.n);
    vec_append(&to->objects, from->objects.at, from->objects.n);
    map_copy(&to->module_index, &from->module_index);
    map_copy(&to->function_index, &from->function_index);
    map_copy(&to->frame_index, &from->frame_index);
    map_copy(&to->stack_index, &from->stack_index);
    map_copy(&to->object_index, &from->object_index);
}

size_t dictionary_bytes(const struct dictionary *d)
{
    size_t slots = d->strings.index.cap + d->module_index.cap + d->function_index.cap +
                   d->frame_index.cap + d->stack_index.cap + d->object_index.cap;
    return slots * sizeof(struct map_slot) + d->strings.bytes.cap +
           d->strings.offsets.cap * sizeof *d->strings.offsets.at +
           d->modules.cap * sizeof *d->modules.at + d->functions.cap * sizeof *d->functions.at +
           d->frames.cap * sizeof *d->frames.at + d->stacks.cap * sizeof *d->stacks.at +
           d->objects.cap * sizeof *d->objects.at;
}

const char *string_text(const struct dictionary *d, struct string_id id)
{
    return d->strings.bytes.at + d->strings.offsets.at[id.n];
}

struct string_id dictionary_string(struct dictionary *d, const char *s)
{
    size_t size = strlen(s) + 1;
    uint64_t key = hash_bytes(s, size);
    size_t at = 0;
    uint32_t n;
    while ((n = map_probe(&d->strings.index, key, &at)) != MAP_NONE)
        if (strcmp(string_text(d, (struct string_id){n}), s) == 0)
            return (struct string_id){n};
    n = (uint32_t)d->strings.offsets.n;
    if (d->strings.bytes.n + size > UINT32_MAX)
        die("more than 4 GB of strings");
    vec_push(&d->strings.offsets, (uint32_t)d->strings.bytes.n);
    vec_append(&d->strings.bytes, s, size);
    map_add(&d->strings.index, key, n);
    return (struct string_id){n};
}

struct module_id dictionary_module(struct dictionary *d, const char *path, const char *build_id)
{
    struct module m = {dictionary_string(d, path), dictionary_string(d, build_id)};
    uint64_t key = hash_mix(m.path.n, m.build_id.n);
    size_t at = 0;
    uint32_t n;
    while ((n = map_probe(&d->module_index, key, &at)) != MAP_NONE)
        if (d->modules.at[n].path.n == m.path.n && d->modules.at[n].build_id.n == m.build_id.n)
            return (struct module_id){n};
    n = (uint32_t)d->modules.n;
    vec_push(&d->modules, m);
    map_add(&d->module_index, key, n);
    return (struct module_id){n};
}

static bool same_function(const struct function *a, const struct function *b)
{
    return a->name.n == b->name.n && a->file.n == b->file.n && a->line == b->line &&
           a->module.n == b->module.n && a->language == b->language;
}

struct function_id dictionary_function(struct dictionary *d, const struct function *f)
{
    uint64_t key = hash_mix(hash_mix(f->name.n, f->file.n), hash_mix(f->line, f->module.n));
    size_t at = 0;
    uint32_t n;
    while ((n = map_probe(&d->function_index, key, &at)) != MAP_NONE)
        if (same_function(&d->functions.at[n], f))
            return (struct function_id){n};
    n = (uint32_t)d->functions.n;
    vec_push(&d->functions, *f);
    map_add(&d->function_index, key, n);
    return (struct function_id){n};
}

static bool same_frame(const struct frame *a, const struct frame *b)
{
    return a->kind == b->kind && a->place.function.n == b->place.function.n &&
           a->place.line == b->place.line && a->module.n == b->module.n && a->offset == b->offset;
}

struct frame_id dictionary_frame(struct dictionary *d, const struct frame *f)
{
    uint64_t key = hash_mix(hash_mix(f->kind, f->place.function.n), f->place.line);
    key = hash_mix(hash_mix(key, f->module.n), f->offset);
    size_t at = 0;
    uint32_t n;
    while ((n = map_probe(&d->frame_index, key, &at)) != MAP_NONE)
        if (same_frame(&d->frames.at[n], f))
            return (struct frame_id){n};
    n = (uint32_t)d->frames.n;
    vec_push(&d->frames, *f);
    map_add(&d->frame_index, key, n);
    return (struct frame_id){n};
}

struct stack_id dictionary_stack(struct dictionary *d, struct stack_id parent,
                                 struct frame_id frame)
{
    /* (parent, frame) is the whole content, so the key itself tells them apart. */
    uint64_t key = (uint64_t)parent.n << 32 | frame.n;
    uint32_t n = map_get(&d->stack_index, key);
    if (n != MAP_NONE)
        return (struct stack_id){n};
    n = (uint32_t)d->stacks.n;
    struct stack s = {parent, frame, d->stacks.at[parent.n].depth + 1};
    vec_push(&d->stacks, s);
    map_add(&d->stack_index, key, n);
    return (struct stack_id){n};
}

struct object_id dictionary_object(struct dictionary *d, const char *text)
{
    struct string_id id = dictionary_string(d, text);
    if (!id.n)
        return (struct object_id){0};
    uint32_t n = map_get(&d->object_index, id.n);
    if (n != MAP_NONE)
        return (struct object_id){n};
    n = (uint32_t)d->objects.n;
    vec_push(&d->objects, id);
    map_add(&d->object_index, id.n, n);
    return (struct object_id){n};
}

const char *module_path(const struct dictionary *d, struct module_id id)
{
    return string_text(d, d->modules.at[id.n].path);
}

const char *dictionary_object_text(const struct dictionary *d, struct object_id id)
{
    return string_text(d, d->objects.at[id.n]);
}
