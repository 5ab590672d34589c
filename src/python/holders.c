/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Breadth first from sys.modules, so that the first way that is found is the shortest in words;
 * only what no module leads to is then looked for in the frames of the threads, whose locals come
 * and go. Objects that refer to nothing are looked at, never remembered.
 *
 * The target runs on, so that a part of a way may be gone before the next part is read: an object
 * that is freed and at once another. Each way that is told is looked at again some times, and where
 * it does not last all is looked for once more without what let go.
 *
 * Of a type, some instances spread over the heap stand for all, or for those that are being born;
 * who holds them is the object nearest to them that lies on the way to half of those reached.
 */
#include "python/holders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "python/census.h"
#include "python/holders_text.h"
#include "python/instances.h"
#include "python/object.h"
#include "python/peek.h"
#include "python/refs.h"
#include "python/runtime.h"
#include "target/pagemap.h"
#include "target/process.h"
#include "target/procfs.h"
#include "target/remote.h"

#define SAMPLES          48
#define ENOUGH           44 /* of them: the rest may be garbage, or be held by C alone */
#define OWN_BYTES        (64u << 20)
#define BYTES_PER_NODE   18 /* 12, and what an array has to spare when it has grown */
#define HEAP_SHARE       20 /* and one in so many of the target's bytes */
#define REGION_BYTES     (1ull << 20)
#define REGION_WORDS     (REGION_BYTES / 8 / 64) /* a bit for each 8 bytes */
#define ASK_EACH         1024u
#define INTERPRETERS_MAX 64
#define THREADS_MAX      4096
#define FRAMES_MAX       1024
#define DEPTH_MAX        (1 << 18)
#define INSTANCES_MAX    65536
#define NEWBORN_MIN      8 /* fewer say nothing: any instances are asked */
#define NEWBORN_NS       (2 * NS_PER_S)
#define STEP_NS          (50 * NS_PER_MS)
#define LOOKS_MAX        8 /* until a way is found that lasts */
#define LOOKS_AT_BIRTHS  3 /* where each waits for them first */
#define LASTS_TIMES      3
#define SEEN_BYTES       40 /* of an object, behind its reference count: is it the same one? */

/* Where the walk begins: a module, or a frame. */
struct root {
    uint64_t node;  /* which of all that was come upon */
    uint64_t value; /* a module's name in sys.modules, or where a frame's locals are */
    bool frame;
};

struct walk {
    pid_t pid;
    struct runtime runtime;
    struct maps maps;
    struct peek *peek;
    struct types types;
    struct refs refs;
    /* What was come upon, in that order: millions, so of each only what it is and from where. */
    VEC(uint64_t) objects;
    VEC(uint32_t) parents;
    VEC(struct root) roots; /* by node, ascending */
    bool last_modules;      /* those are added that say least of who holds what */
    size_t done, nodes_max;
    struct map regions; /* of the target's memory: where its bits in `visited` begin */
    VEC(uint64_t) visited;
    /* The ways to what was found, in full. */
    struct path_nodes nodes;
    struct map chosen, chosen_object;
    uint32_t telling; /* whose references are told once more */
    const struct heap_limits *limits;
    uint64_t end_ns;
    uint64_t looked_at;
    bool cut;
    const struct map *fleeting; /* objects whose references did not last: they lead nowhere */
    uint64_t let_go;            /* one more of them; 0: the way that is told lasts */
    uint64_t expected;          /* what the node that is told again should refer to; 0: it did */
    /* What is looked for, and from where each was come upon. */
    uint64_t wanted[SAMPLES];
    uint8_t seen[SAMPLES][SEEN_BYTES];
    size_t n_wanted, n_found, enough;
    struct map wanted_at;
    struct path_node found[SAMPLES]; /* parent PATH_NONE: not found */
};

static bool may_go_on(struct walk *w)
{
    const struct heap_limits *l = w->limits;
    int permille = w->objects.n ? (int)(w->done * 1000 / w->objects.n) : 0;
    if ((w->end_ns && clock_mono_ns() > w->end_ns) ||
        (l && l->stop && l->stop(l->context, permille < 1000 ? permille : 999)))
        w->cut = true;
    return !w->cut;
}

static uint32_t type_of(struct walk *w, uint64_t object)
{
    uint64_t type;
    if (!object_plausible(object) || !peek_word(w->peek, object + 8, &type))
        return MAP_NONE;
    return types_find(&w->types, type);
}

