/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pagemap.h. An entry is 8 bytes a page; bits as in the kernel's admin-guide/mm/pagemap. */
#include "target/pagemap.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void pagemap_open(struct pagemap *p, pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/pagemap", (int)pid);
    p->fd = open(path, O_RDONLY | O_CLOEXEC);
}

void pagemap_close(struct pagemap *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

void pagemap_read(struct pagemap *p, uint64_t addr, size_t n)
{
    if (n > PAGEMAP_RUN_PAGES)
        n = PAGEMAP_RUN_PAGES;
    ssize_t got = -1;
    if (p->fd >= 0)
        got = pread(p->fd, p->entries, n * sizeof *p->entries,
                    (off_t)(addr / PAGE_BYTES * sizeof *p->entries));
    for (size_t i = got > 0 ? (size_t)got / sizeof *p->entries : 0; i < n; i++)
        p->entries[i] = PAGEMAP_PRESENT;
}
