/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See flame.h. */
#include "view/flame.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "view/calls.h"
#include "view/draw_table.h"
#include "view/rows.h"

#define NAMED_MAX 3 /* of what is merged, the widest are named */

struct layout {
    struct flame *f;
    const struct recording *rec;
    struct calls calls;
    uint8_t *matches;       /* by node: it, or something below it, matches; NULL: no search */
    VEC(uint32_t) nodes;    /* by box: its node, CALLS_NONE for the whole and for merged ones */
    VEC(uint32_t) children; /* of the box at hand */
    const struct flame_path *zoom;
};

static void turn_round(struct flame_path *path)
{
    for (size_t i = 0; i < path->keys.n / 2; i++) {
        uint64_t swap = path->keys.at[i];
        path->keys.at[i] = path->keys.at[path->keys.n - 1 - i];
        path->keys.at[path->keys.n - 1 - i] = swap;
    }
}

enum { MATCH_SELF = 1, MATCH_BELOW = 2 };

static uint32_t put_text(struct flame *f, const char *text)
{
    size_t at = f->texts.n, size = strlen(text) + 1;
    vec_append(&f->texts, text, size);
    text_make_printable(f->texts.at + at);
    return (uint32_t)at;
}

static const struct call_node *node_at(const struct layout *l, uint32_t n)
{
    return &l->calls.nodes.at[n];
}

/* The numbers of the nodes below a box are [first, the result). */
static uint32_t nodes_below(struct layout *l, uint32_t box, uint32_t *first)
{
    uint32_t n = l->nodes.at[box];
    *first = 0;
    if (n == CALLS_NONE)
        return l->calls.n_roots;
    calls_open(&l->calls, n);
    *first = node_at(l, n)->first_child;
    return *first + node_at(l, n)->n_children;
}

static uint8_t match_of(const struct layout *l, uint32_t n)
{
    return l->matches ? l->matches[n] : 0;
}

static bool function_matches(const struct recording *rec, struct function_id f, const char *search)
{
    char place[256];
    return text_matches(rows_function_name(rec, f), search) ||
           text_matches(rows_place(place, sizeof place, rec, f, 0), search);
}

static void find_matches(struct layout *l, const char *search)
{
    if (!search || !*search)
        return;
    calls_open_all(&l->calls);
    l->matches = xcalloc(l->calls.nodes.n + 1, 1);
    uint8_t *known = xcalloc(l->rec->words.functions.n + 1, 1); /* 1: no, 2: yes */
    uint8_t *under = xcalloc(l->calls.nodes.n + 1, 1);
    for (uint32_t i = 0; i < l->calls.nodes.n; i++) {
        const struct call_node *node = node_at(l, i);
        uint8_t *is = &known[node->function.n];
        if (!*is)
            *is = function_matches(l->rec, node->function, search) ? 2 : 1;
        bool above = node->parent != CALLS_NONE && under[node->parent];
        under[i] = above || *is == 2;
        if (*is != 2)
            continue;
        l->matches[i] = MATCH_SELF;
        l->f->n_matches++;
        if (!above)
            l->f->match_ns += node->total_ns;
    }
    for (uint32_t i = (uint32_t)l->calls.nodes.n; i-- > 0;)
        if (l->matches[i] && node_at(l, i)->parent != CALLS_NONE)
            l->matches[node_at(l, i)->parent] |= MATCH_BELOW;
    free(known);
    free(under);
}

/* The share of its parent in steps that equal shares (a half, a third ...) do not lie near. */
static int size_class(uint64_t part, uint64_t whole)
{
    double limit = 0.7, share = (double)part / (double)whole;
    int class = 0;
    for (; class < 24 && share < limit; class ++)
        limit *= 0.61;
    return class;
}

struct sort_by {
    const struct layout *l;
    uint64_t whole_ns;
};

