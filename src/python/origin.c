/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See origin.h. From 3.11 on the bytecode is the tail of its code object, which is found by going
 * back in memory to where a code object begins. Before, it is a bytes object of its own; then the
 * loop also keeps its frame or its code object at hand, which leads to it.
 */
#include "python/origin.h"

#include <stdlib.h>
#include <string.h>

#include "python/object.h"
#include "target/remote.h"

#define PIECE_BYTES   4096u
#define PIECES_MAX    8 /* how far back a code object may begin */
#define BYTECODE_MAX  (1u << 20)
#define NOTHING_MAX   (1u << 16)
#define CODES_AT_HAND 8
#define BYTES_DATA_AT 32u
#define INSTRUCTION   2u /* bytes: the loop has stepped past it */

void origin_init(struct origin *o, pid_t pid, const struct layout *layout)
{
    memset(o, 0, sizeof *o);
    o->pid = pid;
    o->layout = layout;
}

void origin_clear(struct origin *o)
{
    vec_free(&o->known);
    map_free(&o->nothing);
}

void origin_learn(struct origin *o, uint64_t code, uint64_t frame)
{
    uint64_t type;
    if (object_pointer(o->pid, code + object_type.at, &type))
        o->code_type = type;
    if (o->layout->minor <= 10 && object_pointer(o->pid, frame + object_type.at, &type))
        o->frame_type = type;
}

/* The range that holds a word, among those known. */
static const struct origin_range *known(const struct origin *o, uint64_t word)
{
    size_t n = sorted_upto(o->known.at, o->known.n, start, word);
    return n && word < o->known.at[n - 1].end ? &o->known.at[n - 1] : NULL;
}

static void add_known(struct origin *o, struct origin_range range)
{
    size_t at = sorted_upto(o->known.at, o->known.n, start, range.start);
    if (at && o->known.at[at - 1].start == range.start) {
        o->known.at[at - 1] = range;
        return;
    }
    vec_push(&o->known, range);
    memmove(o->known.at + at + 1, o->known.at + at, (o->known.n - 1 - at) * sizeof range);
    o->known.at[at] = range;
}

/* Where the bytecode of a code object is, as it says now. */
static bool range_of(const struct origin *o, uint64_t code, struct origin_range *range)
{
    const struct layout *l = o->layout;
    uint64_t type, size, bytes;
    if (!object_plausible(code) || !object_pointer(o->pid, code + l->code_type.at, &type) ||
        type != o->code_type)
        return false;
    if (l->minor >= 11) {
        if (!object_pointer(o->pid, code + l->code_size.at, &size) || size > BYTECODE_MAX)
            return false;
        *range = (struct origin_range){code + l->code_bytecode_at,
                                       code + l->code_bytecode_at + 2 * size, code};
        return size > 0;
    }
    /* co_code comes after co_firstlineno (Include/code.h, 3.6 to 3.10). */
    uint32_t at = (l->code_first_line.at + l->code_first_line.size + 7) & ~7u;
    if (!object_pointer(o->pid, code + at, &bytes) || !object_plausible(bytes) ||
        !object_pointer(o->pid, bytes + object_size.at, &size) || size > BYTECODE_MAX)
        return false;
    *range = (struct origin_range){bytes + BYTES_DATA_AT, bytes + BYTES_DATA_AT + size, code};
    return size > 0;
}

/* Goes back from a word to the code object that may hold it (3.11 on). */
static bool search_back(struct origin *o, uint64_t word, struct origin_range *range)
{
    uint64_t piece[PIECE_BYTES / 8 + 1];
    uint64_t page = word & ~(uint64_t)(PIECE_BYTES - 1);
    piece[PIECE_BYTES / 8] = 0;
    for (int i = 0; i < PIECES_MAX && page >= PIECE_BYTES; i++, page -= PIECE_BYTES) {
        if (!remote_read(o->pid, page, piece, PIECE_BYTES))
            return false;
        size_t from = i ? PIECE_BYTES / 8 : (size_t)((word - page) / 8);
        for (size_t at = from; at-- > 0;) {
            if (piece[at] != o->code_type)
                continue;
            uint64_t code = page + 8 * at - object_type.at;
            if (range_of(o, code, range))
                return word >= range->start && word < range->end;
        }
    }
    return false;
}

static void put(struct python_origin *out, size_t *n, size_t max, size_t word,
                const struct origin_range *range, uint64_t at)
{
    /* The beginning is a pointer to all of it, not to where it has come. */
    if (*n < max && at >= range->start + INSTRUCTION && at < range->end && at % 2 == 0)
        out[(*n)++] = (struct python_origin){(uint32_t)word, range->code,
                                             (uint32_t)(at - range->start - INSTRUCTION)};
}

static size_t find_inline(struct origin *o, const uint64_t *words, size_t n,
                          struct python_origin *out, size_t max)
{
    size_t found = 0;
    for (size_t i = 0; i < n && found < max; i++) {
        uint64_t word = words[i];
        struct origin_range range;
        const struct origin_range *have = known(o, word);
        if (have) {
            put(out, &found, max, i, have, word);
            continue;
        }
        if (word % 2 || word < 1u << 16 || word >= 1ull << 47 ||
            map_get(&o->nothing, word) != MAP_NONE)
            continue;
        if (search_back(o, word, &range)) {
            add_known(o, range);
            put(out, &found, max, i, &range, word);
        } else {
            map_set(&o->nothing, word, 0);
        }
    }
    return found;
}

/* The code object that a word is, or that the frame runs which it is; 0: neither. */
static uint64_t code_at_hand(struct origin *o, uint64_t word)
{
    uint64_t head[2], code;
    if (!object_plausible(word) || map_get(&o->nothing, word) != MAP_NONE)
        return 0;
    if (remote_read(o->pid, word, head, sizeof head)) {
        if (head[1] == o->code_type)
            return word;
        if (o->frame_type && head[1] == o->frame_type &&
            object_pointer(o->pid, word + o->layout->frame_code.at, &code))
            return code;
    }
    map_set(&o->nothing, word, 0);
    return 0;
}

static size_t find_apart(struct origin *o, const uint64_t *words, size_t n,
                         struct python_origin *out, size_t max)
{
    struct origin_range ranges[CODES_AT_HAND];
    size_t n_ranges = 0, found = 0;
    for (size_t i = 0; i < n && n_ranges < CODES_AT_HAND; i++) {
        uint64_t code = code_at_hand(o, words[i]);
        bool have = !code;
        for (size_t k = 0; k < n_ranges && !have; k++)
            have = ranges[k].code == code;
        if (!have && range_of(o, code, &ranges[n_ranges]))
            n_ranges++;
    }
    for (size_t i = 0; i < n && found < max; i++)
        for (size_t k = 0; k < n_ranges; k++)
            if (words[i] >= ranges[k].start && words[i] < ranges[k].end)
                put(out, &found, max, i, &ranges[k], words[i]);
    return found;
}

size_t origin_find(struct origin *o, const uint64_t *words, size_t n, struct python_origin *out,
                   size_t max)
{
    if (!o->code_type)
        return 0;
    if (o->nothing.n > NOTHING_MAX)
        map_clear(&o->nothing);
    return o->layout->minor >= 11 ? find_inline(o, words, n, out, max)
                                  : find_apart(o, words, n, out, max);
}
