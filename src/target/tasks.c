/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The threads of a process (tasks.h). Invariant: the descriptors of a place that is not
 * TASK_ALIVE are closed. One thread: the sampler.
 */
#include "target/tasks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"
#include "target/procfs.h"

/* A thread that ends while another is born leaves the number the same. */
#define FULL_EVERY 16
/* Left for everybody else: files of symbols, the recording, the terminal. */
#define FDS_RESERVED 128

struct tasks {
    pid_t pid;
    int dir;      /* /proc/PID/task */
    DIR *stream;  /* the same directory, for reading it */
    int fd_limit; /* descriptors from this on are not kept */
    VEC(struct task) list;
    VEC(bool) seen;    /* beside list, while the directory is read */
    struct map by_tid; /* index of the alive ones, while the directory is read */
    nlink_t links;     /* of dir when it was read last: 2 + number of threads */
    unsigned since_full;
    bool again; /* something has ended: read the directory at the next refresh */
};

static struct rlimit limit_before;
static bool limit_raised;

static int raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 256;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit more = {limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
            limit_before = limit;
            limit_raised = true;
            limit = more;
        }
    }
    return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int)limit.rlim_cur;
}

void tasks_restore_file_limit(void)
{
    if (limit_raised)
        setrlimit(RLIMIT_NOFILE, &limit_before);
}

