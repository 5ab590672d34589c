/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notes about proftop's own doings, on stderr: the important ones unless -q, details with -v.
 * While curses owns the terminal they are dropped. Any thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_QUIET, LOG_NOTE, LOG_DETAIL };

void log_set_level(enum log_level level);
/* false while curses owns the terminal: messages are then dropped. */
void log_set_terminal(int usable);
/* "proftop: ..." on stderr, unless -q. */
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, only with -v. */
void log_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
