/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a thread is called: by the kernel (comm) or by Python, whichever says more. */
#ifndef ENGINE_THREAD_NAME_H
#define ENGINE_THREAD_NAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "python/python.h"

/* python may be NULL. process: the process's own comm, which threads inherit. */
void thread_name(struct python *python, pid_t tid, const char *comm, const char *process, char *out,
                 size_t size);
/* When to look again, of a thread that is this old: names are given late, and seldom changed. */
uint64_t thread_name_wait_ns(uint64_t age_ns);

#endif
