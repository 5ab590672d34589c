/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What raised alerts do: commands that work, fail, hang and flood; snapshots that hold what was
 * before and after, and folders that cannot be written to. The clock is an argument, but for how
 * long a command really runs. */
#include "store_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include "model/alert_log.h"
#include "session/alarms.h"
#include "session/hook.h"

static void words_are_split_by_quotes_alone(void **state)
{
    (void)state;
    static const struct {
        const char *command, *words; /* each with a | after it */
    } cases[] = {
        {"logger -t proftop", "logger|-t|proftop|"},
        {"  a\tb\n", "a|b|"},
        {"a 'b c' \"d e\"f", "a|b c|d ef|"},
        {"a '' \"\"", "a|||"},
        {"a '\\' \"\\\"\\\\\\n\" \\' b\\ c", "a|\\|\"\\\\n|'|b c|"},
        {"echo $HOME `id` $(id) *; rm >x", "echo|$HOME|`id`|$(id)|*;|rm|>x|"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hook_words words = {0};
        struct err err = {""};
        char got[256] = "";
        assert_true(hook_split(&words, cases[i].command, &err));
        for (size_t w = 0; w < words.list.n; w++)
            snprintf(got + strlen(got), sizeof got - strlen(got), "%s|", words.list.at[w]);
        assert_string_equal(got, cases[i].words);
        assert_null(words.list.at[words.list.n]);
        hook_words_clear(&words);
    }
    static const char *const wrong[][2] = {{"", "the command is empty"},
                                           {"  ", "the command is empty"},
                                           {"a 'b", "a quote is not closed in \"a 'b\""},
                                           {"a \"b\\\"", "a quote is not closed"}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct hook_words words = {0};
        struct err err = {""};
        assert_false(hook_split(&words, wrong[i][0], &err));
        assert_non_null(strstr(err.text, wrong[i][1]));
        hook_words_clear(&words);
    }
}

static struct hook *hook_of(const char *command, double limit_s)
{
    struct err err = {""};
    struct hook *h = hook_new(command, limit_s, true, &err);
    if (!h)
        fail_msg("%s", err.text);
    return h;
}

#define WAIT_NS (10 * NS_PER_S) /* before a test gives up */

/* Pumps until all is done; what failed last, or "". */
static const char *pump_hook(struct hook *h)
{
    static struct err err;
    uint64_t end_ns = clock_mono_ns() + WAIT_NS;
    err.text[0] = '\0';
    while (hook_is_busy(h)) {
        hook_pump(h, clock_mono_ns(), &err);
        assert_true(clock_mono_ns() < end_ns);
        usleep(1000);
    }
    return err.text;
}

static void commands_that_fail_are_said(void **state)
{
    (void)state;
    struct err err = {""};
    assert_null(hook_new("/no/such/program x", 1, true, &err));
    assert_string_equal(err.text, "cannot run /no/such/program: No such file or directory");
    assert_null(hook_new("proftop-no-such-program", 1, true, &err));
    assert_non_null(strstr(err.text, "there is no such program in PATH"));
    static const char *const cases[][2] = {
        {"true", ""},
        {"sh -c 'exit 3'", "sh failed with status 3"},
        {"sh -c 'kill -11 $$'", "sh was ended by signal 11"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hook *h = hook_of(cases[i][0], 5);
        assert_true(hook_run(h, NULL, 0));
        assert_string_equal(pump_hook(h), cases[i][1]);
        hook_free(h);
    }
}

static bool is_gone(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

/* With what it has started: both write their pid. */
static void one_that_hangs_is_killed_with_its_group(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "sh -c 'sleep 100 & echo $! >%s/pid; wait'", folder);
    struct hook *h = hook_of(command, 0.3);
    assert_true(hook_run(h, NULL, 0));
    uint64_t began_ns = clock_mono_ns();
    assert_string_equal(pump_hook(h), "sh was killed: it ran for longer than 300ms");
    assert_true(clock_mono_ns() - began_ns < WAIT_NS / 2);
    size_t size;
    char *bytes = read_whole(in_folder("pid"), &size);
    bytes[size] = '\0';
    pid_t child = (pid_t)atoi(bytes);
    free(bytes);
    assert_true(child > 0);
    /* It may take its parent (whoever reaps orphans) a moment. */
    uint64_t end_ns = clock_mono_ns() + WAIT_NS;
    char stat[64], line[256] = "";
    snprintf(stat, sizeof stat, "/proc/%d/stat", child);
    while (!is_gone(child) && !strstr(line, ") Z")) {
        FILE *f = fopen(stat, "r");
        if (f) {
            assert_true(fgets(line, sizeof line, f) || feof(f));
            fclose(f);
        }
        assert_true(clock_mono_ns() < end_ns);
        usleep(1000);
    }
    hook_free(h);
}

static void one_runs_at_a_time_and_few_wait(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command,
             "sh -c 'mkdir %s/busy || exit 9; echo $PROFTOP_N >>%s/log; rmdir %s/busy'", folder,
             folder, folder);
    struct hook *h = hook_of(command, 5);
    int taken = 0;
    for (int i = 0; i < 100; i++) {
        char fact[32];
        const char *facts[] = {fact};
        snprintf(fact, sizeof fact, "PROFTOP_N=%d", i);
        taken += hook_run(h, facts, 1);
    }
    assert_int_equal(taken, HOOK_WAITING_MAX);
    assert_string_equal(pump_hook(h), "");
    size_t size;
    char *bytes = read_whole(in_folder("log"), &size);
    bytes[size] = '\0';
    assert_string_equal(bytes, "0\n1\n2\n3\n4\n5\n6\n7\n");
    free(bytes);
    hook_free(h);
}

/* ---- alarms ---- */

static struct alarms *alarms_of(const char *command, const char *where)
{
    struct alarms_options options = alarms_defaults;
    struct err err = {""};
    options.command = command;
    options.folder = where;
    options.before_s = 20;
    options.after_s = 5;
    options.command_limit_s = 1e6; /* of simulated time, which goes fast */
    options.hush = true;
    struct alarms *a = alarms_new();
    if (!alarms_set(a, &options, &err))
        fail_msg("%s", err.text);
    return a;
}

static struct recording *target_recording(const char *comm)
{
    struct recording *rec = recording_new(START_NS, 1700000000 * (int64_t)NS_PER_S);
    struct incarnation in = {.pid = 4711, .from_ns = START_NS};
    in.comm = dictionary_string(&rec->words, comm);
    recording_add_incarnation(rec, in);
    struct alert_rules rules = {0};
    struct err err;
    assert_true(alert_rules_set_line(&rules, "cpu: cpu_pct > 80 for 0s, clear 75 for 0s", &err));
    assert_true(alert_rules_set_line(&rules, "mem: memory_pct > 80 for 0s, clear 75 for 0s", &err));
    assert_true(
        alert_rules_set_line(&rules, "quiet: threads > 10 for 0s, clear 9 for 0s: bell", &err));
    alert_log_set_rules(rec, &rules, START_NS);
    alert_rules_clear(&rules);
    return rec;
}

/* Some seconds of a metric, as a session would see them come. */
static void seconds(struct alarms *a, struct recording *rec, enum metric metric, uint64_t *t,
                    double value, int n)
{
    for (int i = 0; i < n; i++, *t += NS_PER_S) {
        recording_add_metric(rec, metric, *t, value);
        alarms_pump(a, rec, *t, false);
    }
}

/* The next news of a kind, for which is waited if the worker is still to bring it; "" for none. */
static const char *news_of(struct alarms *a, struct recording *rec, enum alarm_kind kind,
                           uint64_t now_ns, bool wait)
{
    static struct alarm_news news;
    uint64_t end_ns = clock_mono_ns() + WAIT_NS;
    for (;;) {
        while (alarms_take_news(a, &news))
            if (news.kind == kind)
                return kind == ALARM_SAVED ? news.path : news.text;
        if (!wait)
            return "";
        assert_true(clock_mono_ns() < end_ns);
        struct pollfd fd = {alarms_fd(a), POLLIN, 0};
        poll(&fd, 1, 100);
        alarms_pump(a, rec, now_ns, false);
    }
}

static struct recording *open_snapshot(const char *path)
{
    struct recording *rec;
    struct err err = {""};
    if (!store_load(&rec, path, &err))
        fail_msg("%s", err.text);
    return rec;
}

static void a_snapshot_holds_before_and_after(void **state)
{
    (void)state;
    struct recording *rec = target_recording("server");
    struct alarms *a = alarms_of(NULL, folder);
    uint64_t t = START_NS;
    seconds(a, rec, METRIC_CPU_PCT, &t, 10, 100);
    uint64_t spike_ns = t;
    seconds(a, rec, METRIC_CPU_PCT, &t, 90, 3);
    seconds(a, rec, METRIC_MEMORY_PCT, &t, 90, 1); /* shares it */
    assert_int_equal(folder_count(), 0);
    seconds(a, rec, METRIC_CPU_PCT, &t, 90, 3);
    char path[256];
    snprintf(path, sizeof path, "%s", news_of(a, rec, ALARM_SAVED, t, true));
    assert_non_null(strstr(path, "/proftop-server-4711-cpu-"));
    assert_int_equal(folder_count(), 1);
    assert_int_equal(rec->alerts.n, 2);
    for (size_t i = 0; i < 2; i++)
        assert_string_equal(string_text(&rec->words, rec->alerts.at[i].snapshot), path);

    struct recording *shot = open_snapshot(path);
    /* 20 s before, down to a slice of 10 s. */
    assert_int_equal(shot->start_ns, START_NS + 80 * NS_PER_S);
    assert_int_equal(shot->start_wall_ns - rec->start_wall_ns, 80 * NS_PER_S);
    assert_true(shot->end_ns >= spike_ns + 5 * NS_PER_S);
    assert_int_equal(shot->shown_from_ns, spike_ns - NS_PER_S);
    assert_true(shot->shown_to_ns > spike_ns + 5 * NS_PER_S);
    struct point p = series_summary(&shot->total.series[METRIC_CPU_PCT], 0, UINT64_MAX);
    assert_int_equal(p.count, 20 + 5);
    assert_int_equal(shot->alerts.n, 2);
    assert_string_equal(string_text(&shot->words, shot->alerts.at[0].snapshot), path);
    recording_free(shot);
    alarms_free(a);
    recording_free(rec);
}

static void snapshots_are_no_flood(void **state)
{
    (void)state;
    struct recording *rec = target_recording("server");
    struct alarms *a = alarms_of(NULL, folder);
    uint64_t t = START_NS;
    /* An hour, up and down each 20 s: every 5 minutes, until there were 6. */
    for (int i = 0; i < 180; i++) {
        seconds(a, rec, METRIC_CPU_PCT, &t, 90, 10);
        seconds(a, rec, METRIC_CPU_PCT, &t, 10, 10);
        bool due = i % 15 == 0 && i < 6 * 15;
        assert_int_equal(*news_of(a, rec, ALARM_SAVED, t, due) != '\0', due);
    }
    alarms_finish(a, rec, t);
    assert_string_equal(news_of(a, rec, ALARM_SAVED, t, false), "");
    assert_int_equal(rec->alerts.n, 2 * 180);
    assert_in_range(folder_count(), 1, 6); /* within one real second names may be the same */
    alarms_free(a);
    recording_free(rec);
}

static void the_end_does_not_lose_one(void **state)
{
    (void)state;
    struct recording *rec = target_recording("server");
    struct alarms *a = alarms_of(NULL, folder);
    uint64_t t = START_NS;
    seconds(a, rec, METRIC_CPU_PCT, &t, 90, 2);
    assert_int_equal(folder_count(), 0);
    alarms_finish(a, rec, t);
    assert_int_equal(folder_count(), 1);
    assert_string_equal(news_of(a, rec, ALARM_SAVED, t, false),
                        string_text(&rec->words, rec->alerts.at[0].snapshot));
    alarms_free(a);
    recording_free(rec);
}

static void folders_must_be_writable(void **state)
{
    (void)state;
    struct alarms_options options = alarms_defaults;
    struct err err = {""};
    struct alarms *a = alarms_new();
    options.folder = in_folder("none");
    assert_false(alarms_set(a, &options, &err));
    assert_non_null(strstr(err.text, "cannot save snapshots in /tmp/"));
    assert_non_null(strstr(err.text, "No such file"));
    write_whole(in_folder("file"), "x", 1);
    options.folder = in_folder("file");
    assert_false(alarms_set(a, &options, &err));
    assert_non_null(strstr(err.text, "it is no folder"));
    options.folder = NULL;
    options.command = "no-such-command-of-ours";
    assert_false(alarms_set(a, &options, &err));
    alarms_free(a);
}

/* Settings that are read again do not make what was seen new. */
static void a_change_does_not_begin_anew(void **state)
{
    (void)state;
    struct recording *rec = target_recording("server");
    struct alarms *a = alarms_of(NULL, NULL);
    struct alarms_options options = alarms_defaults;
    struct err err = {""};
    uint64_t t = START_NS;
    seconds(a, rec, METRIC_CPU_PCT, &t, 90, 2);
    assert_string_not_equal(news_of(a, rec, ALARM_RAISED, t, false), "");
    options.folder = folder;
    options.after_s = 1;
    assert_true(alarms_set(a, &options, &err));
    seconds(a, rec, METRIC_CPU_PCT, &t, 90, 5);
    assert_string_equal(news_of(a, rec, ALARM_RAISED, t, false), "");
    assert_int_equal(folder_count(), 0);
    alarms_free(a);
    recording_free(rec);
}

/* Raised again after the gap between two snapshots. */
static void raise_again(struct alarms *a, struct recording *rec, uint64_t *t)
{
    seconds(a, rec, METRIC_CPU_PCT, t, 10, 3);
    *t += 400 * NS_PER_S;
    seconds(a, rec, METRIC_CPU_PCT, t, 90, 7);
}

static void trouble_is_said_once(void **state)
{
    (void)state;
    struct recording *rec = target_recording("server");
    char where[128];
    snprintf(where, sizeof where, "%s/inner", folder);
    assert_int_equal(mkdir(where, 0700), 0);
    struct alarms *a = alarms_of(NULL, where);
    uint64_t t = START_NS;
    assert_int_equal(rmdir(where), 0); /* it goes away meanwhile */
    seconds(a, rec, METRIC_CPU_PCT, &t, 90, 7);
    assert_non_null(strstr(news_of(a, rec, ALARM_TROUBLE, t, true), "there is no folder"));
    raise_again(a, rec, &t);
    alarms_finish(a, rec, t);
    assert_string_equal(news_of(a, rec, ALARM_TROUBLE, t, false), "");
    assert_int_equal(rec->alerts.at[0].snapshot.n, 0);
    assert_int_equal(mkdir(where, 0700), 0); /* it is back, */
    raise_again(a, rec, &t);
    assert_non_null(strstr(news_of(a, rec, ALARM_SAVED, t, true), where));
    char shot[256];
    snprintf(shot, sizeof shot, "%s", string_text(&rec->words, vec_last(&rec->alerts)->snapshot));
    assert_int_equal(unlink(shot), 0);
    assert_int_equal(rmdir(where), 0); /* and gone once more: that is news again */
    raise_again(a, rec, &t);
    assert_non_null(strstr(news_of(a, rec, ALARM_TROUBLE, t, true), "there is no folder"));
    alarms_free(a);
    recording_free(rec);
}

static void a_full_disk_is_said_once(void **state)
{
    (void)state;
    if (!folder_is_small_disk(16))
        skip();
    struct recording *rec = target_recording("server");
    struct alarms *a = alarms_of(NULL, folder);
    uint64_t t = START_NS;
    seconds(a, rec, METRIC_CPU_PCT, &t, 90, 7);
    assert_non_null(strstr(news_of(a, rec, ALARM_TROUBLE, t, true), "the disk is full"));
    raise_again(a, rec, &t);
    alarms_finish(a, rec, t);
    assert_string_equal(news_of(a, rec, ALARM_TROUBLE, t, false), "");
    assert_int_equal(folder_count(), 0);
    alarms_free(a);
    recording_free(rec);
}

/* The target's name is no command, whatever it says. */
static void commands_get_the_facts(void **state)
{
    (void)state;
    char command[256], evil[128];
    snprintf(command, sizeof command, "sh -c 'env | grep ^PROFTOP_ | sort >>%s/facts'", folder);
    snprintf(evil, sizeof evil, "$(touch %s/evil);`id`", folder);
    setenv("PROFTOP_STALE", "1", 1);
    struct recording *rec = target_recording(evil);
    struct alarms *a = alarms_of(command, NULL);
    uint64_t t = START_NS;
    seconds(a, rec, METRIC_THREADS, &t, 20, 2); /* a rule without a command */
    seconds(a, rec, METRIC_CPU_PCT, &t, 85.5, 2);
    uint64_t end_ns = clock_mono_ns() + WAIT_NS;
    size_t size = 0;
    char *bytes = NULL;
    while (!bytes || !strstr(bytes, "PROFTOP_VALUE=85.5\n")) {
        alarms_pump(a, rec, t, false);
        assert_true(clock_mono_ns() < end_ns);
        free(bytes);
        bytes = exists(in_folder("facts")) ? read_whole(in_folder("facts"), &size) : NULL;
        if (bytes)
            bytes[size] = '\0';
        usleep(1000);
    }
    char wanted[1024];
    snprintf(wanted, sizeof wanted,
             "PROFTOP_ALERT=cpu\nPROFTOP_COMM=%s\nPROFTOP_METRIC=cpu_pct\nPROFTOP_PID=4711\n"
             "PROFTOP_SEVERITY=warning\nPROFTOP_SNAPSHOT=\nPROFTOP_STATE=raised\n"
             "PROFTOP_TEXT=CPU stands at 85.5%% of what the target may use\n"
             "PROFTOP_THRESHOLD=80\nPROFTOP_VALUE=85.5\n",
             evil);
    assert_string_equal(bytes, wanted);
    assert_false(exists(in_folder("evil")));
    free(bytes);
    alarms_free(a);
    recording_free(rec);
}

static void commands_are_no_flood(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "sh -c 'echo x >>%s/runs'", folder);
    struct recording *rec = target_recording("server");
    struct alarms *a = alarms_of(command, NULL);
    uint64_t t = START_NS, end_ns = clock_mono_ns() + WAIT_NS;
    int told = 0;
    for (int i = 0; i < 200; i++) {
        seconds(a, rec, METRIC_CPU_PCT, &t, i % 2 ? 10 : 90, 1);
        told += *news_of(a, rec, ALARM_TROUBLE, t, false) != '\0';
        usleep(500);
    }
    alarms_free(a); /* gives those that wait their time */
    assert_true(clock_mono_ns() < end_ns);
    size_t size;
    char *bytes = read_whole(in_folder("runs"), &size);
    assert_in_range(size / 2, 2, 60); /* as many as there was time for */
    free(bytes);
    assert_in_range(told, 1, 60); /* not once for each that was left out */
    recording_free(rec);
}