/* Whether the object was come upon before; it is from now on. */
static bool visit(struct walk *w, uint64_t object)
{
    uint32_t at = map_get(&w->regions, object / REGION_BYTES);
    if (at == MAP_NONE) {
        at = (uint32_t)(w->visited.n / REGION_WORDS);
        vec_reserve(&w->visited, w->visited.n + REGION_WORDS);
        memset(w->visited.at + w->visited.n, 0, REGION_WORDS * sizeof *w->visited.at);
        w->visited.n += REGION_WORDS;
        map_set(&w->regions, object / REGION_BYTES, at);
    }
    uint64_t bit = object % REGION_BYTES / 8;
    uint64_t *bits = &w->visited.at[at * REGION_WORDS + bit / 64], mask = 1ull << (bit % 64);
    bool before = *bits & mask;
    *bits |= mask;
    return before;
}

static bool add_node(struct walk *w, uint64_t object, uint32_t parent)
{
    if (w->objects.n >= w->nodes_max) {
        w->cut = true;
        return false;
    }
    vec_push(&w->objects, object);
    vec_push(&w->parents, parent);
    return true;
}

static bool each(void *context, const struct ref *ref)
{
    struct walk *w = context;
    if (++w->looked_at % ASK_EACH == 0 && !may_go_on(w))
        return false;
    uint32_t wanted = map_get(&w->wanted_at, ref->object);
    if (wanted != MAP_NONE && w->found[wanted].parent == PATH_NONE) {
        w->found[wanted] =
            (struct path_node){ref->object, ref->value, (uint32_t)w->done, ref->kind};
        if (++w->n_found >= w->enough)
            return false;
    }
    uint32_t type = type_of(w, ref->object);
    if (type == MAP_NONE || !refs_has_any(&w->types.list.at[type]) || visit(w, ref->object))
        return true;
    return add_node(w, ref->object, (uint32_t)w->done);
}

static const struct root *root_at(const struct walk *w, uint64_t node)
{
    size_t upto = sorted_upto(w->roots.at, w->roots.n, node, node);
    return upto && w->roots.at[upto - 1].node == node ? &w->roots.at[upto - 1] : NULL;
}

static bool add_root(struct walk *w, uint64_t object, uint64_t value, bool frame)
{
    struct root root = {w->objects.n, value, frame};
    if (!add_node(w, object, PATH_NONE))
        return false;
    vec_push(&w->roots, root);
    return true;
}

/* Tells what an object refers to, to refs.each; frame: it is code, whose locals are there. */
static void tell_of(struct walk *w, uint64_t object, bool frame, uint64_t locals)
{
    w->refs.ended = false;
    if (frame) {
        refs_of_frame(&w->refs, object, locals);
        return;
    }
    uint32_t type = type_of(w, object);
    if (type != MAP_NONE)
        refs_of(&w->refs, object, type);
}

static void tell(struct walk *w, size_t node)
{
    const struct root *root = w->parents.at[node] == PATH_NONE ? root_at(w, node) : NULL;
    tell_of(w, w->objects.at[node], root && root->frame, root ? root->value : 0);
}

/* Looks at all that was come upon, and at what that leads to. */
static void run(struct walk *w)
{
    for (; w->done < w->objects.n && !w->cut && w->n_found < w->enough; w->done++)
        if (map_get(w->fleeting, w->objects.at[w->done]) == MAP_NONE)
            tell(w, w->done);
}

static bool is_named(struct walk *w, uint64_t name, const char *text)
{
    char have[UNICODE_TEXT_SIZE];
    return object_text(w->pid, &w->runtime.layout, name, have) && !strcmp(have, text);
}

static bool root_module(void *context, const struct ref *ref)
{
    struct walk *w = context;
    /* threading knows every thread, and with it all that the thread's function was given. */
    bool last = is_named(w, ref->value, "threading");
    if (type_of(w, ref->object) == MAP_NONE || (visit(w, ref->object) && !last) ||
        last != w->last_modules)
        return true;
    return add_root(w, ref->object, ref->value, false);
}

static bool root_main(void *context, const struct ref *ref)
{
    return !is_named(context, ref->value, "__main__") || root_module(context, ref);
}

