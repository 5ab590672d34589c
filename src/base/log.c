/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static _Atomic int level = LOG_NOTE;
static _Atomic int terminal_usable = 1;

void log_set_level(enum log_level l)
{
    level = (int)l;
}

void log_set_terminal(int usable)
{
    terminal_usable = usable;
}

/* Whether stderr is the journal's socket: its device and inode are in the variable. */
static bool is_journal(void)
{
    static _Atomic int known; /* 0: not yet */
    unsigned long long device, inode;
    struct stat st;
    if (!known) {
        const char *stream = getenv("JOURNAL_STREAM");
        known = stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
                        fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode
                    ? 1
                    : -1;
    }
    return known > 0;
}

const char *log_error_head(void)
{
    return is_journal() ? "<3>" : "proftop: ";
}

/* priority: of syslog(3). */
static void print_line(int priority, const char *fmt, va_list ap)
{
    char line[1024];
    vsnprintf(line, sizeof line, fmt, ap);
    if (is_journal())
        fprintf(stderr, "<%d>%s\n", priority, line);
    else
        fprintf(stderr, "proftop: %s\n", line);
}

void log_warning(const char *fmt, ...)
{
    if (!terminal_usable)
        return;
    va_list ap;
    va_start(ap, fmt);
    print_line(4, fmt, ap);
    va_end(ap);
}

void log_note(const char *fmt, ...)
{
    if (level < LOG_NOTE || !terminal_usable)
        return;
    va_list ap;
    va_start(ap, fmt);
    print_line(5, fmt, ap);
    va_end(ap);
}

void log_detail(const char *fmt, ...)
{
    if (level < LOG_DETAIL || !terminal_usable)
        return;
    va_list ap;
    va_start(ap, fmt);
    print_line(7, fmt, ap);
    va_end(ap);
}
