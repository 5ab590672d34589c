/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See heaps.h. */
#include "engine/heaps.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/census.h"
#include "model/growth_look.h"
#include "native/census.h"
#include "native/holders.h"
#include "python/census.h"
#include "python/holders.h"
#include "python/tracemalloc.h"
#include "target/hold.h"

/* A process is not held still for longer, whatever its heap. */
#define HELD_NS_MAX (5 * NS_PER_S)

const struct heap_limits heap_default_limits = {
    .read_bytes_max = 64ull << 30,
    .own_bytes_max = 64u << 20,
    .duration_ns_max = 20 * NS_PER_S,
    .rows_max = 20000,
    .containers_max = CENSUS_CONTAINERS_MAX,
    .container_min = 1000,
};

static bool count(pid_t pid, const struct heap_limits *limits, struct heap_count *out,
                  struct err *err)
{
    struct err no_python;
    if (python_census(pid, limits, out, &no_python))
        return true;
    heap_count_clear(out);
    heap_count_init(out, pid);
    return native_census(pid, limits, out, err);
}

bool heaps_count(pid_t pid, bool hold, const struct heap_limits *limits, struct heap_count *out,
                 struct err *err)
{
    if (!hold)
        return count(pid, limits, out, err);
    struct hold *held = hold_process(pid, err);
    if (!held)
        return false;
    struct heap_limits brief = *limits;
    if (brief.duration_ns_max > HELD_NS_MAX)
        brief.duration_ns_max = HELD_NS_MAX;
    bool ok = count(pid, &brief, out, err);
    hold_release(held);
    out->flags |= HEAP_STOPPED;
    out->moved_pct = 0;
    return ok;
}

bool heaps_traced(pid_t pid, const struct heap_limits *limits, struct growth *out)
{
    struct tracemalloc_table table;
    out->from_ns = clock_mono_ns();
    bool ok = python_tracemalloc(pid, limits, &table, NULL);
    for (size_t i = 0; ok && i < table.rows.n && i < GROWTH_SITES_MAX; i++) {
        const struct tracemalloc_row *row = &table.rows.at[i];
        char name[256];
        snprintf(name, sizeof name, "%.200s:%u", path_base(row->file), row->line);
        struct growth_frame frame = {.python = true,
                                     .line = row->line,
                                     .first_line = row->line,
                                     .name = growth_text(out, name),
                                     .file = growth_text(out, row->file),
                                     .module = "",
                                     .build_id = ""};
        growth_add(out, GROWTH_TRACED, growth_stack(out, &frame, 1), "", (double)row->bytes, 0,
                   row->count, row->count);
    }
    out->samples = ok ? table.count : 0;
    out->to_ns = clock_mono_ns();
    tracemalloc_table_clear(&table);
    growth_close(out);
    return ok;
}

/* What holds the type's instances; where most were not come upon, perhaps the container that grows
 * as the type does. */
static bool python_holder(pid_t pid, const struct heap_question *question,
                          const struct heap_limits *limits, char *path, size_t size,
                          struct err *err)
{
    struct holders_question q = {
        .type = question->type, .newborn = question->newborn, .limits = limits};
    struct holders_answer answer, other = {0};
    bool ok = python_holders(pid, &q, &answer, err);
    if (ok && question->container && (!answer.path || answer.held * 2 < answer.sampled)) {
        q = (struct holders_question){.address = question->container, .limits = limits};
        struct err none;
        python_holders(pid, &q, &other, &none);
    }
    if (other.path)
        snprintf(path, size, "perhaps %s -> %s", other.path, question->type);
    else if (ok && answer.path)
        snprintf(path, size, "%s", answer.path);
    else if (ok)
        ok = err_set(err, "no way to a %s was found from a module or a running function%s",
                     question->type, answer.partial ? " in the time that was given" : "");
    holders_answer_clear(&answer);
    holders_answer_clear(&other);
    return ok;
}

bool heaps_holder(pid_t pid, const struct heap_question *question, const struct heap_limits *limits,
                  char *path, size_t size, struct err *err)
{
    if (question->language == LANGUAGE_PYTHON)
        return python_holder(pid, question, limits, path, size, err);
    struct holders found;
    bool ok = native_holders(pid, question->type, question->newborn, limits, &found, err);
    if (ok && !found.path)
        ok = err_set(err, "nothing was found that points at %s", question->type);
    if (ok)
        snprintf(path, size, "%s", found.path);
    holders_clear(&found);
    return ok;
}
