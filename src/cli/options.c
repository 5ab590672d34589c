/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See options.h. */
#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/quantity.h"
#include "base/text.h"
#include "session/session.h"

struct verb_info {
    const char *name, *usage, *help;
};

static const struct verb_info verbs[VERB_COUNT] = {
    [VERB_TOP] = {"", "[OPTIONS] [PID | -p PID | -n NAME | -- COMMAND [ARG...]]",
                  "watch a process (with no target: pick one from a list)"},
    [VERB_RECORD] =
        {"record", "record TARGET -o FILE [-d SECONDS]",
         "no screen: write a snapshot file; with --ring SPAN --dir DIR: a flight recorder"},
    [VERB_OPEN] = {"open", "open FILE [FILE2]", "the same screens on a file; on two, compare"},
    [VERB_REPORT] = {"report", "report FILE [--view VIEW]", "print a view"},
    [VERB_DIFF] = {"diff", "diff BEFORE AFTER",
                   "print what got slower, faster, bigger (each is FILE or FILE@FROM..TO)"},
    [VERB_DUMP] = {"dump", "dump PID", "every thread's stack now, once, and leave"},
    [VERB_DOCTOR] = {"doctor", "doctor [PID]",
                     "what is allowed here, what is missing, and the exact remedy"},
    [VERB_DEMO] = {"demo", "demo", "start the bundled sample service under load and watch it"},
};

#define TOP    (1u << VERB_TOP)
#define RECORD (1u << VERB_RECORD)
#define OPEN   (1u << VERB_OPEN)
#define REPORT (1u << VERB_REPORT)
#define DIFF   (1u << VERB_DIFF)
#define DUMP   (1u << VERB_DUMP)
#define DOCTOR (1u << VERB_DOCTOR)
#define DEMO   (1u << VERB_DEMO)
#define ALL    ((1u << VERB_COUNT) - 1)
#define LIVE   (TOP | RECORD | DEMO)
#define SCREEN (TOP | OPEN | DEMO)
#define PRINT  (REPORT | DIFF)

/* The value of an option: where in struct options it goes and how it is read. */
enum kind {
    KIND_FLAG,
    KIND_TEXT,
    KIND_RATE,
    KIND_SECONDS,
    KIND_COUNT,
    KIND_PID,
    KIND_STATE,
    KIND_ENGINE,
    KIND_BUDGET,
    KIND_SPAN,
    KIND_KEEP
};

struct option_row {
    char letter; /* 0: none */
    const char *name, *value, *help;
    unsigned verbs;
    enum kind kind;
    size_t at; /* offset in struct options */
};

#define AT(member) offsetof(struct options, member)

