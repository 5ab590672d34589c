/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a waiting thread's samples are about: the object and the owner of a run (sample.h).
 *
 * A look-up is made once for a wait. While it goes on, the words that tell a lock's owner are read
 * again ten times a second, and what was not known yet is asked for again; everything else costs a
 * comparison a tick. A thread that waits again and again for the same descriptor is looked at ten
 * times a second.
 */
#ifndef ENGINE_WAIT_OBJECT_H
#define ENGINE_WAIT_OBJECT_H

#include "engine/sink.h"
#include "model/sample.h"
#include "python/python.h"
#include "target/waited.h"

/* Of a thread: what its last wait was, for as long as that goes on. */
struct wait_object {
    struct task_look look;
    struct object_id object;
    uint32_t generation; /* of the dictionary that object belongs to */
    uint64_t looked_ns;
    uint64_t again_ns; /* when to look again; UINT64_MAX: not at all */
    uint64_t words;    /* that tell the owner */
    bool later;
};

/* Fills run->object and run->owner of a wait that has just been seen (run->wait is set). python may
 * be NULL. */
void wait_object_look(struct waited_reader *reader, struct python *python, struct sink *sink,
                      pid_t tid, const struct task_look *look, uint64_t now_ns,
                      struct wait_object *kept, struct run *run);

/* The same wait goes on: brings the run up to date where that is due. */
void wait_object_again(struct waited_reader *reader, struct python *python, struct sink *sink,
                       pid_t tid, uint64_t now_ns, struct wait_object *kept, struct run *run);

#endif
