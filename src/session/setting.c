/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See setting.h. */
#include "session/setting.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/nearest.h"
#include "base/quantity.h"
#include "base/text.h"
#include "engine/watch.h"
#include "model/fold.h"
#include "session/http.h"

#define AT(member)       offsetof(struct setting_values, member)
#define WORDS(name, ...) static const char *const name[] = {__VA_ARGS__, NULL}

WORDS(flag_words, "no", "yes");
WORDS(engine_words, [ENGINE_AUTO] = "auto", [ENGINE_PTRACE] = "ptrace", [ENGINE_PERF] = "perf");
WORDS(native_words, [NATIVE_FOLDED] = "folded", [NATIVE_ALL] = "all", [NATIVE_NONE] = "none");
WORDS(color_words, [SETTING_COLOR_AUTO] = "auto", [SETTING_COLOR_NO] = "no");
WORDS(log_words, [LOG_QUIET] = "quiet", [LOG_NOTE] = "note", [LOG_DETAIL] = "detail");

#define DAY_S 86400

/* clang-format off */
const struct setting settings_table[] = {
    {"Sampling", "rate", SETTING_NUMBER, "100", 1, 1000000, NULL, NULL, true, USE_WATCH, AT(rate_hz),
     "samples a second of each thread; given with -r it is kept, else the budget may lower it",
     {{'r', "rate", "HZ", NULL, "samples a second of each thread"}}},
    {NULL, "budget", SETTING_NUMBER, "1", 0.01, 100, "off", NULL, true, USE_WATCH, AT(budget_pct),
     "what watching may cost the target, in percent; twice that of a core for proftop", {{0, "budget", "PCT", NULL, NULL}}},
    {NULL, "engine", SETTING_CHOICE, "auto", 0, 0, NULL, engine_words, false, USE_WATCH | USE_DUMP, AT(engine),
     "how running threads are sampled: perf by events without a stop, ptrace by brief stops, auto by the better one that is permitted", {{0, "engine", "ENGINE", NULL, NULL}}},
    {NULL, "children", SETTING_FLAG, "no", 0, 0, NULL, flag_words, false, USE_WATCH, AT(children),
     "watch the process's children too", {{'c', "children", NULL, "yes", NULL}}},
    {NULL, "native", SETTING_CHOICE, "folded", 0, 0, NULL, native_words, true, USE_WATCH | USE_SCREEN | USE_PRINT | USE_DUMP, AT(native),
     "the interpreter's own functions in Python threads: folded into Python's, all shown, or none, and Python frames alone",
     {{0, "native", NULL, "all", "show the interpreter's own functions too, and the kernel's"},
      {0, "no-native", NULL, "none", "in Python threads Python frames alone; live: at a lower cost"}}},
    {NULL, "debuginfod", SETTING_FLAG, "no", 0, 0, NULL, flag_words, false, USE_WATCH, AT(debuginfod),
     "fetch debug files that are not here from the servers in DEBUGINFOD_URLS", {{0, "debuginfod", NULL, "yes", NULL}}},

    {"Objects", "census", SETTING_FLAG, "yes", 0, 0, NULL, flag_words, false, USE_WATCH, AT(census),
     "count the objects of the heap; no: the heap is not read", {{0, "no-census", NULL, "no", "count no objects: the heap is not read"}}},
    {NULL, "census-stop", SETTING_FLAG, "no", 0, 0, NULL, flag_words, false, USE_WATCH, AT(census_stop),
     "hold the target still while its objects are counted: exact, and it waits", {{0, "census-stop", NULL, "yes", NULL}}},

    {"Screen", "interval", SETTING_DURATION, "1s", 0.01, 7 * DAY_S, NULL, NULL, true, USE_SCREEN, AT(interval_s),
     "time between two screens", {{'i', "interval", "SECONDS", NULL, NULL}}},
    {NULL, "window", SETTING_DURATION, "all", 1, DAY_S, "all", NULL, true, USE_SCREEN, AT(window_s),
     "how far back the screens look at the start, such as 1m; F7 changes it", {{0}}},
    {NULL, "ascii", SETTING_FLAG, "no", 0, 0, NULL, flag_words, true, USE_SCREEN, AT(ascii),
     "draw with ASCII characters alone", {{0, "ascii", NULL, "yes", NULL}}},
    {NULL, "color", SETTING_CHOICE, "auto", 0, 0, NULL, color_words, true, USE_SCREEN, AT(color),
     "colours where the terminal has them, or none (also when NO_COLOR is set)",
     {{0, "no-color", NULL, "no", "no colours (also when NO_COLOR is set)"}}},

    {"Recording", "raw-samples", SETTING_DURATION, "10m", 10, DAY_S, NULL, NULL, true, USE_WATCH, AT(raw_s),
     "how far back samples are kept as they came", {{0}}},
    {NULL, "second-slices", SETTING_DURATION, "2h", 10, 7 * DAY_S, NULL, NULL, true, USE_WATCH, AT(second_s),
     "how far back in slices of a second; at least as far as raw-samples", {{0}}},
    {NULL, "ten-second-slices", SETTING_DURATION, "24h", 10, 31 * DAY_S, NULL, NULL, true, USE_WATCH, AT(ten_s),
     "how far back in slices of ten seconds (of five minutes, where there are too many), and so at all; at least as far as second-slices", {{0}}},

    {"Snapshots", "snapshot-dir", SETTING_TEXT, "", 0, 0, NULL, NULL, true, USE_WATCH | USE_SCREEN, AT(snapshot_dir),
     "the directory that snapshots are written to; empty: where proftop was started", {{0}}},

    {"Alerts", "alert-snapshots", SETTING_TEXT, "", 0, 0, NULL, NULL, true, USE_WATCH, AT(alert_snapshots),
     "the directory for the snapshots that alerts take; empty: they take none", {{0, "alert-snapshots", "DIR", NULL, "save what was before and after an alert to a file there"}}},
    {NULL, "alert-before", SETTING_DURATION, "5m", 1, DAY_S, NULL, NULL, true, USE_WATCH, AT(alert_before_s),
     "how much of the time before an alert its snapshot holds", {{0, "alert-before", "TIME", NULL, NULL}}},
    {NULL, "alert-after", SETTING_DURATION, "10s", 0.01, 3600, NULL, NULL, true, USE_WATCH, AT(alert_after_s),
     "how long after an alert was raised its snapshot ends", {{0, "alert-after", "TIME", NULL, NULL}}},
    {NULL, "alert-command", SETTING_TEXT, "", 0, 0, NULL, NULL, true, USE_WATCH, AT(alert_command),
     "what a rule with the action \"command\" runs, with the facts in its environment; empty: nothing", {{0, "alert-command", "COMMAND", NULL, "run this when an alert is raised or clears, with the facts in its environment"}}},
    {NULL, "alert-command-limit", SETTING_DURATION, "10s", 1, 3600, NULL, NULL, true, USE_WATCH, AT(alert_command_limit_s),
     "how long that command may run before it is killed", {{0, "alert-command-limit", "TIME", NULL, NULL}}},

    {"Flight recorder", "ring", SETTING_DURATION, "off", 1, DAY_S, "off", NULL, false, USE_RECORD, AT(ring_s),
     "how far back record without -o keeps what it saw, for the files that it writes to --dir when something happens", {{0, "ring", "SPAN", NULL, "keep the last 30m (90s, 2h, at most 24h) in memory and write it to --dir when something happens"}}},
    {NULL, "keep", SETTING_TEXT, "20,1G", 0, 0, NULL, NULL, false, USE_RECORD, AT(keep),
     "what of the flight recorder's files stays: so many files, bytes, days, or several with commas", {{0, "keep", "WHAT", NULL, "what of --ring's files stays: 20 files, 500M, 7d of age, or several with commas"}}},

    {"Monitoring", "metrics-file", SETTING_TEXT, "", 0, 0, NULL, NULL, false, USE_WATCH, AT(metrics_file),
     "the file that the newest metrics and alerts are written to every 5 seconds, as OpenMetrics text, by one proftop at a time; empty: none", {{0, "metrics-file", "FILE", NULL, "write the newest metrics and alerts there every 5 seconds, as OpenMetrics text"}}},
    {NULL, "listen", SETTING_ADDRESS, "", 0, 0, NULL, NULL, false, USE_WATCH, AT(listen),
     "where they are served, at /metrics; without an address on loopback alone; empty: nowhere", {{0, "listen", "[ADDRESS:]PORT", NULL, "serve them there: GET /metrics; without an address on loopback alone"}}},

    {"Messages", "log", SETTING_CHOICE, "note", 0, 0, NULL, log_words, true, USE_ALL, AT(log),
     "what is told on stderr: errors alone, notes too, or every detail",
     {{'q', "quiet", NULL, "quiet", "print errors alone"}, {'v', "verbose", NULL, "detail", "say more about what is done"}}},
};
/* clang-format on */
const size_t settings_count = sizeof settings_table / sizeof settings_table[0];
_Static_assert(sizeof settings_table / sizeof settings_table[0] <= SETTINGS_MAX,
               "origins are kept in arrays of SETTINGS_MAX");

