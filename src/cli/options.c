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
#include "store/shelf.h"

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
    [VERB_SETTINGS] = {"settings", "settings [--write | --check [FILE]]",
                       "print the settings in force, and where each is from"},
};

#define TOP    (1u << VERB_TOP)
#define RECORD (1u << VERB_RECORD)
#define OPEN   (1u << VERB_OPEN)
#define REPORT (1u << VERB_REPORT)
#define DIFF   (1u << VERB_DIFF)
#define DUMP   (1u << VERB_DUMP)
#define DOCTOR (1u << VERB_DOCTOR)
#define DEMO   (1u << VERB_DEMO)
#define SETUP  (1u << VERB_SETTINGS)
#define ALL    ((1u << VERB_COUNT) - 1)
#define LIVE   (TOP | RECORD | DEMO)
#define SCREEN (TOP | OPEN | DEMO)
#define PRINT  (REPORT | DIFF)

/* The value of an option: where in struct options it goes and how it is read. */
enum kind {
    KIND_FLAG,
    KIND_TEXT,
    KIND_SECONDS,
    KIND_COUNT,
    KIND_PID,
    KIND_STATE,
    KIND_ALERT,
    KIND_SETTING, /* the row is made from one of settings_table */
    KIND_SET,     /* any setting: KEY=VALUE */
    KIND_CONFIG
};

struct option_row {
    char letter; /* 0: none */
    const char *name, *value, *help;
    unsigned verbs;
    enum kind kind;
    size_t at; /* offset in struct options; KIND_SETTING: which of settings_table's options */
};

#define AT(member) offsetof(struct options, member)

/* clang-format off */
static const struct option_row own_rows[] = {
    {'p', "pid", "PID", "a process to watch (give it again for more); for report and diff: only this process", LIVE | DUMP | PRINT, KIND_PID, 0},
    {'n', "name", "NAME", "the process of this name", LIVE | DUMP, KIND_TEXT, AT(name)},
    {'o', "output", "FILE", "the file to write", RECORD, KIND_TEXT, AT(output)},
    {'d', "duration", "SECONDS", "how long to record (default: until the target ends, or Ctrl-C)", RECORD, KIND_SECONDS, AT(duration_s)},
    {0, "dir", "DIR", "the folder for the files of --ring", RECORD, KIND_TEXT, AT(dir)},
    {0, "on-alert", "ACTION", "snapshot: --ring writes a file at every alert; none (default)", RECORD, KIND_TEXT, AT(on_alert)},
    {0, "pid-file", "FILE", "the process whose id is in FILE; --ring waits for it, and for its return", RECORD, KIND_TEXT, AT(pid_file)},
    {0, "growth", NULL, "look for the lines that make the memory grow, for half a minute: costs the target up to 3 %", RECORD, KIND_FLAG, AT(growth)},
    {0, "alert", "RULE", "an alert, such as 'cpu: cpu_pct > 50 for 2s: banner' (give it again for more), or 'cpu: off'", LIVE, KIND_ALERT, 0},
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
    {0, "set", "KEY=VALUE", "any setting, for this time", ALL, KIND_SET, 0},
    {0, "config", "FILE", "the settings file to read, instead of all others", ALL, KIND_CONFIG, 0},
    {0, "write", NULL, "write your settings file: what is in it stays, what is missing is added", SETUP, KIND_FLAG, AT(write)},
    {0, "check", NULL, "say what is wrong in the settings files, or in FILE", SETUP, KIND_FLAG, AT(check)},
    {'h', "help", NULL, "this help", ALL, KIND_FLAG, AT(help)},
    {'V', "version", NULL, "the version", ALL, KIND_FLAG, AT(version)},
};
/* clang-format on */
#define OWN_ROWS (sizeof own_rows / sizeof own_rows[0])
#define ROWS_MAX (OWN_ROWS + 2 * SETTINGS_MAX)

/* Those above, then the options that are settings. Made once. */
static struct option_row rows[ROWS_MAX];
static size_t row_count;

static unsigned verbs_of(unsigned uses)
{
    unsigned bits = SETUP;
    bits |= uses & USE_WATCH ? LIVE : 0;
    bits |= uses & USE_DUMP ? DUMP : 0;
    bits |= uses & USE_SCREEN ? SCREEN : 0;
    bits |= uses & USE_PRINT ? PRINT : 0;
    bits |= uses & USE_RECORD ? RECORD : 0;
    return uses & USE_ALL ? ALL : bits;
}

/* NULL: the option is no setting. */
static const struct setting *setting_of(const struct option_row *row)
{
    return row->kind == KIND_SETTING ? &settings_table[row->at / 2] : NULL;
}

