/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See metric.h. Pure. */
#include "model/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* clang-format off */
const struct metric_info metrics[METRIC_COUNT] = {
    [METRIC_CPU_PCT] = {"cpu_pct", "CPU", UNIT_PCT, "CPU time, of what the target may use"},
    [METRIC_CPU_USER] = {"cpu_user", "user", UNIT_CORES, "CPU time in its own code, in cores"},
    [METRIC_CPU_SYSTEM] = {"cpu_system", "system", UNIT_CORES, "CPU time in the kernel, in cores"},
    [METRIC_MEMORY_PCT] = {"memory_pct", "memory", UNIT_PCT, "memory in use, of the system or of the cgroup's limit"},
    [METRIC_RSS] = {"rss_bytes", "RSS", UNIT_BYTES, "resident memory"},
    [METRIC_VIRTUAL] = {"virtual_bytes", "virtual", UNIT_BYTES, "mapped address space"},
    [METRIC_ANON] = {"anon_bytes", "anonymous", UNIT_BYTES, "resident memory of no file: heap, stacks, buffers"},
    [METRIC_FILE] = {"file_bytes", "mapped files", UNIT_BYTES, "resident memory of mapped files"},
    [METRIC_SHARED] = {"shared_bytes", "shared", UNIT_BYTES, "resident shared memory"},
    [METRIC_SWAP] = {"swap_bytes", "swapped", UNIT_BYTES, "memory that was swapped out"},
    [METRIC_PSS] = {"pss_bytes", "PSS", UNIT_BYTES, "resident memory, what is shared counted in parts", PACE_ROUND},
    [METRIC_HEAP] = {"heap_bytes", "brk heap", UNIT_BYTES, "the heap that grows by brk, as mapped", PACE_ROUND},
    [METRIC_MAPPINGS] = {"mappings", "mappings", UNIT_COUNT, "mappings of memory", PACE_ROUND},
    [METRIC_LIMIT] = {"memory_limit_bytes", "memory limit", UNIT_BYTES, "memory that the cgroup may use", PACE_CHANGE},
    [METRIC_LIMIT_USED] = {"memory_used_bytes", "used of the limit", UNIT_BYTES, "memory that the limited cgroup uses, less droppable file cache"},
    [METRIC_AVAILABLE] = {"available_bytes", "available", UNIT_BYTES, "memory that the system can still give"},
    [METRIC_SYSTEM] = {"system_bytes", "system memory", UNIT_BYTES, "memory that the system has", PACE_CHANGE},
    [METRIC_THREADS] = {"threads", "threads", UNIT_COUNT, "threads"},
    [METRIC_FDS] = {"open_fds", "descriptors", UNIT_COUNT, "open file descriptors"},
    [METRIC_FDS_PCT] = {"open_fds_pct", "of their limit", UNIT_PCT, "open descriptors, of the limit (RLIMIT_NOFILE) of the process that is nearest to it"},
    [METRIC_MINOR_FAULTS] = {"minor_faults_per_s", "minor faults", UNIT_PER_S, "page faults served from memory"},
    [METRIC_MAJOR_FAULTS] = {"major_faults_per_s", "major faults", UNIT_PER_S, "page faults served from disk"},
    [METRIC_READ_BYTES] = {"read_bytes_per_s", "disk read", UNIT_BYTES_PER_S, "read from storage"},
    [METRIC_WRITE_BYTES] = {"write_bytes_per_s", "disk write", UNIT_BYTES_PER_S, "written to storage"},
    [METRIC_NET_RECEIVED] = {"net_received_bytes_per_s", "net received", UNIT_BYTES_PER_S, "received by all interfaces but lo of its network namespace: also by others in it"},
    [METRIC_NET_SENT] = {"net_sent_bytes_per_s", "net sent", UNIT_BYTES_PER_S, "sent by all interfaces but lo of its network namespace: also by others in it"},
    [METRIC_SWITCHES_VOLUNTARY] = {"voluntary_switches_per_s", "waits begun", UNIT_PER_S, "context switches because a thread waited"},
    [METRIC_SWITCHES_FORCED] = {"forced_switches_per_s", "preemptions", UNIT_PER_S, "context switches because another thread got the CPU"},
    [METRIC_THROTTLED_PCT] = {"throttled_pct", "throttled", UNIT_PCT, "time without a CPU because the cgroup's quota was used up"},
    [METRIC_QUOTA] = {"quota_cpus", "CPU quota", UNIT_CORES, "cores that the cgroup may use"},
    [METRIC_RUNQUEUE] = {"runqueue_threads", "run queue", UNIT_CORES, "threads that were runnable without a CPU, on average"},
    [METRIC_RUNNING] = {"running_threads", "running", UNIT_CORES, "threads on a CPU, on average, as sampled"},
    [METRIC_RUNNABLE] = {"runnable_threads", "runnable", UNIT_CORES, "threads that wanted a CPU, on average, as sampled"},
    [METRIC_WAITING] = {"waiting_threads", "waiting", UNIT_CORES, "threads in a wait that somebody waits for, on average, as sampled"},
    [METRIC_IDLE] = {"idle_threads", "idle", UNIT_CORES, "threads with nothing to do, on average, as sampled"},
    [METRIC_GIL_HELD] = {"gil_held_pct", "GIL held", UNIT_PCT, "time that the GIL was held, as sampled; of the process where it was held most"},
    [METRIC_GIL_WAIT] = {"gil_wait_pct", "GIL wanted", UNIT_PCT, "time that a thread waited for a GIL, as sampled"},
    [METRIC_GC] = {"gc_pct", "collecting", UNIT_PCT, "time that Python collected garbage, as sampled"},
    [METRIC_LOOP_LAG] = {"loop_lag_s", "loop lag", UNIT_SECONDS, "how late an event loop comes to what is ready"},
    [METRIC_P50] = {"p50_s", "p50", UNIT_SECONDS, "response time that half of the requests stay under"},
    [METRIC_P95] = {"p95_s", "p95", UNIT_SECONDS, "response time that 95 % of the requests stay under"},
    [METRIC_P99] = {"p99_s", "p99", UNIT_SECONDS, "response time that 99 % of the requests stay under"},
    [METRIC_ERROR_PCT] = {"error_pct", "errors", UNIT_PCT, "requests that failed"},
    [METRIC_REQUESTS] = {"requests_per_s", "requests", UNIT_PER_S, "requests answered"},
    [METRIC_ACTIVE] = {"active_requests", "active", UNIT_COUNT, "requests that are being answered"},
    [METRIC_CPU_PRESSURE] = {"cpu_pressure_pct", "CPU pressure", UNIT_PCT, "time that somebody in the cgroup (or the machine) waited for a CPU"},
    [METRIC_IO_PRESSURE] = {"io_pressure_pct", "I/O pressure", UNIT_PCT, "time that somebody in the cgroup (or the machine) waited for storage"},
    [METRIC_MEMORY_PRESSURE] = {"memory_pressure_pct", "mem pressure", UNIT_PCT, "time that somebody in the cgroup (or the machine) waited for memory"},
    [METRIC_NEIGHBOURS_PCT] = {"neighbours_pct", "neighbours", UNIT_PCT, "CPU that all others used, of the machine's"},
    [METRIC_STEAL_PCT] = {"steal_pct", "steal", UNIT_PCT, "CPU that the hypervisor kept, of the machine's"},
    [METRIC_SLEPT] = {"slept_s", "slept", UNIT_SECONDS, "time that the machine was suspended until this moment"},
    [METRIC_SAMPLES] = {"samples_per_s", "samples", UNIT_PER_S, "observations of a thread"},
    [METRIC_LOST] = {"lost_samples_per_s", "lost", UNIT_PER_S, "observations that were due and failed"},
    [METRIC_STOPPED_PCT] = {"stopped_pct", "stopped", UNIT_PCT, "time that threads stood still for a copy, of the CPU time they used"},
    [METRIC_OWN_CPU_PCT] = {"own_cpu_pct", "proftop CPU", UNIT_PCT, "proftop's own CPU, of one core"},
};
/* clang-format on */

