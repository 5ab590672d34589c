/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A way through a heap in words: "module checkout.Cache._instance ._cache". For holders.c alone.
 */
#ifndef PYTHON_HOLDERS_TEXT_H
#define PYTHON_HOLDERS_TEXT_H

#include <stdint.h>

#include "base/text.h"
#include "base/vec.h"
#include "python/peek.h"
#include "python/refs.h"
#include "python/types.h"

#define PATH_NONE      UINT32_MAX
#define PATH_FRAME     255 /* kind: a frame; object is its code */
#define PATH_TEXT_SIZE 1024

struct path_node {
    uint64_t object, value; /* value: see enum ref_kind */
    uint32_t parent;        /* PATH_NONE: a root */
    uint32_t kind;          /* enum ref_kind: how the parent refers to it; or PATH_FRAME */
};

struct path_nodes {
    struct path_node *at;
    size_t n, cap; /* as VEC() has them */
};

struct path_words {
    pid_t pid;
    const struct layout *layout;
    struct peek *peek;
    struct types *types;
    const struct path_nodes *nodes;
};

unsigned path_depth(const struct path_nodes *nodes, uint32_t node);
/* Whether the node lies on the way to one that was found. */
bool path_leads_to(const struct path_nodes *nodes, const struct path_node *found, uint32_t node);
/* The way from the root to the node. */
void path_add(struct text *t, const struct path_words *w, uint32_t node);
/* " (dict, 48,211 entries)"; its length, 0 if it has none. */
uint64_t path_add_object(struct text *t, const struct path_words *w, uint64_t object);
/* From a node on the way to what was found: " -> checkout.Order .name -> str". */
void path_add_rest(struct text *t, const struct path_words *w, const struct path_node *found,
                   uint32_t from);

#endif
