/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file into a recording, table by table in the order of schema_tables[].
 *
 * Memory is bounded: runs by the recording's limits (it thins as it fills), points by the series,
 * everything else by the file's size.
 *
 * Words are added through the dictionary, whose numbering may then differ from the file's (two
 * strings that were made printable may have become one): ids are translated as they are read.
 * Waits, languages, metrics and alert rules are known by name, so that a file can be read by a
 * program that has others.
 */
#include "store/store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/alert_log.h"
#include "store/reader.h"

struct load {
    struct reader reader;
    struct recording *rec;
    VEC(uint32_t) ids[TABLE_COUNT]; /* by the file's id: ours */
    bool started;                   /* meta has a start */
    uint64_t end_ns;                /* meta's, relative, as are: */
    uint64_t shown_from_ns, shown_to_ns;
};

/* Nothing lasted longer: a time further from the start than this is damage, and would make a view
 * that walks over time slices endless. */
#define TIME_MAX_NS (10ll * 366 * 86400 * 1000000000)
/* More rows than these small tables can have. */
#define SMALL_TABLE_ROWS 1000
/* A file may ask for longer rings than ours, within reason. */
#define RUNS_MAX (4u << 20)
/* Runs between two thinnings: 3 MB. */
#define THIN_EVERY 65536

/* Ids of a table's rows are 1, 2, 3 ...: true if this one is as it should be. */
static bool next_id(struct load *l)
{
    struct reader *r = &l->reader;
    int64_t id = reader_int(r, 0, 1, INT32_MAX);
    if (!r->damaged && (uint64_t)id != r->row)
        return reader_damaged(r, "id %lld is out of order", (long long)id);
    return !r->damaged;
}

/* What was added for this row, which next_id() has approved. */
static void set_id(struct load *l, uint32_t ours)
{
    vec_push(&l->ids[l->reader.table], ours);
}

/* A reference to a row of an earlier table (or an earlier row of this one), translated. */
static uint32_t get_ref(struct load *l, int column, enum schema_table to)
{
    int64_t id = reader_int(&l->reader, column, 0, (int64_t)l->ids[to].n - 1);
    return l->ids[to].n ? l->ids[to].at[id] : 0;
}

static struct string_id get_string(struct load *l, int column)
{
    return (struct string_id){get_ref(l, column, TABLE_STRING)};
}

static uint32_t get_u32(struct load *l, int column)
{
    return (uint32_t)reader_int(&l->reader, column, 0, UINT32_MAX);
}

static int32_t get_i32(struct load *l, int column)
{
    return (int32_t)reader_int(&l->reader, column, INT32_MIN, INT32_MAX);
}

static uint64_t get_time(struct load *l, int column)
{
    int64_t start = (int64_t)l->rec->start_ns;
    int64_t min = start < TIME_MAX_NS ? -start : -TIME_MAX_NS;
    return (uint64_t)(start + reader_int(&l->reader, column, min, TIME_MAX_NS));
}

/* For times where 0 says that there is none. */
static uint64_t get_time_or_null(struct load *l, int column)
{
    return reader_null(&l->reader, column) ? 0 : get_time(l, column);
}

static void load_meta(struct load *l)
{
    struct reader *r = &l->reader;
    struct recording *rec = l->rec;
    for (reader_begin(r, TABLE_META); reader_next(r) && r->row < SMALL_TABLE_ROWS;) {
        char key[32] = "";
        strncat(key, reader_text(r, 0), sizeof key - 1);
        if (strcmp(key, "start_ns") == 0) {
            rec->start_ns = (uint64_t)reader_int(r, 1, 0, INT64_MAX / 4);
            l->started = true;
        } else if (strcmp(key, "start_wall_ns") == 0) {
            rec->start_wall_ns = reader_int(r, 1, INT64_MIN / 4, INT64_MAX / 4);
        } else if (strcmp(key, "end_ns") == 0) {
            l->end_ns = (uint64_t)reader_int(r, 1, 0, TIME_MAX_NS);
        } else if (strcmp(key, "rate_hz") == 0) {
            rec->rate_hz = fmax(0, reader_real(r, 1));
        } else if (strcmp(key, "cpus_allowed") == 0) {
            rec->cpus_allowed = fmax(0, reader_real(r, 1));
        } else if (strcmp(key, "memory_limit_bytes") == 0) {
            rec->memory_limit = (uint64_t)reader_int(r, 1, INT64_MIN, INT64_MAX);
        } else if (strcmp(key, "window_from_ns") == 0) {
            l->shown_from_ns = (uint64_t)reader_int(r, 1, 0, TIME_MAX_NS);
        } else if (strcmp(key, "window_to_ns") == 0) {
            l->shown_to_ns = (uint64_t)reader_int(r, 1, 0, TIME_MAX_NS);
        }
    }
}

