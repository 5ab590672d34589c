/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that appears under its name only when it is whole: written under another name in the
 * same folder, synced, renamed.
 *
 * Invariant: until outfile_publish has renamed it, what stood under the name is untouched. The
 * name may be a file or nothing: a folder, a device or a pipe is refused, for the rename would
 * put a file in its place. A symbolic link is replaced and not followed.
 */
#ifndef STORE_OUTFILE_H
#define STORE_OUTFILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct outfile {
    char *path, *temp;
    int fd; /* of temp; kept open because closing it would drop SQLite's locks */
    dev_t dev;
    ino_t ino;
};

/* As .NAME.tmpXXXXXXXX, new. */
bool outfile_create_hidden(struct outfile *out, const char *path, struct err *err);
/* As NAME.part, locked for as long as it is open. One that a killed program left is replaced. */
bool outfile_create_part(struct outfile *out, const char *path, struct err *err);
/* The NAME.part that a killed program left, locked like one's own. false: there is none, somebody
 * writes it, or there is a NAME. */
bool outfile_take_part(struct outfile *out, const char *path);
/* Whether a running program writes this NAME.part. */
bool outfile_is_being_written(const char *part);

/* Syncs, renames, syncs the folder. On failure the file under the other name stays. */
bool outfile_publish(struct outfile *out, struct err *err);
/* Removes the file under the other name and its journal. */
void outfile_remove(const struct outfile *out);
/* Closes and frees; removes nothing. */
void outfile_clear(struct outfile *out);

/* Says "cannot write PATH: why", from an errno. Returns false. */
bool outfile_error(const char *path, int number, struct err *err);

#endif
