/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See peek.h. A direct-mapped cache of pieces; of each, which of its pages could be read. */
#include "python/peek.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "target/pagemap.h"
#include "target/remote.h"

#define PIECE_PAGES 4u
#define PIECE_BYTES (PIECE_PAGES * PAGE_BYTES)
#define PIECES      (PEEK_BYTES_MAX / PIECE_BYTES)

struct piece {
    uint64_t address;  /* of its first byte; 0: none */
    uint8_t *bytes;    /* owned; NULL until it is first used */
    uint32_t readable; /* a bit for each page */
};

struct peek {
    pid_t pid;
    struct pagemap pagemap;
    uint64_t swapped_bytes;
    struct piece pieces[PIECES];
};

struct peek *peek_new(pid_t pid)
{
    struct peek *p = xcalloc(1, sizeof *p);
    p->pid = pid;
    pagemap_open(&p->pagemap, pid);
    return p;
}

void peek_free(struct peek *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < PIECES; i++)
        free(p->pieces[i].bytes);
    pagemap_close(&p->pagemap);
    free(p);
}

void peek_forget(struct peek *p)
{
    for (size_t i = 0; i < PIECES; i++)
        p->pieces[i].address = 0;
}

static void load(struct peek *p, struct piece *piece, uint64_t address)
{
    if (!piece->bytes)
        piece->bytes = xmalloc(PIECE_BYTES);
    piece->address = address;
    piece->readable = 0;
    pagemap_read(&p->pagemap, address, PIECE_PAGES);
    bool swapped = false;
    for (size_t i = 0; i < PIECE_PAGES; i++)
        swapped |= pagemap_swapped(p->pagemap.entries[i]);
    if (!swapped && remote_read(p->pid, address, piece->bytes, PIECE_BYTES)) {
        piece->readable = (1u << PIECE_PAGES) - 1;
        return;
    }
    for (size_t i = 0; i < PIECE_PAGES; i++) {
        if (pagemap_swapped(p->pagemap.entries[i]))
            p->swapped_bytes += PAGE_BYTES;
        else if (remote_read(p->pid, address + i * PAGE_BYTES, piece->bytes + i * PAGE_BYTES,
                             PAGE_BYTES))
            piece->readable |= 1u << i;
    }
}

bool peek_read(struct peek *p, uint64_t addr, void *to, size_t size)
{
    uint8_t *out = to;
    if (addr < PAGE_BYTES || addr >= 1ull << 47 || size > 1ull << 47)
        return false;
    while (size) {
        uint64_t start = addr & ~(uint64_t)(PIECE_BYTES - 1);
        struct piece *piece = &p->pieces[hash_u64(start) % PIECES];
        if (piece->address != start)
            load(p, piece, start);
        size_t at = (size_t)(addr - start), n = PAGE_BYTES - at % PAGE_BYTES;
        if (n > size)
            n = size;
        if (!(piece->readable >> (at / PAGE_BYTES) & 1))
            return false;
        memcpy(out, piece->bytes + at, n);
        out += n;
        addr += n;
        size -= n;
    }
    return true;
}

bool peek_word(struct peek *p, uint64_t addr, uint64_t *out)
{
    return addr % sizeof *out == 0 && peek_read(p, addr, out, sizeof *out);
}

uint64_t peek_swapped_bytes(const struct peek *p)
{
    return p->swapped_bytes;
}