/* After the strings, so that these keep their numbers. */
static void load_meta_texts(struct load *l)
{
    struct reader *r = &l->reader;
    struct recording *rec = l->rec;
    for (reader_begin(r, TABLE_META); reader_next(r) && r->row < SMALL_TABLE_ROWS;) {
        struct string_id *into = NULL;
        const char *key = reader_text(r, 0);
        if (strcmp(key, "engine") == 0)
            into = &rec->engine;
        else if (strcmp(key, "host") == 0)
            into = &rec->host;
        if (into)
            *into = dictionary_string(&rec->words, reader_text(r, 1));
    }
}

static void load_levels(struct load *l)
{
    struct reader *r = &l->reader;
    struct recording_limits *limits = &l->rec->limits;
    uint64_t *reach_ns[LEVEL_COUNT] = {&limits->raw_ns, &limits->second_ns, &limits->ten_ns,
                                       &limits->ten_ns};
    for (reader_begin(r, TABLE_LEVEL); reader_next(r);) {
        int64_t level = reader_int(r, 0, 0, LEVEL_COUNT - 1);
        *reach_ns[level] = (uint64_t)reader_int(r, 2, 0, TIME_MAX_NS);
        uint64_t runs_max = (uint64_t)reader_int(r, 3, 0, INT64_MAX);
        limits->runs_max[level] = runs_max < RUNS_MAX ? (size_t)runs_max : RUNS_MAX;
        l->rec->levels[level].dropped = (uint64_t)reader_int(r, 4, 0, INT64_MAX);
    }
}

/* By the file's number of a wait or a language: ours of that name, or what stands for the rest. */
static void load_names(struct load *l, enum schema_table table, uint32_t count, uint32_t rest,
                       const char *(*name)(uint32_t))
{
    struct reader *r = &l->reader;
    for (reader_begin(r, table); reader_next(r);) {
        if (reader_int(r, 0, 0, UINT8_MAX) != (int64_t)r->row - 1)
            reader_damaged(r, "out of order");
        const char *text = reader_text(r, 1);
        uint32_t ours = 0;
        while (ours < count && strcmp(name(ours), text) != 0)
            ours++;
        set_id(l, ours < count ? ours : rest);
    }
}

static const char *wait_name_of(uint32_t n)
{
    return wait_name((enum wait_kind)n);
}

static const char *language_name_of(uint32_t n)
{
    return language_name((enum language)n);
}

static const char *metric_name_of(uint32_t n)
{
    return metrics[n].name;
}

static void load_strings(struct load *l)
{
    struct reader *r = &l->reader;
    struct dictionary *d = &l->rec->words;
    for (reader_begin(r, TABLE_STRING); reader_next(r) && next_id(l);) {
        const char *text = reader_text(r, 1);
        if (d->strings.bytes.n > UINT32_MAX / 2) {
            reader_damaged(r, "more than 2 GB of text");
            continue;
        }
        set_id(l, dictionary_string(d, text).n);
    }
}

static void load_modules(struct load *l)
{
    struct reader *r = &l->reader;
    struct dictionary *d = &l->rec->words;
    for (reader_begin(r, TABLE_MODULE); reader_next(r) && next_id(l);) {
        const char *path = string_text(d, get_string(l, 1));
        const char *build_id = string_text(d, get_string(l, 2));
        set_id(l, dictionary_module(d, path, build_id).n); /* both are there: nothing moves */
    }
}

