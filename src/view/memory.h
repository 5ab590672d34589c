/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the memory is made of, as a table for people: a row a kind, beside the memory view's rows of
 * growth sites (views.h). Filled as a view is (table_fill), but not in views[]: it is part of the
 * Memory screen and of what `report --view memory` prints for people. Pure.
 */
#ifndef VIEW_MEMORY_H
#define VIEW_MEMORY_H

#include "view/table.h"

/* What the newest look for what stays cannot tell, or why it has no rows: lines of at most 78
 * columns. Their number. */
#define MEMORY_NOTES_MAX 5
size_t memory_growth_notes(const struct query *query, const char *out[MEMORY_NOTES_MAX]);

extern const struct view memory_parts_view;

#endif
