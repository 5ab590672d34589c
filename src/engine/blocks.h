/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Blocks of memory that were allocated a while ago: are they still what they were? Each one's first
 * bytes are read soon after its allocation and once more when it is old; one that was freed
 * meanwhile has usually been given out anew and written to, or its allocator says that it is free.
 * What a garbage collector and reference counts write is left out of the comparison. A beginning
 * that several blocks have (texts often begin alike) says little, and more is compared.
 *
 * Nothing that is read is trusted, and reading stops nothing. One thread.
 */
#ifndef ENGINE_BLOCKS_H
#define ENGINE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/map.h"
#include "base/vec.h"
#include "engine/allocators.h"
#include "native/rtti.h"
#include "python/pymalloc.h"
#include "target/maps.h"
#include "target/remote.h"

#define BLOCK_WORDS      8   /* that are kept of its beginning */
#define BLOCK_REST_BYTES 256 /* of what is compared of a block whose beginning is a common one */

struct block {
    uint64_t address, time_ns;
    double least, most; /* the caller's: how many such a second it stands for */
    uint32_t stack;     /* the caller's */
    uint32_t burst;     /* the caller's */
    uint8_t heap;       /* enum heap_kind */
    uint8_t fate;       /* enum block_fate */
    uint8_t n_words;    /* that could be read; 0: none */
    int8_t object;      /* at which word a Python object begins; -1: none does */
    uint64_t size;      /* bytes: as asked for, or as the allocator says; 0: unknown */
    bool resized;       /* it was another block before, of which the next three tell */
    uint64_t asked;     /* as asked for, 0 unknown */
    uint64_t grown;     /* bytes by which it was seen to grow */
    uint64_t had;       /* bytes that it had at some time before; 0: unknown */
    uint64_t head;      /* glibc: the word before the block */
    uint64_t words[BLOCK_WORDS];
    uint64_t rest; /* hash of what comes after words, within the block and BLOCK_REST_BYTES */
    bool has_rest;
};

enum block_fate {
    BLOCK_YOUNG, /* not judged yet */
    BLOCK_GONE,
    BLOCK_STAYS,
    BLOCK_UNSEEN, /* it could not be read, or is counted elsewhere: says nothing */
};

struct blocks {
    pid_t pid;
    const struct pymalloc *pymalloc; /* NULL: none; borrowed */
    VEC(struct block) list;          /* by time */
    VEC(struct remote_span) spans;
    VEC(uint64_t) buffer;
    struct map types;        /* addresses of types -> what is known, see blocks.c */
    struct map second_words; /* how often blocks have had this word second */
    struct map by_address;   /* the last block that was added there */
    struct map beginnings;   /* how often blocks have begun with these words, by hash */
    struct maps maps;        /* as they were when the first class was asked for */
    struct rtti *classes;    /* of C++ objects; NULL: none was asked for yet */
    uint64_t pool_at;        /* of the copy; 0: none */
    bool pool_ok;
    uint8_t pool[PYMALLOC_POOL_MAX] __attribute__((aligned(8)));
};

void blocks_init(struct blocks *b, pid_t pid, struct python *python);
void blocks_clear(struct blocks *b);
/* What an allocator was called for, and gave. */
struct block_call {
    enum heap_kind heap;
    uint64_t address, size, time_ns; /* size as asked for, 0 unknown */
    uint64_t old;                    /* the block that was resized; 0: none */
    uint32_t stack;
};
/* One that was added at the same address before is gone: it was freed, else it would not be given
 * out again. One that is resized becomes the new one, of which only the growth is new. first: those
 * from it on are of the same burst, in which no call was missed. */
void blocks_add(struct blocks *b, const struct block_call *call, size_t first);
/* An address of which no more is known than that it was given out now. */
void blocks_given_again(struct blocks *b, uint64_t address);
/* How many bytes of it are new, at least and at most: of a resized one whose size before is not
 * known, that can be anything. */
void blocks_new_bytes(const struct block *block, double *least, double *most);
/* The first look at those from index first on. About 1 us each. */
void blocks_look(struct blocks *b, size_t first);
/* The second look at n blocks from `first` on, and the verdict. 1 us each, 6 us for one of
 * Python's. */
void blocks_judge(struct blocks *b, size_t first, size_t n);
/* Whether its first word led to another block nearby at the first look: so does that of a list's
 * node, and of a block that mimalloc or tcmalloc had been given back before it. */
bool blocks_begins_with_link(const struct block *block);
/* What kind of object it is: its type's name (of Python's, or a C++ class with virtual functions),
 * or "". 3 us. */
void blocks_type_name(struct blocks *b, const struct block *block, char *out, size_t size);

#endif
