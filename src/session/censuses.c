/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See censuses.h. look_work is the worker's side, the rest the front's. */
#include "session/censuses.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "engine/heaps.h"
#include "model/leak.h"
#include "session/queue.h"

/* After a process was first seen: quickly at first, so that growth shows soon. Then always so. */
static const uint64_t schedule_ns[] = {
    0, 2 * NS_PER_S, 5 * NS_PER_S, 10 * NS_PER_S, 20 * NS_PER_S, 30 * NS_PER_S};
#define SCHEDULED (sizeof schedule_ns / sizeof schedule_ns[0])
#define EVERY_NS  (30 * NS_PER_S)
/* Scheduled looks may take this share of a core, and so much ahead of that, so that the first ones
 * of a large heap do not lie minutes apart. */
#define CENSUS_SHARE    0.005
#define CENSUS_AHEAD_NS (2500 * NS_PER_MS)
/* A process that was started while its family was watched is counted when it has lived so long. */
#define SETTLED_NS (3 * NS_PER_S)
/* After a look that failed; after one that found no object (another allocator, Go, a JVM). */
#define AGAIN_NS   (60 * NS_PER_S)
#define NOTHING_NS (600 * NS_PER_S)
/* After one that found no tracer of allocations running. */
#define UNTRACED_NS (300 * NS_PER_S)
/* Who holds a leaking type is looked for without being asked, for so many types of a census, and
 * again when the answer is so old. */
#define HOLDERS_AT_ONCE 3
#define HOLDER_OLD_NS   (600 * NS_PER_S)
#define PROCESSES_MAX   64

enum look_kind { LOOK_COUNT, LOOK_HOLDER };

struct look {
    enum look_kind kind;
    uint32_t incarnation;
    pid_t pid;
    bool wanted; /* by somebody, not by the schedule */
    struct heap_question question;
    char *type; /* of the question, owned */
    /* Filled in by the worker: */
    bool ok;
    struct err err;
    struct heap_count count;
    bool trace; /* LOOK_COUNT: look for a tracer of allocations, too */
    struct growth traced;
    bool is_traced;
    char path[HEAP_PATH_MAX];
    uint64_t cpu_ns;
};

/* What is known of a process by its incarnation. */
struct subject {
    uint64_t met_ns;
    uint64_t trace_ns; /* from then on it is looked for a tracer of allocations */
    size_t taken;
    uint64_t due_ns;
};

struct censuses {
    pthread_t thread;
    struct queue *orders, *results;
    _Atomic bool stopping, giving_up;
    _Atomic int permille;
    bool hold;
    void (*rest)(void *context, bool rest);
    void *context;
    VEC(struct subject) subjects; /* by incarnation */
    VEC(struct look *) waiting;   /* looks that were asked for: the oldest first */
    struct look *under_way;       /* the worker's until it is in results; NULL: none */
    enum look_kind under_way_kind;
    bool under_way_wanted;
    uint64_t paid_ns; /* when all that looks have cost is paid back, at CENSUS_SHARE */
    uint64_t next_ns;
    struct err trouble;
};

static void look_free(struct look *look)
{
    if (!look)
        return;
    heap_count_clear(&look->count);
    growth_clear(&look->traced);
    free(look->type);
    free(look);
}

static bool should_stop(void *context, int permille)
{
    struct censuses *c = context;
    c->permille = permille;
    return c->stopping || c->giving_up;
}

static void *look_work(void *arg)
{
    struct censuses *c = arg;
    struct look *look;
    while ((look = queue_wait(c->orders))) {
        uint64_t before_ns = clock_thread_cpu_ns();
        struct heap_limits limits = heap_default_limits;
        limits.stop = should_stop;
        limits.context = c;
        if (look->kind == LOOK_COUNT) {
            look->ok = heaps_count(look->pid, c->hold, &limits, &look->count, &look->err);
            look->is_traced =
                look->ok && look->trace && heaps_traced(look->pid, &limits, &look->traced);
        } else {
            look->ok = heaps_holder(look->pid, &look->question, &limits, look->path,
                                    sizeof look->path, &look->err);
        }
        look->cpu_ns = clock_thread_cpu_ns() - before_ns;
        queue_put(c->results, look); /* has room: there is one look at a time */
    }
    return NULL;
}

struct censuses *censuses_start(bool hold, void (*rest)(void *context, bool rest), void *context)
{
    struct censuses *c = xcalloc(1, sizeof *c);
    c->hold = hold;
    c->rest = rest;
    c->context = context;
    c->orders = queue_new(1);
    c->results = queue_new(1);
    if (pthread_create(&c->thread, NULL, look_work, c))
        die("cannot start a thread");
    pthread_setname_np(c->thread, "census");
    return c;
}

void censuses_stop(struct censuses *c)
{
    if (!c)
        return;
    c->stopping = true;
    queue_close(c->orders);
    pthread_join(c->thread, NULL);
    look_free(queue_take(c->orders));
    look_free(queue_take(c->results));
    queue_free(c->orders);
    queue_free(c->results);
    for (size_t i = 0; i < c->waiting.n; i++)
        look_free(c->waiting.at[i]);
    vec_free(&c->waiting);
    vec_free(&c->subjects);
    free(c);
}

