/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What waits say: rules of the summary (summary.h). Pure. */
#include "base/map.h"
#include "view/summary.h"

/* Waits of one kind for one thing, under one of the program's own functions. */
struct wait_group {
    struct function_id function;
    struct object_id object;
    uint8_t state, wait;
    uint64_t ns;
    uint32_t threads;
};

struct wait_groups {
    VEC(struct wait_group) at;
    struct map index, threads;
};

static void add_wait(struct wait_groups *g, const struct fold *fold, const struct cell *cell)
{
    struct wait_group w = {
        rows_own_place(fold, cell->stack).function, cell->object, cell->state, cell->wait, 0, 0};
    uint64_t key =
        hash_mix((uint64_t)w.function.n << 32 | w.object.n, (uint64_t)(w.state << 8 | w.wait));
    uint32_t n = map_get(&g->index, key);
    if (n == MAP_NONE) {
        n = (uint32_t)g->at.n;
        vec_push(&g->at, w);
        map_add(&g->index, key, n);
    }
    g->at.at[n].ns += cell->ns;
    uint64_t thread = (uint64_t)n << 32 | cell->thread.n;
    if (map_get(&g->threads, thread) == MAP_NONE) {
        map_add(&g->threads, thread, 1);
        g->at.at[n].threads++;
    }
}

static void say_wait(struct summary *s, const struct summary_rule *rule, const struct wait_group *w,
                     double pct)
{
    const struct recording *rec = s->query->rec;
    const char *what = dictionary_object_text(&rec->words, w->object);
    if (w->state == STATE_RUNNABLE)
        what = "a CPU";
    else if (!*what)
        what = w->wait == WAIT_GIL ? "the GIL" : wait_name(w->wait);
    struct finding *f = summary_find(s, rule, pct, "%.0f%% of the time: %u %s for %s in %s", pct,
                                     w->threads, w->threads == 1 ? "thread waits" : "threads wait",
                                     what, rows_function_name(rec, w->function));
    summary_set_pct(f, pct);
    f->function = w->function;
}

void judge_waits(struct summary *s, const struct summary_rule *rule)
{
    struct wait_groups groups = {0};
    for (size_t i = 0; i < s->sum->cells.n; i++) {
        const struct cell *cell = &s->sum->cells.at[i];
        if (cell->state != STATE_RUNNING && !cell->idle &&
            cell_counts(cell, s->query->filter.states))
            add_wait(&groups, &s->sum->fold, cell);
    }
    const struct wait_group *top = NULL;
    for (size_t i = 0; i < groups.at.n; i++)
        if (!top || groups.at.at[i].ns > top->ns)
            top = &groups.at.at[i];
    double pct = top ? rows_pct(top->ns, s->table->whole_ns) : 0;
    if (top && pct >= rule->least)
        say_wait(s, rule, top, pct);
    vec_free(&groups.at);
    map_free(&groups.index);
    map_free(&groups.threads);
}
