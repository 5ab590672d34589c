/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_save and store_load: the same recording comes back; what cannot be written leaves nothing
 * behind and everything as it was. */
#include "store_fixture.h"

#include <sys/wait.h>

#include "store/schema.h"

static void gives_the_same_back(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    /* Short reaches, so that every level is filled within two minutes. */
    g.rec->limits.raw_ns = 30 * NS_PER_S;
    g.rec->limits.second_ns = 40 * NS_PER_S;
    g.rec->limits.runs_max[LEVEL_TEN] = 20;
    for (int s = 0; s < 120; s++)
        growth_second(&g, 20);
    for (int level = 0; level < LEVEL_COUNT; level++)
        assert_true(recording_run_count(g.rec, level) > 10);
    assert_true(g.rec->alerts.n >= 4);
    g.rec->levels[LEVEL_TEN].dropped = 17;
    recording_thin(g.rec, g.rec->end_ns);

    const char *one = in_folder("one.ptop"), *two = in_folder("two.ptop");
    struct err err = {""};
    assert_true(store_save(g.rec, one, &err));
    struct recording *first = load_ok(one);
    same_recordings(g.rec, first);
    assert_true(store_save(first, two, &err));
    struct recording *second = load_ok(two);
    same_recordings(first, second);
    assert_int_equal(folder_count(), 2);

    size_t size_one, size_two;
    char *bytes_one = read_whole(one, &size_one), *bytes_two = read_whole(two, &size_two);
    assert_int_equal(size_one, size_two);
    free(bytes_one);
    free(bytes_two);
    recording_free(g.rec);
    recording_free(first);
    recording_free(second);
}

static void gives_long_series_back(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    for (uint64_t i = 1; i <= 13457; i++) /* beyond what the first two rings hold */
        recording_add_metric(g.rec, METRIC_RSS, START_NS + i * NS_PER_S, (double)(i * 37 % 1001));
    assert_true(g.rec->total.series[METRIC_RSS].levels[2].ring.n > 0);
    struct err err = {""};
    assert_true(store_save(g.rec, in_folder("x"), &err));
    struct recording *back = load_ok(in_folder("x"));
    same_series(g.rec, back);
    recording_free(g.rec);
    recording_free(back);
}

static void saves_an_empty_recording(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START_NS, 1);
    struct err err = {""};
    assert_true(store_save(rec, in_folder("x"), &err));
    struct recording *back = load_ok(in_folder("x"));
    same_recordings(rec, back);
    recording_free(rec);
    recording_free(back);
}

static void keeps_odd_bytes_out(void **state)
{
    (void)state;
    struct recording *rec = recording_new(START_NS, 1);
    rec->host = dictionary_string(&rec->words, "a\x1b[2Jb\xff");
    rec->cpus_allowed = 0.0 / 0.0;
    char *giant = xmalloc(3 << 20);
    memset(giant, 'x', 3 << 20);
    giant[(3 << 20) - 1] = '\0';
    dictionary_string(&rec->words, giant);
    free(giant);
    struct err err = {""};
    assert_true(store_save(rec, in_folder("x"), &err));
    struct recording *back = load_ok(in_folder("x"));
    assert_string_equal(string_text(&back->words, back->host), "a?[2Jb?");
    assert_true(back->cpus_allowed == 0);
    assert_int_equal(strlen(string_text(&back->words, (struct string_id){2})), 1 << 20);
    recording_free(rec);
    recording_free(back);
}

static struct recording *small(void)
{
    struct growing g = growth_begin();
    growth_second(&g, 20);
    return g.rec;
}

static void replaces_a_file_whole(void **state)
{
    (void)state;
    struct recording *rec = small();
    const char *path = in_folder("x.ptop");
    write_whole(path, "old", 3);
    int old = open(path, O_RDONLY); /* who has the old one open keeps it */
    struct err err = {""};
    assert_true(store_save(rec, path, &err));
    char bytes[4] = "";
    assert_int_equal(read(old, bytes, 4), 3);
    close(old);
    recording_free(load_ok(path));
    assert_int_equal(folder_count(), 1);
    recording_free(rec);
}

static void refuse(const struct recording *rec, const char *path, const char *why)
{
    struct err err = {""};
    int before = folder_count();
    assert_false(store_save(rec, path, &err));
    if (!strstr(err.text, why) || !strstr(err.text, path) || strchr(err.text, '\n'))
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
    struct err again = {""};
    assert_null(store_writer_open(path, &again));
    if (!strstr(again.text, why))
        fail_msg("\"%s\" does not say \"%s\"", again.text, why);
    assert_int_equal(folder_count(), before);
}

static void refuses_what_is_no_place(void **state)
{
    (void)state;
    struct recording *rec = small();
    refuse(rec, in_folder("none/x.ptop"), "there is no folder");
    refuse(rec, folder, "it is a folder");
    refuse(rec, in_folder("new/"), "it is a folder");
    write_whole(in_folder("file"), "old", 3);
    refuse(rec, in_folder("file/x"), "Not a directory");
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    refuse(rec, in_folder("pipe"), "not a regular file");
    char name[300];
    memset(name, 'n', sizeof name);
    memcpy(name, folder, strlen(folder));
    name[strlen(folder)] = '/';
    name[299] = '\0';
    refuse(rec, name, "name too long");
    struct err err = {""};
    assert_false(store_save(rec, "", &err));
    assert_non_null(strstr(err.text, "empty name"));
    recording_free(rec);
}

