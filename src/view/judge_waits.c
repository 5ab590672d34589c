/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What waits say: rules of the summary (summary.h). Pure. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "view/summary.h"
#include "view/wait_chain.h"
#include "view/wait_group.h"

static bool is_lock(const struct wait_group *g)
{
    return g->owned && g->wait == WAIT_FUTEX && !g->idle;
}

static bool is_gil(const struct wait_group *g)
{
    return g->wait == WAIT_GIL;
}

static bool blocks_loop(const struct wait_group *g)
{
    return g->blocks_loop;
}

/* Waiting for a CPU is judge_run_queue()'s. */
static bool is_other(const struct wait_group *g)
{
    return !g->idle && g->state != STATE_RUNNABLE && !is_lock(g) && !is_gil(g) && !blocks_loop(g);
}

/* The greatest group of a kind, if it is worth a line; its share in *pct. */
static const struct wait_group *greatest(const struct summary *s, const struct summary_rule *rule,
                                         bool (*fits)(const struct wait_group *g), double *pct)
{
    const struct wait_group *top = NULL;
    for (size_t i = 0; i < s->waits->at.n; i++) {
        const struct wait_group *g = &s->waits->at.at[i];
        if (fits(g) &&
            cell_counts(&(struct cell){.state = g->state, .idle = g->idle},
                        s->query->filter.states) &&
            (!top || g->ns > top->ns))
            top = g;
    }
    *pct = top ? rows_pct(top->ns, s->table->whole_ns) : 0;
    return top && *pct >= rule->least ? top : NULL;
}

static const char *threads_do(const struct wait_group *g, const char *one, const char *many,
                              char out[48])
{
    snprintf(out, 48, "%u %s", g->threads, g->threads == 1 ? one : many);
    return out;
}

/* "query()" of "query", but "[no stack]" as it is. */
static const char *calling(char out[160], const struct recording *rec, struct function_id f)
{
    const char *name = rows_function_name(rec, f);
    bool plain = name[0] != '[' && name[0] != '<' && !strchr(name, '(');
    snprintf(out, 160, "%.150s%s", name, plain ? "()" : "");
    return out;
}

void judge_waits(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    double pct;
    const struct wait_group *top = greatest(s, rule, is_other, &pct);
    if (top) {
        char about[400], threads[48], where[160];
        wait_group_about(about, sizeof about, rec, top, true);
        if (!about[0])
            snprintf(about, sizeof about, "%s", wait_group_kind(top));
        struct finding *f = summary_find(s, rule, pct, "%.0f%% of the time %s for %s in %s", pct,
                                         threads_do(top, "thread waits", "threads wait", threads),
                                         about, calling(where, rec, top->function));
        summary_set_pct(f, pct);
        f->function = top->function;
    }
}

void judge_loop(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    double pct;
    const struct wait_group *top = greatest(s, rule, blocks_loop, &pct);
    if (!top)
        return;
    char where[160];
    const char *object = dictionary_object_text(&rec->words, top->object);
    struct finding *f = summary_find(
        s, rule, pct, "%.0f%% of the time a wait blocks the event loop: %s%s%.200s in %s", pct,
        top->wait == WAIT_SLEEP ? "sleep" : wait_group_kind(top), *object ? " " : "", object,
        calling(where, rec, top->function));
    summary_set_pct(f, pct);
    f->function = top->function;
}

void judge_locks(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    double pct;
    const struct wait_group *top = greatest(s, rule, is_lock, &pct);
    if (top && top->owner) {
        char threads[48], where[160];
        wait_groups_time(s->waits);
        struct stack_id held = wait_groups_holder(s->waits, top);
        const char *owner = wait_thread_name(rec, top->owner);
        struct finding *f =
            summary_find(s, rule, pct, "%.0f%% of the time %s for a lock that %s holds in %s", pct,
                         threads_do(top, "thread waits", "threads wait", threads),
                         *owner ? owner : "another thread",
                         calling(where, rec,
                                 held.n ? rows_own_place(&s->sum->fold, held).function
                                        : (struct function_id){0}));
        summary_set_pct(f, pct);
        f->function = top->function;
    }
}

void judge_gil(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    uint64_t wanted_ns = 0;
    const struct wait_group *top = NULL;
    for (size_t i = 0; i < s->waits->at.n; i++) {
        const struct wait_group *g = &s->waits->at.at[i];
        if (!is_gil(g))
            continue;
        wanted_ns += g->ns;
        if (!top || g->ns > top->ns)
            top = g;
    }
    double pct = rows_pct(wanted_ns, s->table->whole_ns);
    if (top && pct >= rule->least) {
        char where[160];
        wait_groups_time(s->waits);
        struct stack_id held = wait_groups_holder(s->waits, top);
        struct finding *f;
        if (held.n)
            f = summary_find(s, rule, pct,
                             "%.0f%% of the time threads want the GIL; mostly %s holds it, in %s",
                             pct, wait_thread_name(rec, top->owner),
                             calling(where, rec, rows_own_place(&s->sum->fold, held).function));
        else
            f = summary_find(s, rule, pct, "%.0f%% of the time threads want the GIL, in %s", pct,
                             calling(where, rec, top->function));
        summary_set_pct(f, pct);
        f->function = top->function;
    }
}

double judge_stopped_pct(const struct summary *s)
{
    double most = 0, span_ns = (double)(s->query->window.to_ns - s->query->window.from_ns);
    for (size_t i = 0; i < s->waits->at.n; i++) {
        const struct wait_group *g = &s->waits->at.at[i];
        if (g->wait == WAIT_STOPPED && g->state == STATE_WAITING && g->threads)
            most = fmax(most, 100 * (double)g->ns / (span_ns * g->threads));
    }
    return fmin(most, 100);
}

void judge_stopped(struct summary *s, const struct summary_rule *rule)
{
    double pct = judge_stopped_pct(s);
    if (pct >= rule->least)
        summary_set_pct(summary_find(s, rule, SCORE_WARNING,
                                     "stopped %.0f%% of the time, by a signal (SIGSTOP) or a "
                                     "debugger: kill -CONT lets it go on",
                                     pct),
                        pct);
}

void judge_deadlock(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    struct wait_chain chain;
    uint32_t members[CHAIN_MAX];
    uint64_t end_ns = s->query->window.to_ns < rec->end_ns ? s->query->window.to_ns : rec->end_ns;
    wait_chain_at(&chain, s->query, end_ns);
    size_t n = wait_chain_deadlock(&chain, members);
    if (n) {
        char line[256];
        struct text t = TEXT(line);
        for (size_t i = 0; i < n && i < 4; i++)
            text_add(&t, "%s%.40s waits for %.40s", i ? ", " : "",
                     string_text(&rec->words, rec->threads.at[members[i]].name),
                     string_text(&rec->words, rec->threads.at[members[(i + 1) % n]].name));
        struct finding *f = summary_find(s, rule, SCORE_CRITICAL, "deadlock: %s%s", line,
                                         n > 4 ? ", and so on" : "");
        snprintf(f->figure, sizeof f->figure, "%zu threads", n);
        f->role = ROW_ALERT;
    }
    wait_chain_clear(&chain);
}
