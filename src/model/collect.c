/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See collect.h. The new dictionary is made by adding what is used to an empty one, through maps
 * from old to new ids; 0 stands for "not added yet" (and for "none", which is 0 in both). Pure.
 */
#include "model/collect.h"

#include <stdlib.h>
#include <string.h>

struct collector {
    struct recording *rec;
    struct dictionary old;
    uint32_t *strings, *modules, *functions, *frames, *stacks, *objects;
    VEC(struct place) places;
    VEC(struct frame_places) frame_places;
};

static struct string_id keep_string(struct collector *c, struct string_id id)
{
    if (id.n && !c->strings[id.n])
        c->strings[id.n] = dictionary_string(&c->rec->words, string_text(&c->old, id)).n;
    return (struct string_id){c->strings[id.n]};
}

static struct module_id keep_module(struct collector *c, struct module_id id)
{
    if (id.n && !c->modules[id.n])
        c->modules[id.n] =
            dictionary_module(&c->rec->words, string_text(&c->old, c->old.modules.at[id.n].path),
                              string_text(&c->old, c->old.modules.at[id.n].build_id))
                .n;
    return (struct module_id){c->modules[id.n]};
}

static struct function_id keep_function(struct collector *c, struct function_id id)
{
    if (id.n && !c->functions[id.n]) {
        struct function f = c->old.functions.at[id.n];
        f.name = keep_string(c, f.name);
        f.file = keep_string(c, f.file);
        f.module = keep_module(c, f.module);
        c->functions[id.n] = dictionary_function(&c->rec->words, &f).n;
    }
    return (struct function_id){c->functions[id.n]};
}

static void keep_places(struct collector *c, struct frame_id was, struct frame_id now)
{
    if (was.n >= c->rec->frame_places.n || !c->rec->frame_places.at[was.n].n)
        return;
    struct frame_places from = c->rec->frame_places.at[was.n];
    struct frame_places to = {(uint32_t)c->places.n, from.n};
    for (uint32_t i = 0; i < from.n; i++) {
        struct place p = c->rec->places.at[from.first + i];
        p.function = keep_function(c, p.function);
        vec_push(&c->places, p);
    }
    while (c->frame_places.n <= now.n)
        vec_add(&c->frame_places);
    c->frame_places.at[now.n] = to;
}

static struct frame_id keep_frame(struct collector *c, struct frame_id id)
{
    if (id.n && !c->frames[id.n]) {
        struct frame f = c->old.frames.at[id.n];
        f.place.function = keep_function(c, f.place.function);
        f.module = keep_module(c, f.module);
        struct frame_id now = dictionary_frame(&c->rec->words, &f);
        c->frames[id.n] = now.n;
        keep_places(c, id, now);
    }
    return (struct frame_id){c->frames[id.n]};
}

/* Parents first, without recursion: stacks may be thousands deep. */
static struct stack_id keep_stack(struct collector *c, struct stack_id id)
{
    VEC(uint32_t) path = {0};
    for (struct stack_id s = id; s.n && !c->stacks[s.n]; s = c->old.stacks.at[s.n].parent)
        vec_push(&path, s.n);
    while (path.n) {
        const struct stack *s = &c->old.stacks.at[*vec_last(&path)];
        struct stack_id parent = {c->stacks[s->parent.n]};
        struct frame_id frame = keep_frame(c, s->frame);
        c->stacks[*vec_last(&path)] = dictionary_stack(&c->rec->words, parent, frame).n;
        path.n--;
    }
    vec_free(&path);
    return (struct stack_id){c->stacks[id.n]};
}

static void keep_run(struct collector *c, struct run *r)
{
    r->stack = keep_stack(c, r->stack);
    if (r->object.n && !c->objects[r->object.n])
        c->objects[r->object.n] =
            dictionary_object(&c->rec->words, dictionary_object_text(&c->old, r->object)).n;
    r->object.n = c->objects[r->object.n];
}

static void keep_censuses(struct collector *c)
{
    struct census_list *censuses = &c->rec->censuses;
    for (size_t i = 0; i < censuses->list.n; i++) {
        struct census *census = &censuses->list.at[i];
        census->why_partial = keep_string(c, census->why_partial);
        for (size_t k = 0; k < census->rows.n; k++)
            census->rows.at[k].type = keep_string(c, census->rows.at[k].type);
        for (size_t k = 0; k < census->containers.n; k++)
            census->containers.at[k].type = keep_string(c, census->containers.at[k].type);
    }
    for (size_t i = 0; i < censuses->holders.n; i++) {
        censuses->holders.at[i].type = keep_string(c, censuses->holders.at[i].type);
        censuses->holders.at[i].path = keep_string(c, censuses->holders.at[i].path);
    }
}

