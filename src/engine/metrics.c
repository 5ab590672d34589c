/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See metrics.h. */
#include "engine/metrics.h"

#include <stdlib.h>

#include "base/clock.h"
#include "engine/contended.h"
#include "engine/footprints.h"
#include "target/capacity.h"
#include "target/descriptors.h"
#include "target/figures.h"
#include "target/net_traffic.h"
#include "target/oom_kills.h"
#include "target/procfs.h"

/* Of a family, so many processes that have run are read at once, others in turns: each costs 0.1
 * ms. */
#define READ_AT_ONCE 6
/* And one that has not run each so many seconds: the kernel may have taken memory from it. */
#define READ_IDLE 32
/* How soon it is noticed that a process has moved to another control group. */
#define GROUPS_NS (5 * NS_PER_S)

struct followed {
    pid_t pid;
    struct figures_reader *reader;
    struct figures last;
    struct descriptors_reader descriptors;
    uint64_t cpu_ns, read_cpu_ns; /* now, and when its figures were read */
    bool has_last, has_fds, seen;
};

struct metrics_reader {
    VEC(struct followed) processes;
    struct cgroups groups;
    pid_t groups_of; /* 0: not found yet */
    uint64_t groups_ns;
    struct capacity capacity;
    struct footprints footprints;
    struct oom_kills own_kills, limit_kills; /* of its own group, and of the one with the limit */
    uint64_t told_limit, told_system;        /* bytes, as points say */
    struct contended contended;
    struct net_traffic traffic;
    uint64_t contended_ns; /* when that was read last */
    uint64_t last_ns;      /* 0: no read yet */
    uint64_t rounds;
    uint64_t cpu_ns; /* since the first */
    uint64_t last_stopped_ns, last_own_ns, last_samples, last_lost;
};

struct metrics_reader *metrics_reader_new(void)
{
    return xcalloc(1, sizeof(struct metrics_reader));
}

void metrics_reader_free(struct metrics_reader *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->processes.n; i++)
        figures_free(m->processes.at[i].reader);
    vec_free(&m->processes);
    footprints_clear(&m->footprints);
    net_traffic_clear(&m->traffic);
    free(m);
}

static struct followed *follow(struct metrics_reader *m, pid_t pid)
{
    for (size_t i = 0; i < m->processes.n; i++)
        if (m->processes.at[i].pid == pid)
            return &m->processes.at[i];
    struct figures_reader *reader = figures_new(pid, NULL);
    if (!reader)
        return NULL;
    struct followed *f = vec_add(&m->processes);
    f->pid = pid;
    f->reader = reader;
    return f;
}

/* What all processes used since the last read (sums), and have now (levels). */
struct total {
    uint64_t cpu_ns, user_ns, system_ns;
    uint64_t minor_faults, major_faults, voluntary, forced, read_bytes, written_bytes;
    uint64_t rss_bytes, virtual_bytes, threads;
    uint64_t anon_bytes, file_bytes, shared_bytes, swap_bytes;
    uint64_t queued_ns;
    uint64_t fds;
    double fds_pct; /* the highest */
    bool any_since, has_switches, has_queued, has_kinds, has_fds, has_fds_pct;
};

