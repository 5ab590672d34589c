/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An error as a sentence for the person at the terminal: what failed, on what, and what to do
 * about it. Functions that can fail return bool and fill a caller's struct err; on success they
 * leave it alone. One line, no newline at its end.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

struct err {
    char text[512];
};

/* Fills err (which may be NULL) and returns false, so that `return err_set(...)` reads well. */
bool err_set(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, with ": " and strerror(errno) appended. */
bool err_errno(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
