/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the sampler hands to the front: the new tail of its dictionary, and what it saw, in the
 * sampler's numbers. The front translates the numbers once per new word (struct batch_reader)
 * and appends to the recording.
 *
 * Invariant: batches are applied in the order in which they were made; a word is defined before
 * or in the batch that uses it. When the front has collected its dictionary it asks the sampler
 * to start anew; the next batch then has a higher generation and redefines all it uses.
 */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include "model/recording.h"

struct batch_metric {
    uint64_t time_ns;
    double value;
    enum metric metric;
};

struct batch_mark {
    uint64_t time_ns;
    enum mark_kind kind;
    struct string_id text;
};

struct batch_end {
    uint64_t time_ns;
    uint32_t id;
    bool exec;
};

/* What runs in an incarnation, found out after it began. */
struct batch_runtime {
    uint32_t incarnation;
    struct string_id runtime;
};

/* A process's memory, once a second. */
struct batch_memory {
    uint32_t incarnation;
    uint64_t rss_bytes;
};

/* A thread's name, changed or found out after it began. */
struct batch_renamed {
    uint32_t thread;
    struct string_id name;
};

struct batch {
    uint32_t generation;    /* of the sampler's dictionary */
    VEC(char) string_bytes; /* NUL-terminated, one after another */
    uint32_t string_count;
    VEC(struct module) modules;
    VEC(struct function) functions;
    VEC(struct frame) frames;
    VEC(struct stack) stacks;
    VEC(struct string_id) objects;
    VEC(struct incarnation) incarnations;
    VEC(struct thread) threads;
    VEC(struct batch_renamed) renamed;
    VEC(struct batch_end) ended_threads, ended_incarnations;
    VEC(struct batch_runtime) runtimes;
    VEC(struct batch_memory) memories;
    VEC(struct run) runs;
    VEC(struct batch_metric) metrics;
    VEC(struct batch_mark) marks;
    struct cost cost; /* totals since the start, not the batch's */
};

/* How much of the sampler's tables earlier batches have taken. */
struct batch_marks {
    uint32_t strings, modules, functions, frames, stacks, objects;
};

struct batch *batch_new(void);
void batch_free(struct batch *batch);
/* Copies the dictionary's new tail into the batch and moves the marks; marks of {0} take all. */
void batch_take_words(struct batch *batch, const struct dictionary *words,
                      struct batch_marks *marks);

struct batch_number {
    uint32_t theirs, ours;
};

/* The front's side: from the sampler's numbers to the recording's. */
struct batch_reader {
    uint32_t generation;
    VEC(uint32_t) strings, modules, functions, frames, stacks, objects; /* [0] is 0 */
    /* Those that the recording has not forgotten, in the order of the sampler's numbers: it gives
     * each thread of a server that starts one for each request a new one, for weeks. */
    struct batch_numbers {
        VEC(struct batch_number) list;
        uint32_t given; /* the newest of theirs */
    } incarnations, threads;
};

void batch_reader_init(struct batch_reader *reader);
void batch_reader_clear(struct batch_reader *reader);
/* The recording's threads were renumbered (recording_collect_threads). */
void batch_reader_renumber(struct batch_reader *reader, const uint32_t *renumbered);
/* Its incarnations were (recording_collect_incarnations). */
void batch_reader_renumber_incarnations(struct batch_reader *reader, const uint32_t *renumbered);
void batch_apply(struct batch_reader *reader, struct recording *rec, const struct batch *batch);

#endif