static uint64_t since(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static void add_process(struct total *t, struct followed *p, const struct figures *now)
{
    t->rss_bytes += now->rss_bytes;
    t->virtual_bytes += now->virtual_bytes;
    t->threads += now->threads;
    t->anon_bytes += now->anon_bytes;
    t->file_bytes += now->file_bytes;
    t->shared_bytes += now->shared_bytes;
    t->swap_bytes += now->swap_bytes;
    t->has_kinds = t->has_kinds || now->has_kinds;
    if (p->has_last) {
        const struct figures *was = &p->last;
        t->cpu_ns += since(now->cpu_ns, was->cpu_ns);
        t->user_ns += since(now->user_ns, was->user_ns);
        t->system_ns += since(now->system_ns, was->system_ns);
        t->minor_faults += since(now->minor_faults, was->minor_faults);
        t->major_faults += since(now->major_faults, was->major_faults);
        if (now->has_switches && was->has_switches) {
            t->voluntary += since(now->voluntary_switches, was->voluntary_switches);
            t->forced += since(now->forced_switches, was->forced_switches);
            t->has_switches = true;
        }
        t->read_bytes += since(now->read_bytes, was->read_bytes);
        t->written_bytes += since(now->written_bytes, was->written_bytes);
        if (now->has_queued && was->has_queued) {
            t->queued_ns += since(now->queued_ns, was->queued_ns);
            t->has_queued = true;
        }
        t->any_since = true;
    }
    p->last = *now;
    p->has_last = true;
}

static void add_descriptors(struct total *t, const struct followed *p)
{
    const struct descriptors *d = &p->descriptors.last;
    if (!p->has_fds)
        return;
    t->has_fds = true;
    t->fds += d->open;
    if (!d->limit)
        return;
    double pct = 100 * (double)d->open / (double)d->limit;
    t->fds_pct = t->has_fds_pct && t->fds_pct > pct ? t->fds_pct : pct;
    t->has_fds_pct = true;
}

uint64_t metrics_rss_bytes(const struct metrics_reader *m, pid_t pid)
{
    for (size_t i = 0; i < m->processes.n; i++)
        if (m->processes.at[i].pid == pid)
            return m->processes.at[i].last.rss_bytes;
    return 0;
}

/* In how many rounds those that have run come to their turn. 1 us a process. */
static size_t look_who_ran(struct metrics_reader *m)
{
    size_t ran = 0;
    for (size_t i = 0; i < m->processes.n; i++) {
        struct followed *p = &m->processes.at[i];
        p->cpu_ns = figures_cpu_ns(p->reader);
        ran += p->cpu_ns != p->read_cpu_ns;
    }
    return ran / (READ_AT_ONCE + 1) + 1;
}

static bool is_due(const struct metrics_reader *m, const struct followed *p, size_t turns)
{
    if (m->processes.n <= READ_AT_ONCE || !p->has_last || !p->cpu_ns)
        return true;
    /* By its number, so that the turns of all are spread. */
    uint64_t turn = m->rounds + (uint64_t)p->pid;
    return turn % (p->cpu_ns != p->read_cpu_ns ? turns : READ_IDLE) == 0;
}

/* The figures now, of which only the CPU time is new if the process is not due. false: it has
 * ended.
 */
static bool read_process(const struct metrics_reader *m, struct followed *p, size_t turns,
                         uint64_t now_ns, struct figures *now)
{
    if (!is_due(m, p, turns)) {
        *now = p->last;
        now->cpu_ns = p->cpu_ns;
        return true;
    }
    if (!figures_read(p->reader, now))
        return false;
    p->read_cpu_ns = now->cpu_ns;
    struct descriptors d;
    p->has_fds = descriptors_read(&p->descriptors, p->pid, now_ns, &d);
    return true;
}

static struct total read_all(struct metrics_reader *m, const pid_t *pids, size_t n, uint64_t now_ns)
{
    struct total total = {0};
    for (size_t i = 0; i < m->processes.n; i++)
        m->processes.at[i].seen = false;
    size_t turns = look_who_ran(m);
    for (size_t i = 0; i < n; i++) {
        struct figures now;
        struct followed *p = follow(m, pids[i]);
        if (!p || !read_process(m, p, turns, now_ns, &now))
            continue;
        p->seen = true;
        add_process(&total, p, &now);
        add_descriptors(&total, p);
    }
    m->rounds++;
    for (size_t i = 0; i < m->processes.n; i++) {
        if (m->processes.at[i].seen)
            continue;
        figures_free(m->processes.at[i].reader);
        m->processes.at[i--] = m->processes.at[--m->processes.n];
    }
    return total;
}

/* The clock ticks tell user from system time, the exact total how much there was of both. */
uint64_t metrics_cpu_ns(const struct metrics_reader *m)
{
    return m->cpu_ns;
}

static void add_cpu(const struct metrics_reader *m, const struct total *t, double dt_ns,
                    struct sink *sink, uint64_t now_ns)
{
    uint64_t ticks = t->user_ns + t->system_ns;
    double user_share = ticks ? (double)t->user_ns / (double)ticks : 1;
    double cores = (double)t->cpu_ns / dt_ns;
    sink_metric(sink, METRIC_CPU_USER, now_ns, cores * user_share);
    sink_metric(sink, METRIC_CPU_SYSTEM, now_ns, cores * (1 - user_share));
    if (m->capacity.cpus > 0)
        sink_metric(sink, METRIC_CPU_PCT, now_ns, 100 * cores / m->capacity.cpus);
}

/* What seldom changes has a point when it does: a series of equal ones would cost 72 KB. */
static void add_change(uint64_t *told, uint64_t value, enum metric metric, struct sink *sink,
                       uint64_t now_ns)
{
    if (value != *told)
        sink_metric(sink, metric, now_ns, (double)value);
    *told = value;
}

static void add_limits(struct metrics_reader *m, struct sink *sink, uint64_t now_ns)
{
    const struct capacity *c = &m->capacity;
    add_change(&m->told_limit, c->memory_by_cgroup ? c->memory_limit_bytes : 0, METRIC_LIMIT, sink,
               now_ns);
    add_change(&m->told_system, c->system_total_bytes, METRIC_SYSTEM, sink, now_ns);
    if (c->memory_by_cgroup)
        sink_metric(sink, METRIC_LIMIT_USED, now_ns, (double)c->memory_used_bytes);
    if (c->system_total_bytes)
        sink_metric(sink, METRIC_AVAILABLE, now_ns, (double)c->system_available_bytes);
}

static void add_footprints(struct metrics_reader *m, struct sink *sink, uint64_t now_ns)
{
    VEC(struct footprint_process) at = {0};
    for (size_t i = 0; i < m->processes.n; i++) {
        const struct followed *p = &m->processes.at[i];
        vec_push(&at, ((struct footprint_process){p->pid, p->last.rss_bytes}));
    }
    footprints_step(&m->footprints, at.at, at.n, sink, now_ns);
    vec_free(&at);
}

static void add_memory(const struct metrics_reader *m, const struct total *t, struct sink *sink,
                       uint64_t now_ns)
{
    if (t->has_kinds) {
        sink_metric(sink, METRIC_ANON, now_ns, (double)t->anon_bytes);
        sink_metric(sink, METRIC_FILE, now_ns, (double)t->file_bytes);
        sink_metric(sink, METRIC_SHARED, now_ns, (double)t->shared_bytes);
        sink_metric(sink, METRIC_SWAP, now_ns, (double)t->swap_bytes);
    }
    sink_metric(sink, METRIC_RSS, now_ns, (double)t->rss_bytes);
    sink_metric(sink, METRIC_VIRTUAL, now_ns, (double)t->virtual_bytes);
    sink_metric(sink, METRIC_THREADS, now_ns, (double)t->threads);
    if (t->has_fds)
        sink_metric(sink, METRIC_FDS, now_ns, (double)t->fds);
    if (t->has_fds_pct)
        sink_metric(sink, METRIC_FDS_PCT, now_ns, t->fds_pct);
    const struct capacity *c = &m->capacity;
    uint64_t used = c->memory_by_cgroup ? c->memory_used_bytes : t->rss_bytes;
    if (c->memory_limit_bytes)
        sink_metric(sink, METRIC_MEMORY_PCT, now_ns,
                    100 * (double)used / (double)c->memory_limit_bytes);
}

static void add_traffic(struct metrics_reader *m, pid_t pid, struct sink *sink, uint64_t now_ns)
{
    double received_per_s, sent_per_s;
    if (!net_traffic_read(&m->traffic, pid, now_ns, &received_per_s, &sent_per_s))
        return;
    sink_metric(sink, METRIC_NET_RECEIVED, now_ns, received_per_s);
    sink_metric(sink, METRIC_NET_SENT, now_ns, sent_per_s);
}

static void add_own(struct metrics_reader *m, const struct total *t, uint64_t stopped_ns,
                    double dt_ns, struct sink *sink, uint64_t now_ns)
{
    uint64_t own_ns = clock_cpu_ns();
    double per_s = NS_PER_S / dt_ns;
    sink_metric(sink, METRIC_SAMPLES, now_ns,
                (double)since(sink->cost.samples, m->last_samples) * per_s);
    sink_metric(sink, METRIC_LOST, now_ns, (double)since(sink->cost.lost, m->last_lost) * per_s);
    sink_metric(sink, METRIC_OWN_CPU_PCT, now_ns,
                100 * (double)since(own_ns, m->last_own_ns) / dt_ns);
    /* Of the time that the target ran or would have; of an idle one, of the time. */
    double stopped = (double)since(stopped_ns, m->last_stopped_ns);
    double base = (double)t->cpu_ns > dt_ns / 1000 ? (double)t->cpu_ns + stopped : dt_ns;
    sink_metric(sink, METRIC_STOPPED_PCT, now_ns, 100 * stopped / base);
}

static void note_own(struct metrics_reader *m, uint64_t stopped_ns, const struct sink *sink,
                     uint64_t now_ns)
{
    m->last_ns = now_ns;
    m->last_own_ns = clock_cpu_ns();
    m->last_stopped_ns = stopped_ns;
    m->last_samples = sink->cost.samples;
    m->last_lost = sink->cost.lost;
}

/* Also without figures of the target, so that the next second has something to count from. */
static void add_contention(struct metrics_reader *m, double cores, struct sink *sink,
                           uint64_t now_ns)
{
    struct contention now;
    contention_read("", &m->groups, &now);
    contended_add(&m->contended, &now, (double)since(now_ns, m->contended_ns), cores, sink, now_ns);
    m->contended_ns = now_ns;
}

static bool find_groups(struct metrics_reader *m, pid_t pid, uint64_t now_ns)
{
    if (m->groups_of == pid && since(now_ns, m->groups_ns) < GROUPS_NS)
        return true;
    m->groups_of = cgroups_find("", pid, &m->groups, NULL) ? pid : 0;
    m->groups_ns = now_ns;
    return m->groups_of != 0;
}

/* The count of one group, against what it was: what has been added since. */
static uint64_t more_kills(const struct cgroup *group, struct oom_kills *was)
{
    struct oom_kills now;
    oom_kills_read(group, &now);
    uint64_t more =
        now.known && was->known && now.key == was->key ? since(now.count, was->count) : 0;
    if (now.known)
        *was = now;
    return more;
}

void metrics_check_kills(struct metrics_reader *m, struct sink *sink, uint64_t now_ns)
{
    if (!m->groups_of)
        return;
    const struct cgroup *own = m->groups.memory.found ? &m->groups.memory : &m->groups.unified;
    uint64_t kills = more_kills(own, &m->own_kills);
    uint64_t above = more_kills(&m->capacity.memory_group, &m->limit_kills);
    if (above > kills)
        kills = above;
    if (kills)
        sink_mark(sink, MARK_OOM, now_ns,
                  "out of memory: the kernel has killed %llu process%s of its control group",
                  (unsigned long long)kills, kills == 1 ? "" : "es");
}

void metrics_read(struct metrics_reader *m, const pid_t *pids, size_t n, uint64_t stopped_ns,
                  struct sink *sink, uint64_t now_ns)
{
    if (!n)
        return;
    bool grouped = find_groups(m, pids[0], now_ns);
    if (grouped)
        capacity_read(pids[0], &m->groups, &m->capacity);
    struct total t = read_all(m, pids, n, now_ns);
    m->cpu_ns += m->last_ns ? t.cpu_ns : 0;
    double cores =
        m->last_ns && now_ns > m->last_ns ? (double)t.cpu_ns / (double)(now_ns - m->last_ns) : 0;
    if (grouped) {
        add_contention(m, cores, sink, now_ns);
        add_limits(m, sink, now_ns);
        metrics_check_kills(m, sink, now_ns);
    }
    if (t.threads) {
        add_memory(m, &t, sink, now_ns);
        add_footprints(m, sink, now_ns);
        add_traffic(m, pids[0], sink, now_ns);
    }
    if (m->last_ns && t.any_since && now_ns > m->last_ns) {
        double dt_ns = (double)(now_ns - m->last_ns), per_s = NS_PER_S / dt_ns;
        add_cpu(m, &t, dt_ns, sink, now_ns);
        sink_metric(sink, METRIC_MINOR_FAULTS, now_ns, (double)t.minor_faults * per_s);
        sink_metric(sink, METRIC_MAJOR_FAULTS, now_ns, (double)t.major_faults * per_s);
        sink_metric(sink, METRIC_READ_BYTES, now_ns, (double)t.read_bytes * per_s);
        sink_metric(sink, METRIC_WRITE_BYTES, now_ns, (double)t.written_bytes * per_s);
        if (t.has_switches) {
            sink_metric(sink, METRIC_SWITCHES_VOLUNTARY, now_ns, (double)t.voluntary * per_s);
            sink_metric(sink, METRIC_SWITCHES_FORCED, now_ns, (double)t.forced * per_s);
        }
        if (t.has_queued)
            sink_metric(sink, METRIC_RUNQUEUE, now_ns, (double)t.queued_ns / dt_ns);
        add_own(m, &t, stopped_ns, dt_ns, sink, now_ns);
    }
    note_own(m, stopped_ns, sink, now_ns);
}

void metrics_limits(const struct metrics_reader *m, double *cpus, uint64_t *memory_bytes)
{
    *cpus = m->capacity.cpus;
    *memory_bytes = m->capacity.memory_limit_bytes;
}
