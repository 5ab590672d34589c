/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Version numbers out of hostile bytes: every number has at most two digits.
 */
#include "python/version.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct version version_from_hex(uint64_t hex)
{
    enum { LEVEL_ALPHA = 0xa, LEVEL_BETA = 0xb, LEVEL_CANDIDATE = 0xc, LEVEL_FINAL = 0xf };
    struct version v = {.major = hex >> 24 & 255,
                        .minor = hex >> 16 & 255,
                        .micro = hex >> 8 & 255,
                        .micro_known = true};
    unsigned level = hex >> 4 & 15, serial = hex & 15;
    v.early = level < LEVEL_CANDIDATE;
    int n = snprintf(v.text, sizeof v.text, "%u.%u.%u", v.major, v.minor, v.micro);
    if (level < LEVEL_FINAL)
        snprintf(v.text + n, sizeof v.text - (size_t)n, "%s%u",
                 level == LEVEL_ALPHA  ? "a"
                 : level == LEVEL_BETA ? "b"
                                       : "rc",
                 serial);
    return v;
}

/* One or two digits, then what follows them. NULL: no number here. */
static const char *number(const char *s, const char *end, unsigned *out)
{
    unsigned value = 0, digits = 0;
    for (; s < end && isdigit((unsigned char)*s); s++, digits++)
        value = value * 10 + (unsigned)(*s - '0');
    *out = value;
    return digits >= 1 && digits <= 2 ? s : NULL;
}

static const char *dot(const char *s, const char *end)
{
    return s && s < end && *s == '.' ? s + 1 : NULL;
}

/* "3.8.18", "3.8.0rc1" or "3.8.18+" up to a NUL at s? */
static bool full_version(const char *s, const char *end, struct version *v)
{
    const char *at = s;
    if (!(at = dot(number(at, end, &v->major), end)) ||
        !(at = dot(number(at, end, &v->minor), end)) || !(at = number(at, end, &v->micro)))
        return false;
    while (at < end && (isalnum((unsigned char)*at) || *at == '+'))
        at++;
    size_t length = (size_t)(at - s);
    if (at == end || *at || length >= sizeof v->text)
        return false;
    memcpy(v->text, s, length);
    v->text[length] = '\0';
    v->micro_known = true;
    return true;
}

/* "3.8" after a name that ends in "python". */
static bool named_version(const char *s, const char *end, struct version *v)
{
    const char *at = s;
    if (!(at = dot(number(at, end, &v->major), end)) || !(at = number(at, end, &v->minor)))
        return false;
    snprintf(v->text, sizeof v->text, "%u.%u", v->major, v->minor);
    return v->major == 2 || v->major == 3;
}

struct version version_from_strings(const char *bytes, size_t size)
{
    static const char prefix[] = "lib/python";
    const char *end = bytes + size;
    struct version named = {0};
    for (const char *s = bytes; (s = memmem(s, (size_t)(end - s), prefix, sizeof prefix - 1));) {
        s += sizeof prefix - 1;
        struct version v = {0};
        if (named_version(s, end, &v)) {
            named = v;
            break;
        }
    }
    /* The linker merges equal tails: the string may be the end of a longer one, but never of a
     * longer number. */
    struct version any = {0};
    for (const char *s = bytes; s < end; s++) {
        if ((*s != '2' && *s != '3') ||
            (s > bytes && (isalnum((unsigned char)s[-1]) || s[-1] == '.')))
            continue;
        struct version v = {0};
        if (!full_version(s, end, &v))
            continue;
        if (named.major == v.major && named.minor == v.minor)
            return v;
        if (!any.major)
            any = v;
    }
    return named.major ? named : any;
}

struct version version_from_file_name(const char *name)
{
    struct version v = {0};
    const char *s = strstr(name, "python");
    if (!s || !named_version(s + strlen("python"), name + strlen(name), &v))
        return (struct version){0};
    return v;
}
