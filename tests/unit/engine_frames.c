/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stacks made along the thread's last one are those that are made from nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "engine/frames.h"

#define DEPTH  40
#define ROUNDS 2000

static unsigned seed = 1;

static unsigned below(unsigned n)
{
    seed = seed * 1103515245u + 12345u;
    return (seed >> 16) % n;
}

static struct python_frame python_frame_of(unsigned n)
{
    static const char *const names[] = {"main", "serve", "query", "burn"};
    return (struct python_frame){.name = names[n % 4], .file = "a.py", .line = n, .key = n + 1};
}

/* One more like the last, innermost first: its outer frames stay. */
static size_t change(struct python_frame frames[DEPTH], size_t n)
{
    struct python_frame next[DEPTH];
    size_t kept = n ? below((unsigned)n + 1) : 0, added = below((unsigned)(DEPTH - kept) + 1);
    for (size_t i = 0; i < added; i++)
        next[i] = python_frame_of(below(6));
    memcpy(next + added, frames + n - kept, kept * sizeof *next);
    memcpy(frames, next, (added + kept) * sizeof *next);
    return added + kept;
}

static void as_from_nothing(void **state)
{
    (void)state;
    struct sink sink;
    struct frames with, without;
    struct python_frame frames[3][DEPTH];
    size_t n[3] = {0};
    sink_init(&sink);
    frames_init(&with, &sink);
    frames_init(&without, &sink);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned thread = below(3);
        size_t depth = n[thread] = change(frames[thread], n[thread]);
        uint32_t elided = depth > 8 && below(4) == 0 ? 100 + below(3) : 0;
        frames_of_thread(&with, (pid_t)thread);
        frames_forget(&without);
        struct stack_id a = frames_python(&with, frames[thread], depth, elided);
        struct stack_id b = frames_python(&without, frames[thread], depth, elided);
        assert_int_equal(a.n, b.n);
        assert_int_equal(sink.words.stacks.at[a.n].depth, depth + (elided != 0));
    }
    frames_clear(&with);
    frames_clear(&without);
    sink_clear(&sink);
}

static void threads_that_share(void **state)
{
    (void)state;
    struct sink sink;
    struct frames f;
    struct python_frame one[2] = {python_frame_of(1), python_frame_of(0)};
    struct python_frame other[2] = {python_frame_of(2), python_frame_of(0)};
    sink_init(&sink);
    frames_init(&f, &sink);
    frames_of_thread(&f, 7);
    struct stack_id a = frames_python(&f, one, 2, 0);
    frames_of_thread(&f, 7 + TRAILS);
    struct stack_id b = frames_python(&f, other, 2, 0);
    frames_of_thread(&f, 7);
    assert_int_not_equal(a.n, b.n);
    assert_int_equal(frames_python(&f, one, 2, 0).n, a.n);
    frames_clear(&f);
    sink_clear(&sink);
}

static void a_new_dictionary(void **state)
{
    (void)state;
    struct sink sink;
    struct frames f;
    struct python_frame frames[DEPTH];
    sink_init(&sink);
    frames_init(&f, &sink);
    for (unsigned i = 0; i < DEPTH; i++)
        frames[i] = python_frame_of(i);
    frames_python(&f, frames, DEPTH, 0);
    dictionary_clear(&sink.words);
    dictionary_init(&sink.words);
    sink.generation++;
    struct stack_id again = frames_python(&f, frames, DEPTH, 0);
    assert_int_equal(sink.words.stacks.at[again.n].depth, DEPTH);
    frames_clear(&f);
    sink_clear(&sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_from_nothing),
        cmocka_unit_test(threads_that_share),
        cmocka_unit_test(a_new_dictionary),
    };
    return cmocka_run_group_tests_name("engine_frames", tests, NULL, NULL);
}
