/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the machine was suspended: CLOCK_MONOTONIC, by which everything is dated, stands still
 * meanwhile and CLOCK_BOOTTIME does not (clock_gettime(2)), so the second gets ahead of the first.
 * The wall clock, which may jump, is not asked. Makes no system call.
 */
#ifndef ENGINE_SLEPT_H
#define ENGINE_SLEPT_H

#include <stdbool.h>
#include <stdint.h>

struct slept {
    uint64_t ahead_ns; /* how far the one clock was ahead of the other */
    bool known;
};

/* How long the machine has slept since the call before; 0: it has not, or for less than
 * SLEPT_LEAST. boot_ns is to be read before mono_ns: what comes between the two then never looks
 * like sleep. */
uint64_t slept_since(struct slept *slept, uint64_t boot_ns, uint64_t mono_ns);
#define SLEPT_LEAST_NS NS_PER_S

#endif