static void load_functions(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_FUNCTION); reader_next(r) && next_id(l);) {
        struct function f = {
            .name = get_string(l, 1),
            .file = get_string(l, 2),
            .line = get_u32(l, 3),
            .module = {get_ref(l, 4, TABLE_MODULE)},
            .language = (uint8_t)get_ref(l, 5, TABLE_LANGUAGE),
        };
        set_id(l, dictionary_function(&l->rec->words, &f).n);
    }
}

static void load_frames(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_FRAME); reader_next(r) && next_id(l);) {
        struct frame f = {
            .kind = (uint8_t)reader_int(r, 1, 0, FRAME_KIND_COUNT - 1),
            .place = {{get_ref(l, 2, TABLE_FUNCTION)}, get_u32(l, 3)},
            .module = {get_ref(l, 4, TABLE_MODULE)},
            .offset = (uint64_t)reader_int(r, 5, INT64_MIN, INT64_MAX),
        };
        set_id(l, dictionary_frame(&l->rec->words, &f).n);
    }
}

static void load_stacks(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_STACK); reader_next(r) && next_id(l);) {
        struct stack_id parent = {get_ref(l, 1, TABLE_STACK)};
        struct frame_id frame = {get_ref(l, 2, TABLE_FRAME)};
        set_id(l, dictionary_stack(&l->rec->words, parent, frame).n);
    }
}

static void load_objects(struct load *l)
{
    struct reader *r = &l->reader;
    struct dictionary *d = &l->rec->words;
    for (reader_begin(r, TABLE_OBJECT); reader_next(r) && next_id(l);)
        set_id(l, dictionary_object(d, string_text(d, get_string(l, 1))).n);
}

static void load_places(struct load *l)
{
    struct reader *r = &l->reader;
    VEC(struct place) places = {0};
    uint32_t frame = 0; /* whose places are being gathered */
    for (reader_begin(r, TABLE_PLACE); reader_next(r);) {
        int64_t id = reader_int(r, 0, 1, (int64_t)l->ids[TABLE_FRAME].n - 1);
        int64_t position = reader_int(r, 1, 0, SCHEMA_PLACES_MAX - 1);
        if (id != frame) {
            if (places.n)
                recording_resolve(l->rec, (struct frame_id){l->ids[TABLE_FRAME].at[frame]},
                                  places.at, places.n);
            vec_clear(&places);
            if (id < frame)
                reader_damaged(r, "out of order");
            frame = (uint32_t)id;
        }
        if ((uint64_t)position != places.n)
            reader_damaged(r, "position is out of order");
        if (r->damaged)
            continue;
        struct place place = {{get_ref(l, 2, TABLE_FUNCTION)}, get_u32(l, 3)};
        vec_push(&places, place);
    }
    if (places.n && !r->damaged)
        recording_resolve(l->rec, (struct frame_id){l->ids[TABLE_FRAME].at[frame]}, places.at,
                          places.n);
    vec_free(&places);
}

static void load_incarnations(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_INCARNATION); reader_next(r) && next_id(l);) {
        struct incarnation in = {
            .pid = get_i32(l, 1),
            .ppid = get_i32(l, 2),
            .start_ticks = (uint64_t)reader_int(r, 3, INT64_MIN, INT64_MAX),
            .comm = get_string(l, 4),
            .cmdline = get_string(l, 5),
            .exe = get_string(l, 6),
            .runtime = get_string(l, 7),
            .from_ns = get_time(l, 8),
            .to_ns = get_time_or_null(l, 9),
            .exec = reader_int(r, 10, 0, 1) != 0,
            .rss_bytes = (uint64_t)reader_int(r, 11, 0, INT64_MAX),
        };
        set_id(l, recording_add_incarnation(l->rec, in).n);
    }
}

static void load_threads(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_THREAD); reader_next(r) && next_id(l);) {
        struct thread t = {
            .incarnation = {get_ref(l, 1, TABLE_INCARNATION)},
            .tid = get_i32(l, 2),
            .name = get_string(l, 3),
            .from_ns = get_time(l, 4),
            .to_ns = get_time_or_null(l, 5),
        };
        set_id(l, recording_add_thread(l->rec, t).n);
    }
}

