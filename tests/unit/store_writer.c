/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writer of `record`: what is in NAME.part after each commit, after a kill, beside a reader, on
 * a full disk; and that the end gives the same file as a save. */
#include "store_fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

static struct store_writer *open_ok(const char *path)
{
    struct err err = {""};
    struct store_writer *w = store_writer_open(path, &err);
    if (!w)
        fail_msg("%s", err.text);
    return w;
}

static void commit_ok(struct store_writer *w, const struct recording *rec)
{
    struct err err = {""};
    if (!store_writer_commit(w, rec, &err))
        fail_msg("%s", err.text);
}

static void commits_what_is_new(void **state)
{
    (void)state;
    const char *path = in_folder("x.ptop"), *part = in_folder("x.ptop.part");
    struct store_writer *w = open_ok(path);
    assert_non_null(strstr(load_error(part), "holds nothing yet"));
    struct growing g = growth_begin();
    for (int s = 0; s < 90; s++) {
        growth_second(&g, 20);
        commit_ok(w, g.rec);
        if (s % 10 == 0) {
            struct recording *rec = load_ok(part);
            same_recordings(g.rec, rec);
            recording_free(rec);
        }
    }
    struct err err = {""};
    growth_second(&g, 20);
    assert_false(exists(path));
    assert_true(store_writer_finish(w, g.rec, &err));
    struct recording *rec = load_ok(path);
    same_recordings(g.rec, rec);
    assert_int_equal(folder_count(), 1);

    /* Loaded, saved and loaded it is the same still. */
    assert_true(store_save(rec, in_folder("y"), &err));
    struct recording *again = load_ok(in_folder("y"));
    same_recordings(rec, again);
    recording_free(again);
    recording_free(rec);
    recording_free(g.rec);
}

/* A recording that thins faster than it is short, joined when it is already under way: the file
 * holds each run once, as it was when it closed. */
