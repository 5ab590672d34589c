/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See mapping_calls.h. */
#include "engine/mapping_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/mapped_spans.h"
#include "target/perf.h"
#include "target/procfs.h"
#include "target/tracepoint.h"

/* What may be spent in a second, in records with a stack: 6 us each of the target's time and 40 of
 * ours. A record without one is 2 us (measured on a slow machine). */
#define SPEND_PER_S  150.0
#define SPEND_BARE   0.3
#define SPEND_LOST   0.1
#define SPEND_BURST  16.0 /* of one burst: the ring of a CPU has room for 60 */
#define BURST_LEAST  (NS_PER_MS / 4)
#define BURST_MOST   (40 * NS_PER_MS)
#define UNSETTLED_NS NS_PER_MS /* a handler may still be writing what happened then */

/* An event that is off still costs each call 0.1 to 0.2 us. Where calls are so many that this is
 * felt, the look ends after so many bursts that met them, and what it saw has to do. */
#define BUSY_PER_S  20000.0
#define BUSY_BURSTS 16u

/* Younger address space is not called growth; in a short look, half of it. */
#define STAY_NS (5 * NS_PER_S)

#define ERRNO_MOST 4095 /* results from -4095 to -1 are errors */
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum call_kind {
    CALL_BRK,
    CALL_MMAP,
    CALL_MREMAP,
    CALL_MUNMAP,
    CALLS,
    BURST_END = CALLS, /* no call: from then on nobody looked */
};

/* brk is watched by itself: it is rare, and where it is not, the next one that is seen tells what
 * was added meanwhile. */
enum watch_kind { WATCH_BREAK, WATCH_MAPPINGS, WATCHES };

static const struct {
    const char *event;
    enum watch_kind watch;
    bool stack; /* copied */
} calls[CALLS] = {
    [CALL_BRK] = {"syscalls/sys_exit_brk", WATCH_BREAK, true},
    [CALL_MMAP] = {"syscalls/sys_exit_mmap", WATCH_MAPPINGS, true},
    [CALL_MREMAP] = {"syscalls/sys_exit_mremap", WATCH_MAPPINGS, true},
    [CALL_MUNMAP] = {"syscalls/sys_exit_munmap", WATCH_MAPPINGS, false},
};

#define NO_STACK UINT32_MAX

struct call {
    uint64_t time_ns;
    enum call_kind kind;
    uint64_t start, size;    /* mapped now; of munmap: no longer */
    uint64_t from, old_size; /* mremap: where it was */
    bool keeps_old;          /* mremap: that too */
    bool usable;             /* mmap: it counts */
    double weight;
    uint32_t stack; /* of the sites, then of the growth; NO_STACK */
};

/* How much of the time it is looked at. */
struct watch {
    bool on;
    double tokens;      /* that may be spent */
    uint64_t at_ns;     /* tokens were given until then */
    uint64_t off_ns;    /* not on since */
    uint64_t burst_ns;  /* how long the next burst is */
    bool had_bursts;    /* or lost records: what goes was not all seen */
    unsigned busy;      /* bursts that met too many calls */
    uint64_t closed_ns; /* it has no events any more since; 0: it has */
    uint64_t lost;      /* of the rings, until now */
};

struct mapping_calls {
    pid_t pid;
    uint64_t page_bytes;
    struct perf_events *events[CALLS];
    struct watch watches[WATCHES];
    uint64_t begun_ns, data_bytes; /* of the data segment, when it began */
    uint64_t last_break;           /* 0: not known yet */
    struct mapped_spans spans;
    struct maps maps;
    VEC(struct call) calls;
    size_t settled; /* of calls, named but too new to be settled come first */
    struct perf_sample sample;
};

static bool find_call(enum call_kind kind, struct tracepoint *t, struct err *err)
{
    return tracepoint_find(calls[kind].event, "ret", t, err);
}

struct mapping_calls *mapping_calls_new(pid_t pid, size_t stack_bytes, struct err *err)
{
    struct mapping_calls *c = xcalloc(1, sizeof *c);
    c->pid = pid;
    c->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    maps_init(&c->maps);
    for (int kind = 0; kind < CALLS; kind++) {
        struct tracepoint t;
        if (find_call(kind, &t, err))
            c->events[kind] =
                perf_events_new_tracepoint(&t, calls[kind].stack ? stack_bytes : 0, err);
        if (!c->events[kind]) {
            mapping_calls_free(c);
            return NULL;
        }
    }
    return c;
}

void mapping_calls_free(struct mapping_calls *c)
{
    if (!c)
        return;
    for (int kind = 0; kind < CALLS; kind++)
        perf_events_free(c->events[kind]);
    mapped_spans_clear(&c->spans);
    maps_clear(&c->maps);
    vec_free(&c->calls);
    free(c);
}

