/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the processes of a family say: rules of the summary (summary.h). Pure. */
#include <math.h>
#include <stdio.h>

#include "view/processes.h"
#include "view/summary.h"

/* How far from its siblings, as part of what they are: figures of unlike units compare by it. */
static double oddness(const struct process_tally *p)
{
    return fabs(p->odd_value - p->odd_median) / (p->odd_median > 0 ? p->odd_median : p->odd_value);
}

static void print_figure(char *does, size_t size, char *middle, const struct process_tally *p)
{
    char own[FIGURE_MAX];
    switch (p->odd) {
    case PROCESS_RSS:
        snprintf(does, size, "has %s of memory", figure_bytes(own, p->odd_value));
        figure_bytes(middle, p->odd_median);
        return;
    case PROCESS_CPU:
        snprintf(does, size, "wants %.2f cores", p->odd_value);
        break;
    default:
        snprintf(does, size, "waits %.2f s a second", p->odd_value);
        break;
    }
    snprintf(middle, FIGURE_MAX, "%.2f", p->odd_median);
}

void judge_processes(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    struct process_tallies t;
    processes_sum(&t, s->query, s->sum);
    const struct process_tally *top = NULL;
    for (size_t i = 0; i < t.at.n; i++) {
        const struct process_tally *p = &t.at.at[i];
        if (p->outlier && (!top || oddness(p) > oddness(top)))
            top = p;
    }
    if (top) {
        const struct incarnation *in = &rec->incarnations.at[top->incarnation.n];
        char does[64], middle[FIGURE_MAX];
        print_figure(does, sizeof does, middle, top);
        double pct = rows_pct(top->whole_ns, s->table->whole_ns);
        struct finding *f = summary_find(
            s, rule, fmax(pct, rule->least),
            "process %d (%s) is unlike its %u siblings: it %s, their median is %s", in->pid,
            string_text(&rec->words, in->comm), top->siblings - 1, does, middle);
        if (top->odd == PROCESS_RSS)
            figure_bytes(f->figure, top->odd_value);
        else
            snprintf(f->figure, sizeof f->figure, "%.2f", top->odd_value);
        f->function = top->top;
    }
    processes_clear(&t);
}
