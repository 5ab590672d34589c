/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process has asked for and not given back, span by span. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>

#include "engine/mapped_spans.h"

static void add(struct mapped_spans *s, uint64_t start, uint64_t end, uint64_t time_ns,
                uint32_t stack)
{
    struct mapped_span span = {start, end, time_ns, GROWTH_MMAP, stack, 1};
    mapped_spans_add(s, &span);
}

/* They are sorted and do not overlap; their bytes. */
static uint64_t checked_bytes(const struct mapped_spans *s, uint32_t stack)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->list.n; i++) {
        const struct mapped_span *span = &s->list.at[i];
        assert_true(span->start < span->end);
        assert_true(i == 0 || s->list.at[i - 1].end <= span->start);
        bytes += span->stack == stack ? span->end - span->start : 0;
    }
    return bytes;
}

static void what_is_given_back_is_gone(void **state)
{
    (void)state;
    struct mapped_spans s = {0};
    add(&s, 1000, 2000, 1, 1);
    add(&s, 3000, 4000, 2, 2);
    mapped_spans_remove(&s, 2000, 3000, 5);
    assert_int_equal(checked_bytes(&s, 1) + checked_bytes(&s, 2), 2000);
    mapped_spans_remove(&s, 1400, 1500, 5);
    assert_int_equal(s.list.n, 3);
    assert_int_equal(checked_bytes(&s, 1), 900);
    mapped_spans_remove(&s, 1800, 3100, 5);
    assert_int_equal(checked_bytes(&s, 1), 700);
    assert_int_equal(checked_bytes(&s, 2), 900);
    mapped_spans_remove(&s, 0, 1000, 5);
    mapped_spans_remove(&s, 4000, UINT64_MAX, 5);
    assert_int_equal(checked_bytes(&s, 1) + checked_bytes(&s, 2), 1600);
    mapped_spans_remove(&s, 0, UINT64_MAX, 5);
    assert_int_equal(s.list.n, 0);
    mapped_spans_clear(&s);
}

static void what_is_mapped_over_belongs_to_the_last(void **state)
{
    (void)state;
    struct mapped_spans s = {0};
    add(&s, 1000, 5000, 1, 1);
    add(&s, 2000, 3000, 2, 2);
    add(&s, 2000, 2000, 3, 3);
    assert_int_equal(checked_bytes(&s, 1), 3000);
    assert_int_equal(checked_bytes(&s, 2), 1000);
    add(&s, 0, 6000, 4, 3);
    assert_int_equal(s.list.n, 1);
    assert_int_equal(checked_bytes(&s, 3), 6000);
    mapped_spans_clear(&s);
}

static void what_moves_keeps_its_stack(void **state)
{
    (void)state;
    struct mapped_spans s = {0};
    add(&s, 1000, 2000, 1, 1);
    add(&s, 2000, 3000, 2, 2);
    mapped_spans_move(&s, 1500, 1000, 1700); /* onto itself */
    assert_int_equal(checked_bytes(&s, 1), 1000);
    assert_int_equal(checked_bytes(&s, 2), 800);
    mapped_spans_move(&s, 0, 10000, 50000);
    assert_int_equal(s.list.at[0].start, 51000);
    assert_int_equal(checked_bytes(&s, 1), 1000);
    assert_int_equal(s.lives.at[0].ended, 0);
    mapped_spans_clear(&s);
}

/* A stack whose spans come and go has always one that is there; a leak of the same stack is told
 * from it by having outlived others. */
static void churn_is_culled_when_nobody_looks(void **state)
{
    (void)state;
    struct mapped_spans s = {0};
    add(&s, 100000, 101000, 1, 1); /* stays, of the stack that churns */
    add(&s, 200000, 201000, 2, 2); /* of one of which nothing has gone */
    for (uint64_t t = 10; t < 100; t += 2) {
        add(&s, 1000, 2000, t, 1);
        mapped_spans_remove(&s, 1000, 2000, t + 1);
    }
    add(&s, 1000, 2000, 100, 1);
    mapped_spans_cull(&s, 5000);
    assert_int_equal(checked_bytes(&s, 1), 1000);
    assert_int_equal(s.list.at[0].start, 100000);
    assert_int_equal(checked_bytes(&s, 2), 1000);
    mapped_spans_clear(&s);
}

static void there_is_a_most(void **state)
{
    (void)state;
    struct mapped_spans s = {0};
    for (uint64_t i = 0; i < MAPPED_SPANS_MAX + 10; i++)
        add(&s, 2 * i, 2 * i + 1, i, 1);
    assert_int_equal(s.list.n, MAPPED_SPANS_MAX);
    assert_int_equal(s.dropped, 10);
    mapped_spans_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_back_is_gone),
        cmocka_unit_test(what_is_mapped_over_belongs_to_the_last),
        cmocka_unit_test(what_moves_keeps_its_stack),
        cmocka_unit_test(churn_is_culled_when_nobody_looks),
        cmocka_unit_test(there_is_a_most),
    };
    return cmocka_run_group_tests_name("engine/mapped_spans", tests, NULL, NULL);
}
