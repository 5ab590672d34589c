/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See wait_group.h. Pure. */
#include "view/wait_group.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define SHARED (UINT32_MAX - 1) /* several threads; no thread has that number */

enum amount_of { AMOUNT_OBJECT, AMOUNT_OWNER, AMOUNT_STACK };

struct thread_id wait_thread(const struct recording *rec, int32_t tid)
{
    for (uint32_t n = (uint32_t)rec->threads.n; tid && n-- > 1;)
        if (rec->threads.at[n].tid == tid)
            return (struct thread_id){n};
    return (struct thread_id){0};
}

const char *wait_thread_name(const struct recording *rec, int32_t tid)
{
    return string_text(&rec->words, rec->threads.at[wait_thread(rec, tid).n].name);
}

size_t wait_name_stem(const char *name)
{
    size_t n = strlen(name), digits = n;
    while (digits > 0 && isdigit((unsigned char)name[digits - 1]))
        digits--;
    if (digits == n || digits == 0)
        return n;
    while (digits > 1 && strchr("-_#:/ .", name[digits - 1]))
        digits--;
    return digits;
}

/* A group has more of something. True: and now has more of it than of any other, which *most was
 * the amount of. *distinct counts what it has any of. */
static bool add_amount(struct wait_groups *g, uint32_t group, enum amount_of of, uint32_t n,
                       uint64_t ns, uint64_t *most, uint32_t *distinct)
{
    uint64_t key = hash_mix((uint64_t)group << 2 | of, n);
    uint32_t at = map_get(&g->amounts, key);
    if (at == MAP_NONE) {
        at = (uint32_t)g->amount.n;
        map_set(&g->amounts, key, at);
        vec_push(&g->amount, 0);
        ++*distinct;
    }
    g->amount.at[at] += ns;
    if (g->amount.at[at] <= *most)
        return false;
    *most = g->amount.at[at];
    return true;
}

static bool is_held(const struct wait_groups *g, const struct cell *c)
{
    return c->object.n && c->wait == WAIT_FUTEX && map_get(&g->held, c->object.n) != MAP_NONE;
}

/* What the group is about, as far as that makes it another group. */
static struct object_id key_object(const struct wait_groups *g, const struct cell *c)
{
    bool apart = !c->idle && (c->wait != WAIT_FUTEX || is_held(g, c) ||
                              map_get(&g->wanted, c->object.n) == SHARED);
    return apart ? c->object : (struct object_id){0};
}

/* The same, in words: a child without its number, a file without who has it locked. */
static uint64_t mix_object(uint64_t key, const char *text)
{
    static const char child[] = "child ";
    const char *held = strstr(text, " held by ");
    const char *number = strstr(text, child);
    char words[256];
    size_t n = held ? (size_t)(held - text) : strlen(text);
    if (number && isdigit((unsigned char)number[sizeof child - 1]) && strchr(number, '('))
        snprintf(words, sizeof words, "%.*s%s", (int)(number - text), text, strchr(number, '('));
    else
        snprintf(words, sizeof words, "%.*s", (int)n, text);
    return rows_mix_text(key, words);
}

/* The nearest own function of a stack, looked for once. */
static struct function_id own_function(struct wait_groups *g, struct stack_id stack)
{
    uint32_t n = map_get(&g->own, stack.n);
    if (n == MAP_NONE) {
        n = rows_own_place(&g->sum->fold, stack).function.n;
        map_set(&g->own, stack.n, n);
    }
    return (struct function_id){n};
}

/* Whether the stack is one of Python's event loop. */
static bool is_asyncio(const struct fold *fold, struct stack_id stack)
{
    for (struct stack_id s = stack; s.n; s = fold_at(fold, s)->parent) {
        const char *file =
            string_text(&fold->rec->words,
                        function_at(&fold->rec->words, rows_self_place(fold, s).function)->file);
        if (text_ends_with(file, "asyncio/base_events.py"))
            return true;
    }
    return false;
}

