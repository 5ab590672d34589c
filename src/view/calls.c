/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See calls.h. */
#include "view/calls.h"

#include <stdlib.h>
#include <string.h>

#include "view/rows.h"

/* A stack's time, that of the stacks below it in it. Only those that have some are linked. */
struct call_time {
    uint64_t ns, ticks, wait_ns;
    uint64_t self_ns, self_ticks;
    uint32_t first, next; /* the stacks that it calls; the next of its siblings; 0: none */
};

/* A node is one place of a stack, or several of the same function that were reached the same way.
 * Which stack's time it has: of callers, that of the stack that the function is in. */
struct call_spot {
    uint32_t stack, place, timed;
    uint32_t next; /* of the same node; CALLS_NONE: the last */
};

struct call_function {
    uint64_t key;  /* 0: not yet */
    uint32_t node; /* its last one */
};

static size_t places_of(const struct calls *c, uint32_t stack, const struct place **places)
{
    static const struct place none;
    if (stack)
        return recording_places(c->query->rec, fold_at(c->fold, (struct stack_id){stack})->frame,
                                places);
    *places = &none;
    return 1;
}

static uint64_t function_key(const struct calls *c, struct function_id function)
{
    uint64_t *key = &c->functions[function.n].key;
    if (!*key)
        *key = rows_function_key(c->query->rec, function);
    return *key;
}

/* The child of a function: those of a parent are made one after the other, so a number that was
 * noted for another one is below `first`. */
static uint32_t child_of(struct calls *c, uint32_t parent, uint32_t first,
                         const struct place *place)
{
    uint32_t *noted = &c->functions[place->function.n].node;
    uint32_t n = (uint32_t)c->nodes.n;
    if (*noted >= first && *noted < n && c->nodes.at[*noted].function.n == place->function.n)
        return *noted;
    struct call_node *node = vec_add(&c->nodes);
    uint64_t above = (uint64_t)c->query->direction;
    if (parent != CALLS_NONE) {
        node->depth = c->nodes.at[parent].depth + 1;
        above = c->nodes.at[parent].key;
    }
    node->parent = parent;
    node->function = place->function;
    node->line = place->line;
    node->key = hash_mix(above, function_key(c, place->function));
    node->spots = CALLS_NONE;
    *noted = n;
    return n;
}

static void add_spot(struct calls *c, uint32_t parent, uint32_t first, struct call_spot spot)
{
    const struct place *places;
    places_of(c, spot.stack, &places);
    uint32_t n = child_of(c, parent, first, &places[spot.place]); /* moves the nodes */
    struct call_node *node = &c->nodes.at[n];
    const struct call_time *time = &c->times[spot.timed];
    node->total_ns += time->ns;
    node->total_ticks += time->ticks;
    node->wait_ns += time->wait_ns;
    /* Of callers, what reached the function came through all who called it. */
    if (spot.place == 0 || c->query->direction == CALLS_CALLERS) {
        node->self_ns += time->self_ns;
        node->self_ticks += time->self_ticks;
    }
    spot.next = node->spots;
    node->spots = (uint32_t)c->spots.n;
    vec_push(&c->spots, spot);
}

static void add_outermost(struct calls *c, uint32_t parent, uint32_t first, uint32_t stack)
{
    const struct place *places;
    uint32_t last = (uint32_t)places_of(c, stack, &places) - 1;
    add_spot(c, parent, first, (struct call_spot){stack, last, stack, 0});
}

static void add_caller(struct calls *c, uint32_t node, uint32_t first, struct call_spot spot)
{
    const struct place *places;
    if (++spot.place == places_of(c, spot.stack, &places)) {
        spot.stack = fold_at(c->fold, (struct stack_id){spot.stack})->parent.n;
        spot.place = 0;
    }
    if (spot.stack)
        add_spot(c, node, first, spot);
}

static void add_callees(struct calls *c, uint32_t node, uint32_t first, struct call_spot spot)
{
    if (spot.place > 0) {
        spot.place--;
        add_spot(c, node, first, spot);
    } else if (spot.stack) {
        for (uint32_t s = c->times[spot.stack].first; s; s = c->times[s].next)
            add_outermost(c, node, first, s);
    }
}

