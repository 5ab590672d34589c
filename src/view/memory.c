/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See memory.h, and table.h for what a view is. */
#include "view/memory.h"

#include <math.h>

#include "base/text.h"
#include "view/memory_pattern.h"
#include "view/rows.h"
#include "view/views.h"

/* Growth sites: where the memory comes from that makes it grow. */

enum site_column {
    SITE_KIND,
    SITE_BY,
    SITE_GROWTH_PER_S,
    SITE_UNSURE,
    SITE_GROWTH,
    SITE_PCT,
    SITE_NAME,
    SITE_PLACE,
    SITE_STAYS,
    SITE_SEEN,
    SITE_TYPE,
    SITE_MODULE,
    SITE_FILE,
    SITE_LINE,
    SITE_COUNT
};

static const struct column site_columns[SITE_COUNT] = {
    [SITE_KIND] = {"kind", "KIND", FORMAT_TEXT, 8, 80, COLUMN_BOTH, false},
    [SITE_BY] = {"by", "BY", FORMAT_CHANGE, 6, 80, COLUMN_BOTH, false},
    [SITE_GROWTH_PER_S] = {"growth_bytes_per_s", "GROWTH", FORMAT_BYTE_RATE, 7, 80, COLUMN_BOTH,
                           false},
    [SITE_UNSURE] = {"growth_unsure_bytes_per_s", "+-", FORMAT_BYTES, 5, 80, COLUMN_BOTH, false},
    [SITE_GROWTH] = {"growth_bytes", "BYTES", FORMAT_BYTES, 5, 80, COLUMN_BOTH, true},
    [SITE_PCT] = {"growth_pct", "OF IT%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    [SITE_NAME] = {"name", "FUNCTION", FORMAT_TEXT, 12, 80, COLUMN_BOTH, false},
    [SITE_PLACE] = {"place", "FILE:LINE", FORMAT_PATH, 12, 80, COLUMN_SCREEN, false},
    [SITE_STAYS] = {"stays_pct", "STAYS%", FORMAT_PCT, 6, 120, COLUMN_BOTH, false},
    [SITE_SEEN] = {"sightings", "SEEN", FORMAT_COUNT, 5, 120, COLUMN_BOTH, true},
    [SITE_TYPE] = {"type", "TYPE", FORMAT_TEXT, 8, 120, COLUMN_BOTH, false},
    [SITE_MODULE] = {"module", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [SITE_FILE] = {"file", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [SITE_LINE] = {"line", NULL, FORMAT_COUNT, 0, 0, COLUMN_DATA, true},
};

/* Sites of one kind and one line, whatever called it. */
struct site_sum {
    enum growth_kind kind;
    struct place place;
    struct string_id type;
    double bytes, bytes_per_s, unsure_per_s;
    uint64_t count, of_samples;
};

struct site_sums {
    VEC(struct site_sum) at;
    struct map index;
    double total[GROWTH_KINDS]; /* of each whole: bytes per second; of what is traced, bytes */
};

/* Allocators and containers, which are compiled into the program itself (templates, static
 * programs): nobody's own idea of what allocates. */
static bool is_allocating_helper(const char *name)
{
    static const char *const beginnings[] = {
        "std::",  "void std::", "__gnu_cxx::",   "operator new", "malloc",
        "calloc", "realloc",    "aligned_alloc", "memalign",     "posix_memalign"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (!strncmp(name, beginnings[i], strlen(beginnings[i])))
            return true;
    return false;
}

/* xmalloc, zmalloc_usable, ngx_palloc, g_realloc_n, pstrdup: a program's own way to the allocator,
 * of which all that allocate make use. */
static bool is_allocating_wrapper(const char *name)
{
    static const char *const ends[] = {"malloc", "calloc",  "realloc", "palloc",
                                       "strdup", "strndup", "memdup"};
    char token[64];
    size_t n = 0;
    for (const char *at = name;; at++) {
        if (*at && strchr("abcdefghijklmnopqrstuvwxyz", *at) && n + 1 < sizeof token) {
            token[n++] = *at;
            continue;
        }
        token[n] = '\0';
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
            if (text_ends_with(token, ends[i]))
                return true;
        if (!*at || !strchr("_0123456789", *at))
            return false; /* the name's end, or a name of another form */
        n = 0;
    }
}

static bool is_allocating(const char *name)
{
    return is_allocating_helper(name) || is_allocating_wrapper(name);
}

/* The nearest own place of a folded stack that is none of these. */
static struct place site_place(const struct fold *fold, struct stack_id stack)
{
    for (struct stack_id s = stack; s.n; s = fold_at(fold, s)->parent) {
        const struct place *places;
        size_t n = recording_places(fold->rec, fold_at(fold, s)->frame, &places);
        for (size_t i = 0; i < n; i++)
            if (rows_is_own(fold->rec, places[i].function) &&
                !is_allocating(rows_function_name(fold->rec, places[i].function)))
                return places[i];
    }
    return rows_own_place(fold, stack);
}

static void add_site(struct site_sums *sums, struct fold *fold, const struct growth_site *site)
{
    struct place place = site_place(fold, fold_stack(fold, site->stack));
    uint64_t key = hash_mix((uint64_t)place.function.n << 32 | place.line, (uint64_t)site->kind);
    uint32_t found = map_get(&sums->index, key);
    if (found == MAP_NONE) {
        found = (uint32_t)sums->at.n;
        map_set(&sums->index, key, found);
        struct site_sum *new = vec_add(&sums->at);
        new->kind = site->kind;
        new->place = place;
        new->type = site->type;
    }
    struct site_sum *sum = &sums->at.at[found];
    sum->bytes += site->bytes;
    sum->bytes_per_s += site->bytes_per_s;
    sum->unsure_per_s = hypot(sum->unsure_per_s, site->unsure_per_s);
    if (!sum->type.n)
        sum->type = site->type;
    sum->count += site->count;
    sum->of_samples += site->of_samples;
    sums->total[growth_kind_whole(site->kind)] +=
        site->kind == GROWTH_TRACED ? site->bytes : site->bytes_per_s;
}

/* What stays is worth more than what merely came, and what asked for space more than what touched
 * it; then by how fast. */
static int worst_first(const void *a, const void *b)
{
    const struct site_sum *x = a, *y = b;
    enum growth_kind of_x = growth_kind_whole(x->kind), of_y = growth_kind_whole(y->kind);
    if (of_x != of_y)
        return of_x < of_y ? -1 : 1;
    if (x->bytes_per_s != y->bytes_per_s)
        return x->bytes_per_s > y->bytes_per_s ? -1 : 1;
    return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

static void add_site_row(struct table *table, const struct recording *rec,
                         const struct site_sums *sums, const struct site_sum *site)
{
    char place[160];
    const struct function *function = function_at(&rec->words, site->place.function);
    struct row *row = table_add_row(table);
    row->key = hash_mix(rows_function_key(rec, site->place.function),
                        (uint64_t)site->place.line << 8 | (uint64_t)site->kind);
    row->function = site->place.function;
    row->place = site->place;
    row->role = growth_kind_enlarged(site->kind) ? ROW_QUIET : ROW_PLAIN;
    double total = sums->total[growth_kind_whole(site->kind)];
    table_set_text(table, SITE_KIND, growth_kind_name(site->kind));
    rows_set_text(table, SITE_BY, growth_kind_by(site->kind));
    table_set_number(table, SITE_GROWTH, site->bytes);
    table_set_number(table, SITE_GROWTH_PER_S, site->bytes_per_s);
    double part = site->kind == GROWTH_TRACED ? site->bytes : site->bytes_per_s;
    if (total > 0)
        table_set_number(table, SITE_PCT, 100 * part / total);
    table_set_text(table, SITE_NAME, rows_function_name(rec, site->place.function));
    rows_set_text(table, SITE_PLACE,
                  rows_place(place, sizeof place, rec, site->place.function, site->place.line));
    rows_set_text(table, SITE_TYPE, string_text(&rec->words, site->type));
    if (site->of_samples && site->kind == GROWTH_SURVIVES)
        table_set_number(table, SITE_STAYS, 100.0 * (double)site->count / (double)site->of_samples);
    if (site->kind != GROWTH_TRACED)
        table_set_number(table, SITE_SEEN, (double)site->count);
    if (site->unsure_per_s > 0)
        table_set_number(table, SITE_UNSURE, site->unsure_per_s);
    rows_set_text(table, SITE_MODULE, module_path(&rec->words, function->module));
    rows_set_text(table, SITE_FILE, string_text(&rec->words, function->file));
    rows_set_line(table, SITE_LINE, site->place.line);
}

/* Of each process the newest look that found sites of a kind. */
static void add_sites(struct table *table, const struct query *query)
{
    const struct recording *rec = query->rec;
    struct site_sums sums = {0};
    struct fold fold;
    fold_init(&fold, rec, query->filter.native);
    for (uint32_t i = 1; i < rec->incarnations.n; i++) {
        if (query->filter.pid && rec->incarnations.at[i].pid != query->filter.pid)
            continue;
        for (int kind = 0; kind < GROWTH_KINDS; kind++) {
            const struct growth_look *look = recording_growth(
                rec, (struct incarnation_id){i}, (enum growth_kind)kind, query->window.to_ns);
            if (!look || look->to_ns < query->window.from_ns)
                continue;
            for (size_t k = 0; k < look->sites.n; k++)
                if ((int)look->sites.at[k].kind == kind)
                    add_site(&sums, &fold, &look->sites.at[k]);
        }
    }
    vec_sort(&sums.at, worst_first);
    for (size_t i = 0; i < sums.at.n; i++)
        add_site_row(table, rec, &sums, &sums.at.at[i]);
    vec_free(&sums.at);
    map_free(&sums.index);
    fold_clear(&fold);
}

static void memory_fill(struct table *table, const struct query *query)
{
    rows_count(table, query);
    add_sites(table, query);
}

/* What stays, by that look, in bytes a second; negative: nothing was found. */
static double survives_per_s(const struct growth_look *look)
{
    double sum = -1;
    for (size_t i = 0; i < look->sites.n; i++)
        if (look->sites.at[i].kind == GROWTH_SURVIVES)
            sum = fmax(sum, 0) + look->sites.at[i].bytes_per_s;
    return sum;
}

/* Of a usual one the first part lasts 20 s, see engine/survivors.h. */
#define SHORT_LOOK_NS (19 * NS_PER_S)
/* Memory that grows by less is called stable (contract.md); here it has to be plain. */
#define PLAINLY_GROWN_PER_S 10000.0

/* Whether memory grew over twice as fast during the look: known where there is one process. */
static bool is_missed(const struct recording *rec, const struct growth_look *look)
{
    const struct series *anon = &rec->total.series[METRIC_ANON];
    const struct point *from = series_find(anon, look->from_ns);
    const struct point *to = series_find(anon, look->to_ns);
    if (rec->incarnations.n != 2 || !from || !to || to->time_ns <= from->time_ns)
        return false;
    double per_s = (to->mean - from->mean) * 1e9 / (double)(to->time_ns - from->time_ns);
    return per_s > PLAINLY_GROWN_PER_S && per_s > 2 * survives_per_s(look);
}

size_t memory_growth_notes(const struct query *query, const char *out[MEMORY_NOTES_MAX])
{
    const struct growth_look *look =
        recording_probed(query->rec, query->filter.pid, query->window.from_ns, query->window.to_ns);
    size_t n = 0;
    if (!look)
        return 0;
    if (!look->samples) {
        out[n++] = "What stays: no call of an allocator was seen. It made none, or its own has no";
        out[n++] = "symbols. See what enlarged it, or start it with one that has (LD_PRELOAD).";
        return n;
    }
    if (survives_per_s(look) < 0) {
        out[n++] = "What stays: no block that was seen to be allocated stayed unchanged.";
    } else {
        if (look->flags & GROWTH_OTHER_HEAP)
            out[n++] = "Not glibc's malloc: what was freed, not given out again, can seem to stay.";
        if (look->flags & GROWTH_INNERMOST)
            out[n++] = "Of Python's calls the innermost line alone is known, not its callers.";
        if (look->flags & GROWTH_COMPILED)
            out[n++] = "This Python has its allocator compiled into callers: rates are least ones.";
        if (look->to_ns - look->from_ns < SHORT_LOOK_NS)
            out[n++] = "A short look: what lives for some seconds seems to stay, too.";
    }
    if (is_missed(query->rec, look))
        out[n++] = "Memory grew over twice as fast as what is found here stays: look again (g).";
    return n;
}

const struct view memory_view = {
    .name = "memory",
    .title = "Memory",
    .columns = site_columns,
    .n_columns = SITE_COUNT,
    .fill = memory_fill,
    .empty =
        "No growth sites: g (--growth with record) looks for the lines that make the memory grow.",
};

/* What it is made of. */

enum part_column {
    PART_TITLE,
    PART_NOW,
    PART_GROWTH,
    PART_UNSURE,
    PART_PEAK,
    PART_BASELINE,
    PART_SWING,
    PART_AGE,
    PART_COUNT
};

/* FORMAT_RATE: texts that stand at the right; the mappings are no bytes. */
static const struct column part_columns[PART_COUNT] = {
    [PART_TITLE] = {"part", "MEMORY", FORMAT_TEXT, 17, 80, COLUMN_SCREEN, false},
    [PART_NOW] = {"now", "NOW", FORMAT_RATE, 6, 80, COLUMN_SCREEN, false},
    [PART_GROWTH] = {"growth", "GROWTH", FORMAT_RATE, 8, 80, COLUMN_SCREEN, false},
    [PART_UNSURE] = {"unsure", "+-", FORMAT_RATE, 6, 80, COLUMN_SCREEN, false},
    [PART_PEAK] = {"peak", "PEAK", FORMAT_RATE, 6, 80, COLUMN_SCREEN, false},
    [PART_BASELINE] = {"baseline", "BASELINE", FORMAT_RATE, 8, 80, COLUMN_SCREEN, false},
    [PART_SWING] = {"swing", "SWING", FORMAT_RATE, 6, 80, COLUMN_SCREEN, false},
    [PART_AGE] = {"age", "READ", FORMAT_RATE, 9, 80, COLUMN_SCREEN, false},
};

static const enum metric parts[] = {
    METRIC_RSS,       METRIC_ANON,         METRIC_FILE,         METRIC_SHARED,  METRIC_SWAP,
    METRIC_PSS,       METRIC_HEAP,         METRIC_MAPPINGS,     METRIC_VIRTUAL, METRIC_LIMIT_USED,
    METRIC_AVAILABLE, METRIC_MINOR_FAULTS, METRIC_MAJOR_FAULTS,
};

/* A figure is new for so long: they are read once a second. */
#define NEW_NS (3 * NS_PER_S / 2)

static void set_rate(struct table *table, size_t column, enum metric metric, double per_s,
                     bool signed_)
{
    char figure[FIGURE_MAX];
    if (metrics[metric].unit == UNIT_BYTES && signed_)
        table_set_text(table, column, figure_bytes_rate(figure, per_s));
    else if (metrics[metric].unit == UNIT_BYTES)
        table_set_text(table, column, figure_bytes(figure, per_s));
    else
        table_set_format(table, column, signed_ && per_s >= 0.05 ? "+%.1f/s" : "%.1f/s", per_s);
}

static void add_part(struct table *table, enum metric metric, const struct series_pattern *p,
                     uint64_t to_ns)
{
    char figure[FIGURE_MAX];
    bool is_level = metrics[metric].unit == UNIT_BYTES || metrics[metric].unit == UNIT_COUNT;
    struct row *row = table_add_row(table);
    row->key = (uint64_t)metric + 1;
    table_set_text(table, PART_TITLE, metrics[metric].title);
    table_set_text(table, PART_NOW, metric_figure(figure, metric, p->now));
    if (is_level && p->has_slope) {
        double least = metrics[metric].unit == UNIT_BYTES ? MEMORY_STABLE_PER_S : 0.05;
        bool moves = series_pattern_moves(p, least);
        if (moves)
            set_rate(table, PART_GROWTH, metric, p->slope, true);
        else
            table_set_text(table, PART_GROWTH, "stable");
        if (moves)
            set_rate(table, PART_UNSURE, metric, (p->high - p->low) / 2, false);
    }
    table_set_text(table, PART_PEAK, metric_figure(figure, metric, p->peak));
    table_set_text(table, PART_BASELINE, metric_figure(figure, metric, p->baseline));
    table_set_text(table, PART_SWING, metric_figure(figure, metric, p->volatility));
    if (to_ns < p->last_ns + NEW_NS)
        table_set_text(table, PART_AGE, "now");
    else
        table_set_format(table, PART_AGE, "%.10s ago", figure_duration(figure, to_ns - p->last_ns));
}

static void parts_fill(struct table *table, const struct query *query)
{
    uint64_t to_ns = query->window.to_ns;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct series_pattern p;
        series_pattern_find(&p, &query->rec->total.series[parts[i]], query->window);
        if (p.points)
            add_part(table, parts[i], &p, to_ns);
    }
}

const struct view memory_parts_view = {
    .name = "memory parts",
    .title = "Memory",
    .columns = part_columns,
    .n_columns = PART_COUNT,
    .fill = parts_fill,
    .empty = "Nothing is known of the memory in this window.",
};