static size_t interpreters(struct walk *w, uint64_t out[INTERPRETERS_MAX])
{
    size_t n = 0;
    uint64_t interp;
    for (uint64_t at = w->runtime.interpreters;
         n < INTERPRETERS_MAX && peek_word(w->peek, at, &interp) && object_plausible(interp);
         at = interp + w->runtime.layout.interp_next.at)
        out[n++] = interp;
    return n;
}

static void add_modules(struct walk *w)
{
    uint64_t interps[INTERPRETERS_MAX], modules;
    size_t n = interpreters(w, interps);
    for (size_t i = n; i-- > 0;) { /* the main one is last in the list */
        if (!peek_word(w->peek, interps[i] + w->runtime.layout.interp_modules.at, &modules))
            continue;
        w->refs.ended = false;
        w->refs.each = root_main;
        refs_of_dict(&w->refs, modules, REF_ROOT);
        w->refs.each = root_module;
        refs_of_dict(&w->refs, modules, REF_ROOT);
    }
    w->refs.each = each;
}

/* A function that runs, and where its locals are. */
struct active {
    uint64_t code, locals;
};
struct all_active {
    VEC(struct active) list; /* threads newest first, of each the innermost first */
};

static void find_frames_of(struct walk *w, uint64_t state, struct all_active *out)
{
    const struct layout *l = &w->runtime.layout;
    uint64_t frame, code, mask = l->minor >= 14 ? ~REFERENCE_TAGS : ~0ull;
    if (!peek_word(w->peek, state + l->ts_frame.at, &frame))
        return;
    if (l->cframe_frame.size && !peek_word(w->peek, frame + l->cframe_frame.at, &frame))
        return;
    for (int i = 0; i < FRAMES_MAX && object_plausible(frame); i++) {
        uint32_t type;
        if (peek_word(w->peek, frame + l->frame_code.at, &code) &&
            (type = type_of(w, code &= mask)) != MAP_NONE &&
            !strcmp(w->types.list.at[type].name, "code"))
            vec_push(&out->list, ((struct active){code, frame + l->frame_locals_at}));
        if (!peek_word(w->peek, frame + l->frame_previous.at, &frame))
            return;
    }
}

/* The main thread's outermost function first: what it holds is held for as long as the program
 * runs, and what a request's handler has for a moment says less. */
static void add_frames(struct walk *w)
{
    const struct layout *l = &w->runtime.layout;
    struct all_active found = {0};
    uint64_t interps[INTERPRETERS_MAX], state;
    size_t n = interpreters(w, interps);
    for (size_t i = 0; i < n; i++) {
        uint64_t at = interps[i] + l->interp_threads.at;
        for (int k = 0;
             k < THREADS_MAX && peek_word(w->peek, at, &state) && object_plausible(state);
             k++, at = state + l->ts_next.at)
            find_frames_of(w, state, &found);
    }
    for (size_t i = found.list.n; i-- > 0;)
        add_root(w, found.list.at[i].code, found.list.at[i].locals, true);
    vec_free(&found.list);
}

static bool open_walk(struct walk *w, pid_t pid, const struct heap_limits *limits, struct err *err)
{
    w->pid = pid;
    w->limits = limits;
    maps_init(&w->maps);
    enum python_found found = runtime_find(&w->runtime, pid, err);
    if (found == PYTHON_NONE)
        return process_check_traceable(pid, err) &&
               err_set(err, "process %d runs no Python: there are no Python objects in it", pid);
    if (found != PYTHON_FOUND || !maps_read(&w->maps, pid, NULL, err))
        return false;
    w->peek = peek_new(pid);
    size_t own = limits && limits->own_bytes_max ? limits->own_bytes_max : OWN_BYTES;
    struct procfs_stat stat;
    if (!(limits && limits->own_bytes_max) && procfs_stat(pid, &stat))
        own += stat.rss_pages * PAGE_BYTES / HEAP_SHARE;
    w->nodes_max = own / BYTES_PER_NODE;
    if (w->nodes_max > PATH_NONE - 1)
        w->nodes_max = PATH_NONE - 1;
    if (limits && limits->duration_ns_max)
        w->end_ns = clock_mono_ns() + limits->duration_ns_max;
    refs_init(&w->refs, w->peek, &w->types, &w->runtime.layout);
    w->refs.each = each;
    w->refs.context = w;
    return types_init(&w->types, w->peek, NULL, &w->maps, &w->runtime, err);
}

