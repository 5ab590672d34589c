/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dicts and the attributes of instances, read from a process. All bounded; what makes no sense is
 * false. One thread (they share no state).
 */
#ifndef PYTHON_DICT_H
#define PYTHON_DICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "python/layout.h"

#define DICT_ENTRIES_MAX 65536 /* of those that are read whole */

struct dict_entry {
    uint64_t key, value; /* objects */
};

struct dict_entries {
    struct dict_entry *at; /* owned: free() it, also after a failure */
    size_t n;
};

/* The head of a PyDictKeysObject, whose first DICT_HEAD_BYTES are given. */
#define DICT_HEAD_BYTES 40
struct dict_head {
    uint64_t entries_at; /* of its entries, from its start */
    uint64_t n;          /* entries in use, deleted ones among them */
    size_t words;        /* of an entry: 3 with a hash, 2 without */
    uint64_t room;       /* entries in all, used or not yet */
    uint64_t bytes;      /* of all of it */
    bool sure;           /* its parts agree: nothing else looks like this */
};
bool dict_parse_head(const struct layout *l, const uint8_t head[DICT_HEAD_BYTES],
                     struct dict_head *out);
/* What stands before an array of values (struct _dictvalues) that an address points to. */
uint64_t dict_values_head(const struct layout *l);

bool dict_read(pid_t pid, const struct layout *l, uint64_t dict, struct dict_entries *out);
/* Keys with the values that they have there; with `values`, those of an array instead. */
bool dict_read_keys(pid_t pid, const struct layout *l, uint64_t keys, uint64_t values,
                    struct dict_entries *out);
/* The attributes of an instance: its dict, or values beside the keys of its type. */
bool dict_attributes(pid_t pid, const struct layout *l, uint64_t object, struct dict_entries *out);
/* The value whose key is this (ASCII) string; 0: none. Compared by text: hashes are salted. */
uint64_t dict_find_text(pid_t pid, const struct layout *l, const struct dict_entries *e,
                        const char *key);
uint64_t dict_item(pid_t pid, const struct layout *l, uint64_t dict, const char *key);

#endif