static bool blocks_loop(struct wait_groups *g, const struct cell *c)
{
    if (c->state != STATE_WAITING || c->wait == WAIT_GIL || c->wait == WAIT_STOPPED || c->idle)
        return false;
    uint32_t known = map_get(&g->blocking, c->stack.n);
    if (known == MAP_NONE) {
        known = wait_blocks_loop(&g->sum->fold, c->stack);
        map_set(&g->blocking, c->stack.n, known);
    }
    return known != 0;
}

static uint32_t find_group(struct wait_groups *g, const struct cell *c)
{
    const struct recording *rec = g->query->rec;
    struct wait_group new = {.function = own_function(g, c->stack),
                             .state = c->state,
                             .wait = c->state == STATE_WAITING ? c->wait : WAIT_NONE,
                             .idle = c->idle,
                             .blocks_loop = blocks_loop(g, c),
                             .owned = is_held(g, c)};
    struct object_id object = key_object(g, c);
    uint64_t kind = (uint64_t)(new.state | new.wait << 8 | new.idle << 16 | new.owned << 17 |
                               new.blocks_loop << 18);
    uint64_t numbers = hash_mix((uint64_t) new.function.n << 32 | object.n, kind);
    uint32_t n = map_get(&g->by_numbers, numbers);
    if (n != MAP_NONE)
        return n;
    /* By name: where a native function is defined is known later than how it is called, and a row
     * must stay the same when it is. */
    const struct function *f = function_at(&rec->words, new.function);
    uint64_t key = rows_mix_text(0, string_text(&rec->words, f->name));
    key = rows_mix_text(key, module_path(&rec->words, f->module));
    key = mix_object(key, dictionary_object_text(&rec->words, object));
    key = hash_mix(key, kind);
    n = map_get(&g->index, key);
    if (n == MAP_NONE) {
        n = (uint32_t)g->at.n;
        new.key = key;
        bool polls = new.wait == WAIT_EPOLL || new.wait == WAIT_POLL;
        new.asyncio = new.idle &&polls &&is_asyncio(&g->sum->fold, c->stack);
        vec_push(&g->at, new);
        map_set(&g->index, key, n);
    }
    map_set(&g->by_numbers, numbers, n);
    return n;
}

static uint64_t content_key(uint8_t state, uint8_t wait, struct stack_id stack,
                            struct object_id object)
{
    return hash_mix((uint64_t)stack.n << 32 | object.n, (uint64_t)(state | wait << 8));
}

static void add_cell(struct wait_groups *g, const struct cell *c)
{
    uint32_t n = find_group(g, c);
    struct wait_group *group = &g->at.at[n];
    group->ns += c->ns;
    group->ticks += c->ticks;
    map_set(&g->by_stack, content_key(c->state, c->wait, c->stack, c->object), n);
    uint64_t thread = (uint64_t)n << 32 | c->thread.n;
    if (map_get(&g->threads, thread) == MAP_NONE) {
        map_set(&g->threads, thread, 1);
        group->threads++;
    }
    uint32_t stacks = 0;
    if (add_amount(g, n, AMOUNT_STACK, c->stack.n, c->ns, &group->top_stack_ns, &stacks))
        group->stack = c->stack;
    if (c->object.n &&
        add_amount(g, n, AMOUNT_OBJECT, c->object.n, c->ns, &group->top_object_ns, &group->objects))
        group->object = c->object;
    if (c->owner && add_amount(g, n, AMOUNT_OWNER, (uint32_t)c->owner, c->ns, &group->top_owner_ns,
                               &group->owners))
        group->owner = c->owner;
}

/* A name's stem in its process: threads that are like each other. */
static uint64_t stem_key(const struct recording *rec, uint32_t thread)
{
    const struct thread *t = &rec->threads.at[thread];
    const char *name = string_text(&rec->words, t->name);
    return hash_mix(t->incarnation.n, hash_bytes(name, wait_name_stem(name)));
}

