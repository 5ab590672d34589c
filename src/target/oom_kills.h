/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often the kernel has killed a process of a control group for want of memory: memory.events
 * (version 2, with the groups below), memory.oom_control (version 1, Linux 4.13, the group alone).
 * Any thread.
 *
 * Invariant: a count comes with a key that tells whose it is; counts of other keys must not be
 * compared.
 */
#ifndef TARGET_OOM_KILLS_H
#define TARGET_OOM_KILLS_H

#include <stdbool.h>
#include <stdint.h>

#include "target/cgroup.h"

struct oom_kills {
    bool known;
    uint64_t key, count;
};

/* About 20 us. */
void oom_kills_read(const struct cgroup *group, struct oom_kills *kills);

#endif
