/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rules of the summary share: what they judge by, and how they say what they found. The
 * table of rules is in summary.c; the rules themselves stand in judge_*.c by what they judge. Pure.
 */
#ifndef VIEW_SUMMARY_H
#define VIEW_SUMMARY_H

#include "base/text.h"
#include "view/rows.h"
#include "view/tally.h"

struct summary_rule;
struct wait_groups;

struct finding {
    const struct summary_rule *rule;
    double score; /* the higher the worse */
    char figure[FIGURE_MAX];
    char sentence[320];
    enum row_role role;
    struct function_id function;
    uint32_t number; /* the order in which they were found, for ties */
};

struct summary {
    const struct query *query;
    const struct table *table;
    struct window_sum *sum; /* its fold grows with what is folded */
    const struct tallies *tallies;
    struct wait_groups *waits; /* their times are found when they are asked for */
    VEC(struct finding) findings;
};

struct summary_rule {
    const char *kind;
    const char *view; /* where the proof is */
    double least;     /* percent from which it is worth a line */
    void (*judge)(struct summary *s, const struct summary_rule *rule);
};

/* What is raised or broken stands over what merely takes time (scores up to 100). */
#define SCORE_CRITICAL  400
#define SCORE_WARNING   300
#define SCORE_LEAK_HIGH 250
#define SCORE_SAMPLING  200
#define SCORE_LEAK      60
/* That a target idles explains the rest, but is no fault. */
#define SCORE_IDLE 1

/* A sentence for the list; borrowed until the next. */
struct finding *summary_find(struct summary *s, const struct summary_rule *rule, double score,
                             const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void summary_set_pct(struct finding *f, double pct);

/* objects.c */
void judge_objects(struct summary *s, const struct summary_rule *rule);
/* judge_processes.c */
void judge_processes(struct summary *s, const struct summary_rule *rule);
/* judge_machine.c */
void judge_throttled(struct summary *s, const struct summary_rule *rule);
void judge_run_queue(struct summary *s, const struct summary_rule *rule);
void judge_steal(struct summary *s, const struct summary_rule *rule);
void judge_idle(struct summary *s, const struct summary_rule *rule);
/* judge_memory.c */
void judge_memory(struct summary *s, const struct summary_rule *rule);
void judge_oom(struct summary *s, const struct summary_rule *rule);
/* judge_waits.c */
void judge_waits(struct summary *s, const struct summary_rule *rule);
void judge_loop(struct summary *s, const struct summary_rule *rule);
void judge_locks(struct summary *s, const struct summary_rule *rule);
void judge_gil(struct summary *s, const struct summary_rule *rule);
void judge_deadlock(struct summary *s, const struct summary_rule *rule);
void judge_stopped(struct summary *s, const struct summary_rule *rule);
/* Of the window, how long its threads stood stopped by a signal or a debugger. */
double judge_stopped_pct(const struct summary *s);

#endif