static int by_size(const void *x, const void *y, void *arg)
{
    const struct sort_by *by = arg;
    const struct call_node *a = node_at(by->l, *(const uint32_t *)x);
    const struct call_node *b = node_at(by->l, *(const uint32_t *)y);
    int order = size_class(a->total_ns, by->whole_ns) - size_class(b->total_ns, by->whole_ns);
    if (!order)
        order = strcmp(rows_function_name(by->l->rec, a->function),
                       rows_function_name(by->l->rec, b->function));
    return order ? order : a->key < b->key ? -1 : a->key > b->key;
}

static struct flame_box *add_box(struct layout *l, uint32_t parent, uint32_t node, int column,
                                 int width)
{
    struct flame_box *box = vec_add(&l->f->boxes);
    vec_push(&l->nodes, node);
    box->parent = parent;
    box->column = column;
    box->width = width;
    box->row = parent == FLAME_NONE ? 0 : l->f->boxes.at[parent].row + 1;
    if (box->row >= l->f->rows)
        l->f->rows = box->row + 1;
    if (parent != FLAME_NONE) {
        struct flame_box *p = &l->f->boxes.at[parent];
        if (!p->n_children++)
            p->first_child = (uint32_t)l->f->boxes.n - 1;
    }
    return box;
}

static void add_node(struct layout *l, uint32_t parent, uint32_t n, int column, int width)
{
    const struct call_node *node = node_at(l, n);
    const struct function *fn = function_at(&l->rec->words, node->function);
    struct flame_box *box = add_box(l, parent, n, column, width);
    char place[1024];
    const char *file = string_text(&l->rec->words, fn->file);
    uint32_t line = fn->line ? fn->line : node->line;
    if (*file && line)
        snprintf(place, sizeof place, "%s:%u", file, line);
    else
        snprintf(place, sizeof place, "%s", *file ? file : module_path(&l->rec->words, fn->module));
    box->key = node->key;
    box->function_key = rows_function_key(l->rec, node->function);
    box->total_ns = node->total_ns;
    box->self_ns = node->self_ns;
    box->wait_ns = node->wait_ns;
    box->language = node->function.n ? fn->language : (uint8_t)LANGUAGE_NATIVE;
    box->match = match_of(l, n) & MATCH_SELF;
    box->name = put_text(l->f, rows_function_name(l->rec, node->function));
    box->place = put_text(l->f, place);
}

/* The sum of children [from, n). */
static void add_merged(struct layout *l, uint32_t parent, size_t from, int column, int width)
{
    char names[512];
    struct text t = TEXT(names);
    struct flame_box *box = add_box(l, parent, CALLS_NONE, column, width);
    box->key = hash_mix(l->f->boxes.at[parent].key, UINT64_MAX);
    box->merged = (uint32_t)(l->children.n - from);
    text_add(&t, "%u box%s too narrow to draw: ", box->merged, box->merged == 1 ? "" : "es");
    for (size_t i = from; i < l->children.n; i++) {
        const struct call_node *node = node_at(l, l->children.at[i]);
        box->total_ns += node->total_ns;
        box->wait_ns += node->wait_ns;
        box->match |= match_of(l, l->children.at[i]) != 0;
        if (i < from + NAMED_MAX)
            text_add(&t, "%s%.100s", i > from ? ", " : "",
                     rows_function_name(l->rec, node->function));
    }
    if (box->merged > NAMED_MAX)
        text_add(&t, " and more");
    box->name = put_text(l->f, names);
    box->place = put_text(l->f, "");
}

/* Which of the nodes [first, end) below a box is on the way to the zoom, CALLS_NONE if none is. */
static uint32_t on_the_way(const struct layout *l, uint32_t box, uint32_t first, uint32_t end)
{
    size_t depth = (size_t)l->f->boxes.at[box].row;
    if (!l->zoom || depth >= l->zoom->keys.n)
        return CALLS_NONE;
    for (uint32_t i = first; i < end; i++)
        if (node_at(l, i)->key == l->zoom->keys.at[depth])
            return i;
    return CALLS_NONE;
}

