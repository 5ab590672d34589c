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

/* Groups of several functions that are about the same: one object, or all that one thread holds. */
enum subject_of { OF_OBJECT, OF_OWNER };

struct subject {
    const struct wait_group *top; /* its greatest group */
    uint64_t ns;
    uint64_t key;
    uint32_t groups;
    bool several; /* objects */
};

static uint64_t subject_key(const struct summary *s, const struct wait_group *g, enum subject_of of)
{
    if (of == OF_OBJECT && g->objects == 1)
        return g->object.n;
    if (of == OF_OWNER && g->owners == 1)
        return (uint32_t)g->owner;
    return 1ull << 32 | (uint64_t)(g - s->waits->at.at);
}

static bool is_judged(const struct summary *s, const struct wait_group *g,
                      bool (*fits)(const struct wait_group *g))
{
    return fits(g) &&
           cell_counts(&(struct cell){.state = g->state, .idle = g->idle}, s->query->filter.states);
}

/* What most of the time of a kind goes to, if it is worth a line; its share in *pct. */
static struct subject greatest(const struct summary *s, const struct summary_rule *rule,
                               bool (*fits)(const struct wait_group *g), enum subject_of of,
                               double *pct)
{
    struct map index = {0};
    VEC(struct subject) subjects = {0};
    struct subject top = {0};
    for (size_t i = 0; i < s->waits->at.n; i++) {
        const struct wait_group *g = &s->waits->at.at[i];
        if (!is_judged(s, g, fits))
            continue;
        uint64_t key = subject_key(s, g, of);
        uint32_t n = map_get(&index, key);
        if (n == MAP_NONE) {
            n = (uint32_t)subjects.n;
            map_set(&index, key, n);
            vec_push(&subjects, ((struct subject){.key = key}));
        }
        struct subject *subject = &subjects.at[n];
        subject->ns += g->ns;
        subject->groups++;
        subject->several |=
            g->objects > 1 || (subject->top && subject->top->object.n != g->object.n);
        if (!subject->top || g->ns > subject->top->ns)
            subject->top = g;
        if (subject->ns > top.ns)
            top = *subject;
    }
    map_free(&index);
    vec_free(&subjects);
    *pct = rows_pct(top.ns, s->table->whole_ns);
    if (*pct < rule->least)
        top.top = NULL;
    return top;
}

/* "3 threads wait", each thread once. */
static const char *threads_wait(const struct summary *s, const struct subject *subject,
                                bool (*fits)(const struct wait_group *g), enum subject_of of,
                                char out[48])
{
    struct map seen = {0};
    unsigned n = 0;
    for (size_t i = 0; i < s->waits->threads.cap; i++) {
        const struct map_slot *slot = &s->waits->threads.slots[i];
        if (slot->value == MAP_NONE)
            continue;
        const struct wait_group *g = &s->waits->at.at[slot->key >> 32];
        uint32_t thread = (uint32_t)slot->key;
        if (!is_judged(s, g, fits) || subject_key(s, g, of) != subject->key ||
            map_get(&seen, thread) != MAP_NONE)
            continue;
        map_set(&seen, thread, 1);
        n++;
    }
    map_free(&seen);
    snprintf(out, 48, "%u %s", n, n == 1 ? "thread waits" : "threads wait");
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
    struct subject most = greatest(s, rule, is_other, OF_OBJECT, &pct);
    if (most.top) {
        char about[400], threads[48], where[160];
        wait_group_about(about, sizeof about, rec, most.top, true);
        if (!about[0])
            snprintf(about, sizeof about, "%s", wait_group_kind(most.top));
        struct finding *f = summary_find(s, rule, pct, "%.0f%% of the time %s for %s%s in %s", pct,
                                         threads_wait(s, &most, is_other, OF_OBJECT, threads),
                                         about, most.groups > 1 ? ", mostly" : "",
                                         calling(where, rec, most.top->function));
        summary_set_pct(f, pct);
        f->function = most.top->function;
    }
}

void judge_loop(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    double pct;
    const struct wait_group *top = greatest(s, rule, blocks_loop, OF_OBJECT, &pct).top;
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

/* One lock that several hold in turn, or all locks of one thread: whichever is more. */
void judge_locks(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    double pct, owner_pct;
    enum subject_of of = OF_OBJECT;
    struct subject most = greatest(s, rule, is_lock, OF_OBJECT, &pct);
    struct subject owned = greatest(s, rule, is_lock, OF_OWNER, &owner_pct);
    if (owner_pct > pct) {
        most = owned;
        of = OF_OWNER;
        pct = owner_pct;
    }
    if (most.top && most.top->owner) {
        char threads[48], where[160];
        const char *what = most.several ? "locks" : "a lock";
        struct finding *f;
        threads_wait(s, &most, is_lock, of, threads);
        if (most.top->owners > 1 && most.top->top_owner_ns * 2 < most.top->ns) {
            /* Nobody's in particular: where they meet says more. */
            f = summary_find(
                s, rule, pct, "%.0f%% of the time %s in %s for %s that %u threads hold in turn",
                pct, threads, calling(where, rec, most.top->function), what, most.top->owners);
        } else {
            wait_groups_time(s->waits);
            struct stack_id held = wait_groups_holder(s->waits, most.top);
            const char *owner = wait_thread_name(rec, most.top->owner);
            f = summary_find(s, rule, pct, "%.0f%% of the time %s for %s that %s holds in %s", pct,
                             threads, what, *owner ? owner : "another thread",
                             calling(where, rec,
                                     held.n ? rows_own_place(&s->sum->fold, held).function
                                            : (struct function_id){0}));
        }
        summary_set_pct(f, pct);
        f->function = most.top->function;
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
