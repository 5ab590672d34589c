/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See saver.h. save_work is the worker's. */
#include "session/saver.h"

#include <pthread.h>
#include <stdlib.h>

#include "model/cut.h"
#include "session/queue.h"
#include "store/store.h"

struct saver {
    pthread_t thread;
    bool busy; /* the thread is to be joined */
    struct saver_job *job;
    struct queue *done;
};

struct saver *saver_new(void)
{
    struct saver *s = xcalloc(1, sizeof *s);
    s->done = queue_new(1);
    return s;
}

void saver_job_free(struct saver_job *job)
{
    if (!job)
        return;
    recording_free(job->copy);
    free(job->path);
    free(job);
}

void saver_free(struct saver *s)
{
    if (!s)
        return;
    saver_job_free(saver_wait(s));
    queue_free(s->done);
    free(s);
}

int saver_fd(const struct saver *s)
{
    return queue_fd(s->done);
}

bool saver_is_busy(const struct saver *s)
{
    return s->busy;
}

static void *save_work(void *arg)
{
    struct saver *s = arg;
    struct saver_job *job = s->job;
    if (job->from_ns)
        recording_cut(job->copy, job->from_ns);
    job->ok = store_save(job->copy, job->path, &job->err);
    queue_put(s->done, job);
    return NULL;
}

void saver_start(struct saver *s, struct saver_job *job)
{
    s->job = job;
    s->busy = true;
    if (pthread_create(&s->thread, NULL, save_work, s))
        die("cannot start a thread");
    pthread_setname_np(s->thread, "saver");
}

static struct saver_job *finished(struct saver *s, struct saver_job *job)
{
    if (job) {
        pthread_join(s->thread, NULL);
        s->busy = false;
    }
    return job;
}

struct saver_job *saver_take(struct saver *s)
{
    return s->busy ? finished(s, queue_take(s->done)) : NULL;
}

struct saver_job *saver_wait(struct saver *s)
{
    return s->busy ? finished(s, queue_wait(s->done)) : NULL;
}
