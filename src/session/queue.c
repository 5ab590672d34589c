/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See queue.h. Any thread. */
#include "session/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    void **items; /* a ring of max */
    size_t max, first, n;
    bool closed;
    int fd;
};

struct queue *queue_new(size_t max)
{
    struct queue *q = xcalloc(1, sizeof *q);
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->filled, NULL);
    q->items = xcalloc(max, sizeof *q->items);
    q->max = max;
    q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (q->fd < 0)
        die("eventfd: out of descriptors");
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    pthread_mutex_destroy(&q->mutex);
    pthread_cond_destroy(&q->filled);
    close(q->fd);
    free(q->items);
    free(q);
}

int queue_fd(const struct queue *q)
{
    return q->fd;
}

bool queue_put(struct queue *q, void *item)
{
    pthread_mutex_lock(&q->mutex);
    bool room = q->n < q->max && !q->closed;
    if (room) {
        q->items[(q->first + q->n++) % q->max] = item;
        uint64_t one = 1;
        /* A counter at its maximum is readable all the same, so EAGAIN loses nothing. */
        while (write(q->fd, &one, sizeof one) < 0 && errno == EINTR)
            ;
        pthread_cond_signal(&q->filled);
    }
    pthread_mutex_unlock(&q->mutex);
    return room;
}

bool queue_has_room(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    bool room = q->n < q->max && !q->closed;
    pthread_mutex_unlock(&q->mutex);
    return room;
}

static void *take_locked(struct queue *q)
{
    if (!q->n)
        return NULL;
    void *item = q->items[q->first];
    q->first = (q->first + 1) % q->max;
    if (--q->n == 0) { /* not readable any more */
        uint64_t count;
        while (read(q->fd, &count, sizeof count) < 0 && errno == EINTR)
            ;
    }
    return item;
}

void *queue_take(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    void *item = take_locked(q);
    pthread_mutex_unlock(&q->mutex);
    return item;
}

void *queue_wait(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (!q->n && !q->closed)
        pthread_cond_wait(&q->filled, &q->mutex);
    void *item = take_locked(q);
    pthread_mutex_unlock(&q->mutex);
    return item;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->mutex);
    q->closed = true;
    pthread_cond_broadcast(&q->filled);
    pthread_mutex_unlock(&q->mutex);
}
