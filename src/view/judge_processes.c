/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the processes of a family say: rules of the summary (summary.h). Pure. */
#include <math.h>
#include <stdio.h>

#include "view/processes.h"
#include "view/summary.h"

void judge_processes(struct summary *s, const struct summary_rule *rule)
{
    const struct recording *rec = s->query->rec;
    struct process_tallies t;
    processes_sum(&t, s->query, s->sum);
    const struct process_tally *top = NULL;
    for (size_t i = 0; i < t.at.n; i++) {
        const struct process_tally *p = &t.at.at[i];
        if (p->outlier &&
            (!top || fabs(p->odd_value - p->odd_median) > fabs(top->odd_value - top->odd_median)))
            top = p;
    }
    if (top) {
        const struct incarnation *in = &rec->incarnations.at[top->incarnation.n];
        char does[64];
        bool cpu = top->odd == PROCESS_CPU;
        snprintf(does, sizeof does, cpu ? "wants %.2f cores" : "waits %.2f s a second",
                 top->odd_value);
        double pct = rows_pct(top->whole_ns, s->table->whole_ns);
        struct finding *f = summary_find(
            s, rule, fmax(pct, rule->least),
            "process %d (%s) is unlike its %u siblings: it %s, their median is %.2f", in->pid,
            string_text(&rec->words, in->comm), top->siblings - 1, does, top->odd_median);
        snprintf(f->figure, sizeof f->figure, "%.2f", top->odd_value);
        f->function = top->top;
    }
    processes_clear(&t);
}
