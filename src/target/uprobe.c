/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See uprobe.h. Each thread has a ring, which belongs to an event that never fires and so lasts
 * over many short armings; the events of its probes write into it. (An event of a thread on any CPU
 * may only be redirected to one of the same thread.) The kernel finds the file by the name that
 * /proc has for our descriptor: also one that was deleted, or is in another mount namespace.
 */
#include "target/uprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/vec.h"
#include "target/maps.h"
#include "target/procfs.h"
#include "target/ring.h"

#define PMU "/sys/bus/event_source/devices/uprobe/"

struct point {
    int file; /* owned */
    uint64_t offset;
    bool at_return;
    uint64_t hits;
};

struct probe {
    int fd, point;
    uint64_t id;
};

struct probed {
    pid_t tid;
    int ring_fd; /* of the event that has the ring */
    bool wanted; /* in this arming */
    struct perf_ring ring;
};

struct uprobes {
    pid_t pid;
    struct uprobe_options options;
    uint32_t type;
    uint64_t return_config;
    struct point points[UPROBE_POINTS_MAX];
    int n_points;
    VEC(struct probed) threads;
    VEC(struct probe) probes;
    struct map by_id; /* of an event -> point; those of the last armings */
    size_t next_ring;
    uint64_t armed_at_ns, armed_ns, lost;
    uint8_t *wrapped;
};

/* The PMU's number, and which bit of config asks for the return. */
static bool find_pmu(uint32_t *type, uint64_t *return_config)
{
    char text[64];
    unsigned bit;
    if (procfs_read(AT_FDCWD, text, sizeof text, PMU "type") <= 0 || sscanf(text, "%u", type) != 1)
        return false;
    if (procfs_read(AT_FDCWD, text, sizeof text, PMU "format/retprobe") <= 0 ||
        sscanf(text, "config:%u", &bit) != 1 || bit > 63)
        return false;
    *return_config = 1ull << bit;
    return true;
}

static bool refuse(struct err *err, int error)
{
    bool ok;
    if (error == EACCES || error == EPERM)
        ok = err_set(err, "probes on functions are not permitted: run as root or give proftop "
                          "CAP_PERFMON");
    else if (error == ENOENT || error == EOPNOTSUPP)
        ok = err_set(err, "this kernel has no probes on functions (CONFIG_UPROBE_EVENTS)");
    else
        ok = perf_refuse(err, error);
    errno = error;
    return ok;
}

static int open_dummy(pid_t tid)
{
    struct perf_event_attr attr = {
        .size = sizeof attr,
        .type = PERF_TYPE_SOFTWARE,
        .config = PERF_COUNT_SW_DUMMY,
        .sample_period = 1,
        .sample_type = PERF_SAMPLE_TID,
        .use_clockid = 1, /* an event may only write into a ring of its own clock */
        .clockid = CLOCK_MONOTONIC,
        .exclude_kernel = 1,
        .wakeup_events = 1u << 30,
    };
    return perf_open(&attr, tid, -1);
}

static int open_probe(const struct uprobes *u, const struct point *point, pid_t tid)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", point->file);
    struct perf_event_attr attr = {
        .size = sizeof attr,
        .type = u->type,
        .config = point->at_return ? u->return_config : 0,
        .uprobe_path = (uint64_t)(uintptr_t)path,
        .probe_offset = point->offset,
        .sample_period = u->options.period,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .wakeup_events = 1u << 30,
        .disabled = 1,
    };
    if (u->options.period) {
        attr.sample_type =
            PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ID | PERF_SAMPLE_REGS_USER;
        attr.sample_regs_user = perf_registers_mask();
        if (point->at_return && u->options.stack_bytes) {
            attr.sample_type |= PERF_SAMPLE_STACK_USER;
            attr.sample_stack_user = (uint32_t)(u->options.stack_bytes & ~(size_t)7);
        }
    }
    return perf_open(&attr, tid, -1);
}

struct uprobes *uprobes_new(pid_t pid, const struct uprobe_options *options, struct err *err)
{
    uint32_t type;
    uint64_t return_config;
    if (!find_pmu(&type, &return_config)) {
        refuse(err, ENOENT);
        return NULL;
    }
    struct uprobes *u = xcalloc(1, sizeof *u);
    u->pid = pid;
    u->options = *options;
    if (u->options.stack_bytes > CAPTURE_STACK_MAX)
        u->options.stack_bytes = CAPTURE_STACK_MAX;
    u->type = type;
    u->return_config = return_config;
    u->wrapped = xmalloc(PERF_RECORD_BYTES_MAX);
    return u;
}

static void forget_thread(struct probed *t)
{
    perf_ring_unmap(&t->ring);
    close(t->ring_fd);
}

