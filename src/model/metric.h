/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metrics that are followed, one row each, and a series of one over time.
 *
 * A series keeps its newest SERIES_POINTS points as they came; older ones are thinned into
 * buckets of 10 and then of 100 points that keep mean, minimum and maximum. Bounded: three
 * rings of SERIES_POINTS, 72 KB (up to 90 as allocated) when full. At a point a second they reach
 * back 111,000 s, which is more than a day, and all metrics together take under 5 MB.
 */
#ifndef MODEL_METRIC_H
#define MODEL_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/vec.h"

enum metric {
    METRIC_CPU_PCT,    /* of what the target may use: cores, affinity, cgroup quota */
    METRIC_CPU_USER,   /* cores */
    METRIC_CPU_SYSTEM, /* cores */
    METRIC_MEMORY_PCT, /* of the system, or of the cgroup's limit */
    METRIC_RSS,        /* bytes */
    METRIC_VIRTUAL,    /* bytes */
    METRIC_ANON,       /* bytes of RSS that belong to no file; the three make up RSS */
    METRIC_FILE,       /* bytes of RSS: mapped files */
    METRIC_SHARED,     /* bytes of RSS: shared memory */
    METRIC_SWAP,       /* bytes */
    METRIC_PSS,        /* bytes: every ten seconds or less often, as are the next two */
    METRIC_HEAP,       /* bytes of the brk heap's mapping */
    METRIC_MAPPINGS,   /* how many */
    METRIC_LIMIT,      /* bytes that the tightest cgroup allows; a point when it changes, 0: none */
    METRIC_LIMIT_USED, /* bytes used within it, without file cache that can be dropped */
    METRIC_AVAILABLE,  /* bytes of the system's memory */
    METRIC_SYSTEM,     /* bytes of memory that the system has; a point when it changes */
    METRIC_THREADS,
    METRIC_FDS,          /* open descriptors */
    METRIC_FDS_PCT,      /* of RLIMIT_NOFILE: of the process that is nearest to its limit */
    METRIC_MINOR_FAULTS, /* per second, as are the following */
    METRIC_MAJOR_FAULTS,
    METRIC_READ_BYTES, /* from storage */
    METRIC_WRITE_BYTES,
    METRIC_NET_RECEIVED, /* by the target's network namespace, all interfaces but lo */
    METRIC_NET_SENT,
    METRIC_SWITCHES_VOLUNTARY,
    METRIC_SWITCHES_FORCED,
    METRIC_THROTTLED_PCT, /* of the time: the cgroup's quota was used up */
    METRIC_QUOTA,         /* cores that the cgroup may use */
    METRIC_RUNQUEUE,      /* threads that were runnable without a CPU, on average */
    METRIC_RUNNING,       /* threads, on average as sampled; these four make up all threads */
    METRIC_RUNNABLE,
    METRIC_WAITING, /* for something that somebody waits for; the rest is idle (window.h) */
    METRIC_IDLE,
    METRIC_GIL_HELD, /* percent of the time that the GIL is held; the most of all processes */
    METRIC_GIL_WAIT, /* and that some thread waits for one, as sampled */
    METRIC_GC,       /* and that an interpreter collects garbage */
    METRIC_LOOP_LAG, /* seconds: how late an event loop is. From here to ACTIVE: no source yet */
    METRIC_P50,      /* seconds: response times, as are the next two */
    METRIC_P95,
    METRIC_P99,
    METRIC_ERROR_PCT,    /* of the requests */
    METRIC_REQUESTS,     /* per second */
    METRIC_ACTIVE,       /* requests that are being answered */
    METRIC_CPU_PRESSURE, /* percent of the time, as are the next two (PSI, "some") */
    METRIC_IO_PRESSURE,
    METRIC_MEMORY_PRESSURE,
    METRIC_NEIGHBOURS_PCT, /* of the machine's CPUs, used by all but the target */
    METRIC_STEAL_PCT,      /* of the machine's CPUs, taken by the hypervisor */
    METRIC_SLEPT,       /* seconds that the machine was suspended until then; a point each time */
    METRIC_SAMPLES,     /* per second */
    METRIC_LOST,        /* per second */
    METRIC_STOPPED_PCT, /* of their CPU time: how long threads stood still for us */
    METRIC_OWN_CPU_PCT, /* proftop's own CPU, of one core */
    METRIC_COUNT
};

enum metric_unit {
    UNIT_PCT,
    UNIT_CORES, /* or threads: how many, on average */
    UNIT_BYTES,
    UNIT_COUNT,
    UNIT_PER_S,
    UNIT_BYTES_PER_S,
    UNIT_SECONDS
};

/* For how long a point says what is so now. */
enum metric_pace {
    PACE_SECOND, /* read once a second: METRIC_FRESH_NS */
    PACE_ROUND,  /* read in rounds, ten seconds apart or seldom more: METRIC_ROUND_NS */
    PACE_CHANGE, /* until the next: a point when it changes */
};
#define METRIC_FRESH_NS (10 * NS_PER_S)
#define METRIC_ROUND_NS (300 * NS_PER_S)

struct metric_info {
    const char *name;  /* "cpu_pct": the column's name in the JSON */
    const char *title; /* "CPU" */
    enum metric_unit unit;
    const char *help;
    enum metric_pace pace;
};

extern const struct metric_info metrics[METRIC_COUNT];
/* The figure with its unit, as people read it; out has FIGURE_MAX bytes. */
const char *metric_figure(char *out, enum metric metric, double value);

#define SERIES_POINTS 1000
#define SERIES_LEVELS 3

struct point {
    uint64_t time_ns; /* of the (first) point */
    float mean, min, max;
    uint32_t count; /* points in it */
};

struct series {
    struct series_ring {
        VEC(struct point) ring; /* at most SERIES_POINTS */
        size_t first;
    } levels[SERIES_LEVELS]; /* oldest points are in the highest level */
};

void series_add(struct series *s, uint64_t time_ns, double value);
void series_clear(struct series *s);
void series_copy(struct series *to, const struct series *from);
size_t series_count(const struct series *s); /* points of all levels, oldest first: */
const struct point *series_at(const struct series *s, size_t i);
/* The newest point at or before time_ns; NULL if there is none. */
const struct point *series_find(const struct series *s, uint64_t time_ns);
/* The newest point's mean, if it says what is so at now_ns (which its pace tells): a metric that
 * has vanished has none. */
bool metric_current(const struct series *s, enum metric metric, uint64_t now_ns, double *value);
/* Appends a point as stored in a file (a thinned one goes to its level). In time order. */
void series_restore(struct series *s, struct point p);

/* Mean, min and max over [from, to); count 0 if no point falls in it. */
struct point series_summary(const struct series *s, uint64_t from_ns, uint64_t to_ns);

#endif
