/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What python/ decodes, without a process: line tables, strings, version numbers, published
 * offsets; each by hand-made examples and then by random bytes, which must do no harm.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python/layout.h"
#include "python/linetable.h"
#include "python/unicode.h"
#include "python/version.h"

#define FUZZ_ROUNDS 20000

/* The same sequence in every run, so that a failure can be had again. */
static uint64_t random_state = 88172645463325252u;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* A buffer of exactly that size, so that the sanitizer sees a byte too many. */
static uint8_t *random_bytes(size_t size)
{
    uint8_t *bytes = malloc(size ? size : 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)next_random();
    return bytes;
}

static void test_lnotab(void **state)
{
    (void)state;
    /* Byte 0 is line 10; 4: 11; 10: 300 (in steps of 127); 12: 299. */
    const uint8_t table[] = {4, 1, 6, 127, 0, 127, 0, 35, 2, 255};
    const struct {
        int64_t offset;
        uint32_t line;
    } expected[] = {{-1, 10}, {0, 10}, {2, 10}, {4, 11}, {9, 11}, {10, 300}, {12, 299}, {90, 299}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(line_lookup(LINES_LNOTAB, table, sizeof table, 10, expected[i].offset),
                         expected[i].line);
    assert_int_equal(line_lookup(LINES_LNOTAB, table, 0, 10, 6), 10);
    assert_int_equal(line_lookup(LINES_LNOTAB, table, 3, 10, 10), 11); /* cut within a pair */
}

static void test_ranges(void **state)
{
    (void)state;
    /* [0,4) line 11; [4,6) no line of its own; an empty one; [6,10) line 9. */
    const uint8_t table[] = {4, 1, 2, 128, 0, 8, 4, 246};
    assert_int_equal(line_lookup(LINES_RANGES, table, sizeof table, 10, -2), 10);
    assert_int_equal(line_lookup(LINES_RANGES, table, sizeof table, 10, 0), 11);
    assert_int_equal(line_lookup(LINES_RANGES, table, sizeof table, 10, 4), 11);
    assert_int_equal(line_lookup(LINES_RANGES, table, sizeof table, 10, 6), 9);
    assert_int_equal(line_lookup(LINES_RANGES, table, sizeof table, 10, 10), 0);
    assert_int_equal(line_lookup(LINES_RANGES, table, 7, 10, 6), 0);
}

static void test_locations(void **state)
{
    (void)state;
    const uint8_t table[] = {
        0x80 | 10 << 3 | 0, 1,         2,          /* 1 unit, the same line, two columns */
        0x80 | 12 << 3 | 1, 1,         2,          /* 2 units, two lines on */
        0x80 | 3 << 3 | 0,  0x23,                  /* 1 unit, short: the same line */
        0x80 | 15 << 3 | 0,                        /* 1 unit without a line of its own */
        0x80 | 13 << 3 | 0, 0x40 | 9,  3,          /* 1 unit, minus 100: (100 << 1 | 1) = 9, 3 */
        0x80 | 14 << 3 | 7, 0x40 | 16, 6, 1, 2, 3, /* 8 units, plus 200 */
    };
    const uint32_t lines[] = {500, 502, 502, 502, 502, 402, 602, 602};
    for (int64_t i = 0; i < 8; i++)
        assert_int_equal(line_lookup(LINES_LOCATIONS, table, sizeof table, 500, i * 2), lines[i]);
    assert_int_equal(line_lookup(LINES_LOCATIONS, table, sizeof table, 500, -2), 500);
    assert_int_equal(line_lookup(LINES_LOCATIONS, table, sizeof table, 500, 26), 602);
    assert_int_equal(line_lookup(LINES_LOCATIONS, table, sizeof table, 500, 28), 0);
}

static void test_lines_fuzz(void **state)
{
    (void)state;
    for (int i = 0; i < FUZZ_ROUNDS; i++) {
        size_t size = next_random() % 200;
        uint8_t *table = random_bytes(size);
        for (int format = LINES_LNOTAB; format <= LINES_LOCATIONS; format++) {
            int64_t offset = (int64_t)(next_random() % 2000) - 4;
            uint32_t first = (uint32_t)next_random();
            uint32_t line = line_lookup((enum line_format)format, table, size, first, offset);
            assert_true(line <= INT32_MAX);
        }
        free(table);
    }
}

static const struct unicode_layout *unicode_of(unsigned minor)
{
    return &layout_find(minor)->unicode;
}

/* A str object as the interpreter lays it out. */
static size_t make_str(const struct unicode_layout *l, uint8_t *object, unsigned kind, bool ascii,
                       const uint32_t *chars, uint64_t n)
{
    uint32_t state = (kind | 1u << 3 | (ascii ? 1u << 4 : 0)) << l->kind_shift;
    size_t data = ascii ? l->ascii_data_at : l->compact_data_at;
    memset(object, 0, data);
    memcpy(object + l->length_at, &n, sizeof n);
    memcpy(object + l->state_at, &state, sizeof state);
    for (uint64_t i = 0; i < n; i++)
        memcpy(object + data + i * kind, &chars[i], kind);
    return data + n * kind;
}

static void test_unicode(void **state)
{
    (void)state;
    const unsigned minors[] = {8, 11, 12};
    const uint32_t latin[] = {'N', 0xe4}, wide[] = {0x3b1, 0xd800, '\n'}, full[] = {0x1f40d, 'x'};
    const uint32_t plain[] = {'a', '.', 'b'};
    for (size_t i = 0; i < sizeof minors / sizeof *minors; i++) {
        const struct unicode_layout *l = unicode_of(minors[i]);
        uint8_t object[256];
        char text[UNICODE_TEXT_SIZE];
        size_t size = make_str(l, object, 1, true, plain, 3);
        assert_int_equal(unicode_object_size(l, object, sizeof object), size);
        assert_true(unicode_to_utf8(l, object, size, text));
        assert_string_equal(text, "a.b");
        size = make_str(l, object, 1, false, latin, 2);
        assert_true(unicode_to_utf8(l, object, size, text));
        assert_string_equal(text, "N\xc3\xa4");
        size = make_str(l, object, 2, false, wide, 3);
        assert_true(unicode_to_utf8(l, object, size, text));
        assert_string_equal(text, "\xce\xb1??");
        size = make_str(l, object, 4, false, full, 2);
        assert_true(unicode_to_utf8(l, object, size, text));
        assert_string_equal(text, "\xf0\x9f\x90\x8dx");
        assert_false(unicode_to_utf8(l, object, size - 1, text)); /* cut */
        size = make_str(l, object, 3, false, full, 2);            /* no such kind */
        assert_int_equal(unicode_object_size(l, object, size), 0);
    }
}

static void test_unicode_long(void **state)
{
    (void)state;
    const struct unicode_layout *l = unicode_of(12);
    static uint32_t chars[5000];
    static uint8_t object[256 + sizeof chars];
    char text[UNICODE_TEXT_SIZE];
    for (size_t i = 0; i < 5000; i++)
        chars[i] = 0x1f40d;
    make_str(l, object, 4, false, chars, 5000);
    size_t need = unicode_object_size(l, object, sizeof object);
    assert_int_equal(need, l->compact_data_at + 4 * UNICODE_CHARS_MAX);
    assert_true(unicode_to_utf8(l, object, need, text));
    assert_int_equal(strlen(text), 4 * UNICODE_CHARS_MAX);
    uint64_t absurd = UINT64_MAX;
    memcpy(object + l->length_at, &absurd, sizeof absurd);
    assert_int_equal(unicode_object_size(l, object, sizeof object), need);
}

static void test_unicode_fuzz(void **state)
{
    (void)state;
    char text[UNICODE_TEXT_SIZE];
    for (int i = 0; i < FUZZ_ROUNDS; i++) {
        size_t size = next_random() % 400;
        uint8_t *object = random_bytes(size);
        const struct unicode_layout *l = unicode_of(i % 2 ? 11 : 12);
        uint64_t length = next_random() % 100;
        if (size >= 24)
            memcpy(object + l->length_at, &length, sizeof length);
        unicode_object_size(l, object, size);
        unicode_to_utf8(l, object, size, text);
        assert_true(strlen(text) < sizeof text);
        free(object);
    }
}

static void test_versions(void **state)
{
    (void)state;
    assert_string_equal(version_from_hex(0x030c01f0).text, "3.12.1");
    assert_string_equal(version_from_hex(0x030e00c2).text, "3.14.0rc2");
    assert_false(version_from_hex(0x030e00c2).early);
    assert_true(version_from_hex(0x030f00b4).early);
    /* The version is the tail of a path; 13.8.18 and 3.8.180 are no versions. */
    static const char strings[] = "2.4.7\0a 13.8.18\0lib/python3.8\0python/3.8.18\0 3.8.180\0";
    struct version v = version_from_strings(strings, sizeof strings);
    assert_string_equal(v.text, "3.8.18");
    assert_int_equal(v.minor, 8);
    assert_true(v.micro_known);
    static const char unnamed[] = "x\0"
                                  "3.7.16\0";
    assert_string_equal(version_from_strings(unnamed, sizeof unnamed).text, "3.7.16");
    static const char no_micro[] = "/lib/python3.9\0"
                                   "3.1.2\0";
    assert_string_equal(version_from_strings(no_micro, sizeof no_micro).text, "3.9");
    assert_int_equal(version_from_strings("", 0).major, 0);
    assert_int_equal(version_from_strings("3.8.1", 5).major, 0); /* cut */
    assert_int_equal(version_from_file_name("libpython3.7m.so.1.0").minor, 7);
    assert_int_equal(version_from_file_name("python3.10").minor, 10);
    assert_int_equal(version_from_file_name("libboost_python311.so.1.74.0").major, 0);
    assert_int_equal(version_from_file_name("bash").major, 0);
    for (int i = 0; i < FUZZ_ROUNDS / 100; i++) {
        size_t size = next_random() % 2000;
        char *bytes = (char *)random_bytes(size);
        for (size_t at = 0; at < size; at++)
            bytes[at] = "3.12\0lib/python"[(uint8_t)bytes[at] % 15];
        v = version_from_strings(bytes, size);
        assert_true(v.minor <= 99 && strlen(v.text) < sizeof v.text);
        free(bytes);
    }
}

static void put_slot(uint8_t *table, unsigned slot, uint64_t value)
{
    memcpy(table + slot * 8, &value, sizeof value);
}

static void test_published(void **state)
{
    (void)state;
    uint8_t table[PUBLISHED_BYTES] = PUBLISHED_COOKIE;
    struct layout l = *layout_find(13);
    struct err err = {""};
    put_slot(table, 1, 0x030d00f0);
    for (unsigned slot = 3; slot < PUBLISHED_BYTES / 8; slot++)
        put_slot(table, slot, slot);
    assert_true(layout_apply_published(&l, table, &err));
    assert_int_equal(l.ts_frame.at, 23);
    assert_int_equal(l.ts_frame.size, 8);
    assert_int_equal(l.frame_owner.size, 1);
    assert_int_equal(l.interp_collecting.at, 10 + 72);
    assert_int_equal(l.unicode.compact_data_at, 70 + 16);

    l = *layout_find(13);
    put_slot(table, 23, UINT64_MAX);
    assert_false(layout_apply_published(&l, table, &err));
    assert_non_null(strstr(err.text, "make no sense"));
    assert_int_equal(l.ts_next.at, 0); /* nothing was taken over */
    put_slot(table, 23, 72);
    put_slot(table, 2, 1);
    assert_false(layout_apply_published(&l, table, &err));
    assert_non_null(strstr(err.text, "GIL"));
    put_slot(table, 2, 0);
    put_slot(table, 1, 0x030e00f0); /* another version than the row's */
    assert_false(layout_apply_published(&l, table, &err));
    table[0] = 'y';
    assert_false(layout_apply_published(&l, table, &err));
    l = *layout_find(12);
    assert_true(layout_apply_published(&l, table, &err)); /* publishes nothing */
    assert_null(layout_find(5));
    assert_null(layout_find(16));
}

static void test_fields(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 0x88};
    assert_int_equal(field_get(bytes, 8, (struct field){0, 2}), 0x0201);
    assert_int_equal(field_get(bytes, 8, (struct field){7, 1}), 0x88);
    assert_int_equal(field_get(bytes, 8, (struct field){7, 2}), 0);
    assert_int_equal(field_get(bytes, 8, (struct field){UINT32_MAX, 8}), 0);
    assert_int_equal(field_get(bytes, 8, (struct field){0, 0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lnotab),       cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_locations),    cmocka_unit_test(test_lines_fuzz),
        cmocka_unit_test(test_unicode),      cmocka_unit_test(test_unicode_long),
        cmocka_unit_test(test_unicode_fuzz), cmocka_unit_test(test_versions),
        cmocka_unit_test(test_published),    cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests_name("python_tables", tests, NULL, NULL);
}
