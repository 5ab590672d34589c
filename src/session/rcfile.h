/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The form of the settings file, and nothing of what is in it: lines KEY = VALUE, comments from #
 * on, [sections]. Hostile bytes give lines that say what is wrong with them.
 *
 *     # a comment
 *     rate = 200         # another; a # within a word or in quotes begins none
 *     alert-command = "/usr/local/bin/page --tag \"#1\""
 *     [alerts]
 *     latency = p95_s > 1
 *
 * Invariant: the lines of a text, put one after another, are the text. Any thread.
 */
#ifndef SESSION_RCFILE_H
#define SESSION_RCFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define RC_MARK      "\xef\xbb\xbf" /* U+FEFF, which some editors put at the beginning */
#define RC_BYTES_MAX (1u << 20)     /* of a file */
#define RC_LINE_MAX  4096           /* bytes of a line that is read */
#define RC_KEY_MAX   64

enum rc_kind { RC_BLANK, RC_COMMENT, RC_SECTION, RC_ENTRY, RC_BROKEN };

struct rc_line {
    enum rc_kind kind;
    unsigned number;             /* 1 is the first */
    const char *text;            /* borrowed; with its end of line, if it has one */
    size_t size;                 /* bytes of it */
    char section[RC_KEY_MAX];    /* that it is in (or begins); "" before the first */
    char key[RC_KEY_MAX];        /* RC_ENTRY */
    char value[RC_LINE_MAX];     /* without blanks around it, quotes and comment */
    size_t value_at, value_size; /* where it stands in text, with its quotes */
    struct err err;              /* RC_BROKEN: why */
};

struct rc_reader {
    const char *at, *end;
    struct rc_line line;
};

/* The text stays the caller's, and need not be terminated. A byte order mark is passed over. */
void rc_begin(struct rc_reader *r, const char *text, size_t size);
/* The next line in r->line; false at the end. */
bool rc_next(struct rc_reader *r);

/* A value as it has to be written to be read as this: in quotes where that is needed. Owned. */
char *rc_quote(const char *value);

/* The file's bytes to *text, terminated and owned by the caller. true with *text NULL: there is
 * none, or it is in a directory that we may not look into. Fails with a sentence that begins with
 * the path: a directory, a loop of links, not readable, larger than RC_BYTES_MAX, writable for
 * everybody, another user's (but root's, and under sudo the one's who called it). */
bool rc_read(const char *path, char **text, size_t *size, struct err *err);

#endif
