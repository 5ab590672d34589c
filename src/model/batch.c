/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See batch.h. batch_take_words is the sampler's, batch_apply the front's. */
#include "model/batch.h"

#include <stdlib.h>
#include <string.h>

#include "model/thread_states.h"

struct batch *batch_new(void)
{
    return xcalloc(1, sizeof(struct batch));
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    vec_free(&b->string_bytes);
    vec_free(&b->modules);
    vec_free(&b->functions);
    vec_free(&b->frames);
    vec_free(&b->stacks);
    vec_free(&b->objects);
    vec_free(&b->incarnations);
    vec_free(&b->threads);
    vec_free(&b->ended_threads);
    vec_free(&b->ended_incarnations);
    vec_free(&b->runtimes);
    vec_free(&b->memories);
    vec_free(&b->renamed);
    vec_free(&b->runs);
    vec_free(&b->metrics);
    vec_free(&b->marks);
    free(b);
}

/* Entry 0 is "none" on both sides and never travels. */
#define take_tail(to, from, mark)                                                                  \
    do {                                                                                           \
        if (!*(mark))                                                                              \
            *(mark) = 1;                                                                           \
        vec_append((to), (from)->at + *(mark), (from)->n - *(mark));                               \
        *(mark) = (uint32_t)(from)->n;                                                             \
    } while (0)

void batch_take_words(struct batch *b, const struct dictionary *words, struct batch_marks *marks)
{
    if (!marks->strings)
        marks->strings = 1;
    uint32_t n = (uint32_t)words->strings.offsets.n;
    if (marks->strings < n) {
        uint32_t from = words->strings.offsets.at[marks->strings];
        vec_append(&b->string_bytes, words->strings.bytes.at + from, words->strings.bytes.n - from);
        b->string_count += n - marks->strings;
        marks->strings = n;
    }
    take_tail(&b->modules, &words->modules, &marks->modules);
    take_tail(&b->functions, &words->functions, &marks->functions);
    take_tail(&b->frames, &words->frames, &marks->frames);
    take_tail(&b->stacks, &words->stacks, &marks->stacks);
    take_tail(&b->objects, &words->objects, &marks->objects);
}

static void reader_restart(struct batch_reader *r, uint32_t generation)
{
    r->generation = generation;
    vec_clear(&r->strings);
    vec_clear(&r->modules);
    vec_clear(&r->functions);
    vec_clear(&r->frames);
    vec_clear(&r->stacks);
    vec_clear(&r->objects);
    vec_push(&r->strings, 0);
    vec_push(&r->modules, 0);
    vec_push(&r->functions, 0);
    vec_push(&r->frames, 0);
    vec_push(&r->stacks, 0);
    vec_push(&r->objects, 0);
}

void batch_reader_init(struct batch_reader *r)
{
    memset(r, 0, sizeof *r);
    reader_restart(r, 0);
}

static void numbers_add(struct batch_numbers *numbers, uint32_t ours)
{
    vec_push(&numbers->list, ((struct batch_number){++numbers->given, ours}));
}