static void close_walk(struct walk *w)
{
    refs_clear(&w->refs);
    types_clear(&w->types);
    peek_free(w->peek);
    maps_clear(&w->maps);
    vec_free(&w->objects);
    vec_free(&w->parents);
    vec_free(&w->roots);
    vec_free(&w->visited);
    map_free(&w->regions);
    map_free(&w->chosen);
    map_free(&w->chosen_object);
    map_free(&w->wanted_at);
    vec_free(&w->nodes);
}

static bool wait_for_births(struct walk *w)
{
    struct timespec step = {0, (long)STEP_NS};
    for (uint64_t end_ns = clock_mono_ns() + NEWBORN_NS; clock_mono_ns() < end_ns;) {
        nanosleep(&step, NULL);
        if (!may_go_on(w))
            return false;
    }
    return true;
}

/* Instances of the type, or where it is asked for, those born in the next seconds: what was there
 * before may be many times as much as what leaks, and be held by others. */
static bool choose_instances(struct walk *w, const struct holders_question *q, struct err *err)
{
    struct heap_limits limits = q->limits ? *q->limits : (struct heap_limits){0};
    struct instances before, now;
    limits.stop = NULL; /* a short first part, whose progress would be another's */
    if (!python_census_instances(w->pid, &limits, q->type, INSTANCES_MAX, &now, err)) {
        instances_clear(&now);
        return false;
    }
    if (q->newborn && wait_for_births(w)) {
        before = now;
        if (python_census_instances(w->pid, &limits, q->type, INSTANCES_MAX, &now, NULL))
            instances_born(&now, &before);
        if (now.at.n < NEWBORN_MIN) {
            instances_clear(&now);
            now = before;
        } else {
            instances_clear(&before);
        }
    }
    w->n_wanted = now.at.n < SAMPLES ? now.at.n : SAMPLES;
    if (w->n_wanted)
        memcpy(w->wanted, now.at.at, w->n_wanted * sizeof *w->wanted);
    instances_clear(&now);
    for (size_t i = 0; i < w->n_wanted; i++)
        remote_read(w->pid, w->wanted[i] + 8, w->seen[i], SEEN_BYTES);
    return w->n_wanted || err_set(err, "process %d has no instances of %s", w->pid, q->type);
}

/* Of those that were looked for, the ones that were reached or are still there. */
static size_t stayed(struct walk *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_wanted; i++) {
        uint8_t now[SEEN_BYTES];
        n += w->found[i].parent != PATH_NONE ||
             (remote_read(w->pid, w->wanted[i] + 8, now, sizeof now) &&
              !memcmp(now, w->seen[i], sizeof now));
    }
    return n;
}

static bool choose_wanted(struct walk *w, const struct holders_question *q, struct err *err)
{
    if (q->address) {
        w->wanted[w->n_wanted++] = q->address;
        w->enough = 1;
        if (type_of(w, q->address) == MAP_NONE)
            return err_set(err, "there is no object at %#llx any more: it may be gone",
                           (unsigned long long)q->address);
    } else {
        if (!choose_instances(w, q, err))
            return false;
        w->enough = w->n_wanted < ENOUGH ? w->n_wanted : ENOUGH;
    }
    for (size_t i = 0; i < w->n_wanted; i++) {
        map_set(&w->wanted_at, w->wanted[i], (uint32_t)i);
        w->found[i].parent = PATH_NONE;
    }
    return true;
}

static bool each_again(void *context, const struct ref *ref)
{
    struct walk *w = context;
    uint32_t i = map_get(&w->chosen_object, ref->object);
    struct path_node *node = i == MAP_NONE ? NULL : &w->nodes.at[i];
    if (node && node->parent == w->telling && node->kind == REF_PART && !node->value) {
        node->kind = ref->kind;
        node->value = ref->value;
    }
    return ++w->looked_at % ASK_EACH != 0 || may_go_on(w);
}

