/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See survivors.h. How many bytes a second stay lies between two bounds. A target that has time to
 * spare allocates in a burst as it does without: that is the lower bound. One that has none gets on
 * slowly in it; a call by itself then takes about as long as the shorter ones of the times between
 * two calls, and the target had but the rest of the burst for its own work, during which it would
 * have made all these calls: the upper bound. Between them the growth of its anonymous memory
 * decides, which all rows together make. A block that was resized is new by its growth alone; where
 * that was not seen the bounds are nothing and all of it.
 *
 * A burst stands for the hundred times longer pause after it, so one large block that it happened
 * to meet makes a rate that is far too high. How much the bursts of a row differ tells how sure it
 * is (squares, as sums of bursts are independent of each other); where memory grew less than the
 * rows say, they are lowered, each by no more than it is unsure.
 */
#include "engine/survivors.h"

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
#include "engine/sites.h"
#include "target/procfs.h"
#include "target/tasks.h"
#include "target/uprobe.h"

#define SAMPLE_NS       (20 * NS_PER_S)
#define STAY_NS         (10 * NS_PER_S)
#define LOSS_PCT        3.0
#define STACK_BYTES     4096u
#define RING_PAGES      1024u /* 4 MB: a burst's samples */
#define BURST_SAMPLES   250u  /* that a burst is meant to have */
#define BURST_KEPT_MAX  600u
#define BURST_MOST_NS   (100 * NS_PER_MS)
#define COUNT_NS        (20 * NS_PER_MS)
#define BLOCKS_MAX      200000u
#define JUDGED_AT_ONCE  1000u
#define LOOK_AGAIN_NS   (200 * NS_PER_MS)
#define EVEN_SHARE      0.2 /* of the bursts, that are drawn regardless of what is known */
#define OWN_SHARE_LEAST 0.02
#define GAPS_LEAST      20
#define BUSY_LEAST      0.05
#define GAP_MAX_NS      (200 * NS_PER_US)

/* A call that has been entered, for those whose size or address its arguments tell. */
struct entered {
    bool is;
    uint64_t sp, size, result_at, old;
};

struct thread_share {
    pid_t tid;
    uint64_t run_ns;   /* at the last look */
    uint64_t moved_ns; /* since the one before */
};

/* How the bursts of a row differ, in its lower bound. Blocks are judged burst after burst. */
struct scatter {
    uint32_t burst;
    double in_burst, squares;
};

struct survivors {
    pid_t pid;
    struct survivors_options options;
    struct python *python;
    struct uprobes *probes, *counters;
    struct allocators allocators, counted;
    struct sites sites;
    struct tasks *tasks;
    struct blocks blocks;
    struct growth growth;        /* rows have the two bounds of bytes a second, times the bursts */
    VEC(struct scatter) scatter; /* of each row */
    struct growth result;
    size_t judged; /* of the blocks */
    VEC(struct thread_share) threads, threads_now;
    uint64_t look_ns;                /* between the last two looks at the threads */
    double rates[UPROBE_POINTS_MAX]; /* calls a second of an allocator, as last seen */
    uint64_t started_ns, threads_at_ns, next_burst_ns;
    uint64_t bursts, call_ns, trial_ns, lost_time_ns;
    uint64_t anon_bytes, anon_at_ns, anon_last_bytes, anon_last_ns; /* at the start, and later */
    uint64_t samples, survived;
    bool sampled; /* the bursts are over */
    uint32_t random;
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
    s->random = (uint32_t)clock_mono_ns() | 1;
    python_open(&s->python, pid, NULL);
    sites_init(&s->sites, pid, s->python);
    blocks_init(&s->blocks, pid, s->python);
    growth_init(&s->growth, pid);
    s->growth.flags = GROWTH_PROBED;
    s->tasks = tasks_new(pid, err);
    if (!s->tasks || !open_probes(s, err)) {
        survivors_free(s);
        return NULL;
    }
    return s;
}

