/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a blocked system call is about, in words: the file, the pipe, the socket's peer, the lock
 * and who holds it. Told from the call's arguments, /proc/PID/fd and the target's memory; nothing
 * of the target is touched. Every text is printable and bounded. One struct belongs to one thread:
 * the sampler.
 */
#ifndef TARGET_WAITED_H
#define TARGET_WAITED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/tasks.h"

#define WAITED_TEXT_MAX 256

struct waited {
    char text[WAITED_TEXT_MAX]; /* "" where nothing can be told */
    pid_t owner;                /* of a lock; of a join the thread that is to end; 0: unknown */
    bool changes;               /* the owner may become another one while the wait goes on */
    uint64_t words;             /* hash of what the owner was told from */
    bool later;                 /* the answer is not known yet: ask again in a while */
};

struct waited_reader;
struct waited_reader *waited_new(pid_t pid);
void waited_free(struct waited_reader *r);

/* Between the file and the process that has it locked. */
#define WAITED_HELD_BY " held by "

/* look: of thread tid, which is blocked. named: the kind of wait says which call that is; else the
 * text begins with its name. 3 to 10 us; once in a while the tables of sockets are read
 * (sockets.h). */
void waited_look(struct waited_reader *r, pid_t tid, const struct task_look *look, bool named,
                 uint64_t now_ns, struct waited *out);

/* Whether the words that a lock's owner was told from are still the same. 2 us. */
bool waited_same(const struct waited_reader *r, const struct task_look *look, uint64_t words);

/* For tests: what a link of /proc/PID/fd is called, where that needs no look-up; and a line of an
 * epoll's fdinfo. false: it is none of these. */
bool waited_parse_socket(const char *link, uint64_t *inode);
const char *waited_plain_link(char *link);
bool waited_parse_epoll(const char *line, int *fd);

#endif
