/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

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

static void print_line(const char *fmt, va_list ap)
{
    char line[1024];
    vsnprintf(line, sizeof line, fmt, ap);
    fprintf(stderr, "proftop: %s\n", line);
}

void log_note(const char *fmt, ...)
{
    if (level < LOG_NOTE || !terminal_usable)
        return;
    va_list ap;
    va_start(ap, fmt);
    print_line(fmt, ap);
    va_end(ap);
}

void log_detail(const char *fmt, ...)
{
    if (level < LOG_DETAIL || !terminal_usable)
        return;
    va_list ap;
    va_start(ap, fmt);
    print_line(fmt, ap);
    va_end(ap);
}