/* clang-format off */
static const struct option_row rows[] = {
    {'p', "pid", "PID", "a process to watch (give it again for more); for report and diff: only this process", LIVE | DUMP | PRINT, KIND_PID, 0},
    {'n', "name", "NAME", "the process of this name", LIVE | DUMP, KIND_TEXT, AT(name)},
    {'r', "rate", "HZ", "samples a second of each thread (default 100)", LIVE, KIND_RATE, AT(rate_hz)},
    {'c', "children", NULL, "watch the process's children too", LIVE, KIND_FLAG, AT(children)},
    {0, "debuginfod", NULL, "fetch debug files that are not here from the servers in DEBUGINFOD_URLS", LIVE, KIND_FLAG, AT(debuginfod)},
    {'o', "output", "FILE", "the file to write", RECORD, KIND_TEXT, AT(output)},
    {'d', "duration", "SECONDS", "how long to record (default: until the target ends, or Ctrl-C)", RECORD, KIND_SECONDS, AT(duration_s)},
    {0, "ring", "SPAN", "keep the last 30m (90s, 2h, at most 24h) in memory and write it to --dir when something happens", RECORD, KIND_SPAN, AT(ring_ns)},
    {0, "dir", "DIR", "the folder for the files of --ring", RECORD, KIND_TEXT, AT(dir)},
    {0, "on-alert", "ACTION", "snapshot: --ring writes a file at every alert; none (default)", RECORD, KIND_TEXT, AT(on_alert)},
    {0, "keep", "WHAT", "what of --ring's files stays: 20 files, 500M, 7d of age, or several with commas (default 20,1G)", RECORD, KIND_KEEP, AT(keep)},
    {0, "pid-file", "FILE", "the process whose id is in FILE; --ring waits for it, and for its return", RECORD, KIND_TEXT, AT(pid_file)},
    {'i', "interval", "SECONDS", "time between two screens (default 1)", SCREEN, KIND_SECONDS, AT(interval_s)},
    {0, "engine", "ENGINE", "auto (default), perf: events without a stop, or ptrace: brief stops", LIVE | DUMP, KIND_ENGINE, AT(engine)},
    {0, "budget", "PCT", "what watching may cost the target, in percent (default 1; twice that of a core for proftop), or off", LIVE, KIND_BUDGET, AT(budget_pct)},
    {0, "native", NULL, "show the interpreter's own functions too, and the kernel's", LIVE | OPEN | PRINT | DUMP, KIND_FLAG, AT(native)},
    {0, "no-native", NULL, "in Python threads Python frames alone; live: at a lower cost", LIVE | OPEN | PRINT | DUMP, KIND_FLAG, AT(no_native)},
    {0, "no-census", NULL, "count no objects: the heap is not read", LIVE, KIND_FLAG, AT(no_census)},
    {0, "census-stop", NULL, "hold the target still while its objects are counted: exact, and it waits", LIVE, KIND_FLAG, AT(census_stop)},
    {0, "growth", NULL, "look for the lines that make the memory grow, for half a minute: costs the target up to 3 %", RECORD, KIND_FLAG, AT(growth)},
    {0, "view", "VIEW", "functions (default), lines, tree, waits, threads, processes, memory, objects, timeline, alerts or summary", PRINT, KIND_TEXT, AT(view)},
    {0, "root", "FUNCTION", "the tree below this function alone, over all its callers", REPORT, KIND_TEXT, AT(root)},
    {0, "callers", NULL, "with --root: its callers instead, from it upwards", REPORT, KIND_FLAG, AT(callers)},
    {0, "format", "FORMAT", "table (default), json or csv; dump: text or json", PRINT | DUMP, KIND_TEXT, AT(format)},
    {0, "limit", "N", "at most so many rows; 0: all", PRINT | DUMP, KIND_COUNT, AT(limit)},
    {0, "sort", "COLUMN", "order by a column of the JSON, such as total_pct", PRINT, KIND_TEXT, AT(sort)},
    {0, "from", "T", "from this time on: seconds from the start, or HH:MM:SS", REPORT, KIND_TEXT, AT(from)},
    {0, "to", "T", "up to this time", REPORT, KIND_TEXT, AT(to)},
    {0, "state", "STATE", "cpu, wait or all; default: all but idle time", PRINT | DUMP, KIND_STATE, AT(states)},
    {0, "thread", "TID", "only this thread", PRINT | DUMP, KIND_COUNT, AT(thread)},
    {0, "fail-on", "regression", "exit with status 3 if there is one", DIFF, KIND_TEXT, AT(fail_on)},
    {0, "ascii", NULL, "draw with ASCII characters alone", SCREEN, KIND_FLAG, AT(ascii)},
    {0, "no-color", NULL, "no colours (also when NO_COLOR is set)", SCREEN, KIND_FLAG, AT(no_color)},
    {'q', "quiet", NULL, "print errors alone", ALL, KIND_FLAG, AT(quiet)},
    {'v', "verbose", NULL, "say more about what is done", ALL, KIND_FLAG, AT(verbose)},
    {'h', "help", NULL, "this help", ALL, KIND_FLAG, AT(help)},
    {'V', "version", NULL, "the version", ALL, KIND_FLAG, AT(version)},
};
/* clang-format on */
#define ROWS (sizeof rows / sizeof rows[0])

static bool read_number(const char *text, double low, double high, double *out)
{
    char *end;
    errno = 0;
    double x = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(x) || x < low || x > high)
        return false;
    *out = x;
    return true;
}

static bool read_integer(const char *text, long low, long high, long *out)
{
    char *end;
    errno = 0;
    long x = strtol(text, &end, 10);
    if (end == text || *end || errno || x < low || x > high)
        return false;
    *out = x;
    return true;
}

static bool read_states(const char *text, enum states *out)
{
    static const struct {
        const char *name;
        enum states states;
    } names[] = {
        {"busy", STATES_BUSY}, {"cpu", STATES_CPU}, {"wait", STATES_WAIT}, {"all", STATES_ALL}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i].name) == 0) {
            *out = names[i].states;
            return true;
        }
    }
    return false;
}

