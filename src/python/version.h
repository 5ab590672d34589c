/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CPython version numbers: from PY_VERSION_HEX, and from the strings of a binary where there is
 * no such number to read (to 3.10). Pure functions. Any thread.
 */
#ifndef PYTHON_VERSION_H
#define PYTHON_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct version {
    unsigned major, minor, micro; /* major 0: unknown */
    bool micro_known;
    bool early; /* an alpha or beta: layouts were not final */
    char text[24];
};

/* PY_VERSION_HEX, as documented for the C API: 0x030c01f0 is 3.12.1. */
struct version version_from_hex(uint64_t hex);
/* From .rodata: "lib/python3.8" says the minor version, a string that is "3.8.18" the rest. */
struct version version_from_strings(const char *bytes, size_t size);
/* From "libpython3.7m.so.1.0" or "python3.8": the last resort. */
struct version version_from_file_name(const char *name);

#endif
