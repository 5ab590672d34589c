/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sorted table of functions that .eh_frame_hdr would hold, made from .eh_frame for files
 * without one: static executables are linked so. Every byte read is hostile.
 */
#ifndef NATIVE_EH_TABLE_H
#define NATIVE_EH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EH_FRAME_SIZE_MAX (64u << 20)

/* A row as in .eh_frame_hdr: both relative to the section's own address. */
struct eh_row {
    int32_t function, fde;
};

/* Reads .eh_frame's bytes, mapped at vaddr. Owned, sorted by function; *n rows, NULL if none. */
struct eh_row *eh_table_make(const uint8_t *bytes, size_t size, uint64_t vaddr, size_t *n);

/* How many bytes of code an FDE covers, from its and its CIE's bytes behind the length (each cut
 * where the reader's buffer ends). false: it does not say in a way that is known. */
bool eh_fde_covers(const uint8_t *cie, size_t cie_size, const uint8_t *fde, size_t fde_size,
                   uint64_t *covers);

#endif