void survivors_free(struct survivors *s)
{
    if (!s)
        return;
    uprobes_free(s->probes);
    uprobes_free(s->counters);
    sites_clear(&s->sites);
    blocks_clear(&s->blocks);
    growth_clear(&s->growth);
    growth_clear(&s->result);
    vec_free(&s->scatter);
    if (s->tasks)
        tasks_free(s->tasks);
    python_free(s->python);
    vec_free(&s->threads);
    vec_free(&s->threads_now);
    vec_free(&s->gaps);
    free(s);
}

static double draw(struct survivors *s)
{
    s->random ^= s->random << 13; /* xorshift: Marsaglia 2003 */
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;
    return (double)(s->random >> 8) / (double)(1u << 24);
}

static void rest(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    nanosleep(&t, NULL);
}

static uint64_t run_at_last_look(const struct survivors *s, pid_t tid, uint64_t otherwise)
{
    for (size_t i = 0; i < s->threads.n; i++)
        if (s->threads.at[i].tid == tid)
            return s->threads.at[i].run_ns;
    return otherwise;
}

/* How long each thread ran since the last look. false: the process has ended. */
static bool look_at_threads(struct survivors *s)
{
    uint64_t now_ns = clock_mono_ns();
    if (!tasks_refresh(s->tasks))
        return false;
    vec_clear(&s->threads_now);
    for (size_t i = 0; i < tasks_count(s->tasks); i++) {
        struct task *task = tasks_at(s->tasks, i);
        struct task_times times;
        if (task->state != TASK_ALIVE || !task_times(s->tasks, task, &times))
            continue;
        struct thread_share now = {task->tid, times.run_ns, 0};
        uint64_t before_ns = run_at_last_look(s, task->tid, s->threads_at_ns ? 0 : now.run_ns);
        now.moved_ns = now.run_ns > before_ns ? now.run_ns - before_ns : 0;
        vec_push(&s->threads_now, now);
    }
    vec_clear(&s->threads);
    vec_append(&s->threads, s->threads_now.at, s->threads_now.n);
    s->look_ns = now_ns - s->threads_at_ns;
    s->threads_at_ns = now_ns;
    return s->threads.n > 0;
}

/* One of n by its weight; *chance: how likely it was. */
static size_t pick(struct survivors *s, const double *weights, size_t n, double even,
                   double *chance)
{
    double total = 0, at = draw(s);
    for (size_t i = 0; i < n; i++)
        total += weights[i];
    size_t picked = n - 1;
    for (size_t i = 0; i < n; i++) {
        double share = total > 0 ? weights[i] / total : 1.0 / (double)n;
        share = share * (1 - even) + even / (double)n;
        *chance = share;
        if (at < share) {
            picked = i;
            break;
        }
        at -= share;
    }
    return picked;
}

static size_t pick_thread(struct survivors *s, double *chance)
{
    VEC(double) weights = {0};
    for (size_t i = 0; i < s->threads.n; i++)
        vec_push(&weights, (double)s->threads.at[i].moved_ns);
    /* One that has not run is drawn only where none has. */
    size_t picked = pick(s, weights.at, weights.n, 0, chance);
    vec_free(&weights);
    return picked;
}