/* What runs and open runs have in common, from a column on. */
static struct run get_run(struct load *l, int at)
{
    struct reader *r = &l->reader;
    struct run run = {
        .thread = {(uint32_t)reader_int(r, at, 1, (int64_t)l->rec->threads.n - 1)},
        .stack = {get_ref(l, at + 1, TABLE_STACK)},
        .object = {get_ref(l, at + 2, TABLE_OBJECT)},
        .owner = get_i32(l, at + 3),
        .state = (uint8_t)reader_int(r, at + 4, 0, STATE_WAITING),
        .wait = (uint8_t)get_ref(l, at + 5, TABLE_WAIT),
        .flags = (uint8_t)reader_int(r, at + 6, 0, UINT8_MAX),
        .from_ns = get_time(l, at + 7),
        .weight_ns = (uint64_t)reader_int(r, at + 8, 0, TIME_MAX_NS),
        .ticks = (uint32_t)reader_int(r, at + 9, 1, UINT32_MAX),
    };
    if (run.from_ns < l->rec->start_ns)
        run.from_ns = l->rec->start_ns;
    return run;
}

static void load_runs(struct load *l)
{
    struct reader *r = &l->reader;
    int64_t level = LEVEL_COUNT - 1; /* the coarsest comes first, for it is the oldest */
    uint64_t reached_ns = 0;
    for (reader_begin(r, TABLE_RUN); reader_next(r);) {
        level = reader_int(r, 1, 0, level);
        struct run run = get_run(l, 2);
        if (r->damaged)
            continue;
        recording_restore_run(l->rec, (enum run_level)level, &run);
        if (run.from_ns + run.weight_ns > reached_ns)
            reached_ns = run.from_ns + run.weight_ns;
        if (r->row % THIN_EVERY == 0)
            recording_thin(l->rec, reached_ns);
    }
}

static void load_open_runs(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_OPEN_RUN); reader_next(r);) {
        struct run run = get_run(l, 0);
        if (r->damaged)
            continue;
        while (l->rec->open.n <= run.thread.n)
            vec_add(&l->rec->open);
        l->rec->open.at[run.thread.n] = run;
    }
}

static void load_points(struct load *l)
{
    struct reader *r = &l->reader;
    uint64_t newest_ns[METRIC_COUNT] = {0};
    for (reader_begin(r, TABLE_POINT); reader_next(r);) {
        uint32_t metric = get_ref(l, 1, TABLE_METRIC);
        struct point p = {
            .time_ns = get_time(l, 2),
            .mean = (float)reader_real(r, 3),
            .min = (float)reader_real(r, 4),
            .max = (float)reader_real(r, 5),
            .count = (uint32_t)reader_int(r, 6, 1, 1000000),
        };
        if (r->damaged || metric == METRIC_COUNT)
            continue;
        if (p.time_ns < newest_ns[metric] || p.min > p.max) {
            reader_damaged(r, "out of order");
            continue;
        }
        newest_ns[metric] = p.time_ns;
        series_restore(&l->rec->total.series[metric], p);
    }
}

#define NO_RULE UINT32_MAX

static bool has_rules(const struct load *l)
{
    return l->reader.version >= schema_tables[TABLE_ALERT_RULE].since;
}

/* The file's rules in the place of the defaults. One that is not understood (its metric is another
 * program's) is passed over with its events. An older file has none: it was the defaults. */
static void load_rules(struct load *l)
{
    struct reader *r = &l->reader;
    struct recording *rec = l->rec;
    if (has_rules(l))
        rec->rules.n = rec->alert_states.n = 0;
    for (reader_begin(r, TABLE_ALERT_RULE); reader_next(r) && next_id(l);) {
        char name[ALERT_NAME_MAX], text[ALERT_TEXT_MAX];
        snprintf(name, sizeof name, "%s", reader_text(r, 1));
        snprintf(text, sizeof text, "%s", reader_text(r, 2));
        struct alert_rule rule;
        bool known = alert_rule_parse(&rule, name, text, NULL);
        known = known && rec->rules.n < SMALL_TABLE_ROWS;
        set_id(l, known ? (uint32_t)rec->rules.n : NO_RULE);
        if (!known)
            continue;
        rule.off = reader_int(r, 3, 0, 1) != 0;
        vec_push(&rec->rules, rule);
        vec_add(&rec->alert_states);
    }
}

