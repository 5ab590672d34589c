/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The newest figures of a recording as OpenMetrics text (version 1.0.0), for a monitoring system:
 * gauges for the metrics in base units (seconds, bytes, ratios of one), counters for the samples,
 * and the state of the alert rules.
 *
 * The text is also what node_exporter's textfile collector reads (the Prometheus text format
 * 0.0.4): there `# UNIT` and `# EOF` are comments, and a counter, whose family is named without
 * _total, is taken for untyped. No line has a time of its own, which that collector refuses. Pure.
 *
 * Invariant: what is not known now has no line. Texts of the target (its name) are escaped, and
 * printable UTF-8 whatever its bytes are.
 */
#ifndef STORE_OPENMETRICS_H
#define STORE_OPENMETRICS_H

#include <stddef.h>
#include <stdint.h>

#include "model/recording.h"

#define OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* The whole text, '\0' behind it; the caller's (free). rec NULL: no target runs. About 50 us. */
char *openmetrics_print(const struct recording *rec, uint64_t now_ns, size_t *length);

/* A metric's name there ("proftop_cpu_ratio"), its unit ("ratio"; NULL: none), and what its values
 * are multiplied by. */
#define OPENMETRICS_NAME_MAX 64
const char *openmetrics_name(char *out, enum metric metric, const char **unit, double *scale);

#endif