bool mapping_calls_add(struct mapping_calls *c, pid_t tid, struct err *err)
{
    for (int kind = 0; kind < CALLS; kind++)
        if (!perf_events_add(c->events[kind], tid, err))
            return false;
    return true;
}

bool mapping_calls_allowed(struct err *err)
{
    for (int kind = 0; kind < CALLS; kind++) {
        struct tracepoint t;
        if (!find_call(kind, &t, err) || !perf_events_tracepoint_allowed(&t, err))
            return false;
    }
    return true;
}

static void switch_watch(struct mapping_calls *c, enum watch_kind which, bool on)
{
    for (int kind = 0; kind < CALLS; kind++)
        if (calls[kind].watch == which)
            perf_events_switch(c->events[kind], on);
    c->watches[which].on = on;
}

/* Private memory that can be written: what mmap, brk and a thread's stack enlarge. 0: unknown. */
static uint64_t data_bytes(pid_t pid)
{
    char text[4096];
    if (procfs_read(AT_FDCWD, text, sizeof text, "/proc/%d/status", (int)pid) <= 0)
        return 0;
    return procfs_status_field(text, "VmData", 10, 0) * 1024;
}

void mapping_calls_begin(struct mapping_calls *c)
{
    c->begun_ns = clock_mono_ns();
    c->data_bytes = data_bytes(c->pid);
    for (int which = 0; which < WATCHES; which++)
        c->watches[which] = (struct watch){.tokens = SPEND_PER_S,
                                           .at_ns = c->begun_ns,
                                           .off_ns = c->begun_ns,
                                           .burst_ns = BURST_LEAST};
    maps_read(&c->maps, c->pid, NULL, NULL);
    for (size_t i = 0; i < c->maps.list.n; i++)
        if (!strcmp(maps_path(&c->maps, &c->maps.list.at[i]), "[heap]"))
            c->last_break = c->maps.list.at[i].end;
}

static bool failed(int64_t result)
{
    return result < 0 && result >= -ERRNO_MOST;
}

/* Arguments are in rdi, rsi, rdx, r10, r8, r9, and the kernel leaves them there (System V ABI for
 * x86-64, A.2.1). false: the call changed nothing. */
static bool decode(const struct mapping_calls *c, enum call_kind kind, const struct perf_sample *s,
                   struct call *out)
{
    const uint64_t *regs = s->capture.regs, pages = ~(c->page_bytes - 1);
    *out = (struct call){.time_ns = s->time_ns, .kind = kind, .stack = NO_STACK};
    if (!s->capture.all_regs || failed(s->value))
        return false;
    out->start = (uint64_t)s->value;
    switch (kind) {
    case CALL_BRK:
        return true;
    case CALL_MMAP:
        out->size = (regs[DWARF_RSI] + ~pages) & pages;
        out->usable = regs[DWARF_R10] & MAP_ANONYMOUS && regs[DWARF_RDX] != PROT_NONE;
        break;
    case CALL_MREMAP:
        out->from = regs[DWARF_RDI];
        out->old_size = (regs[DWARF_RSI] + ~pages) & pages;
        out->size = (regs[DWARF_RDX] + ~pages) & pages;
        out->keeps_old = regs[DWARF_R10] & MREMAP_DONTUNMAP;
        break;
    case CALL_MUNMAP:
    case BURST_END:
        out->start = regs[DWARF_RDI];
        out->size = (regs[DWARF_RSI] + ~pages) & pages;
        break;
    }
    return out->start + out->size > out->start;
}

static bool enlarges(const struct call *call)
{
    return call->kind == CALL_BRK || (call->kind == CALL_MMAP && call->usable) ||
           (call->kind == CALL_MREMAP && (call->size > call->old_size || call->keeps_old));
}

/* Takes in what the rings hold; what it cost, as tokens. */
static double drain(struct mapping_calls *c, enum watch_kind which, double weight,
                    struct sites *sites)
{
    struct watch *w = &c->watches[which];
    uint64_t lost = 0;
    double spent = 0;
    for (int kind = 0; kind < CALLS; kind++) {
        if (calls[kind].watch != which)
            continue;
        while (perf_events_next(c->events[kind], &c->sample)) {
            struct call call;
            spent += calls[kind].stack ? 1 : SPEND_BARE;
            if (c->sample.pid != c->pid || !decode(c, kind, &c->sample, &call))
                continue;
            call.weight = weight;
            if (enlarges(&call) && c->sample.capture.stack_size)
                call.stack = sites_take(sites, &c->sample.capture);
            vec_push(&c->calls, call);
        }
        lost += perf_events_lost(c->events[kind]);
    }
    spent += SPEND_LOST * (double)(lost - w->lost);
    w->had_bursts |= lost != w->lost;
    w->lost = lost;
    return spent;
}

