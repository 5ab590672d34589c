/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few things that unwinding and naming need of an ELF file (elf(5)): its segments, its build
 * id and its table of functions (.eh_frame_hdr, or one made from .eh_frame). Read with pread, never
 * mapped: a file that is cut short while it is in use then gives a short read and no SIGBUS. Every
 * number in the file is hostile.
 *
 * One struct belongs to one thread.
 */
#ifndef NATIVE_ELF_FILE_H
#define NATIVE_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX  32
#define BUILD_ID_TEXT_MAX 129 /* hex of 64 bytes, terminated; the usual SHA-1 takes 41 */

struct elf_segment {
    uint64_t vaddr, file_size, offset;
    bool writable, executable;
};

/* A vaddr that no file has. */
#define ELF_MADE_TABLE (1ull << 60)

struct elf_page; /* a cached piece of the file */

struct elf_file {
    int fd;         /* -1: closed for now (elf_file_park), or an image in memory */
    uint8_t *image; /* owned; NULL: a file */
    uint64_t size_bytes;
    uint64_t device, inode;                        /* of the file; 0 of an image */
    struct elf_segment segments[ELF_SEGMENTS_MAX]; /* PT_LOAD, as in the file */
    size_t n_segments;
    uint64_t eh_base;       /* vaddr that the table's numbers are relative to; 0: no table */
    uint64_t eh_table;      /* vaddr of the sorted table of pairs of int32 (function, FDE) */
    uint64_t eh_table_size; /* in pairs */
    struct eh_row *eh_made; /* the table, if the file has none: it then reads at ELF_MADE_TABLE */
    char build_id[BUILD_ID_TEXT_MAX]; /* hex, or "" */
    struct elf_page *pages;
};

/* Takes fd over. false: it is no 64-bit little-endian x86-64 ELF file (fd is closed then). */
bool elf_file_open(struct elf_file *f, int fd);
/* The same on size bytes at image, which are taken over (the vdso). */
bool elf_file_open_image(struct elf_file *f, uint8_t *image, size_t size);
void elf_file_close(struct elf_file *f);

/* Gives the descriptor back meanwhile, keeping what was learnt. */
void elf_file_park(struct elf_file *f);
/* Takes fd over again if it is the same file; false (fd closed) if not. */
bool elf_file_unpark(struct elf_file *f, int fd);

/* All size bytes at a file offset, or false. */
bool elf_file_pread(struct elf_file *f, uint64_t offset, void *to, size_t size);
/* All size bytes at a vaddr in a segment that is not writable, or false. Cached by pages. */
bool elf_file_read(struct elf_file *f, uint64_t vaddr, void *to, size_t size);
/* The vaddr of an executable mapping that begins at this (page-aligned) file offset. */
bool elf_file_code_vaddr(const struct elf_file *f, uint64_t offset, uint64_t *vaddr);

/* Bounds of the function that holds vaddr by the table of .eh_frame. Code that it does not cover
 * is cut into pieces where frame pointers are set up; a short rest counts as one piece. *end is
 * UINT64_MAX if nothing follows. O(log n) reads. */
bool elf_file_function(struct elf_file *f, uint64_t vaddr, uint64_t *start, uint64_t *end);

#endif