static bool read_engine(const char *text, enum engine *out)
{
    static const char *const names[] = {
        [ENGINE_AUTO] = "auto", [ENGINE_PTRACE] = "ptrace", [ENGINE_PERF] = "perf"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum engine)i;
            return true;
        }
    }
    return false;
}

#define MAX_PID     4194304 /* the kernel's PID_MAX_LIMIT on 64-bit machines */
#define MAX_COUNT   1000000000
#define RING_MIN_NS (1 * NS_PER_S)
#define RING_MAX_NS (24 * 3600 * NS_PER_S) /* as far as anything in a recording reaches back */

/* The same process twice is one. */
static void add_pid(struct options *o, long pid)
{
    for (size_t i = 0; i < o->pids.n; i++)
        if (o->pids.at[i] == pid)
            return;
    vec_push(&o->pids, pid);
}

static bool set_option(struct options *o, const struct option_row *row, const char *value,
                       struct err *err)
{
    void *to = (char *)o + row->at;
    long pid;
    switch (row->kind) {
    case KIND_FLAG:
        *(bool *)to = true;
        return true;
    case KIND_TEXT:
        *(const char **)to = value;
        return true;
    case KIND_RATE:
        return read_number(value, 1, 100000, to) ||
               err_set(err, "--%s takes 1 to 100000 samples a second, not \"%s\"", row->name,
                       value);
    case KIND_SECONDS:
        return read_number(value, 0.01, 1e7, to) ||
               err_set(err, "--%s takes a number of seconds, not \"%s\"", row->name, value);
    case KIND_COUNT:
        return read_integer(value, 0, MAX_COUNT, to) ||
               err_set(err, "--%s takes a whole number, not \"%s\"", row->name, value);
    case KIND_PID:
        if (!read_integer(value, 1, MAX_PID, &pid))
            return err_set(err, "--%s takes a process id, not \"%s\"", row->name, value);
        add_pid(o, pid);
        return true;
    case KIND_BUDGET:
        *(double *)to = 0;
        return strcmp(value, "off") == 0 || read_number(value, 0.01, 100, to) ||
               err_set(err, "--%s takes percents, or off, not \"%s\"", row->name, value);
    case KIND_SPAN:
        return (quantity_duration(value, to) && *(uint64_t *)to >= RING_MIN_NS &&
                *(uint64_t *)to <= RING_MAX_NS) ||
               err_set(err, "--%s takes a time from 1s to 24h, such as 30m, not \"%s\"", row->name,
                       value);
    case KIND_KEEP:
        return keep_parse(to, value, err);
    case KIND_ENGINE:
        return read_engine(value, to) ||
               err_set(err, "--%s takes auto, perf or ptrace, not \"%s\"", row->name, value);
    case KIND_STATE:
        return read_states(value, to) ||
               err_set(err, "--%s takes cpu, wait or all, not \"%s\"", row->name, value);
    }
    return false;
}

static const struct option_row *row_of_letter(int c)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].letter && rows[i].letter == c)
            return &rows[i];
    return NULL;
}

static enum verb_id verb_of(const char *word)
{
    for (int v = 1; v < VERB_COUNT; v++)
        if (strcmp(verbs[v].name, word) == 0)
            return (enum verb_id)v;
    return VERB_COUNT;
}

/* The first word that is no option is the verb, or else a pid to watch. */
static bool sort_arguments(struct options *o, int argc, char **argv, int split, struct err *err)
{
    for (int i = optind; i < split; i++)
        vec_push(&o->arguments, argv[i]);
    if (split < argc && split + 1 < argc)
        o->command = argv + split + 1;
    if (!o->arguments.n)
        return true;
    const char *first = o->arguments.at[0];
    enum verb_id verb = verb_of(first);
    if (verb != VERB_COUNT) {
        o->verb = verb;
        memmove(o->arguments.at, o->arguments.at + 1, --o->arguments.n * sizeof *o->arguments.at);
        return true;
    }
    long pid;
    if (!read_integer(first, 1, MAX_PID, &pid))
        return err_set(err, "no command or process id: \"%s\" (try proftop --help)", first);
    return true;
}

