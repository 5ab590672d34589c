/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See thread_name.h. The sampler's thread. */
#include "engine/thread_name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* Names that Python gives itself (Lib/threading.py). */
static bool by_default(const char *name)
{
    static const char *const prefixes[] = {"Thread-", "Dummy-", "MainThread"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
            return true;
    return false;
}

void thread_name(struct python *python, pid_t tid, const char *comm, const char *process, char *out,
                 size_t size)
{
    char name[PYTHON_NAME_MAX];
    /* A comm of the thread's own was chosen by somebody; 3.14 itself sets it, cut to 15 bytes. */
    bool own = strcmp(comm, process) != 0;
    bool python_says = python && python_thread_name(python, tid, name);
    if (python_says && (!own || !by_default(name) || !strncmp(name, comm, strlen(comm))))
        snprintf(out, size, "%s", name);
    else
        snprintf(out, size, "%s", comm);
}

uint64_t thread_name_wait_ns(uint64_t age_ns)
{
    return age_ns < 3 * NS_PER_S ? NS_PER_S : age_ns < 10 * NS_PER_S ? 3 * NS_PER_S : 30 * NS_PER_S;
}
