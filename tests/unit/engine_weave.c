/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mixed stacks, on stacks written as texts: see engine/weave.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/weave.h"

/*
 * native: innermost first, '*' is the evaluation loop, letters are other functions. python: the
 * frames, innermost first, an entry in capitals. The result: native frames as they are, Python ones
 * in brackets; "torn" if there is none.
 */
static const char *woven(const char *native, const char *python, bool cut)
{
    static char out[128];
    bool eval[32], entry[32];
    struct weave_item items[64];
    for (size_t i = 0; native[i]; i++)
        eval[i] = native[i] == '*';
    for (size_t i = 0; python[i]; i++)
        entry[i] = python[i] >= 'A' && python[i] <= 'Z';
    struct weave_in in = {strlen(native), strlen(python), eval, entry, cut};
    int n = weave(&in, items);
    size_t at = 0;
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        char c = items[i].python ? python[items[i].index] : native[items[i].index];
        at += (size_t)snprintf(out + at, sizeof out - at, items[i].python ? "(%c)" : "%c", c);
    }
    return n < 0 ? "torn" : out;
}

static void test_one_frame_each(void **state)
{
    (void)state;
    assert_string_equal(woven("z*c*ms", "BA", false), "z(B)c(A)ms");
    assert_string_equal(woven("*ms", "A", false), "(A)ms");
}

static void test_groups(void **state)
{
    (void)state;
    assert_string_equal(woven("z*ms", "cbA", false), "z(c)(b)(A)ms");
    assert_string_equal(woven("*k*ms", "edDbA", false), "(e)(d)(D)k(b)(A)ms");
}

static void test_inner_end(void **state)
{
    (void)state;
    /* The innermost invocation has no frame yet; a frame's invocation is already gone. */
    assert_string_equal(woven("*c*ms", "A", false), "c(A)ms");
    assert_string_equal(woven("c*ms", "BA", false), "(B)c(A)ms");
    /* Two are not chance. */
    assert_string_equal(woven("*c*d*ms", "A", false), "torn");
    assert_string_equal(woven("ms", "BA", false), "torn");
    assert_string_equal(woven("ms", "", false), "ms");
}

static void test_cut(void **state)
{
    (void)state;
    assert_string_equal(woven("z*c", "CBA", true), "z(C)c(B)(A)");
    assert_string_equal(woven("z", "BA", true), "z(B)(A)");
    assert_string_equal(woven("z*c", "CBA", false), "torn");
}

static void test_no_entry_at_the_outer_end(void **state)
{
    (void)state;
    assert_string_equal(woven("*ms", "cba", false), "(c)(b)(a)ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_frame_each),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_inner_end),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_no_entry_at_the_outer_end),
    };
    return cmocka_run_group_tests_name("engine_weave", tests, NULL, NULL);
}
