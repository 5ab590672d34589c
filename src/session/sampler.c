/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See sampler.h. Functions with `work` in their names run in the sampler's thread. */
#include "session/sampler.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "engine/metrics.h"
#include "engine/slept.h"
#include "engine/watch.h"
#include "session/queue.h"
#include "target/children.h"

#define HANDOVER_NS (200 * NS_PER_MS)
#define CPU_NS      (500 * NS_PER_MS) /* how often we look where the target runs: 25 us a thread */
#define SETTLE_NS   (2 * NS_PER_S)
#define FIRST_NS    (100 * NS_PER_MS) /* the first tables should not wait */
#define QUEUE_MAX   64                /* handovers: a front that is 12 s late loses samples */
#define ROOM_US     10000             /* how often the last handover looks for room */
#define FAMILY_NS   (50 * NS_PER_MS)  /* how often new children are looked for */
#define FAMILY_COST 100               /* and at most one part in so many of the time */
#define WATCHES_MAX SESSION_PROCESSES_MAX

struct sampler {
    pthread_t thread;
    VEC(pid_t) targets; /* that were asked for and have not ended: when none is left, we end */
    struct session_options options;
    struct queue *up;
    _Atomic bool stopping, take_children, rest;
    bool joined;

    /* The attaching, told to the starter. */
    pthread_mutex_t mutex;
    pthread_cond_t attached;
    int state;          /* 0 not yet, 1 attached, -1 failed */
    bool resting, over; /* over: the thread has left its loop */
    struct {
        bool is_new, rate_is_kept;
        double rate_hz, budget_pct;
    } pace; /* asked for while it runs */
    struct err err;

    /* The worker's own. */
    struct watch_options watching;
    struct sink sink;
    struct stops *stops;
    struct metrics_reader *metrics;
    struct slept slept;
    VEC(struct watch *) watches; /* the targets first, then their families */
    VEC(pid_t) refused;          /* children that could not be watched: asked again in a second */
    uint64_t family_at_ns;       /* when to look for children again */
    size_t unwatched_told;       /* children for which there was no room, when last said */
    struct session_children children;
    struct children family, family_before;
    uint64_t family_ns;
    struct budget budget;
    uint64_t budget_ns, budget_stopped_ns, budget_target_ns, budget_own_ns; /* when last fed */
    bool ended, realtime;
    struct bpf_regs *registers;
    pthread_t loader; /* of them */
    bool loading;
    uint64_t random;        /* keeps ticks from falling into step with the target */
    cpu_set_t cpus, now_on; /* that we may run on; that we chose */
};

void handover_free(struct handover *h)
{
    if (!h)
        return;
    batch_free(h->batch);
    free(h);
}

static void work_tell(struct sampler *s, int state)
{
    pthread_mutex_lock(&s->mutex);
    s->state = state;
    pthread_cond_signal(&s->attached);
    pthread_mutex_unlock(&s->mutex);
}

/* A sampler that waits for a CPU like everybody else sees too little of short bursts. */
static bool work_ask_realtime(void)
{
    struct sched_param param = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0)
        return true;
    setpriority(PRIO_PROCESS, 0, -10);
    return false;
}

/* The front is too slow: what was seen is dropped and counted, what it stands on is kept. */
static void work_drop(struct sampler *s)
{
    struct batch *b = s->sink.batch;
    for (size_t i = 0; i < b->runs.n; i++)
        s->sink.cost.lost += b->runs.at[i].ticks;
    vec_clear(&b->runs);
    vec_clear(&b->metrics);
}

static const char *work_engine(const struct sampler *s)
{
    const char *engine = s->watches.n ? watch_engine(s->watches.at[0]) : "";
    for (size_t i = 1; i < s->watches.n; i++)
        if (strcmp(watch_engine(s->watches.at[i]), engine) != 0)
            return "mixed";
    return engine;
}

static void work_hand_over(struct sampler *s)
{
    for (size_t i = 0; i < s->watches.n; i++)
        watch_flush(s->watches.at[i]);
    if (!queue_has_room(s->up)) {
        work_drop(s);
        return;
    }
    const struct stop_stats *stats = stops_stats(s->stops);
    struct cost *cost = &s->sink.cost;
    cost->stops = stats->stops;
    cost->stopped_ns = stats->stopped_ns;
    cost->slow_stops = stats->slow;
    cost->long_stops = stats->lasted_long;
    cost->rewound = stats->rewound;
    cost->cpu_ns = clock_cpu_ns();
    struct handover *h = xcalloc(1, sizeof *h);
    h->children = s->children;
    h->ended = s->ended;
    h->realtime = s->realtime;
    h->engine = work_engine(s);
    h->rate_hz = s->budget.rate_hz;
    metrics_limits(s->metrics, &h->cpus_allowed, &h->memory_limit);
    h->batch = sink_cut(&s->sink);
    queue_put(s->up, h);
}

