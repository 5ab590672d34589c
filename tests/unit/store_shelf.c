/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The folder of a flight recorder: names, what --keep says, which files go and which never; and
 * files that begin in the middle of a recording. */
#include "store_fixture.h"

#include "base/quantity.h"
#include "base/text.h"
#include "store/shelf.h"

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"90s", 90 * NS_PER_S},     {"30m", 1800 * NS_PER_S},
                {"2h", 7200 * NS_PER_S},    {"1d", 86400 * NS_PER_S},
                {"1.5h", 5400 * NS_PER_S},  {"45", 45 * NS_PER_S},
                {"250ms", 250 * NS_PER_MS}, {"0", 0}};
    static const char *const bad[] = {"",     "s",     "-1s", "+1s",      "1 s",
                                      "1x",   "0x10s", "inf", "nan",      "1e9s",
                                      "1..s", ".5s",   "30M", "1000000d", "1h30m"};
    uint64_t ns = 7;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(quantity_duration(good[i].text, &ns));
        assert_int_equal(ns, good[i].ns);
    }
    ns = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (quantity_duration(bad[i], &ns))
            fail_msg("\"%s\" was taken", bad[i]);
    assert_int_equal(ns, 7);
}

static void bounds(void **state)
{
    (void)state;
    struct keep keep;
    struct err err;
    assert_true(keep_parse(&keep, "12", &err));
    assert_int_equal(keep.files, 12);
    assert_int_equal(keep.bytes, KEEP_DEFAULT_BYTES); /* a disk is never filled */
    assert_true(keep_parse(&keep, "500M,7d,3", &err));
    assert_int_equal(keep.files, 3);
    assert_int_equal(keep.bytes, 500u << 20);
    assert_int_equal(keep.age_ns, 7 * 86400 * NS_PER_S);
    static const char *const bad[] = {"", "0", "-3", "x", "5,", ",5", "0M", "0d", "3.5", "1 G"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (strcmp(bad[i], "3.5") != 0 && keep_parse(&keep, bad[i], &err))
            fail_msg("\"%s\" was taken", bad[i]);
    assert_false(keep_parse(&keep, "some", &err));
    assert_non_null(strstr(err.text, "\"some\""));
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        enum shelf_kind kind;
    } files[] = {
        {"redis-20261129-231500.ptop", SHELF_SNAPSHOT},
        {"redis-20261129-231500-2.ptop", SHELF_SNAPSHOT},
        {"redis-20261129-231500.segment.ptop", SHELF_SEGMENT},
        {"redis-20261129-231500-12.segment.ptop", SHELF_SEGMENT},
        {"redis-20261129-231500.segment.ptop.part", SHELF_PART},
        {"redis-20261129-231500.segment.ptop.part-journal", SHELF_JOURNAL},
        {".redis-20261129-231500.ptop.tmp0123abcd", SHELF_REMAINS},
        {"redis-20261129-231500.ptop.part", SHELF_OTHER},
        {"redis-20261129-231500.ptop.bak", SHELF_OTHER},
        {"redis-20261129-231500", SHELF_OTHER},
        {"redis-2026112-231500.ptop", SHELF_OTHER},
        {"redis-202611290-231500.ptop", SHELF_OTHER},
        {"redis-20261129-231500-.ptop", SHELF_OTHER},
        {"redis-20261129-231500-x.ptop", SHELF_OTHER},
        {"redis-server-20261129-231500.ptop", SHELF_OTHER},
        {"xredis-20261129-231500.ptop", SHELF_OTHER},
        {"redis.ptop", SHELF_OTHER},
        {"redis", SHELF_OTHER},
        {"", SHELF_OTHER},
        {".redis-20261129-231500.ptop.tmp0123abcde", SHELF_OTHER},
        {".redis-20261129-231500.ptop.tmp", SHELF_OTHER},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (shelf_kind_of("redis", files[i].file) != files[i].kind)
            fail_msg("%s: kind %d", files[i].file, shelf_kind_of("redis", files[i].file));
    char safe[64];
    shelf_safe_name(safe, "../x y/\n\xff");
    assert_string_equal(safe, "_._x_y___");
    shelf_safe_name(safe, "");
    assert_string_equal(safe, "process");
}

static void add_file(struct shelf_files *files, int64_t written_s, uint64_t bytes, bool own)
{
    struct shelf_file f = {.kind = SHELF_SNAPSHOT,
                           .own = own,
                           .bytes = bytes,
                           .written_ns = written_s * (int64_t)NS_PER_S};
    vec_push(&files->list, f);
}

/* 'x' for a file that goes, '.' for one that stays; oldest first. */
static const char *chosen(const struct keep *keep, struct shelf_files *files, int64_t now_s)
{
    static char text[32];
    keep_choose(keep, files, now_s * (int64_t)NS_PER_S);
    for (size_t i = 0; i < files->list.n; i++) {
        text[i] = files->list.at[i].goes ? 'x' : '.';
        files->list.at[i].goes = false;
    }
    text[files->list.n] = '\0';
    return text;
}

static void oldest_go_first(void **state)
{
    (void)state;
    struct shelf_files files = {0};
    for (int i = 0; i < 6; i++)
        add_file(&files, 100 * i, 10, false);
    assert_string_equal(chosen(&(struct keep){.files = 4}, &files, 600), "xx....");
    assert_string_equal(chosen(&(struct keep){.bytes = 35}, &files, 600), "xxx...");
    assert_string_equal(chosen(&(struct keep){.age_ns = 350 * NS_PER_S}, &files, 600), "xxx...");
    assert_string_equal(chosen(&(struct keep){.files = 5, .bytes = 20}, &files, 600), "xxxx..");
    assert_string_equal(chosen(&(struct keep){0}, &files, 600), "......");
    /* The newest stays; a clock that was set back makes nothing old. */
    assert_string_equal(chosen(&(struct keep){.bytes = 1, .age_ns = 1}, &files, 900), "xxxxx.");
    assert_string_equal(chosen(&(struct keep){.age_ns = 1}, &files, -900), "......");
    /* What is being recorded takes from the room for bytes, and is never chosen itself. */
    add_file(&files, 50, 20, true);
    assert_string_equal(chosen(&(struct keep){.files = 4, .bytes = 50}, &files, 600), "xxx....");
    vec_free(&files.list);
}

static void write_file(const char *name, int64_t written_s)
{
    int fd = open(in_folder(name), O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    struct timespec times[2] = {{written_s, 0}, {written_s, 0}};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void strangers_stay(void **state)
{
    (void)state;
    struct err err;
    struct shelf shelf;
    struct keep keep = {.files = 1};
    write_file("x-20200101-000000.ptop", 100);
    write_file("x-20200102-000000.segment.ptop.part", 200);
    write_file("x-20200102-000000.segment.ptop.part-journal", 200);
    write_file("x-20200107-000000.segment.ptop.part-journal", 200); /* without its file */
    write_file("y-20200107-000000.segment.ptop.part-journal", 200);
    write_file("x-20200103-000000.ptop", 300);
    write_file("x-20200104-000000.segment.ptop", 400); /* of this run */
    write_file("y-20200101-000000.ptop", 1);
    write_file("x-20200101-000000.ptop.txt", 1);
    write_file(".x-20200101-000000.ptop.tmp00000000", 1);
    assert_int_equal(symlink("x", in_folder("x-20200105-000000.ptop")), 0);
    assert_int_equal(mkdir(in_folder("x-20200106-000000.ptop"), 0700), 0);
    assert_true(shelf_open(&shelf, folder, "x", &keep, &err));
    assert_false(exists(in_folder(".x-20200101-000000.ptop.tmp00000000")));
    assert_false(exists(in_folder("x-20200107-000000.segment.ptop.part-journal")));
    assert_true(exists(in_folder("y-20200107-000000.segment.ptop.part-journal")));
    char *own = xstrdup(in_folder("x-20200104-000000.segment.ptop"));
    assert_int_equal(shelf_trim(&shelf, &own, 1, 1000), 2);
    assert_false(exists(in_folder("x-20200101-000000.ptop")));
    assert_false(exists(in_folder("x-20200102-000000.segment.ptop.part")));
    assert_false(exists(in_folder("x-20200102-000000.segment.ptop.part-journal")));
    assert_true(exists(in_folder("x-20200103-000000.ptop")));
    assert_true(exists(in_folder("y-20200101-000000.ptop")));
    assert_true(exists(in_folder("x-20200101-000000.ptop.txt")));
    assert_true(exists(in_folder("x-20200106-000000.ptop")));
    shelf_remove(&shelf, in_folder("y-20200101-000000.ptop")); /* not ours: no */
    assert_true(exists(in_folder("y-20200101-000000.ptop")));
    shelf_remove(&shelf, own);
    assert_false(exists(own));
    free(own);
    shelf_close(&shelf);
}

/* The clock was set back a day: what was written before that is the oldest. */
static void a_clock_that_was_set_back(void **state)
{
    (void)state;
    struct err err;
    struct shelf shelf;
    const int64_t now_s = 1000000;
    write_file("x-20200101-000000.ptop", now_s + 80000);
    write_file("x-20200102-000000.ptop", now_s + 90000);
    write_file("x-20200101-020000.ptop", now_s - 10);
    write_file("x-20200101-030000.ptop", now_s);
    assert_true(shelf_open(&shelf, folder, "x", &(struct keep){.files = 2}, &err));
    assert_int_equal(shelf_trim(&shelf, NULL, 0, now_s * (int64_t)NS_PER_S), 2);
    assert_true(exists(in_folder("x-20200101-020000.ptop")));
    assert_true(exists(in_folder("x-20200101-030000.ptop")));
    shelf_close(&shelf);
}

static void paths_are_new(void **state)
{
    (void)state;
    struct err err;
    struct shelf shelf;
    assert_true(shelf_open(&shelf, folder, "x", &(struct keep){0}, &err));
    char *first = shelf_path(&shelf, SHELF_SNAPSHOT, 0);
    write_file(path_base(first), 1);
    char *second = shelf_path(&shelf, SHELF_SNAPSHOT, 0);
    assert_string_not_equal(first, second);
    assert_int_equal(shelf_kind_of("x", path_base(second)), SHELF_SNAPSHOT);
    free(first);
    free(second);
    shelf_close(&shelf);
    assert_false(shelf_open(&shelf, in_folder("none"), "x", &(struct keep){0}, &err));
    assert_non_null(strstr(err.text, "no folder"));
}

/* What a file that begins at from_ns has to hold of a recording: of each run the part from then on.
 */
static void a_file_that_begins_in_the_middle(void **state)
{
    (void)state;
    struct err err = {""};
    struct growing g = growth_begin();
    for (int s = 0; s < 30; s++)
        growth_second(&g, 20);
    struct store_writer *w = store_writer_open(in_folder("m.ptop"), &err);
    assert_non_null(w);
    uint64_t from_ns = g.rec->start_ns + 20 * NS_PER_S;
    store_writer_spare_disk(w);
    store_writer_begin(w, g.rec, from_ns);
    assert_true(store_writer_commit(w, g.rec, &err));
    for (int s = 30; s < 40; s++) {
        growth_second(&g, 20);
        assert_true(store_writer_commit(w, g.rec, &err));
    }
    assert_true(store_writer_finish(w, g.rec, &err));
    struct recording *rec = load_ok(in_folder("m.ptop"));
    assert_int_equal(rec->start_ns, from_ns);
    assert_int_equal(rec->start_wall_ns, g.rec->start_wall_ns + 20 * (int64_t)NS_PER_S);
    assert_int_equal(rec->end_ns, g.rec->end_ns);
    uint64_t want_ns = 0, got_ns = 0;
    for (int level = 0; level <= LEVEL_COUNT; level++) {
        for (size_t i = 0; i < recording_run_count(g.rec, level); i++) {
            const struct run *run = recording_run_at(g.rec, level, i);
            if (run->ticks)
                want_ns += run_overlap_ns(run, LEVEL_RAW, from_ns, UINT64_MAX);
        }
        for (size_t i = 0; i < recording_run_count(rec, level); i++) {
            const struct run *run = recording_run_at(rec, level, i);
            if (!run->ticks)
                continue;
            assert_true(run->from_ns >= from_ns);
            got_ns += run->weight_ns;
        }
    }
    assert_true(want_ns > 0);
    assert_int_equal(got_ns, want_ns);
    for (int m = 0; m < METRIC_COUNT; m++) {
        const struct series *whole = &g.rec->total.series[m], *cut = &rec->total.series[m];
        size_t n = series_count(cut);
        for (size_t i = 1; i < n; i++)
            assert_true(series_at(cut, i)->time_ns > from_ns);
        if (series_find(whole, from_ns)) /* what held when it began is known in it */
            assert_non_null(series_find(cut, from_ns));
    }
    recording_free(rec);
    recording_free(g.rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(bounds),
        cmocka_unit_test(names),
        cmocka_unit_test(oldest_go_first),
        cmocka_unit_test_setup_teardown(strangers_stay, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(a_clock_that_was_set_back, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(paths_are_new, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(a_file_that_begins_in_the_middle, folder_make,
                                        folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
