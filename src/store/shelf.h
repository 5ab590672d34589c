/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder of a flight recorder: how its files are called, and which go when there are too many.
 *
 *   NAME-20261129-231500.ptop               a snapshot
 *   NAME-20261129-231500-2.ptop             another one of the same second
 *   NAME-20261129-231500.segment.ptop       a few minutes of what was recorded, as long as it is
 *   NAME-20261129-231500.segment.ptop.part  wanted; with .part while it is written, or after a
 * crash
 *
 * Invariant: nothing is ever removed but regular files whose whole name has one of these forms with
 * this recorder's NAME, and what belongs to them (SQLite's -journal, an unfinished snapshot's
 * temporary file). Any one thread at a time.
 */
#ifndef STORE_SHELF_H
#define STORE_SHELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

/* What may stay; 0: no bound. */
struct keep {
    uint32_t files;  /* snapshots, and segments that an earlier run has left */
    uint64_t bytes;  /* of all files, this run's segments too */
    uint64_t age_ns; /* since a file was written last */
};
#define KEEP_DEFAULT_FILES 20
#define KEEP_DEFAULT_BYTES (1ull << 30)

/* "20", "500M", "7d", or several with commas; what is not named has no bound, but for the bytes: a
 * recorder that nobody looks after must not fill a disk. */
bool keep_parse(struct keep *keep, const char *text, struct err *err);

enum shelf_kind {
    SHELF_OTHER, /* not ours */
    SHELF_SNAPSHOT,
    SHELF_SEGMENT,
    SHELF_PART,    /* a segment that is being written, or was when its writer was killed */
    SHELF_REMAINS, /* of a snapshot whose writer was killed */
    SHELF_JOURNAL, /* of a .part: goes with it */
};

/* What a file of this name is to the recorder NAME. */
enum shelf_kind shelf_kind_of(const char *name, const char *file);

struct shelf_file {
    char *name;
    enum shelf_kind kind;
    bool own; /* a segment of this run: not counted, not chosen */
    uint64_t bytes;
    int64_t written_ns; /* wall clock */
    bool ahead;         /* written later than now: the clock was set back since, so it is old */
    bool goes;
};
struct shelf_files {
    VEC(struct shelf_file) list; /* oldest first */
};
/* Marks in `goes` what has to go for the rest to be within the bounds. The newest stays whatever it
 * is. Pure. */
void keep_choose(const struct keep *keep, struct shelf_files *files, int64_t now_ns);

struct shelf {
    char *folder, *name;
    struct keep keep;
};

/* NAME of a recorder, from a process's name or a file's: what is no letter, digit or one of "._+-"
 * becomes "_", and it is shortened. */
void shelf_safe_name(char out[64], const char *text);

/* Fails if the folder is not there or may not be written to, or if another proftop writes files of
 * this name there. What a killed one has left is put in order: its last segment becomes a whole
 * file, what was never one goes. */
bool shelf_open(struct shelf *shelf, const char *folder, const char *name, const struct keep *keep,
                struct err *err);
void shelf_close(struct shelf *shelf);

/* A path that no file has yet. Owned by the caller. */
char *shelf_path(const struct shelf *shelf, enum shelf_kind kind, int64_t wall_ns);

/* Removes what is too much. `own`: paths of this run's segments. How many files were removed. */
size_t shelf_trim(const struct shelf *shelf, char *const *own, size_t own_n, int64_t now_ns);
/* Removes a segment of ours, with or without .part. */
void shelf_remove(const struct shelf *shelf, const char *path);
/* Of a file, 0 if there is none. */
uint64_t shelf_bytes(const char *path);

#endif
