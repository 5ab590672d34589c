/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The code objects of a process that have been met: names, file, line table, by address. An
 * address can be used again for another code object, so each entry is compared with the process
 * from time to time, at last once a second, and an entry that has changed counts as another one
 * (its uid is new). The strings live until codes_free. One thread.
 */
#ifndef PYTHON_CODE_H
#define PYTHON_CODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "python/layout.h"

struct codes;

struct code {
    uint64_t address;
    bool is_code; /* something else is at this address (3.13: None, in the interpreter's own), or
                     code of the interpreter's own */
    uint32_t uid; /* of this code object at this address */
    const char *name; /* borrowed until codes_free */
    const char *file;
    uint32_t first_line;
    /* What is compared to see whether it is still the same. */
    uint64_t filename_ptr, name_ptr, lines_ptr;
    uint64_t size_bytes; /* of the bytecode; 0: not known */
    uint64_t checked_ns, met_ns;
    uint8_t *lines; /* the line table, owned; NULL: not read yet, or unreadable */
    uint32_t lines_size;
    uint8_t lines_tries, name_tries;
};

struct codes *codes_new(pid_t pid, const struct layout *layout);
void codes_free(struct codes *c);

/* The code object that a frame runs; frame and local0 as for method_name() (0, 0 from 3.11 on).
 * NULL: unreadable. Without a read if it was checked lately. Borrowed until the
 * next call. */
const struct code *codes_get(struct codes *c, uint64_t address, uint64_t frame, uint64_t local0,
                             uint64_t now_ns);
/* The line at this instruction (an offset in bytes; negative: not begun). 0: unknown. */
uint32_t codes_line(struct codes *c, const struct code *code, int64_t offset);

#endif