/* A pid may stand without -p where a process is meant. */
static bool take_pids(struct options *o, struct err *err)
{
    unsigned bit = 1u << o->verb;
    if (!(bit & (LIVE | DUMP | DOCTOR)))
        return true;
    for (size_t i = 0; i < o->arguments.n; i++) {
        long pid;
        if (!read_integer(o->arguments.at[i], 1, MAX_PID, &pid))
            return err_set(err, "not a process id: \"%s\"", o->arguments.at[i]);
        add_pid(o, pid);
    }
    vec_clear(&o->arguments);
    return true;
}

/* What goes with `record` alone, and there with --ring or without. */
static bool check_record(const struct options *o, const bool *given, struct err *err)
{
    static const char *const of_ring[] = {"dir", "on-alert", "keep", "pid-file"};
    static const char *const not_of_ring[] = {"output", "growth"};
    for (size_t i = 0; i < ROWS && o->verb == VERB_RECORD; i++) {
        for (size_t k = 0; k < sizeof of_ring / sizeof of_ring[0]; k++)
            if (given[i] && !o->ring_ns && strcmp(rows[i].name, of_ring[k]) == 0)
                return err_set(err, "--%s goes with --ring SPAN alone", rows[i].name);
        for (size_t k = 0; k < sizeof not_of_ring / sizeof not_of_ring[0]; k++)
            if (given[i] && o->ring_ns && strcmp(rows[i].name, not_of_ring[k]) == 0)
                return err_set(err, "--%s does not go with --ring, which writes to --dir",
                               rows[i].name);
    }
    if (o->verb == VERB_RECORD && !o->output && !o->ring_ns)
        return err_set(err, "record needs -o FILE, the file to write");
    if (o->ring_ns && !o->dir)
        return err_set(err, "--ring needs --dir DIR, the folder for its files");
    if (o->on_alert && strcmp(o->on_alert, "snapshot") != 0 && strcmp(o->on_alert, "none") != 0)
        return err_set(err, "--on-alert takes snapshot or none, not \"%s\"", o->on_alert);
    if (o->name && !*o->name)
        return err_set(err, "--name takes the name of a process, not an empty one");
    return true;
}

static bool check(const struct options *o, const bool *given, struct err *err)
{
    for (size_t i = 0; i < ROWS; i++)
        if (given[i] && !(rows[i].verbs & 1u << o->verb))
            return err_set(err, "--%s does not go with `proftop%s%s`", rows[i].name,
                           *verbs[o->verb].name ? " " : "", verbs[o->verb].name);
    static const struct {
        size_t least, most;
    } files[VERB_COUNT] = {[VERB_OPEN] = {1, 2}, [VERB_REPORT] = {1, 1}, [VERB_DIFF] = {2, 2}};
    size_t n = o->arguments.n;
    if (o->help || o->version)
        return true;
    if (n < files[o->verb].least || n > files[o->verb].most)
        return err_set(err, "usage: proftop %s", verbs[o->verb].usage);
    /* Several pids are one target: a merged recording. */
    bool many = (1u << o->verb) & (TOP | RECORD | DUMP);
    size_t pids = many ? o->pids.n > 0 : o->pids.n;
    size_t targets = pids + (o->name != NULL) + (o->command != NULL) + (o->pid_file != NULL);
    unsigned most = o->verb == VERB_DEMO ? 0 : 1;
    if (!((1u << o->verb) & PRINT) && targets > most)
        return err_set(err, o->verb == VERB_DEMO ? "demo brings its own target"
                                                 : "one target only: process ids, a name, "
                                                   "a pid file or a command");
    if ((o->verb == VERB_RECORD || o->verb == VERB_DUMP) && !targets)
        return err_set(err, "usage: proftop %s", verbs[o->verb].usage);
    if (!check_record(o, given, err))
        return false;
    if (((1u << o->verb) & PRINT) && o->pids.n > 1)
        return err_set(err, "%s takes one --pid: the process that is shown alone",
                       verbs[o->verb].name);
    if (o->callers && !o->root)
        return err_set(err, "--callers needs --root FUNCTION, the function that is called");
    if (o->root && (!o->view || strcmp(o->view, "tree") != 0))
        return err_set(err, "--root goes with --view tree");
    if (o->native && o->no_native)
        return err_set(err, "--native and --no-native exclude each other");
    const char *servers = getenv("DEBUGINFOD_URLS");
    if (o->debuginfod && (!servers || !*servers))
        return err_set(err, "--debuginfod needs the servers' addresses in DEBUGINFOD_URLS, such as "
                            "https://debuginfod.example.org (sudo -E keeps that variable)");
    if (o->fail_on && strcmp(o->fail_on, "regression") != 0)
        return err_set(err, "--fail-on takes \"regression\", not \"%s\"", o->fail_on);
    return true;
}

