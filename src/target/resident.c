/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See resident.h. Any thread; one struct belongs to one of them. */
#include "target/resident.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "target/pagemap.h"
#include "target/remote.h"

void resident_open(struct resident *r, pid_t pid)
{
    char path[64];
    memset(r, 0, sizeof *r);
    r->pid = pid;
    snprintf(path, sizeof path, "/proc/%d/pagemap", (int)pid);
    r->pagemap = open(path, O_RDONLY | O_CLOEXEC);
}

void resident_close(struct resident *r)
{
    if (r->pagemap >= 0)
        close(r->pagemap);
    r->pagemap = -1;
}

void resident_states(const struct resident *r, uint64_t addr, size_t n, uint8_t *states)
{
    uint64_t entries[512];
    memset(states, RESIDENT_READ, n);
    for (size_t done = 0; r->pagemap >= 0 && done < n;) {
        size_t want = n - done < 512 ? n - done : 512;
        off_t at = (off_t)((addr / RESIDENT_PAGE + done) * sizeof *entries);
        ssize_t got = pread(r->pagemap, entries, want * sizeof *entries, at);
        if (got < (ssize_t)sizeof *entries)
            return;
        size_t have = (size_t)got / sizeof *entries;
        for (size_t i = 0; i < have; i++)
            states[done + i] = (uint8_t)(entries[i] & PAGEMAP_PRESENT  ? RESIDENT_READ
                                         : pagemap_swapped(entries[i]) ? RESIDENT_SWAPPED
                                                                       : RESIDENT_NEVER);
        done += have;
    }
}

bool resident_has(const struct resident *r, uint64_t addr)
{
    uint8_t state;
    resident_states(r, addr, 1, &state);
    return state == RESIDENT_READ;
}

bool resident_any(const struct resident *r, uint64_t addr, size_t size)
{
    uint8_t states[RESIDENT_PAGES_MAX];
    size_t n = (size + RESIDENT_PAGE - 1) / RESIDENT_PAGE;
    if (n > RESIDENT_PAGES_MAX)
        n = RESIDENT_PAGES_MAX;
    resident_states(r, addr, n, states);
    return memchr(states, RESIDENT_READ, n) != NULL;
}

/* Reads a run of present pages; those that have gone meanwhile are zeros. */
static size_t read_run(struct resident *r, uint64_t addr, char *to, size_t first, size_t size)
{
    size_t done = 0, read = 0;
    while (done < size) {
        size_t got = remote_read_some(r->pid, addr + done, to + done, size - done);
        done += got;
        read += got;
        if (done == size)
            break;
        size_t page = RESIDENT_PAGE - (size_t)((addr + done) % RESIDENT_PAGE);
        if (page > size - done)
            page = size - done;
        memset(to + done, 0, page);
        r->state[first + done / RESIDENT_PAGE] = RESIDENT_GONE;
        r->holes = true;
        done += page;
    }
    return read;
}

size_t resident_read(struct resident *r, uint64_t addr, void *to, size_t size)
{
    if (size > (size_t)RESIDENT_PAGES_MAX * RESIDENT_PAGE)
        size = (size_t)RESIDENT_PAGES_MAX * RESIDENT_PAGE;
    size_t pages = (size + RESIDENT_PAGE - 1) / RESIDENT_PAGE, read = 0;
    resident_states(r, addr, pages, r->state);
    r->holes = false;
    for (size_t i = 0; i < pages;) {
        size_t run = i + 1;
        while (run < pages && r->state[run] == r->state[i])
            run++;
        size_t from = i * RESIDENT_PAGE,
               end = run * RESIDENT_PAGE < size ? run * RESIDENT_PAGE : size;
        uint8_t state = r->state[i];
        if (state == RESIDENT_READ) {
            read += read_run(r, addr + from, (char *)to + from, i, end - from);
        } else {
            memset((char *)to + from, 0, end - from);
            if (state == RESIDENT_SWAPPED) {
                r->holes = true;
                r->swapped_bytes += end - from;
            }
        }
        i = run;
    }
    r->read_bytes += read;
    return read;
}