static bool same_key(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '_' ? '-' : tolower((unsigned char)*a)) != *b)
            return false;
    return *a == *b;
}

const struct setting *setting_find(const char *key)
{
    for (size_t i = 0; i < settings_count; i++)
        if (same_key(key, settings_table[i].key))
            return &settings_table[i];
    return NULL;
}

const char *setting_nearest(const char *key)
{
    struct nearest best = {0};
    for (size_t i = 0; i < settings_count; i++)
        nearest_try(&best, key, settings_table[i].key);
    return best.name;
}

/* Other words for yes and no. */
static const char *flag_word(const char *text)
{
    static const char *const same[][2] = {{"on", "yes"},   {"off", "no"}, {"true", "yes"},
                                          {"false", "no"}, {"1", "yes"},  {"0", "no"}};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (strcasecmp(text, same[i][0]) == 0)
            return same[i][1];
    return text;
}

static int word_place(const struct setting *row, const char *text)
{
    for (int i = 0; row->words[i]; i++)
        if (strcasecmp(text, row->words[i]) == 0)
            return i;
    return -1;
}

static const struct {
    const char *name;
    double seconds;
} units[] = {{"d", DAY_S}, {"h", 3600}, {"m", 60}, {"s", 1}, {"ms", 0.001}};
#define UNITS (sizeof units / sizeof units[0])