/* A descriptor to keep, or -1: then it is opened at each use. */
static int open_kept(const struct tasks *tasks, pid_t tid, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "%d/%s", (int)tid, name);
    int fd = openat(tasks->dir, path, O_RDONLY | O_CLOEXEC);
    if (fd >= tasks->fd_limit) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void close_kept(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void end_task(struct tasks *tasks, struct task *t)
{
    t->state = TASK_ENDED;
    close_kept(&t->schedstat_fd);
    close_kept(&t->syscall_fd);
    tasks->again = true;
}

bool task_read_comm(struct tasks *tasks, struct task *t)
{
    char comm[TASK_COMM_MAX];
    if (procfs_read(tasks->dir, comm, sizeof comm, "%d/comm", (int)t->tid) <= 0)
        return false;
    size_t length = strlen(comm);
    if (comm[length - 1] == '\n')
        comm[length - 1] = '\0';
    text_make_printable(comm);
    if (strcmp(comm, t->comm) == 0)
        return false;
    memcpy(t->comm, comm, sizeof comm);
    return true;
}

static void add_task(struct tasks *tasks, pid_t tid)
{
    size_t i = 0;
    while (i < tasks->list.n && tasks->list.at[i].state != TASK_FREE)
        i++;
    if (i == tasks->list.n) {
        if (i == TASKS_MAX)
            return;
        (void)vec_add(&tasks->list);
        (void)vec_add(&tasks->seen);
    }
    struct task *t = &tasks->list.at[i];
    *t = (struct task){.tid = tid, .state = TASK_ALIVE, .user = TASK_USER_NONE, .syscall_fd = -1};
    t->schedstat_fd = open_kept(tasks, tid, "schedstat");
    tasks->seen.at[i] = true;
    task_read_comm(tasks, t);
}

/* Reads the whole directory. O(threads), and O(places) more for each new one. */
static bool read_directory(struct tasks *tasks)
{
    map_clear(&tasks->by_tid);
    for (size_t i = 0; i < tasks->list.n; i++) {
        tasks->seen.at[i] = false;
        if (tasks->list.at[i].state == TASK_ALIVE)
            map_set(&tasks->by_tid, (uint64_t)tasks->list.at[i].tid, (uint32_t)i);
    }
    size_t found = 0;
    rewinddir(tasks->stream);
    for (const struct dirent *e; (e = readdir(tasks->stream));) {
        if (e->d_name[0] < '0' || e->d_name[0] > '9')
            continue;
        found++;
        pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
        uint32_t i = map_get(&tasks->by_tid, (uint64_t)tid);
        if (i == MAP_NONE)
            add_task(tasks, tid);
        else
            tasks->seen.at[i] = true;
    }
    for (size_t i = 0; i < tasks->list.n; i++)
        if (tasks->list.at[i].state == TASK_ALIVE && !tasks->seen.at[i])
            end_task(tasks, &tasks->list.at[i]);
    tasks->again = false;
    tasks->since_full = 0;
    return found > 0;
}

bool tasks_refresh(struct tasks *tasks)
{
    for (size_t i = 0; i < tasks->list.n; i++)
        if (tasks->list.at[i].state == TASK_ENDED)
            tasks->list.at[i].state = TASK_FREE;
    struct stat now;
    if (fstat(tasks->dir, &now) != 0)
        now.st_nlink = 0;
    if (now.st_nlink == tasks->links && !tasks->again && ++tasks->since_full < FULL_EVERY)
        return true;
    tasks->links = now.st_nlink;
    return read_directory(tasks);
}

struct tasks *tasks_new(pid_t pid, struct err *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int own = dir < 0 ? -1 : fcntl(dir, F_DUPFD_CLOEXEC, 0);
    DIR *stream = own < 0 ? NULL : fdopendir(own);
    if (!stream) {
        err_errno(err, "cannot list the threads of process %d: it may have ended", (int)pid);
        if (own >= 0)
            close(own);
        if (dir >= 0)
            close(dir);
        return NULL;
    }
    struct tasks *tasks = xcalloc(1, sizeof *tasks);
    tasks->pid = pid;
    tasks->dir = dir;
    tasks->stream = stream;
    tasks->fd_limit = raise_file_limit() - FDS_RESERVED;
    tasks->again = true;
    if (!tasks_refresh(tasks)) {
        err_set(err, "process %d has ended", (int)pid);
        tasks_free(tasks);
        return NULL;
    }
    return tasks;
}

void tasks_free(struct tasks *tasks)
{
    if (!tasks)
        return;
    for (size_t i = 0; i < tasks->list.n; i++)
        if (tasks->list.at[i].state == TASK_ALIVE)
            end_task(tasks, &tasks->list.at[i]);
    closedir(tasks->stream);
    close(tasks->dir);
    vec_free(&tasks->list);
    vec_free(&tasks->seen);
    map_free(&tasks->by_tid);
    free(tasks);
}

size_t tasks_count(const struct tasks *tasks)
{
    return tasks->list.n;
}

size_t tasks_alive(const struct tasks *tasks)
{
    size_t n = 0;
    for (size_t i = 0; i < tasks->list.n; i++)
        n += tasks->list.at[i].state == TASK_ALIVE;
    return n;
}

struct task *tasks_at(struct tasks *tasks, size_t i)
{
    return &tasks->list.at[i];
}

struct task *tasks_find(struct tasks *tasks, pid_t tid)
{
    for (size_t i = 0; i < tasks->list.n; i++)
        if (tasks->list.at[i].tid == tid && tasks->list.at[i].state == TASK_ALIVE)
            return &tasks->list.at[i];
    return NULL;
}

/* Reads a thread's file through its kept descriptor, or by opening it; -1 with errno set. */
static ssize_t read_task(const struct tasks *tasks, const struct task *t, int fd, const char *name,
                         char *buf, size_t size)
{
    if (fd < 0)
        return procfs_read(tasks->dir, buf, size, "%d/%s", (int)t->tid, name);
    ssize_t got = pread(fd, buf, size - 1, 0);
    buf[got > 0 ? got : 0] = '\0';
    return got;
}

/* A thread is gone with ESRCH on an open file, ENOENT at opening. */
static bool is_gone(int error)
{
    return error == ESRCH || error == ENOENT;
}

bool task_times(struct tasks *tasks, struct task *t, struct task_times *times)
{
    char text[96];
    *times = (struct task_times){.run_ns = 0};
    if (t->state != TASK_ALIVE)
        return false;
    if (read_task(tasks, t, t->schedstat_fd, "schedstat", text, sizeof text) <= 0) {
        end_task(tasks, t);
        return false;
    }
    char *end;
    times->run_ns = strtoull(text, &end, 10);
    times->queue_ns = strtoull(end, &end, 10);
    times->turns = strtoull(end, NULL, 10);
    return true;
}

static bool parse_syscall(const char *text, struct task_look *look)
{
    char *end;
    look->syscall = strtoll(text, &end, 10);
    if (end == text)
        return false;
    uint64_t words[8];
    size_t n = 0;
    for (const char *at = end; n < 8; n++, at = end) {
        words[n] = strtoull(at, &end, 16);
        if (end == at)
            break;
    }
    if (n == 8)
        memcpy(look->args, words, sizeof look->args);
    else if (n != 2) /* "-1 sp pc" */
        return false;
    look->sp = words[n - 2];
    look->pc = words[n - 1];
    return true;
}

void task_look(struct tasks *tasks, struct task *t, struct task_look *look)
{
    char text[256];
    memset(look, 0, sizeof *look);
    look->syscall = -1;
    look->doing = TASK_GONE;
    if (t->state != TASK_ALIVE)
        return;
    if (t->syscall_fd < 0)
        t->syscall_fd = open_kept(tasks, t->tid, "syscall");
    ssize_t got = read_task(tasks, t, t->syscall_fd, "syscall", text, sizeof text);
    if (got <= 0) {
        if (got == 0 || is_gone(errno))
            end_task(tasks, t);
        else
            look->doing = TASK_HIDDEN;
        return;
    }
    if (strncmp(text, "running", 7) == 0)
        look->doing = TASK_RUNNING;
    else
        look->doing = parse_syscall(text, look) ? TASK_BLOCKED : TASK_HIDDEN;
}

bool task_stat(struct tasks *tasks, const struct task *t, struct procfs_stat *stat)
{
    char text[1024];
    return t->state == TASK_ALIVE &&
           procfs_read(tasks->dir, text, sizeof text, "%d/stat", (int)t->tid) > 0 &&
           procfs_parse_stat(text, stat);
}

char task_state_letter(struct tasks *tasks, const struct task *t)
{
    struct procfs_stat stat;
    return task_stat(tasks, t, &stat) ? stat.state : 0;
}

int task_cpu(struct tasks *tasks, const struct task *t)
{
    struct procfs_stat stat;
    return task_stat(tasks, t, &stat) ? stat.cpu : -1;
}
