/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See text.h. Any thread. */
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

void text_add(struct text *t, const char *fmt, ...)
{
    if (t->len + 1 >= t->size) {
        t->cut = true;
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if ((size_t)n >= t->size - t->len) {
        t->len = t->size - 1;
        t->cut = true;
    } else {
        t->len += (size_t)n;
    }
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

bool text_ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), m = strlen(tail);
    return n >= m && strcmp(s + n - m, tail) == 0;
}

/* Bytes in the UTF-8 sequence that starts at s, 0 if it is broken or a control character. */
static size_t sequence_length(const unsigned char *s)
{
    if (s[0] < 0x20 || s[0] == 0x7f)
        return 0;
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
    if (s[0] >= 0xf5)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if (n == 2 && s[0] == 0xc2 && s[1] < 0xa0)
        return 0; /* a C1 control, which some terminals obey */
    return n;
}

void text_make_printable(char *s)
{
    unsigned char *p = (unsigned char *)s;
    while (*p) {
        size_t n = sequence_length(p);
        if (n == 0) {
            *p = '?';
            n = 1;
        }
        p += n;
    }
}

const char *figure_bytes(char *out, double bytes)
{
    static const char units[] = "BKMGTPE";
    double x = fabs(bytes);
    size_t u = 0;
    while (x >= 999.5 && u + 2 < sizeof units) {
        x /= 1024;
        u++;
    }
    const char *sign = bytes < 0 ? "-" : "";
    if (u && x < 9.95)
        snprintf(out, FIGURE_MAX, "%s%.1f%c", sign, x, units[u]);
    else
        snprintf(out, FIGURE_MAX, "%s%.0f%c", sign, x, units[u]);
    return out;
}

const char *figure_bytes_rate(char *out, double per_s)
{
    if (fabs(per_s) < 0.5) {
        snprintf(out, FIGURE_MAX, "0/s");
        return out;
    }
    char bytes[FIGURE_MAX];
    snprintf(out, FIGURE_MAX, "%s%.20s/s", per_s > 0 ? "+" : "", figure_bytes(bytes, per_s));
    return out;
}

const char *figure_count(char *out, uint64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, n);
    char *o = out;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0)
            *o++ = ',';
        *o++ = digits[i];
    }
    *o = '\0';
    return out;
}

const char *figure_duration(char *out, uint64_t ns)
{
    double s = (double)ns / NS_PER_S;
    uint64_t whole = (ns + NS_PER_S / 2) / NS_PER_S;
    if (ns < NS_PER_MS)
        snprintf(out, FIGURE_MAX, "%.0fus", s * 1e6);
    else if (s < 0.9995)
        snprintf(out, FIGURE_MAX, "%.0fms", s * 1e3);
    else if (s < 9.95)
        snprintf(out, FIGURE_MAX, "%.1fs", s);
    else if (whole < 60)
        snprintf(out, FIGURE_MAX, "%" PRIu64 "s", whole);
    else if (whole < 3600)
        snprintf(out, FIGURE_MAX, "%" PRIu64 "m%02" PRIu64 "s", whole / 60, whole % 60);
    else if (whole < 48 * 3600)
        snprintf(out, FIGURE_MAX, "%" PRIu64 "h%02" PRIu64 "m", whole / 3600, whole / 60 % 60);
    else
        snprintf(out, FIGURE_MAX, "%" PRIu64 "d%02" PRIu64 "h", whole / 86400, whole / 3600 % 24);
    return out;
}
