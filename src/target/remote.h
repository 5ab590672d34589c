/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another process's memory, copied with process_vm_readv (process_vm_readv(2)). Reading does not
 * stop the target and does not disturb it; what is read may be changing meanwhile.
 * About 2 us for a small read, 1 us a span in batches (facts: native.md, "Copying memory").
 */
#ifndef TARGET_REMOTE_H
#define TARGET_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All of size, or false (errno set). */
bool remote_read(pid_t pid, uint64_t addr, void *to, size_t size);
/* As much as can be read from the start; 0 with errno set if nothing. */
size_t remote_read_some(pid_t pid, uint64_t addr, void *to, size_t size);
/* A NUL-terminated string of at most size - 1 bytes, always terminated. false: not readable. */
bool remote_read_string(pid_t pid, uint64_t addr, char *to, size_t size);

struct remote_span {
    uint64_t addr;
    void *to;
    size_t size;
    bool ok; /* out: all of it was read */
};

/* Reads all spans with as few calls as possible, passing over those that fault. Number read. */
size_t remote_read_spans(pid_t pid, struct remote_span *spans, size_t n);

#endif
