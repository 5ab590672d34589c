/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs in the kernel (clang -target bpf): writes the user registers of each thread that an
 * iterator over tasks comes by and that sleeps. Of the kernel's structs only the fields that are
 * used are declared; libbpf puts in where they are in the kernel that runs (CO-RE).
 */
#include "target/bpf_record.h"

/* The helpers' header wants them, and a name for maps; there are none here. */
typedef int8_t __s8;
typedef uint8_t __u8;
typedef int16_t __s16;
typedef uint16_t __u16, __be16, __sum16;
typedef int32_t __s32;
typedef uint32_t __u32, __be32, __wsum;
typedef long long __s64;
typedef unsigned long long __u64;
enum bpf_map_type { BPF_MAP_TYPE_UNSPEC };

#include <bpf/bpf_helpers.h>

#define OF_THE_KERNEL __attribute__((preserve_access_index))

struct sched_entity {
    uint64_t sum_exec_runtime;
} OF_THE_KERNEL;

struct task_struct {
    uint32_t __state; /* 0: runs, or could */
    struct sched_entity se;
} OF_THE_KERNEL;

struct pt_regs {
    unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, ip, sp;
} OF_THE_KERNEL;

struct bpf_iter_meta {
    struct seq_file *seq;
} OF_THE_KERNEL;

struct bpf_iter__task {
    struct bpf_iter_meta *meta;
    struct task_struct *task;
} OF_THE_KERNEL;

SEC("iter/task")
int write_registers(struct bpf_iter__task *at)
{
    struct task_struct *task = at->task;
    if (!task || !task->__state)
        return 0;
    struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
    struct bpf_record record = {.run_ns = task->se.sum_exec_runtime,
                                .regs = {
                                    [DWARF_RAX] = regs->ax,
                                    [DWARF_RDX] = regs->dx,
                                    [DWARF_RCX] = regs->cx,
                                    [DWARF_RBX] = regs->bx,
                                    [DWARF_RSI] = regs->si,
                                    [DWARF_RDI] = regs->di,
                                    [DWARF_RBP] = regs->bp,
                                    [DWARF_RSP] = regs->sp,
                                    [DWARF_R8] = regs->r8,
                                    [DWARF_R9] = regs->r9,
                                    [DWARF_R10] = regs->r10,
                                    [DWARF_R11] = regs->r11,
                                    [DWARF_R12] = regs->r12,
                                    [DWARF_R13] = regs->r13,
                                    [DWARF_R14] = regs->r14,
                                    [DWARF_R15] = regs->r15,
                                    [DWARF_RIP] = regs->ip,
                                }};
    bpf_seq_write(at->meta->seq, &record, sizeof record);
    return 0;
}

char program_license[] SEC("license") = "GPL";