/* The columns of the children in l->children, of which `kept` have boxes of their own. */
static void place_children(struct layout *l, uint32_t box, size_t kept)
{
    struct flame_box b = l->f->boxes.at[box];
    double scale = (double)b.width / (double)b.total_ns;
    uint64_t sum_ns = 0, rest_ns = 0;
    size_t widest = 0;
    for (size_t i = kept; i < l->children.n; i++)
        rest_ns += node_at(l, l->children.at[i])->total_ns;
    int at = 0, rest = 0, taken = 0;
    for (size_t i = 0; i < kept; i++) {
        sum_ns += node_at(l, l->children.at[i])->total_ns;
        if (node_at(l, l->children.at[i])->total_ns > node_at(l, l->children.at[widest])->total_ns)
            widest = i;
    }
    if (rest_ns) {
        int end = (int)lround((double)sum_ns * scale);
        rest = (int)lround((double)(sum_ns + rest_ns) * scale) - end;
        /* At least a column, from the widest where the parent has none left. */
        if (rest < 1) {
            rest = 1;
            taken = end + 1 > b.width;
        }
    }
    sum_ns = 0;
    for (size_t i = 0; i < kept; i++) {
        sum_ns += node_at(l, l->children.at[i])->total_ns;
        int end = (int)lround((double)sum_ns * scale) - (taken && i >= widest);
        add_node(l, box, l->children.at[i], b.column + at, end - at);
        at = end;
    }
    if (rest)
        add_merged(l, box, kept, b.column + at, rest);
}

static void lay_children(struct layout *l, uint32_t box)
{
    struct flame_box *b = &l->f->boxes.at[box];
    if (b->merged)
        return;
    uint32_t first, end = nodes_below(l, box, &first);
    uint32_t way = l->f->zoom == box ? on_the_way(l, box, first, end) : CALLS_NONE;
    if (way != CALLS_NONE) {
        add_node(l, box, way, b->column, b->width);
        l->f->zoom = (uint32_t)l->f->boxes.n - 1;
        return;
    }
    vec_clear(&l->children);
    for (uint32_t i = first; i < end; i++)
        vec_push(&l->children, i);
    if (!l->children.n)
        return;
    struct sort_by by = {l, b->total_ns};
    qsort_r(l->children.at, l->children.n, sizeof *l->children.at, by_size, &by);
    /* Those with a box of their own first, in their order. */
    size_t kept = 0;
    for (size_t i = 0; i < l->children.n; i++) {
        uint32_t child = l->children.at[i];
        if ((double)node_at(l, child)->total_ns * b->width <
            (double)b->total_ns * (FLAME_LEAST - 1e-9))
            continue;
        memmove(&l->children.at[kept + 1], &l->children.at[kept],
                (i - kept) * sizeof *l->children.at);
        l->children.at[kept++] = child;
    }
    place_children(l, box, kept);
}

/* What was asked for by its function: the way to the node of it that has the most time. */
static void find_function(struct layout *l, const struct flame_ask *ask)
{
    const struct call_node *best = NULL;
    if (ask->function_key)
        calls_open_all(&l->calls);
    for (uint32_t i = 0; ask->function_key && i < l->calls.nodes.n; i++) {
        const struct call_node *node = node_at(l, i);
        if ((!best || node->total_ns > best->total_ns) &&
            rows_function_key(l->rec, node->function) == ask->function_key)
            best = node;
    }
    if (!best)
        return;
    vec_clear(&ask->found->keys);
    for (; best; best = best->parent == CALLS_NONE ? NULL : node_at(l, best->parent))
        vec_push(&ask->found->keys, best->key);
    turn_round(ask->found);
}