/* A number with the unit that the type has, or the word for 0. */
static bool read_figure(const struct setting *row, const char *text, double *out)
{
    char *end;
    if (row->zero && strcasecmp(text, row->zero) == 0) {
        *out = 0;
        return true;
    }
    double x;
    uint64_t ns;
    if (row->type == SETTING_DURATION) {
        char compact[32]; /* "5 m" too */
        size_t n = 0;
        for (; *text && n + 1 < sizeof compact; text++)
            if (*text != ' ' || isdigit((unsigned char)text[1]))
                compact[n++] = *text;
        compact[n] = '\0';
        if (*text || !quantity_duration(compact, &ns))
            return false;
        x = (double)ns / 1e9;
    } else {
        errno = 0;
        x = strtod(text, &end);
        if (end == text || *end || errno || !isfinite(x))
            return false;
    }
    if (x < row->low || x > row->high)
        return false;
    *out = x;
    return true;
}

static bool read_line_of_text(const char *text, char *out)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    if (n >= SETTING_TEXT_MAX)
        return false;
    memcpy(out, text, n + 1);
    return true;
}

static bool wrong(const struct setting *row, const char *text, struct err *err)
{
    char takes[SETTING_TEXT_MAX];
    struct nearest best = {0};
    for (int i = 0; row->words && row->words[i]; i++)
        nearest_try(&best, text, row->words[i]);
    return err_set(err, "takes %s, not \"%.80s\"%s%s%s", setting_takes(takes, row), text,
                   best.name ? ": did you mean \"" : "", best.name ? best.name : "",
                   best.name ? "\"?" : "");
}

