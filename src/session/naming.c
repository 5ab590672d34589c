/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See naming.h. naming_work is the worker's side, the rest the front's. */
#include "session/naming.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "native/symbolizer.h"
#include "session/queue.h"

struct question {
    uint32_t frame;
    uint64_t offset;
    uint32_t path, build_id; /* in the text of its inquiry */
};

/* Several questions at once: what one batch of samples has brought. */
struct inquiry {
    uint32_t epoch;
    VEC(struct question) questions;
    VEC(char) text;
    VEC(pid_t) pids;            /* through whose files they are answered */
    size_t lined;               /* how many of the questions have got their lines */
    VEC(struct question) later; /* those of them whose debug file is being fetched */
    bool renamed;               /* these are such ones: their names may be others now */
};

struct reply_frame {
    uint32_t frame;
    struct symbol_places places;
};

struct reply {
    uint32_t epoch;
    size_t done; /* questions that this reply is the last word on */
    VEC(struct reply_frame) frames;
};

struct naming {
    pthread_t thread;
    pid_t pid;
    bool debuginfod;
    struct queue *inquiries, *replies;
    _Atomic bool stopping;
    uint32_t epoch;
    uint32_t asked; /* frames below this id have been asked for */
    size_t pending;
    uint64_t processes; /* a hash of those that the worker was told of */
    struct map modules; /* module id -> offset in `text`, for the inquiry being made */
};

static void inquiry_free(struct inquiry *q)
{
    if (!q)
        return;
    vec_free(&q->questions);
    vec_free(&q->later);
    vec_free(&q->text);
    vec_free(&q->pids);
    free(q);
}

static void reply_free(struct reply *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->frames.n; i++)
        symbol_places_clear(&r->frames.at[i].places);
    vec_free(&r->frames);
    free(r);
}

/* A front that takes no replies loses them, and keeps the stand-in names. */
static void send_reply(struct naming *s, struct reply *r)
{
    if (!queue_put(s->replies, r))
        reply_free(r);
}

static void answer_names(struct naming *s, struct symbolizer *sym, const struct inquiry *q)
{
    struct reply *r = xcalloc(1, sizeof *r);
    r->epoch = q->epoch;
    symbolizer_set_pids(sym, q->pids.at, q->pids.n);
    for (size_t i = 0; i < q->questions.n && !s->stopping; i++) {
        const struct question *ask = &q->questions.at[i];
        struct reply_frame *f = vec_add(&r->frames);
        f->frame = ask->frame;
        symbolizer_name(sym, q->text.at + ask->path, q->text.at + ask->build_id, ask->offset,
                        &f->places);
    }
    send_reply(s, r);
}

/* Lines for a few questions, so that names asked for meanwhile need not wait long. */
#define LINES_AT_ONCE 16
/* How often it is looked whether a file has been fetched. */
#define FETCH_LOOK_MS 200

static void answer_lines(struct naming *s, struct symbolizer *sym, struct inquiry *q)
{
    struct reply *r = xcalloc(1, sizeof *r);
    r->epoch = q->epoch;
    for (int i = 0; i < LINES_AT_ONCE && q->lined < q->questions.n && !s->stopping; i++) {
        const struct question *ask = &q->questions.at[q->lined++];
        const char *path = q->text.at + ask->path, *build_id = q->text.at + ask->build_id;
        struct symbol_places places = {0};
        if (symbolizer_fetching(sym, path, build_id)) {
            vec_push(&q->later, *ask);
            continue;
        }
        r->done++;
        bool lines = symbolizer_lines(sym, path, build_id, ask->offset, &places);
        if (!lines && q->renamed)
            symbolizer_name(sym, path, build_id, ask->offset, &places);
        if (lines || q->renamed) {
            struct reply_frame *f = vec_add(&r->frames);
            f->frame = ask->frame;
            f->places = places;
        } else {
            symbol_places_clear(&places);
        }
    }
    send_reply(s, r);
}

/* The questions that are left become the inquiry's; false: there are none. */
static bool ask_later(struct inquiry *q)
{
    if (!q->later.n)
        return false;
    q->questions.n = q->lined = 0;
    vec_append(&q->questions, q->later.at, q->later.n);
    q->later.n = 0;
    q->renamed = true;
    return true;
}

/* What the worker has taken in and has not done: oldest first. */
struct backlog {
    struct naming *naming;
    struct symbolizer *symbolizer;
    VEC(struct inquiry *) named;   /* their lines are still to come, from `first` on */
    VEC(struct inquiry *) waiting; /* for files that are being fetched */
    size_t first;
};

/* Names do not wait for lines, which may take a second each. */
static bool name_meanwhile(void *arg)
{
    struct backlog *b = arg;
    struct inquiry *q = queue_take(b->naming->inquiries);
    if (!q)
        return false;
    answer_names(b->naming, b->symbolizer, q);
    vec_push(&b->named, q);
    return true;
}

static struct inquiry *next_inquiry(struct naming *s, struct backlog *b)
{
    struct inquiry *q = queue_take(s->inquiries);
    if (q || b->first < b->named.n)
        return q;
    if (!b->waiting.n)
        return queue_wait(s->inquiries);
    struct pollfd p = {.fd = queue_fd(s->inquiries), .events = POLLIN};
    poll(&p, 1, FETCH_LOOK_MS);
    b->named.n = b->first = 0;
    vec_append(&b->named, b->waiting.at, b->waiting.n);
    b->waiting.n = 0;
    return queue_take(s->inquiries);
}

