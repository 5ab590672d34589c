/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See descriptors.h. */
#include "target/descriptors.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"

#define COST 2000 /* counting takes at most one part in so many of a CPU's time */

/* Also where the size is told and there are none: then there is nothing to count. */
static bool count(const char *path, uint64_t *open)
{
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    *open = 0;
    for (const struct dirent *e; *open < DESCRIPTORS_COUNTED_MAX && (e = readdir(dir));)
        *open += e->d_name[0] != '.';
    closedir(dir);
    return true;
}

bool descriptors_read(struct descriptors_reader *r, pid_t pid, uint64_t now_ns,
                      struct descriptors *d)
{
    char path[64];
    struct stat st;
    struct rlimit limit;
    *d = r->last;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    if (stat(path, &st) != 0)
        return false;
    if (st.st_size == 0 && now_ns < r->next_ns)
        return true;
    *d = (struct descriptors){.open = (uint64_t)st.st_size};
    if (st.st_size == 0) {
        uint64_t begin_ns = clock_thread_cpu_ns();
        if (!count(path, &d->open))
            return false;
        r->next_ns = now_ns + COST * (clock_thread_cpu_ns() - begin_ns);
    }
    if (prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        d->limit = limit.rlim_cur;
    r->last = *d;
    return true;
}