void calls_open(struct calls *c, uint32_t node)
{
    if (c->nodes.at[node].open)
        return;
    uint32_t first = (uint32_t)c->nodes.n;
    for (uint32_t i = c->nodes.at[node].spots; i != CALLS_NONE;) {
        struct call_spot spot = c->spots.at[i]; /* they move */
        i = spot.next;
        if (c->query->direction == CALLS_CALLERS)
            add_caller(c, node, first, spot);
        else
            add_callees(c, node, first, spot);
    }
    struct call_node *opened = &c->nodes.at[node];
    opened->open = true;
    opened->first_child = first;
    opened->n_children = (uint32_t)c->nodes.n - first;
}

void calls_open_all(struct calls *c)
{
    for (uint32_t i = 0; i < c->nodes.n; i++) /* grows */
        calls_open(c, i);
}

/* By function, which ones the tree is about: there may be several of one name. To be freed. */
static uint8_t *find_roots(const struct query *q)
{
    size_t n = q->rec->words.functions.n;
    uint8_t *is_root = xcalloc(n + 1, 1);
    for (uint32_t i = 1; i < n; i++) {
        struct function_id f = {i};
        is_root[i] = q->root_name ? strcmp(rows_function_name(q->rec, f), q->root_name) == 0
                                  : rows_function_key(q->rec, f) == q->root_key;
    }
    return is_root;
}

/* is_root: NULL if the tree begins with the stacks' outermost places. */
static void sum_times(struct calls *c, const struct window_sum *sum, const uint8_t *is_root)
{
    bool callers = c->query->direction == CALLS_CALLERS;
    for (size_t i = 0; i < sum->cells.n; i++) {
        const struct cell *cell = &sum->cells.at[i];
        struct call_time *time = &c->times[cell->stack.n];
        if (!cell_counts(cell, c->query->filter.states))
            continue;
        time->ns += cell->ns;
        time->ticks += cell->ticks;
        time->wait_ns += cell->state != STATE_RUNNING ? cell->ns : 0;
        if (!callers || is_root[rows_self_place(c->fold, cell->stack).function.n]) {
            time->self_ns += cell->ns;
            time->self_ticks += cell->ticks;
        }
    }
    for (size_t i = fold_count(c->fold); i-- > 1;) { /* a parent has the smaller number */
        struct call_time *time = &c->times[i];
        uint32_t above = fold_at(c->fold, (struct stack_id){(uint32_t)i})->parent.n;
        struct call_time *parent = &c->times[above];
        if (!time->ns)
            continue;
        time->next = parent->first;
        parent->first = (uint32_t)i;
        if (!above) /* what has no stack calls nobody */
            continue;
        parent->ns += time->ns;
        parent->ticks += time->ticks;
        parent->wait_ns += time->wait_ns;
        if (callers) {
            parent->self_ns += time->self_ns;
            parent->self_ticks += time->self_ticks;
        }
    }
}

/* Each stack's outermost place of a function that the tree is about. */
static void add_roots_within(struct calls *c, const uint8_t *is_root)
{
    size_t n = fold_count(c->fold);
    uint8_t *inside = xcalloc(n + 1, 1); /* by stack: it has one, or a caller of it has */
    for (uint32_t s = 1; s < n; s++) {
        const struct place *places;
        inside[s] = inside[fold_at(c->fold, (struct stack_id){s})->parent.n];
        uint32_t i = inside[s] || !c->times[s].ns ? 0 : (uint32_t)places_of(c, s, &places);
        while (i-- > 0 && !inside[s]) {
            if (is_root[places[i].function.n]) {
                add_spot(c, CALLS_NONE, 0, (struct call_spot){s, i, s, 0});
                inside[s] = 1;
            }
        }
    }
    free(inside);
}

void calls_begin(struct calls *c, const struct query *query, const struct window_sum *sum)
{
    *c = (struct calls){.query = query, .fold = &sum->fold};
    c->times = xcalloc(fold_count(c->fold) + 1, sizeof *c->times);
    c->functions = xcalloc(query->rec->words.functions.n + 1, sizeof *c->functions);
    if (query->direction == CALLS_DOWN) {
        sum_times(c, sum, NULL);
        if (c->times[0].ns)
            add_spot(c, CALLS_NONE, 0, (struct call_spot){0});
        for (uint32_t s = c->times[0].first; s; s = c->times[s].next)
            add_outermost(c, CALLS_NONE, 0, s);
    } else {
        uint8_t *is_root = find_roots(query);
        sum_times(c, sum, is_root);
        add_roots_within(c, is_root);
        free(is_root);
    }
    c->n_roots = (uint32_t)c->nodes.n;
}

void calls_clear(struct calls *c)
{
    vec_free(&c->nodes);
    vec_free(&c->spots);
    free(c->times);
    free(c->functions);
}
