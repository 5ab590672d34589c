/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See forget.h. Pure. */
#include "model/forget.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* The folded levels' slices keep their places when the start moves by whole ones of the longest. */
#define STEP_NS (10 * NS_PER_S)

struct recording_limits recording_ring_limits(uint64_t span_ns)
{
    struct recording_limits limits = recording_default_limits;
    if (limits.raw_ns > span_ns)
        limits.raw_ns = span_ns;
    if (limits.second_ns > span_ns)
        limits.second_ns = span_ns;
    limits.ten_ns = span_ns;
    return limits;
}

/* Drops the first `gone` elements of a vector. */
#define vec_drop(v, gone)                                                                          \
    do {                                                                                           \
        size_t vec_gone_ = (gone);                                                                 \
        memmove((v)->at, (v)->at + vec_gone_, ((v)->n - vec_gone_) * sizeof *(v)->at);             \
        (v)->n -= vec_gone_;                                                                       \
    } while (0)

static void forget_events(struct recording *rec)
{
    size_t gone = 0, n = rec->alerts.n;
    while (gone < n &&
           (rec->alerts.at[gone].time_ns < rec->start_ns || n - gone > FORGET_ALERTS_MAX))
        gone++;
    if (gone)
        vec_drop(&rec->alerts, gone);
    rec->alerts_gone += gone;

    gone = 0, n = rec->marks.n;
    while (gone < n && (rec->marks.at[gone].time_ns < rec->start_ns || n - gone > FORGET_MARKS_MAX))
        gone++;
    if (gone)
        vec_drop(&rec->marks, gone);
    rec->marks_gone += gone;
}

static bool lives(const struct recording *rec, struct incarnation_id id)
{
    return !rec->incarnations.at[id.n].to_ns;
}

/* Whether a later census of the process stands in the list. */
static bool has_newer(const struct census_list *list, size_t at)
{
    for (size_t i = at + 1; i < list->list.n; i++)
        if (list->list.at[i].incarnation.n == list->list.at[at].incarnation.n)
            return true;
    return false;
}

static void forget_censuses(struct recording *rec)
{
    struct census_list *list = &rec->censuses;
    size_t kept = 0;
    for (size_t i = 0; i < list->list.n; i++) {
        struct census *census = &list->list.at[i];
        bool needed = lives(rec, census->incarnation) && !has_newer(list, i);
        if (census->time_ns >= rec->start_ns || needed) {
            list->list.at[kept++] = *census;
        } else {
            vec_free(&census->rows);
            vec_free(&census->containers);
        }
    }
    list->list.n = kept;
    kept = 0;
    for (size_t i = 0; i < list->holders.n; i++) {
        const struct census_holder *holder = &list->holders.at[i];
        if (holder->time_ns >= rec->start_ns || lives(rec, holder->incarnation))
            list->holders.at[kept++] = *holder;
    }
    list->holders.n = kept;
}

static void forget_growth(struct recording *rec)
{
    struct growth_looks *looks = &rec->growth;
    size_t kept = 0;
    for (size_t i = 0; i < looks->list.n; i++) {
        if (looks->list.at[i].to_ns >= rec->start_ns)
            looks->list.at[kept++] = looks->list.at[i];
        else
            vec_free(&looks->list.at[i].sites);
    }
    looks->list.n = kept;
}

void recording_forget(struct recording *rec, uint64_t start_ns, int64_t start_wall_ns)
{
    if (start_ns > rec->end_ns)
        start_ns = rec->end_ns;
    if (start_ns > rec->start_ns) {
        uint64_t forward_ns = start_ns - rec->start_ns;
        uint64_t beyond_ns = forward_ns >= STEP_NS ? forward_ns % STEP_NS : 0;
        rec->start_ns = start_ns - beyond_ns;
        rec->start_wall_ns = start_wall_ns - (int64_t)beyond_ns;
    }
    forget_events(rec);
    forget_censuses(rec);
    forget_growth(rec);
    rec->version++;
}

static void renumber(struct incarnation_id *id, const uint32_t *renumbered)
{
    id->n = renumbered[id->n];
}

static void mark_used(const struct recording *rec, struct incarnation_id target, uint32_t *used)
{
    used[target.n] = 1;
    for (size_t i = 1; i < rec->incarnations.n; i++)
        used[i] |= !rec->incarnations.at[i].to_ns;
    for (size_t i = 1; i < rec->threads.n; i++)
        used[rec->threads.at[i].incarnation.n] = 1;
    for (size_t i = 0; i < rec->censuses.list.n; i++)
        used[rec->censuses.list.at[i].incarnation.n] = 1;
    for (size_t i = 0; i < rec->growth.list.n; i++)
        used[rec->growth.list.at[i].incarnation.n] = 1;
    used[0] = 0;
}

void recording_collect_incarnations(struct recording *rec, struct incarnation_id target,
                                    uint32_t *renumbered)
{
    size_t n = rec->incarnations.n, kept = 1;
    memset(renumbered, 0, n * sizeof *renumbered);
    if (n < 2)
        return;
    mark_used(rec, target, renumbered);
    struct incarnation *all = rec->incarnations.at;
    struct incarnation *old = xmalloc(n * sizeof *old);
    memcpy(old, all, n * sizeof *old);
    bool moves = target.n > 1;
    if (moves) {
        all[kept] = old[target.n];
        renumbered[target.n] = (uint32_t)kept++;
    }
    for (size_t i = 1; i < n; i++) {
        if (!renumbered[i] || (moves && i == target.n))
            continue;
        all[kept] = old[i];
        renumbered[i] = (uint32_t)kept++;
    }
    free(old);
    rec->incarnations.n = kept;
    for (size_t i = 1; i < rec->threads.n; i++)
        renumber(&rec->threads.at[i].incarnation, renumbered);
    for (size_t i = 0; i < rec->censuses.list.n; i++)
        renumber(&rec->censuses.list.at[i].incarnation, renumbered);
    for (size_t i = 0; i < rec->growth.list.n; i++)
        renumber(&rec->growth.list.at[i].incarnation, renumbered);
    size_t holders = 0;
    for (size_t i = 0; i < rec->censuses.holders.n; i++) {
        struct census_holder *holder = &rec->censuses.holders.at[i];
        renumber(&holder->incarnation, renumbered);
        if (holder->incarnation.n)
            rec->censuses.holders.at[holders++] = *holder;
    }
    rec->censuses.holders.n = holders;
    rec->version++;
}