static bool work_is_watched(const struct sampler *s, pid_t pid)
{
    for (size_t i = 0; i < s->watches.n; i++)
        if (watch_pid(s->watches.at[i]) == pid)
            return true;
    return false;
}

/* The family's CPU since the last look: what one of its members used, told from a later process
 * that has got the same pid. */
static void work_count_children(struct sampler *s, uint64_t now_ns)
{
    uint64_t used_ns = 0;
    for (size_t i = 0; i < s->family.list.n; i++) {
        const struct child *c = &s->family.list.at[i];
        for (size_t k = 0; k < s->family_before.list.n; k++) {
            const struct child *was = &s->family_before.list.at[k];
            if (was->pid == c->pid && was->start_ticks == c->start_ticks)
                used_ns += c->cpu_ns - was->cpu_ns;
        }
    }
    double dt_ns = (double)(now_ns - s->family_ns);
    s->children.count = (uint32_t)s->family.list.n;
    s->children.cores = s->family_ns && dt_ns > 0 ? (double)used_ns / dt_ns : 0;
    s->family_ns = now_ns;
}

static size_t work_pids(const struct sampler *s, pid_t pids[WATCHES_MAX])
{
    for (size_t i = 0; i < s->watches.n; i++)
        pids[i] = watch_pid(s->watches.at[i]);
    return s->watches.n;
}

static bool work_was_refused(const struct sampler *s, pid_t pid)
{
    for (size_t i = 0; i < s->refused.n; i++)
        if (s->refused.at[i] == pid)
            return true;
    return false;
}

/* Watches the children that are new in s->family. */
static void work_adopt(struct sampler *s, uint64_t now_ns)
{
    size_t unwatched = 0;
    for (size_t i = 0; i < s->family.list.n; i++) {
        pid_t pid = s->family.list.at[i].pid;
        if (pid == getpid() || work_is_watched(s, pid) || work_was_refused(s, pid))
            continue;
        if (s->watches.n == WATCHES_MAX) {
            unwatched++;
            continue;
        }
        struct watch *w = watch_new(pid, &s->watching, &s->sink, s->stops, now_ns, NULL);
        if (w)
            vec_push(&s->watches, w);
        else
            vec_push(&s->refused, pid);
    }
    if (unwatched > s->unwatched_told)
        sink_mark(&s->sink, MARK_NOTE, now_ns,
                  "%zu processes are watched, the most there can be: %zu more are not",
                  s->watches.n, unwatched);
    s->unwatched_told = unwatched;
}

/* Between the seconds: children that have come, and what they execute. Of those that were watched,
 * too, whose parent has ended, the children are found: that is why all are asked and not the
 * targets alone. Costs at most one part in FAMILY_COST of the time. */
static void work_family(struct sampler *s)
{
    pid_t pids[WATCHES_MAX];
    uint64_t begin_ns = clock_mono_ns();
    children_read(&s->family, pids, work_pids(s, pids));
    work_adopt(s, begin_ns);
    for (size_t i = 0; i < s->watches.n; i++)
        watch_check(s->watches.at[i], begin_ns);
    uint64_t end_ns = clock_mono_ns(), rest_ns = FAMILY_COST * (end_ns - begin_ns);
    s->family_at_ns = end_ns + (rest_ns > FAMILY_NS ? rest_ns : FAMILY_NS);
}

static void work_children(struct sampler *s, uint64_t now_ns)
{
    pid_t pids[WATCHES_MAX];
    children_read(&s->family, pids, work_pids(s, pids));
    work_count_children(s, now_ns);
    vec_clear(&s->family_before.list);
    vec_append(&s->family_before.list, s->family.list.at, s->family.list.n);
    if (s->take_children)
        s->children.taken = true;
    vec_clear(&s->refused);
    if (s->children.taken)
        work_adopt(s, now_ns);
}

