/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See memory_report.h. */
#include "cli/memory_report.h"

#include <math.h>

#include "cli/print.h"
#include "view/memory.h"
#include "view/memory_pattern.h"
#include "view/rows.h"

static json_t *bytes(double value, bool known)
{
    return known && isfinite(value) ? json_integer((json_int_t)llround(value)) : json_null();
}

static json_t *rate(double value, bool known)
{
    return known ? print_real(value, 1) : json_null();
}

static unsigned oom_kills(const struct recording *rec, struct window w)
{
    unsigned n = 0;
    for (size_t i = 0; i < rec->marks.n; i++)
        n += rec->marks.at[i].kind == MARK_OOM && rec->marks.at[i].time_ns >= w.from_ns &&
             rec->marks.at[i].time_ns < w.to_ns;
    return n;
}

static json_t *growth_notes(const struct query *query)
{
    const char *notes[MEMORY_NOTES_MAX];
    size_t n = memory_growth_notes(query, notes);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(notes[i]));
    return list;
}

json_t *memory_report_json(const struct query *query, struct window w)
{
    const struct recording *rec = query->rec;
    struct memory_pattern p;
    memory_pattern_find(&p, rec, w);
    const struct series_pattern *rss = &p.rss;
    bool known = rss->points > 0, slope = rss->has_slope;
    json_t *m = json_object();
    json_object_set_new(m, "rss_bytes", bytes(rss->now, known));
    json_object_set_new(m, "peak_bytes", bytes(rss->peak, known));
    json_object_set_new(m, "baseline_bytes", bytes(rss->baseline, known));
    json_object_set_new(m, "volatility_bytes", bytes(rss->volatility, known));
    json_object_set_new(m, "growth_bytes_per_s", rate(rss->slope, slope));
    json_object_set_new(m, "growth_low_bytes_per_s", rate(rss->low, slope));
    json_object_set_new(m, "growth_high_bytes_per_s", rate(rss->high, slope));
    json_object_set_new(m, "growth_from_s",
                        slope ? print_real(rows_time_s(rec, rss->held_from_ns), 6) : json_null());
    json_object_set_new(m, "trend", known ? json_string(memory_trend_name(p.trend)) : json_null());
    json_object_set_new(m, "system_total_bytes", bytes(p.system_total, p.system_total > 0));
    json_object_set_new(m, "system_available_bytes",
                        bytes(p.system_available, p.system_available > 0));
    json_object_set_new(m, "limit_bytes", bytes(p.limit, p.limit > 0));
    json_object_set_new(m, "limit_of",
                        p.limit > 0 ? json_string(p.by_cgroup ? "cgroup" : "system") : json_null());
    json_object_set_new(m, "limit_left_bytes", bytes(p.left, p.limit > 0));
    json_object_set_new(m, "limit_eta_s", print_real(p.eta_s, 1));
    json_object_set_new(m, "oom_marks", json_integer(oom_kills(rec, w)));
    json_object_set_new(m, "growth_notes", growth_notes(query));
    return m;
}

void memory_report_put(FILE *out, const struct query *query, int columns)
{
    char words[256];
    struct memory_pattern p;
    struct table parts = {0};
    memory_pattern_find(&p, query->rec, query->window);
    memory_pattern_say(words, sizeof words, &p, true, query->window.to_ns);
    fprintf(out, "%s\n\n", words);
    struct query all = *query;
    all.sort = NULL;
    all.limit = 0;
    table_fill(&parts, &memory_parts_view, &all);
    print_table(out, &parts, columns);
    table_clear(&parts);
    fputc('\n', out);
    const char *notes[MEMORY_NOTES_MAX];
    size_t n = memory_growth_notes(query, notes);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s\n", notes[i]);
    if (n)
        fputc('\n', out);
}
