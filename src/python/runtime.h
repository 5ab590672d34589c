/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding CPython in a process: which mapped file defines _PyRuntime, where it is loaded, which
 * version it is. By symbols, never by the file's name: an embedded or renamed interpreter is
 * found, and libboost_python is not taken for one. Once per process; one thread.
 */
#ifndef PYTHON_RUNTIME_H
#define PYTHON_RUNTIME_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "python/layout.h"
#include "python/python.h"

struct runtime {
    uint64_t address; /* of _PyRuntime in the process */
    uint64_t module;  /* where the file that has it is mapped */
    /* From that, absolute: */
    uint64_t interpreters;         /* the pointer to the first interpreter */
    uint64_t collecting;           /* the flag; 0: each interpreter has one, or not known */
    uint64_t gil;                  /* 0: each interpreter points to one */
    uint64_t none;                 /* None; 0: not known */
    uint64_t waits_from, waits_to; /* futexes in here are the GIL's (3.6); both 0: in the GIL */
    struct layout layout;
    char version[24]; /* "3.12.1", "3.14.0rc2"; "3.8" if that is all that can be known */
};

/* Opens every mapped ELF file in turn, those that look like Python first: some milliseconds,
 * of which most are reading string tables. */
enum python_found runtime_find(struct runtime *out, pid_t pid, struct err *err);
/* The interpreter has come as far as having a thread. */
bool runtime_ready(const struct runtime *r, pid_t pid);

#endif
