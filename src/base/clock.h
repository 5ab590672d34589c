/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clocks, read in one place. model/ and view/ never call these: there, time is an argument.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

/* CLOCK_MONOTONIC: the time of samples, metrics and events. */
uint64_t clock_mono_ns(void);
/* CLOCK_BOOTTIME: goes on while the machine is suspended. */
uint64_t clock_boot_ns(void);
/* CLOCK_REALTIME since 1970: only to say when a recording began. */
int64_t clock_wall_ns(void);
/* CPU time used by this whole process, and by the calling thread. */
uint64_t clock_cpu_ns(void);
uint64_t clock_thread_cpu_ns(void);

#endif
