/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growth sites: where in the code memory came from, as one look over some seconds found it. Made by
 * a worker that knows nothing of a recording's numbers, so frames and texts are its own; whoever
 * owns a recording turns them into its words.
 *
 * Invariant: one row for each (kind, stack). Bytes are estimates from samples, extrapolated
 * by how much of the time and of the calls was looked at; count is what was really seen.
 */
#ifndef MODEL_GROWTH_H
#define MODEL_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/map.h"
#include "base/vec.h"

/* In the order in which they are worth a look, and in which a look's rows stand. */
enum growth_kind {
    GROWTH_TRACED,   /* as the target's own tracer has it */
    GROWTH_SURVIVES, /* was allocated, and was still there and unchanged some seconds later */
    /* Asked the kernel for address space, which was still mapped some seconds later. */
    GROWTH_BRK,
    GROWTH_MMAP,
    GROWTH_MREMAP,
    GROWTH_TOUCHED, /* was the first to touch pages, most of that same space: not to be added */
    GROWTH_KINDS
};
/* "traced", "survives", "enlarged", as in the JSON; the last four are one. */
const char *growth_kind_name(enum growth_kind kind);
/* What tells those of one name apart: "brk", "mmap", "mremap", "faults"; else "". */
const char *growth_kind_by(enum growth_kind kind);
/* Whether it says what enlarged the heap. */
bool growth_kind_enlarged(enum growth_kind kind);
/* Address space and touched pages are each a whole of their own, so a share is of all kinds that
 * have the same whole. The first of them. */
enum growth_kind growth_kind_whole(enum growth_kind kind);

#define GROWTH_FRAMES_MAX 48

/* A frame of machine code (module, offset; named later), or one of Python's, named already. */
struct growth_frame {
    bool python;
    uint32_t line; /* python: being executed; 0 unknown */
    uint32_t first_line;
    const char *name, *file;       /* python; both of the growth's texts */
    const char *module, *build_id; /* machine code: "" without; of the growth's texts */
    uint64_t offset;               /* ELF virtual address, of the call */
};

struct growth_row {
    enum growth_kind kind;
    uint32_t stack;      /* index into stacks */
    const char *type;    /* of one of the objects, "" unknown; of the growth's texts */
    double bytes;        /* that stay, or were added, from from_ns to to_ns; estimated */
    double bytes_per_s;  /* the same, a second */
    double unsure_per_s; /* by how much that may be wrong, in 95 of 100 cases; 0: not known */
    uint64_t count;      /* samples that say so */
    uint64_t of_samples; /* among so many of this site: the share of its calls that survive */
};

/* What a look cannot tell, and its reader has to know. */
enum growth_flags {
    GROWTH_PROBED = 1,     /* what stays was looked for, by probes on allocators */
    GROWTH_OTHER_HEAP = 2, /* blocks of an allocator that does not say which are free */
    GROWTH_INNERMOST = 4,  /* of Python's stacks the innermost frames alone are known */
    GROWTH_COMPILED = 8,   /* Python's allocator is compiled into callers, where it is not seen */
};

struct growth_stack {
    uint32_t first, n; /* of frames, innermost first */
    uint64_t hash;
};

struct growth {
    pid_t pid;
    uint64_t from_ns, to_ns; /* CLOCK_MONOTONIC: what was looked at happened then */
    double cost_pct;         /* of its time that the target lost meanwhile; estimated */
    uint64_t samples, lost;  /* lost: no room in the ring */
    uint64_t unnamed;        /* samples in Python whose line could not be told */
    uint32_t flags;          /* enum growth_flags */
    VEC(struct growth_row) rows;
    VEC(struct growth_stack) stacks;
    VEC(struct growth_frame) frames;
    VEC(char *) texts; /* owned */
    struct map text_index, stack_index, row_index;
};

void growth_init(struct growth *g, pid_t pid);
void growth_clear(struct growth *g);
/* A copy of the text that lives as long as g; equal texts are one. Printable. */
const char *growth_text(struct growth *g, const char *text);
/* The number of this stack, found or added; frames' texts must be growth_text()s of g. At most
 * GROWTH_FRAMES_MAX frames are kept, the innermost. */
uint32_t growth_stack(struct growth *g, const struct growth_frame *frames, size_t n);
/* Adds to the row of (kind, stack), made where there is none; type ("": unknown) is that of the
 * first sample that knows one. The row's number. */
size_t growth_add(struct growth *g, enum growth_kind kind, uint32_t stack, const char *type,
                  double bytes, double bytes_per_s, uint64_t count, uint64_t of_samples);
/* Adds a row with the stack and texts of another growth. */
void growth_copy(struct growth *g, const struct growth *from, const struct growth_row *row);
/* Puts the rows that grow fastest first, kind by kind. The index of rows is gone after it. */
void growth_close(struct growth *g);
/* A kind's bytes a second in all, for growth_pct. */
double growth_total_per_s(const struct growth *g, enum growth_kind kind);

#endif