static void keeps_what_thins_away(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    g.rec->limits.raw_ns = 4 * NS_PER_S;
    g.rec->limits.second_ns = 10 * NS_PER_S;
    for (int s = 0; s < 25; s++)
        growth_second(&g, 20);
    struct store_writer *w = open_ok(in_folder("x"));
    uint64_t expected = 0;
    for (int level = 0; level < LEVEL_COUNT; level++)
        expected += recording_run_count(g.rec, level);
    uint64_t closed = g.rec->levels[LEVEL_RAW].closed;
    for (int s = 0; s < 40; s++) {
        commit_ok(w, g.rec);
        growth_second(&g, 20);
    }
    struct err err = {""};
    assert_true(store_writer_finish(w, g.rec, &err));
    expected += g.rec->levels[LEVEL_RAW].closed - closed;

    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(in_folder("x"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT count(*), sum(weight_ns) + (SELECT "
                                        "sum(weight_ns) FROM open_run) FROM run",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int64(stmt, 0), expected);
    uint64_t weight = 0;
    for (int level = 0; level <= LEVEL_COUNT; level++)
        for (size_t i = 0; i < recording_run_count(g.rec, level); i++)
            if (recording_run_at(g.rec, level, i)->ticks)
                weight += recording_run_at(g.rec, level, i)->weight_ns;
    assert_int_equal(sqlite3_column_int64(stmt, 1), weight);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    recording_free(load_ok(in_folder("x")));
    recording_free(g.rec);
}

/* Runs that are folded before they could be written are counted. */
static void counts_what_it_missed(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    g.rec->limits.raw_ns = 2 * NS_PER_S;
    struct store_writer *w = open_ok(in_folder("x"));
    commit_ok(w, g.rec);
    for (int s = 0; s < 20; s++)
        growth_second(&g, 20);
    struct err err = {""};
    assert_true(store_writer_finish(w, g.rec, &err));
    struct recording *rec = load_ok(in_folder("x"));
    assert_int_equal(rec->levels[LEVEL_RAW].dropped,
                     g.rec->levels[LEVEL_RAW].closed - recording_run_count(g.rec, LEVEL_RAW));
    recording_free(rec);
    recording_free(g.rec);
}

static void rewrites_places_that_changed(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    growth_second(&g, 20);
    struct frame frame = {.kind = FRAME_NATIVE, .offset = 0xabcdef};
    struct frame_id id = dictionary_frame(&g.rec->words, &frame);
    struct place places[3] = {{{1}, 10}, {{2}, 20}, {{3}, 30}};
    struct store_writer *w = open_ok(in_folder("x"));
    static const size_t counts[] = {0, 3, 1, 2, 2, 0, 1};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        places[0].line = 100 + (uint32_t)i;
        recording_resolve(g.rec, id, places, counts[i]);
        commit_ok(w, g.rec);
        struct recording *rec = load_ok(in_folder("x.part"));
        same_places(g.rec, rec);
        recording_free(rec);
    }
    store_writer_abandon(w);
    assert_int_equal(folder_count(), 0);
    recording_free(g.rec);
}

/* Whatever a kill interrupts, the file is what one of the commits made it. */
static void survives_a_kill(void **state)
{
    (void)state;
    const char *part = in_folder("x.part");
    uint64_t seed = 99;
    for (int round = 0; round < 8; round++) {
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct growing g = growth_begin();
            struct store_writer *w = store_writer_open(in_folder("x"), NULL);
            for (int s = 0; w && s < 100000; s++) {
                growth_second(&g, 20);
                if (!store_writer_commit(w, g.rec, NULL) || write(pipes[1], "c", 1) != 1)
                    _exit(1);
            }
            _exit(1);
        }
        close(pipes[1]);
        char c;
        for (uint32_t commits = 3 + next_random(&seed) % 8; commits; commits--)
            assert_int_equal(read(pipes[0], &c, 1), 1);
        for (uint32_t spin = next_random(&seed) % 2000000; spin; spin--)
            __asm__ volatile("");
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        uint64_t committed = 0; /* what it told of before it died */
        while (read(pipes[0], &c, 1) == 1)
            committed++;
        close(pipes[0]);
        struct recording *rec = load_ok(part);
        struct growing g = growth_begin();
        while (g.rec->end_ns < rec->end_ns)
            growth_second(&g, 20);
        same_recordings(g.rec, rec);
        assert_true(rec->end_ns - START_NS >= (2 + committed) * NS_PER_S);
        recording_free(g.rec);
        recording_free(rec);
    }
}

/* A writer of x.part that is killed in the middle of a commit that has already begun to change the
 * file. */
static void kill_in_a_commit(void)
{
    int status;
    struct stat st;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sqlite3 *db;
        sqlite3_open(in_folder("x.part"), &db);
        sqlite3_exec(db,
                     "PRAGMA journal_mode=TRUNCATE; PRAGMA cache_size=1; PRAGMA synchronous=OFF;"
                     "BEGIN; UPDATE run SET stack=0, ticks=9; UPDATE string SET text='gone';"
                     "DELETE FROM frame",
                     NULL, NULL, NULL);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(stat(in_folder("x.part-journal"), &st), 0);
    assert_true(st.st_size > 512);
}