/* In a file without rules one is told by metric and threshold; NO_RULE if we have none. */
static uint32_t get_default_rule(struct load *l)
{
    const struct alert_rules *rules = &l->rec->rules;
    uint32_t metric = get_ref(l, 1, TABLE_METRIC), found = NO_RULE;
    double threshold = reader_real(&l->reader, 2);
    for (size_t i = rules->n; i-- > 0;) {
        if (rules->at[i].metric != metric)
            continue;
        if (rules->at[i].threshold == threshold)
            return (uint32_t)i;
        found = (uint32_t)i; /* the threshold has changed since */
    }
    return found;
}

static uint32_t get_rule(struct load *l, int column)
{
    if (!has_rules(l))
        return get_default_rule(l);
    int64_t n = (int64_t)l->ids[TABLE_ALERT_RULE].n;
    int64_t id = reader_int(&l->reader, column, 1, n);
    return n ? l->ids[TABLE_ALERT_RULE].at[id - 1] : NO_RULE;
}

static void load_alerts(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_ALERT); reader_next(r);) {
        struct alert_event event = {
            .rule = get_rule(l, 7),
            .threshold = reader_real(r, 2),
            .time_ns = get_time(l, 3),
            .severity = (uint8_t)reader_int(r, 4, SEVERITY_NONE, SEVERITY_CRITICAL),
            .raised = reader_int(r, 5, 0, 1) != 0,
            .value = reader_real(r, 6),
        };
        if (has_rules(l)) {
            event.silent = reader_int(r, 8, 0, 1) != 0;
            event.snapshot = get_string(l, 9);
        }
        if (!r->damaged && event.rule != NO_RULE)
            alert_log_restore(l->rec, event);
    }
    for (reader_begin(r, TABLE_ALERT_STATE); reader_next(r) && r->row < SMALL_TABLE_ROWS;) {
        uint32_t rule = get_rule(l, 0);
        struct alert_state state = {
            .severity = (enum severity)reader_int(r, 3, SEVERITY_NONE, SEVERITY_CRITICAL),
            .since_ns = get_time_or_null(l, 4),
            .over_since_ns = get_time_or_null(l, 5),
            .under_since_ns = get_time_or_null(l, 6),
            .value = reader_real(r, 7),
            .worst = reader_real(r, 8),
            .last_ns = get_time_or_null(l, 9),
            .gap_ns = has_rules(l) ? (uint64_t)reader_int(r, 10, 0, TIME_MAX_NS) : 0,
        };
        if (!r->damaged && rule != NO_RULE)
            l->rec->alert_states.at[rule] = state;
    }
}

static void load_marks(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_MARK); reader_next(r);) {
        struct mark mark = {
            .time_ns = get_time(l, 1),
            .kind = (enum mark_kind)reader_int(r, 2, MARK_NOTE, MARK_RATE),
            .text = get_string(l, 3),
        };
        if (!r->damaged)
            vec_push(&l->rec->marks, mark);
    }
}

/* The file's rows of a census table whose first two columns are (census, position) come in the
 * order of the censuses. NULL: the row belongs to a census that was thinned away, or is damaged. */
static struct census *get_census(struct load *l)
{
    struct reader *r = &l->reader;
    uint64_t number = (uint64_t)reader_int(r, 0, 1, INT64_MAX);
    struct census_list *censuses = &l->rec->censuses;
    for (size_t i = 0; i < censuses->list.n && !r->damaged; i++)
        if (censuses->list.at[i].number == number)
            return &censuses->list.at[i];
    return NULL;
}

