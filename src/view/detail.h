/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One function seen closely: its hot lines, who calls it, whom it calls, and how its share went
 * over the window. Percents are of the window's whole, as everywhere. Pure.
 */
#ifndef VIEW_DETAIL_H
#define VIEW_DETAIL_H

#include "view/grid.h"
#include "view/table.h"

enum detail_section { DETAIL_LINES, DETAIL_CALLERS, DETAIL_CALLEES, DETAIL_SECTIONS };

struct detail_row {
    struct function_id function; /* the caller, the callee, or the function; valid in the fill */
    uint64_t key;                /* rows_function_key() of it: valid always */
    uint32_t line;
    uint64_t self_ns, total_ns;
    char *name, *place; /* owned: the words' numbers may change when the recording does */
};

#define DETAIL_STEPS 60

struct detail {
    uint64_t key;                                     /* rows_function_key(); 0: nothing is shown */
    char *name, *place, *file;                        /* owned; place with the whole path */
    VEC(struct detail_row) sections[DETAIL_SECTIONS]; /* greatest total first */
    uint64_t self_ns, total_ns, cpu_ns, wait_ns, whole_ns;
    float steps[DETAIL_STEPS]; /* threads in the function, over the window; NAN: not yet */
    float steps_top;
};

/* O(runs in the window x depth of their stacks). Function 0 empties it. */
void detail_fill(struct detail *d, const struct query *query, struct function_id function);
void detail_clear(struct detail *d); /* frees */
/* The function that has this key now; 0 if there is none any more. O(functions). */
struct function_id detail_find(const struct recording *rec, uint64_t key);
size_t detail_count(const struct detail *d);
/* The i-th row over all sections; NULL beyond the last. */
const struct detail_row *detail_at(const struct detail *d, size_t i, enum detail_section *section);

/* Draws it with row `selected` marked (SIZE_MAX: none), scrolled so that it is in sight. `source`
 * may be NULL. Rows are linked as draw_table's are, if `linked`. */
struct detail_look {
    size_t selected;
    bool linked;
    source_line_fn *source;
    void *source_context;
};
void draw_detail(struct grid *g, int row, int column, int width, int height, const struct detail *d,
                 const struct detail_look *look);

#endif