bool setting_read(const struct setting *row, const char *text, struct setting_values *to,
                  struct err *err)
{
    void *at = (char *)to + row->at;
    struct http_address address;
    double figure;
    int place;
    switch (row->type) {
    case SETTING_FLAG:
        place = word_place(row, flag_word(text));
        if (place < 0)
            break;
        *(bool *)at = place;
        return true;
    case SETTING_CHOICE:
        place = word_place(row, text);
        if (place < 0)
            break;
        *(int *)at = place;
        return true;
    case SETTING_NUMBER:
    case SETTING_DURATION:
        if (!read_figure(row, text, &figure))
            break;
        *(double *)at = figure;
        return true;
    case SETTING_TEXT:
        if (!read_line_of_text(text, at))
            break;
        return true;
    case SETTING_ADDRESS:
        if ((*text && !http_parse_address(text, &address, NULL)) || !read_line_of_text(text, at))
            break;
        return true;
    }
    return wrong(row, text, err);
}

/* In the largest unit that it is a whole number of. */
static void duration_text(char *out, size_t size, double seconds)
{
    for (size_t u = 0; u < UNITS; u++) {
        double n = seconds / units[u].seconds;
        if (seconds > 0 && n == floor(n) && (n < 100 || u > 1) && !(u == 0 && n < 2)) {
            snprintf(out, size, "%.0f%s", n, units[u].name);
            return;
        }
    }
    snprintf(out, size, "%.9gs", seconds);
}

const char *setting_text(char *out, const struct setting *row, const struct setting_values *from)
{
    const void *at = (const char *)from + row->at;
    double figure = 0;
    switch (row->type) {
    case SETTING_FLAG:
        snprintf(out, SETTING_TEXT_MAX, "%s", row->words[*(const bool *)at]);
        return out;
    case SETTING_CHOICE:
        snprintf(out, SETTING_TEXT_MAX, "%s", row->words[*(const int *)at]);
        return out;
    case SETTING_TEXT:
    case SETTING_ADDRESS:
        snprintf(out, SETTING_TEXT_MAX, "%s", (const char *)at);
        return out;
    case SETTING_NUMBER:
    case SETTING_DURATION:
        figure = *(const double *)at;
        break;
    }
    if (row->zero && figure == 0)
        snprintf(out, SETTING_TEXT_MAX, "%s", row->zero);
    else if (row->type == SETTING_DURATION)
        duration_text(out, SETTING_TEXT_MAX, figure);
    else
        snprintf(out, SETTING_TEXT_MAX, "%.9g", figure);
    return out;
}

const char *setting_takes(char *out, const struct setting *row)
{
    struct text t = {out, SETTING_TEXT_MAX, 0, false};
    char low[32], high[32];
    out[0] = '\0';
    switch (row->type) {
    case SETTING_FLAG:
    case SETTING_CHOICE:
        for (int i = 0; row->words[i]; i++)
            text_add(&t, "%s%s", i == 0 ? "" : row->words[i + 1] ? ", " : " or ", row->words[i]);
        break;
    case SETTING_NUMBER:
        text_add(&t, "%.9g to %.9g", row->low, row->high);
        break;
    case SETTING_DURATION:
        duration_text(low, sizeof low, row->low);
        duration_text(high, sizeof high, row->high);
        text_add(&t, "a time of %s to %s", low, high);
        break;
    case SETTING_TEXT:
        text_add(&t, "a line of up to %d bytes", SETTING_TEXT_MAX - 1);
        break;
    case SETTING_ADDRESS:
        text_add(&t, "a port, or ADDRESS:PORT such as 127.0.0.1:9111 or [::1]:9111");
        break;
    }
    if (row->zero)
        text_add(&t, ", or %s", row->zero);
    return out;
}

