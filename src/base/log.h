/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notes about proftop's own doings, on stderr: the important ones unless -q, details with -v.
 * While curses owns the terminal they are dropped. Any thread.
 *
 * Where stderr is the system's journal (JOURNAL_STREAM, systemd.exec(5)) a line begins with its
 * priority, as in "<4>", and does without the program's name, which the journal adds.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_QUIET, LOG_NOTE, LOG_DETAIL };

void log_set_level(enum log_level level);
/* What goes before an error's line on stderr: "<3>" or "proftop: ". Constant. */
const char *log_error_head(void);
/* false while curses owns the terminal: messages are then dropped. */
void log_set_terminal(int usable);
/* Something is wrong and needs somebody: also with -q. */
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "proftop: ..." on stderr, unless -q. */
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, only with -v. */
void log_detail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
