/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proftop dump: every thread's stack now, once. It is a recording of the first tick or two, of
 * which each thread's newest run is printed.
 */
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/verbs.h"
#include "view/wait_group.h"

/* One tick shows all threads; a few more get those whose first stack was torn. */
#define DUMP_RATE_HZ 20
#define SEEN_NS      (2 * NS_PER_S)
#define NAMING_NS    (10 * NS_PER_S)

static bool all_seen(const struct recording *rec)
{
    size_t alive = 0;
    for (uint32_t t = 1; t < rec->threads.n; t++) {
        if (rec->threads.at[t].to_ns)
            continue;
        alive++;
        if (t >= rec->open.n || !rec->open.at[t].ticks)
            return false;
    }
    return alive > 0;
}

static void wait_a_little(struct session *s)
{
    struct pollfd p = {session_fd(s), POLLIN, 0};
    poll(&p, 1, 50);
    session_pump(s);
}

static void take_one_look(struct session *s)
{
    uint64_t deadline = clock_mono_ns() + SEEN_NS;
    while (session_kind(s) == SESSION_LIVE && clock_mono_ns() < deadline &&
           !all_seen(session_recording(s)))
        wait_a_little(s);
    session_stop(s);
    deadline = clock_mono_ns() + NAMING_NS;
    while (session_naming(s) && clock_mono_ns() < deadline)
        wait_a_little(s);
}

/* What is printed of a frame; strings are borrowed, NULL or 0 where there is none. */
struct shown_frame {
    const char *name, *module, *file, *language;
    uint32_t line;
};

static struct shown_frame show_place(const struct recording *rec, const struct place *p)
{
    const struct function *f = function_at(&rec->words, p->function);
    const char *file = string_text(&rec->words, f->file);
    const char *module = module_path(&rec->words, f->module);
    return (struct shown_frame){
        .name = string_text(&rec->words, f->name),
        .module = *module ? module : NULL,
        .file = *file ? file : NULL,
        .language = language_name(f->language),
        .line = p->line,
    };
}

static const char *state_text(const struct run *r)
{
    static const char *const names[] = {
        [STATE_RUNNING] = "running", [STATE_RUNNABLE] = "runnable", [STATE_WAITING] = "waiting"};
    return names[r->state];
}

typedef void frame_fn(void *context, const struct shown_frame *frame);

static void each_frame(struct fold *fold, const struct run *run, frame_fn *fn, void *context)
{
    struct stack_id stack = fold_stack(fold, run->stack);
    for (struct stack_id s = stack; s.n; s = fold_at(fold, s)->parent) {
        const struct place *places;
        size_t n = recording_places(fold->rec, fold_at(fold, s)->frame, &places);
        for (size_t i = 0; i < n; i++) {
            struct shown_frame frame = show_place(fold->rec, &places[i]);
            fn(context, &frame);
        }
    }
}

/* Whether one more thread may be printed, of --limit at most; counts it. */
static bool within(const struct options *o, size_t *printed)
{
    return !o->limit || (*printed)++ < (size_t)o->limit;
}

/* The threads that are to be printed: alive, seen, and not filtered out. */
static const struct run *run_of(const struct recording *rec, uint32_t t, const struct options *o)
{
    if (t >= rec->open.n || !rec->open.at[t].ticks)
        return NULL;
    const struct run *r = &rec->open.at[t];
    if (o->thread && rec->threads.at[t].tid != o->thread)
        return NULL;
    if (o->states == STATES_CPU && r->state != STATE_RUNNING)
        return NULL;
    if (o->states == STATES_WAIT && r->state == STATE_RUNNING)
        return NULL;
    return r;
}

static void add_json_frame(void *context, const struct shown_frame *f)
{
    json_t *frame = json_pack(
        "{s:s, s:s?, s:s?, s:o, s:s}", "name", f->name, "module", f->module, "file", f->file,
        "line", f->line ? json_integer(f->line) : json_null(), "language", f->language);
    json_array_append_new(context, frame);
}

