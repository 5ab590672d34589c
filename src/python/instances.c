/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See instances.h. The hash is one to one, so no two addresses share theirs. */
#include "python/instances.h"

#include "base/map.h"

void instances_init(struct instances *s, size_t max)
{
    *s = (struct instances){.max = max, .below = UINT64_MAX};
}

void instances_clear(struct instances *s)
{
    vec_free(&s->at);
}

static int least_hash_first(const void *a, const void *b)
{
    uint64_t x = hash_u64(*(const uint64_t *)a), y = hash_u64(*(const uint64_t *)b);
    return x < y ? -1 : x > y;
}

void instances_close(struct instances *s)
{
    vec_sort(&s->at, least_hash_first);
    if (s->at.n <= s->max)
        return;
    s->below = hash_u64(s->at.at[s->max]);
    s->at.n = s->max;
}

void instances_add(struct instances *s, uint64_t address)
{
    if (hash_u64(address) >= s->below)
        return;
    vec_push(&s->at, address);
    if (s->at.n >= 2 * s->max)
        instances_close(s);
}

void instances_born(struct instances *now, const struct instances *before)
{
    size_t kept = 0, b = 0;
    if (before->below < now->below)
        now->below = before->below;
    for (size_t i = 0; i < now->at.n; i++) {
        uint64_t hash = hash_u64(now->at.at[i]);
        while (b < before->at.n && hash_u64(before->at.at[b]) < hash)
            b++;
        bool known = b < before->at.n && before->at.at[b] == now->at.at[i];
        if (hash < now->below && !known)
            now->at.at[kept++] = now->at.at[i];
    }
    now->at.n = kept;
}