static void work_set_rate(struct sampler *s)
{
    s->watching.period_ns = (uint64_t)(NS_PER_S / s->budget.rate_hz);
    for (size_t i = 0; i < s->watches.n; i++)
        watch_set_period(s->watches.at[i], s->watching.period_ns);
}

static void work_budget(struct sampler *s, uint64_t now_ns)
{
    uint64_t stopped_ns = stops_stats(s->stops)->stopped_ns, own_ns = clock_thread_cpu_ns();
    uint64_t target_ns = metrics_cpu_ns(s->metrics), dt_ns = now_ns - s->budget_ns;
    double before_hz = s->budget.rate_hz;
    enum budget_news news = BUDGET_NOTHING;
    if (s->budget_ns)
        news = budget_second(&s->budget, dt_ns, stopped_ns - s->budget_stopped_ns,
                             target_ns > s->budget_target_ns ? target_ns - s->budget_target_ns : 0,
                             own_ns - s->budget_own_ns);
    s->budget_ns = now_ns;
    s->budget_stopped_ns = stopped_ns;
    s->budget_target_ns = target_ns;
    s->budget_own_ns = own_ns;
    const struct budget *b = &s->budget;
    if (b->rate_hz != before_hz)
        work_set_rate(s);
    if (news == BUDGET_SLOWER)
        sink_mark(&s->sink, MARK_RATE, now_ns,
                  "sampling at %.0f Hz to keep the budget (stopped %.1f%% of wall time, own CPU "
                  "%.1f%%)",
                  b->rate_hz, b->target_now, b->own_now);
    if (news == BUDGET_BACK)
        sink_mark(&s->sink, MARK_RATE, now_ns, "sampling at %.0f Hz again", b->rate_hz);
    if (news == BUDGET_BROKEN && b->target_now / b->target_pct > b->own_now / b->own_pct)
        sink_mark(&s->sink, MARK_RATE, now_ns,
                  "over the budget: the target stands still %.1f%% of wall time (%.2g%% wanted)",
                  b->target_now, b->target_pct);
    else if (news == BUDGET_BROKEN)
        sink_mark(&s->sink, MARK_RATE, now_ns,
                  "over the budget: proftop uses %.1f%% of a core (%.2g%% wanted)", b->own_now,
                  b->own_pct);
}

static void work_note_sleep(struct sampler *s)
{
    char length[FIGURE_MAX];
    uint64_t boot_ns = clock_boot_ns(), now_ns = clock_mono_ns();
    uint64_t slept_ns = slept_since(&s->slept, boot_ns, now_ns);
    if (!slept_ns)
        return;
    sink_mark(&s->sink, MARK_GAP, now_ns, "the machine slept %s",
              figure_duration(length, slept_ns));
    sink_metric(&s->sink, METRIC_SLEPT, now_ns, (double)slept_ns / NS_PER_S);
}

static void work_take_pace(struct sampler *s)
{
    pthread_mutex_lock(&s->mutex);
    if (s->pace.is_new) {
        budget_init(&s->budget, s->pace.budget_pct, s->pace.rate_hz, s->pace.rate_is_kept);
        work_set_rate(s);
    }
    s->pace.is_new = false;
    pthread_mutex_unlock(&s->mutex);
}

static void work_second(struct sampler *s, uint64_t now_ns)
{
    work_take_pace(s);
    pid_t pids[WATCHES_MAX];
    work_note_sleep(s);
    for (size_t i = 0; i < s->watches.n; i++)
        watch_check(s->watches.at[i], now_ns);
    size_t n = work_pids(s, pids);
    metrics_read(s->metrics, pids, n, stops_stats(s->stops)->stopped_ns, &s->sink, now_ns);
    for (size_t i = 0; i < s->watches.n; i++)
        sink_memory(&s->sink, watch_incarnation(s->watches.at[i]),
                    metrics_rss_bytes(s->metrics, watch_pid(s->watches.at[i])));
    work_children(s, now_ns);
    work_budget(s, now_ns);
}

/* A process has ended. The others keep their order: the targets stay before their families. */
static void work_leave(struct sampler *s, size_t at)
{
    struct watch *w = s->watches.at[at];
    for (size_t i = 0; i < s->targets.n; i++)
        if (s->targets.at[i] == watch_pid(w))
            s->targets.at[i--] = s->targets.at[--s->targets.n];
    watch_flush(w);
    watch_free(w);
    metrics_check_kills(s->metrics, &s->sink, clock_mono_ns());
    s->watches.n--;
    memmove(s->watches.at + at, s->watches.at + at + 1,
            (s->watches.n - at) * sizeof *s->watches.at);
}

