/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole process held still for a while, for who asks for that (--census-stop): each of its
 * threads is stopped as for a copy (stop.h), and let go at the end. Threads that are blocked are
 * stopped too; a system call that is cut short by that starts again.
 *
 * Invariant: what is held is let go by hold_release, or by our death, however we die (ptrace(2)).
 * All calls come from one thread, and meanwhile no other of ours may trace the process.
 */
#ifndef TARGET_HOLD_H
#define TARGET_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct hold;

/* Stops all threads of the process, those that are started meanwhile too. NULL with err filled: it
 * cannot be held as a whole, and goes on. 20 to 100 us a thread. */
struct hold *hold_process(pid_t pid, struct err *err);
size_t hold_threads(const struct hold *h);
void hold_release(struct hold *h);

#endif
