/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker that writes recordings to files, one at a time: what it is given is its own, and nothing
 * of it is shared with whoever waits. The front's thread, but for the work itself.
 */
#ifndef SESSION_SAVER_H
#define SESSION_SAVER_H

#include "base/err.h"
#include "model/recording.h"

struct saver;

/* What is to be saved, and then what came of it. */
struct saver_job {
    struct recording *copy; /* owned */
    char *path;             /* owned */
    uint64_t from_ns;       /* cut down to what comes from then on (model/cut.h); 0: whole */
    bool ok;
    struct err err;
};

struct saver *saver_new(void);
/* Waits for what is under way. */
void saver_free(struct saver *s);
/* Readable when a job is done. */
int saver_fd(const struct saver *s);
bool saver_is_busy(const struct saver *s);
/* Only while it is not busy. The job is the saver's until saver_take gives it back. */
void saver_start(struct saver *s, struct saver_job *job);
/* What is done; NULL: nothing is yet. */
struct saver_job *saver_take(struct saver *s);
/* The same, but waits for it; NULL: nothing was under way. */
struct saver_job *saver_wait(struct saver *s);
/* job may be NULL. */
void saver_job_free(struct saver_job *job);

#endif