int censuses_fd(const struct censuses *c)
{
    return queue_fd(c->results);
}

static struct look *look_new(enum look_kind kind, const struct recording *rec, uint32_t incarnation)
{
    struct look *look = xcalloc(1, sizeof *look);
    look->kind = kind;
    look->incarnation = incarnation;
    look->pid = rec->incarnations.at[incarnation].pid;
    heap_count_init(&look->count, look->pid);
    growth_init(&look->traced, look->pid);
    return look;
}

static void begin(struct censuses *c, struct look *look)
{
    look->trace = clock_mono_ns() >= c->subjects.at[look->incarnation].trace_ns;
    c->under_way = look;
    c->under_way_kind = look->kind;
    c->under_way_wanted = look->wanted;
    c->permille = 0;
    c->giving_up = false;
    if (c->hold && look->kind == LOOK_COUNT)
        c->rest(c->context, true);
    queue_put(c->orders, look);
}

static bool asked_already(const struct censuses *c, const struct look *look)
{
    for (size_t i = 0; i < c->waiting.n; i++) {
        const struct look *other = c->waiting.at[i];
        if (other->kind == look->kind && other->incarnation == look->incarnation &&
            (look->kind == LOOK_COUNT || strcmp(other->type, look->type) == 0))
            return true;
    }
    return false;
}

static void ask(struct censuses *c, struct look *look)
{
    look->wanted = true;
    if (asked_already(c, look))
        look_free(look);
    else
        vec_push(&c->waiting, look);
}

static bool lives(const struct recording *rec, uint32_t incarnation)
{
    return !rec->incarnations.at[incarnation].to_ns;
}

void censuses_now(struct censuses *c, const struct recording *rec)
{
    int n = 0;
    for (uint32_t i = 1; i < rec->incarnations.n && n < PROCESSES_MAX; i++) {
        if (!lives(rec, i))
            continue;
        ask(c, look_new(LOOK_COUNT, rec, i));
        n++;
    }
}

void censuses_ask_holder(struct censuses *c, const struct recording *rec,
                         struct incarnation_id incarnation, struct string_id type,
                         enum language language)
{
    if (!lives(rec, incarnation.n))
        return;
    struct look *look = look_new(LOOK_HOLDER, rec, incarnation.n);
    look->type = xstrdup(string_text(&rec->words, type));
    look->question.type = look->type;
    look->question.language = language;
    look->question.container = leak_container(rec, incarnation, type);
    look->question.newborn = leak_is_mostly_old(rec, incarnation, type);
    ask(c, look);
}

void censuses_stop_asking(struct censuses *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->waiting.n; i++) {
        if (c->waiting.at[i]->kind == LOOK_HOLDER)
            look_free(c->waiting.at[i]);
        else
            c->waiting.at[kept++] = c->waiting.at[i];
    }
    c->waiting.n = kept;
    if (c->under_way && c->under_way_kind == LOOK_HOLDER)
        c->giving_up = true;
}

/* Of the types that leak, those of which nobody knows who holds them. */
static void ask_who_holds(struct censuses *c, const struct recording *rec, uint64_t now_ns)
{
    struct growth_list growth;
    leak_find(&growth, rec, rec->start_ns, UINT64_MAX, 0);
    for (size_t i = 0; i < growth.rows.n && i < HOLDERS_AT_ONCE; i++) {
        const struct type_growth *g = &growth.rows.at[i];
        if (g->rule == LEAK_NONE)
            break;
        const struct census_holder *known = recording_holder(rec, g->incarnation, g->type);
        if (!known || known->time_ns + HOLDER_OLD_NS < now_ns)
            censuses_ask_holder(c, rec, g->incarnation, g->type, (enum language)g->language);
    }
    vec_free(&growth.rows);
}

static void schedule_next(struct subject *subject, uint64_t now_ns)
{
    do
        subject->taken++;
    while (subject->taken < SCHEDULED && subject->met_ns + schedule_ns[subject->taken] <= now_ns);
    subject->due_ns = subject->taken < SCHEDULED ? subject->met_ns + schedule_ns[subject->taken]
                                                 : now_ns + EVERY_NS;
}