static void bells_are_few(void **state)
{
    (void)state;
    struct recording *rec = target_recording("server");
    struct alarms *a = alarms_of(NULL, NULL);
    uint64_t t = START_NS;
    int bells = 0;
    struct alarm_news news;
    for (int i = 0; i < 60; i++) {
        seconds(a, rec, METRIC_THREADS, &t, i % 2 ? 1 : 20, 1);
        while (alarms_take_news(a, &news))
            bells += news.bell;
    }
    assert_in_range(bells, 5, 7);
    alarms_free(a);
    recording_free(rec);
}

#define TEST_IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_split_by_quotes_alone),
        cmocka_unit_test(commands_that_fail_are_said),
        TEST_IN_FOLDER(one_that_hangs_is_killed_with_its_group),
        TEST_IN_FOLDER(one_runs_at_a_time_and_few_wait),
        TEST_IN_FOLDER(a_snapshot_holds_before_and_after),
        TEST_IN_FOLDER(snapshots_are_no_flood),
        TEST_IN_FOLDER(the_end_does_not_lose_one),
        TEST_IN_FOLDER(folders_must_be_writable),
        TEST_IN_FOLDER(a_change_does_not_begin_anew),
        TEST_IN_FOLDER(trouble_is_said_once),
        TEST_IN_FOLDER(a_full_disk_is_said_once),
        TEST_IN_FOLDER(commands_get_the_facts),
        TEST_IN_FOLDER(commands_are_no_flood),
        cmocka_unit_test(bells_are_few),
    };
    return cmocka_run_group_tests_name("session_alarms", tests, NULL, NULL);
}
