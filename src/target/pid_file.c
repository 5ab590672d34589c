/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See pid_file.h. */
#include "target/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "target/process.h"

#define PID_DIGITS_MAX 7 /* the kernel's PID_MAX_LIMIT is 4194304 */
#define PID_LIMIT      4194304
#define SLACK_NS       (2 * (int64_t)NS_PER_S) /* times of files and processes are coarse */

bool pid_file_parse(const char *text, pid_t *pid)
{
    text += strspn(text, " \t\r\n");
    size_t n = strspn(text, "0123456789");
    if (!n || n > PID_DIGITS_MAX || (text[n] && !strchr(" \t\r\n", text[n])))
        return false;
    long value = 0;
    for (size_t i = 0; i < n; i++)
        value = 10 * value + (text[i] - '0');
    *pid = (pid_t)value;
    return value >= 1 && value <= PID_LIMIT;
}

/* When a process began, on the wall clock as it stands now. */
static int64_t began_ns(uint64_t start_ticks)
{
    struct timespec boot;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    int64_t up_ns = (int64_t)boot.tv_sec * (int64_t)NS_PER_S + boot.tv_nsec;
    int64_t hz = sysconf(_SC_CLK_TCK);
    int64_t at_ns = (int64_t)(start_ticks / (uint64_t)hz) * (int64_t)NS_PER_S +
                    (int64_t)(start_ticks % (uint64_t)hz) * ((int64_t)NS_PER_S / hz);
    return clock_wall_ns() - up_ns + at_ns;
}

/* The file's first bytes as text; a NUL ends it. */
static enum pid_file_state read_text(const char *path, char *text, size_t size,
                                     struct pid_file *out)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? PID_FILE_ABSENT : PID_FILE_UNREADABLE;
    struct stat st;
    ssize_t got = -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        got = read(fd, text, size - 1);
    close(fd);
    if (got < 0)
        return PID_FILE_UNREADABLE;
    text[got] = '\0';
    out->dev = st.st_dev;
    out->ino = st.st_ino;
    out->written_ns = (int64_t)st.st_mtim.tv_sec * (int64_t)NS_PER_S + st.st_mtim.tv_nsec;
    return PID_FILE_RUNS;
}

enum pid_file_state pid_file_read(const char *path, struct pid_file *out)
{
    char text[64];
    *out = (struct pid_file){0};
    enum pid_file_state state = read_text(path, text, sizeof text, out);
    if (state != PID_FILE_RUNS)
        return state;
    if (!pid_file_parse(text, &out->pid))
        return PID_FILE_GARBAGE;
    struct process_info info;
    if (!process_read(out->pid, &info, NULL) || info.zombie)
        return PID_FILE_NOBODY;
    out->start_ticks = info.start_ticks;
    return began_ns(info.start_ticks) > out->written_ns + SLACK_NS ? PID_FILE_STALE : PID_FILE_RUNS;
}
