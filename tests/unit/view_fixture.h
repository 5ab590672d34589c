/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small recordings built by hand for the tests of views: Python and native functions, stacks from
 * the outermost frame on, and runs with their seconds.
 */
#ifndef TESTS_UNIT_VIEW_FIXTURE_H
#define TESTS_UNIT_VIEW_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "model/window.h"
#include "view/table.h"

#define START_NS (1000 * NS_PER_S)

__attribute__((unused)) static void fixture_near(double have, double want)
{
    if (have < want - 1e-6 || have > want + 1e-6)
        fail_msg("%.9f, not %.9f", have, want);
}

__attribute__((unused)) static struct recording *fixture_new(void)
{
    struct recording *rec = recording_new(START_NS, 1700000000 * (int64_t)NS_PER_S);
    struct dictionary *d = &rec->words;
    rec->rate_hz = 100;
    rec->engine = dictionary_string(d, "ptrace");
    recording_add_incarnation(rec, (struct incarnation){
                                       .pid = 48211,
                                       .ppid = 1,
                                       .start_ticks = 50000,
                                       .comm = dictionary_string(d, "checkout"),
                                       .cmdline = dictionary_string(d, "python3 checkout.py"),
                                       .exe = dictionary_string(d, "/srv/app"),
                                       .runtime = dictionary_string(d, "python 3.11.2"),
                                       .from_ns = START_NS,
                                   });
    return rec;
}

__attribute__((unused)) static struct thread_id fixture_thread(struct recording *rec, int32_t tid,
                                                               const char *name)
{
    return recording_add_thread(rec, (struct thread){.incarnation = {1},
                                                     .tid = tid,
                                                     .name = dictionary_string(&rec->words, name),
                                                     .from_ns = START_NS});
}

__attribute__((unused)) static struct function_id
fixture_function(struct recording *rec, const char *name, const char *file, uint32_t line)
{
    struct function f = {.name = dictionary_string(&rec->words, name),
                         .file = dictionary_string(&rec->words, file),
                         .line = line,
                         .language = LANGUAGE_PYTHON};
    return dictionary_function(&rec->words, &f);
}

__attribute__((unused)) static struct function_id fixture_native(struct recording *rec,
                                                                 const char *name,
                                                                 const char *module,
                                                                 const char *file, uint32_t line)
{
    struct function f = {.name = dictionary_string(&rec->words, name),
                         .file = dictionary_string(&rec->words, file),
                         .line = line,
                         .module = dictionary_module(&rec->words, module, ""),
                         .language = LANGUAGE_C};
    return dictionary_function(&rec->words, &f);
}

/* A stack one frame deeper than parent. */
__attribute__((unused)) static struct stack_id
fixture_call(struct recording *rec, struct stack_id parent, struct function_id f, uint32_t line)
{
    struct frame frame = {.kind = FRAME_PYTHON, .place = {f, line}};
    return dictionary_stack(&rec->words, parent, dictionary_frame(&rec->words, &frame));
}

/* The same with a native frame, whose places are given innermost first. */
__attribute__((unused)) static struct stack_id fixture_call_native(struct recording *rec,
                                                                   struct stack_id parent,
                                                                   const struct place *places,
                                                                   size_t n)
{
    static uint64_t offset;
    struct module_id module = function_at(&rec->words, places[n - 1].function)->module;
    struct frame frame = {
        .kind = FRAME_NATIVE, .place = places[n - 1], .module = module, .offset = ++offset * 16};
    struct frame_id id = dictionary_frame(&rec->words, &frame);
    recording_resolve(rec, id, places, n);
    return dictionary_stack(&rec->words, parent, id);
}

/* from_s counts from the recording's start; 100 observations a second. */
__attribute__((unused)) static void fixture_run(struct recording *rec, struct thread_id thread,
                                                struct stack_id stack, enum sample_state state,
                                                enum wait_kind wait, double from_s, double weight_s)
{
    struct run run = {.from_ns = START_NS + (uint64_t)(from_s * NS_PER_S + 0.5),
                      .weight_ns = (uint64_t)(weight_s * NS_PER_S + 0.5),
                      .thread = thread,
                      .stack = stack,
                      .ticks = (uint32_t)(weight_s * 100 + 0.5),
                      .state = (uint8_t)state,
                      .wait = (uint8_t)wait};
    recording_add_run(rec, &run);
}

__attribute__((unused)) static struct query fixture_query(const struct recording *rec)
{
    return (struct query){.rec = rec, .window = window_all(rec)};
}

__attribute__((unused)) static const struct value *fixture_value(const struct table *t, size_t row,
                                                                 const char *key)
{
    int column = view_column(t->view, key);
    assert_int_not_equal(column, -1);
    assert_true(row < t->rows.n);
    return table_cell(t, row, (size_t)column);
}

__attribute__((unused)) static const char *fixture_text(const struct table *t, size_t row,
                                                        const char *key)
{
    const struct value *v = fixture_value(t, row, key);
    return v->kind == VALUE_TEXT ? v->text : "(null)";
}

__attribute__((unused)) static double fixture_number(const struct table *t, size_t row,
                                                     const char *key)
{
    const struct value *v = fixture_value(t, row, key);
    assert_int_equal(v->kind, VALUE_NUMBER);
    return v->number;
}

/* The row whose name column says so; SIZE_MAX if there is none. */
__attribute__((unused)) static size_t fixture_find(const struct table *t, const char *key,
                                                   const char *name)
{
    for (size_t r = 0; r < t->rows.n; r++)
        if (strcmp(fixture_text(t, r, key), name) == 0)
            return r;
    return SIZE_MAX;
}

#endif
