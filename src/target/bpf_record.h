/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the BPF program (bpf_program.c) writes of each thread that sleeps. Both sides include it,
 * and one of them has no C library.
 */
#ifndef TARGET_BPF_RECORD_H
#define TARGET_BPF_RECORD_H

#include <stdint.h>

#include "target/capture.h"

struct bpf_record {
    uint64_t run_ns; /* its run time, as schedstat has it */
    uint64_t regs[DWARF_COUNT];
};

#endif