static bool work_attach(struct sampler *s)
{
    for (size_t i = 0; i < s->targets.n; i++) {
        struct watch *w =
            watch_new(s->targets.at[i], &s->watching, &s->sink, s->stops, clock_mono_ns(), &s->err);
        if (!w)
            return false;
        vec_push(&s->watches, w);
        s->watching.tell = false; /* of the others nothing new */
    }
    s->watching.named = false; /* a prefork server's workers come and go without a word */
    return true;
}

static void work_tick(struct sampler *s, uint64_t now_ns)
{
    s->sink.cost.ticks++;
    for (size_t i = 0; i < s->watches.n; i++) {
        if (watch_tick(s->watches.at[i], now_ns))
            continue;
        work_leave(s, i--);
        if (!s->targets.n) {
            s->ended = true;
            return;
        }
    }
}

/* Sleeps until the next tick; a thread that had no CPU to stop on is copied when it gets one. */
static void work_sleep_until(struct sampler *s, uint64_t due_ns)
{
    pid_t tid;
    while ((tid = stops_wait(s->stops, due_ns))) {
        bool known = false;
        for (size_t i = 0; i < s->watches.n && !known; i++)
            known = watch_late(s->watches.at[i], tid, clock_mono_ns());
        if (!known)
            stop_end(s->stops, tid);
    }
}

/*
 * Keeps the sampler off the CPUs that the target's threads run on, where there is another one: what
 * we use is then not taken from the target, and a stop takes less long to be seen.
 */
static void work_choose_cpu(struct sampler *s)
{
    cpu_set_t used, away = s->cpus;
    CPU_ZERO(&used);
    for (size_t i = 0; i < s->watches.n; i++)
        watch_cpus(s->watches.at[i], &used);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &used))
            CPU_CLR(cpu, &away);
    bool apart = CPU_COUNT(&away) > 0;
    const cpu_set_t *chosen = apart ? &away : &s->cpus;
    if (!CPU_EQUAL(chosen, &s->now_on)) {
        s->now_on = *chosen;
        sched_setaffinity(0, sizeof s->now_on, &s->now_on);
    }
    stops_spin(s->stops, apart);
}

static void work_rest(struct sampler *s)
{
    stops_settle(s->stops, SETTLE_NS);
    pthread_mutex_lock(&s->mutex);
    s->resting = true;
    pthread_cond_broadcast(&s->attached);
    while (s->rest && !s->stopping)
        pthread_cond_wait(&s->attached, &s->mutex);
    s->resting = false;
    pthread_mutex_unlock(&s->mutex);
}

/* Beside the ticks, and with no more right to a CPU than anybody else. */
static void *load_registers(void *arg)
{
    struct err err;
    if (!bpf_regs_load(arg, &err))
        log_detail("registers of sleeping threads are guessed where they are needed: %s", err.text);
    return NULL;
}

static void work_load_registers(struct sampler *s)
{
    if (s->loading || !bpf_regs_wanted(s->registers))
        return;
    s->loading = pthread_create(&s->loader, NULL, load_registers, s->registers) == 0;
}

static void work_loop(struct sampler *s)
{
    uint64_t now = clock_mono_ns();
    uint64_t beat = now, hand_over_at = now + FIRST_NS, second_at = now, cpu_at = now;
    while (!s->stopping && !s->ended) {
        if (s->rest)
            work_rest(s);
        if (now >= cpu_at) {
            work_choose_cpu(s);
            cpu_at = now + CPU_NS;
        }
        if (now >= second_at) {
            work_second(s, now);
            second_at += NS_PER_S;
            if (second_at < now)
                second_at = now + NS_PER_S;
        }
        if (s->children.taken && now >= s->family_at_ns)
            work_family(s);
        if (now >= hand_over_at) {
            work_hand_over(s);
            hand_over_at = now + HANDOVER_NS;
        }
        uint64_t period_ns = s->watching.period_ns;
        beat += period_ns;
        now = clock_mono_ns();
        uint64_t due = now;
        if (beat + period_ns < now) { /* never fall behind and catch up */
            uint64_t missed = (now - beat) / period_ns;
            s->sink.cost.late_ticks += missed;
            beat += missed * period_ns;
        } else {
            /* Anywhere in its period: with less room, a target that does the same again and again
             * may fall into step with the beat, also because each stop delays it a little. */
            due = beat + random_next(&s->random) % period_ns;
        }
        work_sleep_until(s, due);
        now = clock_mono_ns();
        work_tick(s, now);
        work_load_registers(s);
    }
}

