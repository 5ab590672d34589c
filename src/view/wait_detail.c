/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See wait_detail.h. Pure. */
#include "view/wait_detail.h"

#include <stdio.h>

#include "base/text.h"
#include "view/wait_chain.h"
#include "view/wait_group.h"

#define STACK_LINES 24
#define NAMES_MAX   12

static void add_stack(struct text_lines *d, const struct fold *fold, struct stack_id stack)
{
    const struct recording *rec = fold->rec;
    size_t shown = 0;
    for (struct stack_id s = stack; s.n; s = fold_at(fold, s)->parent) {
        const struct place *places;
        size_t n = recording_places(rec, fold_at(fold, s)->frame, &places);
        for (size_t i = 0; i < n; i++) {
            char place[160];
            if (shown++ == STACK_LINES) {
                text_lines_add(d, STYLE_GREY, "    and its callers");
                return;
            }
            text_lines_add(
                d, rows_is_own(rec, places[i].function) ? STYLE_NORMAL : STYLE_GREY,
                "    %-36s  %s", rows_function_name(rec, places[i].function),
                rows_place(place, sizeof place, rec, places[i].function, places[i].line));
        }
    }
    if (!stack.n)
        text_lines_add(d, STYLE_GREY, "    its stack was not seen then");
}

static void add_figures(struct text_lines *d, const struct wait_group *g, uint64_t whole_ns)
{
    char line[256], figure[FIGURE_MAX];
    struct text t = TEXT(line);
    if (!g->idle)
        text_add(&t, "%.1f%% of the time, ", rows_pct(g->ns, whole_ns));
    text_add(&t, "%s in all, %u of %u threads", figure_duration(figure, g->ns), g->threads,
             g->thread_of);
    if (g->longest_ns) {
        text_add(&t, "; typically %s", figure_duration(figure, g->typical_ns));
        text_add(&t, ", at the longest %s", figure_duration(figure, g->longest_ns));
    }
    text_lines_add(d, STYLE_NORMAL, "%s", line);
    if (g->idle)
        text_lines_add(d, STYLE_GREY, "This wait is idle: nobody waits for it to end.");
}

static void add_threads(struct text_lines *d, const struct wait_groups *gs,
                        const struct wait_group *g)
{
    const struct recording *rec = gs->query->rec;
    char line[512];
    struct text t = TEXT(line);
    uint64_t number = (uint64_t)(g - gs->at.at);
    unsigned named = 0;
    for (uint32_t n = 1; n < rec->threads.n && named < NAMES_MAX; n++)
        if (map_get(&gs->threads, number << 32 | n) != MAP_NONE)
            text_add(&t, "%s%s (%d)", named++ ? ", " : "",
                     string_text(&rec->words, rec->threads.at[n].name), rec->threads.at[n].tid);
    if (g->threads > named)
        text_add(&t, " and %u more", g->threads - named);
    text_lines_add(d, STYLE_NORMAL, "Threads: %s", line);
}

static void print_thread(char *out, size_t size, const struct recording *rec, uint32_t n)
{
    const struct thread *t = &rec->threads.at[n];
    snprintf(out, size, "%.60s (%d)", string_text(&rec->words, t->name), t->tid);
}

/* "waits for tcp 10.0.0.5:5432", "runs", "waits for a CPU". */
static void print_doing(char *out, size_t size, const struct recording *rec, const struct run *r)
{
    char about[256];
    wait_run_about(about, sizeof about, rec, r);
    if (!r->ticks)
        snprintf(out, size, "was not seen then");
    else if (r->state == STATE_RUNNING)
        snprintf(out, size, "runs on a CPU");
    else if (r->state == STATE_RUNNABLE)
        snprintf(out, size, "waits for a CPU");
    else if (*about)
        snprintf(out, size, "waits for %s (%s)", about, wait_name(r->wait));
    else
        snprintf(out, size, "waits: %s", wait_name(r->wait));
}