const char *metric_figure(char *out, enum metric metric, double value)
{
    char bytes[FIGURE_MAX];
    switch (metrics[metric].unit) {
    case UNIT_PCT:
        snprintf(out, FIGURE_MAX, "%.1f%%", value);
        break;
    case UNIT_CORES:
        snprintf(out, FIGURE_MAX, "%.2f", value);
        break;
    case UNIT_BYTES:
        figure_bytes(out, value);
        break;
    case UNIT_COUNT:
        figure_count(out, value > 0 ? (uint64_t)llround(value) : 0);
        break;
    case UNIT_PER_S:
        snprintf(out, FIGURE_MAX, value < 9.95 ? "%.1f/s" : "%.0f/s", value);
        break;
    case UNIT_BYTES_PER_S:
        snprintf(out, FIGURE_MAX, "%.20s/s", figure_bytes(bytes, value));
        break;
    case UNIT_SECONDS: /* a year is more than any of them */
        figure_duration(out, value > 0 ? (uint64_t)(fmin(value, 3e7) * NS_PER_S) : 0);
        break;
    }
    return out;
}

/* How many points of the level before make one of this level. */
#define SERIES_THIN 10

static struct point ring_at(const struct series_ring *r, size_t i)
{
    return r->ring.at[(r->first + i) % r->ring.n];
}

