/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lists of interpreters (newest first) and thread states (newest first). New ones are put at
 * the head, so that comparing the heads finds them; a removal in the middle is found by comparing
 * every state, which a process with very many threads gets ten times a second.
 */
#include "python/threads.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "python/object.h"

#define INTERPS_MAX         256
#define THREADS_MAX         20000
#define COMPARE_EACH_MAX    32 /* threads that are all compared at each refresh */
#define COMPARE_INTERVAL_NS (100 * NS_PER_MS)
#define TID_TRIES_MAX       5
#define INTERP_BYTES_MAX    65536

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void threads_init(struct threads *t, pid_t pid, const struct runtime *runtime)
{
    const struct layout *l = &runtime->layout;
    *t = (struct threads){.pid = pid, .runtime = runtime};
    tids_init(&t->tids, pid);
    t->state_bytes = max_u32(max_u32(field_end(l->ts_next), field_end(l->ts_interp)),
                             max_u32(field_end(l->ts_thread_id), field_end(l->ts_native_id)));
    t->interp_at = min_u32(l->interp_next.at, l->interp_threads.at);
    uint32_t end = max_u32(field_end(l->interp_next), field_end(l->interp_threads));
    if (l->interp_collecting.size)
        t->interp_at = min_u32(t->interp_at, l->interp_collecting.at);
    end = max_u32(end, field_end(l->interp_collecting));
    t->interp_bytes = min_u32(end - t->interp_at, INTERP_BYTES_MAX);
}

static void track_clear(struct track *t)
{
    vec_free(&t->chunks);
    vec_free(&t->ahead);
    vec_free(&t->groups);
    map_free(&t->ahead_at);
}

void threads_clear(struct threads *t)
{
    for (size_t i = 0; i < t->list.n; i++)
        track_clear(&t->list.at[i].track);
    vec_free(&t->list);
    vec_free(&t->interps);
    vec_free(&t->copy);
    vec_free(&t->spans);
    map_free(&t->by_tid);
    tids_clear(&t->tids);
}

static uint64_t interp_get(const struct threads *t, const uint8_t *bytes, struct field f)
{
    f.at -= t->interp_at;
    return field_get(bytes, t->interp_bytes, f);
}

static struct interp parse_interp(const struct threads *t, uint64_t address, const uint8_t *bytes)
{
    const struct layout *l = &t->runtime->layout;
    struct interp i = {.address = address};
    i.next = interp_get(t, bytes, l->interp_next);
    i.first_thread = interp_get(t, bytes, l->interp_threads);
    i.collecting = interp_get(t, bytes, l->interp_collecting) != 0;
    return i;
}

static void parse_gil(const struct layout *l, struct interp *i, const uint8_t *bytes)
{
    i->holder = field_get(bytes, GIL_READ_BYTES, l->gil_holder);
    i->locked =
        l->gil_locked.size ? field_get(bytes, GIL_READ_BYTES, l->gil_locked) == 1 : i->holder != 0;
}

/* Once per interpreter: it keeps its GIL. */
static bool find_gil(const struct threads *t, struct interp *i)
{
    const struct layout *l = &t->runtime->layout;
    uint8_t bytes[GIL_READ_BYTES];
    i->gil = t->runtime->gil;
    if (l->interp_gil.size && !object_pointer(t->pid, i->address + l->interp_gil.at, &i->gil))
        return false;
    if (!object_plausible(i->gil) || !remote_read(t->pid, i->gil, bytes, sizeof bytes))
        return false;
    parse_gil(l, i, bytes);
    return true;
}

static struct thread parse_thread(const struct threads *t, uint64_t address, const uint8_t *bytes)
{
    const struct layout *l = &t->runtime->layout;
    size_t n = t->state_bytes;
    struct thread th = {.state = address, .same_tid = MAP_NONE};
    th.next = field_get(bytes, n, l->ts_next);
    th.interp_address = field_get(bytes, n, l->ts_interp);
    th.pthread = field_get(bytes, n, l->ts_thread_id);
    th.native_id = field_get(bytes, n, l->ts_native_id);
    return th;
}

static bool same_thread(const struct thread *a, const struct thread *b)
{
    return a->state == b->state && a->interp_address == b->interp_address &&
           a->pthread == b->pthread && a->native_id == b->native_id;
}

/* A new list by single reads, old knowledge kept. false: it makes no sense at this moment. */
static bool walk_interps(struct threads *t, struct interp *out, size_t *n)
{
    uint8_t *bytes = xmalloc(t->interp_bytes);
    uint64_t address = t->head;
    bool ok = true;
    for (*n = 0; address && ok; (*n)++) {
        ok = *n < INTERPS_MAX && object_plausible(address) &&
             remote_read(t->pid, address + t->interp_at, bytes, t->interp_bytes);
        if (!ok)
            break;
        out[*n] = parse_interp(t, address, bytes);
        ok = find_gil(t, &out[*n]);
        address = out[*n].next;
    }
    free(bytes);
    return ok && *n;
}