bool options_parse(struct options *o, int argc, char **argv, struct err *err)
{
    *o = (struct options){.rate_hz = SESSION_DEFAULT_RATE_HZ,
                          .interval_s = 1,
                          .limit = -1,
                          .keep = {KEEP_DEFAULT_FILES, KEEP_DEFAULT_BYTES, 0},
                          .budget_pct = BUDGET_DEFAULT_PCT};
    struct option longs[ROWS + 1] = {0};
    char letters[2 * ROWS + 2];
    struct text optstring = TEXT(letters);
    text_add(&optstring, ":");
    for (size_t i = 0; i < ROWS; i++) {
        longs[i] = (struct option){rows[i].name, rows[i].value ? required_argument : no_argument,
                                   NULL, 256 + (int)i};
        if (rows[i].letter)
            text_add(&optstring, "%c%s", rows[i].letter, rows[i].value ? ":" : "");
    }
    /* What follows a lone -- is a command of its own, whose options are not ours. */
    int split = 1;
    while (split < argc && strcmp(argv[split], "--") != 0)
        split++;
    bool given[ROWS] = {false};
    opterr = 0;
    optind = 0; /* glibc: start anew, permuting */
    int c;
    while ((c = getopt_long(split, argv, letters, longs, NULL)) != -1) {
        const struct option_row *row = c >= 256 ? &rows[c - 256] : row_of_letter(c);
        if (c == ':')
            return err_set(err, "%s needs a value (try proftop --help)", argv[optind - 1]);
        if (!row)
            return err_set(err, "unknown option %s (try proftop --help)", argv[optind - 1]);
        given[row - rows] = true;
        o->rate_given |= row->kind == KIND_RATE;
        if (!set_option(o, row, optarg, err))
            return false;
    }
    return sort_arguments(o, argc, argv, split, err) && take_pids(o, err) && check(o, given, err);
}

enum native_frames options_native(const struct options *o)
{
    return o->native ? NATIVE_ALL : o->no_native ? NATIVE_NONE : NATIVE_FOLDED;
}

struct session_options options_session(const struct options *o)
{
    return (struct session_options){.rate_hz = o->rate_hz,
                                    .children = o->children,
                                    .no_native = o->no_native,
                                    .no_census = o->no_census || o->verb == VERB_DUMP,
                                    .census_stop = o->census_stop,
                                    .debuginfod = o->debuginfod,
                                    .engine = o->engine,
                                    .budget_pct = o->budget_pct,
                                    .rate_is_kept = o->rate_given};
}

void options_clear(struct options *o)
{
    vec_free(&o->arguments);
    vec_free(&o->pids);
}

void options_help(FILE *out, enum verb_id verb)
{
    if (verb == VERB_TOP) {
        fputs("proftop: where a running process spends its time, and why\n\n", out);
        for (int v = 0; v < VERB_COUNT; v++)
            fprintf(out, "  proftop %s\n          %s\n", verbs[v].usage, verbs[v].help);
        fputs("\nTARGET is a PID, -p PID, -n NAME, or -- COMMAND [ARG...].\n", out);
    } else {
        fprintf(out, "usage: proftop %s\n\n%s\n", verbs[verb].usage, verbs[verb].help);
    }
    fputs("\nOptions:\n", out);
    for (size_t i = 0; i < ROWS; i++) {
        if (verb != VERB_TOP && !(rows[i].verbs & 1u << verb))
            continue;
        char left[40];
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", rows[i].letter ? '-' : ' ',
                 rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? "," : " ", rows[i].name,
                 rows[i].value ? " " : "", rows[i].value ? rows[i].value : "");
        fprintf(out, "  %-24s %s\n", left, rows[i].help);
    }
    fputs("\nExit status: 0 done, 1 failed, 2 wrong command line, 3 diff found a regression.\n",
          out);
}