static void point_merge(struct point *into, const struct point *p)
{
    uint32_t n = into->count + p->count;
    if (!n)
        return;
    into->mean += (p->mean - into->mean) * (float)p->count / (float)n;
    into->min = fminf(into->min, p->min);
    into->max = fmaxf(into->max, p->max);
    into->count = n;
}

static void ring_add(struct series *s, int level, struct point p);

/* A point has left level - 1: it joins this level's newest bucket until that is full. */
static void ring_absorb(struct series *s, int level, struct point p)
{
    struct series_ring *r = &s->levels[level];
    uint32_t full = level == 1 ? SERIES_THIN : SERIES_THIN * SERIES_THIN;
    if (r->ring.n) {
        struct point *newest = &r->ring.at[(r->first + r->ring.n - 1) % r->ring.n];
        if (newest->count + p.count <= full) {
            point_merge(newest, &p);
            return;
        }
    }
    ring_add(s, level, p);
}

static void ring_add(struct series *s, int level, struct point p)
{
    struct series_ring *r = &s->levels[level];
    if (r->ring.n < SERIES_POINTS) {
        vec_push(&r->ring, p);
        return;
    }
    struct point oldest = r->ring.at[r->first];
    r->ring.at[r->first] = p;
    r->first = (r->first + 1) % SERIES_POINTS;
    if (level + 1 < SERIES_LEVELS)
        ring_absorb(s, level + 1, oldest);
}

void series_add(struct series *s, uint64_t time_ns, double value)
{
    float v = (float)value;
    if (isfinite(v))
        ring_add(s, 0, (struct point){time_ns, v, v, v, 1});
}

void series_restore(struct series *s, struct point p)
{
    if (!isfinite(p.mean) || !isfinite(p.min) || !isfinite(p.max) || !p.count)
        return;
    if (p.count == 1)
        ring_add(s, 0, p);
    else
        ring_add(s, p.count <= SERIES_THIN ? 1 : 2, p);
}

void series_clear(struct series *s)
{
    for (int l = 0; l < SERIES_LEVELS; l++) {
        vec_free(&s->levels[l].ring);
        s->levels[l].first = 0;
    }
}

void series_copy(struct series *to, const struct series *from)
{
    memset(to, 0, sizeof *to);
    for (int l = 0; l < SERIES_LEVELS; l++) {
        vec_append(&to->levels[l].ring, from->levels[l].ring.at, from->levels[l].ring.n);
        to->levels[l].first = from->levels[l].first;
    }
}

size_t series_count(const struct series *s)
{
    size_t n = 0;
    for (int l = 0; l < SERIES_LEVELS; l++)
        n += s->levels[l].ring.n;
    return n;
}

const struct point *series_at(const struct series *s, size_t i)
{
    for (int l = SERIES_LEVELS - 1; l >= 0; l--) {
        const struct series_ring *r = &s->levels[l];
        if (i < r->ring.n)
            return &r->ring.at[(r->first + i) % r->ring.n];
        i -= r->ring.n;
    }
    return NULL;
}

const struct point *series_find(const struct series *s, uint64_t time_ns)
{
    size_t low = 0, high = series_count(s);
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (series_at(s, mid)->time_ns <= time_ns)
            low = mid + 1;
        else
            high = mid;
    }
    return low ? series_at(s, low - 1) : NULL;
}

bool metric_current(const struct series *s, enum metric metric, uint64_t now_ns, double *value)
{
    static const uint64_t lasts_ns[] = {[PACE_SECOND] = METRIC_FRESH_NS,
                                        [PACE_ROUND] = METRIC_ROUND_NS,
                                        [PACE_CHANGE] = UINT64_MAX};
    size_t n = series_count(s);
    if (!n)
        return false;
    const struct point *newest = series_at(s, n - 1);
    if (now_ns > newest->time_ns && now_ns - newest->time_ns > lasts_ns[metrics[metric].pace])
        return false;
    *value = newest->mean;
    return true;
}

struct point series_summary(const struct series *s, uint64_t from_ns, uint64_t to_ns)
{
    struct point sum = {from_ns, 0, INFINITY, -INFINITY, 0};
    for (int l = 0; l < SERIES_LEVELS; l++) {
        for (size_t i = 0; i < s->levels[l].ring.n; i++) {
            struct point p = ring_at(&s->levels[l], i);
            if (p.time_ns >= from_ns && p.time_ns < to_ns)
                point_merge(&sum, &p);
        }
    }
    if (!sum.count)
        sum.min = sum.max = 0;
    return sum;
}
