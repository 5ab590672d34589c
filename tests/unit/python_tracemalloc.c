/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tracemalloc's table read from real interpreters, against the program's own reading of it
 * (tests/programs/python_traced.py).
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "python/tracemalloc.h"
#include "python_program.h"

static void check_line(const struct tracemalloc_table *table, const char *text)
{
    unsigned long long bytes, count;
    unsigned line;
    assert_int_equal(sscanf(text, "%llu %llu %u", &bytes, &count, &line), 3);
    for (size_t i = 0; i < table->rows.n; i++) {
        const struct tracemalloc_row *row = &table->rows.at[i];
        if (row->line != line || !strstr(row->file, "/python_traced.py"))
            continue;
        assert_int_equal(row->bytes, bytes);
        assert_int_equal(row->count, count);
        return;
    }
    fail_msg("no row for line %u", line);
}

static bool always(void *context, int permille)
{
    (void)context, (void)permille;
    return true;
}

static void test_table(void **state)
{
    const struct heap_limits stopped = {.stop = always}, few = {.rows_max = 1};
    struct program p = start_with(*state, "python_traced.py", NULL);
    struct tracemalloc_table table;
    struct err err = {""};
    char lines[8][128];
    size_t n = 0;
    while (n < 8 && fgets(lines[n], sizeof lines[n], p.out) && lines[n][0] != '\n')
        n++;
    assert_int_equal(n, 3);
    if (!python_tracemalloc(p.pid, NULL, &table, &err))
        fail_msg("%s", err.text);
    assert_false(table.partial);
    assert_true(table.rows.n > n);
    for (size_t i = 0; i < n; i++)
        check_line(&table, lines[i]);
    for (size_t i = 1; i < table.rows.n; i++)
        assert_true(table.rows.at[i - 1].bytes >= table.rows.at[i].bytes);
    tracemalloc_table_clear(&table);
    assert_true(python_tracemalloc(p.pid, &stopped, &table, &err));
    assert_true(table.partial);
    tracemalloc_table_clear(&table);
    assert_true(python_tracemalloc(p.pid, &few, &table, &err));
    assert_true(table.partial);
    assert_int_equal(table.rows.n, 1);
    tracemalloc_table_clear(&table);
    stop(p);
}

static void test_not_traced(void **state)
{
    struct program p = start(*state, "python_busy.py");
    struct tracemalloc_table table;
    struct err err = {""};
    assert_false(python_tracemalloc(p.pid, NULL, &table, &err));
    assert_non_null(strstr(err.text, "does not run tracemalloc"));
    tracemalloc_table_clear(&table);
    stop(p);
}

#define EACH(version)                                                                              \
    {"table " version, test_table, NULL, NULL, (void *)version},                                   \
    {                                                                                              \
        "not traced " version, test_not_traced, NULL, NULL, (void *)version                        \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_EVERY_PYTHON(EACH),
    };
    return cmocka_run_group_tests_name("python_tracemalloc", tests, NULL, NULL);
}
