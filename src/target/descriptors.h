/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many descriptors a process has open, and how many it may have.
 *
 * Linux 6.2 and newer tell the number as the size of /proc/PID/fd (fs/proc/fd.c, proc_fd_getattr);
 * older ones have it counted entry by entry, up to DESCRIPTORS_COUNTED_MAX. One thread.
 */
#ifndef TARGET_DESCRIPTORS_H
#define TARGET_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct descriptors {
    uint64_t open;
    uint64_t limit; /* RLIMIT_NOFILE, the soft one; 0: unknown, or none */
};
#define DESCRIPTORS_COUNTED_MAX 65536

/* Of one process. */
struct descriptors_reader {
    struct descriptors last;
    uint64_t next_ns; /* when to count again, where that costs more */
};

/* 3 us; where they are counted 1 us more for each, but then at most 1/2000 of a CPU's time:
 * meanwhile the last figure stands. false: the process has ended, or may not be asked. */
bool descriptors_read(struct descriptors_reader *reader, pid_t pid, uint64_t now_ns,
                      struct descriptors *descriptors);

#endif
