/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what a Python thread state says of its thread to the kernel's thread id as we see it.
 * From 3.11 that is the native thread id; before, a pthread_t, whose struct holds the id. Both are
 * numbers of the target's own PID namespace. One thread.
 */
#ifndef PYTHON_TID_H
#define PYTHON_TID_H

#include <stdint.h>
#include <sys/types.h>

#include "target/inner_tid.h"

struct tids {
    struct inner_tids inner;
    uint32_t tid_at; /* in glibc's struct pthread */
};

void tids_init(struct tids *t, pid_t pid);
void tids_clear(struct tids *t);
/* native_id 0: not known. 0: cannot be told. A few file look-ups: remember the answer. */
pid_t tids_find(struct tids *t, uint64_t native_id, uint64_t pthread);

#endif