/* The holder, whom it waits for, and so on. */
static void add_chain(struct text_lines *d, struct wait_groups *gs, const struct wait_group *g,
                      const struct wait_chain *chain)
{
    const struct recording *rec = gs->query->rec;
    uint32_t links[CHAIN_MAX];
    int cycle;
    char name[96], next[96], doing[300];
    size_t n = wait_chain_walk(chain, wait_thread(rec, g->owner).n, links, &cycle);
    for (size_t i = 0; i < n; i++) {
        const struct run *r = &chain->threads.at[links[i]].run;
        print_thread(name, sizeof name, rec, links[i]);
        print_doing(doing, sizeof doing, rec, r);
        text_lines_add(d, STYLE_NORMAL, "%s", "");
        text_lines_add(d, STYLE_HEADING, "%s is held by %s, which %s", i ? "That" : "It", name,
                       doing);
        bool blocked = r->ticks && r->state == STATE_WAITING;
        struct stack_id at = blocked    ? fold_stack(&gs->sum->fold, r->stack)
                             : i == 0   ? wait_groups_holder(gs, g)
                             : r->ticks ? fold_stack(&gs->sum->fold, r->stack)
                                        : (struct stack_id){0};
        add_stack(d, &gs->sum->fold, at);
    }
    text_lines_add(d, STYLE_NORMAL, "%s", "");
    if (cycle >= 0) {
        for (size_t i = (size_t)cycle; i < n; i++) {
            print_thread(name, sizeof name, rec, links[i]);
            print_thread(next, sizeof next, rec, links[i + 1 < n ? i + 1 : (size_t)cycle]);
            text_lines_add(d, STYLE_CRITICAL, "%s %s waits for %s",
                           i == (size_t)cycle ? "Deadlock:" : "         ", name, next);
        }
        text_lines_add(d, STYLE_CRITICAL, "They wait for each other in a circle: none will go on.");
    } else if (n) {
        print_thread(name, sizeof name, rec, links[n - 1]);
        text_lines_add(d, STYLE_WARNING, "Root blocker: %s", name);
    }
}

static void add_holder(struct text_lines *d, struct wait_groups *gs, const struct wait_group *g)
{
    struct wait_chain chain;
    uint64_t at_ns = g->last_ns < gs->query->window.to_ns ? g->last_ns : gs->query->window.to_ns;
    wait_chain_at(&chain, gs->query, at_ns);
    add_chain(d, gs, g, &chain);
    wait_chain_clear(&chain);
}

void wait_detail_fill(struct text_lines *d, const struct query *query, uint64_t key)
{
    struct window_sum sum;
    struct wait_groups groups;
    text_lines_empty(d);
    window_sum(&sum, query->rec, query->window, &query->filter);
    wait_groups_sum(&groups, query, &sum);
    wait_groups_time(&groups);
    const struct wait_group *g = NULL;
    for (size_t i = 0; i < groups.at.n && !g; i++)
        if (groups.at.at[i].key == key)
            g = &groups.at.at[i];
    if (g) {
        char about[512];
        wait_group_about(about, sizeof about, query->rec, g, false);
        text_lines_add(d, STYLE_TITLE, "%s%s%s in %s", wait_group_kind(g), *about ? ": " : "",
                       about, rows_function_name(query->rec, g->function));
        add_figures(d, g, sum.whole_ns);
        add_threads(d, &groups, g);
        text_lines_add(d, STYLE_NORMAL, "%s", "");
        text_lines_add(d, STYLE_HEADING, "Where they wait, mostly");
        add_stack(d, &sum.fold, g->stack);
        if (g->owner)
            add_holder(d, &groups, g);
    } else {
        text_lines_add(d, STYLE_GREY, "This wait is not in the window any more.");
    }
    wait_groups_clear(&groups);
    window_sum_clear(&sum);
}