static void make_rows(void)
{
    if (row_count)
        return;
    memcpy(rows, own_rows, sizeof own_rows);
    row_count = OWN_ROWS;
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings_table[i];
        for (size_t k = 0; k < 2 && s->options[k].name; k++) {
            const struct setting_option *o = &s->options[k];
            rows[row_count++] = (struct option_row){.letter = o->letter,
                                                    .name = o->name,
                                                    .value = o->value,
                                                    .help = o->help ? o->help : s->comment,
                                                    .verbs = verbs_of(s->uses),
                                                    .kind = KIND_SETTING,
                                                    .at = 2 * i + k};
        }
    }
}

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

#define MAX_PID   4194304 /* the kernel's PID_MAX_LIMIT on 64-bit machines */
#define MAX_COUNT 1000000000

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
    const struct setting *setting;
    struct err why;
    long pid;
    switch (row->kind) {
    case KIND_FLAG:
        *(bool *)to = true;
        return true;
    case KIND_TEXT:
        *(const char **)to = value;
        return true;
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
    case KIND_ALERT:
        vec_push(&o->settings->alert_lines, value);
        return true;
    case KIND_STATE:
        return read_states(value, to) ||
               err_set(err, "--%s takes cpu, wait or all, not \"%s\"", row->name, value);
    case KIND_SETTING:
        setting = setting_of(row);
        value = value ? value : setting->options[row->at % 2].gives;
        return settings_ask(o->settings, setting->key, value, &why) ||
               err_set(err, "--%s", why.text);
    case KIND_SET:
        return settings_ask_line(o->settings, value, &why) || err_set(err, "--set: %s", why.text);
    case KIND_CONFIG:
        free(o->settings->config);
        o->settings->config = xstrdup(value);
        return true;
    }
    return false;
}

static const struct option_row *row_of_letter(int c)
{
    for (size_t i = 0; i < row_count; i++)
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
    if (split + 1 == argc)
        return err_set(err, "after -- comes a command, and there is none (try proftop --help)");
    if (split < argc)
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

/* A rule that is wrong is told at once, and not when there is a target. */
static bool check_alerts(const struct options *o, struct err *err)
{
    struct alert_rules rules = {0};
    bool ok = settings_alert_rules(&rules, o->settings, err);
    alert_rules_clear(&rules);
    return ok;
}

static bool has_servers(void)
{
    const char *servers = getenv("DEBUGINFOD_URLS");
    return servers && *servers;
}

static bool from_command_line(const struct options *o, const char *key)
{
    return settings_origin(o->settings, key) == ORIGIN_COMMAND_LINE;
}

uint64_t options_ring_ns(const struct options *o)
{
    bool asked = from_command_line(o, "ring");
    return o->output && !asked ? 0 : (uint64_t)(o->settings->now.ring_s * NS_PER_S);
}

bool options_check_record(const struct options *o, struct err *err)
{
    bool ring = options_ring_ns(o) > 0;
    const struct {
        const char *name;
        bool given;
    } of_ring[] = {{"dir", o->dir},
                   {"on-alert", o->on_alert},
                   {"pid-file", o->pid_file},
                   {"keep", from_command_line(o, "keep")}},
      not_of_ring[] = {{"output", o->output}, {"growth", o->growth}};
    struct keep keep;
    for (size_t i = 0; i < sizeof of_ring / sizeof of_ring[0]; i++)
        if (of_ring[i].given && !ring)
            return err_set(err, "--%s goes with --ring SPAN alone", of_ring[i].name);
    for (size_t i = 0; i < sizeof not_of_ring / sizeof not_of_ring[0]; i++)
        if (not_of_ring[i].given && ring)
            return err_set(err, "--%s does not go with --ring, which writes to --dir",
                           not_of_ring[i].name);
    if (!o->output && !ring)
        return err_set(err, "record needs -o FILE, the file to write");
    if (ring && !o->dir)
        return err_set(err, "--ring needs --dir DIR, the folder for its files");
    if (o->on_alert && strcmp(o->on_alert, "snapshot") != 0 && strcmp(o->on_alert, "none") != 0)
        return err_set(err, "--on-alert takes snapshot or none, not \"%s\"", o->on_alert);
    if (o->name && !*o->name)
        return err_set(err, "--name takes the name of a process, not an empty one");
    return !ring || keep_parse(&keep, o->settings->now.keep, err);
}

static bool check(const struct options *o, const bool *given, struct err *err)
{
    for (size_t i = 0; i < row_count; i++)
        if (given[i] && !(rows[i].verbs & 1u << o->verb))
            return err_set(err, "--%s does not go with `proftop%s%s`", rows[i].name,
                           *verbs[o->verb].name ? " " : "", verbs[o->verb].name);
    static const struct {
        size_t least, most;
    } files[VERB_COUNT] = {[VERB_OPEN] = {1, 2},
                           [VERB_REPORT] = {1, 1},
                           [VERB_DIFF] = {2, 2},
                           [VERB_SETTINGS] = {0, 1}};
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
    if (o->verb == VERB_RECORD && !targets)
        return err_set(err, "record needs a target: -p PID, -n NAME or -- COMMAND");
    if (o->verb == VERB_DUMP && !targets)
        return err_set(err, "usage: proftop %s", verbs[o->verb].usage);
    if (((1u << o->verb) & PRINT) && o->pids.n > 1)
        return err_set(err, "%s takes one --pid: the process that is shown alone",
                       verbs[o->verb].name);
    if (o->callers && !o->root)
        return err_set(err, "--callers needs --root FUNCTION, the function that is called");
    if (o->root && (!o->view || strcmp(o->view, "tree") != 0))
        return err_set(err, "--root goes with --view tree");
    if (!check_alerts(o, err))
        return false;
    for (size_t i = 1; i < row_count; i++)
        if (given[i - 1] && given[i] && setting_of(&rows[i]) &&
            setting_of(&rows[i - 1]) == setting_of(&rows[i]))
            return err_set(err, "--%s and --%s exclude each other", rows[i - 1].name, rows[i].name);
    if (o->settings->now.debuginfod && !has_servers())
        return err_set(err, "--debuginfod needs the servers' addresses in DEBUGINFOD_URLS, such as "
                            "https://debuginfod.example.org (sudo -E keeps that variable)");
    if (o->verb == VERB_SETTINGS && o->check && o->write)
        return err_set(err, "--check and --write exclude each other");
    if (o->verb == VERB_SETTINGS && n && !o->check)
        return err_set(err, "usage: proftop %s", verbs[o->verb].usage);
    if (o->fail_on && strcmp(o->fail_on, "regression") != 0)
        return err_set(err, "--fail-on takes \"regression\", not \"%s\"", o->fail_on);
    return true;
}

bool options_parse(struct options *o, int argc, char **argv, struct err *err)
{
    *o = (struct options){.limit = -1, .settings = xmalloc(sizeof *o->settings)};
    settings_init(o->settings);
    make_rows();
    struct option longs[ROWS_MAX + 1] = {0};
    char letters[2 * ROWS_MAX + 2];
    struct text optstring = TEXT(letters);
    text_add(&optstring, ":");
    for (size_t i = 0; i < row_count; i++) {
        longs[i] = (struct option){rows[i].name, rows[i].value ? required_argument : no_argument,
                                   NULL, 256 + (int)i};
        if (rows[i].letter)
            text_add(&optstring, "%c%s", rows[i].letter, rows[i].value ? ":" : "");
    }
    /* What follows a lone -- is a command of its own, whose options are not ours. */
    int split = 1;
    while (split < argc && strcmp(argv[split], "--") != 0)
        split++;
    bool given[ROWS_MAX] = {false};
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
        if (!set_option(o, row, optarg, err))
            return false;
    }
    return sort_arguments(o, argc, argv, split, err) && take_pids(o, err) && check(o, given, err);
}

