/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parent's side of the child process that reads debug information: starts it, asks it, and
 * kills it when it does not answer in time. Every answer is checked like a stranger's.
 * Worker thread: the child ends with it.
 */
#ifndef NATIVE_LINES_H
#define NATIVE_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "native/symbolizer.h"

struct lines;
struct lines *lines_new(void);
void lines_free(struct lines *l);

/* How long an answer may take before the child is killed; 4 s unless set. */
void lines_set_limit(struct lines *l, uint64_t limit_ns);

/* What to do while an answer is waited for: call(arg) whenever fd is readable; false ends that for
 * this answer. It must not ask for lines. */
struct meanwhile {
    int fd; /* -1: nothing */
    bool (*call)(void *arg);
    void *arg;
};
void lines_set_meanwhile(struct lines *l, struct meanwhile meanwhile);

/* Number of the child that runs now, or of the one that the next call will start; a module must be
 * opened anew for each. */
uint32_t lines_generation(const struct lines *l);

/* Lets the child open a module under a number (a descriptor each; debug_fd -1: none; both stay the
 * caller's). false: the child is gone. It reads nothing yet. */
bool lines_open(struct lines *l, uint32_t module, int fd, int debug_fd);

enum lines_result { LINES_FOUND, LINES_NONE, LINES_FAILED /* the child died or was killed */ };
enum lines_result lines_find(struct lines *l, uint32_t module, uint64_t vaddr,
                             struct symbol_places *out);

/* What both sides say on the socket (SOCK_SEQPACKET: one message each way). An answer is a count
 * and so many places: a struct lines_place followed by its two strings, without NULs. */
enum lines_request_kind { LINES_OPEN, LINES_FIND };
struct lines_request {
    uint32_t kind, module;
    uint64_t vaddr;
};
struct lines_place {
    uint32_t line, first_line;
    uint16_t name_size, file_size;
    uint8_t language;
};
#define LINES_MESSAGE_MAX 65536u

#endif