static void print_json(const struct recording *rec, struct fold *fold, const struct options *o)
{
    json_t *threads = json_array();
    size_t printed = 0;
    for (uint32_t t = 1; t < rec->threads.n; t++) {
        const struct run *r = run_of(rec, t, o);
        if (!r || !within(o, &printed))
            continue;
        json_t *frames = json_array();
        each_frame(fold, r, add_json_frame, frames);
        const char *wait = wait_name(r->wait), *owner = wait_thread_name(rec, r->owner);
        char on[512];
        wait_run_about(on, sizeof on, rec, r);
        json_t *thread = json_pack(
            "{s:i, s:i, s:s, s:s, s:s?, s:s?, s:o, s:s?, s:b, s:o}", "pid",
            rec->incarnations.at[rec->threads.at[t].incarnation.n].pid, "tid",
            rec->threads.at[t].tid, "name", string_text(&rec->words, rec->threads.at[t].name),
            "state", state_text(r), "wait", *wait ? wait : NULL, "on", *on ? on : NULL, "owner_tid",
            r->owner ? json_integer(r->owner) : json_null(), "owner_name", *owner ? owner : NULL,
            "gil", (r->flags & SAMPLE_GIL) != 0, "frames", frames);
        json_array_append_new(threads, thread);
    }
    json_t *dump = json_pack("{s:s, s:i, s:o}", "schema", "proftop.dump/1", "pid",
                             rec->incarnations.at[1].pid, "threads", threads);
    json_dumpf(dump, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(dump);
}

static void print_text_frame(void *context, const struct shown_frame *f)
{
    (void)context;
    printf("    %s", f->name);
    if (f->file && f->line)
        printf("  %s:%u", f->file, f->line);
    else if (f->file)
        printf("  %s", f->file);
    else if (f->module)
        printf("  %s", f->module);
    fputc('\n', stdout);
}

static void print_process(const struct recording *rec, uint32_t n, struct fold *fold,
                          const struct options *o, size_t *printed)
{
    const struct incarnation *in = &rec->incarnations.at[n];
    printf("%s%s  pid %d  %s\n", n > 1 ? "\n" : "", string_text(&rec->words, in->comm), in->pid,
           string_text(&rec->words, in->runtime));
    for (uint32_t t = 1; t < rec->threads.n; t++) {
        const struct run *r = run_of(rec, t, o);
        if (!r || rec->threads.at[t].incarnation.n != n || !within(o, printed))
            continue;
        const char *wait = wait_name(r->wait);
        char on[512];
        wait_run_about(on, sizeof on, rec, r);
        text_make_printable(on);
        printf("\nthread %d  %s  %s%s%s%s%s%s\n", rec->threads.at[t].tid,
               string_text(&rec->words, rec->threads.at[t].name), state_text(r), *wait ? ": " : "",
               wait, *on ? "  on " : "", on, r->flags & SAMPLE_GIL ? "  (holds the GIL)" : "");
        each_frame(fold, r, print_text_frame, NULL);
    }
}

static void print_text(const struct recording *rec, struct fold *fold, const struct options *o)
{
    size_t printed = 0;
    for (uint32_t n = 1; n < rec->incarnations.n; n++)
        print_process(rec, n, fold, o, &printed);
}

int verb_dump(const struct options *o)
{
    struct err err;
    bool json = o->format && strcmp(o->format, "json") == 0;
    if (o->format && !json && strcmp(o->format, "text") != 0 && strcmp(o->format, "table") != 0) {
        err_set(&err, "--format takes text or json here, not \"%s\"", o->format);
        fail(&err);
        return EXIT_USAGE;
    }
    o->settings->now.rate_hz = DUMP_RATE_HZ;
    struct session *s = open_target(o, true, &err);
    if (!s)
        return fail(&err);
    take_one_look(s);
    const struct recording *rec = session_recording(s);
    int status = EXIT_DONE;
    struct fold fold;
    fold_init(&fold, rec, options_native(o));
    if (!rec->cost.samples) {
        err_set(&err, "no stack could be read; `proftop doctor %d` says what is missing",
                rec->incarnations.at[1].pid);
        status = fail(&err);
    } else if (json) {
        print_json(rec, &fold, o);
    } else {
        print_text(rec, &fold, o);
    }
    fold_clear(&fold);
    session_free(s);
    return status;
}
