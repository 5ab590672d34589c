/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See survivors.h. How many bytes a second stay lies between two bounds. What goes by the clock, or
 * has time to spare, allocates in a burst as it does without: that is the lower bound. What has
 * none gets on slowly in it, and had but what the probes left of the burst for its own work, during
 * which it would have made all these calls: the upper bound. A call's probe takes as long as calls
 * are apart, at most, or some times what it takes in a trial. Between the bounds the growth of the
 * target's anonymous memory decides, which all rows together make. A block that was resized is new
 * by its growth alone; where that was not seen the bounds are nothing and all of it.
 *
 * Neither a burst's length nor the pause after it may depend on what it meets, or threads that work
 * now and then would be met too often or too seldom: its length comes from what was met before, and
 * pauses pay for all bursts so far. And work that the probes make longer must not be cut off by the
 * burst's end: its length is that without the time that they take.
 *
 * A burst stands for the hundred times longer pause after it, so one large block that it happened
 * to meet makes a rate that is far too high. How much the bursts of a row differ tells how sure it
 * is (squares, as sums of bursts are independent of each other); where memory grew less than the
 * rows say, they are lowered, and where it grew more they are raised, each by no more than it is
 * unsure.
 */
#include "engine/survivors.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/allocators.h"
#include "engine/blocks.h"
#include "engine/captures.h"
#include "engine/sites.h"
#include "engine/thread_draw.h"
#include "target/procfs.h"
#include "target/uprobe.h"

#define SAMPLE_NS       (20 * NS_PER_S)
#define STAY_NS         (10 * NS_PER_S)
#define LOSS_PCT        3.0
#define STACK_BYTES     4096u
#define RING_PAGES      1024u /* 4 MB: a burst's samples */
#define BURST_SAMPLES   250u  /* that a burst is meant to have */
#define BURST_KEPT_MAX  600u
#define BURST_LEAST_NS  (100 * NS_PER_US)
#define BURST_MOST_NS   (50 * NS_PER_MS)
#define STRETCH_MOST_NS (50 * NS_PER_MS) /* that a burst may become longer by */
#define STRETCH_SURE    0.75             /* of what probes seem to take, so that bursts end */
#define COUNT_NS        (20 * NS_PER_MS)
#define BLOCKS_MAX      200000u
#define JUDGED_AT_ONCE  1000u
#define LOOK_AGAIN_NS   (200 * NS_PER_MS)
#define EVEN_SHARE      0.2 /* of the bursts, that are drawn regardless of what is known */
#define OWN_SHARE_LEAST 0.02
/* Of blocks that went, so many may look as if they had stayed. */
#define STRAY_SHARE  0.001
#define UNSURE_LEAST 0.1 /* of a rate: memory grows by other things too */
#define GAPS_LEAST   20
/* The kernel has to step over a first instruction that it does not know, and caches are cold. */
#define TRIAL_TIMES 3.0
#define GAP_MAX_NS  (200 * NS_PER_US)

/* A call that has been entered, for those whose size or address its arguments tell. */
struct entered {
    bool is;
    uint64_t sp, size, result_at, old;
};

struct anon_point {
    uint64_t time_ns;
    double bytes;
};

/* How the bursts of a row differ, in its lower bound. Blocks are judged burst after burst. */
struct scatter {
    uint32_t burst;
    double in_burst, squares;
    double maybe; /* of its bytes: of blocks that may have been free at the first look */
};

