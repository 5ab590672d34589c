/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Perf events (perf.h). An event that is inherited can only be mapped if it is bound to a CPU, so
 * there is one for each pair of thread and CPU, all of a CPU redirected into the ring of the first
 * (as perf record does). inherit_thread (Linux 5.13) leaves child processes out; an older kernel
 * gives them too, and their samples are told by their pid.
 */
#include "target/perf.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"
#include "target/ring.h"
#include "target/tracepoint.h"

/* Half a second's samples of a busy CPU at 100 Hz, and within what an unprivileged user may lock
 * (perf_event_mlock_kb, 516 for each CPU). */
#define RING_PAGES      64u
#define CPUS_MAX        1024
#define DESCRIPTORS_MAX 16384

struct ring {
    int cpu;
    int output_fd; /* -1: no event yet */
    struct perf_ring map;
};

struct perf_events {
    struct perf_event_attr attr;
    enum perf_clock clock;
    struct tracepoint tracepoint; /* PERF_TRACEPOINT */
    uint64_t lost;
    VEC(struct ring) rings;
    VEC(int) descriptors;
    size_t next_ring;
    uint8_t *record; /* one that wraps round, in one piece */
};

/* What is to be sampled, and with how much. */
struct wanted {
    enum perf_clock first, last; /* the best of these that there is */
    const struct tracepoint *tracepoint;
    uint64_t period_ns;
    size_t stack_bytes;
};

static void set_kind(struct perf_event_attr *attr, enum perf_clock clock,
                     const struct tracepoint *tracepoint)
{
    attr->type = PERF_TYPE_SOFTWARE;
    switch (clock) {
    case PERF_CYCLES:
        attr->type = PERF_TYPE_HARDWARE;
        attr->config = PERF_COUNT_HW_CPU_CYCLES;
        break;
    case PERF_CPU_CLOCK:
        attr->config = PERF_COUNT_SW_CPU_CLOCK;
        break;
    case PERF_FAULTS:
        attr->config = PERF_COUNT_SW_PAGE_FAULTS;
        attr->sample_type |= PERF_SAMPLE_ADDR;
        break;
    case PERF_TRACEPOINT:
        attr->type = PERF_TYPE_TRACEPOINT;
        attr->config = tracepoint->id;
        attr->sample_type |= PERF_SAMPLE_RAW;
        break;
    }
    if (clock != PERF_TRACEPOINT)
        attr->sample_type |= PERF_SAMPLE_CALLCHAIN;
}

static struct perf_event_attr attr_new(const struct wanted *wanted, enum perf_clock clock,
                                       bool kernel)
{
    struct perf_event_attr attr = {
        .size = sizeof attr,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_REGS_USER,
        .inherit = 1,
        .inherit_thread = 1,
        .exclude_hv = 1,
        .exclude_kernel = !kernel,
        .exclude_callchain_kernel = !kernel,
        .exclude_callchain_user = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .sample_stack_user = (uint32_t)wanted->stack_bytes,
        .wakeup_events = 1u << 30,
    };
    if (clock == PERF_CYCLES) {
        attr.freq = 1;
        attr.sample_freq = NS_PER_S / wanted->period_ns;
    } else {
        attr.sample_period = wanted->period_ns;
    }
    if (wanted->stack_bytes)
        attr.sample_type |= PERF_SAMPLE_STACK_USER;
    set_kind(&attr, clock, wanted->tracepoint);
    attr.sample_regs_user = perf_registers_mask();
    return attr;
}

/* The best kind of event that is wanted and can be opened on ourselves, with the kernel before
 * without. false: none, errno says why. */
static bool probe(struct perf_event_attr *attr, enum perf_clock *clock, const struct wanted *wanted)
{
    int error = 0;
    for (int kernel = 1; kernel >= 0; kernel--) {
        for (*clock = wanted->first; *clock <= wanted->last; (*clock)++) {
            *attr = attr_new(wanted, *clock, kernel);
            int fd = perf_open(attr, 0, -1);
            if (fd < 0 && (errno == EINVAL || errno == E2BIG)) {
                attr->inherit_thread = 0;
                fd = perf_open(attr, 0, -1);
            }
            if (fd >= 0) {
                close(fd);
                return true;
            }
            error = errno;
        }
    }
    errno = error;
    return false;
}