/* Of how many threads of such names each group has some. O(cells + groups x threads). */
static void count_alike(struct wait_groups *g)
{
    const struct recording *rec = g->query->rec;
    struct map members = {0}, counted = {0};
    uint8_t *seen = xcalloc(rec->threads.n, 1);
    uint64_t *stems = xcalloc(rec->threads.n, sizeof *stems);
    for (size_t i = 0; i < g->sum->cells.n; i++) {
        uint32_t t = g->sum->cells.at[i].thread.n;
        if (seen[t])
            continue;
        seen[t] = 1;
        stems[t] = stem_key(rec, t);
        uint32_t have = map_get(&members, stems[t]);
        map_set(&members, stems[t], have == MAP_NONE ? 1 : have + 1);
    }
    for (size_t i = 0; i < g->threads.cap; i++) {
        const struct map_slot *slot = &g->threads.slots[i];
        if (slot->value == MAP_NONE)
            continue;
        uint32_t n = (uint32_t)(slot->key >> 32);
        uint64_t stem = stems[(uint32_t)slot->key];
        uint64_t once = hash_mix(stem, n);
        if (map_get(&counted, once) != MAP_NONE)
            continue;
        map_set(&counted, once, 1);
        g->at.at[n].thread_of += map_get(&members, stem);
    }
    free(seen);
    free(stems);
    map_free(&members);
    map_free(&counted);
}

/* Which objects have an owner, and which futexes several threads wait for. */
static void note_object(struct wait_groups *g, const struct cell *c)
{
    if (!c->object.n)
        return;
    if (c->owner)
        map_set(&g->held, c->object.n, 1);
    if (c->wait != WAIT_FUTEX)
        return;
    uint32_t before = map_get(&g->wanted, c->object.n);
    if (before == MAP_NONE)
        map_set(&g->wanted, c->object.n, c->thread.n);
    else if (before != c->thread.n)
        map_set(&g->wanted, c->object.n, SHARED);
}

void wait_groups_sum(struct wait_groups *g, const struct query *query, struct window_sum *sum)
{
    *g = (struct wait_groups){.query = query, .sum = sum};
    for (size_t i = 0; i < sum->cells.n; i++)
        note_object(g, &sum->cells.at[i]);
    for (size_t i = 0; i < sum->cells.n; i++) {
        const struct cell *c = &sum->cells.at[i];
        bool shown = cell_counts(c, query->filter.states) ||
                     (c->idle && query->filter.states == STATES_BUSY);
        if (c->state != STATE_RUNNING && shown)
            add_cell(g, c);
    }
    count_alike(g);
}

void wait_groups_clear(struct wait_groups *g)
{
    for (size_t i = 0; i < g->at.n; i++) {
        vec_free(&g->at.at[i].lengths);
        vec_free(&g->at.at[i].stretches);
    }
    vec_free(&g->at);
    vec_free(&g->amount);
    map_free(&g->index);
    map_free(&g->by_numbers);
    map_free(&g->own);
    map_free(&g->blocking);
    map_free(&g->held);
    map_free(&g->wanted);
    map_free(&g->threads);
    map_free(&g->amounts);
    map_free(&g->by_stack);
}

/* A wait that is still being put together, of one thread. */
struct chain {
    uint32_t group; /* MAP_NONE: none */
    struct stack_id stack;
    uint64_t from_ns, to_ns;
};

static void end_chain(struct wait_groups *g, struct chain *chain)
{
    if (chain->group != MAP_NONE) {
        struct wait_length length = {chain->to_ns - chain->from_ns, 1};
        vec_push(&g->at.at[chain->group].lengths, length);
    }
    chain->group = MAP_NONE;
}

static void add_run(struct wait_groups *g, struct chain *chain, uint32_t n, struct stack_id stack,
                    const struct run *r)
{
    struct wait_group *group = &g->at.at[n];
    uint64_t to_ns = r->from_ns + r->weight_ns;
    if (r->owner && r->owner == group->owner)
        vec_push(&group->stretches, ((struct wait_stretch){r->from_ns, to_ns}));
    if (to_ns > group->last_ns)
        group->last_ns = to_ns;
    bool same =
        chain->group == n && chain->stack.n == stack.n && r->from_ns <= chain->to_ns + WAIT_GAP_NS;
    if (same && !(r->flags & SAMPLE_BEGAN)) {
        chain->to_ns = to_ns;
        return;
    }
    end_chain(g, chain);
    uint64_t last_ns = r->weight_ns;
    if (r->flags & SAMPLE_BEGAN && r->ticks > 1) {
        last_ns /= r->ticks;
        vec_push(&group->lengths, ((struct wait_length){last_ns, r->ticks - 1}));
    }
    *chain = (struct chain){n, stack, to_ns - last_ns, to_ns};
}

