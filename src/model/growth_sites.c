/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See growth_sites.h. Pure. */
#include "model/growth_sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/recording.h"

static struct frame_id python_frame(struct dictionary *d, const struct growth_frame *f)
{
    struct function function = {.name = dictionary_string(d, f->name),
                                .file = dictionary_string(d, f->file),
                                .line = f->first_line,
                                .language = LANGUAGE_PYTHON};
    struct frame frame = {.kind = FRAME_PYTHON,
                          .place = {dictionary_function(d, &function), f->line}};
    return dictionary_frame(d, &frame);
}

/* As the sampler's are: a stand-in for the module, until the frame is named. */
static struct frame_id native_frame(struct dictionary *d, const struct growth_frame *f)
{
    char name[256];
    struct frame frame = {.kind = FRAME_NATIVE, .offset = f->offset};
    if (!f->module[0]) {
        struct function code = {.name = dictionary_string(d, "[JIT code]"),
                                .language = LANGUAGE_JIT};
        frame.place.function = dictionary_function(d, &code);
        return dictionary_frame(d, &frame);
    }
    frame.module = dictionary_module(d, f->module, f->build_id);
    snprintf(name, sizeof name, "[%s]", path_base(f->module));
    struct function stand_in = {.name = dictionary_string(d, name), .module = frame.module};
    frame.place.function = dictionary_function(d, &stand_in);
    return dictionary_frame(d, &frame);
}

static struct stack_id add_stack(struct dictionary *d, const struct growth *growth,
                                 const struct growth_stack *from)
{
    struct stack_id stack = {0};
    for (uint32_t i = from->n; i-- > 0;) {
        const struct growth_frame *f = &growth->frames.at[from->first + i];
        stack = dictionary_stack(d, stack, f->python ? python_frame(d, f) : native_frame(d, f));
    }
    return stack;
}

/* Drops the oldest looks until there is room for one more site. */
static void make_room(struct growth_sites *sites)
{
    size_t drop = 0, n = sites->list.n;
    if (n < GROWTH_SITES_MAX)
        return;
    for (uint64_t oldest = sites->list.at[0].look; drop < n && sites->list.at[drop].look == oldest;)
        drop++;
    memmove(sites->list.at, sites->list.at + drop, (n - drop) * sizeof *sites->list.at);
    sites->list.n = n - drop;
}

void recording_add_growth(struct recording *rec, struct incarnation_id incarnation,
                          const struct growth *growth)
{
    size_t in_look = 0;
    for (size_t i = 0; i < growth->rows.n; i++) {
        const struct growth_row *row = &growth->rows.at[i];
        if (!i || row->kind != growth->rows.at[i - 1].kind) {
            rec->growth.looks++;
            in_look = 0;
        }
        if (in_look++ >= GROWTH_SITES_A_LOOK)
            continue;
        struct growth_site site = {
            .look = rec->growth.looks,
            .incarnation = incarnation,
            .kind = (uint8_t)row->kind,
            .stack = add_stack(&rec->words, growth, &growth->stacks.at[row->stack]),
            .type = dictionary_string(&rec->words, row->type),
            .bytes = row->bytes,
            .bytes_per_s = row->bytes_per_s,
            .count = row->count,
            .of_samples = row->of_samples,
            .from_ns = growth->from_ns,
            .to_ns = growth->to_ns,
        };
        make_room(&rec->growth);
        vec_push(&rec->growth.list, site);
    }
    rec->version++;
}

void recording_restore_growth(struct recording *rec, const struct growth_site *site)
{
    make_room(&rec->growth);
    vec_push(&rec->growth.list, *site);
    if (site->look > rec->growth.looks)
        rec->growth.looks = site->look;
}

uint64_t recording_growth_look(const struct recording *rec, struct incarnation_id incarnation,
                               enum growth_kind kind, uint64_t to_ns)
{
    for (size_t i = rec->growth.list.n; i-- > 0;) {
        const struct growth_site *site = &rec->growth.list.at[i];
        if (site->incarnation.n == incarnation.n && site->kind == kind && site->from_ns < to_ns)
            return site->look;
    }
    return 0;
}
