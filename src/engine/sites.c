/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sites.h. */
#include "engine/sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Places of words: the preserved registers by their index, then the words of the loop's part of the
 * stack by their distance from its upper end. */
#define PLACE_STACK 8u
#define REGISTERS   6u
#define HINTS_MAX   16
/* A place that had a line in fewer of the loops than this share is none of the next instruction. */
#define VOTES_LEAST_PCT 25

void sites_init(struct sites *s, pid_t pid, struct python *python)
{
    memset(s, 0, sizeof *s);
    s->unwinder = unwinder_new(pid);
    s->python = python;
    unsigned minor = 0;
    s->innermost = python && sscanf(python_version(python), "3.%u", &minor) == 1 && minor >= 11;
}

void sites_clear(struct sites *s)
{
    unwinder_free(s->unwinder);
    map_free(&s->votes);
    vec_free(&s->stacks);
    vec_free(&s->frames);
    vec_free(&s->hints);
}

void sites_drop(struct sites *s)
{
    vec_clear(&s->stacks);
    vec_clear(&s->frames);
    vec_clear(&s->hints);
}

/* The registers that the loop's invocation kept, and the words of its own part of the stack, as far
 * as they were copied. Number. */
static size_t words_of(struct sites *s, const struct capture *c, size_t frame, size_t n_frames)
{
    const struct unwind_kept *k = &s->kept[frame];
    size_t n = 0;
    for (uint32_t i = 0; i < REGISTERS; i++) {
        if (!(k->known >> i & 1))
            continue;
        s->places[n] = i;
        s->words[n++] = k->at[i];
    }
    if (frame + 1 >= n_frames)
        return n;
    uint64_t upper = s->kept[frame + 1].sp;
    for (uint64_t at = upper - 8; at >= k->sp && at < upper && n < SITES_WORDS_MAX; at -= 8) {
        uint64_t in = at - c->stack_addr;
        if (in > c->stack_size || c->stack_size - in < 8)
            continue;
        s->places[n] = PLACE_STACK + (uint32_t)((upper - at) / 8);
        memcpy(&s->words[n++], c->stack + in, 8);
    }
    return n;
}

static void take_loop(struct sites *s, const struct capture *c, size_t frame, size_t n_frames,
                      struct site_frame *out)
{
    struct python_origin origins[HINTS_MAX];
    size_t n = words_of(s, c, frame, n_frames);
    size_t found = python_origins(s->python, s->words, n, origins, HINTS_MAX);
    out->first = (uint32_t)s->hints.n;
    out->n = (uint32_t)found;
    s->loops++;
    for (size_t i = 0; i < found; i++) {
        struct site_hint hint = {s->places[origins[i].word], origins[i]};
        uint32_t votes = map_get(&s->votes, hint.place);
        map_set(&s->votes, hint.place, votes == MAP_NONE ? 1 : votes + 1);
        vec_push(&s->hints, hint);
    }
}

uint32_t sites_take(struct sites *s, const struct capture *capture)
{
    enum walk_end end;
    uint32_t elided, loops = 0;
    unwinder_keep(s->unwinder, s->kept, SITES_DEPTH_MAX);
    size_t n = unwinder_walk(s->unwinder, capture, s->native, SITES_DEPTH_MAX, &end, &elided);
    unwinder_keep(s->unwinder, NULL, 0);
    if (elided) /* what is kept is of the innermost frames, and of them alone */
        n = SITES_DEPTH_MAX / 2;
    struct site_stack stack = {(uint32_t)s->frames.n, (uint32_t)n};
    for (size_t i = 0; i < n; i++) {
        const struct native_frame *f = &s->native[i];
        struct site_frame out = {.module = f->module, .offset = f->offset};
        if (s->python) {
            out.interpreter = python_is_interpreter(s->python, f->address);
            out.eval = out.interpreter && python_is_eval(s->python, f->address);
        }
        if (out.eval && loops++ < SITES_EVALS_MAX)
            take_loop(s, capture, i, n, &out);
        vec_push(&s->frames, out);
    }
    vec_push(&s->stacks, stack);
    return (uint32_t)s->stacks.n - 1;
}

/* The line of a loop: by the word that has most often been one. */
static bool name_loop(struct sites *s, const struct site_frame *f, struct python_frame *out)
{
    uint32_t best = 0, at = MAP_NONE;
    for (uint32_t i = f->first; i < f->first + f->n; i++) {
        uint32_t votes = map_get(&s->votes, s->hints.at[i].place);
        if (votes != MAP_NONE && votes > best) {
            best = votes;
            at = i;
        }
    }
    return at != MAP_NONE && (uint64_t)best * 100 >= (uint64_t)s->loops * VOTES_LEAST_PCT &&
           python_origin_frame(s->python, &s->hints.at[at].origin, out);
}

static struct growth_frame native_frame(struct sites *s, const struct site_frame *f,
                                        struct growth *g)
{
    struct growth_frame out = {.offset = f->offset, .module = "", .build_id = ""};
    if (f->module != NATIVE_NO_MODULE) {
        const struct native_module *m = unwinder_module(s->unwinder, f->module);
        out.module = growth_text(g, m->path);
        out.build_id = growth_text(g, m->build_id);
    }
    return out;
}

uint32_t sites_name(struct sites *s, uint32_t stack, struct growth *g, bool *unnamed)
{
    const struct site_stack *from = &s->stacks.at[stack];
    struct growth_frame frames[GROWTH_FRAMES_MAX];
    size_t n = 0;
    uint32_t loops = 0;
    bool in_python = false;
    *unnamed = false;
    for (uint32_t i = 0; i < from->n; i++)
        in_python |= s->frames.at[from->first + i].eval;
    for (uint32_t i = 0; i < from->n && n < GROWTH_FRAMES_MAX; i++) {
        const struct site_frame *f = &s->frames.at[from->first + i];
        struct python_frame python;
        if (f->eval && loops++ < SITES_EVALS_MAX) {
            bool named = name_loop(s, f, &python);
            *unnamed |= loops == 1 && !named;
            if (named && s->innermost)
                g->flags |= GROWTH_INNERMOST;
            if (named)
                frames[n++] = (struct growth_frame){.python = true,
                                                    .line = python.line,
                                                    .first_line = python.first_line,
                                                    .name = growth_text(g, python.name),
                                                    .file = growth_text(g, python.file),
                                                    .module = "",
                                                    .build_id = ""};
        } else if (!f->interpreter || !in_python) {
            frames[n++] = native_frame(s, f, g);
        }
    }
    return growth_stack(g, frames, n);
}
