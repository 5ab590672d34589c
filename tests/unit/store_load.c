/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store_load on files that are no recording, cut, damaged or made to harm: one line, or a recording
 * that can be used; never a crash or a hang. */
#include "store_fixture.h"

#include <sqlite3.h>
#include <sys/wait.h>

#include "model/window.h"

static void make(const char *path)
{
    struct growing g = growth_begin();
    g.rec->limits.raw_ns = 3 * NS_PER_S;
    for (int s = 0; s < 6; s++)
        growth_second(&g, 10);
    struct err err = {""};
    assert_true(store_save(g.rec, path, &err));
    recording_free(g.rec);
}

static void expect(const char *path, const char *why)
{
    const char *text = load_error(path);
    if (!strstr(text, why) || !strstr(text, path))
        fail_msg("\"%s\" does not say \"%s\"", text, why);
}

static void refuses_what_is_no_recording(void **state)
{
    (void)state;
    const char *path = in_folder("x");
    expect(path, "No such file");
    expect(folder, "is not a proftop recording (it is a folder)");
    write_whole(path, "", 0);
    expect(path, "is not a proftop recording (it is empty)");
    write_whole(path, "SQL", 3);
    expect(path, "is cut short");
    write_whole(path, "hello, world\n", 13);
    expect(path, "is not a proftop recording (no SQLite file)");
    char text[5000];
    memset(text, 'x', sizeof text);
    write_whole(path, text, sizeof text);
    expect(path, "is not a proftop recording (no SQLite file)");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect(path, "is not a proftop recording (no regular file)");
    expect("/dev/zero", "is not a proftop recording (no regular file)");
}

/* Runs SQL on a file, as somebody else might. */
static void sql(const char *path, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *error = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s", error);
    sqlite3_close(db);
}

static void refuses_other_formats(void **state)
{
    (void)state;
    const char *path = in_folder("x");
    sql(path, "CREATE TABLE notes (text)");
    expect(path, "an SQLite file of another program");
    make(path);
    sql(path, "PRAGMA user_version=7");
    expect(path, "was written by a newer proftop (format 7), this one reads up to 6");
    sql(path, "PRAGMA user_version=-1");
    expect(path, "no format version");
    make(path);
    sql(path, "PRAGMA journal_mode=WAL");
    expect(path, "WAL");
    assert_int_equal(folder_count(), 1);
}

/* A file of format 2 has no censuses; one of format 3 without their tables is damaged. */
static void reads_the_format_before(void **state)
{
    (void)state;
    const char *path = in_folder("x");
    make(path);
    sql(path, "DROP TABLE census; DROP TABLE census_type; DROP TABLE census_container;"
              "DROP TABLE holder");
    expect(path, "no plain table \"census\"");
    sql(path, "PRAGMA user_version=2");
    struct recording *rec = load_ok(path);
    assert_int_equal(rec->censuses.list.n, 0);
    assert_true(recording_run_count(rec, LEVEL_SECOND) > 0);
    recording_free(rec);
}

/* A file of format 4 knows touched pages alone. */
static void reads_growth_of_the_format_before(void **state)
{
    (void)state;
    const char *path = in_folder("x");
    size_t touched = 0, mapped = 0, enlarged = 0;
    make(path);
    struct recording *now = load_ok(path);
    sql(path,
        "ALTER TABLE growth_site DROP COLUMN enlarged_by; PRAGMA user_version=4;"
        "ALTER TABLE growth_site DROP COLUMN unsure_per_s; ALTER TABLE growth DROP COLUMN flags");
    struct recording *before = load_ok(path);
    assert_int_equal(before->growth.list.n, now->growth.list.n);
    for (size_t i = 0; i < now->growth.list.n; i++) {
        const struct growth_look *a = &now->growth.list.at[i], *b = &before->growth.list.at[i];
        assert_int_equal(a->sites.n, b->sites.n);
        for (size_t k = 0; k < a->sites.n; k++) {
            touched += a->sites.at[k].kind == GROWTH_TOUCHED;
            mapped += a->sites.at[k].kind == GROWTH_MMAP;
            enlarged += b->sites.at[k].kind == GROWTH_TOUCHED;
            assert_string_equal(growth_kind_name(a->sites.at[k].kind),
                                growth_kind_name(b->sites.at[k].kind));
        }
    }
    assert_true(touched > 0 && mapped > 0);
    assert_int_equal(enlarged, touched + mapped);
    recording_free(now);
    recording_free(before);
}

