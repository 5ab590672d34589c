/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading small files of /proc (procfs.h). Invariant: every buffer is terminated, and what does
 * not look as proc(5) says is refused and not guessed. Any thread.
 */
#include "target/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

ssize_t procfs_read(int dir, char *buf, size_t size, const char *fmt, ...)
{
    char path[512];
    va_list args;
    va_start(args, fmt);
    int wanted = vsnprintf(path, sizeof path, fmt, args);
    va_end(args);
    buf[0] = '\0';
    if (wanted < 0 || (size_t)wanted >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -1;
    size_t have = 0;
    ssize_t got = 0;
    while (have < size - 1) {
        got = read(fd, buf + have, size - 1 - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    int error = errno;
    close(fd);
    buf[have] = '\0';
    errno = error;
    return got < 0 && have == 0 ? -1 : (ssize_t)have;
}

bool procfs_comm(pid_t pid, pid_t tid, char *out, size_t size)
{
    bool read = procfs_read(AT_FDCWD, out, size, "/proc/%d/task/%d/comm", (int)pid, (int)tid) > 0;
    out[read ? strcspn(out, "\n") : 0] = '\0';
    text_make_printable(out);
    return read;
}

unsigned procfs_namespace_ids(const char *status, pid_t *inner)
{
    unsigned n = 0;
    const char *at = strstr(status, "\nNSpid:");
    if (!at)
        return 0;
    at += strlen("\nNSpid:");
    char *end;
    for (unsigned long id; *at != '\n' && (id = strtoul(at, &end, 10), end != at); at = end, n++)
        *inner = (pid_t)id;
    return n;
}

bool procfs_parse_stat(const char *text, struct procfs_stat *stat)
{
    memset(stat, 0, sizeof *stat);
    const char *open = strchr(text, '(');
    const char *close = strrchr(text, ')');
    if (!open || !close || close < open)
        return false;
    size_t length = (size_t)(close - open - 1);
    if (length >= sizeof stat->comm)
        length = sizeof stat->comm - 1;
    memcpy(stat->comm, open + 1, length);
    stat->pid = (pid_t)strtol(text, NULL, 10);
    int ppid;
    unsigned threads;
    int fields = sscanf(close + 1,
                        " %c %d %*d %*d %*d %*d %" SCNu32 " %" SCNu64 " %*u %" SCNu64 " %*u"
                        " %" SCNu64 " %" SCNu64 " %*d %*d %*d %*d %u %*d"
                        " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %*u %" SCNu64
                        " %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %d",
                        &stat->state, &ppid, &stat->flags, &stat->minor_faults, &stat->major_faults,
                        &stat->user_ticks, &stat->system_ticks, &threads, &stat->start_ticks,
                        &stat->virtual_bytes, &stat->rss_pages, &stat->start_stack, &stat->cpu);
    stat->ppid = ppid;
    stat->threads = threads;
    return fields == 13;
}

bool procfs_stat(pid_t pid, struct procfs_stat *stat)
{
    char text[1024];
    return procfs_read(AT_FDCWD, text, sizeof text, "/proc/%d/stat", (int)pid) > 0 &&
           procfs_parse_stat(text, stat);
}

uint64_t procfs_status_field(const char *status, const char *name, int base, uint64_t none)
{
    size_t length = strlen(name);
    for (const char *line = status; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) != 0 || line[length] != ':')
            continue;
        char *end;
        uint64_t value = strtoull(line + length + 1, &end, base);
        return end == line + length + 1 ? none : value;
    }
    return none;
}

pid_t procfs_tgid(pid_t tid)
{
    char text[4096];
    if (procfs_read(AT_FDCWD, text, sizeof text, "/proc/%d/status", (int)tid) <= 0)
        return 0;
    return (pid_t)procfs_status_field(text, "Tgid", 10, 0);
}

char procfs_state(pid_t tid)
{
    struct procfs_stat stat;
    return procfs_stat(tid, &stat) ? stat.state : 0;
}

clockid_t procfs_cpu_clock(pid_t pid)
{
    clockid_t cpu_clock;
    return clock_getcpuclockid(pid, &cpu_clock) == 0 ? cpu_clock : PROCFS_NO_CLOCK;
}

uint64_t procfs_clock_ns(clockid_t cpu_clock)
{
    struct timespec t;
    if (cpu_clock == PROCFS_NO_CLOCK || clock_gettime(cpu_clock, &t) != 0)
        return 0;
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t procfs_cpu_ns(pid_t pid)
{
    return procfs_clock_ns(procfs_cpu_clock(pid));
}
