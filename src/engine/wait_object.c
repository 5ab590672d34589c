/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See wait_object.h. The sampler's thread. */
#include "engine/wait_object.h"

#include "base/clock.h"

#define AGAIN_NS (100 * NS_PER_MS)

static void take(struct waited_reader *reader, struct dictionary *words, pid_t tid, uint64_t now_ns,
                 struct wait_object *kept, struct run *run)
{
    struct waited waited;
    waited_look(reader, tid, &kept->look, now_ns, &waited);
    run->object = dictionary_object(words, waited.text);
    run->owner = waited.owner;
    kept->again_ns = waited.changes || waited.later ? now_ns + AGAIN_NS : UINT64_MAX;
}

void wait_object_look(struct waited_reader *reader, const struct python *python,
                      struct dictionary *words, pid_t tid, const struct task_look *look,
                      uint64_t now_ns, struct wait_object *kept, struct run *run)
{
    kept->look = *look;
    if (run->wait == WAIT_GIL && python) {
        pid_t holder = python_gil_holder(python, look->args[0]);
        run->object = dictionary_object(words, "GIL");
        run->owner = holder == tid ? 0 : holder;
        kept->again_ns = UINT64_MAX; /* who wants the GIL wakes every few milliseconds */
        return;
    }
    if (run->wait == WAIT_SLEEP || run->wait == WAIT_STOPPED) {
        kept->again_ns = UINT64_MAX;
        return;
    }
    take(reader, words, tid, now_ns, kept, run);
}

void wait_object_again(struct waited_reader *reader, struct dictionary *words, pid_t tid,
                       uint64_t now_ns, struct wait_object *kept, struct run *run)
{
    if (now_ns >= kept->again_ns)
        take(reader, words, tid, now_ns, kept, run);
}
