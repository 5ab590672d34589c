/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See growth_look.h. Pure. */
#include "model/growth_look.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "model/recording.h"

void growth_looks_clear(struct growth_looks *looks)
{
    for (size_t i = 0; i < looks->list.n; i++)
        vec_free(&looks->list.at[i].sites);
    vec_free(&looks->list);
}

void growth_looks_copy(struct growth_looks *to, const struct growth_looks *from)
{
    *to = (struct growth_looks){.numbered = from->numbered};
    for (size_t i = 0; i < from->list.n; i++) {
        struct growth_look *look = vec_add(&to->list);
        *look = from->list.at[i];
        memset(&look->sites, 0, sizeof look->sites);
        vec_append(&look->sites, from->list.at[i].sites.at, from->list.at[i].sites.n);
    }
}

void recording_restore_growth(struct recording *rec, struct growth_look look)
{
    struct growth_looks *looks = &rec->growth;
    if (look.number > looks->numbered)
        looks->numbered = look.number;
    vec_push(&looks->list, look);
    if (looks->list.n > GROWTH_LOOKS_MAX) {
        vec_free(&looks->list.at[0].sites);
        looks->list.n--;
        memmove(looks->list.at, looks->list.at + 1, looks->list.n * sizeof *looks->list.at);
    }
    if (look.to_ns > rec->end_ns)
        rec->end_ns = look.to_ns;
    rec->version++;
}

static struct frame_id add_native_frame(struct dictionary *d, const struct growth_frame *from)
{
    char name[256];
    struct frame frame = {.kind = FRAME_NATIVE, .offset = from->offset};
    struct function stand_in = {.language = LANGUAGE_JIT};
    if (from->module[0]) {
        frame.module = dictionary_module(d, from->module, from->build_id);
        stand_in.module = frame.module;
        stand_in.language = LANGUAGE_NATIVE;
        snprintf(name, sizeof name, "[%s]", path_base(from->module));
    } else {
        snprintf(name, sizeof name, NAMELESS_CODE);
    }
    stand_in.name = dictionary_string(d, name);
    frame.place.function = dictionary_function(d, &stand_in);
    return dictionary_frame(d, &frame);
}

static struct frame_id add_frame(struct dictionary *d, const struct growth_frame *from)
{
    if (!from->python)
        return add_native_frame(d, from);
    struct function function = {.name = dictionary_string(d, from->name),
                                .file = dictionary_string(d, from->file),
                                .line = from->first_line,
                                .language = LANGUAGE_PYTHON};
    struct frame frame = {.kind = FRAME_PYTHON, .place.line = from->line};
    frame.place.function = dictionary_function(d, &function);
    return dictionary_frame(d, &frame);
}

static struct stack_id add_stack(struct dictionary *d, const struct growth *growth, uint32_t stack)
{
    const struct growth_stack *from = &growth->stacks.at[stack];
    struct stack_id id = {0};
    for (uint32_t i = from->n; i-- > 0;)
        id = dictionary_stack(d, id, add_frame(d, &growth->frames.at[from->first + i]));
    return id;
}

/* A tracer tells what there is, not how fast it came: since the look before. */
static double traced_per_s(const struct growth_look *before, const struct growth_look *now,
                           const struct growth_site *site)
{
    if (!before || now->to_ns <= before->to_ns)
        return 0;
    double had = 0;
    for (size_t i = 0; i < before->sites.n; i++)
        if (before->sites.at[i].kind == GROWTH_TRACED &&
            before->sites.at[i].stack.n == site->stack.n)
            had = before->sites.at[i].bytes;
    return (site->bytes - had) / ((double)(now->to_ns - before->to_ns) / 1e9);
}

void recording_add_growth(struct recording *rec, struct incarnation_id incarnation,
                          const struct growth *growth)
{
    struct growth_look look = {
        .number = rec->growth.numbered + 1,
        .incarnation = incarnation,
        .from_ns = growth->from_ns,
        .to_ns = growth->to_ns,
        .cost_pct = growth->cost_pct,
        .samples = growth->samples,
        .lost = growth->lost,
        .unnamed = growth->unnamed,
        .flags = growth->flags,
    };
    const struct growth_look *before =
        recording_growth(rec, incarnation, GROWTH_TRACED, UINT64_MAX);
    for (size_t i = 0; i < growth->rows.n && look.sites.n < GROWTH_SITES_MAX; i++) {
        const struct growth_row *row = &growth->rows.at[i];
        struct growth_site site = {
            .kind = row->kind,
            .stack = add_stack(&rec->words, growth, row->stack),
            .bytes = row->bytes,
            .bytes_per_s = row->bytes_per_s,
            .unsure_per_s = row->unsure_per_s,
            .count = row->count,
            .of_samples = row->of_samples,
        };
        if (row->type && row->type[0])
            site.type = dictionary_string(&rec->words, row->type);
        if (site.kind == GROWTH_TRACED)
            site.bytes_per_s = traced_per_s(before, &look, &site);
        vec_push(&look.sites, site);
    }
    recording_restore_growth(rec, look);
}

const struct growth_look *recording_growth(const struct recording *rec,
                                           struct incarnation_id incarnation, enum growth_kind kind,
                                           uint64_t to_ns)
{
    for (size_t i = rec->growth.list.n; i-- > 0;) {
        const struct growth_look *look = &rec->growth.list.at[i];
        if (look->incarnation.n != incarnation.n || look->to_ns >= to_ns)
            continue;
        for (size_t k = 0; k < look->sites.n; k++)
            if (look->sites.at[k].kind == kind ||
                (growth_kind_enlarged(look->sites.at[k].kind) && growth_kind_enlarged(kind)))
                return look;
    }
    return NULL;
}

const struct growth_look *recording_probed(const struct recording *rec, int pid, uint64_t from_ns,
                                           uint64_t to_ns)
{
    for (size_t i = rec->growth.list.n; i-- > 0;) {
        const struct growth_look *look = &rec->growth.list.at[i];
        if (look->flags & GROWTH_PROBED && look->to_ns >= from_ns && look->to_ns < to_ns &&
            (!pid || rec->incarnations.at[look->incarnation.n].pid == pid))
            return look;
    }
    return NULL;
}
