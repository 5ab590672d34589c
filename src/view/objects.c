/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The live objects by type, as the newest census of the window counted them, with what the window
 * saw of their growth; what looks like a leak stands first. See objects.h. Pure.
 */
#include "view/objects.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "view/rows.h"
#include "view/summary.h"
#include "view/views.h"

enum objects_column {
    COL_TYPE,
    COL_OBJECTS,
    COL_BYTES,
    COL_FACTOR,
    COL_PER_S,
    COL_BYTES_PER_S,
    COL_HELD_BY,
    COL_OWNER,
    COL_LANGUAGE,
    COL_INITIAL,
    COL_SEVERITY,
    COL_RULE,
    COL_SINCE,
    COL_PARTIAL,
    COL_COUNT
};

static const struct column columns[COL_COUNT] = {
    [COL_TYPE] = {"type", "TYPE", FORMAT_TEXT, 16, 80, COLUMN_BOTH, false},
    [COL_OBJECTS] = {"count", "COUNT", FORMAT_COUNT, 11, 80, COLUMN_BOTH, true},
    [COL_BYTES] = {"bytes", "BYTES", FORMAT_BYTES, 6, 80, COLUMN_BOTH, true},
    [COL_FACTOR] = {"factor", "SINCE FIRST", FORMAT_TIMES, 11, 80, COLUMN_SCREEN, false},
    [COL_PER_S] = {"growth_per_s", "PER S", FORMAT_COUNT_RATE, 8, 80, COLUMN_BOTH, false},
    [COL_BYTES_PER_S] = {"bytes_per_s", "BYTES/S", FORMAT_BYTE_RATE, 8, 120, COLUMN_BOTH, false},
    [COL_HELD_BY] = {"held_by", "HELD BY", FORMAT_PATH, 16, 80, COLUMN_SCREEN, false},
    [COL_OWNER] = {"owner", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_LANGUAGE] = {"language", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_INITIAL] = {"initial_count", NULL, FORMAT_COUNT, 0, 0, COLUMN_DATA, true},
    [COL_SEVERITY] = {"severity", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_RULE] = {"rule", NULL, FORMAT_TEXT, 0, 0, COLUMN_DATA, false},
    [COL_SINCE] = {"since_s", NULL, FORMAT_SECONDS, 0, 0, COLUMN_DATA, false},
    [COL_PARTIAL] = {"partial", NULL, FORMAT_BOOL, 0, 0, COLUMN_DATA, false},
};

static const char *const rule_names[] = {
    [LEAK_NONE] = "", [LEAK_DOUBLED] = "doubled", [LEAK_SLOPE] = "slope"};
static const char *const severity_names[] = {
    [LEAK_MILD] = "", [LEAK_MEDIUM] = "medium", [LEAK_HIGH] = "high"};

static void find_growth(struct growth_list *list, const struct query *query)
{
    leak_find(list, query->rec, query->window.from_ns, query->window.to_ns, query->filter.pid);
}

static uint64_t growth_key(const struct recording *rec, const struct type_growth *g)
{
    return hash_mix(rows_mix_text(g->language, string_text(&rec->words, g->type)), g->flags);
}

static const char *owner_text(const struct recording *rec, const struct type_growth *g)
{
    const struct census_holder *holder = recording_holder(rec, g->incarnation, g->type);
    return holder ? string_text(&rec->words, holder->path) : "";
}

const char *objects_short_owner(char *out, size_t size, const char *path)
{
    static const char *const roots[] = {"module __main__.", "module "};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        if (strncmp(path, roots[i], strlen(roots[i])) == 0) {
            path += strlen(roots[i]);
            break;
        }
    }
    /* "local self of Shop.get_product() .cache": the name says less than what follows it. */
    const char *of = NULL, *way = NULL;
    if (strncmp(path, "local ", strlen("local ")) == 0 && (of = strstr(path, " of ")) &&
        (way = strstr(of, "() .")))
        path += strlen("local ");
    const char *end = path + strlen(path);
    for (const char *arrow = path; (arrow = strstr(arrow, " -> ")); arrow += 4)
        if (!strstr(arrow + 4, " -> ") && !strchr(arrow + 4, '('))
            end = arrow; /* the type itself */
    size_t n = 0;
    for (const char *c = path; c < end && n + 1 < size; c++) {
        if (way && c == of)
            c = way + strlen("()");
        if (c[0] == ' ' && c[1] == '.')
            continue;
        if (c[0] == ',' && c[1] == ' ' && strchr(c, ')')) { /* how many, which the rate tells */
            c = strchr(c, ')') - 1;
            continue;
        }
        out[n++] = *c;
    }
    out[n] = '\0';
    return out;
}

