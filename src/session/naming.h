/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worker that names native frames. The front asks for frames by (module, offset); answers
 * come back twice: soon with a name, later with file, line and inlined callers.
 *
 * An answer carries the epoch of its question: after the front has renumbered its frames, answers
 * of the epoch before are dropped and the frames are asked for again.
 */
#ifndef SESSION_NAMING_H
#define SESSION_NAMING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/recording.h"

struct naming;

/* pid: whose files are opened (/proc/PID/root) until naming_ask tells other processes, 0 for those
 * of this machine. debuginfod: debug files that are not there may be fetched from a server. */
struct naming *naming_start(pid_t pid, bool debuginfod);
void naming_stop(struct naming *s);
/* Readable when naming_pump has something to take in. */
int naming_fd(const struct naming *s);
/* Asks for the native frames that the recording has got since the last call, through the files of
 * the processes that it says are there: a module is loaded once for all of them. */
void naming_ask(struct naming *s, const struct recording *rec);
/* The frames were renumbered: what is under way is void, ask anew. */
void naming_restart(struct naming *s);
/* Takes answers into the recording; true if there were any. */
bool naming_pump(struct naming *s, struct recording *rec);
/* Frames whose last answer is still to come. */
size_t naming_pending(const struct naming *s);

#endif
