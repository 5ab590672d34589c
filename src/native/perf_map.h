/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of code that a process compiles while it runs, from the map that it writes for Linux's
 * perf: /tmp/perf-PID.map, a line "START SIZE name" for each piece of code (node --perf-basic-prof,
 * python -X perf, Java agents). Code is thrown away and its addresses are used again, so a later
 * line ends every earlier one that it overlaps, and names are to be asked for soon after sampling.
 *
 * The file is anybody's: its lines, names and length are hostile. Used by the sampler: what is new
 * in the file is read in small pieces, and seldom if that takes long.
 */
#ifndef NATIVE_PERF_MAP_H
#define NATIVE_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct perf_map;

struct perf_map_code {
    uint64_t key; /* differs for every line of the file, also of one that replaces it */
    uint64_t start, size;
};

struct perf_map_name {
    char name[512]; /* "countPrimes": without what the writer adds */
    char file[1024];
    uint32_t line;      /* where the function begins; 0 unknown */
    bool is_trampoline; /* CPython's: it only calls the evaluation loop for a Python function */
};

/* Reads what is there of the map (30 ms for 200,000 lines; 20 us if there is none). */
struct perf_map *perf_map_new(pid_t pid);
void perf_map_free(struct perf_map *m);

/* The code at an address of the process. Looks for new lines if the address is unknown and it is
 * time; 0.2 us else. */
bool perf_map_find(struct perf_map *m, uint64_t addr, uint64_t now_ns, struct perf_map_code *out);
/* What its line says, with one read of the file. Printable, never empty. */
void perf_map_describe(struct perf_map *m, const struct perf_map_code *code,
                       struct perf_map_name *out);

/* Pieces of code that are known now, for tests. */
size_t perf_map_count(const struct perf_map *m);
/* Takes one line's name apart (V8's, CPython's; others as they are), for tests. */
void perf_map_parse_name(const char *said, struct perf_map_name *out);

#endif
