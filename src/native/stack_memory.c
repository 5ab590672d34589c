/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See stack_memory.h. */
#include "native/stack_memory.h"

#include "target/remote.h"

void stack_memory_start(struct stack_memory *m, uint64_t addr, const uint8_t *bytes, size_t size)
{
    m->addr = addr;
    m->bytes = bytes;
    m->size = size;
    m->piece_size = 0;
    m->pieces_read = 0;
    m->reached = 0;
}

bool stack_memory_beyond(struct stack_memory *m, uint64_t addr, uint64_t *word)
{
    uint64_t at = addr - m->piece_addr;
    if (at >= m->piece_size || m->piece_size - at < sizeof *word) {
        if (addr > UINT64_MAX - STACK_PIECE_SIZE || m->pieces_read >= STACK_PIECES_MAX)
            return false;
        m->pieces_read++;
        m->remote_reads++;
        m->piece_addr = addr;
        m->piece_size = remote_read_some(m->pid, addr, m->piece, sizeof m->piece);
        if (m->piece_size < sizeof *word)
            return false;
        at = 0;
    }
    memcpy(word, m->piece + at, sizeof *word);
    /* What lies below the copy is no stack, and what is far above it is not this one. */
    uint64_t above = addr - m->addr + sizeof *word;
    if (addr > m->addr && above < STACK_REACH_MAX && above > m->reached)
        m->reached = above;
    return true;
}
