/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds what, in real interpreters: tests/programs/python_holders.py prints the addresses of
 * containers and the ways to them, python_leaks.py types, which must be found.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "python/holders.h"
#include "python_program.h"

static bool never(void *context, int permille)
{
    (void)context;
    assert_in_range(permille, 0, 1000);
    return false;
}

static bool always(void *context, int permille)
{
    (void)context, (void)permille;
    return true;
}

/* One line of the program: HOW ADDRESS PATH. */
static void check_line(pid_t pid, char *line)
{
    const struct heap_limits limits = {.stop = never};
    struct holders_answer answer;
    struct err err = {""};
    char *address = strchr(line, ' '), *path;
    assert_non_null(address);
    line[strcspn(line, "\n")] = '\0';
    struct holders_question q = {.address = strtoull(address, &path, 10), .limits = &limits};
    if (!python_holders(pid, &q, &answer, &err))
        fail_msg("%s: %s", line, err.text);
    if (!answer.path || strcmp(answer.path, path + 1) != 0)
        fail_msg("%s: found %s", line, answer.path ? answer.path : "nothing");
    assert_int_equal(answer.holder, q.address);
    assert_false(answer.partial);
    holders_answer_clear(&answer);
}

static void check_type(pid_t pid, const char *type, const char *path)
{
    struct holders_question q = {.type = type};
    struct holders_answer answer;
    struct err err = {""};
    if (!python_holders(pid, &q, &answer, &err))
        fail_msg("%s: %s", type, err.text);
    if (!answer.path || strcmp(answer.path, path) != 0)
        fail_msg("%s: found %s", type, answer.path ? answer.path : "nothing");
    assert_in_range(answer.held, 20, answer.reached);
    assert_in_range(answer.reached, 20, answer.sampled);
    assert_string_equal(answer.holder_type, "dict");
    assert_int_equal(answer.length, 2000);
    holders_answer_clear(&answer);
}

static void test_ways(void **state)
{
    struct program p = start_with(*state, "python_holders.py", NULL);
    char line[512];
    int lines = 0;
    for (; fgets(line, sizeof line, p.out) && line[0] != '\n'; lines++) {
        check_line(p.pid, line);
    }
    assert_int_equal(lines, 11);
    check_type(p.pid, "__main__.Entry",
               "module __main__.Cache._instance ._cache (dict, 2,000 entries) -> __main__.Entry");
    check_type(p.pid, "float", "module __main__.mixed .table (dict, 2,000 entries) -> float");
    stop(p);
}

/* What leaks is told from older objects of its type, of which another list holds more. */
static void check_newborn(pid_t pid)
{
    struct holders_question q = {.type = "__main__.Entry", .newborn = true};
    struct holders_answer answer;
    struct err err = {""};
    if (!python_holders(pid, &q, &answer, &err))
        fail_msg("%s", err.text);
    if (!answer.path || !strstr(answer.path, "module __main__.fresh (list, ") ||
        !strstr(answer.path, " items) -> __main__.Entry"))
        fail_msg("new ones: found %s", answer.path ? answer.path : "nothing");
    holders_answer_clear(&answer);
}

/* Leaks that no container holds for itself. Each line of the program: TYPE PATH. */
static void test_leaks(void **state)
{
    struct program p = start_with(*state, "python_leaks.py", NULL);
    char line[512];
    int lines = 0;
    for (; fgets(line, sizeof line, p.out) && line[0] != '\n'; lines++) {
        char *path = strchr(line, ' ');
        assert_non_null(path);
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        struct holders_question q = {.type = line};
        struct holders_answer answer;
        struct err err = {""};
        if (!python_holders(p.pid, &q, &answer, &err))
            fail_msg("%s: %s", line, err.text);
        if (!answer.path || strcmp(answer.path, path) != 0)
            fail_msg("%s: found %s", line, answer.path ? answer.path : "nothing");
        holders_answer_clear(&answer);
    }
    assert_int_equal(lines, 6);
    struct holders_question q = {.type = "__main__.Node"};
    struct holders_answer answer;
    assert_true(python_holders(p.pid, &q, &answer, NULL));
    assert_non_null(answer.path);
    if (!strstr(answer.path, "module __main__.head .after x"))
        fail_msg("a linked list: found %s", answer.path);
    holders_answer_clear(&answer);
    check_newborn(p.pid);
    stop(p);
}

static void test_unanswered(void **state)
{
    const struct heap_limits stopped = {.stop = always}, small = {.own_bytes_max = 50000};
    struct program p = start_with(*state, "python_holders.py", NULL);
    struct holders_question q = {.type = "checkout.Nothing"};
    struct holders_answer answer;
    struct err err = {""};
    char line[512];
    while (fgets(line, sizeof line, p.out) && line[0] != '\n')
        continue;
    assert_false(python_holders(p.pid, &q, &answer, &err));
    assert_non_null(strstr(err.text, "no instances of checkout.Nothing"));
    holders_answer_clear(&answer);
    q = (struct holders_question){.address = 0x1000};
    assert_false(python_holders(p.pid, &q, &answer, &err));
    assert_non_null(strstr(err.text, "no object at 0x1000"));
    holders_answer_clear(&answer);
    q = (struct holders_question){.type = "str", .limits = &stopped};
    assert_true(python_holders(p.pid, &q, &answer, &err));
    assert_true(answer.partial);
    holders_answer_clear(&answer);
    q.limits = &small;
    assert_true(python_holders(p.pid, &q, &answer, &err));
    assert_true(answer.partial);
    holders_answer_clear(&answer);
    assert_false(python_holders(0x7ffffffe, &q, &answer, &err));
    holders_answer_clear(&answer);
    stop(p);
}

#define LEAKS(version)                                                                             \
    {                                                                                              \
        "leaks " version, test_leaks, NULL, NULL, (void *)version                                  \
    }
#define WAYS(version)                                                                              \
    {                                                                                              \
        "ways " version, test_ways, NULL, NULL, (void *)version                                    \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_EVERY_PYTHON(WAYS),
        ON_EVERY_PYTHON(LEAKS),
        {"unanswered", test_unanswered, NULL, NULL, (void *)"/usr/bin/python3"},
    };
    return cmocka_run_group_tests_name("python_holders", tests, NULL, NULL);
}