/* Takes the ways from what was found up to the roots out of all that was come upon. */
static void choose_ways(struct walk *w)
{
    VEC(uint32_t) from = {0}; /* where in all of them a chosen one is */
    for (size_t i = 0; i < w->n_wanted; i++) {
        uint32_t n = w->found[i].parent;
        for (int up = 0; up < DEPTH_MAX && n != PATH_NONE && map_get(&w->chosen, n) == MAP_NONE;
             up++, n = w->parents.at[n]) {
            map_set(&w->chosen, n, (uint32_t)from.n);
            map_set(&w->chosen_object, w->objects.at[n], (uint32_t)from.n);
            vec_push(&from, n);
            vec_push(&w->nodes, ((struct path_node){w->objects.at[n], 0, PATH_NONE, REF_PART}));
        }
        if (w->found[i].parent != PATH_NONE)
            w->found[i].parent = map_get(&w->chosen, w->found[i].parent);
    }
    for (size_t k = 0; k < from.n; k++) {
        struct path_node *node = &w->nodes.at[k];
        uint32_t n = from.at[k], parent = w->parents.at[n];
        if (parent != PATH_NONE && map_get(&w->chosen, parent) != MAP_NONE)
            node->parent = map_get(&w->chosen, parent);
        const struct root *root = parent == PATH_NONE ? root_at(w, n) : NULL;
        if (root) {
            node->kind = root->frame ? PATH_FRAME : REF_ROOT;
            node->value = root->value;
        }
    }
    w->refs.each = each_again;
    bool cut = w->cut;
    w->cut = false; /* a limit that was met before does not forbid to name what was found */
    for (size_t k = 0; k < from.n && !w->cut; k++) {
        w->telling = (uint32_t)k;
        tell(w, from.at[k]);
    }
    w->cut |= cut;
    vec_free(&from);
}

static bool each_expected(void *context, const struct ref *ref)
{
    struct walk *w = context;
    if (ref->object == w->expected)
        w->expected = 0;
    return w->expected;
}

/* The nearest to the root on the way to a node that does not refer to the next one any more: 0 if
 * all still do, some moments later. */
static uint64_t find_fleeting(struct walk *w, uint32_t node)
{
    struct timespec step = {0, (long)STEP_NS};
    uint64_t let_go = 0;
    w->refs.each = each_expected;
    for (int i = 0; i < LASTS_TIMES && !let_go; i++) {
        nanosleep(&step, NULL);
        peek_forget(w->peek);
        for (uint32_t n = node; n != PATH_NONE && w->nodes.at[n].parent != PATH_NONE;
             n = w->nodes.at[n].parent) {
            const struct path_node *parent = &w->nodes.at[w->nodes.at[n].parent];
            w->expected = w->nodes.at[n].object;
            tell_of(w, parent->object, parent->kind == PATH_FRAME, parent->value);
            if (w->expected)
                let_go = parent->object;
        }
    }
    return let_go;
}

/* On how many ways each node lies. */
static void count_ways(struct walk *w, struct map *counts)
{
    for (size_t i = 0; i < w->n_wanted; i++) {
        uint32_t n = w->found[i].parent;
        for (int up = 0; up < DEPTH_MAX && n != PATH_NONE; up++, n = w->nodes.at[n].parent) {
            uint32_t before = map_get(counts, n);
            map_set(counts, n, before == MAP_NONE ? 1 : before + 1);
        }
    }
}

struct rank {
    bool inner, half; /* it is no root; it lies on the way to half of what was found */
    size_t first, second;
};

static bool outranks(const struct rank *a, const struct rank *b)
{
    if (a->inner != b->inner)
        return a->inner;
    if (a->half != b->half)
        return a->half;
    return a->first != b->first ? a->first > b->first : a->second > b->second;
}

/* The node nearest to the instances that lies on the way to half of those found; where only a root
 * does, the one that lies on most ways and is none. */
static uint32_t nearest_holder(struct walk *w, size_t *held)
{
    struct map counts = {0};
    struct rank best_rank = {0};
    uint32_t best = PATH_NONE;
    *held = 0;
    count_ways(w, &counts);
    for (size_t i = 0; i < w->n_wanted; i++) {
        uint32_t n = w->found[i].parent;
        size_t depth = path_depth(&w->nodes, n);
        for (int up = 0; up < DEPTH_MAX && n != PATH_NONE;
             up++, depth--, n = w->nodes.at[n].parent) {
            size_t count = map_get(&counts, n);
            struct rank rank = {w->nodes.at[n].parent != PATH_NONE, count * 2 >= w->n_found, count,
                                depth};
            if (rank.half) { /* the nearest of them */
                rank.first = depth;
                rank.second = count;
            }
            if (best != PATH_NONE && !outranks(&rank, &best_rank))
                continue;
            best = n;
            best_rank = rank;
            *held = count;
        }
    }
    map_free(&counts);
    return best;
}

