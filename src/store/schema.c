/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See schema.h. Any thread. */
#include "store/schema.h"

#include <stddef.h>

#include "base/mem.h"
#include "base/text.h"

#define ID                                                                                         \
    {                                                                                              \
        "id", "INTEGER PRIMARY KEY"                                                                \
    }
#define INT(name)                                                                                  \
    {                                                                                              \
        name, "INTEGER"                                                                            \
    }
#define REAL(name)                                                                                 \
    {                                                                                              \
        name, "REAL"                                                                               \
    }
/* Columns that came with format 4. */
#define INT_4(name)                                                                                \
    {                                                                                              \
        name, "INTEGER", 4                                                                         \
    }
/* A column that came with format 5. */
#define TEXT_5(name)                                                                               \
    {                                                                                              \
        name, "TEXT", 5                                                                            \
    }
/* Columns that came with format 6. */
#define INT_6(name)                                                                                \
    {                                                                                              \
        name, "INTEGER", 6                                                                         \
    }
#define REAL_6(name)                                                                               \
    {                                                                                              \
        name, "REAL", 6                                                                            \
    }
#define TEXT_(name)                                                                                \
    {                                                                                              \
        name, "TEXT"                                                                               \
    }

/* clang-format off */
const struct schema_table_info schema_tables[TABLE_COUNT] = {
    [TABLE_META] = {"meta", {{"key", "TEXT"}, {"value", "ANY"}}, "key", 0},
    [TABLE_LEVEL] = {"level", {ID, TEXT_("name"), INT("reach_ns"), INT("runs_max"), INT("dropped")}, NULL, 0},
    [TABLE_LANGUAGE] = {"language", {ID, TEXT_("name")}, NULL, 0},
    [TABLE_WAIT] = {"wait", {ID, TEXT_("name")}, NULL, 0},
    [TABLE_METRIC] = {"metric", {ID, TEXT_("name")}, NULL, 0},
    [TABLE_STRING] = {"string", {ID, TEXT_("text")}, NULL, 0},
    [TABLE_MODULE] = {"module", {ID, INT("path"), INT("build_id")}, NULL, 0},
    [TABLE_FUNCTION] = {"function", {ID, INT("name"), INT("file"), INT("line"), INT("module"), INT("language")}, NULL, 0},
    [TABLE_FRAME] = {"frame", {ID, INT("kind"), INT("function"), INT("line"), INT("module"), INT("offset")}, NULL, 0},
    [TABLE_STACK] = {"stack", {ID, INT("parent"), INT("frame")}, NULL, 0},
    [TABLE_OBJECT] = {"object", {ID, INT("text")}, NULL, 0},
    [TABLE_PLACE] = {"place", {INT("frame"), INT("position"), INT("function"), INT("line")}, "frame, position", 0},
    [TABLE_INCARNATION] = {"incarnation", {ID, INT("pid"), INT("ppid"), INT("start_ticks"), INT("comm"), INT("cmdline"), INT("exe"), INT("runtime"), INT("from_ns"), INT("to_ns"), INT("exec"), INT("rss_bytes")}, NULL, 0},
    [TABLE_THREAD] = {"thread", {ID, INT("incarnation"), INT("tid"), INT("name"), INT("from_ns"), INT("to_ns")}, NULL, 0},
    [TABLE_RUN] = {"run", {ID, INT("level"), INT("thread"), INT("stack"), INT("object"), INT("owner_tid"), INT("state"), INT("wait"), INT("flags"), INT("from_ns"), INT("weight_ns"), INT("ticks")}, NULL, 0},
    [TABLE_OPEN_RUN] = {"open_run", {{"thread", "INTEGER PRIMARY KEY"}, INT("stack"), INT("object"), INT("owner_tid"), INT("state"), INT("wait"), INT("flags"), INT("from_ns"), INT("weight_ns"), INT("ticks")}, NULL, 0},
    [TABLE_POINT] = {"point", {ID, INT("metric"), INT("time_ns"), REAL("mean"), REAL("min"), REAL("max"), INT("count")}, NULL, 0},
    [TABLE_ALERT] = {"alert", {ID, INT("metric"), REAL("threshold"), INT("time_ns"), INT("severity"), INT("raised"), REAL("value"), INT_4("rule"), INT_4("silent"), INT_4("snapshot")}, NULL, 0},
    [TABLE_ALERT_STATE] = {"alert_state", {ID, INT("metric"), REAL("threshold"), INT("severity"), INT("since_ns"), INT("over_since_ns"), INT("under_since_ns"), REAL("value"), REAL("worst"), INT_4("last_ns"), INT_4("gap_ns")}, NULL, 0},
    [TABLE_ALERT_RULE] = {"alert_rule", {ID, TEXT_("name"), TEXT_("rule"), INT("off")}, NULL, 4},
    [TABLE_MARK] = {"mark", {ID, INT("time_ns"), INT("kind"), INT("text")}, NULL, 0},
    [TABLE_COST] = {"cost", {{"name", "TEXT"}, INT("value")}, "name", 0},
    [TABLE_CENSUS] = {"census", {ID, INT("incarnation"), INT("time_ns"), INT("duration_ns"), INT("flags"), REAL("moved_pct"), INT("swapped_bytes"), INT("used_bytes"), INT("free_bytes"), INT("mapped_bytes"), INT("why_partial")}, NULL, 3},
    [TABLE_CENSUS_TYPE] = {"census_type", {INT("census"), INT("position"), INT("type"), INT("language"), INT("flags"), INT("count"), INT("size_bytes")}, "census, position", 3},
    [TABLE_CENSUS_CONTAINER] = {"census_container", {INT("census"), INT("position"), INT("type"), INT("address"), INT("length"), INT("size_bytes")}, "census, position", 3},
    [TABLE_HOLDER] = {"holder", {INT("incarnation"), INT("type"), INT("path"), INT("time_ns")}, "incarnation, type", 3},
    [TABLE_GROWTH] = {"growth", {ID, INT("incarnation"), INT("from_ns"), INT("to_ns"), REAL("cost_pct"), INT("samples"), INT("lost"), INT("unnamed"), INT_6("flags")}, NULL, 3},
    [TABLE_GROWTH_SITE] = {"growth_site", {INT("growth"), INT("position"), TEXT_("kind"), INT("stack"), INT("type"), REAL("bytes"), REAL("bytes_per_s"), INT("count"), INT("of_samples"), TEXT_5("enlarged_by"), REAL_6("unsure_per_s")}, "growth, position", 3},
};
/* clang-format on */

