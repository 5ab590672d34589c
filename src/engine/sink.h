/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the engines put what they see: the sampler's dictionary and the batch that is being
 * filled. One sink per sampler thread; the batch is cut and handed to the front by the session.
 *
 * Invariant: all numbers in the current batch are of the current generation of the dictionary.
 * The dictionary is started anew (sink_restart) only between two batches; engines notice by
 * `generation` and forget the numbers that they have kept.
 */
#ifndef ENGINE_SINK_H
#define ENGINE_SINK_H

#include "model/batch.h"

struct sink {
    struct dictionary words;
    struct batch_marks marks;
    struct batch *batch;
    uint32_t generation;
    uint32_t incarnations, threads; /* numbers given out so far */
    struct cost cost;
};

void sink_init(struct sink *sink);
void sink_clear(struct sink *sink);
/* The filled batch, which is the caller's; a new one is begun. Starts the dictionary anew when
 * it has grown past what is worth keeping. */
struct batch *sink_cut(struct sink *sink);

uint32_t sink_incarnation(struct sink *sink, const struct incarnation *in);
uint32_t sink_thread(struct sink *sink, uint32_t incarnation, int32_t tid, const char *name,
                     uint64_t time_ns);
/* A thread is called otherwise from now on. */
void sink_rename(struct sink *sink, uint32_t thread, const char *name);
void sink_end_thread(struct sink *sink, uint32_t thread, uint64_t time_ns);
/* Says what runs in it, where that was not known when it began. */
void sink_runtime(struct sink *sink, uint32_t incarnation, const char *runtime);
void sink_memory(struct sink *sink, uint32_t incarnation, uint64_t rss_bytes);
void sink_end_incarnation(struct sink *sink, uint32_t incarnation, uint64_t time_ns, bool exec);
void sink_metric(struct sink *sink, enum metric metric, uint64_t time_ns, double value);
void sink_mark(struct sink *sink, enum mark_kind kind, uint64_t time_ns, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
