/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tracepoints of the kernel as tracefs describes them: the number that perf_event_open wants, and
 * where in an event's bytes a field lies. Both differ between kernels and are read, never assumed.
 * Any thread.
 */
#ifndef TARGET_TRACEPOINT_H
#define TARGET_TRACEPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tracepoint {
    uint32_t id;
    uint32_t offset, size; /* of the field, in the event's raw bytes; size is 1, 2, 4 or 8 */
    bool is_signed;
};

/* Takes apart the text of an event's "format" file, looking for that field. false: err says what is
 * missing, or makes no sense. */
bool tracepoint_parse(const char *text, const char *field, struct tracepoint *out, struct err *err);
/* An event by its folder under events/, as "syscalls/sys_exit_brk". false: err has the remedy. */
bool tracepoint_find(const char *event, const char *field, struct tracepoint *out, struct err *err);
/* The field's value in an event of n bytes; false: it is shorter than that. */
bool tracepoint_value(const struct tracepoint *t, const uint8_t *raw, size_t n, int64_t *value);

#endif