void uprobes_free(struct uprobes *u)
{
    if (!u)
        return;
    uprobes_disarm(u);
    for (size_t i = 0; i < u->threads.n; i++)
        forget_thread(&u->threads.at[i]);
    for (int i = 0; i < u->n_points; i++)
        close(u->points[i].file);
    vec_free(&u->threads);
    vec_free(&u->probes);
    map_free(&u->by_id);
    free(u->wrapped);
    free(u);
}

int uprobes_add(struct uprobes *u, int file, uint64_t offset, bool at_return, struct err *err)
{
    if (u->n_points == UPROBE_POINTS_MAX) {
        err_set(err, "more than %d functions to be probed", UPROBE_POINTS_MAX);
        return -1;
    }
    int own = fcntl(file, F_DUPFD_CLOEXEC, 0);
    if (own < 0) {
        err_errno(err, "a file to be probed");
        return -1;
    }
    u->points[u->n_points] = (struct point){.file = own, .offset = offset, .at_return = at_return};
    return u->n_points++;
}

/* The thread's ring, made where it has none. NULL: errno. */
static struct probed *want_thread(struct uprobes *u, pid_t tid)
{
    for (size_t i = 0; i < u->threads.n; i++)
        if (u->threads.at[i].tid == tid)
            return &u->threads.at[i];
    struct probed t = {.tid = tid, .ring_fd = open_dummy(tid)};
    if (t.ring_fd < 0)
        return NULL;
    if (u->options.period && !perf_ring_map(&t.ring, t.ring_fd, u->options.ring_pages)) {
        int error = errno;
        close(t.ring_fd);
        errno = error;
        return NULL;
    }
    vec_push(&u->threads, t);
    return vec_last(&u->threads);
}

static bool arm_point(struct uprobes *u, const struct probed *t, int point)
{
    struct probe probe = {.fd = open_probe(u, &u->points[point], t->tid), .point = point};
    if (probe.fd < 0)
        return false;
    if (!u->options.period || (ioctl(probe.fd, PERF_EVENT_IOC_ID, &probe.id) == 0 &&
                               ioctl(probe.fd, PERF_EVENT_IOC_SET_OUTPUT, t->ring_fd) == 0)) {
        vec_push(&u->probes, probe);
        if (u->options.period)
            map_set(&u->by_id, probe.id, (uint32_t)point);
        return true;
    }
    int error = errno;
    close(probe.fd);
    errno = error;
    return false;
}

/* Lets go of the rings of threads that are no longer wanted. What they held is gone. */
static void forget_unwanted(struct uprobes *u)
{
    size_t kept = 0;
    for (size_t i = 0; i < u->threads.n; i++) {
        if (u->threads.at[i].wanted)
            u->threads.at[kept++] = u->threads.at[i];
        else
            forget_thread(&u->threads.at[i]);
    }
    u->threads.n = kept;
    u->next_ring = 0;
}

bool uprobes_arm(struct uprobes *u, uint32_t points, const pid_t *tids, size_t n, struct err *err)
{
    int error = ESRCH;
    uprobes_disarm(u);
    map_clear(&u->by_id);
    for (size_t i = 0; i < u->threads.n; i++)
        u->threads.at[i].wanted = false;
    for (size_t i = 0; i < n && i < UPROBE_THREADS_MAX; i++) {
        struct probed *t = want_thread(u, tids[i]);
        if (t)
            t->wanted = true;
        else if (errno != ESRCH)
            error = errno;
    }
    forget_unwanted(u);
    for (size_t i = 0; i < u->threads.n; i++)
        for (int p = 0; p < u->n_points; p++)
            if ((!points || points >> p & 1) && !arm_point(u, &u->threads.at[i], p) &&
                errno != ESRCH)
                error = errno;
    u->armed_at_ns = clock_mono_ns();
    for (size_t i = 0; i < u->probes.n; i++)
        ioctl(u->probes.at[i].fd, PERF_EVENT_IOC_ENABLE, 0);
    if (u->probes.n)
        return true;
    return error == ESRCH
               ? (err_set(err, "the process %d has ended", (int)u->pid), errno = ESRCH, false)
               : refuse(err, error);
}

void uprobes_disarm(struct uprobes *u)
{
    if (!u->probes.n)
        return;
    for (size_t i = u->probes.n; i--;) {
        uint64_t hits;
        ioctl(u->probes.at[i].fd, PERF_EVENT_IOC_DISABLE, 0);
        if (read(u->probes.at[i].fd, &hits, sizeof hits) == sizeof hits)
            u->points[u->probes.at[i].point].hits += hits;
    }
    u->armed_ns += clock_mono_ns() - u->armed_at_ns;
    /* The breakpoint goes with the last of a point's events. */
    for (size_t i = 0; i < u->probes.n; i++)
        close(u->probes.at[i].fd);
    vec_clear(&u->probes);
}

