/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proftop record --ring: the flight recorder. Runs unattended: keeps the last minutes in memory,
 * and writes them when an alert is raised, when it is asked to (SIGUSR1), when the target ends and
 * when it is ended itself. A target that is told by name or by pid file may come later, end and
 * return.
 */
#ifndef CLI_RING_H
#define CLI_RING_H

#include "cli/options.h"

/* The verb, with o->ring_ns; an exit status. */
int ring_record(const struct options *o);

#endif
