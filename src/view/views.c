/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry of views: a row here is a VIEW of `report --view`. See table.h. */
#include "view/views.h"

#include <string.h>

const struct view *const views[] = {
    &functions_view, &lines_view,   &tree_view,     &waits_view,  &threads_view, &processes_view,
    &memory_view,    &objects_view, &timeline_view, &alerts_view, &summary_view,
};
const size_t view_count = sizeof views / sizeof views[0];

const struct view *view_by_name(const char *name)
{
    for (size_t i = 0; i < view_count; i++)
        if (strcmp(views[i]->name, name) == 0)
            return views[i];
    return NULL;
}