struct survivors {
    pid_t pid;
    struct survivors_options options;
    struct python *python;
    struct uprobes *probes, *counters;
    struct allocators allocators, counted;
    struct captures captures; /* of a burst's calls, where its blocks come from */
    struct sites sites;
    struct blocks blocks;
    struct growth growth;        /* rows have the two bounds of bytes a second, times the bursts */
    VEC(struct scatter) scatter; /* of each row */
    struct growth result;
    size_t judged;           /* of the blocks */
    uint64_t judged_upto_ns; /* blocks and bursts of that time */
    struct thread_draw threads;
    VEC(double) weights;
    /* Of each allocator, in all, and in how much time without what the probes took. */
    double calls[UPROBE_POINTS_MAX], own_ns[UPROBE_POINTS_MAX];
    uint64_t started_ns, next_burst_ns;
    VEC(uint64_t) bursts; /* when each began */
    uint64_t trial_ns, lost_time_ns;
    double call_ns, call_most_ns; /* of a probe, as last seen, and at most */
    VEC(struct anon_point) anon;  /* since the start */
    uint64_t samples, survived;
    bool sampled; /* the bursts are over */
    struct uprobe_sample sample;
    VEC(uint64_t) gaps;
};

static bool open_probes(struct survivors *s, struct err *err)
{
    struct uprobe_options sampling = {1, STACK_BYTES, RING_PAGES}, counting = {0, 0, 0};
    s->probes = uprobes_new(s->pid, &sampling, err);
    s->counters = s->probes ? uprobes_new(s->pid, &counting, err) : NULL;
    return s->counters && allocators_find(&s->allocators, s->probes, s->pid, s->python, err) &&
           allocators_find(&s->counted, s->counters, s->pid, s->python, err);
}

struct survivors *survivors_new(pid_t pid, const struct survivors_options *options, struct err *err)
{
    if (!uprobes_allowed(err))
        return NULL;
    struct survivors *s = xcalloc(1, sizeof *s);
    s->pid = pid;
    s->options = *options;
    s->options.sample_ns = options->sample_ns ? options->sample_ns : SAMPLE_NS;
    s->options.stay_ns = options->stay_ns ? options->stay_ns : STAY_NS;
    s->options.loss_pct = options->loss_pct > 0 ? options->loss_pct : LOSS_PCT;
    python_open(&s->python, pid, NULL);
    sites_init(&s->sites, pid, s->python);
    blocks_init(&s->blocks, pid, s->python);
    growth_init(&s->growth, pid);
    s->growth.flags = GROWTH_PROBED;
    if (!thread_draw_init(&s->threads, pid, err) || !open_probes(s, err)) {
        survivors_free(s);
        return NULL;
    }
    if (s->allocators.compiled_in)
        s->growth.flags |= GROWTH_COMPILED;
    return s;
}

void survivors_free(struct survivors *s)
{
    if (!s)
        return;
    uprobes_free(s->probes);
    uprobes_free(s->counters);
    captures_free(&s->captures);
    sites_clear(&s->sites);
    blocks_clear(&s->blocks);
    growth_clear(&s->growth);
    growth_clear(&s->result);
    vec_free(&s->scatter);
    python_free(s->python);
    thread_draw_clear(&s->threads);
    vec_free(&s->weights);
    vec_free(&s->bursts);
    vec_free(&s->anon);
    vec_free(&s->gaps);
    free(s);
}

static void rest(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    nanosleep(&t, NULL);
}

/* Calls a second of an allocator, as far as bursts have met them; 0: not known. */
static double calls_per_s(const double *calls, const double *own_ns, size_t which)
{
    return own_ns[which] > 0 ? calls[which] * 1e9 / own_ns[which] : 0;
}

static size_t pick_allocator(struct survivors *s, double *chance)
{
    vec_clear(&s->weights);
    for (size_t i = 0; i < s->allocators.n; i++) {
        const struct allocator_kin *k = s->allocators.at[i].kin;
        bool plain = k->times < 0 && k->result < 0 && k->old < 0;
        /* Where no burst has met any call, what is called most elsewhere. */
        vec_push(&s->weights, calls_per_s(s->calls, s->own_ns, i) + plain);
    }
    return draw_one(&s->threads, s->weights.at, s->weights.n, EVEN_SHARE, chance);
}