void flame_fill(struct flame *f, const struct query *query, const struct flame_ask *ask)
{
    struct query q = *query;
    q.direction = CALLS_DOWN;
    struct table head = {0};
    struct window_sum sum;
    rows_sum_stacks(&head, &q, &sum);
    vec_clear(&f->boxes);
    vec_clear(&f->texts);
    f->zoom = f->n_matches = 0;
    f->rows = 0;
    f->match_ns = 0;
    f->whole_ns = head.whole_ns;
    f->idle_pct = head.idle_pct;
    struct layout l = {.f = f, .rec = q.rec, .zoom = ask->zoom};
    calls_begin(&l.calls, &q, &sum);
    find_matches(&l, ask->search);
    find_function(&l, ask);

    uint64_t total_ns = 0, wait_ns = 0;
    for (uint32_t i = 0; i < l.calls.n_roots; i++) {
        total_ns += node_at(&l, i)->total_ns;
        wait_ns += node_at(&l, i)->wait_ns;
    }
    if (total_ns && ask->columns > 0) {
        struct flame_box *box = add_box(&l, FLAME_NONE, CALLS_NONE, 0, ask->columns);
        box->total_ns = total_ns;
        box->wait_ns = wait_ns;
        box->name = put_text(f, "all");
        box->place = put_text(f, "");
        for (uint32_t i = 0; i < f->boxes.n; i++) /* grows */
            lay_children(&l, i);
    }
    calls_clear(&l.calls);
    free(l.matches);
    vec_free(&l.nodes);
    vec_free(&l.children);
    window_sum_clear(&sum);
}

void flame_clear(struct flame *f)
{
    vec_free(&f->boxes);
    vec_free(&f->texts);
    memset(f, 0, sizeof *f);
}

const char *flame_text(const struct flame *f, uint32_t offset)
{
    return offset < f->texts.n ? f->texts.at + offset : "";
}

uint32_t flame_find(const struct flame *f, const struct flame_path *path)
{
    if (!f->boxes.n)
        return FLAME_NONE;
    uint32_t at = 0;
    for (size_t i = 0; i < path->keys.n; i++) {
        const struct flame_box *box = &f->boxes.at[at];
        uint32_t child = FLAME_NONE, rest = FLAME_NONE;
        for (uint32_t k = box->first_child; k < box->first_child + box->n_children; k++) {
            if (f->boxes.at[k].key == path->keys.at[i])
                child = k;
            if (f->boxes.at[k].merged)
                rest = k;
        }
        if (child == FLAME_NONE)
            return rest == FLAME_NONE ? at : rest;
        at = child;
    }
    return at;
}

void flame_path_to(struct flame_path *path, const struct flame *f, uint32_t box)
{
    vec_clear(&path->keys);
    if (box >= f->boxes.n)
        return;
    for (uint32_t at = box; at != 0; at = f->boxes.at[at].parent)
        vec_push(&path->keys, f->boxes.at[at].key);
    turn_round(path);
}

uint32_t flame_row_start(const struct flame *f, int row)
{
    size_t low = 0, high = f->boxes.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->boxes.at[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return (uint32_t)low;
}

uint32_t flame_beside(const struct flame *f, uint32_t box, int step)
{
    if (box >= f->boxes.n || (step < 0 && box == 0))
        return box;
    uint32_t other = step < 0 ? box - 1 : box + 1;
    return other < f->boxes.n && f->boxes.at[other].row == f->boxes.at[box].row ? other : box;
}

uint32_t flame_above(const struct flame *f, uint32_t box)
{
    return box < f->boxes.n && f->boxes.at[box].parent != FLAME_NONE ? f->boxes.at[box].parent
                                                                     : box;
}

uint32_t flame_below(const struct flame *f, uint32_t box)
{
    if (box >= f->boxes.n || !f->boxes.at[box].n_children)
        return box;
    uint32_t first = f->boxes.at[box].first_child, best = first;
    for (uint32_t i = first; i < first + f->boxes.at[box].n_children; i++)
        if (f->boxes.at[i].total_ns > f->boxes.at[best].total_ns)
            best = i;
    return best;
}

uint32_t flame_next_match(const struct flame *f, uint32_t box, int step, bool here)
{
    size_t n = f->boxes.n;
    for (size_t i = here ? 0 : 1; i <= n && n; i++) {
        size_t at = (box + (step > 0 ? i : n * 2 - i)) % n;
        if (f->boxes.at[at].match)
            return (uint32_t)at;
    }
    return FLAME_NONE;
}
