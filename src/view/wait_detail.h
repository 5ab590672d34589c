/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One row of the waits seen closely, as lines of text: who waits and where, and for a lock its
 * holder, what that does meanwhile, and along the chain of holders the root blocker. Pure.
 */
#ifndef VIEW_WAIT_DETAIL_H
#define VIEW_WAIT_DETAIL_H

#include "view/table.h"
#include "view/text_lines.h"

/* key: of the row of the waits view. Says so where there is none such any more. O(runs). */
void wait_detail_fill(struct text_lines *d, const struct query *query, uint64_t key);

#endif