static void describe(struct walk *w, const struct holders_question *q,
                     struct holders_answer *answer)
{
    char path[PATH_TEXT_SIZE];
    struct path_words words = {w->pid, &w->runtime.layout, w->peek, &w->types, &w->nodes};
    struct text t = TEXT(path);
    if (!answer->partial && !q->address && w->n_found * 4 <= answer->sampled) {
        text_add(&t, "nothing that Python reaches, %zu of %zu: garbage or C's",
                 answer->sampled - w->n_found, answer->sampled);
        answer->path = xstrdup(path);
        answer->holder_type = xstrdup("object");
        return;
    }
    if (!w->n_found)
        return;
    choose_ways(w);
    if (q->address) {
        vec_push(&w->nodes, w->found[0]);
        uint32_t last = (uint32_t)w->nodes.n - 1;
        w->let_go = find_fleeting(w, last);
        answer->held = 1;
        answer->holder = q->address;
        path_add(&t, &words, last);
        answer->length = path_add_object(&t, &words, q->address);
    } else {
        uint32_t holder = nearest_holder(w, &answer->held);
        if (holder == PATH_NONE)
            return;
        w->let_go = find_fleeting(w, holder);
        answer->holder = w->nodes.at[holder].object;
        path_add(&t, &words, holder);
        if (w->nodes.at[holder].kind != PATH_FRAME)
            answer->length = path_add_object(&t, &words, answer->holder);
        for (size_t i = 0; i < w->n_wanted; i++)
            if (path_leads_to(&w->nodes, &w->found[i], holder)) {
                path_add_rest(&t, &words, &w->found[i], holder);
                break;
            }
        if (answer->held * 2 < w->n_found || w->n_found * 2 < answer->sampled)
            text_add(&t, " (%zu of %zu that were looked at)", answer->held, answer->sampled);
    }
    uint32_t type = type_of(w, answer->holder);
    text_make_printable(path);
    answer->path = xstrdup(path);
    answer->holder_type = xstrdup(type == MAP_NONE ? "object" : w->types.list.at[type].name);
}

/* *let_go: what is to be added to fleeting, as the way does not last; 0: it does. */
static bool look(pid_t pid, const struct holders_question *q, const struct map *fleeting,
                 struct holders_answer *answer, uint64_t *let_go, struct err *err)
{
    *answer = (struct holders_answer){0};
    struct walk *w = xcalloc(1, sizeof *w);
    w->fleeting = fleeting;
    uint64_t start_ns = clock_mono_ns();
    bool ok = open_walk(w, pid, q->limits, err) && choose_wanted(w, q, err);
    if (ok) {
        add_modules(w);
        run(w);
        if (w->n_found < w->enough && !w->cut) {
            add_frames(w);
            run(w);
        }
        if (w->n_found < w->enough && !w->cut) {
            w->last_modules = true;
            add_modules(w);
            run(w);
        }
        answer->sampled = q->address ? w->n_wanted : stayed(w);
        answer->reached = w->n_found;
        answer->objects = w->looked_at;
        answer->partial = w->cut;
        describe(w, q, answer);
        answer->duration_ns = clock_mono_ns() - start_ns;
    }
    *let_go = w->let_go;
    close_walk(w);
    free(w);
    return ok;
}

/* What grows is being moved about: what was not found is looked for once more. */
bool python_holders(pid_t pid, const struct holders_question *q, struct holders_answer *answer,
                    struct err *err)
{
    struct map fleeting = {0};
    uint64_t spent_ns = 0, let_go = 0;
    int looks = q->newborn ? LOOKS_AT_BIRTHS : LOOKS_MAX;
    bool ok, missed = false;
    for (int i = 1;; i++) {
        ok = look(pid, q, &fleeting, answer, &let_go, err);
        spent_ns += answer->duration_ns;
        bool found = answer->path && (q->address || answer->held);
        if (!ok || answer->partial || i == looks || (found ? !let_go : missed))
            break;
        missed = missed || !found;
        if (let_go)
            map_set(&fleeting, let_go, 1);
        holders_answer_clear(answer);
    }
    answer->duration_ns = spent_ns;
    map_free(&fleeting);
    if (ok && let_go && answer->path) {
        char *path = xasprintf("perhaps %s", answer->path);
        free(answer->path);
        answer->path = path;
    }
    return ok;
}

void holders_answer_clear(struct holders_answer *answer)
{
    free(answer->path);
    free(answer->holder_type);
    *answer = (struct holders_answer){0};
}
