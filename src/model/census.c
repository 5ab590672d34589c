/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See census.h. Pure. */
#include "model/census.h"

#include <stdlib.h>
#include <string.h>

#include "model/recording.h"

/* A process's newest censuses that are never thinned: the rules of growth look at them. */
#define NEWEST_KEPT 12
#define OTHER_TYPES "[other types]"

static void census_clear(struct census *census)
{
    vec_free(&census->rows);
    vec_free(&census->containers);
}

void census_list_clear(struct census_list *list)
{
    for (size_t i = 0; i < list->list.n; i++)
        census_clear(&list->list.at[i]);
    vec_free(&list->list);
    vec_free(&list->holders);
}

void census_list_copy(struct census_list *to, const struct census_list *from)
{
    *to =
        (struct census_list){.numbered = from->numbered, .holders_version = from->holders_version};
    vec_append(&to->holders, from->holders.at, from->holders.n);
    vec_reserve(&to->list, from->list.n);
    for (size_t i = 0; i < from->list.n; i++) {
        const struct census *old = &from->list.at[i];
        struct census *new = vec_add(&to->list);
        *new = *old;
        memset(&new->rows, 0, sizeof new->rows);
        memset(&new->containers, 0, sizeof new->containers);
        vec_append(&new->rows, old->rows.at, old->rows.n);
        vec_append(&new->containers, old->containers.at, old->containers.n);
    }
}

/* How dispensable each census is: the time between its neighbours of the same process, as a share
 * of its age. The most dispensable goes; the first and the newest of a process are not asked. */
static size_t most_dispensable(const struct census_list *censuses)
{
    size_t n = censuses->list.n, worst = n;
    double worst_share = 0;
    uint64_t now_ns = vec_last(&censuses->list)->time_ns;
    for (size_t i = 0; i < n; i++) {
        const struct census *c = &censuses->list.at[i];
        const struct census *before = NULL, *after = NULL;
        size_t newer = 0;
        for (size_t k = 0; k < n; k++) {
            const struct census *other = &censuses->list.at[k];
            if (other->incarnation.n != c->incarnation.n)
                continue;
            if (k < i)
                before = other;
            else if (k > i && !after)
                after = other;
            newer += k > i;
        }
        if (!before || newer < NEWEST_KEPT)
            continue;
        double share =
            (double)(after->time_ns - before->time_ns) / (double)(now_ns - c->time_ns + 1);
        if (worst == n || share < worst_share) {
            worst = i;
            worst_share = share;
        }
    }
    return worst < n ? worst : 0; /* processes without end: the oldest of all */
}

static void thin(struct census_list *censuses)
{
    while (censuses->list.n > CENSUS_MAX) {
        size_t gone = most_dispensable(censuses);
        census_clear(&censuses->list.at[gone]);
        memmove(censuses->list.at + gone, censuses->list.at + gone + 1,
                (censuses->list.n - gone - 1) * sizeof *censuses->list.at);
        censuses->list.n--;
    }
}

void recording_restore_census(struct recording *rec, struct census census)
{
    struct census_list *censuses = &rec->censuses;
    if (census.number > censuses->numbered)
        censuses->numbered = census.number;
    vec_push(&censuses->list, census);
    for (size_t i = censuses->list.n - 1;
         i > 0 && censuses->list.at[i - 1].time_ns > census.time_ns; i--) {
        censuses->list.at[i] = censuses->list.at[i - 1];
        censuses->list.at[i - 1] = census;
    }
    thin(censuses);
    if (census.time_ns > rec->end_ns)
        rec->end_ns = census.time_ns;
    rec->version++;
}

/* By what would be missed: bytes, and many small objects. */
static int largest_first(const void *a, const void *b)
{
    const struct heap_row *x = *(const struct heap_row *const *)a;
    const struct heap_row *y = *(const struct heap_row *const *)b;
    uint64_t x_size = x->size_bytes + 64 * x->count, y_size = y->size_bytes + 64 * y->count;
    if (x_size != y_size)
        return x_size > y_size ? -1 : 1;
    return strcmp(x->type, y->type);
}

