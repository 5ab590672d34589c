/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thread ids. An answer is only given if the process has such a thread (target/inner_tid.h):
 * after a fork a state may still carry its parent's number.
 *
 * struct pthread keeps tid at +720 in glibc 2.36 and 2.43 (x86-64). Elsewhere its place is looked
 * for in the struct of the main thread, whose id is known: it is the pid.
 */
#include "python/tid.h"

#include "target/remote.h"

#define GLIBC_TID_AT      720
#define PTHREAD_MAX_BYTES 2048

void tids_init(struct tids *t, pid_t pid)
{
    inner_tids_init(&t->inner, pid);
    t->tid_at = GLIBC_TID_AT;
}

void tids_clear(struct tids *t)
{
    inner_tids_clear(&t->inner);
}

static pid_t checked(struct tids *t, uint64_t inner)
{
    return inner <= UINT32_MAX ? inner_tids_find(&t->inner, (uint32_t)inner) : 0;
}

pid_t tids_find(struct tids *t, uint64_t native_id, uint64_t pthread)
{
    pid_t tid = checked(t, native_id);
    uint32_t words[PTHREAD_MAX_BYTES / 4];
    if (tid || pthread % 8 || pthread < 4096)
        return tid;
    size_t have = remote_read_some(t->inner.pid, pthread, words, sizeof words) / 4;
    if (t->tid_at / 4 < have && (tid = checked(t, words[t->tid_at / 4])))
        return tid;
    for (uint32_t i = 0; i < have; i++) {
        if (words[i] == t->inner.inner_pid) {
            t->tid_at = i * 4;
            return t->inner.pid;
        }
    }
    return 0;
}
