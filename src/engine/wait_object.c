/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See wait_object.h. The sampler's thread. */
#include "engine/wait_object.h"

#include <stdio.h>

#include "base/clock.h"

#define AGAIN_NS (100 * NS_PER_MS)

/* A futex of which glibc tells nothing may belong to one of Python's locks. */
static void ask_python(struct python *python, const struct task_look *look, pid_t tid,
                       uint64_t now_ns, struct waited *waited)
{
    struct python_lock lock;
    if (!python_lock_find(python, look->args[0], look->sp, now_ns, &lock)) {
        waited->later |= lock.later;
        return;
    }
    bool held = lock.owner && lock.owner != tid;
    snprintf(waited->text, sizeof waited->text, "%s %#llx", held ? "lock" : "futex",
             (unsigned long long)lock.address);
    if (!held)
        return;
    /* Its owner stands elsewhere than the words that waited_same() knows. */
    waited->owner = lock.owner;
    waited->changes = true;
    waited->words = 0;
}

static void take(struct waited_reader *reader, struct python *python, struct sink *sink, pid_t tid,
                 uint64_t now_ns, struct wait_object *kept, struct run *run)
{
    struct waited waited;
    waited_look(reader, tid, &kept->look, run->wait != WAIT_OTHER, now_ns, &waited);
    if (python && run->wait == WAIT_FUTEX && !waited.owner)
        ask_python(python, &kept->look, tid, now_ns, &waited);
    kept->later = waited.later;
    kept->again_ns = waited.changes || waited.later ? now_ns + AGAIN_NS : UINT64_MAX;
    if (waited.later && run->owner)
        return; /* what was known until now stands */
    run->object = dictionary_object(&sink->words, waited.text);
    run->owner = waited.owner;
    kept->object = run->object;
    kept->generation = sink->generation;
    kept->looked_ns = now_ns;
    kept->words = waited.words;
}

/* Whether a call is about its descriptor alone: not about memory that may have changed since. */
static bool by_descriptor(enum wait_kind wait)
{
    return wait == WAIT_READ || wait == WAIT_WRITE || wait == WAIT_ACCEPT || wait == WAIT_EPOLL ||
           wait == WAIT_SYNC;
}

/* Soon after, it waits in the same call for the same descriptor again. */
static bool is_known(const struct wait_object *kept, const struct sink *sink,
                     const struct task_look *look, uint64_t now_ns, enum wait_kind wait)
{
    return by_descriptor(wait) && kept->look.syscall == look->syscall &&
           kept->look.args[0] == look->args[0] && kept->look.sp == look->sp &&
           kept->generation == sink->generation && !kept->later &&
           now_ns < kept->looked_ns + AGAIN_NS;
}

void wait_object_look(struct waited_reader *reader, struct python *python, struct sink *sink,
                      pid_t tid, const struct task_look *look, uint64_t now_ns,
                      struct wait_object *kept, struct run *run)
{
    if (is_known(kept, sink, look, now_ns, run->wait)) {
        run->object = kept->object;
        return;
    }
    kept->look = *look;
    kept->again_ns = UINT64_MAX;
    if (run->wait == WAIT_GIL && python) {
        /* Not asked for again: who wants the GIL wakes every few milliseconds. */
        pid_t holder = python_gil_holder(python, look->args[0]);
        run->object = dictionary_object(&sink->words, "GIL");
        run->owner = holder == tid ? 0 : holder;
    } else if (run->wait != WAIT_SLEEP && run->wait != WAIT_STOPPED) {
        take(reader, python, sink, tid, now_ns, kept, run);
    }
}

void wait_object_again(struct waited_reader *reader, struct python *python, struct sink *sink,
                       pid_t tid, uint64_t now_ns, struct wait_object *kept, struct run *run)
{
    if (now_ns < kept->again_ns)
        return;
    if (!kept->later && waited_same(reader, &kept->look, kept->words))
        kept->again_ns = now_ns + AGAIN_NS;
    else
        take(reader, python, sink, tid, now_ns, kept, run);
}
