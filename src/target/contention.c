/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See contention.h. */
#include "target/contention.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "target/procfs.h"

/* A plain decimal number at *at, which is moved behind it. strtoull alone takes signs. */
static bool parse_number(const char **at, uint64_t *value)
{
    const char *p = *at;
    while (*p == ' ' || *p == '\t')
        p++;
    if (!isdigit((unsigned char)*p))
        return false;
    char *end;
    *value = strtoull(p, &end, 10);
    *at = end;
    return true;
}

/* The number after "NAME " at the start of a line. */
static bool find_field(const char *text, const char *name, uint64_t *value)
{
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == ' ') {
            const char *at = line + length;
            return parse_number(&at, value);
        }
    }
    return false;
}

/* A hostile number of microseconds is the largest that there is. */
static uint64_t us_to_ns(uint64_t us)
{
    return us > UINT64_MAX / NS_PER_US ? UINT64_MAX : us * NS_PER_US;
}

static bool read_level(const struct cgroup *g, struct throttle_level *level)
{
    char text[2048];
    memset(level, 0, sizeof *level);
    if (!cgroup_read(g, "cpu.stat", text, sizeof text) ||
        !find_field(text, "nr_periods", &level->periods) ||
        !find_field(text, "nr_throttled", &level->throttled))
        return false; /* version 2's top, or a group without the controller */
    if (g->v2) {
        uint64_t us;
        if (!find_field(text, "throttled_usec", &us))
            return false;
        level->throttled_ns = us_to_ns(us);
    } else if (!find_field(text, "throttled_time", &level->throttled_ns)) {
        return false;
    }
    level->key = cgroup_key(g);
    level->quota_cpus = cgroup_quota_cpus(g);
    return true;
}

static void read_throttling(struct cgroup g, struct contention *c)
{
    if (!g.found)
        return;
    do {
        struct throttle_level level;
        if (c->n_levels == CONTENTION_LEVELS)
            return;
        if (!read_level(&g, &level))
            continue;
        c->levels[c->n_levels++] = level;
        if (level.quota_cpus > 0 && (c->quota_cpus <= 0 || level.quota_cpus < c->quota_cpus))
            c->quota_cpus = level.quota_cpus;
    } while (cgroup_up(&g));
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=123" (microseconds). */
static bool parse_stall(const char *text, uint64_t *some_ns)
{
    const char *line = strncmp(text, "some ", 5) == 0 ? text : strstr(text, "\nsome ");
    if (!line)
        return false;
    line += *line == '\n';
    const char *end = strchr(line, '\n'), *total = strstr(line, " total=");
    uint64_t us;
    if (!total || (end && total > end))
        return false;
    total += strlen(" total=");
    if (!parse_number(&total, &us))
        return false;
    *some_ns = us_to_ns(us);
    return true;
}

static void read_stalls(const char *root, const struct cgroup *g, struct contention *c)
{
    static const char *const names[PRESSURE_COUNT] = {
        [PRESSURE_CPU] = "cpu", [PRESSURE_IO] = "io", [PRESSURE_MEMORY] = "memory"};
    for (int p = 0; p < PRESSURE_COUNT; p++) {
        struct stall *s = &c->stalls[p];
        char text[512], file[32];
        snprintf(file, sizeof file, "%s.pressure", names[p]);
        /* The group at the top is the machine (or the container, which sees no more of it). */
        if (g->found && g->path[0] && cgroup_read(g, file, text, sizeof text) &&
            parse_stall(text, &s->some_ns)) {
            s->known = true;
            s->key = cgroup_key(g);
        } else if (procfs_read(AT_FDCWD, text, sizeof text, "%s/proc/pressure/%s", root, names[p]) >
                   0) {
            s->known = parse_stall(text, &s->some_ns);
        }
    }
}

enum cpu_field { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, FIELDS };

/* "cpu  user nice system idle iowait irq softirq steal guest guest_nice"; guests are in user and
 * nice already. Then a line for each CPU that is online. */
static void parse_machine(const char *text, struct machine_cpu *m)
{
    uint64_t f[FIELDS] = {0};
    int n = 0;
    if (strncmp(text, "cpu ", 4) != 0)
        return;
    const char *at = text + 3;
    while (n < FIELDS && parse_number(&at, &f[n]))
        n++;
    for (const char *line = text; (line = strstr(line, "\ncpu")); line += 4)
        m->cpus += isdigit((unsigned char)line[4]) != 0;
    if (n <= IDLE || m->cpus == 0)
        return;
    m->known = true;
    m->has_steal = n > STEAL;
    m->steal_ticks = f[STEAL];
    m->busy_ticks = f[USER] + f[NICE] + f[SYSTEM] + f[IRQ] + f[SOFTIRQ];
    m->total_ticks = m->busy_ticks + f[IDLE] + f[IOWAIT] + f[STEAL];
}

void contention_read(const char *root, const struct cgroups *groups, struct contention *c)
{
    /* The lines of the CPUs come first, about 90 characters each. */
    static const size_t stat_size = 65536;
    memset(c, 0, sizeof *c);
    read_throttling(groups->unified, c);
    read_throttling(groups->cpu, c);
    read_stalls(root, &groups->unified, c);
    char *text = malloc(stat_size);
    if (text && procfs_read(AT_FDCWD, text, stat_size, "%s/proc/stat", root) > 0)
        parse_machine(text, &c->machine);
    free(text);
}