#define COST(name)                                                                                 \
    {                                                                                              \
#name, offsetof(struct cost, name)                                                         \
    }
const struct schema_cost schema_costs[] = {
    COST(ticks),      COST(late_ticks), COST(samples),    COST(lost),
    COST(torn),       COST(stops),      COST(stopped_ns), COST(rewound),
    COST(slow_stops), COST(long_stops), COST(cpu_ns),
};
const size_t schema_cost_count = sizeof schema_costs / sizeof schema_costs[0];

int schema_column_count(enum schema_table table)
{
    int n = 0;
    while (n < SCHEMA_COLUMNS_MAX && schema_tables[table].columns[n].name)
        n++;
    return n;
}

/* Room for any statement made here: at most SCHEMA_COLUMNS_MAX short names, or 16 rows of "?,". */
#define SQL_MAX 2048

char *schema_create_sql(enum schema_table table)
{
    const struct schema_table_info *info = &schema_tables[table];
    char sql[SQL_MAX];
    struct text t = TEXT(sql);
    text_add(&t, "CREATE TABLE %s (", info->name);
    for (int i = 0; i < schema_column_count(table); i++)
        text_add(&t, "%s%s %s", i ? ", " : "", info->columns[i].name, info->columns[i].type);
    if (info->key)
        text_add(&t, ", PRIMARY KEY (%s)) STRICT, WITHOUT ROWID", info->key);
    else
        text_add(&t, ") STRICT");
    return xstrdup(sql);
}

char *schema_insert_sql(enum schema_table table, int rows)
{
    char sql[SQL_MAX];
    struct text t = TEXT(sql);
    text_add(&t, "INSERT OR REPLACE INTO %s VALUES ", schema_tables[table].name);
    for (int row = 0; row < rows; row++) {
        text_add(&t, "%s(?", row ? "," : "");
        for (int i = 1; i < schema_column_count(table); i++)
            text_add(&t, ",?");
        text_add(&t, ")");
    }
    return xstrdup(sql);
}

char *schema_select_sql(enum schema_table table, int64_t version)
{
    const struct schema_table_info *info = &schema_tables[table];
    char sql[SQL_MAX];
    struct text t = TEXT(sql);
    text_add(&t, "SELECT ");
    for (int i = 0; i < schema_column_count(table); i++)
        text_add(&t, "%s%s", i ? ", " : "",
                 info->columns[i].since > version ? "NULL" : info->columns[i].name);
    text_add(&t, " FROM %s ORDER BY %s", info->name, info->key ? info->key : info->columns[0].name);
    return xstrdup(sql);
}
