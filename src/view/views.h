/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The views, one file each; views.c lists them in the order of the screens' tabs.
 */
#ifndef VIEW_VIEWS_H
#define VIEW_VIEWS_H

#include "view/table.h"

extern const struct view functions_view;
extern const struct view lines_view;
extern const struct view tree_view;
extern const struct view waits_view;
extern const struct view threads_view;
extern const struct view processes_view;
extern const struct view timeline_view;
extern const struct view memory_view;
extern const struct view objects_view;
extern const struct view alerts_view;
extern const struct view summary_view;

#endif
