/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recording: everything that was observed of one target. Live, it grows at its end and thins
 * at its start; opened from a file, it stands still. Views read it, nothing else keeps figures.
 *
 * Invariants: runs of a level are in the order of their end, but for LEVEL_POOLED; levels do not
 * overlap for a thread (a run is in exactly one level); every id in it is valid in its dictionary.
 * Memory is bounded by `limits`. Pure: time is an argument, and it belongs to one thread (the
 * front).
 */
#ifndef MODEL_RECORDING_H
#define MODEL_RECORDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/vec.h"
#include "model/alert.h"
#include "model/census.h"
#include "model/dictionary.h"
#include "model/growth_look.h"
#include "model/metric.h"
#include "model/sample.h"

/* A process from its start (or our attaching, or its exec) to its end (or its next exec). */
struct incarnation {
    int32_t pid, ppid;
    uint64_t start_ticks; /* /proc/PID/stat field 22: tells a reused pid */
    struct string_id comm, cmdline, exe;
    struct string_id runtime; /* "native", "python 3.12.1" */
    uint64_t from_ns, to_ns;  /* to_ns 0: still there */
    bool exec;                /* ended by an exec, not by an exit */
    struct thread_id pooled;  /* stands for all its threads in LEVEL_POOLED; 0: not yet */
    uint64_t rss_bytes;       /* when it was last read; 0: never */
};

struct thread {
    struct incarnation_id incarnation;
    int32_t tid; /* 0: stands for all threads of the process, see pool.h */
    struct string_id name;
    uint64_t from_ns, to_ns; /* to_ns 0: still there */
};

/*
 * Where closed runs are kept: as they came, then folded into slices of 1 s, then of 10 s. Folding
 * merges runs shorter than the slice that differ in nothing but time into one that begins with the
 * slice; a run at least as long as the slice is already as small as it gets and stays as it is.
 * What these levels have no room for is pooled (pool.h): a run there is the time of all a process's
 * threads in one slice of five minutes (as the monotonic clock divides time), cut out of longer
 * runs.
 */
enum run_level { LEVEL_RAW, LEVEL_SECOND, LEVEL_TEN, LEVEL_POOLED, LEVEL_COUNT };
/* Length of the level's slices; 0 for LEVEL_RAW. */
uint64_t level_slice_ns(int level);
/* A run's weight is spread evenly from from_ns to this: its own length, or its slice's end. */
uint64_t run_end_ns(const struct run *run, int level);
/* How much of a run's weight falls into [from, to). */
uint64_t run_overlap_ns(const struct run *run, int level, uint64_t from_ns, uint64_t to_ns);
/* Leaves the part of a run that lies after from_ns; one folded into a slice of seconds stays whole
 * within it. false: none does, and it has no weight now. */
bool run_cut(struct run *run, int level, uint64_t from_ns);

struct recording_limits {
    uint64_t raw_ns, second_ns, ten_ns; /* how far back each level reaches; the last, all */
    size_t runs_max[LEVEL_COUNT];       /* and at most so many: the oldest go to the next level */
};
extern const struct recording_limits recording_default_limits; /* 10 minutes, 2 h, 24 h */

/* What observing cost, since the start. */
struct cost {
    uint64_t ticks;      /* rounds of the sampler */
    uint64_t late_ticks; /* rounds that were skipped because the sampler came too late */
    uint64_t samples;    /* observations of a thread */
    uint64_t lost;       /* observations that were due and failed, or found no room */
    uint64_t torn;       /* stacks dropped because they were inconsistent */
    uint64_t stops;      /* brief stops */
    uint64_t stopped_ns; /* sum of the times that threads stood still for us */
    uint64_t rewound;    /* interrupted system calls put right */
    uint64_t slow_stops; /* threads that did not stop in time and were let go */
    uint64_t long_stops; /* stops that lasted over 100 us */
    uint64_t cpu_ns;     /* CPU used by proftop */
};

enum mark_kind {
    MARK_NOTE,
    MARK_EXEC,
    MARK_EXIT,
    MARK_GAP,
    MARK_OOM,
    MARK_RATE /* how proftop samples, and no event of the target: behind all others */
};
struct mark {
    uint64_t time_ns;
    enum mark_kind kind;
    struct string_id text;
};

struct metric_set {
    struct series series[METRIC_COUNT];
};

/* Which of `places` belong to a frame. */
struct frame_places {
    uint32_t first, n;
};

struct recording {
    struct dictionary words;

    /* The start: both clocks at one moment. Times are monotonic ns; from_s = (t - start)/1e9. */
    uint64_t start_ns;
    int64_t start_wall_ns;
    uint64_t end_ns; /* of the newest thing in it */

