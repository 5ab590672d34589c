/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See quantity.h. Any thread. */
#include "base/quantity.h"

#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct unit {
    const char *name;
    double size;
};

/* A plain decimal number: no sign, no hexadecimal, no "inf". */
static bool read_number(const char *text, double *number, const char **rest)
{
    if (!isdigit((unsigned char)*text))
        return false;
    size_t n = strspn(text, "0123456789.");
    if (text[1] == 'x' || text[1] == 'X' || n > 20)
        return false;
    char digits[24];
    memcpy(digits, text, n);
    digits[n] = '\0';
    char *end;
    *number = strtod(digits, &end);
    *rest = text + n;
    return !*end && isfinite(*number);
}

static bool read_quantity(const char *text, const struct unit *units, size_t n, double most,
                          uint64_t *out)
{
    double number;
    const char *rest;
    if (!read_number(text, &number, &rest))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rest, units[i].name) != 0)
            continue;
        if (number * units[i].size > most)
            return false;
        *out = (uint64_t)(number * units[i].size);
        return true;
    }
    return false;
}

bool quantity_duration(const char *text, uint64_t *ns)
{
    static const struct unit units[] = {{"", 1e9},     {"ms", 1e6},   {"s", 1e9},    {"m", 60e9},
                                        {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
    return read_quantity(text, units, sizeof units / sizeof units[0], 250.0 * 366 * 86400e9, ns);
}

bool quantity_bytes(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {{"K", 1024},   {"KB", 1024},   {"KiB", 1024},
                                        {"M", 0x1p20}, {"MB", 0x1p20}, {"MiB", 0x1p20},
                                        {"G", 0x1p30}, {"GB", 0x1p30}, {"GiB", 0x1p30},
                                        {"T", 0x1p40}, {"TB", 0x1p40}, {"TiB", 0x1p40}};
    return read_quantity(text, units, sizeof units / sizeof units[0], 0x1p60, bytes);
}
