/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `report --view objects` has besides rows: the census that they are of, and how far it can be
 * trusted.
 */
#ifndef CLI_OBJECTS_REPORT_H
#define CLI_OBJECTS_REPORT_H

#include <jansson.h>
#include <stdio.h>

#include "view/table.h"

/* A new reference; null where nothing was counted. */
json_t *objects_report_json(const struct query *query);
/* A line, where something was. */
void objects_report_put(FILE *out, const struct query *query);

#endif