static void add_growth(struct table *table, const struct recording *rec,
                       const struct type_growth *g, bool several)
{
    char type[600], held_by[300];
    const char *name = string_text(&rec->words, g->type);
    snprintf(type, sizeof type, "%s%s", name,
             g->flags & HEAP_INCLUDES_FREED ? " [includes freed]" : "");
    struct row *row = table_add_row(table);
    row->key = growth_key(rec, g);
    row->role = g->rule != LEAK_NONE ? ROW_ALERT : ROW_PLAIN;
    table_set_text(table, COL_TYPE, type);
    table_set_number(table, COL_OBJECTS, (double)g->count);
    table_set_number(table, COL_BYTES, (double)g->size_bytes);
    table_set_number(table, COL_INITIAL, (double)g->initial_count);
    if (several) {
        if (g->initial_count)
            table_set_number(table, COL_FACTOR, (double)g->count / (double)g->initial_count);
        else
            table_set_text(table, COL_FACTOR, "new");
        table_set_number(table, COL_PER_S, g->per_s);
        table_set_number(table, COL_BYTES_PER_S, g->bytes_per_s);
    }
    rows_set_text(table, COL_HELD_BY,
                  objects_short_owner(held_by, sizeof held_by, owner_text(rec, g)));
    rows_set_text(table, COL_OWNER, owner_text(rec, g));
    table_set_text(table, COL_LANGUAGE, language_name((enum language)g->language));
    rows_set_text(table, COL_SEVERITY, severity_names[g->severity]);
    rows_set_text(table, COL_RULE, rule_names[g->rule]);
    if (g->rule != LEAK_NONE)
        table_set_number(table, COL_SINCE, rows_time_s(rec, g->since_ns));
    table_set_bool(table, COL_PARTIAL, g->flags & HEAP_PARTIAL);
}

static void objects_fill(struct table *table, const struct query *query)
{
    rows_count(table, query);
    struct growth_list list;
    find_growth(&list, query);
    for (size_t i = 0; i < list.rows.n; i++) {
        const struct type_growth *g = &list.rows.at[i];
        const char *name = string_text(&query->rec->words, g->type);
        if (!query->filter.text || strstr(name, query->filter.text))
            add_growth(table, query->rec, g, list.censuses > 1);
    }
    vec_free(&list.rows);
}

bool objects_find(const struct query *query, uint64_t key, struct type_growth *found)
{
    struct growth_list list;
    find_growth(&list, query);
    bool is = false;
    for (size_t i = 0; i < list.rows.n && !is; i++) {
        is = growth_key(query->rec, &list.rows.at[i]) == key;
        if (is)
            *found = list.rows.at[i];
    }
    vec_free(&list.rows);
    return is;
}

void objects_say_growth(char *out, size_t size, const struct recording *rec,
                        const struct type_growth *g)
{
    struct text t = {out, size, 0, false};
    char per_s[FIGURE_MAX], count[FIGURE_MAX];
    out[0] = '\0';
    if (g->per_s >= 10)
        text_add(&t, "%s grows %s/s", string_text(&rec->words, g->type),
                 figure_count(per_s, (uint64_t)g->per_s));
    else
        text_add(&t, "%s grows %.2g/s", string_text(&rec->words, g->type), g->per_s);
    text_add(&t, " to %s", figure_count(count, g->count));
    char owner[300];
    objects_short_owner(owner, sizeof owner, owner_text(rec, g));
    if (*owner)
        text_add(&t, ", held by %s", owner);
}

