/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See waited_child.h. */
#include "target/waited_child.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/procfs.h"
#include "target/tasks.h"

#define CHILDREN_MAX 8 /* that are looked at */
#define STATUS_BYTES 4096

/* The children that this very thread has made, at most CHILDREN_MAX of them; how many it has. */
static size_t list(pid_t pid, pid_t tid, pid_t children[CHILDREN_MAX])
{
    char text[1024];
    size_t n = 0;
    if (procfs_read(AT_FDCWD, text, sizeof text, "/proc/%d/task/%d/children", (int)pid, (int)tid) <=
        0)
        return 0;
    for (char *at = text, *end; *at; at = end) {
        long child = strtol(at, &end, 10);
        if (end == at)
            break;
        if (child > 0 && n < CHILDREN_MAX)
            children[n] = (pid_t)child;
        n += child > 0;
    }
    return n;
}

static void print_child(char *out, size_t size, const char *what, pid_t child)
{
    char comm[TASK_COMM_MAX];
    procfs_comm(child, child, comm, sizeof comm);
    snprintf(out, size, *comm ? "%s %d (%s)" : "%s %d", what, (int)child, comm);
}

/* What a process is called in its innermost pid namespace. */
static pid_t inner_pid(pid_t pid)
{
    char status[STATUS_BYTES];
    if (procfs_read(AT_FDCWD, status, sizeof status, "/proc/%d/status", (int)pid) <= 0)
        return 0;
    procfs_namespace_ids(status, &pid);
    return pid;
}

void waited_child_print(pid_t pid, pid_t tid, pid_t child, char *out, size_t size)
{
    pid_t children[CHILDREN_MAX];
    size_t n = list(pid, tid, children), looked = n < CHILDREN_MAX ? n : CHILDREN_MAX;
    out[0] = '\0';
    if (child <= 0) {
        if (n == 1)
            print_child(out, size, "child", children[0]);
        else if (n)
            snprintf(out, size, "any of %zu children", n);
        return;
    }
    for (size_t i = 0; i < looked; i++)
        if (inner_pid(children[i]) == child) {
            print_child(out, size, "child", children[i]);
            return;
        }
    /* Another thread's: its number is right where there are no namespaces between us. */
    if (inner_pid(pid) == pid)
        print_child(out, size, "child", child);
    else
        snprintf(out, size, "child %d", (int)child);
}

bool waited_child_pipe(pid_t pid, pid_t tid, const char *link, char *out, size_t size)
{
    pid_t children[CHILDREN_MAX];
    size_t n = list(pid, tid, children);
    for (size_t i = 0; i < n && i < CHILDREN_MAX; i++)
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
            char path[64], other[64];
            snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)children[i], fd);
            ssize_t length = readlink(path, other, sizeof other - 1);
            other[length > 0 ? length : 0] = '\0';
            if (strcmp(other, link) != 0)
                continue;
            print_child(out, size, "pipe of child", children[i]);
            return true;
        }
    return false;
}
