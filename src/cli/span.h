/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Times as people write them on the command line, as a window over a recording.
 */
#ifndef CLI_SPAN_H
#define CLI_SPAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/window.h"

/* Seconds from the recording's start ("12.5"), or a wall clock in the local time zone ("14:02:10",
 * "14:02") on the recording's first day, or on a later one that it covers. */
bool span_time(uint64_t *time_ns, const struct recording *rec, const char *text, struct err *err);
/* from, to: NULL is the recording's start and its end. Fails where nothing lies between them; then
 * *usage says whether what was written is at fault, and not what the recording holds. */
bool span_window(struct window *window, const struct recording *rec, const char *from,
                 const char *to, bool *usage, struct err *err);

#endif
