/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sorted table of functions that .eh_frame_hdr would hold, made from .eh_frame for files
 * without one: static executables are linked so. Every byte read is hostile.
 */
#ifndef NATIVE_EH_TABLE_H
#define NATIVE_EH_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define EH_FRAME_SIZE_MAX (64u << 20)

/* A row as in .eh_frame_hdr: both relative to the section's own address. */
struct eh_row {
    int32_t function, fde;
};

/* Reads .eh_frame's bytes, mapped at vaddr. Owned, sorted by function; *n rows, NULL if none. */
struct eh_row *eh_table_make(const uint8_t *bytes, size_t size, uint64_t vaddr, size_t *n);

#endif
