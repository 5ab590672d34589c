/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See compare_objects.h. Types are matched by name and language: their numbers differ. Pure. */
#include "view/compare_objects.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "view/objects.h"
#include "view/rows.h"

enum compare_objects_column {
    COL_BEFORE,
    COL_AFTER,
    COL_CHANGE,
    COL_BYTES_DIFF,
    COL_TYPE,
    COL_HELD_BY,
    COL_OWNER,
    COL_VERDICT,
    COL_LANGUAGE,
    COL_COUNT_DIFF,
    COL_BEFORE_BYTES,
    COL_AFTER_BYTES,
    COL_CHANGE_PCT,
    COL_PARTIAL,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_BEFORE] = {"before_count", "BEFORE", FORMAT_COUNT, 11, 80, COLUMN_BOTH, true},
    [COL_AFTER] = {"after_count", "AFTER", FORMAT_COUNT, 11, 80, COLUMN_BOTH, true},
    [COL_CHANGE] = {"change", "CHANGE", FORMAT_CHANGE, 6, 80, COLUMN_SCREEN, false},
    [COL_BYTES_DIFF] = {"bytes_diff", "BYTES+-", FORMAT_BYTES, 7, 80, COLUMN_BOTH, true},
    [COL_TYPE] = {"type", "TYPE", FORMAT_TEXT, 16, 80, COLUMN_BOTH, false},
    [COL_HELD_BY] = {"held_by", "HELD BY", FORMAT_PATH, 12, 80, COLUMN_SCREEN, false},
    [COL_OWNER] = {"owner", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_VERDICT] = {"verdict", "VERDICT", FORMAT_TEXT, 11, 120, COLUMN_BOTH, false},
    [COL_LANGUAGE] = {"language", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_COUNT_DIFF] = {"count_diff", NULL, FORMAT_COUNT, 0, 0, COLUMN_DATA, true},
    [COL_BEFORE_BYTES] = {"before_bytes", NULL, FORMAT_BYTES, 0, 0, COLUMN_DATA, true},
    [COL_AFTER_BYTES] = {"after_bytes", NULL, FORMAT_BYTES, 0, 0, COLUMN_DATA, true},
    [COL_CHANGE_PCT] = {"change_pct", NULL, FORMAT_CHANGE, 0, 0, COLUMN_DATA, false},
    [COL_PARTIAL] = {"partial", NULL, FORMAT_BOOL, 0, 0, COLUMN_DATA, false},
};

const struct view compare_objects_view = {
    .name = "compare objects",
    .title = "Compare",
    .columns = columns,
    .n_columns = COL_COUNT,
    .empty = "The objects were not counted on both sides.",
};

#define OBJECTS_LEAST 100
#define BYTES_LEAST   65536

struct pair {
    const char *name; /* borrowed from either recording */
    const struct type_growth *sides[2];
};

struct pairs {
    VEC(struct pair) at;
    struct map index;
};

static struct pair *find_pair(struct pairs *pairs, const char *name, uint8_t language)
{
    uint64_t key = rows_mix_text(language, name);
    uint32_t found = map_get(&pairs->index, key);
    if (found != MAP_NONE)
        return &pairs->at.at[found];
    map_set(&pairs->index, key, (uint32_t)pairs->at.n);
    struct pair *pair = vec_add(&pairs->at);
    pair->name = name;
    return pair;
}

static void add_side(struct pairs *pairs, int side, const struct recording *rec,
                     const struct growth_list *list, struct compare_objects_totals *totals)
{
    totals->time_ns = list->time_ns;
    for (size_t i = 0; i < list->rows.n; i++) {
        const struct type_growth *g = &list->rows.at[i];
        find_pair(pairs, string_text(&rec->words, g->type), g->language)->sides[side] = g;
        totals->count += g->count;
        totals->size_bytes += g->size_bytes;
    }
}

static double change_pct(double before, double after)
{
    return before > 0 ? 100 * (after - before) / before : NAN;
}

/* The larger of the two changes, in percent; NAN for what is new. */
static double pair_change(const struct pair *p)
{
    if (!p->sides[0])
        return NAN;
    if (!p->sides[1])
        return -100;
    double count = change_pct((double)p->sides[0]->count, (double)p->sides[1]->count);
    double bytes = change_pct((double)p->sides[0]->size_bytes, (double)p->sides[1]->size_bytes);
    return fabs(bytes) > fabs(count) ? bytes : count;
}

