/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring of a perf event (perf_event_open(2), "MMAP layout"): mapping it, its records one by one,
 * and the registers and stack bytes that a sample carries. The framing is the kernel's; what the
 * bytes mean is the target's, and nothing is asserted of them.
 *
 * Invariant: a record that was handed out stays readable until perf_ring_done. One thread.
 */
#ifndef TARGET_RING_H
#define TARGET_RING_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/err.h"
#include "target/capture.h"

/* A record is at most this long (its size is 16 bits). */
#define PERF_RECORD_BYTES_MAX 65536u

struct perf_ring {
    struct perf_event_mmap_page *page; /* NULL: not mapped */
    const uint8_t *data;
    uint64_t data_bytes;
    size_t mapped_bytes;
};

/* data_pages: a power of two. false: errno (ENOMEM also where the limit of locked memory is met).
 * The mapping outlives the descriptor. */
bool perf_ring_map(struct perf_ring *ring, int fd, size_t data_pages);
void perf_ring_unmap(struct perf_ring *ring);

/* A record's bytes, read from front to back. */
struct perf_record {
    uint32_t type;
    uint64_t next_tail;
    const uint8_t *at, *end;
};

/* The oldest record that is there; false: none. wrapped: PERF_RECORD_BYTES_MAX bytes, used for one
 * that wraps round. Framing that makes no sense empties the ring and counts as one lost. */
bool perf_ring_next(struct perf_ring *ring, uint8_t *wrapped, struct perf_record *record,
                    uint64_t *lost);
/* The record's place may be written again. */
void perf_ring_done(struct perf_ring *ring, const struct perf_record *record);

static inline bool perf_take(struct perf_record *r, void *to, size_t size)
{
    if ((size_t)(r->end - r->at) < size)
        return false;
    memcpy(to, r->at, size);
    r->at += size;
    return true;
}

static inline bool perf_take_u64(struct perf_record *r, uint64_t *to)
{
    return perf_take(r, to, sizeof *to);
}

/* For attr.sample_regs_user: those that a capture has. */
uint64_t perf_registers_mask(void);
/* PERF_SAMPLE_REGS_USER, then PERF_SAMPLE_STACK_USER, of such an event. */
bool perf_take_registers(struct perf_record *r, struct capture *c);
bool perf_take_stack(struct perf_record *r, struct capture *c);

int perf_open(struct perf_event_attr *attr, pid_t tid, int cpu);
/* A sentence with the remedy for an event that could not be opened; false. */
bool perf_refuse(struct err *err, int error);

#endif