/* Runs in a child without root's rights: 0 if all was as it should be. */
static int try_as_nobody(const struct recording *rec, const char *path)
{
    struct err err = {""};
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return 2;
    return store_save(rec, path, &err)              ? 3
           : !strstr(err.text, "permission denied") ? (fprintf(stderr, "%s\n", err.text), 4)
                                                    : 0;
}

static void refuses_what_may_not_be_written(void **state)
{
    (void)state;
    struct recording *rec = small();
    assert_int_equal(chmod(folder, 0555), 0);
    for (int round = 0; round < 2; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(try_as_nobody(rec, in_folder("x.ptop")));
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(folder_count(), round);
        /* Second round: anybody may write into the folder, but the file is protected. */
        assert_int_equal(chmod(folder, 0777), 0);
        write_whole(in_folder("x.ptop"), "old", 3);
        assert_int_equal(chmod(in_folder("x.ptop"), 0444), 0);
    }
    size_t size;
    char *bytes = read_whole(in_folder("x.ptop"), &size);
    assert_int_equal(size, 3);
    free(bytes);
    recording_free(rec);
}

static void survives_a_full_disk(void **state)
{
    (void)state;
    if (!folder_is_small_disk(256))
        skip();
    struct growing g = growth_begin();
    struct err err = {""};
    const char *path = in_folder("x.ptop");
    write_whole(path, "old", 3);
    for (int s = 0; s < 10; s++)
        growth_second(&g, 100);
    assert_false(store_save(g.rec, path, &err));
    assert_non_null(strstr(err.text, "the disk is full"));
    assert_int_equal(folder_count(), 1);
    size_t size;
    char *bytes = read_whole(path, &size);
    assert_int_equal(size, 3);
    free(bytes);
    recording_free(g.rec);
}

/* An hour at 100 Hz: 128K raw runs and the folded ones of the rest. */
static void saves_an_hour_quickly(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    for (int s = 0; s < 30; s++)
        growth_second(&g, 100);
    size_t raw = recording_run_count(g.rec, LEVEL_RAW);
    for (int level = LEVEL_RAW; level <= LEVEL_SECOND; level++)
        g.rec->limits.runs_max[level] = 1 << 20;
    for (uint32_t i = 0; i < 520000; i++) {
        struct run run = *recording_run_at(g.rec, LEVEL_RAW, i % raw);
        run.from_ns = START_NS + i * 6900000ull;
        recording_restore_run(g.rec, i < 360000 ? LEVEL_SECOND : LEVEL_RAW, &run);
    }
    struct err err = {""};
    uint64_t cpu = clock_cpu_ns(), start = clock_mono_ns();
    assert_true(store_save(g.rec, in_folder("x.ptop"), &err));
    uint64_t saved = clock_mono_ns(), saved_cpu = clock_cpu_ns();
    struct recording *back = load_ok(in_folder("x.ptop"));
    uint64_t loaded = clock_mono_ns();
    struct stat st;
    stat(in_folder("x.ptop"), &st);
    print_message("520,000 runs: saved in %.0f ms (%.0f ms of CPU), loaded in %.0f ms, %.1f MB\n",
                  (double)(saved - start) / 1e6, (double)(saved_cpu - cpu) / 1e6,
                  (double)(loaded - saved) / 1e6, (double)st.st_size / 1e6);
    assert_true(saved_cpu - cpu < 4 * NS_PER_S); /* a sanitizer's build on a busy machine */
    recording_free(g.rec);
    recording_free(back);
}

/* doc/format.md has a section for every table, and names every column in it. */
static void is_documented(void **state)
{
    (void)state;
    const char *source = getenv("srcdir");
    char path[512];
    snprintf(path, sizeof path, "%s/doc/format.md", source ? source : ".");
    size_t size;
    char *doc = read_whole(path, &size);
    doc[size] = '\0';
    for (int t = 0; t < TABLE_COUNT; t++) {
        const struct schema_table_info *info = &schema_tables[t];
        char want[64];
        snprintf(want, sizeof want, "\n### %s\n", info->name);
        const char *section = strstr(doc, want);
        if (!section)
            fail_msg("no section \"%s\"", info->name);
        const char *end = strstr(section + 1, "\n##");
        assert_non_null(end);
        for (int c = 0; c < schema_column_count((enum schema_table)t); c++) {
            snprintf(want, sizeof want, "`%s`", info->columns[c].name);
            const char *at = strstr(section, want);
            if (!at || at > end)
                fail_msg("%s.%s is not explained", info->name, info->columns[c].name);
        }
    }
    free(doc);
}

#define TEST_IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(gives_the_same_back),
        TEST_IN_FOLDER(gives_long_series_back),
        TEST_IN_FOLDER(saves_an_empty_recording),
        TEST_IN_FOLDER(keeps_odd_bytes_out),
        TEST_IN_FOLDER(replaces_a_file_whole),
        TEST_IN_FOLDER(refuses_what_is_no_place),
        TEST_IN_FOLDER(refuses_what_may_not_be_written),
        TEST_IN_FOLDER(survives_a_full_disk),
        TEST_IN_FOLDER(saves_an_hour_quickly),
        cmocka_unit_test(is_documented),
    };
    return cmocka_run_group_tests_name("store_save", tests, NULL, NULL);
}