static void add_rows(struct recording *rec, struct census *census, const struct heap_count *count)
{
    VEC(const struct heap_row *) order = {0};
    for (size_t i = 0; i < count->rows.n; i++)
        vec_push(&order, &count->rows.at[i]);
    vec_sort(&order, largest_first);
    struct census_row other = {0};
    for (size_t i = 0; i < order.n; i++) {
        const struct heap_row *from = order.at[i];
        if (i >= CENSUS_ROWS_MAX) {
            other.count += from->count;
            other.size_bytes += from->size_bytes;
            other.flags |= (uint8_t)from->flags;
            continue;
        }
        struct census_row row = {.type = dictionary_string(&rec->words, from->type),
                                 .language = (uint8_t)from->language,
                                 .flags = (uint8_t)from->flags,
                                 .count = from->count,
                                 .size_bytes = from->size_bytes};
        vec_push(&census->rows, row);
    }
    if (other.count) {
        other.type = dictionary_string(&rec->words, OTHER_TYPES);
        other.language = LANGUAGE_NATIVE;
        vec_push(&census->rows, other);
    }
    vec_free(&order);
}

void recording_add_census(struct recording *rec, struct incarnation_id incarnation,
                          const struct heap_count *count)
{
    struct census census = {
        .number = rec->censuses.numbered + 1,
        .incarnation = incarnation,
        .time_ns = count->time_ns,
        .duration_ns = count->duration_ns,
        .flags = count->flags,
        .moved_pct = count->moved_pct,
        .swapped_bytes = count->swapped_bytes,
        .space = count->space,
    };
    if (count->why_partial)
        census.why_partial = dictionary_string(&rec->words, count->why_partial);
    add_rows(rec, &census, count);
    for (size_t i = 0; i < count->containers.n && i < CENSUS_CONTAINERS_MAX; i++) {
        const struct heap_container *from = &count->containers.at[i];
        struct census_container container = {dictionary_string(&rec->words, from->type),
                                             from->address, from->length, from->size_bytes};
        vec_push(&census.containers, container);
    }
    recording_restore_census(rec, census);
}

void recording_set_holder(struct recording *rec, struct census_holder holder)
{
    struct census_list *censuses = &rec->censuses;
    struct census_holder *into = NULL;
    for (size_t i = 0; i < censuses->holders.n && !into; i++) {
        struct census_holder *have = &censuses->holders.at[i];
        if (have->incarnation.n == holder.incarnation.n && have->type.n == holder.type.n)
            into = have;
    }
    if (!into && censuses->holders.n >= CENSUS_HOLDERS_MAX) {
        memmove(censuses->holders.at, censuses->holders.at + 1,
                (censuses->holders.n - 1) * sizeof *censuses->holders.at);
        into = vec_last(&censuses->holders);
    }
    if (into)
        *into = holder;
    else
        vec_push(&censuses->holders, holder);
    censuses->holders_version++;
    rec->version++;
}

const struct census_holder *recording_holder(const struct recording *rec,
                                             struct incarnation_id incarnation,
                                             struct string_id type)
{
    for (size_t i = 0; i < rec->censuses.holders.n; i++) {
        const struct census_holder *h = &rec->censuses.holders.at[i];
        if (h->incarnation.n == incarnation.n && h->type.n == type.n)
            return h;
    }
    return NULL;
}

const struct census *recording_census(const struct recording *rec,
                                      struct incarnation_id incarnation, uint64_t to_ns)
{
    const struct census *found = NULL;
    for (size_t i = 0; i < rec->censuses.list.n; i++) {
        const struct census *c = &rec->censuses.list.at[i];
        if (c->incarnation.n == incarnation.n && c->time_ns < to_ns)
            found = c;
    }
    return found;
}