static int by_length(const void *x, const void *y)
{
    const struct wait_length *a = x, *b = y;
    return a->ns < b->ns ? -1 : a->ns > b->ns;
}

/* The median, and the greatest. */
static void measure(struct wait_group *group)
{
    uint64_t count = 0, below = 0;
    vec_sort(&group->lengths, by_length);
    for (size_t i = 0; i < group->lengths.n; i++)
        count += group->lengths.at[i].count;
    for (size_t i = 0; i < group->lengths.n; i++) {
        below += group->lengths.at[i].count;
        group->typical_ns = group->lengths.at[i].ns;
        if (below * 2 >= count)
            break;
    }
    if (group->lengths.n)
        group->longest_ns = vec_last(&group->lengths)->ns;
}

static bool whole_run(const struct run *r, int level)
{
    return level == LEVEL_COUNT || level == LEVEL_RAW || r->weight_ns >= level_slice_ns(level);
}

const int wait_levels[WAIT_LEVELS] = {LEVEL_TEN, LEVEL_SECOND, LEVEL_RAW, LEVEL_COUNT};

void wait_groups_time(struct wait_groups *g)
{
    if (g->timed)
        return;
    g->timed = true;
    const struct recording *rec = g->query->rec;
    struct window w = g->query->window;
    struct chain *chains = xcalloc(rec->threads.n, sizeof *chains);
    for (size_t i = 0; i < rec->threads.n; i++)
        chains[i].group = MAP_NONE;
    for (size_t k = 0; k < WAIT_LEVELS; k++) {
        int level = wait_levels[k];
        size_t n = recording_run_count(rec, level);
        for (size_t i = 0; i < n; i++) {
            const struct run *r = recording_run_at(rec, level, i);
            struct chain *chain = &chains[r->thread.n];
            if (!r->ticks || r->from_ns >= w.to_ns || r->from_ns + r->weight_ns <= w.from_ns)
                continue;
            if (r->state == STATE_RUNNING || !whole_run(r, level)) {
                end_chain(g, chain);
                continue;
            }
            struct stack_id stack = fold_stack(&g->sum->fold, r->stack);
            uint32_t group =
                map_get(&g->by_stack, content_key(r->state, r->wait, stack, r->object));
            uint64_t thread = (uint64_t)group << 32 | r->thread.n;
            if (group == MAP_NONE || map_get(&g->threads, thread) == MAP_NONE)
                end_chain(g, chain);
            else
                add_run(g, chain, group, stack, r);
        }
    }
    for (size_t i = 0; i < rec->threads.n; i++)
        end_chain(g, &chains[i]);
    free(chains);
    for (size_t i = 0; i < g->at.n; i++)
        measure(&g->at.at[i]);
}

static int by_begin(const void *x, const void *y)
{
    const struct wait_stretch *a = x, *b = y;
    return a->from_ns < b->from_ns ? -1 : a->from_ns > b->from_ns;
}

/* Stretches of several threads overlap: what they cover, in order. */
static size_t cover(struct wait_stretch *s, size_t n)
{
    size_t kept = 0;
    qsort(s, n, sizeof *s, by_begin);
    for (size_t i = 0; i < n; i++) {
        if (kept && s[i].from_ns <= s[kept - 1].to_ns) {
            if (s[i].to_ns > s[kept - 1].to_ns)
                s[kept - 1].to_ns = s[i].to_ns;
        } else {
            s[kept++] = s[i];
        }
    }
    return kept;
}

