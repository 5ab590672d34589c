/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See objects_report.h. */
#include "cli/objects_report.h"

#include "cli/print.h"
#include "view/objects.h"
#include "view/rows.h"

/* 0 is unknown. */
static json_t *bytes(uint64_t n)
{
    return n ? json_integer((json_int_t)n) : json_null();
}

/* Of all processes, each one's longest first. */
static json_t *containers_json(const struct query *query)
{
    const struct recording *rec = query->rec;
    json_t *list = json_array();
    for (uint32_t i = 1; i < rec->incarnations.n; i++) {
        const struct incarnation *in = &rec->incarnations.at[i];
        const struct census *c =
            recording_census(rec, (struct incarnation_id){i}, query->window.to_ns);
        if (!c || (query->filter.pid && in->pid != query->filter.pid))
            continue;
        for (size_t k = 0; k < c->containers.n; k++) {
            const struct census_container *from = &c->containers.at[k];
            json_t *container = json_object();
            json_object_set_new(container, "pid", json_integer(in->pid));
            json_object_set_new(container, "type",
                                print_text(string_text(&rec->words, from->type)));
            json_object_set_new(container, "address",
                                json_sprintf("0x%llx", (unsigned long long)from->address));
            json_object_set_new(container, "length", json_integer((json_int_t)from->length));
            json_object_set_new(container, "bytes", json_integer((json_int_t)from->size_bytes));
            json_array_append_new(list, container);
        }
    }
    return list;
}

json_t *objects_report_json(const struct query *query)
{
    struct objects_census c = objects_census(query);
    if (!c.time_ns)
        return json_null();
    json_t *census = json_object();
    json_object_set_new(census, "time_s", print_real(rows_time_s(query->rec, c.time_ns), 6));
    json_object_set_new(census, "took_s", print_real(rows_seconds(c.duration_ns), 6));
    json_object_set_new(census, "count", json_integer((json_int_t)c.count));
    json_object_set_new(census, "bytes", json_integer((json_int_t)c.size_bytes));
    json_object_set_new(census, "partial", json_boolean(c.why != NULL));
    json_object_set_new(census, "why_partial", c.why ? print_text(c.why) : json_null());
    json_object_set_new(census, "includes_freed", json_boolean(c.freed));
    json_object_set_new(census, "moved_pct", print_real(c.moved_pct, 3));
    json_object_set_new(census, "swapped_bytes", json_integer((json_int_t)c.swapped_bytes));
    json_object_set_new(census, "containers", containers_json(query));
    json_object_set_new(census, "used_bytes", bytes(c.space.used_bytes));
    json_object_set_new(census, "free_bytes", bytes(c.space.free_bytes));
    json_object_set_new(census, "mapped_bytes", bytes(c.space.mapped_bytes));
    return census;
}

void objects_report_put(FILE *out, const struct query *query)
{
    char line[600];
    objects_say(line, sizeof line, query);
    if (line[0])
        fprintf(out, "%s\n", line);
}
