/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recordings on disk: one SQLite file, schema in doc/format.md and store/schema.c.
 *
 * Two ways in: store_save writes a whole recording beside its name, syncs it and renames it; a
 * struct store_writer appends to NAME.part, commits when told, and renames at the end. One way
 * out: store_load, which trusts nothing in the file (a cut, foreign, newer or inconsistent file
 * is one clear error).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>

#include "base/err.h"
#include "model/recording.h"

#define STORE_APPLICATION_ID 0x50746f70 /* "Ptop" */
#define STORE_VERSION        6

/* Nothing is left behind on failure, and an existing file stays as it was. */
bool store_save(const struct recording *rec, const char *path, struct err *err);

/* The recording is the caller's (recording_free). FILE.part of a running or killed `record` is
 * read as it is. */
bool store_load(struct recording **out, const char *path, struct err *err);

struct store_writer;
/* Creates PATH.part (fails at once where PATH could not be written either). */
struct store_writer *store_writer_open(const char *path, struct err *err);
/* Before the first commit: the file begins at from_ns and not with the recording; what is over by
 * then is left out, what goes on is cut there. */
void store_writer_begin(struct store_writer *w, const struct recording *rec, uint64_t from_ns);
/* Commits are left to the kernel to write when it likes: a crash of this program still loses
 * nothing that was committed, a crash of the machine may cost the whole file. The end syncs. */
void store_writer_spare_disk(struct store_writer *w);
/* Appends what is new in the recording since the last time and commits: O(new + open runs). The
 * recording must be the same each time, and its dictionary must not have been collected. If a
 * reader holds the file, what is new waits for the next commit (true). After a failure the file
 * stays as the last commit left it and every later commit fails with the same words. */
bool store_writer_commit(struct store_writer *w, const struct recording *rec, struct err *err);
/* The last commit, sync, rename to PATH. Frees w, also on failure (PATH.part then stays). */
bool store_writer_finish(struct store_writer *w, const struct recording *rec, struct err *err);
/* Closes PATH.part as of the last commit, which stays to be opened. Frees w. */
void store_writer_keep(struct store_writer *w);
/* Leaves no file. Frees w. */
void store_writer_abandon(struct store_writer *w);
/* What a killed writer left, as of its last commit: PATH.part becomes PATH, and its journal goes.
 * One that never had a recording is removed; one that is being written, or no recording of ours,
 * stays as it is. Does nothing where that cannot be done. */
void store_settle_part(const char *path);

#endif