/* What the worker has found. */
static void take_result(struct censuses *c, struct recording *rec, struct look *look,
                        uint64_t now_ns)
{
    c->under_way = NULL;
    if (c->hold && look->kind == LOOK_COUNT)
        c->rest(c->context, false);
    if (c->paid_ns < now_ns)
        c->paid_ns = now_ns;
    c->paid_ns += (uint64_t)((double)look->cpu_ns / CENSUS_SHARE);
    if (look->incarnation >= rec->incarnations.n)
        return;
    bool alive = lives(rec, look->incarnation);
    if (!look->ok && alive && !c->giving_up)
        c->trouble = look->err;
    else if (look->ok)
        c->trouble.text[0] = '\0';
    if (look->kind == LOOK_COUNT) {
        struct subject *subject = &c->subjects.at[look->incarnation];
        schedule_next(subject, now_ns);
        /* In the first half a minute it may be that the process has not begun yet. */
        if (subject->taken >= SCHEDULED && !look->ok)
            subject->due_ns = now_ns + AGAIN_NS;
        else if (subject->taken >= SCHEDULED && !look->count.rows.n)
            subject->due_ns = now_ns + NOTHING_NS;
        if (look->ok)
            recording_add_census(rec, (struct incarnation_id){look->incarnation}, &look->count);
        if (look->trace && !look->is_traced)
            subject->trace_ns = now_ns + UNTRACED_NS;
        if (look->is_traced)
            recording_add_growth(rec, (struct incarnation_id){look->incarnation}, &look->traced);
        if (look->ok && alive)
            ask_who_holds(c, rec, now_ns);
    } else if (look->ok) {
        struct census_holder holder = {.incarnation = {look->incarnation}, .time_ns = now_ns};
        holder.type = dictionary_string(&rec->words, look->type);
        holder.path = dictionary_string(&rec->words, look->path);
        recording_set_holder(rec, holder);
    }
}

/* The process whose census is due first; 0: none is scheduled. */
static uint32_t due_first(struct censuses *c, const struct recording *rec)
{
    uint32_t first = 0;
    int living = 0;
    for (uint32_t i = 1; i < rec->incarnations.n && living < PROCESSES_MAX; i++) {
        if (!lives(rec, i))
            continue;
        living++;
        if (c->subjects.at[i].due_ns &&
            (!first || c->subjects.at[i].due_ns < c->subjects.at[first].due_ns))
            first = i;
    }
    return first;
}

static void meet_processes(struct censuses *c, const struct recording *rec, uint64_t now_ns)
{
    while (c->subjects.n < rec->incarnations.n) {
        bool target = rec->incarnations.at[c->subjects.n].pid == rec->incarnations.at[1].pid;
        struct subject *subject = vec_add(&c->subjects);
        subject->met_ns = now_ns + (target ? 0 : SETTLED_NS);
        subject->due_ns = subject->met_ns;
    }
}

void censuses_renumber(struct censuses *c, const uint32_t *renumbered)
{
    struct subject none = {0};
    VEC(struct subject) moved = {0};
    for (size_t i = 0; i < c->subjects.n; i++) {
        uint32_t to = i ? renumbered[i] : 0;
        while (moved.n <= to)
            vec_push(&moved, none);
        if (!i || to)
            moved.at[to] = c->subjects.at[i];
    }
    vec_clear(&c->subjects);
    vec_append(&c->subjects, moved.at, moved.n);
    vec_free(&moved);
    size_t kept = 0;
    for (size_t i = 0; i < c->waiting.n; i++) {
        struct look *look = c->waiting.at[i];
        look->incarnation = renumbered[look->incarnation];
        if (look->incarnation)
            c->waiting.at[kept++] = look;
        else
            look_free(look);
    }
    c->waiting.n = kept;
    if (c->under_way) { /* a field that the worker does not look at */
        uint32_t to = renumbered[c->under_way->incarnation];
        c->under_way->incarnation = to ? to : UINT32_MAX;
    }
}

void censuses_pump(struct censuses *c, struct recording *rec, uint64_t now_ns)
{
    meet_processes(c, rec, now_ns);
    struct look *done = queue_take(c->results);
    if (done) {
        take_result(c, rec, done, now_ns);
        look_free(done);
    }
    uint32_t first = due_first(c, rec);
    c->next_ns = 0;
    if (first) {
        uint64_t due_ns = c->subjects.at[first].due_ns;
        uint64_t ahead_ns = (uint64_t)(CENSUS_AHEAD_NS / CENSUS_SHARE);
        uint64_t allowed_ns = c->paid_ns > ahead_ns ? c->paid_ns - ahead_ns : 0;
        c->next_ns = due_ns > allowed_ns ? due_ns : allowed_ns;
    }
    if (c->under_way)
        return;
    while (c->waiting.n && !c->under_way) {
        struct look *look = c->waiting.at[0];
        memmove(c->waiting.at, c->waiting.at + 1, --c->waiting.n * sizeof *c->waiting.at);
        if (lives(rec, look->incarnation))
            begin(c, look);
        else
            look_free(look);
    }
    if (!c->under_way && first && now_ns >= c->next_ns)
        begin(c, look_new(LOOK_COUNT, rec, first));
}

struct censuses_state censuses_state(const struct censuses *c)
{
    struct censuses_state state = {
        .permille = c->permille, .next_ns = c->next_ns, .trouble = c->trouble.text};
    state.counting = c->under_way && c->under_way_kind == LOOK_COUNT;
    state.asking = c->under_way && c->under_way_kind == LOOK_HOLDER;
    state.wanted = state.counting && c->under_way_wanted;
    for (size_t i = 0; i < c->waiting.n; i++)
        state.wanted = state.wanted || c->waiting.at[i]->kind == LOOK_COUNT;
    return state;
}
