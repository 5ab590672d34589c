/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the memory says: rules of the summary (summary.h). Pure. */
#include <math.h>
#include <stdio.h>

#include "base/text.h"
#include "view/memory_pattern.h"
#include "view/summary.h"

/* How far ahead a slope is believed: a day, and so many times as long as it has held. */
#define HORIZON_S     (24 * 3600.0)
#define HORIZON_TIMES 100

#define SOON_S  (15 * 60.0)
#define LATER_S (4 * 3600.0)
/* Over what merely takes time, if it is for today. */
#define SCORE_LATER   101
#define SCORE_SOMEDAY 20

void judge_memory(struct summary *s, const struct summary_rule *rule)
{
    struct memory_pattern p;
    memory_pattern_find(&p, s->query->rec, s->query->window);
    if (isnan(p.eta_s) || p.eta_s > HORIZON_S || p.eta_s > HORIZON_TIMES * p.growth_held_s)
        return;
    char growth[FIGURE_MAX], limit[FIGURE_MAX], in[FIGURE_MAX];
    figure_duration(in, (uint64_t)(p.eta_s * NS_PER_S));
    figure_bytes(growth, p.growth);
    figure_bytes(limit, p.limit);
    struct finding *f =
        summary_find(s, rule,
                     p.eta_s <= SOON_S    ? SCORE_WARNING
                     : p.eta_s <= LATER_S ? SCORE_LATER
                                          : SCORE_SOMEDAY,
                     "memory grows %s/s: %s %s in %s", growth,
                     p.by_cgroup ? "its cgroup's limit of" : "the machine's", limit, in);
    snprintf(f->figure, sizeof f->figure, "%s", in);
    if (p.eta_s <= SOON_S)
        f->role = ROW_ALERT;
}

/* Processes that were killed for want of memory in the window, by its marks. */
void judge_oom(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    const struct mark *last = NULL;
    unsigned times = 0;
    for (size_t i = 0; i < rec->marks.n; i++) {
        const struct mark *m = &rec->marks.at[i];
        if (m->kind != MARK_OOM || m->time_ns < s->query->window.from_ns ||
            m->time_ns >= s->query->window.to_ns)
            continue;
        last = m;
        times++;
    }
    if (!last)
        return;
    struct finding *f =
        summary_find(s, rule, SCORE_CRITICAL, "%s%s", string_text(&rec->words, last->text),
                     times > 1 ? " (and before)" : "");
    snprintf(f->figure, sizeof f->figure, "%u", times);
    f->role = ROW_ALERT;
}