static void spend(struct watch *w, double tokens)
{
    w->tokens -= tokens;
    if (w->tokens < -SPEND_PER_S)
        w->tokens = -SPEND_PER_S;
}

/* It was looked at for some time, and will not be from now on. */
static void end_looking(struct mapping_calls *c, struct watch *w, uint64_t now_ns)
{
    struct call end = {.time_ns = now_ns, .kind = BURST_END, .stack = NO_STACK};
    w->had_bursts = true;
    w->off_ns = now_ns;
    if (w == &c->watches[WATCH_MAPPINGS])
        vec_push(&c->calls, end);
}

/* Ends the look early if it has met too many calls often enough. */
static void judge_rate(struct mapping_calls *c, enum watch_kind which, double per_s,
                       uint64_t now_ns)
{
    struct watch *w = &c->watches[which];
    w->busy += per_s >= BUSY_PER_S;
    if (w->busy >= BUSY_BURSTS)
        w->closed_ns = now_ns;
    for (int kind = 0; w->closed_ns && kind < CALLS; kind++) {
        if (calls[kind].watch != which)
            continue;
        perf_events_free(c->events[kind]);
        c->events[kind] = NULL;
    }
}

/* Looks for a moment. Where few calls were made it then goes on looking. */
static void burst(struct mapping_calls *c, enum watch_kind which, struct sites *sites)
{
    struct watch *w = &c->watches[which];
    struct timespec length = {0, (long)w->burst_ns};
    uint64_t from_ns = clock_mono_ns();
    switch_watch(c, which, true);
    nanosleep(&length, NULL);
    switch_watch(c, which, false);
    uint64_t to_ns = clock_mono_ns();
    double looked_s = (double)(to_ns - from_ns) / 1e9;
    double weight = (double)(to_ns - w->off_ns) / 1e9 / looked_s;
    double spent = drain(c, which, weight, sites);
    spend(w, spent);
    double next_ns = spent > 0 ? (double)w->burst_ns * SPEND_BURST / spent : 1e9;
    next_ns = next_ns > 4 * (double)w->burst_ns ? 4 * (double)w->burst_ns : next_ns;
    w->burst_ns = next_ns < BURST_LEAST  ? BURST_LEAST
                  : next_ns > BURST_MOST ? BURST_MOST
                                         : (uint64_t)next_ns;
    if (spent <= looked_s * SPEND_PER_S)
        switch_watch(c, which, true);
    else
        end_looking(c, w, to_ns);
    if (!w->on)
        judge_rate(c, which, spent / looked_s, to_ns);
}

void mapping_calls_take(struct mapping_calls *c, struct sites *sites)
{
    for (int which = 0; which < WATCHES; which++) {
        struct watch *w = &c->watches[which];
        uint64_t now_ns = clock_mono_ns();
        if (w->closed_ns) {
            w->at_ns = now_ns;
            continue;
        }
        w->tokens += SPEND_PER_S * (double)(now_ns - w->at_ns) / 1e9;
        if (w->tokens > SPEND_PER_S)
            w->tokens = SPEND_PER_S;
        w->at_ns = now_ns;
        if (!w->on && w->tokens >= SPEND_BURST)
            burst(c, which, sites);
        if (!w->on)
            continue;
        spend(w, drain(c, which, 1, sites));
        if (w->tokens >= 0)
            continue;
        switch_watch(c, which, false);
        now_ns = clock_mono_ns();
        spend(w, drain(c, which, 1, sites));
        end_looking(c, w, now_ns);
    }
}

static void add_span(struct mapping_calls *c, const struct call *call, enum growth_kind kind,
                     uint64_t start, uint64_t end)
{
    struct mapped_span span = {start, end, call->time_ns, kind, call->stack, call->weight};
    if (call->stack != NO_STACK)
        mapped_spans_add(&c->spans, &span);
    else
        mapped_spans_remove(&c->spans, start, end, call->time_ns);
}

static void settle_break(struct mapping_calls *c, const struct call *call)
{
    uint64_t before = c->last_break;
    c->last_break = call->start;
    if (!before)
        return;
    struct call all = *call;
    all.weight = 1; /* what was not seen in between is in it */
    if (call->start > before)
        add_span(c, &all, GROWTH_BRK, before, call->start);
    else
        mapped_spans_remove(&c->spans, call->start, before, call->time_ns);
}

static void settle_remap(struct mapping_calls *c, const struct call *call)
{
    uint64_t moved = call->size < call->old_size ? call->size : call->old_size;
    if (call->keeps_old)
        moved = 0;
    else {
        mapped_spans_remove(&c->spans, call->from + moved, call->from + call->old_size,
                            call->time_ns);
        mapped_spans_move(&c->spans, call->from, moved, call->start);
    }
    if (call->size > moved)
        add_span(c, call, GROWTH_MREMAP, call->start + moved, call->start + call->size);
}

