/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another process's memory (remote.h). Invariant: never more bytes are written than the caller's
 * buffer holds, whatever the target maps or unmaps meanwhile. Any thread.
 */
#include "target/remote.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* The kernel takes at most this many (IOV_MAX, process_vm_readv(2)). */
#define IOVECS_PER_CALL 1024
#define GAP_MAX_BYTES   512u
#define PAGE_BYTES      4096u

size_t remote_read_some(pid_t pid, uint64_t addr, void *to, size_t size)
{
    size_t have = 0;
    while (have < size) {
        struct iovec local = {(char *)to + have, size - have};
        struct iovec remote = {(void *)(uintptr_t)(addr + have), size - have};
        ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        /* It stops short at an unreadable page (then the next call says EFAULT), and at 2 GiB. */
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    return have;
}

bool remote_read(pid_t pid, uint64_t addr, void *to, size_t size)
{
    return remote_read_some(pid, addr, to, size) == size;
}

bool remote_read_string(pid_t pid, uint64_t addr, char *to, size_t size)
{
    if (size == 0)
        return false;
    to[0] = '\0';
    size_t have = 0;
    while (have < size - 1) {
        /* Up to the page's end: the string may be the last thing before an unmapped page. */
        size_t piece = PAGE_BYTES - (size_t)((addr + have) % PAGE_BYTES);
        if (have == 0 && piece > 128)
            piece = 128; /* most strings are short */
        if (piece > size - 1 - have)
            piece = size - 1 - have;
        if (!remote_read(pid, addr + have, to + have, piece)) {
            to[have] = '\0';
            return false;
        }
        if (memchr(to + have, '\0', piece))
            return true;
        have += piece;
    }
    to[have] = '\0';
    return true;
}

/* One call. Spans that lie side by side in a page are one piece of the target's memory, and what is
 * between them is thrown away: a piece costs the kernel ten times what its bytes do. */
struct call {
    struct iovec local[IOVECS_PER_CALL], remote[IOVECS_PER_CALL];
    size_t n_local, n_remote;
    char between[GAP_MAX_BYTES];
};

static bool side_by_side(const struct remote_span *a, const struct remote_span *b)
{
    uint64_t end = a->addr + a->size;
    return a->size && b->size && b->addr >= end && b->addr - end <= GAP_MAX_BYTES &&
           (end - 1) / PAGE_BYTES == (b->addr + b->size - 1) / PAGE_BYTES;
}

/* How much is thrown away before spans[i]. */
static size_t gap_before(const struct remote_span *spans, size_t i)
{
    if (!i || !side_by_side(&spans[i - 1], &spans[i]))
        return 0;
    return (size_t)(spans[i].addr - spans[i - 1].addr - spans[i - 1].size);
}

/* How many of the n spans are in it. */
static size_t prepare(struct call *c, const struct remote_span *spans, size_t n)
{
    size_t i;
    c->n_local = c->n_remote = 0;
    for (i = 0; i < n && c->n_local + 2 <= IOVECS_PER_CALL; i++) {
        size_t gap = gap_before(spans, i);
        if (gap)
            c->local[c->n_local++] = (struct iovec){c->between, gap};
        c->local[c->n_local++] = (struct iovec){spans[i].to, spans[i].size};
        if (i && side_by_side(&spans[i - 1], &spans[i]))
            c->remote[c->n_remote - 1].iov_len += gap + spans[i].size;
        else
            c->remote[c->n_remote++] =
                (struct iovec){(void *)(uintptr_t)spans[i].addr, spans[i].size};
    }
    return i;
}

/* Reads what is in one call; how many spans were read whole before the first that was not. */
static size_t read_batch(pid_t pid, struct remote_span *spans, size_t n, size_t *batch, bool *gone)
{
    struct call c;
    *batch = prepare(&c, spans, n);
    ssize_t got = process_vm_readv(pid, c.local, c.n_local, c.remote, c.n_remote, 0);
    *gone = got < 0 && errno != EFAULT;
    size_t left = got < 0 ? 0 : (size_t)got, whole = 0;
    while (whole < *batch && left >= gap_before(spans, whole) + spans[whole].size) {
        left -= gap_before(spans, whole) + spans[whole].size;
        spans[whole++].ok = true;
    }
    return whole;
}

size_t remote_read_spans(pid_t pid, struct remote_span *spans, size_t n)
{
    size_t done = 0, read = 0;
    bool gone = false;
    for (size_t i = 0; i < n; i++)
        spans[i].ok = false;
    while (done < n && !gone) {
        size_t batch, whole = read_batch(pid, spans + done, n - done, &batch, &gone);
        read += whole;
        done += whole;
        if (whole < batch)
            done++; /* this one faults: pass it over */
    }
    return read;
}
