/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ring.h. */
#include "target/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "target/procfs.h"

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

int perf_open(struct perf_event_attr *attr, pid_t tid, int cpu)
{
    return (int)syscall(SYS_perf_event_open, attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

bool perf_refuse(struct err *err, int error)
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

bool perf_ring_map(struct perf_ring *ring, int fd, size_t data_pages)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE), bytes = (data_pages + 1) * page_bytes;
    void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        errno = errno == EPERM ? ENOMEM : errno; /* EPERM: over the limit of locked memory */
        return false;
    }
    ring->page = page;
    ring->data = (const uint8_t *)page + page_bytes;
    ring->data_bytes = data_pages * page_bytes;
    ring->mapped_bytes = bytes;
    return true;
}

void perf_ring_unmap(struct perf_ring *ring)
{
    if (ring->page)
        munmap(ring->page, ring->mapped_bytes);
    *ring = (struct perf_ring){0};
}

static uint64_t head_of(const struct perf_ring *ring)
{
    return atomic_load_explicit((_Atomic uint64_t *)&ring->page->data_head, memory_order_acquire);
}

static void set_tail(struct perf_ring *ring, uint64_t tail)
{
    atomic_store_explicit((_Atomic uint64_t *)&ring->page->data_tail, tail, memory_order_release);
}

bool perf_ring_next(struct perf_ring *ring, uint8_t *wrapped, struct perf_record *record,
                    uint64_t *lost)
{
    if (!ring->page)
        return false;
    uint64_t head = head_of(ring);
    uint64_t tail = ring->page->data_tail, at = tail % ring->data_bytes;
    struct perf_event_header header;
    if (head == tail)
        return false;
    memcpy(&header, ring->data + at, sizeof header); /* records are aligned to 8: no wrap here */
    if (header.size < sizeof header || header.size > head - tail) {
        set_tail(ring, head);
        ++*lost;
        return false;
    }
    const uint8_t *bytes = ring->data + at;
    uint64_t whole = ring->data_bytes - at;
    if (header.size > whole) {
        memcpy(wrapped, bytes, whole);
        memcpy(wrapped + whole, ring->data, header.size - whole);
        bytes = wrapped;
    }
    *record = (struct perf_record){header.type, tail + header.size, bytes + sizeof header,
                                   bytes + header.size};
    return true;
}

void perf_ring_done(struct perf_ring *ring, const struct perf_record *record)
{
    set_tail(ring, record->next_tail);
}

uint64_t perf_registers_mask(void)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < REGISTERS; i++)
        mask |= 1ull << registers[i].perf;
    return mask;
}

bool perf_take_registers(struct perf_record *r, struct capture *c)
{
    uint64_t abi;
    if (!perf_take_u64(r, &abi))
        return false;
    c->stack_size = 0;
    c->more = NULL;
    c->all_regs = abi == PERF_SAMPLE_REGS_ABI_64;
    if (abi == PERF_SAMPLE_REGS_ABI_NONE)
        return true;
    for (size_t i = 0; i < REGISTERS; i++)
        if (!perf_take_u64(r, &c->regs[registers[i].dwarf]))
            return false;
    return true;
}

bool perf_take_stack(struct perf_record *r, struct capture *c)
{
    uint64_t size, used;
    if (!perf_take_u64(r, &size))
        return false;
    const uint8_t *stack = r->at;
    if (size > (uint64_t)(r->end - r->at))
        return false;
    r->at += size;
    if (size == 0 || !perf_take_u64(r, &used))
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