static void settle(struct mapping_calls *c, const struct call *call)
{
    switch (call->kind) {
    case CALL_BRK:
        settle_break(c, call);
        break;
    case CALL_MMAP:
        add_span(c, call, GROWTH_MMAP, call->start, call->start + call->size);
        break;
    case CALL_MREMAP:
        settle_remap(c, call);
        break;
    case CALL_MUNMAP:
        mapped_spans_remove(&c->spans, call->start, call->start + call->size, call->time_ns);
        break;
    case BURST_END:
        mapped_spans_cull(&c->spans, call->time_ns);
        break;
    }
}

static int by_time(const void *a, const void *b)
{
    const struct call *x = a, *y = b;
    return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

/* Each CPU has a ring of its own, so calls are brought into their order first. The newest wait: a
 * ring that was read before another may have had less to tell. */
void mapping_calls_settle(struct mapping_calls *c, struct sites *sites, struct growth *g)
{
    for (size_t i = c->settled; i < c->calls.n; i++) {
        struct call *call = &c->calls.at[i];
        bool unnamed = false;
        if (call->stack != NO_STACK)
            call->stack = sites_name(sites, call->stack, g, &unnamed);
        g->unnamed += unnamed;
        g->samples += call->stack != NO_STACK;
    }
    vec_sort(&c->calls, by_time);
    uint64_t read_ns = c->watches[WATCH_BREAK].at_ns; /* the first ring was read after that */
    size_t n = 0;
    while (n < c->calls.n && c->calls.at[n].time_ns + UNSETTLED_NS < read_ns)
        settle(c, &c->calls.at[n++]);
    c->settled = c->calls.n - n;
    if (c->settled)
        memmove(c->calls.at, c->calls.at + n, c->settled * sizeof *c->calls.at);
    c->calls.n = c->settled;
}

/* Whether it is still mapped, and of no file. Where nothing can be read, what was seen is
 * believed. */
static bool is_there(const struct mapping_calls *c, const struct mapped_span *span)
{
    const struct mapping *m = maps_find(&c->maps, span->start);
    return !c->maps.list.n || (m && !maps_is_file(&c->maps, m));
}

/* How long calls of a kind were looked at, up to a moment. */
static double looked_s(const struct mapping_calls *c, enum growth_kind kind, uint64_t until_ns)
{
    uint64_t closed_ns = c->watches[kind == GROWTH_BRK ? WATCH_BREAK : WATCH_MAPPINGS].closed_ns;
    if (closed_ns && closed_ns < until_ns)
        until_ns = closed_ns;
    return until_ns > c->begun_ns ? (double)(until_ns - c->begun_ns) / 1e9 : 0;
}

/* How much of what was counted of mappings is believed; part: of the time, they were looked at. */
static double believed(const struct mapping_calls *c, double counted, double part)
{
    if (!c->watches[WATCH_MAPPINGS].had_bursts || counted <= 0)
        return 1;
    uint64_t now = data_bytes(c->pid);
    double grown = now > c->data_bytes ? (double)(now - c->data_bytes) * part : 0;
    return grown < counted ? grown / counted : 1;
}

void mapping_calls_result(struct mapping_calls *c, const struct growth *from, struct growth *out)
{
    uint64_t passed_ns = from->to_ns - c->begun_ns, stay_ns = passed_ns / 2;
    if (stay_ns > STAY_NS)
        stay_ns = STAY_NS;
    double counted = 0;
    maps_read(&c->maps, c->pid, NULL, NULL);
    struct growth kept;
    growth_init(&kept, c->pid);
    for (size_t i = 0; i < c->spans.list.n; i++) {
        const struct mapped_span *span = &c->spans.list.at[i];
        if (span->time_ns + stay_ns > from->to_ns || !is_there(c, span))
            continue;
        double bytes = (double)(span->end - span->start) * span->weight;
        counted += span->kind == GROWTH_BRK ? 0 : bytes;
        growth_add(&kept, span->kind, span->stack, "", bytes, 0, 1, 1);
    }
    double all_s = (double)passed_ns / 1e9;
    double share = believed(c, counted, looked_s(c, GROWTH_MMAP, from->to_ns) / all_s);
    for (size_t i = 0; i < kept.rows.n; i++) {
        struct growth_row row = kept.rows.at[i];
        double seconds = looked_s(c, row.kind, from->to_ns - stay_ns);
        row.bytes *= row.kind == GROWTH_BRK ? 1 : share;
        row.bytes_per_s = seconds > 0 ? row.bytes / seconds : 0;
        if (row.bytes_per_s > 0)
            growth_copy(out, from, &row);
    }
    growth_clear(&kept);
}