bool perf_events_allowed(bool *kernel, struct err *err)
{
    struct perf_event_attr attr;
    enum perf_clock clock;
    const struct wanted wanted = {PERF_CYCLES, PERF_CPU_CLOCK, NULL, 10 * NS_PER_MS, 4096};
    if (!probe(&attr, &clock, &wanted))
        return perf_refuse(err, errno);
    *kernel = !attr.exclude_kernel;
    return true;
}

bool perf_events_tracepoint_allowed(const struct tracepoint *tracepoint, struct err *err)
{
    struct perf_event_attr attr;
    enum perf_clock clock;
    const struct wanted wanted = {PERF_TRACEPOINT, PERF_TRACEPOINT, tracepoint, 1, 4096};
    return probe(&attr, &clock, &wanted) || perf_refuse(err, errno);
}

size_t perf_events_locked_bytes(void)
{
    return (RING_PAGES + 1) * (size_t)sysconf(_SC_PAGESIZE);
}

static struct perf_events *events_new(struct wanted wanted, struct err *err)
{
    struct perf_event_attr attr;
    enum perf_clock clock;
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    if (cpus < 1 || cpus > CPUS_MAX) {
        err_set(err, "perf events on %ld CPUs are not supported", cpus);
        return NULL;
    }
    if (wanted.stack_bytes > CAPTURE_STACK_MAX)
        wanted.stack_bytes = CAPTURE_STACK_MAX;
    wanted.stack_bytes &= ~(size_t)7;
    if (!probe(&attr, &clock, &wanted)) {
        perf_refuse(err, errno);
        return NULL;
    }
    struct perf_events *p = xcalloc(1, sizeof *p);
    p->attr = attr;
    p->clock = clock;
    if (wanted.tracepoint)
        p->tracepoint = *wanted.tracepoint;
    p->record = xmalloc(PERF_RECORD_BYTES_MAX);
    for (int cpu = 0; cpu < cpus; cpu++) {
        struct ring ring = {.cpu = cpu, .output_fd = -1};
        vec_push(&p->rings, ring);
    }
    return p;
}

struct perf_events *perf_events_new(uint64_t period_ns, size_t stack_bytes, struct err *err)
{
    struct wanted wanted = {PERF_CYCLES, PERF_CPU_CLOCK, NULL, period_ns, stack_bytes};
    return events_new(wanted, err);
}

struct perf_events *perf_events_new_faults(uint64_t period, size_t stack_bytes, struct err *err)
{
    struct wanted wanted = {PERF_FAULTS, PERF_FAULTS, NULL, period, stack_bytes};
    return events_new(wanted, err);
}

struct perf_events *perf_events_new_tracepoint(const struct tracepoint *tracepoint,
                                               size_t stack_bytes, struct err *err)
{
    struct wanted wanted = {PERF_TRACEPOINT, PERF_TRACEPOINT, tracepoint, 1, stack_bytes};
    struct perf_events *p = events_new(wanted, err);
    if (p)
        p->attr.disabled = 1;
    return p;
}

void perf_events_free(struct perf_events *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->rings.n; i++)
        perf_ring_unmap(&p->rings.at[i].map);
    for (size_t i = 0; i < p->descriptors.n; i++)
        close(p->descriptors.at[i]);
    vec_free(&p->rings);
    vec_free(&p->descriptors);
    free(p->record);
    free(p);
}

/* The first event of a CPU brings the ring. */
static bool attach_ring(struct ring *ring, int fd)
{
    if (ring->map.page)
        return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->output_fd) == 0;
    if (!perf_ring_map(&ring->map, fd, RING_PAGES))
        return false;
    ring->output_fd = fd;
    return true;
}

bool perf_events_add(struct perf_events *p, pid_t tid, struct err *err)
{
    size_t first = p->descriptors.n;
    if (first + p->rings.n > DESCRIPTORS_MAX) {
        errno = EMFILE;
        return err_set(err, "more threads than perf events can be opened for");
    }
    for (size_t i = 0; i < p->rings.n; i++) {
        struct ring *ring = &p->rings.at[i];
        int fd = perf_open(&p->attr, tid, ring->cpu);
        if (fd < 0 && errno == ENODEV)
            continue; /* a CPU that is switched off */
        if (fd >= 0 && attach_ring(ring, fd)) {
            vec_push(&p->descriptors, fd);
            continue;
        }
        int error = errno;
        if (fd >= 0)
            close(fd);
        /* Rings are kept: their events have merely nothing more to say. */
        if (error != ESRCH)
            perf_refuse(err, error);
        errno = error;
        return false;
    }
    return true;
}