/* The next rung of 1, 2, 5, 10, ... (of times: as people say them) over or under x. */
static double next_rung(const struct setting *row, double x, int direction)
{
    static const double times[] = {0.01, 0.02, 0.05,  0.1,   0.2,   0.5,   1,      2,      5,
                                   10,   20,   30,    60,    120,   300,   600,    900,    1800,
                                   3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2678400};
    size_t n = sizeof times / sizeof times[0];
    if (row->type == SETTING_DURATION) {
        for (size_t i = 0; i < n; i++) {
            double t = times[direction > 0 ? i : n - 1 - i];
            if (direction > 0 ? t > x * 1.000001 : t < x * 0.999999)
                return t;
        }
        return x;
    }
    static const double steps[] = {1, 2, 5, 10};
    double power = pow(10, floor(log10(x) + 1e-9));
    if (direction < 0 && x / power < 1.000001)
        power /= 10;
    for (size_t i = 0; i < 4; i++) {
        double t = power * steps[direction > 0 ? i : 3 - i];
        if (direction > 0 ? t > x * 1.000001 : t < x * 0.999999)
            return t;
    }
    return x;
}

/* 0 by its word stands over the highest: what is "off" or "all" has no bound. */
static bool step_figure(const struct setting *row, double *x, int direction)
{
    if (row->zero && *x == 0) {
        if (direction > 0)
            return false;
        *x = row->high;
        return true;
    }
    double was = *x;
    if (was <= 0) {
        if (direction < 0)
            return false;
        *x = row->low > 0 ? row->low : 1;
        return true;
    }
    double next = next_rung(row, was, direction);
    if (next > row->high)
        next = row->high;
    if (next < row->low || (direction < 0 && next == was))
        next = row->low;
    if (next == was && direction > 0 && row->zero)
        next = 0;
    *x = next;
    return next != was;
}

bool setting_step(const struct setting *row, struct setting_values *values, int direction)
{
    void *at = (char *)values + row->at;
    int n = 0;
    switch (row->type) {
    case SETTING_FLAG:
        *(bool *)at = !*(bool *)at;
        return true;
    case SETTING_CHOICE:
        while (row->words[n])
            n++;
        *(int *)at = (*(int *)at + direction + n) % n;
        return true;
    case SETTING_NUMBER:
    case SETTING_DURATION:
        return step_figure(row, at, direction);
    case SETTING_TEXT:
    case SETTING_ADDRESS:
        break;
    }
    return false;
}

bool setting_is_text(const struct setting *row)
{
    return row->type == SETTING_TEXT || row->type == SETTING_ADDRESS;
}

static size_t size_of(const struct setting *row)
{
    switch (row->type) {
    case SETTING_FLAG:
        return sizeof(bool);
    case SETTING_CHOICE:
        return sizeof(int);
    case SETTING_TEXT:
    case SETTING_ADDRESS:
        return SETTING_TEXT_MAX;
    case SETTING_NUMBER:
    case SETTING_DURATION:
        break;
    }
    return sizeof(double);
}

bool setting_equal(const struct setting *row, const struct setting_values *a,
                   const struct setting_values *b)
{
    char x[SETTING_TEXT_MAX], y[SETTING_TEXT_MAX];
    return strcmp(setting_text(x, row, a), setting_text(y, row, b)) == 0;
}

void setting_copy(const struct setting *row, struct setting_values *to,
                  const struct setting_values *from)
{
    memcpy((char *)to + row->at, (const char *)from + row->at, size_of(row));
}

void setting_defaults(struct setting_values *values)
{
    memset(values, 0, sizeof *values);
    struct err err;
    for (size_t i = 0; i < settings_count; i++)
        if (!setting_read(&settings_table[i], settings_table[i].initial, values, &err))
            die("the default of %s: %s", settings_table[i].key, err.text);
}
