/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a session tells a monitoring system: its newest figures and alerts as OpenMetrics text
 * (store/openmetrics.h), in a file that is written anew every FLEET_WRITE_NS (for node_exporter's
 * textfile collector) and on a port (GET /metrics, http.h). The front's thread; nothing here waits
 * but for a write to the file, which is not synced.
 */
#ifndef SESSION_FLEET_H
#define SESSION_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "model/recording.h"

#define FLEET_WRITE_NS (5 * NS_PER_S)

struct fleet;
struct fleet *fleet_new(struct err *err);
/* Each at most once. Fails where the file cannot be written, or the port (as http_parse_address has
 * it) cannot be had; the other one is then what it was. */
bool fleet_write(struct fleet *fleet, const char *file, struct err *err);
bool fleet_listen(struct fleet *fleet, const char *address, struct err *err);
/* Also removes the file, so that old figures are not taken for new ones. */
void fleet_free(struct fleet *fleet);

/* Where the figures are served; NULL: nowhere. Borrowed. */
const char *fleet_url(const struct fleet *fleet);
/* Readable (poll) when fleet_step has something to do. */
int fleet_fd(const struct fleet *fleet);
/* Answers requests, and writes the file when it is due. rec NULL: no target runs now. A file that
 * cannot be written any more is told once (log_note), and tried again the next time. */
void fleet_step(struct fleet *fleet, const struct recording *rec, uint64_t now_ns);

#endif
