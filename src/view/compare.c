/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See compare.h. Functions are matched across recordings by name and by the base name of their file
 * (of their module, where the file is not known): numbers, lines and directories differ between
 * builds. A name that is left over once on each side is matched by itself. Pure.
 */
#include "view/compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "view/rows.h"
#include "view/significance.h"

enum compare_column {
    COL_BEFORE_PCT,
    COL_AFTER_PCT,
    COL_CHANGE,
    COL_BAR,
    COL_NAME,
    COL_PLACE,
    COL_VERDICT,
    COL_BEFORE_RATE,
    COL_AFTER_RATE,
    COL_CHANGE_PCT,
    COL_SIGNIFICANT,
    COL_MODULE,
    COL_FILE,
    COL_LINE,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_BEFORE_PCT] = {"before_pct", "BEFORE%", FORMAT_PCT, 7, 80, COLUMN_BOTH, false},
    [COL_AFTER_PCT] = {"after_pct", "AFTER%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    [COL_CHANGE] = {"change", "CHANGE", FORMAT_CHANGE, 6, 80, COLUMN_SCREEN, false},
    [COL_BAR] = {"bar", "", FORMAT_BAR, 6, 80, COLUMN_SCREEN, false},
    [COL_NAME] = {"name", "FUNCTION", FORMAT_TEXT, 22, 80, COLUMN_BOTH, false},
    [COL_PLACE] = {"place", "FILE:LINE", FORMAT_PATH, 14, 80, COLUMN_SCREEN, false},
    [COL_VERDICT] = {"verdict", "VERDICT", FORMAT_TEXT, 11, 120, COLUMN_BOTH, false},
    [COL_BEFORE_RATE] = {"before_s_per_s", NULL, FORMAT_RATE, 0, 0, COLUMN_DATA, false},
    [COL_AFTER_RATE] = {"after_s_per_s", NULL, FORMAT_RATE, 0, 0, COLUMN_DATA, false},
    [COL_CHANGE_PCT] = {"change_pct", NULL, FORMAT_CHANGE, 0, 0, COLUMN_DATA, false},
    [COL_SIGNIFICANT] = {"significant", NULL, FORMAT_BOOL, 0, 0, COLUMN_DATA, false},
    [COL_MODULE] = {"module", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [COL_FILE] = {"file", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [COL_LINE] = {"line", NULL, FORMAT_ID, 0, 0, COLUMN_DATA, true},
};

const struct view compare_view = {
    .name = "compare",
    .title = "Compare",
    .columns = columns,
    .n_columns = COL_COUNT,
    .empty = "No samples on either side.",
};

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {
        [VERDICT_UNCHANGED] = "unchanged",
        [VERDICT_REGRESSION] = "regression",
        [VERDICT_IMPROVEMENT] = "improvement",
        [VERDICT_NEW] = "new",
        [VERDICT_GONE] = "gone",
    };
    return names[verdict];
}

enum { BEFORE, AFTER, NO_STRETCH = -1 };

/* Slices of a second if the window gives between so many; of its equal parts otherwise. */
#define SLICES_MIN 20
#define SLICES_MAX 30
/* Of one recording, a window that is so many times shorter than the other side is one of its
 * stretches. */
#define STRETCHES 2

/* A verdict needs at least so many samples of the function, on both sides together. */
#define SAMPLES_MIN 20
/* New and gone: it must have so many where it is, and be that much of the whole there. */
#define ABSENT_SAMPLES 12
#define ABSENT_PCT     0.5
/* The chance of one false verdict in a whole comparison of functions that did not change. */
#define FALSE_VERDICTS 0.01
/* From this idle share on a thread has time to spare (see queueing()). */
#define SPARE_TIME 0.05

struct subject_side {
    struct function_id function; /* 0: absent */
    uint32_t line;
    uint64_t ns, ticks;
    double squares;                 /* of what each sample weighs, in ns */
    uint64_t queue_ns, queue_ticks; /* of these: runnable, waiting for a CPU */
    double idle_ns;                 /* ns weighted by how idle its threads were */
    uint64_t slice_ns[SLICES_MAX];
};

struct subject {
    const char *name, *base; /* borrowed from either recording */
    size_t base_len;
    struct subject_side sides[2];
    uint32_t merged; /* into this subject; itself if it was not */
    double rates[2], change_pct;
    enum verdict verdict;
    bool significant;
};

struct side {
    const struct compare_side *in;
    struct windows windows; /* cut to where there are observations */
    uint64_t whole_ns;
    uint32_t *subject_of; /* by function: index + 1, 0 not yet */
    struct window_sum sum;
    size_t slices;
    bool beside[SLICES_MAX]; /* slices that touch the hole, or lie close to it */
    double span_s;
};

struct comparison {
    struct side sides[2];
    VEC(struct subject) subjects;
    struct map index; /* name and base -> subject */
    bool rest;        /* before is the rest of a recording, after a window of it */
    int stretch;      /* the side that is taken as one stretch of the other; NO_STRETCH */
};

static bool is_the_rest(const struct compare_side *side)
{
    return side->without.to_ns > side->without.from_ns;
}

struct windows compare_windows(const struct compare_side *side)
{
    return windows_without(side->window, side->without);
}

static const char *engine_of(const struct compare_side *side)
{
    return string_text(&side->rec->words, side->rec->engine);
}

bool compare_engines_differ(const struct compare_side *before, const struct compare_side *after)
{
    const char *a = engine_of(before), *b = engine_of(after);
    return *a && *b && strcmp(a, b) != 0;
}

void compare_say_engines(char *out, size_t size, const struct compare_side *before,
                         const struct compare_side *after)
{
    *out = '\0';
    if (compare_engines_differ(before, after))
        snprintf(out, size,
                 "different engines, %.20s -> %.20s: what stands beside frequent system calls may "
                 "only seem slower or faster",
                 engine_of(before), engine_of(after));
}

/* From the oldest run on: before it proftop was still attaching. */
static struct windows observed(const struct compare_side *side)
{
    const struct recording *rec = side->rec;
    struct window w = side->window;
    uint64_t oldest = UINT64_MAX;
    for (int level = 0; level <= LEVEL_COUNT; level++) {
        size_t n = recording_run_count(rec, level);
        for (size_t i = 0; i < n; i++) {
            const struct run *run = recording_run_at(rec, level, i);
            if (run->ticks && run->from_ns < oldest)
                oldest = run->from_ns;
            if (level != LEVEL_COUNT)
                break;
        }
    }
    if (oldest != UINT64_MAX && w.from_ns < oldest)
        w.from_ns = oldest;
    if (w.to_ns > rec->end_ns + 1)
        w.to_ns = rec->end_ns + 1;
    return windows_without(w, side->without);
}

/* The program's own file may have another name in the other recording. */
static bool is_program(const struct recording *rec, struct module_id module)
{
    uint32_t path = rec->words.modules.at[module.n].path.n;
    for (size_t i = 1; i < rec->incarnations.n; i++)
        if (path && rec->incarnations.at[i].exe.n == path)
            return true;
    return false;
}

static void subject_name(struct subject *s, const struct recording *rec, struct function_id id)
{
    const struct function *f = function_at(&rec->words, id);
    const char *file = string_text(&rec->words, f->file);
    s->name = rows_function_name(rec, id);
    s->base = path_base(*file ? file : module_path(&rec->words, f->module));
    s->base_len = strlen(s->base);
    if (*file)
        return;
    const char *version = strstr(s->base, ".so");
    if (is_program(rec, f->module))
        s->base_len = 0;
    else if (version)
        s->base_len = (size_t)(version - s->base);
}

static uint32_t subject_find(struct comparison *c, int side, struct function_id function)
{
    uint32_t *known = &c->sides[side].subject_of[function.n];
    if (*known)
        return *known - 1;
    struct subject s = {0};
    subject_name(&s, c->sides[side].in->rec, function);
    uint64_t key = hash_mix(hash_bytes(s.name, strlen(s.name)), hash_bytes(s.base, s.base_len));
    size_t at = 0;
    uint32_t n;
    while ((n = map_probe(&c->index, key, &at)) != MAP_NONE) {
        const struct subject *have = &c->subjects.at[n];
        if (strcmp(have->name, s.name) == 0 && have->base_len == s.base_len &&
            memcmp(have->base, s.base, s.base_len) == 0)
            break;
    }
    if (n == MAP_NONE) {
        n = (uint32_t)c->subjects.n;
        s.merged = n;
        vec_push(&c->subjects, s);
        map_add(&c->index, key, n);
    }
    *known = n + 1;
    return n;
}

/* How idle each thread was in the window, 0 to 1. To be freed. */
static double *thread_idleness(const struct recording *rec, const struct window_sum *sum)
{
    double *idle = xcalloc(rec->threads.n, sizeof *idle);
    double *all = xcalloc(rec->threads.n, sizeof *all);
    for (size_t i = 0; i < sum->cells.n; i++) {
        const struct cell *cell = &sum->cells.at[i];
        all[cell->thread.n] += (double)cell->ns;
        idle[cell->thread.n] += cell->idle ? (double)cell->ns : 0;
    }
    for (size_t i = 0; i < rec->threads.n; i++)
        idle[i] = all[i] > 0 ? idle[i] / all[i] : 0;
    free(all);
    return idle;
}

static void add_cell(struct comparison *c, int n, const struct window_sum *sum,
                     const struct cell *cell, double idleness)
{
    struct place place = rows_self_place(&sum->fold, cell->stack);
    uint32_t subject = subject_find(c, n, place.function); /* moves the subjects */
    struct subject_side *s = &c->subjects.at[subject].sides[n];
    if (!s->function.n) {
        s->function = place.function;
        s->line = place.line;
    }
    s->ns += cell->ns;
    s->ticks += cell->ticks;
    if (cell->state == STATE_RUNNABLE) {
        s->queue_ns += cell->ns;
        s->queue_ticks += cell->ticks;
    }
    s->idle_ns += idleness * (double)cell->ns;
}

static void totals(struct compare_totals *t, const struct side *side, const struct window_sum *sum)
{
    *t = (struct compare_totals){.span_s = side->span_s,
                                 .samples = sum->cpu_ticks + sum->wait_ticks + sum->idle_ticks};
    if (side->span_s <= 0)
        return;
    t->cpu = rows_seconds(sum->cpu_ns) / side->span_s;
    t->wait = rows_seconds(sum->wait_ns) / side->span_s;
    t->idle = rows_seconds(sum->idle_ns) / side->span_s;
}

static void sum_side(struct comparison *c, int n, struct compare_totals *t)
{
    struct side *side = &c->sides[n];
    const struct compare_side *in = side->in;
    side->windows = observed(in);
    side->span_s = rows_seconds(windows_span_ns(&side->windows));
    side->subject_of = xcalloc(in->rec->words.functions.n, sizeof *side->subject_of);
    struct window_sum *sum = &side->sum;
    windows_sum(sum, in->rec, &side->windows, &in->filter);
    side->whole_ns = sum->whole_ns;
    totals(t, side, sum);
    double *idleness = thread_idleness(in->rec, sum);
    for (size_t i = 0; i < sum->cells.n; i++)
        if (cell_counts(&sum->cells.at[i], in->filter.states))
            add_cell(c, n, sum, &sum->cells.at[i], idleness[sum->cells.at[i].thread.n]);
    free(idleness);
}

/* Matches by name alone what is left over: its file was renamed, or only one side knows it. */
static void match_leftovers(struct comparison *c)
{
    struct map alone[2] = {0}; /* hash of the name -> subject; MANY if there are several */
    const uint32_t many = MAP_NONE - 1;
    for (uint32_t i = 0; i < c->subjects.n; i++) {
        const struct subject *s = &c->subjects.at[i];
        int side = s->sides[BEFORE].ns ? BEFORE : AFTER;
        if (s->sides[!side].ns || !s->sides[side].ns)
            continue;
        uint64_t key = hash_bytes(s->name, strlen(s->name));
        map_set(&alone[side], key, map_get(&alone[side], key) == MAP_NONE ? i : many);
    }
    for (uint32_t i = 0; i < c->subjects.n; i++) {
        struct subject *s = &c->subjects.at[i];
        uint64_t key = hash_bytes(s->name, strlen(s->name));
        if (map_get(&alone[AFTER], key) != i)
            continue;
        uint32_t n = map_get(&alone[BEFORE], key);
        if (n == MAP_NONE || n == many || strcmp(c->subjects.at[n].name, s->name) != 0)
            continue;
        c->subjects.at[n].sides[AFTER] = s->sides[AFTER];
        s->sides[AFTER] = (struct subject_side){0};
        s->merged = n;
    }
    map_free(&alone[BEFORE]);
    map_free(&alone[AFTER]);
}

/* The slices of a side's windows, one behind the other; one that lies on the gap has two pieces. */
struct slicing {
    struct comparison *c;
    int n;             /* the side */
    struct fold *fold; /* the side's sum's: it has met each stack already */
    size_t pieces;
    struct {
        struct window window;
        size_t slice;
    } piece[SLICES_MAX * WINDOW_PARTS];
    uint32_t *subject_of; /* by folded stack, as far as known: subject + 1 */
    size_t known;
};

static uint32_t slicing_subject(struct slicing *s, struct stack_id stack)
{
    if (stack.n >= s->known) {
        size_t was = s->known;
        s->known = fold_count(s->fold);
        s->subject_of = xrealloc(s->subject_of, s->known * sizeof *s->subject_of);
        memset(s->subject_of + was, 0, (s->known - was) * sizeof *s->subject_of);
    }
    if (!s->subject_of[stack.n]) {
        struct place place = rows_self_place(s->fold, stack);
        uint32_t found = subject_find(s->c, s->n, place.function); /* moves the subjects */
        s->subject_of[stack.n] = s->c->subjects.at[found].merged + 1;
    }
    return s->subject_of[stack.n] - 1;
}

/* The first piece that ends behind a moment. */
static size_t first_piece(const struct slicing *s, uint64_t time_ns)
{
    size_t low = 0, high = s->pieces;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (s->piece[mid].window.to_ns <= time_ns)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void slice_run(const struct run *run, int level, bool idle, void *context)
{
    struct slicing *s = context;
    const struct cell cell = {.state = run->state, .idle = idle};
    if (!cell_counts(&cell, s->c->sides[s->n].in->filter.states))
        return;
    uint32_t subject = slicing_subject(s, run->stack);
    struct subject_side *side = &s->c->subjects.at[subject].sides[s->n];
    double sample_ns = (double)run->weight_ns / (run->ticks ? run->ticks : 1);
    uint64_t end_ns = run_end_ns(run, level);
    for (size_t i = first_piece(s, run->from_ns); i < s->pieces; i++) {
        struct window w = s->piece[i].window;
        if (w.from_ns >= end_ns)
            break;
        uint64_t ns = run_overlap_ns(run, level, w.from_ns, w.to_ns);
        side->slice_ns[s->piece[i].slice] += ns;
        side->squares += (double)ns * sample_ns;
    }
}

/*
 * Which side of a comparison within one recording is short enough to be a stretch of the other. A
 * window is picked for what happens in it, so its own slices scatter (a burst of two seconds and
 * five quiet ones), and that says nothing against it: the question is whether the other side has
 * such stretches, too.
 */
static int stretch_side(const struct comparison *c)
{
    double before_s = c->sides[BEFORE].span_s, after_s = c->sides[AFTER].span_s;
    if (c->sides[BEFORE].in->rec != c->sides[AFTER].in->rec || before_s <= 0 || after_s <= 0)
        return NO_STRETCH;
    if (after_s * STRETCHES <= before_s)
        return AFTER;
    return before_s * STRETCHES <= after_s ? BEFORE : NO_STRETCH;
}

/* Within a window's length of it: that may hold the beginning or the end of what the window was
 * picked for, so that it does not show how the rest scatters. */
static bool is_beside(const struct compare_side *side, struct window slice)
{
    uint64_t length = side->without.to_ns - side->without.from_ns;
    return is_the_rest(side) && slice.to_ns + length > side->without.from_ns &&
           slice.from_ns < side->without.to_ns + length;
}

/* The scatter over time: the self time of each function in each slice of the windows. */
static void slice_side(struct comparison *c, int n)
{
    struct side *side = &c->sides[n];
    const struct compare_side *in = side->in;
    uint64_t span = windows_span_ns(&side->windows);
    double wanted = c->stretch == !n ? side->span_s / c->sides[!n].span_s : side->span_s;
    side->slices = (size_t)fmin(fmax(wanted, SLICES_MIN), SLICES_MAX);
    struct slicing s = {.c = c, .n = n, .fold = &side->sum.fold};
    for (size_t k = 0; k < side->slices; k++) {
        struct windows slice =
            windows_slice(&side->windows, span * k / side->slices, span * (k + 1) / side->slices);
        for (size_t i = 0; i < slice.n; i++) {
            s.piece[s.pieces].window = slice.at[i];
            s.piece[s.pieces++].slice = k;
            side->beside[k] = side->beside[k] || is_beside(in, slice.at[i]);
        }
    }
    windows_visit(in->rec, &side->windows, &in->filter, s.fold, slice_run, &s);
    free(s.subject_of);
}

/* How many samples of equal weight would say as much. */
static double samples_of(const struct subject_side *s)
{
    return s->squares > 0 ? (double)s->ns * (double)s->ns / s->squares : (double)s->ticks;
}

/* The rates of a side in its slices; how many. Those beside the other side's window only if there
 * are hardly others. */
static size_t slice_rates(const struct side *side, const struct subject_side *s, double *rates)
{
    double slice_s = side->span_s / (double)side->slices;
    size_t apart = 0, n = 0;
    for (size_t k = 0; k < side->slices; k++)
        apart += !side->beside[k];
    for (size_t k = 0; k < side->slices; k++)
        if (!side->beside[k] || apart < SLICES_MIN / 2)
            rates[n++] = rows_seconds(s->slice_ns[k]) / slice_s;
    return n;
}

/* That a function was seen on one side alone. A tick of a slower sampler counts for more time. */
static double probability_absent(const struct comparison *c, const struct subject *s)
{
    int there = s->sides[AFTER].ns ? AFTER : BEFORE;
    double looks[2];
    for (int n = 0; n < 2; n++)
        looks[n] = c->sides[n].span_s * c->sides[n].in->rec->rate_hz;
    if (looks[BEFORE] <= 0 || looks[AFTER] <= 0) /* a rate is not known */
        for (int n = 0; n < 2; n++)
            looks[n] = c->sides[n].span_s;
    return significance_absent(samples_of(&s->sides[there]), looks[there], looks[!there]);
}

static bool is_on_both(const struct subject *s)
{
    return s->sides[BEFORE].ns && s->sides[AFTER].ns;
}

/* Whether the slices of time scatter by less than the difference. */
static bool stands_out(const struct comparison *c, const struct subject *s, double chance)
{
    double rates[2][SLICES_MAX];
    size_t slices[2];
    for (int n = 0; n < 2; n++)
        slices[n] = slice_rates(&c->sides[n], &s->sides[n], rates[n]);
    if (c->stretch < 0)
        return significance_slices(rates[BEFORE], slices[BEFORE], rates[AFTER], slices[AFTER]) <=
               chance;
    const struct side *other = &c->sides[!c->stretch];
    double length = c->sides[c->stretch].span_s * (double)other->slices / other->span_s;
    double rate = s->rates[c->stretch], *others = rates[!c->stretch];
    size_t n = slices[!c->stretch];
    return significance_stretch(rate, length, others, n) <= chance ||
           /* What is unlike most may be found in some others. */
           (is_the_rest(other->in) && significance_picked(rate, length, others, n) <= chance);
}

/* Whether a difference is more than chance gives by both tests; most fail the first. */
static bool is_significant(const struct comparison *c, const struct subject *s, double chance)
{
    double by_counts = is_on_both(s)
                           ? significance_counts(s->rates[BEFORE], samples_of(&s->sides[BEFORE]),
                                                 s->rates[AFTER], samples_of(&s->sides[AFTER]))
                           : probability_absent(c, s);
    return by_counts <= chance && stands_out(c, s, chance);
}

/*
 * Whether a change may be only that of the queue for the CPUs, which is the neighbours' doing.
 * Where a thread has time to spare, a busier machine lengthens all it does, and each function would
 * be called slower; so there the time without queueing must have changed too. A thread that never
 * rests does less in the same time instead, and its seconds per second are left as they are.
 */
static bool queueing(const struct comparison *c, const struct subject *s, double chance)
{
    double own[2];
    uint64_t ticks[2];
    bool spare = false, queued = false;
    for (int n = 0; n < 2; n++) {
        const struct subject_side *side = &s->sides[n];
        own[n] = rows_seconds(side->ns - side->queue_ns) / c->sides[n].span_s;
        ticks[n] = side->ticks - side->queue_ticks;
        spare = spare || side->idle_ns > SPARE_TIME * (double)side->ns;
        queued = queued || side->queue_ns;
    }
    if (!spare || !queued)
        return false;
    bool same_way = s->change_pct > 0 ? own[AFTER] > own[BEFORE] : own[AFTER] < own[BEFORE];
    return !same_way ||
           significance_counts(own[BEFORE], ticks[BEFORE], own[AFTER], ticks[AFTER]) > chance;
}

static bool worth_testing(const struct subject *s)
{
    return s->sides[BEFORE].ticks + s->sides[AFTER].ticks >=
           (is_on_both(s) ? SAMPLES_MIN : ABSENT_SAMPLES);
}

/* One that is absent on one side, and not by chance. */
static void judge_absent(const struct comparison *c, struct subject *s)
{
    int there = s->sides[AFTER].ns ? AFTER : BEFORE;
    if (rows_pct(s->sides[there].ns, c->sides[there].whole_ns) >= ABSENT_PCT)
        s->verdict = there == AFTER ? VERDICT_NEW : VERDICT_GONE;
}

static void judge(struct comparison *c)
{
    size_t tests = 0;
    for (size_t i = 0; i < c->subjects.n; i++)
        tests += worth_testing(&c->subjects.at[i]);
    /* As many tests, as much smaller the chance that each may have of being wrong. */
    double chance = tests ? FALSE_VERDICTS / (double)tests : 0;
    for (size_t i = 0; i < c->subjects.n; i++) {
        struct subject *s = &c->subjects.at[i];
        for (int n = 0; n < 2; n++)
            s->rates[n] =
                c->sides[n].span_s > 0 ? rows_seconds(s->sides[n].ns) / c->sides[n].span_s : 0;
        bool both = is_on_both(s);
        if (both)
            s->change_pct = 100 * (s->rates[AFTER] / s->rates[BEFORE] - 1);
        s->significant = worth_testing(s) && is_significant(c, s, chance);
        if (!both && s->significant)
            judge_absent(c, s);
        if (!both || !s->significant || queueing(c, s, chance))
            continue;
        if (s->change_pct >= COMPARE_THRESHOLD_PCT)
            s->verdict = VERDICT_REGRESSION;
        else if (s->change_pct <= -COMPARE_THRESHOLD_PCT)
            s->verdict = VERDICT_IMPROVEMENT;
    }
}

/* What is not rarer than this elsewhere is not more a part of a window than what is. */
#define RATIO_MOST 30

/* How much of what a window holds is its own: what the other side has not counts most. A burst's
 * victims (who wait for the GIL or a CPU) may have more seconds than it has, but they wait
 * elsewhere too. */
static double own_of_window(const struct subject *s)
{
    double ratio = s->rates[BEFORE] > 0 ? s->rates[AFTER] / s->rates[BEFORE] : RATIO_MOST;
    return (s->rates[AFTER] - s->rates[BEFORE]) * fmin(ratio, RATIO_MOST);
}

static double size_of(const struct comparison *c, const struct subject *s)
{
    if (s->verdict == VERDICT_UNCHANGED && c->rest) /* what comes again and again scatters */
        return s->rates[AFTER] - s->rates[BEFORE];
    if (s->verdict == VERDICT_UNCHANGED)
        return fmax(s->rates[BEFORE], s->rates[AFTER]);
    bool more = s->verdict == VERDICT_REGRESSION || s->verdict == VERDICT_NEW;
    return more && c->rest ? own_of_window(s) : fabs(s->rates[AFTER] - s->rates[BEFORE]);
}

/* Regressions, what is new, improvements, what is gone, the rest; the greatest difference first.
 * Against the rest of a recording what is new is no less than what there is more of, and of what is
 * within the noise too what is most the window's own stands first. */
static int worse(const void *x, const void *y, void *arg)
{
    const struct comparison *c = arg;
    const int order[] = {
        [VERDICT_REGRESSION] = 0, [VERDICT_NEW] = c->rest ? 0 : 1, [VERDICT_IMPROVEMENT] = 2,
        [VERDICT_GONE] = 3,       [VERDICT_UNCHANGED] = 4,
    };
    const struct subject *a = &c->subjects.at[*(const uint32_t *)x];
    const struct subject *b = &c->subjects.at[*(const uint32_t *)y];
    if (order[a->verdict] != order[b->verdict])
        return order[a->verdict] - order[b->verdict];
    double size_a = size_of(c, a), size_b = size_of(c, b);
    if (size_a != size_b)
        return size_a > size_b ? -1 : 1;
    int names = strcmp(a->name, b->name);
    return names ? names : *(const uint32_t *)x < *(const uint32_t *)y ? -1 : 1;
}

/* A sign for each 20 %, as on the screen: "######" slower, "===" faster. */
static void set_bar(struct table *table, const struct subject *s)
{
    char bar[8];
    int n = 2;
    if (s->verdict == VERDICT_UNCHANGED)
        return;
    if (s->verdict == VERDICT_REGRESSION || s->verdict == VERDICT_IMPROVEMENT)
        n = (int)fmin(fmax(round(fabs(s->change_pct) / 20), 1), 6);
    bool worse_now = s->verdict == VERDICT_REGRESSION || s->verdict == VERDICT_NEW;
    memset(bar, worse_now ? '#' : '=', (size_t)n);
    bar[n] = '\0';
    table_set_text(table, COL_BAR, bar);
}

static void set_change(struct table *table, const struct subject *s)
{
    if (is_on_both(s))
        table_set_number(table, COL_CHANGE, s->change_pct);
    else if (s->verdict != VERDICT_UNCHANGED) /* else it may be there, and only was not met */
        table_set_text(table, COL_CHANGE, verdict_name(s->verdict));
    if (s->sides[BEFORE].ns)
        table_set_number(table, COL_CHANGE_PCT, is_on_both(s) ? s->change_pct : -100);
}

static void add_subject(struct table *table, const struct comparison *c, const struct subject *s)
{
    static const enum row_role roles[] = {
        [VERDICT_UNCHANGED] = ROW_NOISE,    [VERDICT_REGRESSION] = ROW_WORSE,
        [VERDICT_IMPROVEMENT] = ROW_BETTER, [VERDICT_NEW] = ROW_WORSE,
        [VERDICT_GONE] = ROW_BETTER,
    };
    int from = s->sides[AFTER].ns ? AFTER : BEFORE;
    const struct subject_side *side = &s->sides[from];
    const struct recording *rec = c->sides[from].in->rec;
    const struct function *f = function_at(&rec->words, side->function);
    uint32_t line = f->line ? f->line : side->line;
    char place[256];

    struct row *row = table_add_row(table);
    row->key = hash_mix(hash_bytes(s->name, strlen(s->name)), hash_bytes(s->base, s->base_len));
    row->function = side->function;
    row->place = (struct place){side->function, line};
    row->role = roles[s->verdict];
    if (s->sides[BEFORE].ns)
        table_set_number(table, COL_BEFORE_PCT,
                         rows_pct(s->sides[BEFORE].ns, c->sides[BEFORE].whole_ns));
    if (s->sides[AFTER].ns)
        table_set_number(table, COL_AFTER_PCT,
                         rows_pct(s->sides[AFTER].ns, c->sides[AFTER].whole_ns));
    set_change(table, s);
    set_bar(table, s);
    table_set_text(table, COL_NAME, s->name);
    rows_set_text(table, COL_PLACE, rows_place(place, sizeof place, rec, side->function, line));
    table_set_text(table, COL_VERDICT, verdict_name(s->verdict));
    table_set_number(table, COL_BEFORE_RATE, s->rates[BEFORE]);
    table_set_number(table, COL_AFTER_RATE, s->rates[AFTER]);
    table_set_bool(table, COL_SIGNIFICANT, s->significant);
    rows_set_text(table, COL_MODULE, module_path(&rec->words, f->module));
    rows_set_text(table, COL_FILE, string_text(&rec->words, f->file));
    rows_set_line(table, COL_LINE, line);
}

static void add_subjects(struct table *table, struct comparison *c)
{
    VEC(uint32_t) order = {0};
    for (uint32_t i = 0; i < c->subjects.n; i++)
        if (c->subjects.at[i].sides[BEFORE].ns || c->subjects.at[i].sides[AFTER].ns)
            vec_push(&order, i);
    if (order.n > 1)
        qsort_r(order.at, order.n, sizeof *order.at, worse, c);
    for (size_t i = 0; i < order.n; i++)
        add_subject(table, c, &c->subjects.at[order.at[i]]);
    vec_free(&order);
}

/* Non-idle, also where the filter lets idle time in. */
static double busy_rate(const struct side *side, const struct compare_totals *t)
{
    if (side->in->filter.states == STATES_ALL)
        return t->cpu + t->wait;
    return side->span_s > 0 ? rows_seconds(side->whole_ns) / side->span_s : 0;
}

void compare_fill(struct table *table, struct compare_summary *summary,
                  const struct compare_side *before, const struct compare_side *after,
                  const char *sort, bool invert, size_t limit)
{
    struct comparison c = {.sides = {{.in = before}, {.in = after}}};
    c.rest = is_the_rest(before);
    *summary = (struct compare_summary){0};
    sum_side(&c, BEFORE, &summary->before);
    sum_side(&c, AFTER, &summary->after);
    match_leftovers(&c);
    c.stretch = stretch_side(&c);
    slice_side(&c, BEFORE);
    slice_side(&c, AFTER);
    judge(&c);

    table_begin(table, &compare_view);
    table->window = after->window;
    table->whole_ns = c.sides[AFTER].whole_ns;
    table->samples = summary->before.samples + summary->after.samples;
    add_subjects(table, &c);
    for (size_t i = 0; i < c.subjects.n; i++) {
        summary->regressions += c.subjects.at[i].verdict == VERDICT_REGRESSION;
        summary->improvements += c.subjects.at[i].verdict == VERDICT_IMPROVEMENT;
        summary->appeared += c.subjects.at[i].verdict == VERDICT_NEW;
        summary->vanished += c.subjects.at[i].verdict == VERDICT_GONE;
    }
    summary->time_diff_s =
        busy_rate(&c.sides[AFTER], &summary->after) - busy_rate(&c.sides[BEFORE], &summary->before);
    if (sort && view_column(&compare_view, sort) >= 0)
        table_sort(table, sort, invert);
    else if (invert)
        table_sort(table, NULL, true);
    table_limit(table, limit);

    for (int n = 0; n < 2; n++) {
        free(c.sides[n].subject_of);
        window_sum_clear(&c.sides[n].sum);
    }
    map_free(&c.index);
    vec_free(&c.subjects);
}

void compare_say_others(char *out, size_t size, const struct compare_summary *summary)
{
    struct text t = {out, size, 0, false};
    out[0] = '\0';
    if (summary->appeared)
        text_add(&t, ", %zu new", summary->appeared);
    if (summary->vanished)
        text_add(&t, ", %zu gone", summary->vanished);
}
