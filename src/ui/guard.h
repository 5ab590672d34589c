/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Giving the terminal back when there is no time for manners: a byte string prepared beforehand
 * and the terminal's modes as they were, written by a signal handler, or by a small child process
 * that outlives us when we are killed with SIGKILL. No curses here. The front's thread prepares;
 * guard_restore may be called anywhere.
 */
#ifndef UI_GUARD_H
#define UI_GUARD_H

#include <stddef.h>

/* Remembers the modes of the terminal on fd as they are now. Call before anything changes them. */
void guard_remember(int fd);
/* Starts watching: `bytes` put the terminal right. Call once the modes are ours. Forks. */
void guard_start(const char *bytes, size_t n);
/* The terminal was given back in the ordinary way: the child goes, quietly. */
void guard_stop(void);
/* Writes the bytes, sets the modes back, sends the child home. Async-signal-safe, idempotent. */
void guard_restore(void);

#endif
