/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One type seen closely, as lines of text: see objects.h. Pure. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "view/objects.h"
#include "view/rows.h"

#define HISTORY_LINES   16
#define CONTAINER_LINES 12
#define HISTORY_BAR     30

static void add_growth(struct text_lines *d, const struct recording *rec,
                       const struct type_growth *g)
{
    char count[FIGURE_MAX], bytes[FIGURE_MAX], rate[FIGURE_MAX], since[FIGURE_MAX];
    text_lines_add(d, STYLE_TITLE, "%s", string_text(&rec->words, g->type));
    text_lines_add(d, STYLE_NORMAL, "%s objects, %s; %+.1f/s%s, %s", figure_count(count, g->count),
                   figure_bytes(bytes, (double)g->size_bytes), g->per_s,
                   g->error_per_s > 0 ? "" : " (too few censuses to say how sure that is)",
                   figure_bytes_rate(rate, g->bytes_per_s));
    if (g->error_per_s > 0)
        text_lines_add(d, STYLE_GREY, "The rate is an estimate: +-%.1f/s", g->error_per_s);
    uint64_t long_ns = rec->end_ns > g->since_ns ? rec->end_ns - g->since_ns : 0;
    if (g->rule == LEAK_DOUBLED)
        text_lines_add(d, STYLE_WARNING, "Looks like a leak: it has doubled and grows on, for %s",
                       figure_duration(since, long_ns));
    else if (g->rule == LEAK_SLOPE)
        text_lines_add(d, STYLE_WARNING, "Looks like a leak: it grows steadily, for %s",
                       figure_duration(since, long_ns));
}

static void add_holder(struct text_lines *d, const struct recording *rec,
                       const struct type_growth *g, const char *looking)
{
    char age[FIGURE_MAX];
    const struct census_holder *holder = recording_holder(rec, g->incarnation, g->type);
    text_lines_add(d, STYLE_NORMAL, " ");
    text_lines_add(d, STYLE_HEADING, "Held by");
    if (holder)
        text_lines_add(d, STYLE_NORMAL, "  %s", string_text(&rec->words, holder->path));
    if (holder && rec->end_ns > holder->time_ns)
        text_lines_add(d, STYLE_GREY, "  as of %s ago",
                       figure_duration(age, rec->end_ns - holder->time_ns));
    if (*looking)
        text_lines_add(d, STYLE_NOTICE, "  %s", looking);
    else if (!holder)
        text_lines_add(d, STYLE_GREY, "  not known");
}

static uint64_t count_in(const struct census *c, const struct type_growth *g, uint64_t *bytes)
{
    uint64_t count = 0;
    *bytes = 0;
    for (size_t i = 0; i < c->rows.n; i++) {
        if (c->rows.at[i].type.n != g->type.n || c->rows.at[i].language != g->language)
            continue;
        count += c->rows.at[i].count;
        *bytes += c->rows.at[i].size_bytes;
    }
    return count;
}

/* The newest censuses of the process that has most of them, with a bar each. */
static void add_history(struct text_lines *d, const struct query *query,
                        const struct type_growth *g)
{
    const struct recording *rec = query->rec;
    const struct census *shown[HISTORY_LINES];
    size_t n = 0;
    uint64_t most = 1, bytes;
    for (size_t i = rec->censuses.list.n; i-- > 0 && n < HISTORY_LINES;) {
        const struct census *c = &rec->censuses.list.at[i];
        if (c->incarnation.n != g->incarnation.n || c->time_ns >= query->window.to_ns)
            continue;
        uint64_t count = count_in(c, g, &bytes);
        most = count > most ? count : most;
        shown[n++] = c;
    }
    text_lines_add(d, STYLE_NORMAL, " ");
    text_lines_add(d, STYLE_HEADING, "Counted in process %d",
                   rec->incarnations.at[g->incarnation.n].pid);
    for (size_t i = n; i-- > 0;) {
        char bar[HISTORY_BAR + 1], count_text[FIGURE_MAX], figure[FIGURE_MAX], at[FIGURE_MAX];
        uint64_t count = count_in(shown[i], g, &bytes);
        size_t length = (size_t)((double)count / (double)most * HISTORY_BAR + 0.5);
        memset(bar, '#', length);
        bar[length] = '\0';
        uint64_t since_ns = shown[i]->time_ns - rec->start_ns;
        text_lines_add(d, shown[i]->flags & HEAP_PARTIAL ? STYLE_GREY : STYLE_NORMAL,
                       "  %8s  %12s  %6s  %s%s", figure_duration(at, since_ns),
                       figure_count(count_text, count), figure_bytes(figure, (double)bytes), bar,
                       shown[i]->flags & HEAP_PARTIAL ? " (partial)" : "");
    }
}

/* Those of the type, or where it is none that contains, the largest of all. */
static void add_containers(struct text_lines *d, const struct query *query,
                           const struct type_growth *g)
{
    const struct recording *rec = query->rec;
    const struct census *c = recording_census(rec, g->incarnation, query->window.to_ns);
    if (!c || !c->containers.n)
        return;
    uint64_t seems = leak_container(rec, g->incarnation, g->type);
    text_lines_add(d, STYLE_NORMAL, " ");
    text_lines_add(d, STYLE_HEADING, "The largest containers");
    for (size_t i = 0; i < c->containers.n && i < CONTAINER_LINES; i++) {
        const struct census_container *box = &c->containers.at[i];
        char length[FIGURE_MAX], bytes[FIGURE_MAX];
        bool grows = box->address == seems;
        text_lines_add(d, grows ? STYLE_WARNING : STYLE_NORMAL, "  %12s items  %6s  %s at 0x%llx%s",
                       figure_count(length, box->length),
                       figure_bytes(bytes, (double)box->size_bytes),
                       string_text(&rec->words, box->type), (unsigned long long)box->address,
                       grows ? "  grows as these do" : "");
    }
}

void object_detail_fill(struct text_lines *d, const struct query *query, uint64_t key,
                        const char *looking)
{
    text_lines_empty(d);
    struct type_growth g;
    if (!objects_find(query, key, &g)) {
        text_lines_add(d, STYLE_GREY, "None of this type was counted in this window.");
        return;
    }
    add_growth(d, query->rec, &g);
    add_holder(d, query->rec, &g, looking);
    add_history(d, query, &g);
    add_containers(d, query, &g);
}