/* A file of format 3 has alerts and no rules: they were the defaults. */
static void reads_alerts_of_the_format_before(void **state)
{
    (void)state;
    const char *path = in_folder("x");
    make(path);
    struct recording *now = load_ok(path);
    sql(path, "DROP TABLE alert_rule; ALTER TABLE alert DROP COLUMN rule;"
              "ALTER TABLE alert DROP COLUMN silent; ALTER TABLE alert DROP COLUMN snapshot;"
              "ALTER TABLE alert_state DROP COLUMN last_ns;"
              "ALTER TABLE alert_state DROP COLUMN gap_ns; PRAGMA user_version=3");
    struct recording *before = load_ok(path);
    assert_true(now->alerts.n > 0);
    assert_int_equal(before->alerts.n, now->alerts.n);
    for (size_t i = 0; i < now->alerts.n; i++) {
        assert_int_equal(before->alerts.at[i].rule, now->alerts.at[i].rule);
        assert_float_equal(before->alerts.at[i].threshold, now->alerts.at[i].threshold, 0);
    }
    for (size_t i = 0; i < now->rules.n; i++)
        assert_int_equal(before->alert_states.at[i].severity, now->alert_states.at[i].severity);
    recording_free(now);
    recording_free(before);
}

/* A file of format 4 has three levels. */
static void reads_levels_of_the_format_before(void **state)
{
    (void)state;
    const char *path = in_folder("x");
    make(path);
    sql(path, "DELETE FROM level WHERE id = 3; PRAGMA user_version=4");
    struct recording *rec = load_ok(path);
    assert_true(recording_run_count(rec, LEVEL_SECOND) > 0);
    assert_int_equal(recording_run_count(rec, LEVEL_POOLED), 0);
    assert_int_equal(rec->limits.runs_max[LEVEL_POOLED],
                     recording_default_limits.runs_max[LEVEL_POOLED]);
    recording_free(rec);
}

/* A window that no recording has is no window. */
static void a_window_lies_within_what_is_there(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        bool shown;
    } cases[] = {{"1000000000", "2000000000", true},
                 {"1000000000", "200000000000000000", true},
                 {"200000000000", "300000000000", false},
                 {"2000000000", "1000000000", false}};
    const char *path = in_folder("x");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[160];
        make(path);
        snprintf(text, sizeof text,
                 "INSERT INTO meta VALUES ('window_from_ns', %s), ('window_to_ns', %s)",
                 cases[i].from, cases[i].to);
        sql(path, text);
        struct recording *rec = load_ok(path);
        assert_int_equal(rec->shown_to_ns != 0, cases[i].shown);
        assert_true(rec->shown_to_ns <= rec->end_ns + 1);
        recording_free(rec);
    }
}

static void passes_over_what_it_does_not_know(void **state)
{
    (void)state;
    const char *path = in_folder("x");
    make(path);
    struct recording *plain = load_ok(path);
    sql(path, "CREATE TABLE tides (id INTEGER PRIMARY KEY, x); INSERT INTO tides VALUES (1, 2);"
              "ALTER TABLE run ADD COLUMN cgroup INTEGER;"
              "INSERT INTO metric VALUES (100, 'phase_of_moon');"
              "INSERT INTO meta VALUES ('zzz', x'00'), ('aaa', 1);"
              "INSERT INTO cost VALUES ('tears', 5)");
    expect(path, "out of order"); /* the names' ids must be without gaps */
    sql(path, "UPDATE metric SET id = (SELECT count(*) - 1 FROM metric) WHERE id = 100;"
              "INSERT INTO point SELECT NULL, (SELECT max(id) FROM metric), time_ns, 1, 1, 1, 1"
              " FROM point LIMIT 5;"
              "INSERT INTO alert_rule VALUES ((SELECT count(*) + 1 FROM alert_rule), 'moon', "
              "'phase_of_moon > 1', 0);"
              "INSERT INTO alert VALUES (1000, 5, 10.0, 1, 1, 1, 11.0, (SELECT max(id) FROM "
              "alert_rule), 0, 0)");
    struct recording *more = load_ok(path);
    same_recordings(plain, more);
    recording_free(plain);
    recording_free(more);
}