/* 0: none, or forgotten. */
static uint32_t numbers_find(const struct batch_numbers *numbers, uint32_t theirs)
{
    size_t low = 0, high = numbers->list.n;
    if (theirs && theirs <= high && numbers->list.at[theirs - 1].theirs == theirs)
        return numbers->list.at[theirs - 1].ours; /* as long as none was forgotten */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (numbers->list.at[mid].theirs == theirs)
            return numbers->list.at[mid].ours;
        if (numbers->list.at[mid].theirs < theirs)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

static void numbers_renumber(struct batch_numbers *numbers, const uint32_t *renumbered)
{
    size_t kept = 0;
    for (size_t i = 0; i < numbers->list.n; i++) {
        struct batch_number n = numbers->list.at[i];
        n.ours = renumbered[n.ours];
        if (n.ours)
            numbers->list.at[kept++] = n;
    }
    numbers->list.n = kept;
}

void batch_reader_clear(struct batch_reader *r)
{
    vec_free(&r->strings);
    vec_free(&r->modules);
    vec_free(&r->functions);
    vec_free(&r->frames);
    vec_free(&r->stacks);
    vec_free(&r->objects);
    vec_free(&r->incarnations.list);
    vec_free(&r->threads.list);
}

static void read_words(struct batch_reader *r, struct recording *rec, const struct batch *b)
{
    struct dictionary *d = &rec->words;
    const char *s = b->string_bytes.at;
    for (uint32_t i = 0; i < b->string_count; i++, s += strlen(s) + 1)
        vec_push(&r->strings, dictionary_string(d, s).n);
    for (size_t i = 0; i < b->modules.n; i++) {
        /* By text: adding a string may move the others, so the texts are looked up again. */
        char *path =
            xstrdup(string_text(d, (struct string_id){r->strings.at[b->modules.at[i].path.n]}));
        char *build_id =
            xstrdup(string_text(d, (struct string_id){r->strings.at[b->modules.at[i].build_id.n]}));
        vec_push(&r->modules, dictionary_module(d, path, build_id).n);
        free(path);
        free(build_id);
    }
    for (size_t i = 0; i < b->functions.n; i++) {
        struct function f = b->functions.at[i];
        f.name.n = r->strings.at[f.name.n];
        f.file.n = r->strings.at[f.file.n];
        f.module.n = r->modules.at[f.module.n];
        vec_push(&r->functions, dictionary_function(d, &f).n);
    }
    for (size_t i = 0; i < b->frames.n; i++) {
        struct frame f = b->frames.at[i];
        f.place.function.n = r->functions.at[f.place.function.n];
        f.module.n = r->modules.at[f.module.n];
        vec_push(&r->frames, dictionary_frame(d, &f).n);
    }
    for (size_t i = 0; i < b->stacks.n; i++) {
        struct stack st = b->stacks.at[i];
        struct stack_id parent = {r->stacks.at[st.parent.n]};
        struct frame_id frame = {r->frames.at[st.frame.n]};
        vec_push(&r->stacks, dictionary_stack(d, parent, frame).n);
    }
    for (size_t i = 0; i < b->objects.n; i++) {
        struct string_id text = {r->strings.at[b->objects.at[i].n]};
        char *copy = xstrdup(string_text(d, text));
        vec_push(&r->objects, dictionary_object(d, copy).n);
        free(copy);
    }
}

static struct string_id string_here(const struct batch_reader *r, struct string_id id)
{
    return (struct string_id){r->strings.at[id.n]};
}

static void read_processes(struct batch_reader *r, struct recording *rec, const struct batch *b)
{
    for (size_t i = 0; i < b->incarnations.n; i++) {
        struct incarnation in = b->incarnations.at[i];
        in.comm = string_here(r, in.comm);
        in.cmdline = string_here(r, in.cmdline);
        in.exe = string_here(r, in.exe);
        in.runtime = string_here(r, in.runtime);
        numbers_add(&r->incarnations, recording_add_incarnation(rec, in).n);
    }
    for (size_t i = 0; i < b->threads.n; i++) {
        struct thread t = b->threads.at[i];
        t.incarnation.n = numbers_find(&r->incarnations, t.incarnation.n);
        t.name = string_here(r, t.name);
        numbers_add(&r->threads, recording_add_thread(rec, t).n);
    }
    for (size_t i = 0; i < b->renamed.n; i++) {
        uint32_t id = numbers_find(&r->threads, b->renamed.at[i].thread);
        if (id) /* not forgotten meanwhile */
            rec->threads.at[id].name = string_here(r, b->renamed.at[i].name);
    }
    for (size_t i = 0; i < b->memories.n; i++) {
        uint32_t id = numbers_find(&r->incarnations, b->memories.at[i].incarnation);
        if (id)
            rec->incarnations.at[id].rss_bytes = b->memories.at[i].rss_bytes;
    }
    for (size_t i = 0; i < b->runtimes.n; i++) {
        uint32_t id = numbers_find(&r->incarnations, b->runtimes.at[i].incarnation);
        if (id)
            rec->incarnations.at[id].runtime = string_here(r, b->runtimes.at[i].runtime);
    }
}

void batch_reader_renumber(struct batch_reader *r, const uint32_t *renumbered)
{
    numbers_renumber(&r->threads, renumbered);
}

void batch_reader_renumber_incarnations(struct batch_reader *r, const uint32_t *renumbered)
{
    numbers_renumber(&r->incarnations, renumbered);
}

void batch_apply(struct batch_reader *r, struct recording *rec, const struct batch *b)
{
    if (b->generation != r->generation)
        reader_restart(r, b->generation);
    read_words(r, rec, b);
    read_processes(r, rec, b);
    for (size_t i = 0; i < b->runs.n; i++) {
        struct run run = b->runs.at[i];
        run.thread.n = numbers_find(&r->threads, run.thread.n);
        run.stack.n = r->stacks.at[run.stack.n];
        run.object.n = r->objects.at[run.object.n];
        recording_add_run(rec, &run);
    }
    for (size_t i = 0; i < b->metrics.n; i++)
        recording_add_metric(rec, b->metrics.at[i].metric, b->metrics.at[i].time_ns,
                             b->metrics.at[i].value);
    if (b->metrics.n)
        thread_states_add(rec, vec_last(&b->metrics)->time_ns);
    for (size_t i = 0; i < b->marks.n; i++) {
        char *text = xstrdup(string_text(&rec->words, string_here(r, b->marks.at[i].text)));
        recording_add_mark(rec, b->marks.at[i].time_ns, b->marks.at[i].kind, text);
        free(text);
    }
    for (size_t i = 0; i < b->ended_threads.n; i++)
        recording_end_thread(
            rec, (struct thread_id){numbers_find(&r->threads, b->ended_threads.at[i].id)},
            b->ended_threads.at[i].time_ns);
    for (size_t i = 0; i < b->ended_incarnations.n; i++) {
        const struct batch_end *end = &b->ended_incarnations.at[i];
        struct incarnation_id id = {numbers_find(&r->incarnations, end->id)};
        recording_end_incarnation(rec, id, end->time_ns, end->exec);
    }
    rec->cost = b->cost;
    rec->version++;
}
