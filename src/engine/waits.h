/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the system call that a thread is blocked in to what it waits for. Numbers and arguments as
 * /proc/PID/task/TID/syscall shows them (proc(5)).
 */
#ifndef ENGINE_WAITS_H
#define ENGINE_WAITS_H

#include <stdint.h>

#include "model/sample.h"

/* nr -1: blocked in no system call. */
enum wait_kind wait_of_syscall(long nr, const uint64_t args[6]);

#endif