static void knows_waits_by_name(void **state)
{
    (void)state;
    const char *path = in_folder("x");
    make(path);
    sql(path, "UPDATE wait SET name = 'x' WHERE name = 'futex';"
              "UPDATE wait SET name = 'futex' WHERE name = 'poll';"
              "UPDATE wait SET name = 'telepathy' WHERE name = 'x';"
              "UPDATE run SET wait = CASE id % 2 WHEN 0 THEN (SELECT id FROM wait WHERE name = "
              "'futex') ELSE (SELECT id FROM wait WHERE name = 'telepathy') END");
    struct recording *rec = load_ok(path);
    size_t n = recording_run_count(rec, LEVEL_RAW);
    for (size_t i = 0; i < n; i++) {
        uint8_t wait = recording_run_at(rec, LEVEL_RAW, i)->wait;
        assert_true(wait == WAIT_FUTEX || wait == WAIT_OTHER);
    }
    recording_free(rec);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"DROP TABLE stack", "no plain table \"stack\""},
        {"DROP TABLE stack; CREATE VIEW stack AS SELECT 1 AS id, 0 AS parent, 1 AS frame",
         "no plain table \"stack\""},
        {"ALTER TABLE run RENAME COLUMN ticks TO tocks", "no such column"},
        {"DELETE FROM string WHERE id = 3", "table \"string\", row 3: id 4 is out of order"},
        {"DELETE FROM meta", "holds nothing yet"},
        {"UPDATE stack SET parent = id", "parent is out of range"},
        {"UPDATE stack SET frame = 100000 WHERE id = 5", "row 5: frame is out of range"},
        {"UPDATE frame SET kind = 4 WHERE id = 2", "kind is out of range"},
        {"UPDATE function SET name = -1 WHERE id = 2", "name is out of range"},
        {"UPDATE function SET language = 99 WHERE id = 2", "language is out of range"},
        {"UPDATE function SET line = NULL WHERE id = 2", "line is out of range"},
        {"UPDATE run SET thread = 0 WHERE id = 7", "thread is out of range"},
        {"UPDATE run SET thread = 4294967297 WHERE id = 7", "thread is out of range"},
        {"UPDATE run SET state = 3 WHERE id = 7", "state is out of range"},
        {"UPDATE run SET wait = 255 WHERE id = 7", "wait is out of range"},
        {"UPDATE run SET ticks = 0 WHERE id = 7", "ticks is out of range"},
        {"UPDATE run SET weight_ns = -5 WHERE id = 7", "weight_ns is out of range"},
        {"UPDATE run SET from_ns = 9000000000000000000 WHERE id = 7", "from_ns is out of range"},
        {"UPDATE run SET level = 2 WHERE id = 7", "level is out of range"},
        {"UPDATE open_run SET stack = 9999999", "stack is out of range"},
        {"UPDATE point SET time_ns = 0 WHERE id = (SELECT max(id) FROM point)", "out of order"},
        {"UPDATE point SET mean = 9e999 WHERE id = 2", "mean is no number"},
        {"UPDATE point SET metric = 77 WHERE id = 2", "metric is out of range"},
        {"UPDATE place SET position = 7 WHERE position = 1", "position is out of order"},
        {"UPDATE place SET frame = 99999 WHERE frame = 2", "frame is out of range"},
        {"UPDATE incarnation SET exec = 2", "exec is out of range"},
        {"UPDATE thread SET incarnation = 5 WHERE id = 1", "incarnation is out of range"},
        {"UPDATE mark SET kind = 9", "kind is out of range"},
        {"UPDATE alert_state SET severity = 7", "severity is out of range"},
        {"UPDATE alert SET rule = 99", "rule is out of range"},
        {"UPDATE alert SET rule = NULL", "rule is out of range"},
        {"UPDATE alert SET snapshot = 100000", "snapshot is out of range"},
        {"UPDATE alert_rule SET off = 2", "off is out of range"},
        {"UPDATE alert_rule SET id = id + 1 WHERE id = 5", "id 6 is out of order"},
        {"UPDATE alert_state SET gap_ns = -1", "gap_ns is out of range"},
        {"UPDATE meta SET value = 'x' WHERE key = 'start_ns'", "value is out of range"},
        {"UPDATE meta SET value = 1e400 WHERE key = 'rate_hz'", "value is no number"},
        {"INSERT INTO string VALUES ((SELECT max(id) + 1 FROM string), hex(zeroblob(1200000)))",
         "too big"},
        {"DROP TABLE mark; CREATE TABLE mark (id INTEGER PRIMARY KEY, time_ns AS (length(hex("
         "zeroblob(900000)))), kind, text); INSERT INTO mark VALUES (1, 1, 1)",
         "no plain table \"mark\""},
    };
    const char *whole = in_folder("whole"), *path = in_folder("x");
    make(whole);
    size_t size;
    char *bytes = read_whole(whole, &size);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        write_whole(path, bytes, size);
        sql(path, changes[i][0]);
        const char *text = load_error(path);
        if (!strstr(text, changes[i][1]))
            fail_msg("%s: \"%s\" does not say \"%s\"", changes[i][0], text, changes[i][1]);
    }
    free(bytes);
}

