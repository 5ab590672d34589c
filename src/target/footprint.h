/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of a process's memory is dear to ask for: its proportional share (PSS), its mappings and its
 * brk heap. The kernel walks page tables or mappings for it with the process's mmap_lock held for
 * reading, which delays a mapping that it makes meanwhile. So what is too large is not asked.
 * Nothing is kept; any thread.
 */
#ifndef TARGET_FOOTPRINT_H
#define TARGET_FOOTPRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Resident memory up to which PSS is asked for: 26 ns a page of 4 KB (measured, Linux 6.18), so
 * 3.4 ms at most. */
#define FOOTPRINT_RSS_MAX (512ull << 20)
/* Mappings that are counted: 0.7 us each (measured), so 3 ms at most. */
#define FOOTPRINT_MAPPINGS_MAX 4096

struct footprint {
    uint64_t pss_bytes;
    bool has_pss;        /* false: not permitted, not told, or too large */
    uint64_t heap_bytes; /* of "[heap]", as mapped; 0: none */
    uint32_t mappings;
    bool has_mappings; /* false: not permitted, or too many; then heap_bytes is not known either */
};

/* rss_bytes: what is resident, for the bound. false: the process has ended. */
bool footprint_read(pid_t pid, uint64_t rss_bytes, struct footprint *footprint);

/* Adds a part of the text of /proc/PID/maps, line after line in whatever pieces; begin with {0}. */
struct maps_count {
    char line[256]; /* what of the last one has come; longer ones are cut, and have no [heap] */
    size_t used;
    uint64_t heap_bytes;
    uint32_t mappings;
};
void maps_count_add(struct maps_count *count, const char *text, size_t size);

#endif
