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
#define SPANS_PER_CALL 1024
#define PAGE_BYTES     4096u

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

/* One call for n spans; how many were read whole before the first that was not. */
static size_t read_batch(pid_t pid, struct remote_span *spans, size_t n, bool *gone)
{
    struct iovec local[SPANS_PER_CALL], remote[SPANS_PER_CALL];
    local[0] = remote[0] = (struct iovec){NULL, 0};
    for (size_t i = 0; i < n; i++) {
        local[i] = (struct iovec){spans[i].to, spans[i].size};
        remote[i] = (struct iovec){(void *)(uintptr_t)spans[i].addr, spans[i].size};
    }
    ssize_t got = process_vm_readv(pid, local, n, remote, n, 0);
    *gone = got < 0 && errno != EFAULT;
    size_t left = got < 0 ? 0 : (size_t)got, whole = 0;
    while (whole < n && left >= spans[whole].size) {
        left -= spans[whole].size;
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
        size_t batch = n - done < SPANS_PER_CALL ? n - done : SPANS_PER_CALL;
        size_t whole = read_batch(pid, spans + done, batch, &gone);
        read += whole;
        done += whole;
        if (whole < batch)
            done++; /* this one faults: pass it over */
    }
    return read;
}