static void refuses_a_cut_file(void **state)
{
    (void)state;
    const char *whole = in_folder("whole"), *path = in_folder("x");
    make(whole);
    size_t size;
    char *bytes = read_whole(whole, &size);
    uint64_t seed = 7;
    for (size_t cut = 1; cut < size;) {
        write_whole(path, bytes, cut);
        const char *text = load_error(path);
        if (!strstr(text, "is cut short or damaged"))
            fail_msg("%zu of %zu bytes: \"%s\"", cut, size, text);
        cut += cut < 200 ? 7 : cut % 4096 == 0 ? 1 + next_random(&seed) % 8000 : 4096 - cut % 4096;
    }
    free(bytes);
}

/* Looks at everything, as the views do. */
static void use(struct recording *rec)
{
    struct filter filter = {.states = STATES_ALL};
    struct window_sum sum;
    window_sum(&sum, rec, window_all(rec), &filter);
    window_sum_clear(&sum);
    for (uint32_t i = 1; i < rec->words.stacks.n; i++) {
        const struct place *places;
        size_t n =
            recording_places(rec, stack_at(&rec->words, (struct stack_id){i})->frame, &places);
        for (size_t k = 0; k < n; k++)
            strlen(string_text(&rec->words, function_at(&rec->words, places[k].function)->name));
    }
    recording_free(recording_copy(rec));
}