static enum verdict judge(const struct pair *p, double count_diff, double bytes_diff)
{
    if (fabs(count_diff) < OBJECTS_LEAST && fabs(bytes_diff) < BYTES_LEAST)
        return VERDICT_UNCHANGED;
    if (!p->sides[0] || !p->sides[1])
        return p->sides[0] ? VERDICT_GONE : VERDICT_NEW;
    double change = pair_change(p);
    if (change >= COMPARE_THRESHOLD_PCT)
        return VERDICT_REGRESSION;
    return change <= -COMPARE_THRESHOLD_PCT ? VERDICT_IMPROVEMENT : VERDICT_UNCHANGED;
}

static void add_pair(struct table *table, const struct pair *p,
                     struct compare_objects_summary *summary, const struct recording *after)
{
    static const struct type_growth none;
    const struct type_growth *b = p->sides[0] ? p->sides[0] : &none;
    const struct type_growth *a = p->sides[1] ? p->sides[1] : &none;
    double count_diff = (double)a->count - (double)b->count;
    double bytes_diff = (double)a->size_bytes - (double)b->size_bytes;
    enum verdict verdict = judge(p, count_diff, bytes_diff);
    bool worse = verdict == VERDICT_REGRESSION || verdict == VERDICT_NEW;
    bool better = verdict == VERDICT_IMPROVEMENT || verdict == VERDICT_GONE;
    summary->regressions += verdict == VERDICT_REGRESSION;
    summary->improvements += verdict == VERDICT_IMPROVEMENT;
    uint8_t language = p->sides[1] ? a->language : b->language;

    struct row *row = table_add_row(table);
    row->key = rows_mix_text(language, p->name);
    row->role = worse ? ROW_WORSE : better ? ROW_BETTER : ROW_NOISE;
    if (p->sides[0]) {
        table_set_number(table, COL_BEFORE, (double)b->count);
        table_set_number(table, COL_BEFORE_BYTES, (double)b->size_bytes);
    }
    if (p->sides[1]) {
        table_set_number(table, COL_AFTER, (double)a->count);
        table_set_number(table, COL_AFTER_BYTES, (double)a->size_bytes);
        const struct census_holder *holder = recording_holder(after, a->incarnation, a->type);
        const char *path = holder ? string_text(&after->words, holder->path) : "";
        char held_by[300];
        rows_set_text(table, COL_HELD_BY, objects_short_owner(held_by, sizeof held_by, path));
        rows_set_text(table, COL_OWNER, path);
    }
    if (p->sides[0] && p->sides[1]) {
        table_set_number(table, COL_CHANGE, pair_change(p));
        table_set_number(table, COL_CHANGE_PCT, pair_change(p));
    } else {
        table_set_text(table, COL_CHANGE, p->sides[0] ? "gone" : "new");
    }
    table_set_number(table, COL_COUNT_DIFF, count_diff);
    table_set_number(table, COL_BYTES_DIFF, bytes_diff);
    table_set_text(table, COL_TYPE, p->name);
    table_set_text(table, COL_VERDICT, verdict_name(verdict));
    table_set_text(table, COL_LANGUAGE, language_name((enum language)language));
    table_set_bool(table, COL_PARTIAL, (a->flags | b->flags) & HEAP_PARTIAL);
}

void compare_objects_fill(struct table *table, struct compare_objects_summary *summary,
                          const struct compare_side *before, const struct compare_side *after,
                          const char *sort, bool invert, size_t limit)
{
    const struct compare_side *sides[2] = {before, after};
    struct growth_list lists[2];
    struct pairs pairs = {0};
    *summary = (struct compare_objects_summary){0};
    for (int i = 0; i < 2; i++) {
        leak_find(&lists[i], sides[i]->rec, sides[i]->window.from_ns, sides[i]->window.to_ns,
                  sides[i]->filter.pid);
        add_side(&pairs, i, sides[i]->rec, &lists[i], i ? &summary->after : &summary->before);
    }
    table_begin(table, &compare_objects_view);
    table->window = after->window;
    /* A window without a count shows the one before it: that is no change, and no news. */
    if (before->rec == after->rec && summary->before.time_ns == summary->after.time_ns)
        summary->after.time_ns = 0;
    /* What was counted on one side alone is not new. */
    bool both = summary->before.time_ns && summary->after.time_ns;
    for (size_t i = 0; i < pairs.at.n && both; i++)
        add_pair(table, &pairs.at.at[i], summary, after->rec);
    table_sort(table, sort ? sort : "bytes_diff", invert);
    table_limit(table, limit);
    vec_free(&pairs.at);
    map_free(&pairs.index);
    for (int i = 0; i < 2; i++)
        vec_free(&lists[i].rows);
}
