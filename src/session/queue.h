/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hand-over between threads: the one file that holds a mutex.
 *
 * A queue carries pointers from one thread to another, in order, and wakes the reader through an
 * eventfd. It is bounded: a full queue refuses, and the writer counts what it has to drop.
 */
#ifndef SESSION_QUEUE_H
#define SESSION_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue;

struct queue *queue_new(size_t max);
/* What is still in it must have been taken before. */
void queue_free(struct queue *q);
/* Readable while there is something in it. */
int queue_fd(const struct queue *q);
/* false: full, the item stays the caller's. */
bool queue_put(struct queue *q, void *item);
/* Whether queue_put would succeed; stays true for the only writer. */
bool queue_has_room(struct queue *q);
/* NULL: empty (at once), or closed. */
void *queue_take(struct queue *q);
/* The same, but waits until there is one or the queue is closed. */
void *queue_wait(struct queue *q);
/* No more will come: whoever waits gets what is left, then NULL. */
void queue_close(struct queue *q);

#endif