enum native_frames options_native(const struct options *o)
{
    return (enum native_frames)o->settings->now.native;
}

struct session_options options_session(const struct options *o)
{
    const struct setting_values *now = &o->settings->now;
    return (struct session_options){
        .rate_hz = now->rate_hz,
        .children = now->children,
        .no_native = now->native == NATIVE_NONE,
        .no_census = !now->census || o->verb == VERB_DUMP,
        .census_stop = now->census_stop,
        .debuginfod = now->debuginfod && has_servers(), /* a file's wish needs servers too */
        .engine = (enum engine)now->engine,
        .fleet = o->fleet,
        .budget_pct = now->budget_pct,
        .rate_is_kept = settings_origin(o->settings, "rate") == ORIGIN_COMMAND_LINE,
        .limits = settings_limits(o->settings),
    };
}

void options_clear(struct options *o)
{
    vec_free(&o->arguments);
    vec_free(&o->pids);
    if (o->settings)
        settings_clear(o->settings);
    free(o->settings);
}

static void print_option(FILE *out, const struct option_row *row)
{
    char left[40], initial[SETTING_TEXT_MAX + 16] = "";
    snprintf(left, sizeof left, "%c%c%s --%s%s%s", row->letter ? '-' : ' ',
             row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name,
             row->value ? " " : "", row->value ? row->value : "");
    if (setting_of(row) && row->value)
        snprintf(initial, sizeof initial, " (default %s)", setting_of(row)->initial);
    fprintf(out, "  %-24s %s%s\n", left, row->help, initial);
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
    make_rows();
    fputs("\nOptions:\n", out);
    for (size_t i = 0; i < row_count; i++) {
        if (i == OWN_ROWS)
            fputs("\nOptions that are settings too (proftop settings):\n", out);
        if (verb == VERB_TOP || rows[i].verbs & 1u << verb)
            print_option(out, &rows[i]);
    }
    fputs("\nExit status: 0 done, 1 failed, 2 wrong command line, 3 diff found a regression.\n",
          out);
}
