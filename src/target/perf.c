/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Perf events (perf.h). An event that is inherited can only be mapped if it is bound to a CPU, so
 * there is one for each pair of thread and CPU, all of a CPU redirected into the ring of the first
 * (as perf record does). inherit_thread (Linux 5.13) leaves child processes out; an older kernel
 * gives them too, and their samples are told by their pid.
 */
#include "target/perf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"
#include "target/procfs.h"

/* Half a second's samples of a busy CPU at 100 Hz, and within what an unprivileged user may lock
 * (perf_event_mlock_kb, 516 for each CPU). */
#define RING_PAGES      64u
#define CPUS_MAX        1024
#define DESCRIPTORS_MAX 16384
/* A record is at most this long (its size is 16 bits). */
#define RECORD_MAX 65536u

/* Which user registers, by the kernel's numbers (arch/x86/include/uapi/asm/perf_regs.h), in the
 * order in which a sample has them. */
static const struct {
    uint8_t perf, dwarf;
} registers[] = {
    {0, DWARF_RAX},  {1, DWARF_RBX},  {2, DWARF_RCX},  {3, DWARF_RDX},  {4, DWARF_RSI},
    {5, DWARF_RDI},  {6, DWARF_RBP},  {7, DWARF_RSP},  {8, DWARF_RIP},  {16, DWARF_R8},
    {17, DWARF_R9},  {18, DWARF_R10}, {19, DWARF_R11}, {20, DWARF_R12}, {21, DWARF_R13},
    {22, DWARF_R14}, {23, DWARF_R15},
};
#define REGISTERS (sizeof registers / sizeof registers[0])

struct ring {
    int cpu;
    int output_fd; /* -1: no event yet */
    struct perf_event_mmap_page *page;
    const uint8_t *data;
    uint64_t data_bytes;
};

struct perf_events {
    struct perf_event_attr attr;
    enum perf_clock clock;
    size_t page_bytes;
    uint64_t lost;
    VEC(struct ring) rings;
    VEC(int) descriptors;
    size_t next_ring;
    uint8_t *record; /* one that wraps round, in one piece */
};