void perf_events_set_period(struct perf_events *p, uint64_t period_ns)
{
    uint64_t value = p->clock == PERF_CYCLES ? NS_PER_S / period_ns : period_ns;
    if (p->clock == PERF_CYCLES)
        p->attr.sample_freq = value ? value : 1;
    else
        p->attr.sample_period = value;
    for (size_t i = 0; i < p->descriptors.n; i++)
        ioctl(p->descriptors.at[i], PERF_EVENT_IOC_PERIOD, &value);
}

void perf_events_switch(struct perf_events *p, bool on)
{
    p->attr.disabled = !on;
    for (size_t i = 0; i < p->descriptors.n; i++)
        ioctl(p->descriptors.at[i], on ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0);
}

enum perf_clock perf_events_clock(const struct perf_events *p)
{
    return p->clock;
}

bool perf_events_see_kernel(const struct perf_events *p)
{
    return !p->attr.exclude_kernel;
}

uint64_t perf_events_lost(const struct perf_events *p)
{
    return p->lost;
}

static bool parse_callchain(struct perf_record *r, struct perf_sample *s)
{
    uint64_t n, ip;
    if (!perf_take_u64(r, &n))
        return false;
    bool in_kernel = true;
    for (uint64_t i = 0; i < n; i++) {
        if (!perf_take_u64(r, &ip))
            return false;
        if (ip >= (uint64_t)PERF_CONTEXT_MAX) /* a marker: what follows is of another mode */
            in_kernel = ip == (uint64_t)PERF_CONTEXT_KERNEL;
        else if (in_kernel && s->n_kernel < PERF_KERNEL_FRAMES_MAX)
            s->kernel[s->n_kernel++] = ip;
    }
    return true;
}

/* The field of a tracepoint's raw bytes. */
static bool parse_raw(const struct perf_events *p, struct perf_record *r, struct perf_sample *s)
{
    uint32_t size;
    if (!perf_take(r, &size, sizeof size) || size > (size_t)(r->end - r->at) ||
        !tracepoint_value(&p->tracepoint, r->at, size, &s->value))
        return false;
    r->at += size;
    return true;
}

/* perf_event_open(2), PERF_RECORD_SAMPLE, for the sample_type of attr_new(). */
static bool parse_sample(const struct perf_events *p, struct perf_record *r, struct perf_sample *s)
{
    uint32_t ids[2];
    uint64_t type = p->attr.sample_type;
    s->address = 0;
    s->value = 0;
    s->n_kernel = 0;
    if (!perf_take(r, ids, sizeof ids) || !perf_take_u64(r, &s->time_ns) ||
        (type & PERF_SAMPLE_ADDR && !perf_take_u64(r, &s->address)) ||
        (type & PERF_SAMPLE_CALLCHAIN && !parse_callchain(r, s)) ||
        (type & PERF_SAMPLE_RAW && !parse_raw(p, r, s)) || !perf_take_registers(r, &s->capture))
        return false;
    s->pid = (pid_t)ids[0];
    s->tid = (pid_t)ids[1];
    return !(type & PERF_SAMPLE_STACK_USER) || perf_take_stack(r, &s->capture);
}

bool perf_events_next(struct perf_events *p, struct perf_sample *sample)
{
    for (size_t tried = 0; tried < p->rings.n; tried++) {
        struct ring *ring = &p->rings.at[p->next_ring];
        struct perf_record record;
        while (perf_ring_next(&ring->map, p->record, &record, &p->lost)) {
            uint64_t id, lost;
            bool is_sample = record.type == PERF_RECORD_SAMPLE && parse_sample(p, &record, sample);
            if (record.type == PERF_RECORD_LOST && perf_take_u64(&record, &id) &&
                perf_take_u64(&record, &lost))
                p->lost += lost;
            perf_ring_done(&ring->map, &record);
            if (is_sample)
                return true;
        }
        p->next_ring = (p->next_ring + 1) % p->rings.n;
    }
    return false;
}
