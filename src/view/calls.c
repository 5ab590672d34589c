/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See calls.h. */
#include "view/calls.h"

#include <stdlib.h>
#include <string.h>

#include "view/rows.h"

/* How many stacks, its callers' among them, a cell adds to those of the others, roughly. */
#define CELL_STACKS 4

/* What is known of a stack: its node + STACK_NODE, or one of the first two. */
enum { STACK_NEW, STACK_OUTSIDE /* the root is not in it */, STACK_NODE };

struct build {
    struct calls *calls;
    const struct query *query;
    const struct fold *fold;
    uint32_t *known;  /* by stack */
    uint8_t *is_root; /* by function; NULL: the tree begins with the stacks' outermost places */
    struct map index; /* (parent + 1, function) -> node */
    VEC(struct stack_id) path;
};

static uint32_t child_of(struct build *b, uint32_t parent, const struct place *place)
{
    uint64_t key = (uint64_t)(parent + 1) << 32 | place->function.n;
    uint32_t fresh = (uint32_t)b->calls->nodes.n, n = map_find_or_add(&b->index, key, fresh);
    if (n != fresh)
        return n;
    struct call_node *node = vec_add(&b->calls->nodes);
    node->parent = parent;
    node->function = place->function;
    node->line = place->line;
    if (parent != CALLS_NONE) {
        node->depth = b->calls->nodes.at[parent].depth + 1;
        b->calls->nodes.at[parent].has_children = true;
    }
    return n;
}

static size_t places_of(const struct build *b, struct stack_id s, const struct place **places)
{
    return recording_places(b->query->rec, fold_at(b->fold, s)->frame, places);
}

/* The callers of place i of a stack's innermost frame, from there outwards. */
static uint32_t add_callers(struct build *b, struct stack_id s, size_t i)
{
    const struct place *places;
    uint32_t node = CALLS_NONE;
    for (; s.n; s = fold_at(b->fold, s)->parent, i = 0) {
        size_t n = places_of(b, s, &places);
        for (; i < n; i++)
            node = child_of(b, node, &places[i]);
    }
    return node;
}

/* What is known of a stack, given what is known of its parent. */
static uint32_t know(struct build *b, struct stack_id s, uint32_t parent)
{
    const struct place *places;
    size_t n = places_of(b, s, &places);
    bool inside = !b->is_root || parent >= STACK_NODE;
    if (inside && b->query->direction == CALLS_CALLERS)
        return parent;
    uint32_t node = parent >= STACK_NODE ? parent - STACK_NODE : CALLS_NONE;
    while (n-- > 0) {
        if (!inside && !b->is_root[places[n].function.n])
            continue;
        if (b->query->direction == CALLS_CALLERS)
            return add_callers(b, s, n) + STACK_NODE;
        inside = true;
        node = child_of(b, node, &places[n]);
    }
    return inside ? node + STACK_NODE : STACK_OUTSIDE;
}

/* The node that a stack's time goes to, CALLS_NONE for none; each stack is walked once. */
static uint32_t node_of(struct build *b, struct stack_id stack)
{
    if (!stack.n)
        return b->is_root ? CALLS_NONE : child_of(b, CALLS_NONE, &(struct place){0});
    vec_clear(&b->path);
    struct stack_id s = stack;
    for (; s.n && b->known[s.n] == STACK_NEW; s = fold_at(b->fold, s)->parent)
        vec_push(&b->path, s);
    uint32_t known = s.n ? b->known[s.n] : STACK_OUTSIDE;
    for (size_t i = b->path.n; i-- > 0;)
        known = b->known[b->path.at[i].n] = know(b, b->path.at[i], known);
    return known >= STACK_NODE ? known - STACK_NODE : CALLS_NONE;
}

static void add_cell(struct build *b, const struct cell *cell)
{
    uint32_t n = node_of(b, cell->stack); /* moves the nodes */
    if (n == CALLS_NONE)
        return;
    struct call_node *node = &b->calls->nodes.at[n];
    bool self = b->query->direction != CALLS_CALLERS ||
                b->is_root[rows_self_place(b->fold, cell->stack).function.n];
    node->total_ns += cell->ns;
    node->total_ticks += cell->ticks;
    if (cell->state != STATE_RUNNING)
        node->wait_ns += cell->ns;
    if (self) {
        node->self_ns += cell->ns;
        node->self_ticks += cell->ticks;
    }
}

/* Which functions the tree is about: there may be several of one name. */
static void find_roots(struct build *b)
{
    const struct query *q = b->query;
    if (q->direction == CALLS_DOWN)
        return;
    size_t n = q->rec->words.functions.n;
    b->is_root = xcalloc(n + 1, 1);
    for (uint32_t i = 1; i < n; i++) {
        struct function_id f = {i};
        b->is_root[i] = q->root_name ? strcmp(rows_function_name(q->rec, f), q->root_name) == 0
                                     : rows_function_key(q->rec, f) == q->root_key;
    }
}

/* Each node's key and its children's time. */
static void finish(struct build *b)
{
    const struct recording *rec = b->query->rec;
    struct calls *calls = b->calls;
    uint64_t *keys = xcalloc(rec->words.functions.n + 1, sizeof *keys); /* 0: not yet */
    for (size_t i = 0; i < calls->nodes.n; i++) {
        struct call_node *node = &calls->nodes.at[i];
        uint64_t *key = &keys[node->function.n];
        if (!*key)
            *key = rows_function_key(rec, node->function);
        uint64_t above = node->parent == CALLS_NONE ? (uint64_t)b->query->direction
                                                    : calls->nodes.at[node->parent].key;
        node->key = hash_mix(above, *key);
    }
    free(keys);
    for (size_t i = calls->nodes.n; i-- > 0;) {
        const struct call_node *node = &calls->nodes.at[i];
        if (node->parent == CALLS_NONE)
            continue;
        struct call_node *parent = &calls->nodes.at[node->parent];
        parent->total_ns += node->total_ns;
        parent->total_ticks += node->total_ticks;
        parent->wait_ns += node->wait_ns;
        /* Of callers, what reached the function through here came through all below it. */
        if (b->query->direction == CALLS_CALLERS) {
            parent->self_ns += node->self_ns;
            parent->self_ticks += node->self_ticks;
        }
    }
}

void calls_build(struct calls *calls, const struct query *query, const struct window_sum *sum)
{
    struct build b = {.calls = calls, .query = query, .fold = &sum->fold};
    vec_clear(&calls->nodes);
    b.known = xcalloc(fold_count(&sum->fold) + 1, sizeof *b.known);
    find_roots(&b);
    /* Most stacks are a node; of a recording's many not more are met than the cells lead to. */
    size_t stacks = fold_count(&sum->fold), likely = CELL_STACKS * sum->cells.n;
    map_reserve(&b.index, stacks < likely ? stacks : likely);
    for (size_t i = 0; i < sum->cells.n; i++)
        if (cell_counts(&sum->cells.at[i], query->filter.states))
            add_cell(&b, &sum->cells.at[i]);
    finish(&b);
    free(b.known);
    free(b.is_root);
    map_free(&b.index);
    vec_free(&b.path);
}

void calls_clear(struct calls *calls)
{
    vec_free(&calls->nodes);
}