static void keep_growth(struct collector *c)
{
    for (size_t i = 0; i < c->rec->growth.list.n; i++) {
        struct growth_look *look = &c->rec->growth.list.at[i];
        for (size_t k = 0; k < look->sites.n; k++) {
            look->sites.at[k].stack = keep_stack(c, look->sites.at[k].stack);
            look->sites.at[k].type = keep_string(c, look->sites.at[k].type);
        }
    }
}

static void keep_all(struct collector *c)
{
    struct recording *rec = c->rec;
    rec->engine = keep_string(c, rec->engine);
    rec->host = keep_string(c, rec->host);
    for (size_t i = 0; i < rec->incarnations.n; i++) {
        struct incarnation *in = &rec->incarnations.at[i];
        in->comm = keep_string(c, in->comm);
        in->cmdline = keep_string(c, in->cmdline);
        in->exe = keep_string(c, in->exe);
        in->runtime = keep_string(c, in->runtime);
    }
    for (size_t i = 0; i < rec->threads.n; i++)
        rec->threads.at[i].name = keep_string(c, rec->threads.at[i].name);
    for (size_t i = 0; i < rec->marks.n; i++)
        rec->marks.at[i].text = keep_string(c, rec->marks.at[i].text);
    for (size_t i = 0; i < rec->alerts.n; i++)
        rec->alerts.at[i].snapshot = keep_string(c, rec->alerts.at[i].snapshot);
    keep_censuses(c);
    keep_growth(c);
    for (int level = 0; level < LEVEL_COUNT; level++) {
        map_clear(&rec->levels[level].index);
        for (size_t i = rec->levels[level].first; i < rec->levels[level].ring.n; i++)
            keep_run(c, &rec->levels[level].ring.at[i]);
    }
    for (size_t i = 0; i < rec->open.n; i++) {
        if (rec->open.at[i].ticks)
            keep_run(c, &rec->open.at[i]);
    }
}

void recording_collect(struct recording *rec)
{
    struct collector c = {.rec = rec, .old = rec->words};
    dictionary_init(&rec->words);
    c.strings = xcalloc(c.old.strings.offsets.n, sizeof *c.strings);
    c.modules = xcalloc(c.old.modules.n, sizeof *c.modules);
    c.functions = xcalloc(c.old.functions.n, sizeof *c.functions);
    c.frames = xcalloc(c.old.frames.n, sizeof *c.frames);
    c.stacks = xcalloc(c.old.stacks.n, sizeof *c.stacks);
    c.objects = xcalloc(c.old.objects.n, sizeof *c.objects);

    keep_all(&c);

    vec_free(&rec->places);
    vec_free(&rec->frame_places);
    rec->places.at = c.places.at;
    rec->places.n = c.places.n;
    rec->places.cap = c.places.cap;
    rec->frame_places.at = c.frame_places.at;
    rec->frame_places.n = c.frame_places.n;
    rec->frame_places.cap = c.frame_places.cap;
    rec->places_version++;
    rec->version++;
    free(c.strings);
    free(c.modules);
    free(c.functions);
    free(c.frames);
    free(c.stacks);
    free(c.objects);
    dictionary_clear(&c.old);
}

void recording_collect_threads(struct recording *rec, uint32_t *renumbered)
{
    size_t n = rec->threads.n, kept = 1;
    memset(renumbered, 0, n * sizeof *renumbered);
    for (int level = 0; level < LEVEL_COUNT; level++)
        for (size_t i = 0; i < recording_run_count(rec, level); i++)
            renumbered[recording_run_at(rec, level, i)->thread.n] = 1;
    for (size_t i = 1; i < n; i++) {
        bool open = i < rec->open.n && rec->open.at[i].ticks;
        if (!renumbered[i] && !open && rec->threads.at[i].to_ns)
            continue;
        renumbered[i] = (uint32_t)kept;
        rec->threads.at[kept] = rec->threads.at[i];
        if (i < rec->open.n) {
            rec->open.at[kept] = rec->open.at[i];
            rec->open.at[kept].thread.n = (uint32_t)kept;
        } else if (kept < rec->open.n) {
            rec->open.at[kept] = (struct run){0};
        }
        kept++;
    }
    rec->threads.n = kept;
    for (size_t i = 0; i < rec->incarnations.n; i++)
        rec->incarnations.at[i].pooled.n = renumbered[rec->incarnations.at[i].pooled.n];
    if (rec->open.n > kept)
        rec->open.n = kept;
    for (int level = 0; level < LEVEL_COUNT; level++) {
        struct run_ring *r = &rec->levels[level];
        map_clear(&r->index);
        for (size_t i = r->first; i < r->ring.n; i++)
            r->ring.at[i].thread.n = renumbered[r->ring.at[i].thread.n];
    }
    rec->version++;
}
