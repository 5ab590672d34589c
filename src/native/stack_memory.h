/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stack of one capture: the copied bytes and, beyond them, the target's memory in large
 * pieces, kept for one walk only. What lies beyond may have changed since the capture; the outer
 * part of a stack seldom does, and every use of it is checked. Used by the sampler.
 */
#ifndef NATIVE_STACK_MEMORY_H
#define NATIVE_STACK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#define STACK_PIECE_SIZE 32768u
#define STACK_PIECES_MAX 128u /* remote reads in one walk */

#define STACK_REACH_MAX (64u << 20)

struct stack_memory {
    pid_t pid;
    const uint8_t *bytes; /* borrowed: the capture's */
    uint64_t addr;
    size_t size;
    uint64_t piece_addr;
    size_t piece_size;
    uint32_t pieces_read;  /* in this walk */
    uint64_t remote_reads; /* ever */
    uint64_t reached;      /* bytes above addr that this walk has used */
    uint8_t piece[STACK_PIECE_SIZE];
};

void stack_memory_start(struct stack_memory *m, uint64_t addr, const uint8_t *bytes, size_t size);
bool stack_memory_beyond(struct stack_memory *m, uint64_t addr, uint64_t *word);

static inline bool stack_word(struct stack_memory *m, uint64_t addr, uint64_t *word)
{
    uint64_t at = addr - m->addr;
    if (at < m->size && m->size - at >= sizeof *word) {
        memcpy(word, m->bytes + at, sizeof *word);
        if (at + sizeof *word > m->reached)
            m->reached = at + sizeof *word;
        return true;
    }
    return stack_memory_beyond(m, addr, word);
}

#endif
