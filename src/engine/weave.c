/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See weave.h. Works from the outer end, where the two stacks agree. */
#include "engine/weave.h"

/* How many invocations one stack may have that the other has not: what is just beginning or ending
 * at the inner end. */
#define SLACK 1

struct weaving {
    const struct weave_in *in;
    struct weave_item *out;
    size_t n;
    size_t python; /* Python frames not placed yet; the next is python - 1 */
};

static void put(struct weaving *w, bool python, size_t index)
{
    w->out[w->n++] = (struct weave_item){python, (uint32_t)index};
}

/* From the outermost frame that is left inwards, up to the next entry. */
static void put_group(struct weaving *w)
{
    do {
        w->python--;
        put(w, true, w->python);
    } while (w->python && !w->in->entry[w->python - 1]);
}

static void reverse(struct weave_item *at, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct weave_item item = at[i];
        at[i] = at[n - 1 - i];
        at[n - 1 - i] = item;
    }
}

int weave(const struct weave_in *in, struct weave_item *out)
{
    struct weaving w = {in, out, 0, in->n_python};
    size_t evals = 0, groups = 0;
    for (size_t i = 0; i < in->n_native; i++)
        evals += in->eval[i];
    for (size_t i = 0; i < in->n_python; i++)
        groups += in->entry[i];
    if (in->n_python && !in->entry[in->n_python - 1])
        groups++; /* its entry was left out */
    /* With the outer end missing, the outer groups stand by themselves. */
    for (; in->cut && groups > evals; groups--)
        put_group(&w);
    if (evals > groups + SLACK || groups > evals + SLACK)
        return -1;
    for (size_t i = in->n_native; i-- > 0;) {
        if (!in->eval[i])
            put(&w, false, i);
        else if (w.python)
            put_group(&w);
    }
    while (w.python)
        put_group(&w);
    reverse(out, w.n);
    return (int)w.n;
}