static size_t pick_allocator(struct survivors *s, double *chance)
{
    return pick(s, s->rates, s->allocators.n, EVEN_SHARE, chance);
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

/* first: the burst's first block. */
static void take_return(struct survivors *s, const struct allocator *a, struct entered *e,
                        size_t first)
{
    struct capture *c = &s->sample.capture;
    if (a->at_entry >= 0 && (!e->is || c->regs[DWARF_RSP] != e->sp + 8))
        e->is = false;
    struct block_call call = {.heap = a->heap,
                              .address = address_given(a, c, e),
                              .size = e->is ? e->size : 0,
                              .time_ns = s->sample.time_ns,
                              .old = e->is ? e->old : 0};
    if (!call.address || call.address >= 1ull << 47 || s->blocks.list.n >= BLOCKS_MAX)
        return;
    /* What it was is not known; or it is glibc's realloc of nothing, which is a call of malloc. */
    if (a->kin->old >= 0 && (!e->is || (!e->old && a->heap == HEAP_GLIBC)))
        return;
    c->regs[DWARF_RIP]--; /* within the call */
    call.stack = sites_take(&s->sites, c);
    blocks_add(&s->blocks, &call, first);
    if (a->heap == HEAP_OTHER)
        s->growth.flags |= GROWTH_OTHER_HEAP;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Takes in what the burst has brought: number of returns. */
static uint64_t drain(struct survivors *s, const struct allocator *a)
{
    struct entered entered = {.is = false};
    uint64_t last_ns = 0, n = 0;
    size_t first = s->blocks.list.n;
    vec_clear(&s->gaps);
    while (uprobes_next(s->probes, &s->sample)) {
        if (s->sample.point == a->at_entry) {
            take_entry(a->kin, &s->sample.capture, &entered);
            continue;
        }
        uint64_t gap_ns = s->sample.time_ns - last_ns;
        if (last_ns && gap_ns < GAP_MAX_NS)
            vec_push(&s->gaps, gap_ns);
        last_ns = s->sample.time_ns;
        if (n++ < BURST_KEPT_MAX)
            take_return(s, a, &entered, first);
        entered.is = false;
    }
    vec_sort(&s->gaps, by_value);
    s->call_ns = s->gaps.n >= GAPS_LEAST ? s->gaps.at[s->gaps.n / 4] : s->trial_ns;
    /* More than that is the target's own time. (Three times: the kernel has to step over a first
     * instruction that it does not know.) */
    if (s->call_ns > 3 * s->trial_ns)
        s->call_ns = 3 * s->trial_ns;
    return n;
}

/* How much of a burst the target would have needed for the same calls, had they not been probed:
 * busy: which share of its time the thread runs. */
static double undisturbed_ns(const struct survivors *s, double burst_ns, double hits, double busy)
{
    double own_ns = burst_ns - hits * (double)s->call_ns;
    if (own_ns < burst_ns * OWN_SHARE_LEAST)
        own_ns = burst_ns * OWN_SHARE_LEAST;
    if (busy < BUSY_LEAST)
        busy = BUSY_LEAST;
    /* With time to spare it has merely waited less. */
    return own_ns / busy < burst_ns ? own_ns / busy : burst_ns;
}

/* Lets the probes be in for as long as it takes to have enough samples, within bounds. */
static void burst_wait(struct survivors *s, const struct allocator *a)
{
    uint64_t until_ns = clock_mono_ns() + BURST_MOST_NS;
    uint64_t calls_bytes = (uint64_t)BURST_SAMPLES * STACK_BYTES * (a->at_entry >= 0 ? 2 : 1);
    do
        rest(NS_PER_MS);
    while (clock_mono_ns() < until_ns && uprobes_waiting(s->probes) < calls_bytes);
}

/* Names what the burst has brought, and remembers what the blocks look like. */
static void settle(struct survivors *s, size_t first, double least, double most)
{
    for (size_t i = first; i < s->blocks.list.n; i++) {
        struct block *b = &s->blocks.list.at[i];
        bool unnamed;
        b->stack = sites_name(&s->sites, b->stack, &s->growth, &unnamed);
        s->growth.unnamed += unnamed;
        b->least = least;
        b->most = most;
        b->burst = (uint32_t)s->bursts;
    }
    sites_drop(&s->sites);
    blocks_look(&s->blocks, first);
}

static bool burst(struct survivors *s, struct err *err)
{
    double thread_chance, allocator_chance;
    if (!look_at_threads(s))
        return err_set(err, "the process %d has ended", (int)s->pid);
    size_t picked = pick_thread(s, &thread_chance), which = pick_allocator(s, &allocator_chance);
    const struct allocator *a = &s->allocators.at[which];
    const struct thread_share *thread = &s->threads.at[picked];
    uint32_t points = 1u << a->at_return | (a->at_entry >= 0 ? 1u << a->at_entry : 0);
    uint64_t hits = uprobes_hits(s->probes, a->at_return), armed_ns = uprobes_armed_ns(s->probes);
    double busy = (double)thread->moved_ns / (double)s->look_ns;
    size_t first = s->blocks.list.n;
    if (!uprobes_arm(s->probes, points, &thread->tid, 1, err))
        return false;
    burst_wait(s, a);
    uint64_t disarm_ns = clock_mono_ns();
    uprobes_disarm(s->probes);
    disarm_ns = clock_mono_ns() - disarm_ns;
    hits = uprobes_hits(s->probes, a->at_return) - hits;
    armed_ns = uprobes_armed_ns(s->probes) - armed_ns;
    uint64_t seen = drain(s, a);
    double own_ns = undisturbed_ns(s, (double)armed_ns, (double)hits, busy);
    double kept = seen < BURST_KEPT_MAX ? (double)seen : BURST_KEPT_MAX;
    s->rates[which] = (double)hits * 1e9 / (double)armed_ns;
    s->bursts++;
    s->samples += s->blocks.list.n - first;
    double each = kept > 0 ? (double)hits / kept * 1e9 / (thread_chance * allocator_chance) : 0;
    settle(s, first, each / (double)armed_ns, each / own_ns);
    uint64_t taken_ns = hits * s->call_ns < armed_ns ? hits * s->call_ns : armed_ns;
    /* Of two events the breakpoint outlives the first one's closing, which is half of the time. */
    if (a->at_entry >= 0)
        taken_ns += (uint64_t)((double)taken_ns / (double)armed_ns * (double)disarm_ns / 2);
    s->lost_time_ns += taken_ns;
    s->next_burst_ns = clock_mono_ns() + (uint64_t)((double)taken_ns * 100 / s->options.loss_pct);
    return true;
}

/* Counts one function on the busiest thread: calls a second. */
static bool count(struct survivors *s, size_t which, double *rate, struct err *err)
{
    size_t busiest = 0;
    if (!look_at_threads(s))
        return err_set(err, "the process %d has ended", (int)s->pid);
    for (size_t i = 0; i < s->threads.n; i++)
        if (s->threads.at[i].moved_ns > s->threads.at[busiest].moved_ns)
            busiest = i;
    int point = s->counted.at[which].at_return;
    uint64_t hits = uprobes_hits(s->counters, point), armed_ns = uprobes_armed_ns(s->counters);
    if (!uprobes_arm(s->counters, 1u << point, &s->threads.at[busiest].tid, 1, err))
        return false;
    rest(COUNT_NS);
    uprobes_disarm(s->counters);
    hits = uprobes_hits(s->counters, point) - hits;
    armed_ns = uprobes_armed_ns(s->counters) - armed_ns;
    *rate = (double)hits * 1e9 / (double)armed_ns;
    return true;
}

bool survivors_estimate(struct survivors *s, struct survivors_cost *cost, struct err *err)
{
    s->trial_ns = uprobes_call_cost_ns(STACK_BYTES);
    *cost = (struct survivors_cost){.call_ns = (double)s->trial_ns};
    if (!s->threads_at_ns && look_at_threads(s))
        rest(COUNT_NS);
    for (size_t i = 0; i < s->counted.n; i++) {
        double rate = 0;
        if (!count(s, i, &rate, err))
            return false;
        cost->calls_per_s += rate;
        s->rates[i] = rate;
    }
    cost->always_pct = cost->calls_per_s * cost->call_ns / 1e7;
    if (cost->always_pct > 100)
        cost->always_pct = 100;
    cost->burst_pct =
        cost->always_pct < s->options.loss_pct ? cost->always_pct : s->options.loss_pct;
    return true;
}

static void add_scatter(struct survivors *s, size_t row, uint32_t burst, double bytes)
{
    while (s->scatter.n <= row)
        memset(vec_add(&s->scatter), 0, sizeof *s->scatter.at);
    struct scatter *scatter = &s->scatter.at[row];
    if (scatter->burst != burst) {
        scatter->squares += scatter->in_burst * scatter->in_burst;
        scatter->in_burst = 0;
        scatter->burst = burst;
    }
    scatter->in_burst += bytes;
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
    add_scatter(s, row, block->burst, least > 0 ? least : most / 2);
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
static bool anon_read(const struct survivors *s, uint64_t *bytes)
{
    char text[128];
    unsigned long long size, resident, shared;
    if (procfs_read(AT_FDCWD, text, sizeof text, "/proc/%d/statm", (int)s->pid) <= 0 ||
        sscanf(text, "%llu %llu %llu", &size, &resident, &shared) != 3 || shared > resident)
        return false;
    *bytes = (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
    return true;
}

enum survivors_state survivors_poll(struct survivors *s, uint64_t *wait_ns, struct err *err)
{
    uint64_t now_ns = clock_mono_ns();
    if (!s->started_ns) {
        s->started_ns = s->growth.from_ns = now_ns;
        s->next_burst_ns = now_ns + LOOK_AGAIN_NS / 2;
        if (!s->trial_ns)
            s->trial_ns = uprobes_call_cost_ns(STACK_BYTES);
        s->anon_at_ns = now_ns;
        anon_read(s, &s->anon_bytes);
        if (!look_at_threads(s))
            return err_set(err, "the process %d has ended", (int)s->pid), SURVIVORS_FAILED;
    }
    if (!s->sampled && now_ns - s->started_ns >= s->options.sample_ns) {
        s->sampled = true;
        s->growth.to_ns = now_ns;
    }
    while (judge(s, now_ns))
        ;
    if (anon_read(s, &s->anon_last_bytes))
        s->anon_last_ns = now_ns;
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
        p.loss_pct = (double)s->lost_time_ns * 100 /
                     (double)(passed_ns < s->options.sample_ns ? passed_ns : s->options.sample_ns);
    return p;
}

/* A row's lower bound, and by how much it may be wrong: twice its standard error, and it cannot be
 * less than nothing. Bytes a second, times the bursts. */
static double unsure_of(const struct survivors *s, size_t row)
{
    if (row >= s->scatter.n || !s->bursts)
        return 0;
    const struct scatter *scatter = &s->scatter.at[row];
    double sum = s->growth.rows.at[row].bytes, bursts = (double)s->bursts;
    double squares = scatter->squares + scatter->in_burst * scatter->in_burst;
    double variance = squares - sum * sum / bursts;
    return variance > 0 ? 2 * sqrt(variance) : 0;
}

/* Where memory's growth puts the rows: from their lower bound (0) to the upper one (1), or down to
 * what they surely are (-1). */
static double by_growth_of_memory(const struct survivors *s)
{
    double least = 0, most = 0, surely = 0, grown = 0;
    for (size_t i = 0; i < s->growth.rows.n; i++) {
        double bytes = s->growth.rows.at[i].bytes, unsure = unsure_of(s, i);
        least += bytes;
        most += s->growth.rows.at[i].bytes_per_s;
        surely += unsure < bytes ? bytes - unsure : 0;
    }
    if (s->anon_last_ns <= s->anon_at_ns)
        return 0;
    if (s->anon_last_bytes > s->anon_bytes)
        grown = (double)(s->anon_last_bytes - s->anon_bytes) * 1e9 /
                (double)(s->anon_last_ns - s->anon_at_ns) * (double)s->bursts;
    if (grown < least)
        return grown <= surely ? -1 : (grown - least) / (least - surely);
    if (most <= least)
        return 0;
    return grown >= most ? 1 : (grown - least) / (most - least);
}

static void add_result(struct survivors *s, size_t i, double towards, double seconds)
{
    const struct growth_row *row = &s->growth.rows.at[i];
    double least = row->bytes, most = row->bytes_per_s, unsure = unsure_of(s, i);
    double below = unsure < least ? unsure : least, bursts = (double)s->bursts;
    double per_s = towards > 0 ? least + towards * (most - least) : least + towards * below;
    struct growth_row found = *row;
    found.bytes_per_s = per_s / bursts;
    found.bytes = found.bytes_per_s * seconds;
    found.unsure_per_s = (below + most - least + unsure) / 2 / bursts;
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
    double towards = by_growth_of_memory(s);
    for (size_t i = 0; i < from->rows.n; i++)
        if (from->rows.at[i].count)
            add_result(s, i, towards, seconds);
    growth_close(&s->result);
    return &s->result;
}
