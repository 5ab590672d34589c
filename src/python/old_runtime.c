/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See old_runtime.h (Python/pystate.c, Python/ceval_gil.h and Modules/gcmodule.c of 3.6).
 */
#include "python/old_runtime.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "python/object.h"
#include "target/remote.h"

#define BSS_MAX     (16u << 20)
#define INTERPS_MAX 256
#define COND_BYTES  48 /* sizeof (pthread_cond_t) */

static uint64_t address_of(struct elf_symbols *elf, const char *name, uint64_t bias)
{
    struct elf_range range;
    return elf_symbols_find(elf, &name, 1, &range, NULL) ? range.vaddr + bias : 0;
}

void old_runtime_symbols(struct old_runtime *old, struct elf_symbols *elf, uint64_t bias, bool own)
{
    static const char *const gil[] = {"gil_mutex", "gil_cond", "switch_mutex", "switch_cond"};
    struct elf_range bss;
    old->head = address_of(elf, "interp_head", bias);
    old->collecting = address_of(elf, "collecting", bias);
    for (size_t i = 0; i < sizeof gil / sizeof *gil; i++) {
        uint64_t at = address_of(elf, gil[i], bias);
        if (at && (!old->gil_from || at < old->gil_from))
            old->gil_from = at;
        if (at && at + COND_BYTES > old->gil_to)
            old->gil_to = at + COND_BYTES;
    }
    if (!elf_symbols_section(elf, ".bss", &bss))
        return;
    old->bss = bss.vaddr + bias;
    old->bss_size = bss.size;
    if (!old->gil_to && own) {
        old->gil_from = old->bss;
        old->gil_to = old->bss + bss.size;
    }
}

/* How many interpreters there are from this one on, 0 if it is none: each leads to a thread state
 * that leads back. */
static size_t chain_length(pid_t pid, const struct layout *l, uint64_t interp)
{
    size_t n = 0;
    for (uint64_t next; interp && n < INTERPS_MAX; interp = next, n++) {
        uint64_t thread, back, pthread;
        if (!object_pointer(pid, interp + l->interp_next.at, &next) ||
            !object_pointer(pid, interp + l->interp_threads.at, &thread) ||
            !object_pointer(pid, thread + l->ts_interp.at, &back) || back != interp ||
            !object_pointer(pid, thread + l->ts_thread_id.at, &pthread) || !pthread)
            return 0;
    }
    return n;
}

/* The variable that the longest chain begins at, the first of them: autoInterpreterState, right
 * behind interp_head, leads to the oldest interpreter, which is the last of the chain. */
static uint64_t search_head(const struct old_runtime *old, pid_t pid, const struct layout *l)
{
    size_t size = old->bss_size < BSS_MAX ? (size_t)old->bss_size : BSS_MAX, longest = 0;
    uint8_t *bytes = xmalloc(size + 1);
    uint64_t found = 0;
    size = remote_read_some(pid, old->bss, bytes, size);
    for (size_t at = 0; at + 8 <= size; at += 8) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof word);
        if (!object_plausible(word))
            continue;
        size_t length = chain_length(pid, l, word);
        if (length > longest) {
            longest = length;
            found = old->bss + at;
        }
    }
    free(bytes);
    return found;
}

bool old_runtime_find(const struct old_runtime *old, pid_t pid, struct runtime *out)
{
    out->interpreters = old->head ? old->head : search_head(old, pid, &out->layout);
    out->collecting = old->collecting;
    out->gil = old->current;
    out->waits_from = old->gil_from;
    out->waits_to = old->gil_to;
    return out->interpreters;
}