/* The one that grows fastest; the others are in its proof. */
void judge_objects(struct summary *s, const struct summary_rule *rule)
{
    struct growth_list list;
    find_growth(&list, s->query);
    size_t leaks = 0;
    while (leaks < list.rows.n && list.rows.at[leaks].rule != LEAK_NONE)
        leaks++;
    if (leaks) {
        const struct type_growth *worst = &list.rows.at[0];
        char sentence[280];
        objects_say_growth(sentence, sizeof sentence, s->query->rec, worst);
        struct finding *f = summary_find(
            s, rule, worst->severity == LEAK_HIGH ? SCORE_LEAK_HIGH : SCORE_LEAK, "%s", sentence);
        snprintf(f->figure, sizeof f->figure, "%+.0f/s", worst->per_s);
        f->role = ROW_ALERT;
    }
    vec_free(&list.rows);
}

struct objects_census objects_census(const struct query *query)
{
    const struct recording *rec = query->rec;
    struct objects_census sum = {0};
    for (uint32_t i = 1; i < rec->incarnations.n; i++) {
        const struct census *c =
            recording_census(rec, (struct incarnation_id){i}, query->window.to_ns);
        if (!c || (query->filter.pid && rec->incarnations.at[i].pid != query->filter.pid))
            continue;
        for (size_t k = 0; k < c->rows.n; k++) {
            sum.count += c->rows.at[k].count;
            sum.size_bytes += c->rows.at[k].size_bytes;
            sum.freed = sum.freed || (c->rows.at[k].flags & HEAP_INCLUDES_FREED);
        }
        sum.time_ns = c->time_ns > sum.time_ns ? c->time_ns : sum.time_ns;
        sum.duration_ns += c->duration_ns;
        sum.swapped_bytes += c->swapped_bytes;
        sum.space.used_bytes += c->space.used_bytes;
        sum.space.free_bytes += c->space.free_bytes;
        sum.space.mapped_bytes += c->space.mapped_bytes;
        sum.moved_pct = c->moved_pct > sum.moved_pct ? c->moved_pct : sum.moved_pct;
        sum.stopped = sum.stopped || (c->flags & HEAP_STOPPED);
        if (c->flags & HEAP_PARTIAL)
            sum.why =
                c->why_partial.n ? string_text(&rec->words, c->why_partial) : "not all was read";
    }
    return sum;
}

void objects_say(char *out, size_t size, const struct query *query)
{
    const struct recording *rec = query->rec;
    struct objects_census c = objects_census(query);
    struct text t = {out, size, 0, false};
    char figure[FIGURE_MAX];
    out[0] = '\0';
    if (!c.time_ns)
        return;
    uint64_t end_ns = query->window.to_ns < rec->end_ns ? query->window.to_ns : rec->end_ns;
    text_add(&t, "%s objects", figure_count(figure, c.count));
    text_add(&t, " %s", figure_bytes(figure, (double)c.size_bytes));
    if (c.space.free_bytes)
        text_add(&t, " (%s free)", figure_bytes(figure, (double)c.space.free_bytes));
    text_add(&t, ", %s ago", figure_duration(figure, end_ns > c.time_ns ? end_ns - c.time_ns : 0));
    text_add(&t, " in %s", figure_duration(figure, c.duration_ns));
    if (c.why)
        text_add(&t, "; PARTIAL: %s", c.why);
    if (c.stopped)
        text_add(&t, "; the target stood still");
    if (c.moved_pct >= 0.05)
        text_add(&t, "; about %.1f%% moved meanwhile", c.moved_pct);
    if (c.swapped_bytes)
        text_add(&t, "; %s swapped out, not looked at",
                 figure_bytes(figure, (double)c.swapped_bytes));
    if (c.freed)
        text_add(&t, "; freed objects may be among them");
}

const struct view objects_view = {
    .name = "objects",
    .title = "Objects",
    .columns = columns,
    .n_columns = COL_COUNT,
    .fill = objects_fill,
    .empty = "No objects were counted in this window.",
};
