/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See memory.h, and table.h for what a view is. */
#include "view/memory.h"

#include <string.h>

#include "base/text.h"
#include "view/memory_pattern.h"
#include "view/rows.h"
#include "view/views.h"

/* Growth sites: where the memory comes from that makes it grow. */

enum site_column {
    SITE_KIND,
    SITE_GROWTH_PER_S,
    SITE_GROWTH,
    SITE_PCT,
    SITE_NAME,
    SITE_PLACE,
    SITE_MODULE,
    SITE_FILE,
    SITE_LINE,
    SITE_COUNT
};

static const struct column site_columns[SITE_COUNT] = {
    [SITE_KIND] = {"kind", "KIND", FORMAT_TEXT, 8, 80, COLUMN_BOTH, false},
    [SITE_GROWTH_PER_S] = {"growth_bytes_per_s", "GROWTH", FORMAT_BYTE_RATE, 7, 80, COLUMN_BOTH,
                           false},
    [SITE_GROWTH] = {"growth_bytes", "BYTES", FORMAT_BYTES, 5, 80, COLUMN_BOTH, true},
    [SITE_PCT] = {"growth_pct", "OF IT%", FORMAT_PCT, 6, 80, COLUMN_BOTH, false},
    [SITE_NAME] = {"name", "FUNCTION", FORMAT_TEXT, 12, 80, COLUMN_BOTH, false},
    [SITE_PLACE] = {"place", "FILE:LINE", FORMAT_PATH, 12, 80, COLUMN_SCREEN, false},
    [SITE_MODULE] = {"module", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [SITE_FILE] = {"file", NULL, FORMAT_PATH, 0, 0, COLUMN_DATA, false},
    [SITE_LINE] = {"line", NULL, FORMAT_COUNT, 0, 0, COLUMN_DATA, true},
};

/* Stacks with the same nearest own place are one row. */
struct site_sum {
    struct place place;
    double bytes, bytes_per_s;
};

struct site_sums {
    VEC(struct site_sum) list;
    struct map index;
    double bytes_per_s; /* all of them */
};

/* Allocators and containers, which are compiled into the program itself (templates, static
 * programs): nobody's own idea of what allocates. */
static bool is_allocating_helper(const char *name)
{
    static const char *const beginnings[] = {
        "std::",   "void std::",    "__gnu_cxx::", "operator new",   "malloc",    "calloc",
        "realloc", "aligned_alloc", "memalign",    "posix_memalign", "allocator<"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (!strncmp(name, beginnings[i], strlen(beginnings[i])))
            return true;
    return false;
}

/* The nearest own place of a folded stack, as a person sees it; as rows_own_place() if there is
 * none. */
static struct place site_place(const struct fold *fold, struct stack_id stack)
{
    for (struct stack_id s = stack; s.n; s = fold_at(fold, s)->parent) {
        const struct place *places;
        size_t n = recording_places(fold->rec, fold_at(fold, s)->frame, &places);
        for (size_t i = 0; i < n; i++)
            if (rows_is_own(fold->rec, places[i].function) &&
                !is_allocating_helper(rows_function_name(fold->rec, places[i].function)))
                return places[i];
    }
    return rows_own_place(fold, stack);
}

static void sum_site(struct site_sums *sums, struct fold *fold, const struct growth_site *site)
{
    struct place place = site_place(fold, fold_stack(fold, site->stack));
    uint64_t key = (uint64_t)place.function.n << 32 | place.line;
    uint32_t at = map_get(&sums->index, key);
    if (at == MAP_NONE) {
        at = (uint32_t)sums->list.n;
        map_set(&sums->index, key, at);
        vec_add(&sums->list)->place = place;
    }
    sums->list.at[at].bytes += site->bytes;
    sums->list.at[at].bytes_per_s += site->bytes_per_s;
    sums->bytes_per_s += site->bytes_per_s;
}

static void add_site(struct table *table, const struct query *query, enum growth_kind kind,
                     const struct site_sum *sum, double all_per_s)
{
    const struct recording *rec = query->rec;
    const struct function *f = function_at(&rec->words, sum->place.function);
    char place[1024];
    struct row *row = table_add_row(table);
    row->key = hash_mix(hash_mix(rows_function_key(rec, sum->place.function), sum->place.line),
                        (uint64_t)kind);
    table_set_text(table, SITE_KIND, growth_kind_name(kind));
    table_set_number(table, SITE_GROWTH_PER_S, sum->bytes_per_s);
    table_set_number(table, SITE_GROWTH, sum->bytes);
    if (all_per_s > 0)
        table_set_number(table, SITE_PCT, 100 * sum->bytes_per_s / all_per_s);
    table_set_text(table, SITE_NAME, rows_function_name(rec, sum->place.function));
    table_set_text(table, SITE_PLACE,
                   rows_place(place, sizeof place, rec, sum->place.function, sum->place.line));
    rows_set_text(table, SITE_MODULE, module_path(&rec->words, f->module));
    rows_set_text(table, SITE_FILE, string_text(&rec->words, f->file));
    rows_set_line(table, SITE_LINE, sum->place.line);
}

/* The newest look of each kind at each process that began before the window's end. */
static void add_sites(struct table *table, const struct query *query)
{
    const struct recording *rec = query->rec;
    struct fold fold;
    if (!rec->growth.list.n)
        return;
    fold_init(&fold, rec, query->filter.native);
    for (int kind = 0; kind < GROWTH_KINDS; kind++) {
        struct site_sums sums = {.bytes_per_s = 0};
        for (size_t i = 0; i < rec->growth.list.n; i++) {
            const struct growth_site *site = &rec->growth.list.at[i];
            if (site->kind == kind &&
                site->look ==
                    recording_growth_look(rec, site->incarnation, site->kind, query->window.to_ns))
                sum_site(&sums, &fold, site);
        }
        for (size_t i = 0; i < sums.list.n; i++)
            add_site(table, query, (enum growth_kind)kind, &sums.list.at[i], sums.bytes_per_s);
        vec_free(&sums.list);
        map_free(&sums.index);
    }
    fold_clear(&fold);
}

static void memory_fill(struct table *table, const struct query *query)
{
    rows_count(table, query);
    add_sites(table, query);
}

const struct view memory_view = {
    .name = "memory",
    .title = "Memory",
    .columns = site_columns,
    .n_columns = SITE_COUNT,
    .sort = "growth_bytes_per_s",
    .fill = memory_fill,
    .empty = "No growth sites: nothing was recorded of which lines make the memory grow.",
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
