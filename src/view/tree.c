/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The call tree (see calls.h): from the threads' outermost frames down, or about one function. Rows
 * come depth first, the hottest child first; `name` is plain, whoever draws it indents by
 * row.depth.
 *
 * Invariant: with a limit the hottest nodes stay: as a parent has at least its children's time,
 * what stays is a tree. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "view/calls.h"
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

/* What becomes of a node of the calls in the table. */
struct node {
    uint32_t first_child, n_children; /* of those shown: in `order` */
};

struct tree {
    const struct query *query;
    struct calls calls;
    struct node *nodes;  /* one for each of the calls' */
    VEC(uint32_t) hot;   /* a heap: those that may be shown next, the hottest first */
    VEC(uint32_t) order; /* the shown nodes, siblings together and in their order */
    uint32_t n_roots;    /* the first ones of `order` */
};

static const struct call_node *call_at(const struct tree *tree, uint32_t n)
{
    return &tree->calls.nodes.at[n];
}

static bool is_folded(const struct tree *tree, const struct call_node *call)
{
    const struct map *folded = tree->query->folded;
    return folded && call->n_children && map_get(folded, call->key) != MAP_NONE;
}

static bool hotter(const struct tree *tree, uint32_t a, uint32_t b)
{
    uint64_t a_ns = call_at(tree, a)->total_ns, b_ns = call_at(tree, b)->total_ns;
    return a_ns != b_ns ? a_ns > b_ns : a < b;
}

static void hot_push(struct tree *tree, uint32_t n)
{
    size_t at = tree->hot.n;
    vec_push(&tree->hot, n);
    for (; at && hotter(tree, n, tree->hot.at[(at - 1) / 2]); at = (at - 1) / 2)
        tree->hot.at[at] = tree->hot.at[(at - 1) / 2];
    tree->hot.at[at] = n;
}

static uint32_t hot_pop(struct tree *tree)
{
    uint32_t *hot = tree->hot.at, top = hot[0], last = hot[--tree->hot.n];
    size_t at = 0, n = tree->hot.n;
    for (size_t child = 1; child < n; child = 2 * at + 1) {
        child += child + 1 < n && hotter(tree, hot[child + 1], hot[child]);
        if (hotter(tree, last, hot[child]))
            break;
        hot[at] = hot[child];
        at = child;
    }
    hot[at] = last;
    return top;
}

/* Opens the hottest nodes until there are as many as asked for: a child is no hotter than its
 * parent, so none of the others would be among them. */
static void tree_choose(struct tree *tree)
{
    size_t limit = tree->query->limit;
    for (uint32_t i = 0; i < tree->calls.n_roots; i++)
        hot_push(tree, i);
    while (tree->hot.n && (!limit || tree->order.n < limit)) {
        uint32_t n = hot_pop(tree);
        vec_push(&tree->order, n);
        calls_open(&tree->calls, n);
        const struct call_node *call = call_at(tree, n);
        for (uint32_t i = 0; i < call->n_children && !is_folded(tree, call); i++)
            hot_push(tree, call->first_child + i);
    }
    tree->nodes = xcalloc(tree->calls.nodes.n + 1, sizeof *tree->nodes);
}

static int by_name(const struct tree *tree, const struct call_node *a, const struct call_node *b)
{
    const struct recording *rec = tree->query->rec;
    int order = strcmp(rows_function_name(rec, a->function), rows_function_name(rec, b->function));
    return order ? order : a->key < b->key ? -1 : a->key > b->key;
}

/* Roots first, then the children of each node together; siblings as the query sorts them. */
static int by_parent(const void *x, const void *y, void *arg)
{
    const struct tree *tree = arg;
    const struct call_node *a = call_at(tree, *(const uint32_t *)x);
    const struct call_node *b = call_at(tree, *(const uint32_t *)y);
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
        uint32_t above = call_at(tree, tree->order.at[i])->parent;
        if (above == CALLS_NONE) {
            tree->n_roots++;
            continue;
        }
        struct node *parent = &tree->nodes[above];
        if (!parent->n_children++)
            parent->first_child = i;
    }
}

static void add_node(struct table *table, const struct tree *tree, uint32_t n, uint32_t parent_row)
{
    const struct recording *rec = tree->query->rec;
    const struct call_node *call = call_at(tree, n);
    const struct function *f = function_at(&rec->words, call->function);
    uint32_t line = f->line ? f->line : call->line;
    char place[256];

    struct row *row = table_add_row(table);
    row->key = call->key;
    row->function = call->function;
    row->place = (struct place){call->function, call->line ? call->line : f->line};
    row->depth = call->depth;
    row->parent = parent_row;
    row->folded = is_folded(tree, call);
    row->has_children = row->folded || tree->nodes[n].n_children;

    table_set_number(table, COL_TOTAL_PCT, rows_pct(call->total_ns, table->whole_ns));
    table_set_number(table, COL_SELF_PCT, rows_pct(call->self_ns, table->whole_ns));
    table_set_text(table, COL_NAME, rows_function_name(rec, call->function));
    rows_set_text(table, COL_PLACE, rows_place(place, sizeof place, rec, call->function, line));
    table_set_number(table, COL_TOTAL_SAMPLES, (double)call->total_ticks);
    table_set_number(table, COL_SELF_SAMPLES, (double)call->self_ticks);
    table_set_number(table, COL_DEPTH, call->depth);
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
        const struct node *node = &tree->nodes[next.node];
        uint32_t row = (uint32_t)table->rows.n;
        add_node(table, tree, next.node, next.parent_row);
        for (uint32_t i = node->n_children; i-- > 0;)
            vec_push(&todo, ((struct todo){tree->order.at[node->first_child + i], row}));
    }
    vec_free(&todo);
}

static void tree_fill(struct table *table, const struct query *query)
{
    struct window_sum sum;
    rows_sum_stacks(table, query, &sum);
    struct tree tree = {.query = query};
    calls_begin(&tree.calls, query, &sum);
    tree_choose(&tree);
    tree_order(&tree);
    tree_rows(table, &tree);
    if (query->direction == CALLS_DOWN)
        rows_add_idle(table, query, &sum, COL_NAME);
    calls_clear(&tree.calls);
    free(tree.nodes);
    vec_free(&tree.hot);
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
    .empty = "No samples in this window.",
};