static void survives_flipped_bytes(void **state)
{
    (void)state;
    const char *whole = in_folder("whole"), *path = in_folder("x");
    make(whole);
    size_t size;
    char *bytes = read_whole(whole, &size);
    char *copy = xmalloc(size);
    uint64_t seed = 20260101;
    int loaded = 0, refused = 0;
    for (int variant = 0; variant < 600; variant++) {
        memcpy(copy, bytes, size);
        unsigned flips = 1 + next_random(&seed) % 20;
        for (unsigned i = 0; i < flips; i++) {
            /* Every other variant hits the heads of pages, where a b-tree is led astray. */
            size_t at = next_random(&seed) % size;
            if (variant % 2)
                at = at / 8192 * 8192 + at % 40;
            copy[at] = (char)next_random(&seed);
        }
        write_whole(path, copy, size);
        struct recording *rec = NULL;
        struct err err = {""};
        if (store_load(&rec, path, &err)) {
            use(rec);
            recording_free(rec);
            loaded++;
        } else {
            assert_true(err.text[0] && !strchr(err.text, '\n'));
            refused++;
        }
        assert_int_equal(folder_count(), 2);
    }
    print_message("%d variants loaded, %d refused\n", loaded, refused);
    assert_true(loaded > 20 && refused > 100);
    free(copy);
    free(bytes);
}

/* More than the limits keep must not be kept: the older runs are folded while the file is read. */
static void thins_while_it_reads(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    growth_second(&g, 20);
    struct run run = *recording_run_at(g.rec, LEVEL_RAW, 0);
    run.weight_ns = 10 * NS_PER_MS;
    for (int i = 0; i < 300000; i++) {
        run.from_ns = START_NS + (uint64_t)i * 10 * NS_PER_MS;
        run.flags = i % 2;
        recording_restore_run(g.rec, LEVEL_RAW, &run);
    }
    struct err err = {""};
    const char *path = in_folder("x");
    assert_true(store_save(g.rec, path, &err));
    struct recording *rec = load_ok(path);
    assert_true(recording_run_count(rec, LEVEL_RAW) <= 60000); /* 10 minutes at 100 Hz */
    assert_true(rec->levels[LEVEL_RAW].ring.cap < 250000);
    assert_true(recording_run_count(rec, LEVEL_SECOND) > 4000);
    struct filter filter = {.states = STATES_ALL};
    struct window_sum before, after;
    window_sum(&before, g.rec, window_all(g.rec), &filter);
    window_sum(&after, rec, window_all(rec), &filter);
    assert_true(before.cpu_ns == after.cpu_ns && before.wait_ns == after.wait_ns &&
                before.idle_ns == after.idle_ns);
    assert_true(before.cpu_ticks + before.wait_ticks + before.idle_ticks ==
                after.cpu_ticks + after.wait_ticks + after.idle_ticks);
    window_sum_clear(&before);
    window_sum_clear(&after);
    recording_free(g.rec);
    recording_free(rec);
}

static void reads_where_nothing_may_be_written(void **state)
{
    (void)state;
    const char *path = in_folder("x");
    make(path);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(2);
        struct recording *rec;
        struct err err;
        _exit(store_load(&rec, path, &err) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    if (geteuid() == 0) { /* and where reading is not permitted */
        assert_int_equal(chmod(path, 0400), 0);
        child = fork();
        if (child == 0) {
            if (setgid(65534) != 0 || setuid(65534) != 0)
                _exit(2);
            _exit(strstr(load_error(path), "Permission denied") ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    assert_int_equal(chmod(folder, 0755), 0);
}

#define TEST_IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(refuses_what_is_no_recording),
        TEST_IN_FOLDER(refuses_other_formats),
        TEST_IN_FOLDER(reads_the_format_before),
        TEST_IN_FOLDER(reads_alerts_of_the_format_before),
        TEST_IN_FOLDER(reads_levels_of_the_format_before),
        TEST_IN_FOLDER(reads_growth_of_the_format_before),
        TEST_IN_FOLDER(a_window_lies_within_what_is_there),
        TEST_IN_FOLDER(passes_over_what_it_does_not_know),
        TEST_IN_FOLDER(knows_waits_by_name),
        TEST_IN_FOLDER(refuses_what_cannot_be),
        TEST_IN_FOLDER(refuses_a_cut_file),
        TEST_IN_FOLDER(survives_flipped_bytes),
        TEST_IN_FOLDER(thins_while_it_reads),
        TEST_IN_FOLDER(reads_where_nothing_may_be_written),
    };
    return cmocka_run_group_tests_name("store_load", tests, NULL, NULL);
}