static void *naming_work(void *arg)
{
    struct naming *s = arg;
    struct symbolizer *sym = symbolizer_new(s->pid);
    struct backlog b = {.naming = s, .symbolizer = sym};
    symbolizer_set_meanwhile(sym, queue_fd(s->inquiries), name_meanwhile, &b);
    symbolizer_set_fetching(sym, s->debuginfod);
    while (!s->stopping) {
        struct inquiry *q = next_inquiry(s, &b);
        if (q) {
            answer_names(s, sym, q);
            vec_push(&b.named, q);
        } else if (b.first < b.named.n) {
            q = b.named.at[b.first];
            answer_lines(s, sym, q);
            if (q->lined < q->questions.n)
                continue;
            b.first++;
            if (ask_later(q))
                vec_push(&b.waiting, q);
            else
                inquiry_free(q);
        } else {
            break; /* closed */
        }
        if (b.first == b.named.n)
            b.named.n = b.first = 0;
    }
    while (b.first < b.named.n)
        inquiry_free(b.named.at[b.first++]);
    while (b.waiting.n)
        inquiry_free(b.waiting.at[--b.waiting.n]);
    vec_free(&b.named);
    vec_free(&b.waiting);
    symbolizer_free(sym);
    return NULL;
}

struct naming *naming_start(pid_t pid, bool debuginfod)
{
    struct naming *s = xcalloc(1, sizeof *s);
    s->pid = pid;
    s->debuginfod = debuginfod;
    s->asked = 1;
    s->inquiries = queue_new(1024);
    s->replies = queue_new(65536);
    if (pthread_create(&s->thread, NULL, naming_work, s))
        die("cannot start a thread");
    pthread_setname_np(s->thread, "naming");
    return s;
}

void naming_stop(struct naming *s)
{
    if (!s)
        return;
    s->stopping = true;
    queue_close(s->inquiries);
    pthread_join(s->thread, NULL);
    void *item;
    while ((item = queue_take(s->inquiries)))
        inquiry_free(item);
    while ((item = queue_take(s->replies)))
        reply_free(item);
    queue_free(s->inquiries);
    queue_free(s->replies);
    map_free(&s->modules);
    free(s);
}

int naming_fd(const struct naming *s)
{
    return queue_fd(s->replies);
}

static uint32_t add_text(struct inquiry *q, const char *text)
{
    uint32_t at = (uint32_t)q->text.n;
    vec_append(&q->text, text, strlen(text) + 1);
    return at;
}

/* Tells the processes that are there; their hash. */
static uint64_t add_pids(struct inquiry *q, const struct recording *rec)
{
    uint64_t hash = 1;
    for (size_t i = 1; i < rec->incarnations.n; i++) {
        const struct incarnation *in = &rec->incarnations.at[i];
        if (in->to_ns)
            continue;
        hash = hash_mix(hash, (uint64_t)in->pid << 32 | (uint32_t)i);
        if (q)
            vec_push(&q->pids, in->pid);
    }
    return hash;
}

void naming_ask(struct naming *s, const struct recording *rec)
{
    const struct dictionary *d = &rec->words;
    uint64_t processes = add_pids(NULL, rec);
    if (s->asked >= d->frames.n && s->processes == processes)
        return;
    struct inquiry *q = xcalloc(1, sizeof *q);
    q->epoch = s->epoch;
    add_pids(q, rec);
    map_clear(&s->modules);
    uint32_t next = s->asked;
    for (; next < d->frames.n; next++) {
        const struct frame *f = &d->frames.at[next];
        bool known = next < rec->frame_places.n && rec->frame_places.at[next].n;
        if (!frame_is_native(f) || !f->module.n || known)
            continue;
        uint32_t text = map_get(&s->modules, f->module.n);
        if (text == MAP_NONE) {
            text = add_text(q, module_path(d, f->module));
            add_text(q, string_text(d, d->modules.at[f->module.n].build_id));
            map_set(&s->modules, f->module.n, text);
        }
        uint32_t build_id = text + (uint32_t)strlen(q->text.at + text) + 1;
        struct question ask = {next, f->offset, text, build_id};
        vec_push(&q->questions, ask);
    }
    size_t n = q->questions.n;
    if (queue_put(s->inquiries, q)) {
        s->pending += n;
        s->asked = next;
        s->processes = processes;
    } else {
        inquiry_free(q); /* full: asked again at the next call */
    }
}

void naming_restart(struct naming *s)
{
    s->epoch++;
    s->asked = 1;
    s->pending = 0;
}

/* What the symbolizer says of a frame, in the recording's words. */
static void take_places(struct recording *rec, uint32_t frame_n, const struct symbol_places *said)
{
    struct place places[sizeof said->at / sizeof said->at[0]];
    struct module_id module = rec->words.frames.at[frame_n].module;
    for (size_t i = 0; i < said->n; i++) {
        const struct symbol_place *p = &said->at[i];
        struct function f = {
            .name = dictionary_string(&rec->words, p->name ? p->name : ""),
            .file = dictionary_string(&rec->words, p->file ? p->file : ""),
            .line = p->first_line,
            .module = module,
            .language = (uint8_t)p->language,
        };
        places[i] = (struct place){dictionary_function(&rec->words, &f), p->line};
    }
    if (said->n)
        recording_resolve(rec, (struct frame_id){frame_n}, places, said->n);
}

bool naming_pump(struct naming *s, struct recording *rec)
{
    bool any = false;
    struct reply *r;
    while ((r = queue_take(s->replies))) {
        if (r->epoch == s->epoch) {
            for (size_t i = 0; i < r->frames.n; i++)
                take_places(rec, r->frames.at[i].frame, &r->frames.at[i].places);
            s->pending -= r->done < s->pending ? r->done : s->pending;
            any = true;
        }
        reply_free(r);
    }
    return any;
}

size_t naming_pending(const struct naming *s)
{
    return s->pending;
}
