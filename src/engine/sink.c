/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sink.h. The sampler's thread. */
#include "engine/sink.h"

#include <stdarg.h>
#include <stdio.h>

/* A dictionary larger than this is started anew: most of it is stacks that were seen once. The
 * front then collects its own. */
#define WORDS_MAX_BYTES (2u << 20)

void sink_init(struct sink *sink)
{
    *sink = (struct sink){0};
    dictionary_init(&sink->words);
    sink->batch = batch_new();
}

void sink_clear(struct sink *sink)
{
    dictionary_clear(&sink->words);
    batch_free(sink->batch);
    sink->batch = NULL;
}

static void sink_restart(struct sink *sink)
{
    dictionary_clear(&sink->words);
    dictionary_init(&sink->words);
    sink->marks = (struct batch_marks){0};
    sink->batch->generation = ++sink->generation;
}

struct batch *sink_cut(struct sink *sink)
{
    struct batch *full = sink->batch;
    batch_take_words(full, &sink->words, &sink->marks);
    full->cost = sink->cost;
    sink->batch = batch_new();
    sink->batch->generation = sink->generation;
    if (dictionary_bytes(&sink->words) > WORDS_MAX_BYTES)
        sink_restart(sink);
    return full;
}

uint32_t sink_incarnation(struct sink *sink, const struct incarnation *in)
{
    vec_push(&sink->batch->incarnations, *in);
    return ++sink->incarnations;
}

uint32_t sink_thread(struct sink *sink, uint32_t incarnation, int32_t tid, const char *name,
                     uint64_t time_ns)
{
    struct thread t = {
        .incarnation = {incarnation},
        .tid = tid,
        .name = dictionary_string(&sink->words, name),
        .from_ns = time_ns,
    };
    vec_push(&sink->batch->threads, t);
    return ++sink->threads;
}

void sink_rename(struct sink *sink, uint32_t thread, const char *name)
{
    struct batch_renamed r = {thread, dictionary_string(&sink->words, name)};
    vec_push(&sink->batch->renamed, r);
}

void sink_end_thread(struct sink *sink, uint32_t thread, uint64_t time_ns)
{
    struct batch_end end = {time_ns, thread, false};
    vec_push(&sink->batch->ended_threads, end);
}

void sink_runtime(struct sink *sink, uint32_t incarnation, const char *runtime)
{
    struct batch_runtime r = {incarnation, dictionary_string(&sink->words, runtime)};
    vec_push(&sink->batch->runtimes, r);
}

void sink_memory(struct sink *sink, uint32_t incarnation, uint64_t rss_bytes)
{
    struct batch_memory m = {incarnation, rss_bytes};
    vec_push(&sink->batch->memories, m);
}

void sink_end_incarnation(struct sink *sink, uint32_t incarnation, uint64_t time_ns, bool exec)
{
    struct batch_end end = {time_ns, incarnation, exec};
    vec_push(&sink->batch->ended_incarnations, end);
}

void sink_metric(struct sink *sink, enum metric metric, uint64_t time_ns, double value)
{
    struct batch_metric m = {time_ns, value, metric};
    vec_push(&sink->batch->metrics, m);
}

void sink_mark(struct sink *sink, enum mark_kind kind, uint64_t time_ns, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct batch_mark mark = {time_ns, kind, dictionary_string(&sink->words, text)};
    vec_push(&sink->batch->marks, mark);
}