static int perf_open(struct perf_event_attr *attr, pid_t tid, int cpu)
{
    return (int)syscall(SYS_perf_event_open, attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static struct perf_event_attr attr_new(enum perf_clock clock, uint64_t period_ns,
                                       size_t stack_bytes, bool kernel)
{
    struct perf_event_attr attr = {
        .size = sizeof attr,
        .type = clock == PERF_CYCLES ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE,
        .config = clock == PERF_CYCLES ? PERF_COUNT_HW_CPU_CYCLES : PERF_COUNT_SW_CPU_CLOCK,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_REGS_USER |
                       PERF_SAMPLE_STACK_USER | PERF_SAMPLE_CALLCHAIN,
        .inherit = 1,
        .inherit_thread = 1,
        .exclude_hv = 1,
        .exclude_kernel = !kernel,
        .exclude_callchain_kernel = !kernel,
        .exclude_callchain_user = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .sample_stack_user = (uint32_t)stack_bytes,
        .wakeup_events = 1u << 30,
    };
    if (clock == PERF_CYCLES) {
        attr.freq = 1;
        attr.sample_freq = NS_PER_S / period_ns;
    } else {
        attr.sample_period = period_ns;
    }
    for (size_t i = 0; i < REGISTERS; i++)
        attr.sample_regs_user |= 1ull << registers[i].perf;
    return attr;
}

static bool refuse(struct err *err, int error)
{
    char text[16] = "?";
    procfs_read(AT_FDCWD, text, sizeof text, "/proc/sys/kernel/perf_event_paranoid");
    text[strcspn(text, "\n")] = '\0';
    switch (error) {
    case EACCES:
    case EPERM:
        return err_set(err,
                       "perf events are not permitted (kernel.perf_event_paranoid is %s): run as "
                       "root, give proftop CAP_PERFMON, or `sysctl kernel.perf_event_paranoid=1`",
                       text);
    case ENOSYS:
        return err_set(err, "this kernel has no perf events, or a container's seccomp filter "
                            "forbids them");
    case EMFILE:
        return err_set(err, "too few file descriptors for perf events: raise `ulimit -n`");
    case ENOMEM:
        return err_set(err, "perf events may not lock so much memory: raise "
                            "kernel.perf_event_mlock_kb or `ulimit -l`");
    default:
        errno = error;
        return err_errno(err, "perf events cannot be opened");
    }
}

/* The best kind of event that can be opened on ourselves: cycles before the timer, with the kernel
 * before without. false: none, errno says why. */
static bool probe(struct perf_event_attr *attr, enum perf_clock *clock, uint64_t period_ns,
                  size_t stack_bytes)
{
    int error = 0;
    for (int kernel = 1; kernel >= 0; kernel--) {
        for (*clock = PERF_CYCLES; *clock <= PERF_CPU_CLOCK; (*clock)++) {
            *attr = attr_new(*clock, period_ns, stack_bytes, kernel);
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
    if (!probe(&attr, &clock, 10 * NS_PER_MS, 4096))
        return refuse(err, errno);
    *kernel = !attr.exclude_kernel;
    return true;
}

size_t perf_events_locked_bytes(void)
{
    return (RING_PAGES + 1) * (size_t)sysconf(_SC_PAGESIZE);
}

struct perf_events *perf_events_new(uint64_t period_ns, size_t stack_bytes, struct err *err)
{
    struct perf_event_attr attr;
    enum perf_clock clock;
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    if (cpus < 1 || cpus > CPUS_MAX) {
        err_set(err, "perf events on %ld CPUs are not supported", cpus);
        return NULL;
    }
    if (stack_bytes > CAPTURE_STACK_MAX)
        stack_bytes = CAPTURE_STACK_MAX;
    if (!probe(&attr, &clock, period_ns, stack_bytes & ~(size_t)7)) {
        refuse(err, errno);
        return NULL;
    }
    struct perf_events *p = xcalloc(1, sizeof *p);
    p->attr = attr;
    p->clock = clock;
    p->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    p->record = xmalloc(RECORD_MAX);
    for (int cpu = 0; cpu < cpus; cpu++) {
        struct ring ring = {.cpu = cpu, .output_fd = -1};
        vec_push(&p->rings, ring);
    }
    return p;
}

void perf_events_free(struct perf_events *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->rings.n; i++)
        if (p->rings.at[i].page)
            munmap(p->rings.at[i].page, (RING_PAGES + 1) * p->page_bytes);
    for (size_t i = 0; i < p->descriptors.n; i++)
        close(p->descriptors.at[i]);
    vec_free(&p->rings);
    vec_free(&p->descriptors);
    free(p->record);
    free(p);
}

/* The first event of a CPU brings the ring. */
static bool attach_ring(struct perf_events *p, struct ring *ring, int fd)
{
    if (ring->page)
        return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->output_fd) == 0;
    void *page =
        mmap(NULL, (RING_PAGES + 1) * p->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        errno = errno == EPERM ? ENOMEM : errno; /* EPERM: over the limit of locked memory */
        return false;
    }
    ring->page = page;
    ring->data = (const uint8_t *)page + p->page_bytes;
    ring->data_bytes = RING_PAGES * p->page_bytes;
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
        if (fd >= 0 && attach_ring(p, ring, fd)) {
            vec_push(&p->descriptors, fd);
            continue;
        }
        int error = errno;
        if (fd >= 0)
            close(fd);
        /* Rings are kept: their events have merely nothing more to say. */
        if (error != ESRCH)
            refuse(err, error);
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

/* Bytes of a record, read from front to back. */
struct reader {
    const uint8_t *at, *end;
};

static bool take(struct reader *r, void *to, size_t size)
{
    if ((size_t)(r->end - r->at) < size)
        return false;
    memcpy(to, r->at, size);
    r->at += size;
    return true;
}

static bool take_u64(struct reader *r, uint64_t *to)
{
    return take(r, to, sizeof *to);
}

static bool parse_callchain(struct reader *r, struct perf_sample *s)
{
    uint64_t n, ip;
    s->n_kernel = 0;
    if (!take_u64(r, &n))
        return false;
    bool in_kernel = true;
    for (uint64_t i = 0; i < n; i++) {
        if (!take_u64(r, &ip))
            return false;
        if (ip >= (uint64_t)PERF_CONTEXT_MAX) /* a marker: what follows is of another mode */
            in_kernel = ip == (uint64_t)PERF_CONTEXT_KERNEL;
        else if (in_kernel && s->n_kernel < PERF_KERNEL_FRAMES_MAX)
            s->kernel[s->n_kernel++] = ip;
    }
    return true;
}

/* perf_event_open(2), PERF_RECORD_SAMPLE, for the sample_type of attr_new(). */
static bool parse_sample(struct reader *r, struct perf_sample *s)
{
    struct capture *c = &s->capture;
    uint32_t ids[2];
    uint64_t abi, size, used;
    if (!take(r, ids, sizeof ids) || !take_u64(r, &s->time_ns) || !parse_callchain(r, s) ||
        !take_u64(r, &abi))
        return false;
    s->pid = (pid_t)ids[0];
    s->tid = (pid_t)ids[1];
    c->stack_size = 0;
    c->all_regs = abi == PERF_SAMPLE_REGS_ABI_64;
    if (abi != PERF_SAMPLE_REGS_ABI_NONE) {
        for (size_t i = 0; i < REGISTERS; i++)
            if (!take_u64(r, &c->regs[registers[i].dwarf]))
                return false;
    }
    if (!take_u64(r, &size))
        return false;
    const uint8_t *stack = r->at;
    if (size > (uint64_t)(r->end - r->at))
        return false;
    r->at += size;
    if (size == 0 || !take_u64(r, &used))
        return true;
    if (used > size)
        used = size;
    if (used > sizeof c->stack)
        used = sizeof c->stack;
    c->stack_addr = c->regs[DWARF_RSP];
    c->stack_size = (size_t)used;
    memcpy(c->stack, stack, (size_t)used);
    return true;
}

/* The next record of a ring: true if it was a sample, which *sample has then. */
static bool next_record(struct perf_events *p, struct ring *ring, uint64_t head,
                        struct perf_sample *sample)
{
    uint64_t tail = ring->page->data_tail, at = tail % ring->data_bytes;
    struct perf_event_header header;
    memcpy(&header, ring->data + at, sizeof header); /* records are aligned to 8: no wrap here */
    if (header.size < sizeof header || header.size > head - tail) {
        atomic_store_explicit((_Atomic uint64_t *)&ring->page->data_tail, head,
                              memory_order_release);
        p->lost++;
        return false;
    }
    const uint8_t *bytes = ring->data + at;
    uint64_t whole = ring->data_bytes - at;
    if (header.size > whole) {
        memcpy(p->record, bytes, whole);
        memcpy(p->record + whole, ring->data, header.size - whole);
        bytes = p->record;
    }
    struct reader r = {bytes + sizeof header, bytes + header.size};
    uint64_t id, lost;
    bool is_sample = header.type == PERF_RECORD_SAMPLE && parse_sample(&r, sample);
    if (header.type == PERF_RECORD_LOST && take_u64(&r, &id) && take_u64(&r, &lost))
        p->lost += lost;
    atomic_store_explicit((_Atomic uint64_t *)&ring->page->data_tail, tail + header.size,
                          memory_order_release);
    return is_sample;
}

bool perf_events_next(struct perf_events *p, struct perf_sample *sample)
{
    for (size_t tried = 0; tried < p->rings.n; tried++) {
        struct ring *ring = &p->rings.at[p->next_ring];
        while (ring->page) {
            uint64_t head = atomic_load_explicit((_Atomic uint64_t *)&ring->page->data_head,
                                                 memory_order_acquire);
            if (head == ring->page->data_tail)
                break;
            if (next_record(p, ring, head, sample))
                return true;
        }
        p->next_ring = (p->next_ring + 1) % p->rings.n;
    }
    return false;
}