    double rate_hz; /* now: it goes down to keep the budget */
    double
        budget_pct; /* of the target's time, twice that of a core for us; 0: none. Not in files */
    struct string_id engine; /* "ptrace" */
    struct string_id host;   /* "hostname, kernel" */
    double cpus_allowed;     /* cores that the target may use */
    uint64_t memory_limit;   /* bytes: the cgroup's limit or the system's memory */

    VEC(struct incarnation) incarnations; /* [0] none, [1] the target */
    VEC(struct thread) threads;           /* [0] none */

    /* Of each native frame, its places innermost first: inlined ones, then the function itself. */
    VEC(struct place) places;
    VEC(struct frame_places) frame_places; /* by frame id; n 0: unresolved */
    uint64_t places_version;               /* grows with every resolution */

    struct run_ring {
        VEC(struct run) ring;
        size_t first;     /* the oldest is ring.at[first]: a deque in an array */
        size_t settled;   /* of LEVEL_POOLED, see pool.h */
        struct map index; /* folding: what the newest slices hold, by content */
        uint64_t closed;  /* runs ever appended: the newest has the number closed - 1 */
        uint64_t dropped; /* runs that were forgotten for want of room */
    } levels[LEVEL_COUNT];
    VEC(struct run) open; /* by thread id: the run that still lengthens; ticks 0: none */

    struct metric_set total;              /* of the target (and its family) */
    struct alert_rules rules;             /* alert_log.h keeps these and the next */
    VEC(struct alert_state) alert_states; /* by rule */
    VEC(struct alert_event) alerts;       /* oldest first */
    uint64_t alerts_gone;                 /* forgotten: number n is alerts.at[n - 1 - this] */
    uint64_t alerts_version;              /* grows when one gets its snapshot */
    uint64_t shown_from_ns, shown_to_ns;  /* the window that the file opens with; both 0: all */
    struct {                              /* of thread_states.h: not in files, not in copies */
        uint64_t next_ns[2];              /* the stretch that comes next */
        bool gil_seen;                    /* some process has shown a GIL */
        struct map idle;                  /* which waits are, by stack, wait and object */
        uint64_t idle_version;
    } states;
    VEC(struct mark) marks;
    uint64_t marks_gone; /* forgotten (forget.h) */
    struct census_list censuses;
    struct growth_looks growth;
    struct cost cost;
    struct recording_limits limits;
    uint64_t version; /* grows with every change: a view may keep its rows until it does */
};

struct recording *recording_new(uint64_t start_ns, int64_t start_wall_ns);
void recording_free(struct recording *rec);
/* A copy that shares nothing, for saving in another thread. */
struct recording *recording_copy(const struct recording *rec);

/* What the target is now: the newest incarnation of the first one's pid. */
struct incarnation_id recording_target(const struct recording *rec);
struct incarnation_id recording_add_incarnation(struct recording *rec, struct incarnation in);
struct thread_id recording_add_thread(struct recording *rec, struct thread t);
void recording_end_thread(struct recording *rec, struct thread_id id, uint64_t time_ns);
void recording_end_incarnation(struct recording *rec, struct incarnation_id id, uint64_t time_ns,
                               bool exec);

/* Adds an observation; lengthens the thread's open run if nothing but time has changed. */
void recording_add_run(struct recording *rec, const struct run *run);
/* Drops a level's oldest run. */
void run_ring_pop(struct run_ring *r);
/* Appends a run as it stands, for reading a file. In time order per level. */
void recording_restore_run(struct recording *rec, enum run_level level, const struct run *run);
/* Moves what is too old to the next level, forgets what is older than all. O(what moves). */
void recording_thin(struct recording *rec, uint64_t now_ns);

void recording_add_metric(struct recording *rec, enum metric metric, uint64_t time_ns,
                          double value); /* also feeds the alert rules */
void recording_add_mark(struct recording *rec, uint64_t time_ns, enum mark_kind kind,
                        const char *text);

/* Says what a native frame is, innermost place first. Replaces what was said before. */
void recording_resolve(struct recording *rec, struct frame_id frame, const struct place *places,
                       size_t n);
/* The places of any frame, at least one: an unresolved native frame gives the stand-in that its
 * maker put into frame.place (the function "[libc.so.6]" of its module). Borrowed until the
 * recording changes. */
size_t recording_places(const struct recording *rec, struct frame_id frame,
                        const struct place **places);

/* Walks the runs of a level, oldest first, and the open ones as LEVEL_COUNT (those with ticks 0 are
 * to be passed over). */
size_t recording_run_count(const struct recording *rec, int level);
const struct run *recording_run_at(const struct recording *rec, int level, size_t i);

#endif
