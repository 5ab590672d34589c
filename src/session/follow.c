/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See follow.h. */
#include "session/follow.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/process.h"

#define LOOK_NS     (250 * NS_PER_MS)
#define ALL_NS      (10 * NS_PER_S)
#define NAMED_LOOKS 8 /* looks in which a process that was started gets its name */
#define SHARE       500

void follow_init(struct follow *f, const char *name, const char *pid_file)
{
    *f = (struct follow){.name = name, .pid_file = pid_file, .last_pid = -1};
}

void follow_gone(struct follow *f, pid_t pid, uint64_t start_ticks)
{
    f->gone = pid;
    f->gone_ticks = start_ticks;
    f->next_ns = 0;
    f->looks_left = NAMED_LOOKS; /* who takes its place may have been started before it ended */
    if (f->pid_file)
        pid_file_read(f->pid_file, &f->gone_file);
}

/* The last pid that was given out in our pid namespace (proc_loadavg(5), fifth field); -1: unknown.
 */
static int64_t newest_pid(void)
{
    char text[128];
    int fd = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0)
        return -1;
    text[got] = '\0';
    const char *last = strrchr(text, ' ');
    return last ? strtol(last + 1, NULL, 10) : -1;
}

/* Whether somebody may have come since the last look. */
static bool is_worth_it(struct follow *f, uint64_t now_ns)
{
    int64_t newest = newest_pid();
    if (newest != f->last_pid || newest < 0)
        f->looks_left = NAMED_LOOKS;
    f->last_pid = newest;
    if (f->looks_left > 0) {
        f->looks_left--;
        return true;
    }
    return now_ns >= f->all_at_ns;
}

static bool is_among(pid_t pid, const struct pid_list *pids)
{
    for (size_t i = 0; i < pids->list.n; i++)
        if (pids->list.at[i] == pid)
            return true;
    return false;
}

/* The only one whose parent is none of them; 0: there are several. */
static pid_t head_of(const struct pid_list *pids)
{
    pid_t head = 0;
    for (size_t i = 0; i < pids->list.n; i++) {
        struct process_info info;
        if (!process_read(pids->list.at[i], &info, NULL) || is_among(info.ppid, pids))
            continue;
        if (head)
            return 0;
        head = pids->list.at[i];
    }
    return head;
}

static bool look_for_name(struct follow *f, uint64_t now_ns, pid_t *pid)
{
    if (!is_worth_it(f, now_ns))
        return false;
    struct pid_list pids = {0};
    f->trouble.text[0] = '\0';
    f->all_at_ns = now_ns + ALL_NS;
    size_t n = process_find_exactly(f->name, &pids);
    *pid = n == 1 ? pids.list.at[0] : n ? head_of(&pids) : 0;
    if (n && !*pid)
        err_set(&f->trouble,
                "%zu processes are called '%s', and none of them is the parent of the others: "
                "give a PID, or --pid-file",
                n, f->name);
    vec_free(&pids.list);
    return *pid != 0;
}

static bool look_at_file(struct follow *f, pid_t *pid)
{
    struct pid_file now;
    enum pid_file_state state = pid_file_read(f->pid_file, &now);
    const struct pid_file *was = &f->gone_file;
    bool unchanged = f->gone && now.dev == was->dev && now.ino == was->ino &&
                     now.written_ns == was->written_ns && now.pid == was->pid;
    f->trouble.text[0] = '\0';
    switch (state) {
    case PID_FILE_ABSENT:
    case PID_FILE_NOBODY:
        break;
    case PID_FILE_UNREADABLE:
        err_set(&f->trouble, "%s cannot be read, or is no regular file", f->pid_file);
        break;
    case PID_FILE_GARBAGE: /* may be about to be written */
        err_set(&f->trouble, "%s does not begin with a process id", f->pid_file);
        break;
    case PID_FILE_STALE:
        if (!unchanged)
            err_set(&f->trouble,
                    "process %d is younger than %s, which names it: the file is stale (if it is "
                    "not, give the PID, or touch the file)",
                    (int)now.pid, f->pid_file);
        break;
    case PID_FILE_RUNS:
        if (unchanged) /* somebody else has got the pid */
            break;
        *pid = now.pid;
        return true;
    }
    return false;
}

bool follow_look(struct follow *f, uint64_t now_ns, pid_t *pid)
{
    if (now_ns < f->next_ns)
        return false;
    uint64_t before_ns = clock_thread_cpu_ns();
    bool found = f->name ? look_for_name(f, now_ns, pid) : look_at_file(f, pid);
    uint64_t pause_ns = SHARE * (clock_thread_cpu_ns() - before_ns);
    f->next_ns = now_ns + (pause_ns > LOOK_NS ? pause_ns : LOOK_NS);
    if (found && *pid == f->gone) { /* the one that has ended, still to be seen */
        struct process_info info;
        found = process_read(*pid, &info, NULL) && info.start_ticks != f->gone_ticks;
    }
    return found;
}