static bool parse(struct uprobes *u, struct perf_record *r, struct uprobe_sample *s)
{
    uint32_t ids[2];
    uint64_t id;
    if (!perf_take(r, ids, sizeof ids) || !perf_take_u64(r, &s->time_ns) ||
        !perf_take_u64(r, &id) || !perf_take_registers(r, &s->capture))
        return false;
    uint32_t point = map_get(&u->by_id, id);
    if (point == MAP_NONE)
        return false;
    s->point = (int)point;
    s->pid = (pid_t)ids[0];
    s->tid = (pid_t)ids[1];
    s->capture.stack_size = 0;
    return !u->points[point].at_return || !u->options.stack_bytes ||
           perf_take_stack(r, &s->capture);
}

bool uprobes_next(struct uprobes *u, struct uprobe_sample *sample)
{
    for (size_t tried = 0; tried < u->threads.n; tried++) {
        struct perf_ring *ring = &u->threads.at[u->next_ring].ring;
        struct perf_record record;
        while (perf_ring_next(ring, u->wrapped, &record, &u->lost)) {
            uint64_t id, lost;
            bool is_sample = record.type == PERF_RECORD_SAMPLE && parse(u, &record, sample);
            if (record.type == PERF_RECORD_LOST && perf_take_u64(&record, &id) &&
                perf_take_u64(&record, &lost))
                u->lost += lost;
            perf_ring_done(ring, &record);
            if (is_sample)
                return true;
        }
        u->next_ring = (u->next_ring + 1) % u->threads.n;
    }
    return false;
}

uint64_t uprobes_hits(const struct uprobes *u, int point)
{
    uint64_t hits = 0;
    for (int i = 0; i < u->n_points; i++)
        if (point < 0 || point == i)
            hits += u->points[i].hits;
    return hits;
}

uint64_t uprobes_hits_so_far(const struct uprobes *u, int point)
{
    uint64_t hits = uprobes_hits(u, point), more;
    for (size_t i = 0; i < u->probes.n; i++)
        if ((point < 0 || u->probes.at[i].point == point) &&
            read(u->probes.at[i].fd, &more, sizeof more) == sizeof more)
            hits += more;
    return hits;
}

uint64_t uprobes_armed_ns(const struct uprobes *u)
{
    return u->armed_ns;
}

uint64_t uprobes_lost(const struct uprobes *u)
{
    return u->lost;
}

#define TRIAL_CALLS 400

__attribute__((noinline, noclone)) static void trial_function(void)
{
    __asm__ volatile("nop");
}

static uint64_t time_trial(void)
{
    uint64_t from_ns = clock_thread_cpu_ns();
    for (int i = 0; i < TRIAL_CALLS; i++)
        trial_function();
    return (clock_thread_cpu_ns() - from_ns) / TRIAL_CALLS;
}

uint64_t uprobes_call_cost_ns(size_t stack_bytes)
{
    struct uprobe_options options = {.period = 1, .stack_bytes = stack_bytes, .ring_pages = 64};
    struct uprobes *u = uprobes_new(getpid(), &options, NULL);
    uint64_t address = (uint64_t)(uintptr_t)trial_function, cost_ns = 0;
    pid_t self = gettid();
    struct maps maps;
    maps_init(&maps);
    const struct mapping *m =
        u && maps_read(&maps, getpid(), NULL, NULL) ? maps_find(&maps, address) : NULL;
    int fd = m ? maps_open_file(&maps, m, NULL) : -1;
    if (fd >= 0 && uprobes_add(u, fd, address - m->start + m->offset, true, NULL) >= 0 &&
        uprobes_arm(u, 0, &self, 1, NULL))
        cost_ns = time_trial();
    if (fd >= 0)
        close(fd);
    maps_clear(&maps);
    uprobes_free(u);
    return cost_ns;
}

bool uprobes_allowed(struct err *err)
{
    struct uprobes u = {.options = {0}};
    if (!find_pmu(&u.type, &u.return_config))
        return refuse(err, ENOENT);
    /* The rights are asked for before the file: one that cannot hold a probe answers EINVAL. */
    struct point point = {.file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), .offset = 0};
    int fd = open_probe(&u, &point, 0), error = errno;
    close(point.file);
    if (fd >= 0)
        close(fd);
    return fd >= 0 || (error != EACCES && error != EPERM && error != ENOENT) || refuse(err, error);
}