/* The states of one interpreter, appended to list. */
static bool walk_states(struct threads *t, const struct interp *interp, uint32_t number,
                        struct thread **list, size_t *n, size_t *cap)
{
    uint8_t bytes[4096];
    if (t->state_bytes > sizeof bytes)
        return false;
    for (uint64_t address = interp->first_thread; address;) {
        if (*n >= THREADS_MAX || !object_plausible(address) ||
            !remote_read(t->pid, address, bytes, t->state_bytes))
            return false;
        struct thread th = parse_thread(t, address, bytes);
        if (th.interp_address != interp->address)
            return false;
        th.interp = number;
        if (*n == *cap)
            *list = vec_grow_(*list, cap, *n + 1, sizeof **list);
        (*list)[(*n)++] = th;
        address = th.next;
    }
    return true;
}

static void index_tids(struct threads *t)
{
    map_clear(&t->by_tid);
    /* Backwards, so that the newest interpreter's state of a tid is found first. */
    for (size_t i = t->list.n; i-- > 0;) {
        struct thread *th = &t->list.at[i];
        if (!th->tid && th->tries < TID_TRIES_MAX) {
            th->tries++;
            th->tid = tids_find(&t->tids, th->native_id, th->pthread);
        }
        if (!th->tid)
            continue;
        th->same_tid = map_get(&t->by_tid, (uint64_t)th->tid);
        map_set(&t->by_tid, (uint64_t)th->tid, (uint32_t)i);
    }
}

/* Takes over what is known of the states that are still there. */
static void adopt(struct threads *t, struct thread *list, size_t n)
{
    struct map old = {0};
    for (size_t i = 0; i < t->list.n; i++)
        map_set(&old, t->list.at[i].state, (uint32_t)i);
    for (size_t i = 0; i < n; i++) {
        uint32_t at = map_get(&old, list[i].state);
        if (at == MAP_NONE || !same_thread(&t->list.at[at], &list[i]))
            continue;
        list[i].tid = t->list.at[at].tid;
        list[i].tries = t->list.at[at].tries;
        list[i].track = t->list.at[at].track;
        memset(&t->list.at[at].track, 0, sizeof t->list.at[at].track);
    }
    for (size_t i = 0; i < t->list.n; i++)
        track_clear(&t->list.at[i].track);
    map_free(&old);
}

static bool rebuild(struct threads *t)
{
    struct interp interps[INTERPS_MAX];
    struct thread *list = NULL;
    size_t n_interps = 0, n = 0, cap = 0;
    bool ok = object_pointer(t->pid, t->runtime->interpreters, &t->head) &&
              walk_interps(t, interps, &n_interps);
    for (size_t i = 0; i < n_interps && ok; i++)
        ok = walk_states(t, &interps[i], (uint32_t)i, &list, &n, &cap);
    if (!ok) {
        free(list);
        return false;
    }
    adopt(t, list, n);
    free(t->list.at);
    t->list.at = list;
    t->list.n = n;
    t->list.cap = cap;
    vec_clear(&t->interps);
    vec_append(&t->interps, interps, n_interps);
    index_tids(t);
    return true;
}

/* Where each thing that is compared lands in t->copy. */
struct plan {
    size_t head, collecting, interps, gils, states;
    size_t n_states;
};

static void *add_span(struct threads *t, uint64_t address, size_t size)
{
    size_t at = t->copy.n;
    t->copy.n += size;
    struct remote_span *span = &t->spans.at[t->spans.n++];
    *span = (struct remote_span){address, t->copy.at + at, size, false};
    return span->to;
}

static struct plan read_known(struct threads *t, bool all)
{
    size_t n = t->interps.n;
    struct plan p = {.n_states = all ? t->list.n : 0};
    vec_reserve(&t->copy,
                16 + n * (t->interp_bytes + GIL_READ_BYTES) + p.n_states * (size_t)t->state_bytes);
    vec_reserve(&t->spans, 2 + 2 * n + p.n_states);
    vec_clear(&t->copy);
    vec_clear(&t->spans);
    add_span(t, t->runtime->interpreters, 8);
    p.collecting = t->copy.n;
    memset(t->copy.at + p.collecting, 0, 8);
    if (t->runtime->collecting)
        add_span(t, t->runtime->collecting, sizeof(uint32_t));
    p.interps = t->copy.n;
    for (size_t i = 0; i < n; i++)
        add_span(t, t->interps.at[i].address + t->interp_at, t->interp_bytes);
    p.gils = t->copy.n;
    for (size_t i = 0; i < n; i++)
        add_span(t, t->interps.at[i].gil, GIL_READ_BYTES);
    p.states = t->copy.n;
    for (size_t i = 0; i < p.n_states; i++)
        add_span(t, t->list.at[i].state, t->state_bytes);
    return p;
}

