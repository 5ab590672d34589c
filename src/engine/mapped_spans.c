/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See mapped_spans.h. */
#include "engine/mapped_spans.h"

#include <stdbool.h>
#include <stdlib.h>

/* So many times as old as others of its stack became: it may stay. */
#define STAYS_TIMES 4
/* Where fewer than one in so many were seen to go, going is the exception. */
#define SELDOM 10

void mapped_spans_clear(struct mapped_spans *s)
{
    vec_free(&s->list);
    vec_free(&s->lives);
    map_free(&s->by_stack);
    s->dropped = 0;
}

/* The first span that ends after the address. */
static size_t first_after(const struct mapped_spans *s, uint64_t address)
{
    size_t at = sorted_upto(s->list.at, s->list.n, start, address);
    return at && s->list.at[at - 1].end > address ? at - 1 : at;
}

static void insert(struct mapped_spans *s, size_t at, const struct mapped_span *span)
{
    if (s->list.n >= MAPPED_SPANS_MAX) {
        s->dropped++;
        return;
    }
    struct mapped_span copy = *span; /* it may lie in the list, which moves */
    vec_reserve(&s->list, s->list.n + 1);
    memmove(s->list.at + at + 1, s->list.at + at, (s->list.n - at) * sizeof *s->list.at);
    s->list.at[at] = copy;
    s->list.n++;
}

static struct mapped_lives *lives_of(struct mapped_spans *s, uint32_t stack)
{
    uint32_t at = map_get(&s->by_stack, stack);
    if (at != MAP_NONE)
        return &s->lives.at[at];
    map_set(&s->by_stack, stack, (uint32_t)s->lives.n);
    return vec_add(&s->lives);
}

static uint64_t age_of(const struct mapped_span *span, uint64_t time_ns)
{
    return time_ns > span->time_ns ? time_ns - span->time_ns : 0;
}

static void note_end(struct mapped_spans *s, const struct mapped_span *span, uint64_t time_ns)
{
    struct mapped_lives *lives = lives_of(s, span->stack);
    lives->ended++;
    lives->lived_ns += age_of(span, time_ns);
    if (span->time_ns > lives->youngest_ns)
        lives->youngest_ns = span->time_ns;
}

static void take_out(struct mapped_spans *s, size_t at, size_t upto)
{
    if (upto == at)
        return;
    memmove(s->list.at + at, s->list.at + upto, (s->list.n - upto) * sizeof *s->list.at);
    s->list.n -= upto - at;
}

/* time_ns 0: they merely move. */
static void cut_out(struct mapped_spans *s, uint64_t start, uint64_t end, uint64_t time_ns)
{
    size_t at = first_after(s, start);
    if (start >= end || at == s->list.n || s->list.at[at].start >= end)
        return;
    if (s->list.at[at].start < start) { /* its beginning stays */
        struct mapped_span rest = s->list.at[at];
        s->list.at[at++].end = start;
        if (rest.end > end) { /* and its end too */
            rest.start = end;
            insert(s, at, &rest);
            return;
        }
    }
    size_t upto = at;
    for (; upto < s->list.n && s->list.at[upto].end <= end; upto++)
        if (time_ns)
            note_end(s, &s->list.at[upto], time_ns);
    if (upto < s->list.n && s->list.at[upto].start < end)
        s->list.at[upto].start = end;
    take_out(s, at, upto);
}

void mapped_spans_remove(struct mapped_spans *s, uint64_t start, uint64_t end, uint64_t time_ns)
{
    cut_out(s, start, end, time_ns);
}

void mapped_spans_add(struct mapped_spans *s, const struct mapped_span *span)
{
    if (span->start >= span->end)
        return;
    cut_out(s, span->start, span->end, span->time_ns);
    lives_of(s, span->stack)->begun++;
    insert(s, first_after(s, span->start), span);
}

void mapped_spans_move(struct mapped_spans *s, uint64_t from, uint64_t size, uint64_t to)
{
    struct mapped_spans moved = {0};
    uint64_t end = from + size;
    if (to == from || end < from)
        return;
    for (size_t i = first_after(s, from); i < s->list.n && s->list.at[i].start < end; i++) {
        struct mapped_span span = s->list.at[i];
        span.start = (span.start < from ? from : span.start) - from + to;
        span.end = (span.end > end ? end : span.end) - from + to;
        vec_push(&moved.list, span);
    }
    cut_out(s, from, end, 0);
    cut_out(s, to, to + size, 0);
    for (size_t i = 0; i < moved.list.n; i++)
        insert(s, first_after(s, moved.list.at[i].start), &moved.list.at[i]);
    mapped_spans_clear(&moved);
}

static bool will_stay(struct mapped_spans *s, const struct mapped_span *span, uint64_t time_ns)
{
    const struct mapped_lives *lives = lives_of(s, span->stack);
    if (lives->ended < lives->begun / SELDOM || !lives->ended)
        return true;
    return span->time_ns < lives->youngest_ns &&
           age_of(span, time_ns) / STAYS_TIMES >= lives->lived_ns / lives->ended;
}

void mapped_spans_cull(struct mapped_spans *s, uint64_t time_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->list.n; i++)
        if (will_stay(s, &s->list.at[i], time_ns))
            s->list.at[kept++] = s->list.at[i];
    s->list.n = kept;
}
