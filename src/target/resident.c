/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See resident.h. Any thread; one struct belongs to one of them. */
#include "target/resident.h"

#include <string.h>

#include "target/remote.h"

void resident_open(struct resident *r, pid_t pid)
{
    memset(r, 0, sizeof *r);
    r->pid = pid;
    pagemap_open(&r->pagemap, pid);
}

void resident_close(struct resident *r)
{
    pagemap_close(&r->pagemap);
}

void resident_states(struct resident *r, uint64_t addr, size_t n, uint8_t *states)
{
    for (size_t done = 0; done < n;) {
        size_t run = n - done < PAGEMAP_RUN_PAGES ? n - done : PAGEMAP_RUN_PAGES;
        pagemap_read(&r->pagemap, addr + done * RESIDENT_PAGE, run);
        for (size_t i = 0; i < run; i++) {
            uint64_t entry = r->pagemap.entries[i];
            states[done + i] = (uint8_t)(entry & PAGEMAP_PRESENT  ? RESIDENT_READ
                                         : pagemap_swapped(entry) ? RESIDENT_SWAPPED
                                                                  : RESIDENT_NEVER);
        }
        done += run;
    }
}

bool resident_has(struct resident *r, uint64_t addr)
{
    uint8_t state;
    resident_states(r, addr, 1, &state);
    return state == RESIDENT_READ;
}

bool resident_any(struct resident *r, uint64_t addr, size_t size)
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
