/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which pages of a process are in memory, from /proc/PID/pagemap (proc(5)): so that a look at its
 * memory neither brings back what was swapped out nor reads what was never touched. Any thread; one
 * struct belongs to one of them.
 */
#ifndef TARGET_PAGEMAP_H
#define TARGET_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE_BYTES 4096u /* x86-64 */
/* A page that no access is allowed to (glibc 2.43 has one below each thread's stack) looks like a
 * swapped one otherwise (kernel 6.14 and later). */
#define PAGEMAP_GUARD     (1ull << 58)
#define PAGEMAP_SWAPPED   (1ull << 62)
#define PAGEMAP_PRESENT   (1ull << 63)
#define PAGEMAP_RUN_PAGES 1024u

struct pagemap {
    int fd; /* -1: not permitted; then every page counts as present */
    uint64_t entries[PAGEMAP_RUN_PAGES];
};

void pagemap_open(struct pagemap *p, pid_t pid);
void pagemap_close(struct pagemap *p);
/* Fills entries[] for n pages (at most PAGEMAP_RUN_PAGES) from a page's address. */
void pagemap_read(struct pagemap *p, uint64_t addr, size_t n);

static inline bool pagemap_swapped(uint64_t entry)
{
    return entry & PAGEMAP_SWAPPED && !(entry & PAGEMAP_GUARD);
}

#endif