static void load_censuses(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_CENSUS); reader_next(r);) {
        struct census census = {
            .number = (uint64_t)reader_int(r, 0, 1, INT64_MAX),
            .incarnation = {get_ref(l, 1, TABLE_INCARNATION)},
            .time_ns = get_time(l, 2),
            .duration_ns = (uint64_t)reader_int(r, 3, 0, TIME_MAX_NS),
            .flags = get_u32(l, 4),
            .moved_pct = reader_real(r, 5),
            .swapped_bytes = (uint64_t)reader_int(r, 6, 0, INT64_MAX),
            .space = {.used_bytes = (uint64_t)reader_int(r, 7, 0, INT64_MAX),
                      .free_bytes = (uint64_t)reader_int(r, 8, 0, INT64_MAX),
                      .mapped_bytes = (uint64_t)reader_int(r, 9, 0, INT64_MAX)},
            .why_partial = get_string(l, 10),
        };
        if (!r->damaged)
            recording_restore_census(l->rec, census);
    }
    for (reader_begin(r, TABLE_CENSUS_TYPE); reader_next(r);) {
        struct census *census = get_census(l);
        struct census_row row = {
            .type = get_string(l, 2),
            .language = (uint8_t)get_ref(l, 3, TABLE_LANGUAGE),
            .flags = (uint8_t)reader_int(r, 4, 0, UINT8_MAX),
            .count = (uint64_t)reader_int(r, 5, 0, INT64_MAX),
            .size_bytes = (uint64_t)reader_int(r, 6, 0, INT64_MAX),
        };
        if (census && census->rows.n <= CENSUS_ROWS_MAX)
            vec_push(&census->rows, row);
    }
    for (reader_begin(r, TABLE_CENSUS_CONTAINER); reader_next(r);) {
        struct census *census = get_census(l);
        struct census_container container = {
            .type = get_string(l, 2),
            .address = (uint64_t)reader_int(r, 3, INT64_MIN, INT64_MAX),
            .length = (uint64_t)reader_int(r, 4, 0, INT64_MAX),
            .size_bytes = (uint64_t)reader_int(r, 5, 0, INT64_MAX),
        };
        if (census && census->containers.n < CENSUS_CONTAINERS_MAX)
            vec_push(&census->containers, container);
    }
    for (reader_begin(r, TABLE_HOLDER); reader_next(r);) {
        struct census_holder holder = {
            .incarnation = {get_ref(l, 0, TABLE_INCARNATION)},
            .type = get_string(l, 1),
            .path = get_string(l, 2),
            .time_ns = get_time(l, 3),
        };
        if (!r->damaged)
            recording_set_holder(l->rec, holder);
    }
}

/* Before format 5 only touched pages were told to have enlarged anything. */
static enum growth_kind get_growth_kind(struct load *l, int column, int by_column)
{
    char name[16];
    snprintf(name, sizeof name, "%s", reader_text(&l->reader, column));
    bool has_by = l->reader.version >= 5;
    const char *by = has_by                          ? reader_text(&l->reader, by_column)
                     : strcmp(name, "enlarged") == 0 ? growth_kind_by(GROWTH_TOUCHED)
                                                     : "";
    for (int kind = 0; kind < GROWTH_KINDS; kind++)
        if (strcmp(name, growth_kind_name((enum growth_kind)kind)) == 0 &&
            strcmp(by, growth_kind_by((enum growth_kind)kind)) == 0)
            return (enum growth_kind)kind;
    reader_damaged(&l->reader, "there is no kind \"%.16s\" by \"%.16s\"", name, by);
    return GROWTH_TOUCHED;
}

/* The look of a site; NULL: it was dropped, or the row is damaged. */
static struct growth_look *get_growth(struct load *l)
{
    struct growth_looks *looks = &l->rec->growth;
    uint64_t number = (uint64_t)reader_int(&l->reader, 0, 1, INT64_MAX);
    for (size_t i = 0; i < looks->list.n && !l->reader.damaged; i++)
        if (looks->list.at[i].number == number)
            return &looks->list.at[i];
    return NULL;
}

