/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions in .gopclntab, which Go's runtime needs for its own tracebacks and which therefore
 * stays in stripped binaries (Go 1.16 and later). Every byte is hostile.
 */
#ifndef NATIVE_GO_TABLE_H
#define NATIVE_GO_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vec.h"

struct go_function {
    uint64_t start;
    uint32_t size, name; /* bytes; offset from names_at */
};

struct go_table {
    VEC(struct go_function) list;
    uint64_t names_at, names_size; /* in the section */
};

/* text: where .text begins, for tables that do not say it. false: it is no such table. */
bool go_table_parse(struct go_table *t, const uint8_t *bytes, size_t size, uint64_t text);
void go_table_clear(struct go_table *t);

#endif