static void *work(void *arg)
{
    struct sampler *s = arg;
    prctl(PR_SET_TIMERSLACK, 1000ul);
    sched_getaffinity(0, sizeof s->cpus, &s->cpus);
    s->now_on = s->cpus;
    sink_init(&s->sink);
    s->stops = stops_new();
    s->watching.registers = s->registers = bpf_regs_new();
    s->metrics = metrics_reader_new();
    if (work_attach(s)) { /* this may take 0.1 s, in which it has no right to anybody's CPU */
        s->realtime = work_ask_realtime();
        work_tell(s, 1);
        work_loop(s);
        /* The last one says that the target has ended: a front that is held up must not miss it. */
        while (!queue_has_room(s->up) && !s->stopping)
            usleep(ROOM_US);
        work_hand_over(s);
        pthread_mutex_lock(&s->mutex);
        s->over = true;
        pthread_cond_broadcast(&s->attached);
        pthread_mutex_unlock(&s->mutex);
    } else {
        work_tell(s, -1);
    }
    for (size_t i = 0; i < s->watches.n; i++)
        watch_free(s->watches.at[i]);
    if (s->loading)
        pthread_join(s->loader, NULL);
    bpf_regs_free(s->registers);
    vec_free(&s->watches);
    vec_free(&s->refused);
    children_clear(&s->family);
    children_clear(&s->family_before);
    metrics_reader_free(s->metrics);
    stops_free(s->stops);
    sink_clear(&s->sink);
    return NULL;
}

struct sampler *sampler_start(const pid_t *pids, size_t n, const struct session_options *options,
                              struct err *err)
{
    struct sampler *s = xcalloc(1, sizeof *s);
    vec_append(&s->targets, pids, n);
    s->options = *options;
    s->take_children = options->children;
    budget_init(&s->budget, options->budget_pct, options->rate_hz, options->rate_is_kept);
    s->watching = (struct watch_options){
        .engine = options->engine,
        .native = !options->no_native,
        .tell = true,
        .named = true,
        .period_ns = (uint64_t)(NS_PER_S / options->rate_hz),
    };
    s->random = clock_mono_ns() | 1;
    s->up = queue_new(QUEUE_MAX);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->attached, NULL);
    if (pthread_create(&s->thread, NULL, work, s))
        die("cannot start a thread");
    pthread_setname_np(s->thread, "sampler");
    pthread_mutex_lock(&s->mutex);
    while (!s->state)
        pthread_cond_wait(&s->attached, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
    if (s->state < 0) {
        err_set(err, "%s", s->err.text);
        sampler_free(s);
        return NULL;
    }
    return s;
}

void sampler_end(struct sampler *s)
{
    if (s->joined)
        return;
    s->stopping = true;
    sampler_rest(s, false);
    pthread_join(s->thread, NULL);
    s->joined = true;
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    sampler_end(s);
    struct handover *h;
    while ((h = queue_take(s->up)))
        handover_free(h);
    queue_free(s->up);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->attached);
    vec_free(&s->targets);
    free(s);
}

void sampler_rest(struct sampler *s, bool rest)
{
    pthread_mutex_lock(&s->mutex);
    s->rest = rest;
    pthread_cond_broadcast(&s->attached);
    while (rest && !s->resting && !s->joined && !s->over)
        pthread_cond_wait(&s->attached, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
}

int sampler_fd(const struct sampler *s)
{
    return queue_fd(s->up);
}

struct handover *sampler_take(struct sampler *s)
{
    return queue_take(s->up);
}

void sampler_take_children(struct sampler *s)
{
    s->take_children = true;
}

void sampler_set_pace(struct sampler *s, double rate_hz, double budget_pct, bool rate_is_kept)
{
    pthread_mutex_lock(&s->mutex);
    s->pace.is_new = true;
    s->pace.rate_is_kept = rate_is_kept;
    s->pace.rate_hz = rate_hz;
    s->pace.budget_pct = budget_pct;
    pthread_mutex_unlock(&s->mutex);
}