static void load_growth(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_GROWTH); reader_next(r);) {
        struct growth_look look = {
            .number = (uint64_t)reader_int(r, 0, 1, INT64_MAX),
            .incarnation = {get_ref(l, 1, TABLE_INCARNATION)},
            .from_ns = get_time(l, 2),
            .to_ns = get_time(l, 3),
            .cost_pct = reader_real(r, 4),
            .samples = (uint64_t)reader_int(r, 5, 0, INT64_MAX),
            .lost = (uint64_t)reader_int(r, 6, 0, INT64_MAX),
            .unnamed = (uint64_t)reader_int(r, 7, 0, INT64_MAX),
            .flags = r->version >= 6 ? (uint32_t)reader_int(r, 8, 0, UINT32_MAX) : 0,
        };
        if (!r->damaged)
            recording_restore_growth(l->rec, look);
    }
    for (reader_begin(r, TABLE_GROWTH_SITE); reader_next(r);) {
        struct growth_look *look = get_growth(l);
        struct growth_site site = {
            .kind = get_growth_kind(l, 2, 9),
            .stack = {get_ref(l, 3, TABLE_STACK)},
            .type = get_string(l, 4),
            .bytes = reader_real(r, 5),
            .bytes_per_s = reader_real(r, 6),
            .count = (uint64_t)reader_int(r, 7, 0, INT64_MAX),
            .of_samples = (uint64_t)reader_int(r, 8, 0, INT64_MAX),
            .unsure_per_s = r->version >= 6 ? reader_real(r, 10) : 0,
        };
        if (!r->damaged && look && look->sites.n < GROWTH_SITES_MAX)
            vec_push(&look->sites, site);
    }
}

static void load_cost(struct load *l)
{
    struct reader *r = &l->reader;
    for (reader_begin(r, TABLE_COST); reader_next(r) && r->row < SMALL_TABLE_ROWS;) {
        const char *name = reader_text(r, 0);
        for (size_t i = 0; i < schema_cost_count; i++) {
            if (strcmp(name, schema_costs[i].name) == 0) {
                uint64_t value = (uint64_t)reader_int(r, 1, 0, INT64_MAX);
                memcpy((char *)&l->rec->cost + schema_costs[i].offset, &value, sizeof value);
            }
        }
    }
}

/* A window beyond what is there would show nothing. */
static void set_shown(struct load *l)
{
    struct recording *rec = l->rec;
    uint64_t length_ns = rec->end_ns - rec->start_ns + 1;
    uint64_t to_ns = l->shown_to_ns < length_ns ? l->shown_to_ns : length_ns;
    if (l->shown_from_ns >= to_ns)
        return;
    rec->shown_from_ns = rec->start_ns + l->shown_from_ns;
    rec->shown_to_ns = rec->start_ns + to_ns;
}

static void load_all(struct load *l)
{
    load_meta(l);
    if (!l->started)
        return; /* every time is relative to it */
    load_levels(l);
    load_names(l, TABLE_LANGUAGE, LANGUAGE_COUNT, LANGUAGE_NATIVE, language_name_of);
    load_names(l, TABLE_WAIT, WAIT_COUNT, WAIT_OTHER, wait_name_of);
    load_names(l, TABLE_METRIC, METRIC_COUNT, METRIC_COUNT, metric_name_of);
    for (int t = TABLE_STRING; t <= TABLE_THREAD; t++)
        vec_push(&l->ids[t], 0); /* entry 0 is "none" and not in the file */
    load_strings(l);
    load_meta_texts(l);
    load_modules(l);
    load_functions(l);
    load_frames(l);
    load_stacks(l);
    load_objects(l);
    load_places(l);
    load_incarnations(l);
    load_threads(l);
    load_runs(l);
    load_open_runs(l);
    load_points(l);
    load_rules(l);
    load_alerts(l);
    load_marks(l);
    load_cost(l);
    load_censuses(l);
    load_growth(l);
    if (l->rec->start_ns + l->end_ns > l->rec->end_ns)
        l->rec->end_ns = l->rec->start_ns + l->end_ns;
    set_shown(l);
    recording_thin(l->rec, l->rec->end_ns);
}

bool store_load(struct recording **out, const char *path, struct err *err)
{
    struct load l = {0};
    if (!reader_open(&l.reader, path, err))
        return false;
    l.rec = recording_new(0, 0);
    load_all(&l);
    reader_close(&l.reader);
    for (int t = 0; t < TABLE_COUNT; t++)
        vec_free(&l.ids[t]);
    bool ok = true;
    if (l.reader.damaged)
        ok = err_set(err, "%s", l.reader.why.text);
    else if (!l.started)
        ok = err_set(err, "%s holds nothing yet: its writer ended before its first second", path);
    if (ok)
        *out = l.rec;
    else
        recording_free(l.rec);
    return ok;
}
