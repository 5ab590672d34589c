/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See span.h. */
#include "cli/span.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "model/wall.h"

#define DAY_S       86400
#define SECONDS_MAX 1e9

static bool read_seconds(double *seconds, const char *text)
{
    char *end;
    if (!isdigit((unsigned char)*text) && *text != '.')
        return false;
    *seconds = strtod(text, &end);
    return end != text && !*end && isfinite(*seconds) && *seconds <= SECONDS_MAX;
}

static bool read_clock(int *second_of_day, const char *text)
{
    int h, m, s = 0, end = 0;
    if (!isdigit((unsigned char)*text) || sscanf(text, "%2d:%2d%n", &h, &m, &end) != 2)
        return false;
    if (text[end] == ':') {
        int more = 0;
        if (sscanf(text + end, ":%2d%n", &s, &more) != 1)
            return false;
        end += more;
    }
    *second_of_day = (h * 60 + m) * 60 + s;
    return !text[end] && h >= 0 && h < 24 && m >= 0 && m < 60 && s >= 0 && s < 60;
}

/* The moment of a wall clock time on the day that is `days` after the recording's first. */
static double clock_moment_s(const struct recording *rec, int second_of_day, int days)
{
    time_t start = (time_t)(rec->start_wall_ns / (int64_t)NS_PER_S);
    struct tm day;
    if (!localtime_r(&start, &day))
        return 0;
    day.tm_mday += days;
    day.tm_hour = second_of_day / 3600;
    day.tm_min = second_of_day / 60 % 60;
    day.tm_sec = second_of_day % 60;
    day.tm_isdst = -1;
    return (double)wall_to_since_start(rec, (int64_t)mktime(&day) * (int64_t)NS_PER_S) / NS_PER_S;
}

bool span_time(uint64_t *time_ns, const struct recording *rec, const char *text, struct err *err)
{
    double seconds;
    int second_of_day;
    if (!read_seconds(&seconds, text)) {
        if (!read_clock(&second_of_day, text))
            return err_set(err,
                           "not a time: \"%s\" (seconds from the recording's start, or "
                           "HH:MM:SS)",
                           text);
        double span_s = (double)(rec->end_ns - rec->start_ns) / NS_PER_S;
        seconds = clock_moment_s(rec, second_of_day, 0);
        for (int days = 1; seconds < 0 && (days - 1) * (double)DAY_S <= span_s; days++) {
            double later = clock_moment_s(rec, second_of_day, days);
            if (later >= 0 && later <= span_s)
                seconds = later;
        }
    }
    *time_ns = seconds <= 0 ? rec->start_ns : rec->start_ns + (uint64_t)llround(seconds * NS_PER_S);
    return true;
}

bool span_window(struct window *window, const struct recording *rec, const char *from,
                 const char *to, bool *usage, struct err *err)
{
    struct window all = window_all(rec);
    *window = all;
    *usage = true;
    if ((from && !span_time(&window->from_ns, rec, from, err)) ||
        (to && !span_time(&window->to_ns, rec, to, err)))
        return false;
    *usage = false;
    if (window->from_ns >= all.to_ns || window->to_ns <= all.from_ns)
        return err_set(err, "the recording spans 0 to %.1f s: nothing lies at %s..%s",
                       (double)(rec->end_ns - rec->start_ns) / NS_PER_S, from ? from : "",
                       to ? to : "");
    *usage = true;
    if (window->to_ns > all.to_ns)
        window->to_ns = all.to_ns;
    if (window->from_ns >= window->to_ns)
        return err_set(err, "%s is not before %s", from ? from : "the start", to ? to : "the end");
    return true;
}
