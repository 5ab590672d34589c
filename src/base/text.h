/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text: a bounded buffer to format into, and figures as people read them (812M, 1.9M/s, 3m12s,
 * 1,020). Everything here is always terminated and never overruns; what did not fit is cut and
 * said so in `cut`.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *buf; /* borrowed: the caller's array */
    size_t size, len;
    bool cut;
};

/* `char line[80]; struct text t = TEXT(line);` */
#define TEXT(array) ((struct text){(array), sizeof(array), ((array)[0] = '\0', 0), false})

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The last part of a path; the whole if it has no slash. Borrowed. */
const char *path_base(const char *path);
bool text_ends_with(const char *s, const char *tail);
/* Replaces control characters and broken UTF-8 by '?', in place: for bytes of a target's. */
void text_make_printable(char *s);

/* Figures. `out` has FIGURE_MAX bytes; returned for use in an argument list. */
#define FIGURE_MAX 32
const char *figure_bytes(char *out, double bytes);      /* 812M, 1.8G, 512B */
const char *figure_bytes_rate(char *out, double per_s); /* +1.9M/s, -3K/s, 0/s */
const char *figure_count(char *out, uint64_t n);        /* 11,904 */
const char *figure_duration(char *out, uint64_t ns);    /* 850us, 12ms, 3.2s, 3m12s, 2h05m */

#endif
