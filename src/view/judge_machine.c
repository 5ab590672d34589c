/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the machine and the control group keep from the target: rules of the summary (summary.h),
 * by the mean of the metrics over the window. A metric without a point in it says nothing. Pure.
 */
#include <math.h>
#include <stdio.h>

#include "view/summary.h"

/* Threads without a CPU, on average, from which a queue is worth a line: the share of a target that
 * hardly wants a CPU at all is large and means nothing. */
#define QUEUE_LEAST 0.1
/* What others use of the machine before they are blamed, percent. */
#define NEIGHBOURS_LEAST 20

/* CPUs that the threads of a target use or want, from which it is not idle, however many of its
 * threads wait. */
#define BUSY_LEAST 0.2

/* NAN where there is none in the window. */
static double mean_of(const struct summary *s, enum metric metric)
{
    struct window w = s->query->window;
    struct point p = series_summary(&s->query->rec->total.series[metric], w.from_ns, w.to_ns);
    return p.count ? p.mean : NAN;
}

static double mean_or_0(const struct summary *s, enum metric metric)
{
    double mean = mean_of(s, metric);
    return isnan(mean) ? 0 : mean;
}

/* A rule about this metric stands raised at the end of the window, and has its own line. */
static bool alert_stands(const struct summary *s, enum metric metric)
{
    const struct recording *rec = s->query->rec;
    bool stands = false;
    for (size_t i = 0; i < rec->alerts.n; i++) {
        const struct alert_event *e = &rec->alerts.at[i];
        if (rec->rules.at[e->rule].metric == metric && e->time_ns < s->query->window.to_ns)
            stands = e->raised;
    }
    return stands;
}

void judge_throttled(struct summary *s, const struct summary_rule *rule)
{
    double pct = mean_or_0(s, METRIC_THROTTLED_PCT);
    if (pct < rule->least || alert_stands(s, METRIC_THROTTLED_PCT))
        return;
    char quota[64] = "";
    double cpus = mean_of(s, METRIC_QUOTA);
    if (cpus > 0)
        snprintf(quota, sizeof quota, ": its cgroup may use %.3g CPU%s", cpus,
                 fabs(cpus - 1) < 0.005 ? "" : "s");
    summary_set_pct(summary_find(s, rule, pct, "throttled %.0f%% of the time%s", pct, quota), pct);
}

/* Why threads wait for a CPU: the first of these that is large enough to be the reason. */
static void say_why(const struct summary *s, double cpu, double queue, char *out, size_t size)
{
    double neighbours = mean_or_0(s, METRIC_NEIGHBOURS_PCT);
    double throttled = mean_or_0(s, METRIC_THROTTLED_PCT), allowed = s->query->rec->cpus_allowed;
    double steal = mean_or_0(s, METRIC_STEAL_PCT);
    if (throttled >= 5)
        snprintf(out, size, ": its cgroup throttles it");
    else if (allowed > 0 && cpu >= 0.8 * allowed)
        snprintf(out, size, ": %.3g are wanted, %.3g allowed", cpu + queue, allowed);
    else if (neighbours >= NEIGHBOURS_LEAST)
        snprintf(out, size, ": others use %.0f%% of the CPUs", neighbours);
    else if (steal >= 5)
        snprintf(out, size, ": the hypervisor keeps %.0f%%", steal);
    else
        out[0] = '\0';
}

void judge_run_queue(struct summary *s, const struct summary_rule *rule)
{
    double queue = mean_or_0(s, METRIC_RUNQUEUE);
    double cpu = mean_or_0(s, METRIC_CPU_USER) + mean_or_0(s, METRIC_CPU_SYSTEM);
    double pct = queue > 0 ? 100 * queue / (queue + cpu) : 0;
    if (queue < QUEUE_LEAST || pct < rule->least)
        return;
    char why[128];
    say_why(s, cpu, queue, why, sizeof why);
    /* As much time as is lost, of a thread's: a target that wants little loses little. */
    double score = fmin(pct, 100 * queue);
    summary_set_pct(summary_find(s, rule, score,
                                 "without a CPU %.0f%% of the time that one is wanted%s", pct, why),
                    pct);
}

void judge_steal(struct summary *s, const struct summary_rule *rule)
{
    double pct = mean_or_0(s, METRIC_STEAL_PCT);
    if (pct >= rule->least)
        summary_set_pct(summary_find(s, rule, pct,
                                     "the hypervisor keeps %.0f%% of the machine's CPUs (steal)",
                                     pct),
                        pct);
}

void judge_idle(struct summary *s, const struct summary_rule *rule)
{
    double idle = s->table->idle_pct;
    double wanted = mean_or_0(s, METRIC_CPU_USER) + mean_or_0(s, METRIC_CPU_SYSTEM) +
                    mean_or_0(s, METRIC_RUNQUEUE);
    if (idle < rule->least || wanted >= BUSY_LEAST || judge_stopped_pct(s) >= rule->least)
        return;
    summary_set_pct(summary_find(s, rule, SCORE_IDLE,
                                 "the target is idle %.0f%% of the time: timers, accept loops, "
                                 "workers with nothing to do",
                                 idle),
                    idle);
}