/* What the arguments say at the entry. */
static void take_entry(const struct allocator_kin *kin, const struct capture *c, struct entered *e)
{
    static const uint8_t arguments[] = {DWARF_RDI, DWARF_RSI, DWARF_RDX};
    uint64_t size = c->regs[arguments[kin->size]];
    uint64_t times = kin->times < 0 ? 1 : c->regs[arguments[kin->times]];
    *e = (struct entered){.is = true,
                          .sp = c->regs[DWARF_RSP],
                          .size = size < 1ull << 40 && times < 1ull << 32 ? size * times : 0,
                          .result_at = kin->result < 0 ? 0 : c->regs[arguments[kin->result]],
                          .old = kin->old < 0 ? 0 : c->regs[arguments[kin->old]]};
}

/* The address that a call has given, 0 if it failed or it cannot be told. */
static uint64_t address_given(const struct allocator *a, const struct capture *c,
                              const struct entered *e)
{
    uint64_t address = c->regs[DWARF_RAX], at = e->result_at - c->stack_addr;
    if (a->kin->result < 0)
        return address;
    if (!e->is || address != 0 || at > c->stack_size || c->stack_size - at < sizeof address)
        return 0;
    memcpy(&address, c->stack + at, sizeof address);
    return address;
}

/* first: the burst's first block. false: what it was called with is not known. */
static bool take_return(struct survivors *s, const struct allocator *a, const struct entered *e,
                        size_t first)
{
    struct capture *c = &s->sample.capture;
    if (a->at_entry >= 0 && (!e->is || c->regs[DWARF_RSP] != e->sp + 8))
        return false;
    struct block_call call = {.heap = a->heap,
                              .address = address_given(a, c, e),
                              .size = e->size,
                              .time_ns = s->sample.time_ns,
                              .old = e->old};
    if (!call.address || call.address >= 1ull << 47 || s->blocks.list.n >= BLOCKS_MAX)
        return true;
    /* glibc's realloc of nothing is a call of malloc, and seen there. */
    if (a->kin->old >= 0 && !e->old && a->heap == HEAP_GLIBC)
        return true;
    c->regs[DWARF_RIP]--; /* within the call */
    call.stack = captures_keep(&s->captures, c);
    blocks_add(&s->blocks, &call, first);
    if (a->heap == HEAP_OTHER)
        s->growth.flags |= GROWTH_OTHER_HEAP;
    return true;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The next return, and the entry before it. false: no more for now. */
static bool next_return(struct survivors *s, const struct allocator *a, struct entered *entered)
{
    *entered = (struct entered){.is = false};
    while (uprobes_next(s->probes, &s->sample)) {
        if (s->sample.point != a->at_entry)
            return true;
        take_entry(a->kin, &s->sample.capture, entered);
    }
    return false;
}

/* Takes in what the burst has brought, as the target goes on: number of returns that are known
 * whole. */
static uint64_t drain(struct survivors *s, const struct allocator *a)
{
    struct entered entered;
    uint64_t last_ns = 0, n = 0;
    double sum_ns = 0;
    size_t first = s->blocks.list.n;
    vec_clear(&s->gaps);
    while (n < BURST_KEPT_MAX && next_return(s, a, &entered)) {
        uint64_t gap_ns = s->sample.time_ns - last_ns;
        if (last_ns && gap_ns < GAP_MAX_NS) {
            vec_push(&s->gaps, gap_ns);
            sum_ns += (double)gap_ns;
        }
        last_ns = s->sample.time_ns;
        n += take_return(s, a, &entered, first);
    }
    vec_sort(&s->gaps, by_value);
    double limit_ns = TRIAL_TIMES * (double)s->trial_ns;
    if (s->gaps.n >= GAPS_LEAST) {
        s->call_ns = fmin(limit_ns, (double)s->gaps.at[s->gaps.n / 4]);
        s->call_most_ns = fmin(limit_ns, sum_ns / (double)s->gaps.n);
    }
    return n;
}

/* What probes that took so long left of a burst for the target's own work. */
static double left_ns(double burst_ns, double taken_ns)
{
    return fmax(burst_ns - taken_ns, burst_ns * OWN_SHARE_LEAST);
}

/* For how long the probes are to be in: until there are enough samples, as it was so far. */
static double burst_length_ns(const struct survivors *s, const struct drawn_thread *t, size_t which)
{
    double per_s = calls_per_s(t->calls, t->own_ns, which);
    if (t->own_ns[which] <= 0)
        per_s = calls_per_s(s->calls, s->own_ns, which);
    double ns = per_s > 0 ? BURST_SAMPLES * 1e9 / per_s : (double)BURST_MOST_NS;
    return fmin(fmax(ns, (double)BURST_LEAST_NS), (double)BURST_MOST_NS);
}

/* How many times as long as it runs a thread takes, as it waits for a CPU in between. */
static double queueing(const struct drawn_thread *t)
{
    return t->lately.run_ns > 0 ? 1 + t->lately.queued_ns / t->lately.run_ns : 1;
}

/* Leaves them in for so long, and what they take themselves. */
static void burst_wait(const struct survivors *s, const struct drawn_thread *t,
                       const struct allocator *a, double length_ns)
{
    uint64_t from_ns = clock_mono_ns(), hits = uprobes_hits(s->probes, a->at_return);
    double passed_ns, taken_ns;
    do {
        rest(NS_PER_MS);
        passed_ns = (double)(clock_mono_ns() - from_ns);
        double more = (double)(uprobes_hits_so_far(s->probes, a->at_return) - hits);
        taken_ns = STRETCH_SURE * more * s->call_ns * queueing(t);
    } while (passed_ns - taken_ns < length_ns && passed_ns < length_ns + STRETCH_MOST_NS);
}

/* Names what the burst has brought. */
static void settle(struct survivors *s, size_t first, double least, double most)
{
    for (size_t i = first; i < s->blocks.list.n; i++) {
        struct block *b = &s->blocks.list.at[i];
        captures_get(&s->captures, b->stack, &s->sample.capture);
        b->stack = sites_take(&s->sites, &s->sample.capture);
    }
    captures_drop(&s->captures);
    for (size_t i = first; i < s->blocks.list.n; i++) {
        struct block *b = &s->blocks.list.at[i];
        bool unnamed;
        b->stack = sites_name(&s->sites, b->stack, &s->growth, &unnamed);
        s->growth.unnamed += unnamed;
        b->least = least;
        b->most = most;
        b->burst = (uint32_t)s->bursts.n;
    }
    sites_drop(&s->sites);
}

/* How often other threads than this one have hit the breakpoint meanwhile, as bursts on them say.
 */
static double hits_of_others(const struct survivors *s, const struct drawn_thread *thread,
                             size_t which, double ns)
{
    double hits = 0;
    for (size_t i = 0; i < s->threads.list.n; i++) {
        const struct drawn_thread *t = &s->threads.list.at[i];
        if (t->is_alive && t != thread)
            hits += calls_per_s(t->calls, t->own_ns, which) * ns / 1e9;
    }
    return hits;
}

/* What a burst has cost the target, and the pause that pays for it. */
static void pay(struct survivors *s, double taken_ns)
{
    s->lost_time_ns += (uint64_t)taken_ns;
    double paid_ns =
        (double)s->lost_time_ns * 100 / (s->options.loss_pct * thread_draw_cores(&s->threads));
    uint64_t now_ns = clock_mono_ns(), paid_at_ns = s->started_ns + (uint64_t)paid_ns;
    s->next_burst_ns = paid_at_ns > now_ns ? paid_at_ns : now_ns;
}

static void note_calls(double *calls, double *own_ns, size_t which, double hits, double ns)
{
    calls[which] += hits;
    own_ns[which] += ns;
}

/* What was given out again since it was taken in, or is now another block: it had been freed, and
 * who has it now may keep it. What else comes here has not been looked at in time. */
static void drain_reused(struct survivors *s, const struct allocator *a)
{
    struct entered entered;
    while (next_return(s, a, &entered)) {
        uint64_t address = address_given(a, &s->sample.capture, &entered);
        if (address && address != entered.old) {
            blocks_given_again(&s->blocks, address);
            blocks_given_again(&s->blocks, entered.old);
        }
    }
}

static bool burst(struct survivors *s, struct err *err)
{
    double thread_chance, allocator_chance;
    if (!thread_draw_look(&s->threads))
        return err_set(err, "the process %d has ended", (int)s->pid);
    struct drawn_thread *thread = thread_draw(&s->threads, &thread_chance);
    size_t which = pick_allocator(s, &allocator_chance);
    const struct allocator *a = &s->allocators.at[which];
    uint32_t points = 1u << a->at_return | (a->at_entry >= 0 ? 1u << a->at_entry : 0);
    uint64_t hits_before = uprobes_hits(s->probes, a->at_return);
    uint64_t armed_before_ns = uprobes_armed_ns(s->probes);
    size_t first = s->blocks.list.n;
    uint64_t began_ns = clock_mono_ns();
    if (!uprobes_arm(s->probes, points, &thread->tid, 1, err))
        return errno == ESRCH; /* it has just ended; of the process the next look will tell */
    uint64_t arm_ns = clock_mono_ns() - began_ns;
    burst_wait(s, thread, a, burst_length_ns(s, thread, which));
    /* The first look comes before the probes are out, which takes long: what is given out again
     * until then is seen. */
    double kept = (double)drain(s, a);
    blocks_look(&s->blocks, first);
    uint64_t disarm_ns = clock_mono_ns();
    uprobes_disarm(s->probes);
    disarm_ns = clock_mono_ns() - disarm_ns;
    drain_reused(s, a);
    double hits = (double)(uprobes_hits(s->probes, a->at_return) - hits_before);
    double armed_ns = (double)(uprobes_armed_ns(s->probes) - armed_before_ns);
    double own_ns = left_ns(armed_ns, hits * s->call_ns);
    note_calls(s->calls, s->own_ns, which, hits, own_ns);
    note_calls(thread->calls, thread->own_ns, which, hits, own_ns);
    vec_push(&s->bursts, began_ns);
    s->samples += s->blocks.list.n - first;
    double each = kept > 0 ? hits / kept * 1e9 / (thread_chance * allocator_chance) : 0;
    double most_ns = hits * fmax(s->call_ns, s->call_most_ns) * queueing(thread);
    settle(s, first, each / armed_ns, each / left_ns(armed_ns, most_ns));
    double taken_ns =
        fmin(hits * s->call_ns, armed_ns) + hits_of_others(s, thread, which, armed_ns) * s->call_ns;
    /* The breakpoint comes in the middle of the arming; and of two events it outlives the first
     * one's closing, which is half of the time. */
    uint64_t beside_ns = arm_ns / 2 + (a->at_entry >= 0 ? disarm_ns / 2 : 0);
    pay(s, taken_ns * (1 + (double)beside_ns / armed_ns));
    return true;
}

/* Counts one function on the busiest thread: calls a second. */
static bool count(struct survivors *s, size_t which, double *rate, struct err *err)
{
    if (!thread_draw_look(&s->threads))
        return err_set(err, "the process %d has ended", (int)s->pid);
    pid_t busiest = thread_draw_busiest(&s->threads);
    int point = s->counted.at[which].at_return;
    uint64_t hits = uprobes_hits(s->counters, point), armed_ns = uprobes_armed_ns(s->counters);
    if (!uprobes_arm(s->counters, 1u << point, &busiest, 1, err))
        return *rate = 0, errno == ESRCH; /* it has just ended */
    rest(COUNT_NS);
    uprobes_disarm(s->counters);
    hits = uprobes_hits(s->counters, point) - hits;
    armed_ns = uprobes_armed_ns(s->counters) - armed_ns;
    note_calls(s->calls, s->own_ns, which, (double)hits, (double)armed_ns);
    *rate = (double)hits * 1e9 / (double)armed_ns;
    return true;
}

bool survivors_estimate(struct survivors *s, struct survivors_cost *cost, struct err *err)
{
    s->trial_ns = uprobes_call_cost_ns(STACK_BYTES);
    *cost = (struct survivors_cost){.call_ns = (double)s->trial_ns};
    if (!s->threads.looked_ns && thread_draw_look(&s->threads))
        rest(COUNT_NS);
    for (size_t i = 0; i < s->counted.n; i++) {
        double rate = 0;
        if (!count(s, i, &rate, err))
            return false;
        cost->calls_per_s += rate;
    }
    cost->always_pct = cost->calls_per_s * cost->call_ns / 1e7;
    if (cost->always_pct > 100)
        cost->always_pct = 100;
    cost->burst_pct =
        cost->always_pct < s->options.loss_pct ? cost->always_pct : s->options.loss_pct;
    return true;
}

static void add_scatter(struct survivors *s, size_t row, const struct block *block, double bytes)
{
    while (s->scatter.n <= row)
        memset(vec_add(&s->scatter), 0, sizeof *s->scatter.at);
    struct scatter *scatter = &s->scatter.at[row];
    if (scatter->burst != block->burst) {
        scatter->squares += scatter->in_burst * scatter->in_burst;
        scatter->in_burst = 0;
        scatter->burst = block->burst;
    }
    scatter->in_burst += bytes;
    scatter->maybe += blocks_begins_with_link(block) ? bytes : 0;
}

/* Adds what has become of a block to its row. */
static void add_judged(struct survivors *s, const struct block *block)
{
    char type[256] = "";
    double least = 0, most = 0;
    bool stays = block->fate == BLOCK_STAYS;
    if (stays) {
        blocks_new_bytes(block, &least, &most);
        blocks_type_name(&s->blocks, block, type, sizeof type);
    }
    least *= block->least;
    most *= block->most;
    size_t row = growth_add(&s->growth, GROWTH_SURVIVES, block->stack, type, least, most, stays, 1);
    /* Of what is not known at all, the middle. */
    add_scatter(s, row, block, least > 0 ? least : most / 2);
    s->survived += stays;
}

/* Judges those that are old enough, some at a time. true: there are more. */
static bool judge(struct survivors *s, uint64_t now_ns)
{
    size_t first = s->judged, n = 0;
    struct blocks *b = &s->blocks;
    while (first + n < b->list.n && n < JUDGED_AT_ONCE &&
           now_ns - b->list.at[first + n].time_ns >= s->options.stay_ns)
        n++;
    if (!n)
        return false;
    blocks_judge(b, first, n);
    for (size_t i = first; i < first + n; i++)
        if (b->list.at[i].fate != BLOCK_UNSEEN)
            add_judged(s, &b->list.at[i]);
    s->judged = first + n;
    return n == JUDGED_AT_ONCE;
}

/* Resident pages that are of no file (proc(5), statm). */
static void look_at_memory(struct survivors *s, uint64_t now_ns)
{
    char text[128];
    unsigned long long size, resident, shared;
    if (procfs_read(AT_FDCWD, text, sizeof text, "/proc/%d/statm", (int)s->pid) <= 0 ||
        sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3 || shared > resident)
        return;
    double bytes = (double)((resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE));
    vec_push(&s->anon, ((struct anon_point){now_ns, bytes}));
}

enum survivors_state survivors_poll(struct survivors *s, uint64_t *wait_ns, struct err *err)
{
    uint64_t now_ns = clock_mono_ns();
    if (!s->started_ns) {
        s->started_ns = s->growth.from_ns = now_ns;
        s->next_burst_ns = now_ns + LOOK_AGAIN_NS / 2;
        if (!s->trial_ns)
            s->trial_ns = uprobes_call_cost_ns(STACK_BYTES);
        s->call_ns = s->call_most_ns = (double)s->trial_ns;
        if (!thread_draw_look(&s->threads))
            return err_set(err, "the process %d has ended", (int)s->pid), SURVIVORS_FAILED;
    }
    if (!s->sampled && now_ns - s->started_ns >= s->options.sample_ns) {
        s->sampled = true;
        s->growth.to_ns = now_ns;
    }
    while (judge(s, now_ns))
        ;
    s->judged_upto_ns = now_ns - s->options.stay_ns;
    if (s->sampled && s->judged == s->blocks.list.n)
        s->judged_upto_ns = now_ns; /* also bursts that brought nothing */
    look_at_memory(s, now_ns);
    if (!s->sampled && now_ns >= s->next_burst_ns) {
        if (!burst(s, err))
            return SURVIVORS_FAILED;
        now_ns = clock_mono_ns();
    }
    if (s->sampled && s->judged == s->blocks.list.n)
        return *wait_ns = 0, SURVIVORS_DONE;
    uint64_t until_ns = s->sampled ? now_ns + LOOK_AGAIN_NS : s->next_burst_ns;
    *wait_ns = until_ns <= now_ns                  ? 0
               : until_ns - now_ns > LOOK_AGAIN_NS ? LOOK_AGAIN_NS
                                                   : until_ns - now_ns;
    return s->sampled ? SURVIVORS_WAITING : SURVIVORS_SAMPLING;
}

struct survivors_progress survivors_progress(const struct survivors *s)
{
    struct survivors_progress p = {
        .samples = s->samples, .survived = s->survived, .lost = uprobes_lost(s->probes)};
    uint64_t all_ns = s->options.sample_ns + s->options.stay_ns;
    uint64_t passed_ns = s->started_ns ? clock_mono_ns() - s->started_ns : 0;
    p.permille = passed_ns >= all_ns ? 1000 : (int)(passed_ns * 1000 / all_ns);
    if (passed_ns)
        p.loss_pct = (double)s->lost_time_ns * 100 / thread_draw_cores(&s->threads) /
                     (double)(passed_ns < s->options.sample_ns ? passed_ns : s->options.sample_ns);
    return p;
}

/* Those whose blocks have become old enough: of these the rows are. */
static double judged_bursts(const struct survivors *s)
{
    size_t n = s->bursts.n;
    while (n && s->bursts.at[n - 1] > s->judged_upto_ns)
        n--;
    return (double)n;
}

/* By how much a row's lower bound may be wrong: twice its standard error, or all that may have been
 * free. Bytes a second, times the bursts. */
static double unsure_of(const struct survivors *s, size_t row)
{
    double bursts = judged_bursts(s);
    if (row >= s->scatter.n || bursts < 1)
        return 0;
    const struct scatter *scatter = &s->scatter.at[row];
    double sum = s->growth.rows.at[row].bytes;
    double squares = scatter->squares + scatter->in_burst * scatter->in_burst;
    double variance = squares - sum * sum / bursts;
    return fmax(variance > 0 ? 2 * sqrt(variance) : 0, scatter->maybe);
}

/* A row's bounds, in bytes a second. */
struct bounds {
    double least, most;
    double unsure, above; /* by how much either may be wrong */
    double surely;        /* the share of it that is no mistake */
};

static struct bounds bounds_of(const struct survivors *s, size_t i)
{
    const struct growth_row *row = &s->growth.rows.at[i];
    double bursts = fmax(1, judged_bursts(s)), seen = (double)row->count;
    struct bounds b = {.least = row->bytes / bursts,
                       .most = row->bytes_per_s / bursts,
                       .unsure = unsure_of(s, i) / bursts};
    /* Few of very many may be none. */
    b.surely = seen > 0 ? fmax(0, seen - STRAY_SHARE * (double)row->of_samples) / seen : 0;
    b.surely *= b.least > 0 ? 1 - s->scatter.at[i].maybe / row->bytes : 1;
    b.most = b.least + b.surely * (b.most - b.least);
    b.above = b.least > 0 ? b.unsure * b.most / b.least : b.unsure;
    return b;
}

static double anon_slope(const struct anon_point *from, const struct anon_point *to)
{
    return to->time_ns > from->time_ns
               ? (to->bytes - from->bytes) * 1e9 / (double)(to->time_ns - from->time_ns)
               : 0;
}

/* How memory grew, in bytes a second. */
struct memory_growth {
    double rows_per_s;    /* that all rows are at least */
    double per_s, unsure; /* twice its standard error, from how its halves differ */
    double towards;       /* where that puts the rows: from their lower bound (0) to the upper one
                             (1), or down to what they surely are (-1), up to what they may be (2) */
};

static struct memory_growth growth_of_memory(const struct survivors *s)
{
    struct memory_growth g = {0};
    double least = 0, most = 0, surely = 0, above = 0;
    for (size_t i = 0; i < s->growth.rows.n; i++) {
        struct bounds row = bounds_of(s, i);
        least += row.least;
        most += row.most;
        surely += fmax(0, row.least - row.unsure);
        above += row.surely * row.above;
    }
    g.rows_per_s = least;
    if (s->anon.n < 3)
        return g;
    const struct anon_point *from = &s->anon.at[0], *middle = &s->anon.at[s->anon.n / 2];
    const struct anon_point *to = vec_last(&s->anon);
    g.per_s = fmax(0, anon_slope(from, to));
    g.unsure = fabs(anon_slope(middle, to) - anon_slope(from, middle));
    if (g.per_s < least)
        g.towards = g.per_s <= surely ? -1 : (g.per_s - least) / (least - surely);
    else if (g.per_s < most)
        g.towards = (g.per_s - least) / (most - least);
    else
        g.towards = 1 + (above > 0 ? fmin(1, (g.per_s - most) / above) : 0);
    return g;
}

static void add_result(struct survivors *s, size_t i, const struct memory_growth *memory,
                       double seconds)
{
    struct bounds b = bounds_of(s, i);
    double below = fmin(b.unsure, b.least), towards = memory->towards;
    struct growth_row found = s->growth.rows.at[i];
    if (towards < 0)
        found.bytes_per_s = b.least + towards * below;
    else if (towards < 1)
        found.bytes_per_s = b.least + towards * (b.most - b.least);
    else
        found.bytes_per_s = b.most + (towards - 1) * b.surely * b.above;
    found.bytes = found.bytes_per_s * seconds;
    found.unsure_per_s =
        fmax(found.bytes_per_s - b.least + below, b.most + b.above - found.bytes_per_s);
    /* That is what the bursts say by themselves. Where memory has decided about all rows, what is
     * not known is each one's share. */
    if (fabs(towards) < 1 && b.least > 0 && memory->per_s > 0) {
        double others = 1 - b.least / memory->rows_per_s;
        double both = hypot(others * b.unsure / b.least, memory->unsure / memory->per_s);
        found.unsure_per_s = fmin(found.unsure_per_s, found.bytes_per_s * fmax(both, UNSURE_LEAST));
    }
    found.unsure_per_s = fmax(found.unsure_per_s, found.bytes_per_s * (1 - b.surely));
    growth_copy(&s->result, &s->growth, &found);
}

const struct growth *survivors_result(struct survivors *s)
{
    const struct growth *from = &s->growth;
    growth_clear(&s->result);
    growth_init(&s->result, s->pid);
    struct survivors_progress progress = survivors_progress(s);
    s->result.from_ns = from->from_ns;
    s->result.to_ns = s->sampled ? from->to_ns : clock_mono_ns();
    s->result.samples = s->samples;
    s->result.lost = progress.lost;
    s->result.unnamed = from->unnamed;
    s->result.flags = from->flags;
    s->result.cost_pct = progress.loss_pct;
    double seconds = (double)(s->result.to_ns - s->result.from_ns) / 1e9;
    struct memory_growth memory = growth_of_memory(s);
    for (size_t i = 0; i < from->rows.n; i++)
        if (from->rows.at[i].count)
            add_result(s, i, &memory, seconds);
    growth_close(&s->result);
    return &s->result;
}
