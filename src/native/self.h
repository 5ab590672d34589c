/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * This very program, executed anew as a child for work that may crash, hang or fill memory: it
 * inherits no memory and one descriptor. It ends with the thread that starts it if it says so
 * (self_limit). Worker thread.
 */
#ifndef NATIVE_SELF_H
#define NATIVE_SELF_H

#include <stdbool.h>
#include <sys/types.h>

#define SELF_FD 3 /* what the child has the descriptor as */

/* argv is verb and argument; fd stays the caller's. */
bool self_start(pid_t *child, int fd, const char *verb, const char *argument);
/* Kills and reaps; *child is 0 afterwards. */
void self_end(pid_t *child);
/* The child's side: no core, no life after the parent. */
void self_limit(void);

#endif