/* Whether everything is as it was; takes over flags and GIL holders. */
static bool unchanged(struct threads *t, const struct plan *p)
{
    const uint8_t *bytes = t->copy.at;
    uint64_t head;
    memcpy(&head, bytes + p->head, sizeof head);
    if (head != t->head)
        return false;
    for (size_t i = 0; i < t->interps.n; i++) {
        struct interp *old = &t->interps.at[i];
        struct interp now = parse_interp(t, old->address, bytes + p->interps + i * t->interp_bytes);
        if (now.next != old->next || now.first_thread != old->first_thread)
            return false;
        now.gil = old->gil;
        parse_gil(&t->runtime->layout, &now, bytes + p->gils + i * GIL_READ_BYTES);
        uint32_t collecting;
        memcpy(&collecting, bytes + p->collecting, sizeof collecting);
        if (t->runtime->collecting)
            now.collecting = collecting != 0;
        *old = now;
    }
    for (size_t i = 0; i < p->n_states; i++) {
        const struct thread *old = &t->list.at[i];
        struct thread now = parse_thread(t, old->state, bytes + p->states + i * t->state_bytes);
        if (!same_thread(old, &now) || now.next != old->next ||
            (!old->tid && old->tries < TID_TRIES_MAX))
            return false;
    }
    return true;
}

bool threads_refresh(struct threads *t, uint64_t now_ns)
{
    bool all = t->list.n <= COMPARE_EACH_MAX || now_ns - t->compared_ns > COMPARE_INTERVAL_NS;
    if (t->interps.n) {
        struct plan p = read_known(t, all);
        if (remote_read_spans(t->pid, t->spans.at, t->spans.n) == t->spans.n && unchanged(t, &p)) {
            if (all)
                t->compared_ns = now_ns;
            return true;
        }
    }
    t->compared_ns = now_ns;
    return rebuild(t);
}

size_t threads_flag_spans(const struct threads *t, uint32_t interp, struct thread_flags *to,
                          struct remote_span spans[THREAD_FLAG_SPANS])
{
    const struct layout *l = &t->runtime->layout;
    const struct interp *i = &t->interps.at[interp];
    uint64_t collecting = t->runtime->collecting;
    if (!collecting && l->interp_collecting.size)
        collecting = i->address + l->interp_collecting.at;
    size_t n = 0;
    *to = (struct thread_flags){.collecting = 0};
    /* In the order in which they lie side by side in newer interpreters. */
    if (collecting)
        spans[n++] =
            (struct remote_span){collecting, &to->collecting, sizeof to->collecting, false};
    if (collecting && l->interp_gc_frame.size)
        spans[n++] = (struct remote_span){i->address + l->interp_gc_frame.at, &to->gc_frame,
                                          sizeof to->gc_frame, false};
    spans[n++] = (struct remote_span){i->gil, to->gil, sizeof to->gil, false};
    return n;
}

void threads_take_flags(struct threads *t, uint32_t interp, const struct thread_flags *flags)
{
    parse_gil(&t->runtime->layout, &t->interps.at[interp], flags->gil);
    t->interps.at[interp].collecting = flags->collecting != 0;
    t->interps.at[interp].gc_frame = flags->gc_frame;
}

uint32_t threads_find(const struct threads *t, pid_t tid)
{
    return map_get(&t->by_tid, (uint64_t)tid);
}

bool threads_hold_gil(const struct threads *t, pid_t tid)
{
    for (uint32_t i = threads_find(t, tid); i != MAP_NONE; i = t->list.at[i].same_tid) {
        const struct interp *interp = &t->interps.at[t->list.at[i].interp];
        if (interp->locked && interp->holder == t->list.at[i].state)
            return true;
    }
    return false;
}

bool threads_is_gil(const struct threads *t, const struct interp *interp, uint64_t addr)
{
    const struct runtime *r = t->runtime;
    if (r->waits_to) /* 3.6: what is waited on lies elsewhere */
        return addr >= r->waits_from && addr < r->waits_to;
    return interp->gil && addr >= interp->gil && addr < interp->gil + GIL_BYTES;
}

pid_t threads_gil_holder(const struct threads *t, uint64_t addr)
{
    for (size_t i = 0; i < t->interps.n; i++) {
        const struct interp *interp = &t->interps.at[i];
        if (!threads_is_gil(t, interp, addr) || !interp->locked)
            continue;
        for (size_t k = 0; k < t->list.n; k++)
            if (t->list.at[k].state == interp->holder)
                return t->list.at[k].tid;
    }
    return 0;
}
