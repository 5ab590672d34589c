/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See openmetrics.h. */
#include "store/openmetrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LABELS_MAX 256

/* How the names and values of a unit's metrics become those of base units. */
static const struct naming_rule {
    enum metric_unit unit;
    const char *tail; /* of our name, which is taken off; "": any name */
    const char *instead;
    const char *base; /* NULL: a plain number */
    double scale;
} naming_rules[] = {
    {UNIT_PCT, "_pct", "_ratio", "ratio", 0.01},
    {UNIT_BYTES, "_bytes", "_bytes", "bytes", 1},
    {UNIT_BYTES_PER_S, "_bytes_per_s", "_bytes_per_second", "bytes_per_second", 1},
    {UNIT_PER_S, "_per_s", "_per_second", NULL, 1},
    {UNIT_SECONDS, "_s", "_seconds", "seconds", 1},
    {UNIT_CORES, "_threads", "_threads", NULL, 1},
    {UNIT_CORES, "_cpus", "_cpus", NULL, 1},
    {UNIT_CORES, "", "_cores", "cores", 1},
};

const char *openmetrics_name(char *out, enum metric metric, const char **unit, double *scale)
{
    const struct metric_info *info = &metrics[metric];
    *unit = NULL;
    *scale = 1;
    snprintf(out, OPENMETRICS_NAME_MAX, "proftop_%s", info->name);
    for (size_t i = 0; i < sizeof naming_rules / sizeof naming_rules[0]; i++) {
        const struct naming_rule *rule = &naming_rules[i];
        if (rule->unit != info->unit || !text_ends_with(info->name, rule->tail))
            continue;
        size_t head = strlen(info->name) - strlen(rule->tail);
        snprintf(out, OPENMETRICS_NAME_MAX, "proftop_%.*s%s", (int)head, info->name, rule->instead);
        *unit = rule->base;
        *scale = rule->scale;
        break;
    }
    return out;
}

/* As a label's value and a help text have it: \ " and the end of a line escaped. */
static void put_escaped(FILE *f, const char *text)
{
    for (size_t plain; *text; text++) {
        plain = strcspn(text, "\\\"\n");
        fwrite(text, 1, plain, f);
        text += plain;
        if (!*text)
            return;
        fputc('\\', f);
        fputc(*text == '\n' ? 'n' : *text, f);
    }
}

static void put_family(FILE *f, const char *name, const char *type, const char *unit,
                       const char *help)
{
    fprintf(f, "# TYPE %s %s\n", name, type);
    if (unit)
        fprintf(f, "# UNIT %s %s\n", name, unit);
    fprintf(f, "# HELP %s ", name);
    put_escaped(f, help);
    fputc('\n', f);
}

/* The target as it is now: the first process that has not ended; NULL: none. Others are its family
 * and came later. */
static const struct incarnation *target_of(const struct recording *rec)
{
    for (size_t i = 1; rec && i < rec->incarnations.n; i++)
        if (!rec->incarnations.at[i].to_ns)
            return &rec->incarnations.at[i];
    return NULL;
}

/* pid="42",comm="python3" */
static void make_labels(char out[LABELS_MAX], const struct recording *rec,
                        const struct incarnation *target)
{
    char comm[64];
    snprintf(comm, sizeof comm, "%s", string_text(&rec->words, target->comm));
    text_make_printable(comm);
    FILE *f = fmemopen(out, LABELS_MAX, "w");
    if (!f)
        die("out of memory");
    fprintf(f, "pid=\"%d\",comm=\"", (int)target->pid);
    put_escaped(f, comm);
    fputc('"', f);
    fclose(f);
}

static void put_gauges(FILE *f, const struct recording *rec, uint64_t now_ns, const char *labels)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        char name[OPENMETRICS_NAME_MAX];
        const char *unit;
        double value, scale;
        if (!metric_current(&rec->total.series[m], (enum metric)m, now_ns, &value))
            continue;
        openmetrics_name(name, (enum metric)m, &unit, &scale);
        put_family(f, name, "gauge", unit, metrics[m].help);
        fprintf(f, "%s{%s} %.9g\n", name, labels, value * scale);
    }
}

static void put_counters(FILE *f, const struct recording *rec, const char *labels)
{
    const struct cost *cost = &rec->cost;
    const struct {
        const char *name, *unit, *help;
        double value;
    } rows[] = {
        {"proftop_samples", NULL, "observations of a thread", (double)cost->samples},
        {"proftop_lost_samples", NULL, "observations that were due and failed", (double)cost->lost},
        {"proftop_torn_samples", NULL, "stacks dropped because they were inconsistent",
         (double)cost->torn},
        {"proftop_stops", NULL, "brief stops of a thread", (double)cost->stops},
        {"proftop_stopped_seconds", "seconds", "time that threads stood still for a copy",
         (double)cost->stopped_ns / NS_PER_S},
        {"proftop_own_cpu_seconds", "seconds", "CPU time used by proftop",
         (double)cost->cpu_ns / NS_PER_S},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put_family(f, rows[i].name, "counter", rows[i].unit, rows[i].help);
        fprintf(f, "%s_total{%s} %.15g\n", rows[i].name, labels, rows[i].value);
    }
}

/* Of each rule one line for each severity: 1 at the one that it stands at. */
static void put_alerts(FILE *f, const struct recording *rec, const char *labels)
{
    put_family(f, "proftop_alert", "gauge", NULL, "1 while the rule stands at this severity");
    for (size_t i = 0; i < rec->rules.n && i < rec->alert_states.n; i++) {
        const struct alert_rule *rule = &rec->rules.at[i];
        if (rule->off)
            continue;
        for (int severity = SEVERITY_WARNING; severity <= SEVERITY_CRITICAL; severity++) {
            fprintf(f, "proftop_alert{%s,rule=\"", labels);
            put_escaped(f, rule->name);
            fputs("\",metric=\"", f);
            put_escaped(f, metrics[rule->metric].name);
            fprintf(f, "\",severity=\"%s\"} %d\n", severity_name((enum severity)severity),
                    (int)rec->alert_states.at[i].severity == severity);
        }
    }
}

char *openmetrics_print(const struct recording *rec, uint64_t now_ns, size_t *length)
{
    char *text = NULL;
    FILE *f = open_memstream(&text, length);
    if (!f)
        die("out of memory");
    const struct incarnation *target = target_of(rec);
    put_family(f, "proftop_target_running", "gauge", NULL,
               "1 while the process that is watched runs");
    if (target) {
        char labels[LABELS_MAX];
        make_labels(labels, rec, target);
        fprintf(f, "proftop_target_running{%s} 1\n", labels);
        put_gauges(f, rec, now_ns, labels);
        put_counters(f, rec, labels);
        put_alerts(f, rec, labels);
    } else {
        fputs("proftop_target_running 0\n", f);
    }
    fputs("# EOF\n", f);
    if (fclose(f) != 0)
        die("out of memory");
    return text;
}
