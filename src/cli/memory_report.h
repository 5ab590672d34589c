/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `report --view memory` has besides rows: the pattern of the memory over the window, as the
 * JSON's "memory" object (contract.md) and as words and a table for people.
 */
#ifndef CLI_MEMORY_REPORT_H
#define CLI_MEMORY_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "view/table.h"

/* A new reference. What is not known is null. */
json_t *memory_report_json(const struct query *query, struct window w);
/* columns as of print_table. */
void memory_report_put(FILE *out, const struct query *query, int columns);

#endif