static uint64_t covered(const struct wait_stretch *s, size_t n, uint64_t from_ns, uint64_t to_ns)
{
    size_t low = sorted_upto(s, n, to_ns, from_ns);
    uint64_t sum = 0;
    for (; low < n && s[low].from_ns < to_ns; low++) {
        uint64_t a = s[low].from_ns > from_ns ? s[low].from_ns : from_ns;
        uint64_t b = s[low].to_ns < to_ns ? s[low].to_ns : to_ns;
        sum += b > a ? b - a : 0;
    }
    return sum;
}

struct stack_id wait_groups_holder(const struct wait_groups *g, const struct wait_group *group)
{
    const struct recording *rec = g->query->rec;
    uint32_t owner = wait_thread(rec, group->owner).n;
    struct stack_id best = {0};
    if (!owner || !group->stretches.n)
        return best;
    VEC(struct wait_stretch) held = {0};
    vec_append(&held, group->stretches.at, group->stretches.n);
    held.n = cover(held.at, held.n);
    struct map index = {0};
    VEC(uint64_t) sums = {0};
    uint64_t most = 0;
    for (int level = 0; level <= LEVEL_COUNT; level++) {
        for (size_t i = recording_run_count(rec, level); i-- > 0;) {
            const struct run *r = recording_run_at(rec, level, i);
            if (r->thread.n != owner || !r->ticks)
                continue;
            uint64_t ns = covered(held.at, held.n, r->from_ns, r->from_ns + r->weight_ns);
            if (!ns)
                continue;
            struct stack_id stack = fold_stack(&g->sum->fold, r->stack);
            uint32_t n = map_get(&index, stack.n);
            if (n == MAP_NONE) {
                n = (uint32_t)sums.n;
                map_set(&index, stack.n, n);
                vec_push(&sums, 0);
            }
            sums.at[n] += ns;
            if (sums.at[n] > most) {
                most = sums.at[n];
                best = stack;
            }
        }
    }
    map_free(&index);
    vec_free(&sums);
    vec_free(&held);
    return best;
}

const char *wait_group_kind(const struct wait_group *group)
{
    return group->state == STATE_RUNNABLE ? "cpu" : wait_name(group->wait);
}

void wait_group_about(char *out, size_t size, const struct recording *rec,
                      const struct wait_group *group, bool brief)
{
    struct text t = {out, size, 0, false};
    const char *object = dictionary_object_text(&rec->words, group->object);
    const char *owner = wait_thread_name(rec, group->owner);
    bool lock = group->owned && strncmp(object, "end of thread", 13) != 0;
    out[0] = '\0';
    if (group->asyncio) {
        /* Alone in it is the pair by which other threads wake it. */
        bool bare = !*object || group->objects > 1 || strncmp(object, "unix socket", 11) == 0;
        text_add(&t, bare ? "asyncio loop" : "asyncio loop, %s", object);
        return;
    }
    if (group->blocks_loop)
        text_add(&t, *object ? "blocks the event loop, " : "blocks the event loop");
    if (lock && brief)
        text_add(&t, strncmp(object, "rwlock", 6) == 0 ? "rwlock" : "lock");
    else if (group->wait == WAIT_FUTEX && group->objects > 1)
        text_add(&t, "%u futexes", group->objects);
    else if (group->objects > 1)
        text_add(&t, "%s and %u other%s", object, group->objects - 1,
                 group->objects > 2 ? "s" : "");
    else if (!(brief && group->wait == WAIT_GIL))
        text_add(&t, "%s", object);
    if (!group->owner || !(lock || group->wait == WAIT_GIL))
        return;
    text_add(&t, "%sheld by ", t.len ? " " : "");
    if (*owner)
        text_add(&t, brief ? "%s" : "%s (%d)", owner, group->owner);
    else
        text_add(&t, "thread %d", group->owner);
    if (group->owners > 1)
        text_add(&t, brief ? " +%u" : " and %u more", group->owners - 1);
}

void wait_run_about(char *out, size_t size, const struct recording *rec, const struct run *run)
{
    struct wait_group one = {.state = run->state,
                             .wait = run->wait,
                             .owned = run->owner && run->wait == WAIT_FUTEX,
                             .object = run->object,
                             .objects = 1,
                             .owner = run->owner,
                             .owners = 1};
    wait_group_about(out, size, rec, &one, false);
}