static void goes_back_to_the_last_commit(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    for (int s = 0; s < 5; s++)
        growth_second(&g, 20);
    struct store_writer *w = open_ok(in_folder("x"));
    commit_ok(w, g.rec);
    kill_in_a_commit();
    if (geteuid() == 0) { /* who may not write cannot put it right, and is told so */
        int status;
        assert_int_equal(chmod(folder, 0755), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(setuid(65534) == 0 && strstr(load_error(in_folder("x.part")), "copy both") ? 0
                                                                                             : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    struct recording *rec = load_ok(in_folder("x.part"));
    same_recordings(g.rec, rec);
    recording_free(rec);
    recording_free(g.rec);
    store_writer_abandon(w);
}

static bool is_there(const char *name)
{
    struct stat st;
    return stat(in_folder(name), &st) == 0;
}

/* What the next recorder does with what a killed one has left, and not before that was killed. */
static void settles_what_a_killed_one_left(void **state)
{
    (void)state;
    int ready[2], status;
    char byte = 'x';
    assert_int_equal(pipe(ready), 0);
    struct growing g = growth_begin();
    growth_second(&g, 20);
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        commit_ok(open_ok(in_folder("x")), g.rec);
        if (write(ready[1], &byte, 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    store_settle_part(in_folder("x"));
    assert_true(is_there("x.part") && is_there("x.part-journal") && !is_there("x"));
    kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    kill_in_a_commit();
    store_settle_part(in_folder("x"));
    assert_true(is_there("x"));
    assert_int_equal(folder_count(), 1);
    struct recording *rec = load_ok(in_folder("x"));
    same_recordings(g.rec, rec);
    recording_free(rec);
    recording_free(g.rec);
    close(ready[0]);
}

static void settles_no_stranger(void **state)
{
    (void)state;
    char junk[2000];
    memset(junk, 0xd9, sizeof junk);
    write_whole(in_folder("x.part"), junk, sizeof junk);
    write_whole(in_folder("y.part"), "", 0); /* killed before its first commit */
    write_whole(in_folder("y.part-journal"), "", 0);
    write_whole(in_folder("z"), "old", 3);
    write_whole(in_folder("z.part"), "", 0);
    store_settle_part(in_folder("x"));
    store_settle_part(in_folder("y"));
    store_settle_part(in_folder("z"));
    store_settle_part(in_folder("absent"));
    assert_true(is_there("x.part") && is_there("z") && is_there("z.part"));
    assert_int_equal(folder_count(), 3);
}

static void does_not_wait_for_a_reader(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    struct store_writer *w = open_ok(in_folder("x"));
    growth_second(&g, 20);
    commit_ok(w, g.rec);
    sqlite3 *db;
    sqlite3_stmt *stmt;
    sqlite3_open(in_folder("x.part"), &db);
    sqlite3_prepare_v2(db, "SELECT * FROM run", -1, &stmt, NULL);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW); /* holds the file */
    uint64_t start = clock_mono_ns();
    for (int s = 0; s < 3; s++) {
        growth_second(&g, 20);
        commit_ok(w, g.rec);
    }
    assert_true(clock_mono_ns() - start < 2 * NS_PER_S);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    growth_second(&g, 20);
    commit_ok(w, g.rec);
    struct recording *rec = load_ok(in_folder("x.part"));
    same_recordings(g.rec, rec);
    recording_free(rec);
    recording_free(g.rec);
    store_writer_abandon(w);
    assert_int_equal(folder_count(), 0);
}

static void keeps_the_part_when_told(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    struct store_writer *w = open_ok(in_folder("x"));
    growth_second(&g, 20);
    commit_ok(w, g.rec);
    store_writer_keep(w);
    assert_int_equal(folder_count(), 1); /* no journal */
    struct recording *rec = load_ok(in_folder("x.part"));
    same_recordings(g.rec, rec);
    recording_free(rec);
    recording_free(g.rec);
}

static void refuses_a_second_writer(void **state)
{
    (void)state;
    struct store_writer *w = open_ok(in_folder("x"));
    struct growing g = growth_begin();
    growth_second(&g, 20);
    commit_ok(w, g.rec);
    struct err err = {""};
    assert_null(store_writer_open(in_folder("x"), &err));
    assert_non_null(strstr(err.text, "another proftop is writing"));
    struct recording *rec = load_ok(in_folder("x.part"));
    recording_free(rec);
    assert_true(store_writer_finish(w, g.rec, &err));
    recording_free(g.rec);
    recording_free(load_ok(in_folder("x")));
}

static void replaces_what_a_killed_one_left(void **state)
{
    (void)state;
    char junk[2000];
    memset(junk, 0xd9, sizeof junk);
    write_whole(in_folder("x.part"), junk, sizeof junk);
    write_whole(in_folder("x.part-journal"), junk, sizeof junk);
    write_whole(in_folder("x"), "old", 3);
    struct store_writer *w = open_ok(in_folder("x"));
    struct growing g = growth_begin();
    growth_second(&g, 20);
    struct err err = {""};
    assert_true(store_writer_finish(w, g.rec, &err));
    recording_free(load_ok(in_folder("x")));
    assert_int_equal(folder_count(), 1);
    recording_free(g.rec);
}

static void leaves_alone_what_took_its_place(void **state)
{
    (void)state;
    struct store_writer *w = open_ok(in_folder("x"));
    struct growing g = growth_begin();
    growth_second(&g, 20);
    commit_ok(w, g.rec);
    unlink(in_folder("x.part"));
    write_whole(in_folder("x.part"), "mine", 4);
    struct err err = {""};
    assert_false(store_writer_finish(w, g.rec, &err));
    assert_true(err.text[0]);
    assert_false(exists(in_folder("x")));
    size_t size;
    char *bytes = read_whole(in_folder("x.part"), &size);
    assert_int_equal(size, 4);
    free(bytes);
    recording_free(g.rec);
}

static void keeps_the_last_commit_on_a_full_disk(void **state)
{
    (void)state;
    if (!folder_is_small_disk(1024))
        skip();
    struct store_writer *w = open_ok(in_folder("x"));
    struct growing g = growth_begin();
    struct err err = {""};
    uint64_t committed_ns = 0;
    int s = 0;
    for (; s < 1000; s++) {
        growth_second(&g, 50);
        if (!store_writer_commit(w, g.rec, &err))
            break;
        committed_ns = g.rec->end_ns;
    }
    assert_true(s > 0 && s < 1000);
    assert_non_null(strstr(err.text, "the disk is full"));
    struct recording *rec = load_ok(in_folder("x.part"));
    assert_true(rec->end_ns == committed_ns);
    recording_free(rec);
    /* It stays so, also when there is room again. */
    struct err again = {""}, last = {""};
    assert_false(store_writer_commit(w, g.rec, &again));
    assert_string_equal(again.text, err.text);
    assert_false(store_writer_finish(w, g.rec, &last));
    assert_string_equal(last.text, err.text);
    assert_false(exists(in_folder("x")));
    rec = load_ok(in_folder("x.part"));
    assert_true(rec->end_ns == committed_ns);
    recording_free(rec);
    recording_free(g.rec);
}

/* What a commit costs when little has happened: it must not grow with what is in the file. */
static void commits_cheaply(void **state)
{
    (void)state;
    struct growing g = growth_begin();
    struct store_writer *w = open_ok(in_folder("x"));
    for (int s = 0; s < 60; s++)
        growth_second(&g, 100);
    commit_ok(w, g.rec);
    uint64_t cpu = clock_cpu_ns(), start = clock_mono_ns();
    for (int i = 0; i < 20; i++) {
        growth_second(&g, 1);
        commit_ok(w, g.rec);
    }
    print_message("a commit: %.2f ms, %.2f ms of CPU\n", (double)(clock_mono_ns() - start) / 20e6,
                  (double)(clock_cpu_ns() - cpu) / 20e6);
    assert_true(clock_cpu_ns() - cpu < 20 * 50 * NS_PER_MS);
    store_writer_abandon(w);
    recording_free(g.rec);
}

#define TEST_IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(commits_what_is_new),
        TEST_IN_FOLDER(keeps_what_thins_away),
        TEST_IN_FOLDER(counts_what_it_missed),
        TEST_IN_FOLDER(rewrites_places_that_changed),
        TEST_IN_FOLDER(survives_a_kill),
        TEST_IN_FOLDER(goes_back_to_the_last_commit),
        TEST_IN_FOLDER(settles_what_a_killed_one_left),
        TEST_IN_FOLDER(settles_no_stranger),
        TEST_IN_FOLDER(does_not_wait_for_a_reader),
        TEST_IN_FOLDER(keeps_the_part_when_told),
        TEST_IN_FOLDER(refuses_a_second_writer),
        TEST_IN_FOLDER(replaces_what_a_killed_one_left),
        TEST_IN_FOLDER(leaves_alone_what_took_its_place),
        TEST_IN_FOLDER(keeps_the_last_commit_on_a_full_disk),
        TEST_IN_FOLDER(commits_cheaply),
    };
    return cmocka_run_group_tests_name("store_writer", tests, NULL, NULL);
}
