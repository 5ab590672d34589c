/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See oom_kills.h. */
#include "target/oom_kills.h"

#include <stdlib.h>
#include <string.h>

void oom_kills_read(const struct cgroup *g, struct oom_kills *kills)
{
    char text[1024];
    memset(kills, 0, sizeof *kills);
    if (!g->found ||
        !cgroup_read(g, g->v2 ? "memory.events" : "memory.oom_control", text, sizeof text))
        return;
    /* Not "oom_kill_disable" nor "oom_group_kill". */
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "oom_kill ", 9) != 0 || line[9] < '0' || line[9] > '9')
            continue;
        kills->count = strtoull(line + 9, NULL, 10);
        kills->key = cgroup_key(g);
        kills->known = true;
        return;
    }
}
