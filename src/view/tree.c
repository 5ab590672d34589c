/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The call tree: who called what, from the threads' outermost frames down. Rows come depth first,
 * the hottest child first; `name` is plain, whoever draws it indents by row.depth.
 *
 * Invariant: a node's parent has a smaller number. With a limit the hottest nodes stay: as a parent
 * has at least its children's time, what stays is a tree. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "view/rows.h"
#include "view/views.h"

enum tree_column {
    COL_TOTAL_PCT,
    COL_SELF_PCT,
    COL_NAME,
    COL_PLACE,
    COL_TOTAL_SAMPLES,
    COL_SELF_SAMPLES,
    COL_DEPTH,
    COL_PARENT,
    COL_MODULE,
    COL_FILE,
    COL_LINE,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_TOTAL_PCT] = {"total_pct", "TOTAL%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    [COL_SELF_PCT] = {"self_pct", "SELF%", FORMAT_PCT, 6, 80, COLUMN_SCREEN, false},
    [COL_NAME] = {"name", "FUNCTION", FORMAT_TEXT, 36, 80, COLUMN_BOTH, false},
    [COL_PLACE] = {"place", "FILE:LINE", FORMAT_PATH, 16, 80, COLUMN_SCREEN, false},
    [COL_TOTAL_SAMPLES] = {"total_samples", "SAMPLES", FORMAT_COUNT, 9, 120, COLUMN_BOTH, true},
    [COL_SELF_SAMPLES] = {"self_samples", NULL, FORMAT_COUNT, 0, 0, COLUMN_DATA, true},
    [COL_DEPTH] = {"depth", NULL, FORMAT_COUNT, 0, 0, COLUMN_DATA, true},
    [COL_PARENT] = {"parent", NULL, FORMAT_ID, 0, 0, COLUMN_DATA, true},
    [COL_MODULE] = {"module", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [COL_FILE] = {"file", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [COL_LINE] = {"line", NULL, FORMAT_ID, 0, 0, COLUMN_DATA, true},
};

#define NO_NODE UINT32_MAX

struct node {
    uint32_t parent; /* NO_NODE: a root */
    uint32_t depth;
    struct function_id function;
    uint32_t line; /* one that was seen */
    uint64_t self_ns, total_ns, self_ticks, total_ticks;
    uint64_t key;
    uint32_t first_child, n_children; /* of those shown: in `order` */
    bool folded, shown, parent_of_any;
};

struct tree {
    const struct query *query;
    VEC(struct node) nodes;
    VEC(uint32_t) order; /* the shown nodes, siblings together and in their order */
    uint32_t n_roots;    /* the first ones of `order` */
};

struct tree_build {
    struct tree *tree;
    uint32_t *stack_node; /* by stack: its node + 1, 0 not yet */
    struct map index;     /* (parent + 1, function) -> node */
    VEC(struct stack_id) path;
};

static uint32_t child_of(struct tree_build *b, uint32_t parent, const struct place *place)
{
    uint64_t key = (uint64_t)(parent + 1) << 32 | place->function.n;
    uint32_t n = map_get(&b->index, key);
    if (n != MAP_NONE)
        return n;
    n = (uint32_t)b->tree->nodes.n;
    struct node *node = vec_add(&b->tree->nodes);
    node->parent = parent;
    node->function = place->function;
    node->line = place->line;
    if (parent != NO_NODE) {
        node->depth = b->tree->nodes.at[parent].depth + 1;
        b->tree->nodes.at[parent].parent_of_any = true;
    }
    map_add(&b->index, key, n);
    return n;
}

/* The node that a stack ends in; each stack is walked once. */
static uint32_t node_of(struct tree_build *b, const struct fold *fold, struct stack_id stack)
{
    const struct recording *rec = b->tree->query->rec;
    if (!stack.n)
        return child_of(b, NO_NODE, &(struct place){0});
    vec_clear(&b->path);
    struct stack_id s = stack;
    for (; s.n && !b->stack_node[s.n]; s = fold_at(fold, s)->parent)
        vec_push(&b->path, s);
    uint32_t node = s.n ? b->stack_node[s.n] - 1 : NO_NODE;
    for (size_t i = b->path.n; i-- > 0;) {
        const struct place *places;
        size_t n = recording_places(rec, fold_at(fold, b->path.at[i])->frame, &places);
        while (n-- > 0)
            node = child_of(b, node, &places[n]);
        b->stack_node[b->path.at[i].n] = node + 1;
    }
    return node;
}

static void tree_build(struct tree *tree, const struct window_sum *sum)
{
    struct tree_build b = {.tree = tree};
    b.stack_node = xcalloc(fold_count(&sum->fold), sizeof *b.stack_node);
    for (size_t i = 0; i < sum->cells.n; i++) {
        const struct cell *cell = &sum->cells.at[i];
        if (!cell_counts(cell, tree->query->filter.states))
            continue;
        uint32_t n = node_of(&b, &sum->fold, cell->stack); /* moves the nodes */
        struct node *node = &tree->nodes.at[n];
        node->self_ns += cell->ns;
        node->self_ticks += cell->ticks;
    }
    for (size_t i = tree->nodes.n; i-- > 0;) {
        struct node *node = &tree->nodes.at[i];
        node->total_ns += node->self_ns;
        node->total_ticks += node->self_ticks;
        if (node->parent != NO_NODE) {
            tree->nodes.at[node->parent].total_ns += node->total_ns;
            tree->nodes.at[node->parent].total_ticks += node->total_ticks;
        }
    }
    free(b.stack_node);
    map_free(&b.index);
    vec_free(&b.path);
}

/* Names each node for the next table, and finds those that no folded row hides. */
static void tree_fold(struct tree *tree)
{
    const struct recording *rec = tree->query->rec;
    const struct map *folded = tree->query->folded;
    uint64_t *keys = xcalloc(rec->words.functions.n, sizeof *keys); /* 0: not yet */
    for (size_t i = 0; i < tree->nodes.n; i++) {
        struct node *node = &tree->nodes.at[i];
        const struct node *parent = node->parent == NO_NODE ? NULL : &tree->nodes.at[node->parent];
        uint64_t *key = &keys[node->function.n];
        if (!*key)
            *key = rows_function_key(rec, node->function);
        node->key = hash_mix(parent ? parent->key : 0, *key);
        node->shown = !parent || (parent->shown && !parent->folded);
        node->folded = folded && node->parent_of_any && map_get(folded, node->key) != MAP_NONE;
    }
    free(keys);
}

static int hotter(const void *x, const void *y, void *arg)
{
    const struct tree *tree = arg;
    uint32_t i = *(const uint32_t *)x, j = *(const uint32_t *)y;
    const struct node *a = &tree->nodes.at[i], *b = &tree->nodes.at[j];
    if (a->total_ns != b->total_ns)
        return a->total_ns > b->total_ns ? -1 : 1;
    return i < j ? -1 : i > j;
}

static void tree_choose(struct tree *tree)
{
    for (uint32_t i = 0; i < tree->nodes.n; i++)
        if (tree->nodes.at[i].shown)
            vec_push(&tree->order, i);
    size_t limit = tree->query->limit;
    if (!limit || tree->order.n <= limit)
        return;
    qsort_r(tree->order.at, tree->order.n, sizeof *tree->order.at, hotter, tree);
    for (size_t i = limit; i < tree->order.n; i++)
        tree->nodes.at[tree->order.at[i]].shown = false;
    tree->order.n = limit;
}

static int by_name(const struct tree *tree, const struct node *a, const struct node *b)
{
    const struct recording *rec = tree->query->rec;
    int order = strcmp(rows_function_name(rec, a->function), rows_function_name(rec, b->function));
    return order ? order : a->key < b->key ? -1 : a->key > b->key;
}

/* Roots first, then the children of each node together; siblings as the query sorts them. */
static int by_parent(const void *x, const void *y, void *arg)
{
    const struct tree *tree = arg;
    const struct node *a = &tree->nodes.at[*(const uint32_t *)x];
    const struct node *b = &tree->nodes.at[*(const uint32_t *)y];
    if (a->parent != b->parent)
        return a->parent + 1 < b->parent + 1 ? -1 : 1;
    const char *sort = tree->query->sort ? tree->query->sort : "";
    int order = 0;
    if (strcmp(sort, "name") == 0)
        order = by_name(tree, a, b);
    else if (strncmp(sort, "self_", 5) == 0)
        order = a->self_ns > b->self_ns ? -1 : a->self_ns < b->self_ns;
    else
        order = a->total_ns > b->total_ns ? -1 : a->total_ns < b->total_ns;
    if (tree->query->invert)
        order = -order;
    return order ? order : by_name(tree, a, b);
}

static void tree_order(struct tree *tree)
{
    if (tree->order.n > 1)
        qsort_r(tree->order.at, tree->order.n, sizeof *tree->order.at, by_parent, tree);
    for (uint32_t i = 0; i < tree->order.n; i++) {
        const struct node *node = &tree->nodes.at[tree->order.at[i]];
        if (node->parent == NO_NODE) {
            tree->n_roots++;
            continue;
        }
        struct node *parent = &tree->nodes.at[node->parent];
        if (!parent->n_children++)
            parent->first_child = i;
    }
}

static void add_node(struct table *table, const struct tree *tree, const struct node *node,
                     uint32_t parent_row)
{
    const struct recording *rec = tree->query->rec;
    const struct function *f = function_at(&rec->words, node->function);
    uint32_t line = f->line ? f->line : node->line;
    char place[256];

    struct row *row = table_add_row(table);
    row->key = node->key;
    row->function = node->function;
    row->place = (struct place){node->function, node->line ? node->line : f->line};
    row->depth = node->depth;
    row->parent = parent_row;
    row->has_children = node->folded || node->n_children;
    row->folded = node->folded;

    table_set_number(table, COL_TOTAL_PCT, rows_pct(node->total_ns, table->whole_ns));
    table_set_number(table, COL_SELF_PCT, rows_pct(node->self_ns, table->whole_ns));
    table_set_text(table, COL_NAME, rows_function_name(rec, node->function));
    rows_set_text(table, COL_PLACE, rows_place(place, sizeof place, rec, node->function, line));
    table_set_number(table, COL_TOTAL_SAMPLES, (double)node->total_ticks);
    table_set_number(table, COL_SELF_SAMPLES, (double)node->self_ticks);
    table_set_number(table, COL_DEPTH, node->depth);
    if (parent_row != UINT32_MAX)
        table_set_number(table, COL_PARENT, parent_row);
    rows_set_text(table, COL_MODULE, module_path(&rec->words, f->module));
    rows_set_text(table, COL_FILE, string_text(&rec->words, f->file));
    rows_set_line(table, COL_LINE, line);
}

/* Depth first without recursion: stacks may be thousands deep. */
static void tree_rows(struct table *table, const struct tree *tree)
{
    struct todo {
        uint32_t node, parent_row;
    };
    VEC(struct todo) todo = {0};
    for (uint32_t i = tree->n_roots; i-- > 0;)
        vec_push(&todo, ((struct todo){tree->order.at[i], UINT32_MAX}));
    while (todo.n) {
        struct todo next = todo.at[--todo.n];
        const struct node *node = &tree->nodes.at[next.node];
        uint32_t row = (uint32_t)table->rows.n;
        add_node(table, tree, node, next.parent_row);
        for (uint32_t i = node->n_children; i-- > 0;)
            vec_push(&todo, ((struct todo){tree->order.at[node->first_child + i], row}));
    }
    vec_free(&todo);
}

static void tree_fill(struct table *table, const struct query *query)
{
    struct window_sum sum;
    rows_sum(table, query, &sum);
    struct tree tree = {.query = query};
    tree_build(&tree, &sum);
    tree_fold(&tree);
    tree_choose(&tree);
    tree_order(&tree);
    tree_rows(table, &tree);
    rows_add_idle(table, query, &sum, COL_NAME);
    vec_free(&tree.nodes);
    vec_free(&tree.order);
    window_sum_clear(&sum);
}

const struct view tree_view = {
    .name = "tree",
    .title = "Tree",
    .columns = columns,
    .n_columns = COL_COUNT,
    .sort = "total_pct",
    .own_order = true,
    .fill = tree_fill,
    .empty = "No samples in this window yet.",
};
