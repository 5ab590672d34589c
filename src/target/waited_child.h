/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child that a thread waits for, in words: "child 1234 (convert)", and a pipe whose other end a
 * child has: "pipe of child 1234 (convert)". From /proc (PID/task/TID/children, comm, fd); looks at
 * a few children only. One thread.
 */
#ifndef TARGET_WAITED_CHILD_H
#define TARGET_WAITED_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* child: its number as the waiting process sees it, 0 or less for any child. "" where nothing can
 * be told. */
void waited_child_print(pid_t pid, pid_t tid, pid_t child, char *out, size_t size);

/* link: "pipe:[123]". false: no child of the thread has it as its standard input or output. */
bool waited_child_pipe(pid_t pid, pid_t tid, const char *link, char *out, size_t size);

#endif
