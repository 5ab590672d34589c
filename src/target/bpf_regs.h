/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All registers of threads that sleep, without a stop: a BPF iterator over tasks reads them in the
 * kernel. Only where proftop was configured with --enable-bpf, on Linux 6.1 or later with BTF, for
 * root or CAP_BPF and CAP_PERFMON; without it there is one answer, that it is not there.
 *
 * One per sampler. bpf_regs_load may be called by another thread than bpf_regs_read, once.
 */
#ifndef TARGET_BPF_REGS_H
#define TARGET_BPF_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "target/capture.h"

struct bpf_regs;

/* A thread that was seen asleep, and what was seen of it: an answer that does not fit that is of
 * another sleep, and none. */
struct bpf_asked {
    pid_t pid, tid;
    size_t threads;  /* that the process has, about */
    uint64_t now_ns; /* the tick: the same for all threads that are looked at together */
    uint64_t run_ns; /* its run time (task_times) */
    uint64_t sp, pc; /* task_look */
};

enum bpf_answer {
    BPF_REGS,    /* regs are its registers; whether it has run since is the caller's to check */
    BPF_NO_REGS, /* it has run meanwhile, or there is no BPF here */
    BPF_LATER,   /* once it is loaded */
};

#ifdef PROFTOP_BPF
/* Loads nothing yet. */
struct bpf_regs *bpf_regs_new(void);
void bpf_regs_free(struct bpf_regs *b);
/* 12 ms of CPU time, 40 ms where others want the CPU. false: err says what is missing. */
bool bpf_regs_load(struct bpf_regs *b, struct err *err);
/* 8 us for a thread by itself. Once that has been paid in a tick for as many threads as it takes,
 * all of the process are read at once: 4 us and 0.3 us a thread. */
enum bpf_answer bpf_regs_read(struct bpf_regs *b, const struct bpf_asked *asked,
                              uint64_t regs[DWARF_COUNT]);
/* There was an answer BPF_LATER, so it is worth loading. */
bool bpf_regs_wanted(const struct bpf_regs *b);
/* Answers so far that were BPF_REGS. */
uint64_t bpf_regs_answered(const struct bpf_regs *b);
#else
static inline struct bpf_regs *bpf_regs_new(void)
{
    return NULL;
}
static inline void bpf_regs_free(struct bpf_regs *b)
{
    (void)b;
}
static inline bool bpf_regs_load(struct bpf_regs *b, struct err *err)
{
    (void)b;
    return err_set(err, "it is not built in: ./configure --enable-bpf (Debian: libbpf-dev, clang)");
}
static inline bool bpf_regs_wanted(const struct bpf_regs *b)
{
    (void)b;
    return false;
}
static inline enum bpf_answer bpf_regs_read(struct bpf_regs *b, const struct bpf_asked *asked,
                                            uint64_t regs[DWARF_COUNT])
{
    (void)b, (void)asked, (void)regs;
    return BPF_NO_REGS;
}
#endif

#endif
