/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads the BPF program and asks it (bpf_regs.h). Invariant: what is kept of a read is found by
 * stack pointer, which no two sleeping threads of a process share, and is only given to one who
 * names the run time that it was read at. So it needs no thread numbers, which a pid namespace
 * would change, and does not age.
 */
#include "target/bpf_regs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "target/bpf_record.h"

#define BTF_OF_KERNEL "/sys/kernel/btf/vmlinux"
/* A read of one thread costs as much as one of so many more in a read of all. */
#define THREADS_AS_DEAR 27u
#define RECORDS_MAX     32768u

static const unsigned char program[] = {
#include "target/bpf_program.inc"
};

enum loaded { NOT_YET, LOADED, FAILED };

struct bpf_regs {
    _Atomic int loaded; /* enum loaded; LOADED: object and program_fd are the reader's to use */
    struct bpf_object *object;
    int program_fd;
    pid_t pid; /* that was asked for last */
    uint64_t now_ns;
    size_t singles;              /* threads of it that were read by themselves in that tick */
    VEC(struct bpf_record) kept; /* of the last read of all of its threads */
    struct map by_sp;            /* index in kept */
    uint64_t answered;
    bool wanted;
};

/* All threads of process pid that sleep, or thread tid alone; the other is 0. How many of them, at
 * most max; -1 with errno set. */
static ssize_t read_records(int program_fd, pid_t pid, pid_t tid, struct bpf_record *to, size_t max)
{
    union bpf_iter_link_info which = {.task = {.tid = (uint32_t)tid, .pid = (uint32_t)pid}};
    LIBBPF_OPTS(bpf_link_create_opts, options, .iter_info = &which, .iter_info_len = sizeof which);
    int link = bpf_link_create(program_fd, 0, BPF_TRACE_ITER, &options);
    int fd = link < 0 ? -1 : bpf_iter_create(link);
    size_t size = max * sizeof *to, got = 0;
    ssize_t n = -1;
    while (fd >= 0 && got < size && (n = read(fd, (char *)to + got, size - got)) > 0)
        got += (size_t)n;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (link >= 0)
        close(link);
    errno = error;
    return n < 0 ? -1 : (ssize_t)(got / sizeof *to);
}

struct bpf_regs *bpf_regs_new(void)
{
    return xcalloc(1, sizeof(struct bpf_regs));
}

void bpf_regs_free(struct bpf_regs *b)
{
    if (!b)
        return;
    bpf_object__close(b->object);
    vec_free(&b->kept);
    map_free(&b->by_sp);
    free(b);
}

static bool load(struct bpf_regs *b, struct err *err)
{
    struct bpf_record record;
    if (access(BTF_OF_KERNEL, R_OK) != 0)
        return err_set(err, "this kernel does not describe itself (" BTF_OF_KERNEL
                            "): it needs one with CONFIG_DEBUG_INFO_BTF");
    libbpf_set_print(NULL); /* what it has to say is in errno, and stderr is the screen */
    b->object = bpf_object__open_mem(program, sizeof program, NULL);
    struct bpf_program *p = b->object ? bpf_object__next_program(b->object, NULL) : NULL;
    if (!p || bpf_object__load(b->object) != 0)
        return errno == EPERM
                   ? err_set(err, "BPF is refused: run proftop as root, or with CAP_BPF and "
                                  "CAP_PERFMON")
                   : err_errno(err, "this kernel does not take the BPF program: it must be Linux "
                                    "6.1 or later");
    b->program_fd = bpf_program__fd(p);
    if (read_records(b->program_fd, 0, getpid(), &record, 1) < 0)
        return err_errno(err, "this kernel does not iterate over chosen tasks: it must be Linux "
                              "6.1 or later");
    return true;
}

bool bpf_regs_load(struct bpf_regs *b, struct err *err)
{
    bool good = load(b, err);
    b->loaded = good ? LOADED : FAILED;
    return good;
}

/* All threads at once. */
static void read_all(struct bpf_regs *b, const struct bpf_asked *asked)
{
    size_t max = asked->threads + THREADS_AS_DEAR;
    if (max > RECORDS_MAX)
        max = RECORDS_MAX;
    vec_reserve(&b->kept, max);
    map_clear(&b->by_sp);
    ssize_t n = read_records(b->program_fd, asked->pid, 0, b->kept.at, max);
    b->kept.n = n < 0 ? 0 : (size_t)n;
    for (size_t i = 0; i < b->kept.n; i++)
        map_set(&b->by_sp, b->kept.at[i].regs[DWARF_RSP], (uint32_t)i);
}

static bool take(struct bpf_regs *b, const struct bpf_record *record, const struct bpf_asked *asked,
                 uint64_t regs[DWARF_COUNT])
{
    if (record->run_ns != asked->run_ns || record->regs[DWARF_RSP] != asked->sp ||
        record->regs[DWARF_RIP] != asked->pc)
        return false;
    memcpy(regs, record->regs, sizeof record->regs);
    b->answered++;
    return true;
}

static bool take_kept(struct bpf_regs *b, const struct bpf_asked *asked, uint64_t regs[DWARF_COUNT])
{
    uint32_t i = map_get(&b->by_sp, asked->sp);
    return i != MAP_NONE && take(b, &b->kept.at[i], asked, regs);
}

enum bpf_answer bpf_regs_read(struct bpf_regs *b, const struct bpf_asked *asked,
                              uint64_t regs[DWARF_COUNT])
{
    struct bpf_record record;
    if (b->loaded != LOADED) {
        b->wanted = true;
        return b->loaded == NOT_YET ? BPF_LATER : BPF_NO_REGS;
    }
    if (b->pid != asked->pid) /* in another process the same addresses are something else */
        map_clear(&b->by_sp);
    if (b->pid != asked->pid || b->now_ns != asked->now_ns)
        b->singles = 0;
    b->pid = asked->pid;
    b->now_ns = asked->now_ns;
    if (take_kept(b, asked, regs))
        return BPF_REGS;
    if (b->singles++ > asked->threads / THREADS_AS_DEAR) {
        b->singles = 0;
        read_all(b, asked);
        return take_kept(b, asked, regs) ? BPF_REGS : BPF_NO_REGS;
    }
    return read_records(b->program_fd, 0, asked->tid, &record, 1) == 1 &&
                   take(b, &record, asked, regs)
               ? BPF_REGS
               : BPF_NO_REGS;
}

bool bpf_regs_wanted(const struct bpf_regs *b)
{
    return b->wanted;
}

uint64_t bpf_regs_answered(const struct bpf_regs *b)
{
    return b->answered;
}
