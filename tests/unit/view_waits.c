/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The waits view, its details and its verdicts on recordings whose figures are known: groups,
 * holders, chains, a deadlock, typical and longest waits.
 */
#include "view_fixture.h"

#include <stdio.h>

#include "view/views.h"
#include "view/wait_chain.h"
#include "view/wait_detail.h"
#include "view/wait_group.h"

/* A run with what it waits for and who holds that; began: each observation is a wait of its own. */
static void wait_run(struct recording *rec, struct thread_id thread, struct stack_id stack,
                     enum wait_kind wait, const char *object, int32_t owner, bool began,
                     double from_s, double weight_s)
{
    struct run run = {.from_ns = START_NS + (uint64_t)(from_s * NS_PER_S + 0.5),
                      .weight_ns = (uint64_t)(weight_s * NS_PER_S + 0.5),
                      .thread = thread,
                      .stack = stack,
                      .object = dictionary_object(&rec->words, object),
                      .owner = owner,
                      .ticks = (uint32_t)(weight_s * 100 + 0.5),
                      .state = STATE_WAITING,
                      .wait = (uint8_t)wait,
                      .flags = began ? SAMPLE_BEGAN : 0};
    recording_add_run(rec, &run);
}

struct known {
    struct recording *rec;
    struct thread_id worker[4], main, timer;
    struct stack_id query, acquire, rebuild, nap;
};

static struct known known_new(void)
{
    struct known k = {.rec = fixture_new()};
    struct recording *rec = k.rec;
    struct stack_id none = {0};
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "worker-%d", i + 1);
        k.worker[i] = fixture_thread(rec, 101 + i, name);
    }
    k.main = fixture_thread(rec, 48211, "MainThread");
    k.timer = fixture_thread(rec, 48299, "timer");
    k.query = fixture_call(rec, none, fixture_function(rec, "get_products", "/srv/db.py", 8), 9);
    k.acquire = fixture_call(rec, none, fixture_function(rec, "Pool.acquire", "/srv/p.py", 3), 4);
    k.rebuild = fixture_call(rec, none, fixture_function(rec, "Cache.rebuild", "/srv/c.py", 5), 7);
    k.nap = fixture_call(rec, none, fixture_function(rec, "nap", "/srv/t.py", 1), 2);
    return k;
}

static size_t row_on(const struct table *t, const char *on)
{
    size_t r = fixture_find(t, "on", on);
    if (r == SIZE_MAX)
        fail_msg("no row on %s", on);
    return r;
}

/*
 * Ten seconds: workers 1 to 3 wait for a database, each 4 s; worker 4 runs 8 s in Cache.rebuild and
 * holds a lock that main wants for 2 of them; the timer sleeps. The whole is 12 + 8 + 2 = 22 s.
 */
static struct known simple_new(void)
{
    struct known k = known_new();
    for (int i = 0; i < 3; i++)
        wait_run(k.rec, k.worker[i], k.query, WAIT_READ, "tcp 10.0.0.5:5432", 0, false, i, 4);
    fixture_run(k.rec, k.worker[3], k.rebuild, STATE_RUNNING, WAIT_NONE, 0, 8);
    wait_run(k.rec, k.main, k.acquire, WAIT_FUTEX, "lock 0x7f10", 104, false, 5, 2);
    wait_run(k.rec, k.timer, k.nap, WAIT_SLEEP, "", 0, false, 0, 10);
    return k;
}

static void groups(void **state)
{
    (void)state;
    struct known k = simple_new();
    struct query q = fixture_query(k.rec);
    struct table t = {0};
    table_fill(&t, &waits_view, &q);
    assert_int_equal(t.rows.n, 3);
    size_t r = row_on(&t, "tcp 10.0.0.5:5432");
    assert_int_equal(r, 0);
    fixture_near(fixture_number(&t, r, "wait_s"), 12);
    fixture_near(fixture_number(&t, r, "wait_pct"), 100 * 12 / 22.0);
    fixture_near(fixture_number(&t, r, "threads"), 3);
    fixture_near(fixture_number(&t, r, "samples"), 1200);
    fixture_near(fixture_number(&t, r, "typical_s"), 4);
    fixture_near(fixture_number(&t, r, "max_s"), 4);
    assert_string_equal(fixture_text(&t, r, "wait"), "read");
    assert_string_equal(fixture_text(&t, r, "name"), "get_products");
    assert_string_equal(fixture_text(&t, r, "threads_of"), "    3/4");
    assert_int_equal(fixture_value(&t, r, "owner_tid")->kind, VALUE_NULL);
    assert_int_equal(fixture_value(&t, r, "owner_name")->kind, VALUE_NULL);
    fixture_near(fixture_value(&t, r, "idle")->number, 0);

    r = row_on(&t, "lock 0x7f10 held by worker-4 (104)");
    fixture_near(fixture_number(&t, r, "owner_tid"), 104);
    assert_string_equal(fixture_text(&t, r, "owner_name"), "worker-4");
    assert_string_equal(fixture_text(&t, r, "about"), "lock held by worker-4");
    assert_string_equal(fixture_text(&t, r, "threads_of"), "    1/1");

    /* Idle: last, grey, a row like others but for its share. */
    assert_string_equal(fixture_text(&t, 2, "wait"), "nanosleep");
    assert_int_equal(t.rows.at[2].role, ROW_QUIET);
    fixture_near(fixture_value(&t, 2, "idle")->number, 1);
    fixture_near(fixture_number(&t, 2, "wait_s"), 10);
    assert_int_equal(fixture_value(&t, 2, "wait_pct")->kind, VALUE_NULL);
    q.invert = true;
    table_fill(&t, &waits_view, &q);
    assert_string_equal(fixture_text(&t, 2, "wait"), "nanosleep");
    q.invert = false;
    q.filter.states = STATES_ALL;
    table_fill(&t, &waits_view, &q);
    fixture_near(fixture_number(&t, 1, "wait_pct"), 100 * 10 / 32.0);
    q.filter.states = STATES_WAIT;
    table_fill(&t, &waits_view, &q);
    assert_int_equal(t.rows.n, 2);
    q.filter.states = STATES_CPU;
    table_fill(&t, &waits_view, &q);
    assert_int_equal(t.rows.n, 0);
    table_clear(&t);
    recording_free(k.rec);
}

static void one_thread(void **state)
{
    (void)state;
    struct known k = simple_new();
    struct query q = fixture_query(k.rec);
    struct table t = {0};
    q.filter.tid = 102;
    table_fill(&t, &waits_view, &q);
    assert_int_equal(t.rows.n, 1);
    fixture_near(fixture_number(&t, 0, "wait_s"), 4);
    fixture_near(fixture_number(&t, 0, "max_s"), 4);
    table_clear(&t);
    recording_free(k.rec);
}

static void runnable(void **state)
{
    (void)state;
    struct known k = known_new();
    struct query q;
    struct table t = {0};
    fixture_run(k.rec, k.main, k.rebuild, STATE_RUNNING, WAIT_NONE, 0, 1);
    fixture_run(k.rec, k.main, k.rebuild, STATE_RUNNABLE, WAIT_NONE, 1, 3);
    q = fixture_query(k.rec);
    table_fill(&t, &waits_view, &q);
    assert_int_equal(t.rows.n, 1);
    assert_string_equal(fixture_text(&t, 0, "wait"), "cpu");
    assert_int_equal(fixture_value(&t, 0, "on")->kind, VALUE_NULL);
    fixture_near(fixture_number(&t, 0, "wait_pct"), 75);
    table_clear(&t);
    recording_free(k.rec);
}

/* Five short waits of a tick each, one of 2 s that continues the last of them, one of 0.5 s. */
static void lengths(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    const char *db = "tcp 10.0.0.5:5432";
    wait_run(k.rec, k.main, k.query, WAIT_READ, db, 0, true, 0, 0.05);
    wait_run(k.rec, k.main, k.query, WAIT_READ, db, 0, false, 0.05, 1.99);
    fixture_run(k.rec, k.main, k.rebuild, STATE_RUNNING, WAIT_NONE, 2.04, 1);
    wait_run(k.rec, k.main, k.query, WAIT_READ, db, 0, true, 3.04, 0.01);
    wait_run(k.rec, k.main, k.query, WAIT_READ, db, 0, false, 3.05, 0.49);
    struct query q = fixture_query(k.rec);
    table_fill(&t, &waits_view, &q);
    fixture_near(fixture_number(&t, 0, "wait_s"), 2.54);
    fixture_near(fixture_number(&t, 0, "typical_s"), 0.01);
    fixture_near(fixture_number(&t, 0, "max_s"), 2);
    /* A later wait at once in another place is another wait, and so is one after a gap. */
    wait_run(k.rec, k.main, k.acquire, WAIT_READ, db, 0, false, 3.54, 1);
    wait_run(k.rec, k.main, k.acquire, WAIT_READ, db, 0, false, 6, 3);
    q = fixture_query(k.rec);
    table_fill(&t, &waits_view, &q);
    size_t r = fixture_find(&t, "name", "Pool.acquire");
    fixture_near(fixture_number(&t, r, "wait_s"), 4);
    fixture_near(fixture_number(&t, r, "max_s"), 3);
    fixture_near(fixture_number(&t, r, "typical_s"), 1);
    table_clear(&t);
    recording_free(k.rec);
}

/* What was folded into slices tells no lengths; what was longer than a slice still does. */
static void lengths_folded(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    for (int i = 0; i < 10; i++) {
        wait_run(k.rec, k.main, k.query, WAIT_READ, "tcp 10.0.0.5:5432", 0, false, i * 0.2, 0.1);
        fixture_run(k.rec, k.main, k.rebuild, STATE_RUNNING, WAIT_NONE, i * 0.2 + 0.1, 0.1);
    }
    recording_thin(k.rec, START_NS + 700 * NS_PER_S);
    struct query q = fixture_query(k.rec);
    q.window.to_ns = START_NS + 10 * NS_PER_S;
    table_fill(&t, &waits_view, &q);
    fixture_near(fixture_number(&t, 0, "wait_s"), 1);
    assert_int_equal(fixture_value(&t, 0, "typical_s")->kind, VALUE_NULL);
    assert_int_equal(fixture_value(&t, 0, "max_s")->kind, VALUE_NULL);
    wait_run(k.rec, k.timer, k.query, WAIT_READ, "tcp 10.0.0.5:5432", 0, false, 2, 5);
    recording_end_thread(k.rec, k.timer, START_NS + 8 * NS_PER_S);
    recording_thin(k.rec, START_NS + 700 * NS_PER_S);
    assert_int_equal(recording_run_count(k.rec, LEVEL_RAW), 0);
    table_fill(&t, &waits_view, &q);
    fixture_near(fixture_number(&t, 0, "max_s"), 5);
    table_clear(&t);
    recording_free(k.rec);
}

/* Other futexes are not told apart by address; locks with an owner are. */
static void futexes(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    wait_run(k.rec, k.main, k.acquire, WAIT_FUTEX, "futex 0x10", 0, false, 0, 1);
    wait_run(k.rec, k.main, k.acquire, WAIT_FUTEX, "futex 0x20", 0, false, 1, 1);
    wait_run(k.rec, k.main, k.acquire, WAIT_FUTEX, "lock 0x30", 101, false, 2, 1);
    wait_run(k.rec, k.main, k.acquire, WAIT_FUTEX, "lock 0x30", 102, false, 3, 2);
    wait_run(k.rec, k.main, k.acquire, WAIT_FUTEX, "lock 0x40", 101, false, 5, 1);
    struct query q = fixture_query(k.rec);
    table_fill(&t, &waits_view, &q);
    assert_int_equal(t.rows.n, 3);
    fixture_near(fixture_number(&t, row_on(&t, "2 futexes"), "wait_s"), 2);
    size_t r = row_on(&t, "lock 0x30 held by worker-2 (102) and 1 more");
    fixture_near(fixture_number(&t, r, "wait_s"), 3);
    fixture_near(fixture_number(&t, row_on(&t, "lock 0x40 held by worker-1 (101)"), "wait_s"), 1);
    table_clear(&t);
    recording_free(k.rec);
}

static bool detail_says(const struct text_lines *d, const char *text)
{
    for (size_t i = 0; i < d->at.n; i++)
        if (strstr(d->at.at[i].text, text))
            return true;
    return false;
}

static void must_say(const struct text_lines *d, const char *text)
{
    if (detail_says(d, text))
        return;
    for (size_t i = 0; i < d->at.n; i++)
        print_message("%s\n", d->at.at[i].text);
    fail_msg("the detail does not say: %s", text);
}

static const struct row *row_named(struct table *t, const struct query *q, const char *name)
{
    table_fill(t, &waits_view, q);
    size_t r = fixture_find(t, "name", name);
    assert_int_not_equal(r, SIZE_MAX);
    return &t->rows.at[r];
}

/* main waits for worker-1, which waits for worker-2, which waits for a database. */
static void chain_to_the_root(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    struct text_lines d = {0};
    wait_run(k.rec, k.main, k.acquire, WAIT_FUTEX, "lock 0x1", 101, false, 0, 5);
    wait_run(k.rec, k.worker[0], k.rebuild, WAIT_FUTEX, "lock 0x2", 102, false, 0, 5);
    wait_run(k.rec, k.worker[1], k.query, WAIT_READ, "tcp 10.0.0.5:5432", 0, false, 0, 5);
    struct query q = fixture_query(k.rec);
    wait_detail_fill(&d, &q, row_named(&t, &q, "Pool.acquire")->key);
    must_say(&d, "futex: lock 0x1 held by worker-1 (101) in Pool.acquire");
    must_say(&d, "Threads: MainThread (48211)");
    must_say(&d, "It is held by worker-1 (101), which waits for lock 0x2 held by worker-2");
    must_say(&d, "That is held by worker-2 (102), which waits for tcp 10.0.0.5:5432 (read)");
    must_say(&d, "get_products");
    must_say(&d, "Root blocker: worker-2 (102)");
    assert_false(detail_says(&d, "Deadlock"));
    wait_detail_fill(&d, &q, 12345);
    must_say(&d, "not in the window any more");
    text_lines_clear(&d);

    struct wait_chain c;
    uint32_t links[CHAIN_MAX];
    int cycle;
    wait_chain_at(&c, &q, START_NS + 4 * NS_PER_S);
    assert_int_equal(wait_chain_walk(&c, k.main.n, links, &cycle), 3);
    assert_int_equal(cycle, -1);
    assert_int_equal(links[2], k.worker[1].n);
    assert_int_equal(wait_chain_deadlock(&c, links), 0);
    wait_chain_clear(&c);
    table_clear(&t);
    recording_free(k.rec);
}

static const char *verdict_of(struct table *t, const struct recording *rec, const char *kind)
{
    struct query q = fixture_query(rec);
    table_fill(t, &summary_view, &q);
    size_t r = fixture_find(t, "kind", kind);
    if (r == SIZE_MAX)
        return "";
    assert_string_equal(fixture_text(t, r, "view"), "waits");
    return fixture_text(t, r, "verdict");
}

static void deadlock(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    struct text_lines d = {0};
    wait_run(k.rec, k.main, k.query, WAIT_FUTEX, "lock 0x9", 101, false, 0, 5);
    wait_run(k.rec, k.worker[0], k.acquire, WAIT_FUTEX, "lock 0x1", 102, false, 0, 5);
    wait_run(k.rec, k.worker[1], k.rebuild, WAIT_FUTEX, "lock 0x2", 101, false, 0, 5);
    assert_string_equal(verdict_of(&t, k.rec, "deadlock"),
                        "deadlock: worker-1 waits for worker-2, worker-2 waits for worker-1");
    assert_string_equal(fixture_text(&t, 0, "kind"), "deadlock"); /* it stands first */
    assert_string_equal(fixture_text(&t, 0, "figure"), "2 threads");
    struct query q = fixture_query(k.rec);
    wait_detail_fill(&d, &q, row_named(&t, &q, "get_products")->key);
    must_say(&d, "Deadlock: worker-1 (101) waits for worker-2 (102)");
    must_say(&d, "worker-2 (102) waits for worker-1 (101)");
    assert_false(detail_says(&d, "Root blocker"));
    text_lines_clear(&d);
    /* Over, once one of them goes on. */
    fixture_run(k.rec, k.worker[1], k.rebuild, STATE_RUNNING, WAIT_NONE, 5, 1);
    wait_run(k.rec, k.worker[0], k.acquire, WAIT_FUTEX, "lock 0x1", 102, false, 5, 1);
    assert_string_equal(verdict_of(&t, k.rec, "deadlock"), "");
    table_clear(&t);
    recording_free(k.rec);
}

/* Owners that are read at different moments can seem to go round for a moment. */
static void no_deadlock_at_once(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    wait_run(k.rec, k.worker[0], k.acquire, WAIT_FUTEX, "lock 0x1", 102, false, 0, 5);
    wait_run(k.rec, k.worker[1], k.rebuild, WAIT_FUTEX, "lock 0x3", 103, false, 0, 4.5);
    wait_run(k.rec, k.worker[1], k.rebuild, WAIT_FUTEX, "lock 0x2", 101, false, 4.5, 0.5);
    assert_string_equal(verdict_of(&t, k.rec, "deadlock"), "");
    table_clear(&t);
    recording_free(k.rec);
}

static void verdicts(void **state)
{
    (void)state;
    struct known k = simple_new();
    struct table t = {0};
    assert_string_equal(verdict_of(&t, k.rec, "wait"),
                        "55% of the time 3 threads wait for tcp 10.0.0.5:5432 in get_products()");
    assert_string_equal(verdict_of(&t, k.rec, "lock"), ""); /* 9%: not worth a line */
    wait_run(k.rec, k.main, k.acquire, WAIT_FUTEX, "lock 0x7f10", 104, false, 7, 1);
    assert_string_equal(verdict_of(&t, k.rec, "lock"),
                        "13% of the time 1 thread waits for a lock that worker-4 holds in "
                        "Cache.rebuild()");
    assert_string_equal(verdict_of(&t, k.rec, "gil"), "");
    table_clear(&t);
    recording_free(k.rec);
}

/* None of the rows is worth a line, but what they have in common is: a peer, a lock, a holder. A
 * thread that is in two rows is one. */
static void verdicts_over_functions(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    fixture_run(k.rec, k.worker[3], k.nap, STATE_RUNNING, WAIT_NONE, 0, 10);
    wait_run(k.rec, k.worker[0], k.query, WAIT_READ, "tcp 10.0.0.5:5432", 0, false, 0, 1);
    wait_run(k.rec, k.worker[0], k.acquire, WAIT_POLL, "tcp 10.0.0.5:5432", 0, false, 1, 0.5);
    wait_run(k.rec, k.worker[1], k.rebuild, WAIT_WRITE, "tcp 10.0.0.5:5432", 0, false, 0, 1);
    assert_string_equal(verdict_of(&t, k.rec, "wait"),
                        "20% of the time 2 threads wait for tcp 10.0.0.5:5432, mostly in "
                        "get_products()");
    wait_run(k.rec, k.worker[0], k.acquire, WAIT_FUTEX, "lock 0x1", 104, false, 2, 1);
    wait_run(k.rec, k.worker[1], k.acquire, WAIT_FUTEX, "lock 0x2", 104, false, 2, 1);
    assert_string_equal(verdict_of(&t, k.rec, "lock"),
                        "14% of the time 2 threads wait for locks that worker-4 holds in nap()");
    /* The same lock in the hands of others is more than what one of them holds. */
    fixture_run(k.rec, k.worker[2], k.rebuild, STATE_RUNNING, WAIT_NONE, 3, 1.5);
    wait_run(k.rec, k.timer, k.query, WAIT_FUTEX, "lock 0x1", 103, false, 3, 1);
    wait_run(k.rec, k.main, k.nap, WAIT_FUTEX, "lock 0x1", 103, false, 3, 1.5);
    assert_string_equal(verdict_of(&t, k.rec, "lock"),
                        "19% of the time 3 threads wait for a lock that worker-3 holds in "
                        "Cache.rebuild()");
    /* It is nobody's in particular. */
    for (int i = 0; i < 3; i++)
        wait_run(k.rec, k.timer, k.rebuild, WAIT_FUTEX, "lock 0x7", 102 + i, false, 4 + i, 1.5);
    assert_string_equal(
        verdict_of(&t, k.rec, "lock"),
        "20% of the time 1 thread waits in Cache.rebuild() for a lock that 3 threads "
        "hold in turn");
    table_clear(&t);
    recording_free(k.rec);
}

/* The holder's function is what it does at that time, and not what it does mostly. */
static void gil_holder(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    fixture_run(k.rec, k.main, k.rebuild, STATE_RUNNING, WAIT_NONE, 0, 8);
    fixture_run(k.rec, k.main, k.query, STATE_RUNNING, WAIT_NONE, 8, 2);
    wait_run(k.rec, k.worker[0], k.acquire, WAIT_GIL, "GIL", 48211, false, 8, 2);
    wait_run(k.rec, k.worker[1], k.acquire, WAIT_GIL, "GIL", 48211, false, 8.5, 1.5);
    struct query q = fixture_query(k.rec);
    table_fill(&t, &waits_view, &q);
    assert_string_equal(fixture_text(&t, 0, "wait"), "gil");
    assert_string_equal(fixture_text(&t, 0, "on"), "GIL held by MainThread (48211)");
    assert_string_equal(fixture_text(&t, 0, "about"), "held by get_products (MainThread)");
    assert_string_equal(verdict_of(&t, k.rec, "gil"),
                        "26% of the time threads want the GIL; mostly MainThread holds it, in "
                        "get_products()");
    table_clear(&t);
    recording_free(k.rec);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t stem;
    } cases[] = {{"worker-1", 6}, {"worker-12", 6}, {"worker", 6}, {"pool_3", 4}, {"42", 2},
                 {"", 0},         {"Thread-1 ", 9}, {"a1", 1},     {"--7", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(wait_name_stem(cases[i].name), cases[i].stem);
    struct known k = simple_new();
    struct query q = fixture_query(k.rec);
    struct table t = {0};
    table_fill(&t, &threads_view, &q);
    assert_string_equal(fixture_text(&t, fixture_find(&t, "name", "worker-3"), "group"), "worker");
    assert_string_equal(fixture_text(&t, fixture_find(&t, "name", "timer"), "group"), "timer");
    table_clear(&t);
    recording_free(k.rec);
}

/* A program is its own also where only libraries are expected. */
static void installed_program(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    const char *exe = "/usr/lib/postgresql/15/bin/postgres";
    k.rec->incarnations.at[1].exe = dictionary_string(&k.rec->words, exe);
    struct function_id sleep = fixture_native(k.rec, "ProcSleep", exe, "", 0);
    struct function_id wait = fixture_native(k.rec, "epoll_wait", "/lib/libc.so.6", "", 0);
    const struct place outer[] = {{sleep, 0}}, inner[] = {{wait, 0}};
    struct stack_id stack = fixture_call_native(k.rec, (struct stack_id){0}, outer, 1);
    stack = fixture_call_native(k.rec, stack, inner, 1);
    wait_run(k.rec, k.main, stack, WAIT_EPOLL, "signalfd", 0, false, 0, 1);
    struct query q = fixture_query(k.rec);
    table_fill(&t, &waits_view, &q);
    assert_string_equal(fixture_text(&t, 0, "name"), "ProcSleep");
    fixture_near(fixture_value(&t, 0, "idle")->number, 0); /* it waits for another's lock */
    table_clear(&t);
    recording_free(k.rec);
}

static void idle_by_object(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    wait_run(k.rec, k.worker[0], k.query, WAIT_READ, "tcp 10.0.0.9 (client of port 8080)", 0, false,
             0, 1);
    wait_run(k.rec, k.worker[1], k.query, WAIT_POLL, "tcp 10.0.0.5:5432", 0, false, 0, 1);
    wait_run(k.rec, k.worker[2], k.query, WAIT_POLL, "tcp listener 0.0.0.0:80", 0, false, 0, 1);
    wait_run(k.rec, k.worker[3], k.query, WAIT_FUTEX, "end of thread x", 102, false, 0, 1);
    struct query q = fixture_query(k.rec);
    table_fill(&t, &waits_view, &q);
    fixture_near(
        fixture_value(&t, row_on(&t, "tcp 10.0.0.9 (client of port 8080)"), "idle")->number, 1);
    fixture_near(fixture_value(&t, row_on(&t, "tcp 10.0.0.5:5432"), "idle")->number, 0);
    fixture_near(fixture_value(&t, row_on(&t, "tcp listener 0.0.0.0:80"), "idle")->number, 1);
    fixture_near(fixture_value(&t, row_on(&t, "end of thread x"), "idle")->number, 1);
    table_clear(&t);
    recording_free(k.rec);
}

/* A stack from "function@file" texts, the outermost first. */
static struct stack_id calls(struct recording *rec, const char *const *texts)
{
    struct stack_id stack = {0};
    for (; *texts; texts++) {
        char name[64];
        const char *file = strchr(*texts, '@') + 1;
        snprintf(name, sizeof name, "%.*s", (int)(file - 1 - *texts), *texts);
        stack = fixture_call(rec, stack, fixture_function(rec, name, file, 1), 2);
    }
    return stack;
}

#define PY     "/usr/lib/python3.11/"
#define THREAD "Thread._bootstrap@" PY "threading.py", "Thread.run@" PY "threading.py"
#define LOOP   "BaseEventLoop._run_once@" PY "asyncio/base_events.py"
#define STEP   LOOP, "Handle._run@" PY "asyncio/events.py"
#define GET    "Queue.get@" PY "queue.py", "Condition.wait@" PY "threading.py"
#define SERVED "BaseServer.finish_request@" PY "socketserver.py", "Shop.do_GET@/srv/a.py"
#define RUN    "run@" PY "subprocess.py", "Popen.wait@" PY "subprocess.py"

/* What lies outside of the waiting frames tells whether somebody waits for the wait to end. */
static void idle_by_callers(void **state)
{
    (void)state;
    static const struct {
        const char *stack[8];
        enum wait_kind wait;
        bool idle, blocks;
    } known[] = {
        {{"<module>@/srv/a.py", LOOP, "EpollSelector.select@" PY "selectors.py"},
         WAIT_EPOLL,
         true,
         false},
        {{"<module>@/srv/a.py", STEP, "handler@/srv/a.py"}, WAIT_SLEEP, false, true},
        {{"<module>@/srv/a.py", STEP, "handler@/srv/a.py"}, WAIT_CHILD, false, true},
        /* A loop within a loop waits as loops do, and a thread is in none. */
        {{STEP, "handler@/srv/a.py", LOOP, "EpollSelector.select@" PY "selectors.py"},
         WAIT_EPOLL,
         true,
         false},
        {{THREAD, "Worker.run@/srv/a.py", GET}, WAIT_FUTEX, true, false},
        {{THREAD, SERVED, "Pool.get@/srv/a.py", GET}, WAIT_FUTEX, false, false},
        {{THREAD, SERVED, "Shop.retry@/srv/a.py"}, WAIT_SLEEP, false, false},
        {{THREAD, "Timer.run@/srv/a.py"}, WAIT_SLEEP, true, false},
        {{THREAD, "feed@/srv/a.py", "Queue.put@" PY "queue.py",
          "Condition.wait@" PY "threading.py"},
         WAIT_FUTEX,
         false,
         false},
        {{THREAD, "ask@/srv/a.py", "Future.result@" PY "concurrent/futures/_base.py",
          "Condition.wait@" PY "threading.py"},
         WAIT_FUTEX,
         false,
         false},
        {{THREAD, "ask@/srv/a.py", "Semaphore.acquire@" PY "threading.py",
          "Condition.wait@" PY "threading.py"},
         WAIT_FUTEX,
         false,
         false},
        {{"<module>@/srv/a.py", "main@/srv/a.py", "supervise@/srv/a.py",
          "Popen.wait@" PY "subprocess.py"},
         WAIT_CHILD,
         true,
         false},
        {{"<module>@/srv/a.py", "supervise@/srv/a.py", "deploy@/srv/a.py",
          "Popen.wait@" PY "subprocess.py"},
         WAIT_CHILD,
         false,
         false},
        {{THREAD, "convert@/srv/a.py", RUN}, WAIT_CHILD, false, false},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct recording *rec = fixture_new();
        struct stack_id stack = calls(rec, known[i].stack);
        struct fold fold;
        fold_init(&fold, rec, NATIVE_FOLDED);
        struct stack_id folded = fold_stack(&fold, stack);
        if (wait_is_idle(&fold, known[i].wait, folded, (struct object_id){0}) != known[i].idle ||
            wait_blocks_loop(&fold, folded) != known[i].blocks)
            fail_msg("stack %zu is judged otherwise", i);
        fold_clear(&fold);
        recording_free(rec);
    }
}

/* A loop that is blocked is said so; futexes of several threads, children of a program and a file
 * with other holders are one row each. */
static void rows_of_their_own(void **state)
{
    (void)state;
    struct known k = known_new();
    struct table t = {0};
    struct stack_id nap = calls(k.rec, (const char *[]){STEP, "handler@/srv/a.py", NULL});
    struct stack_id convert = calls(k.rec, (const char *[]){"convert@/srv/a.py", RUN, NULL});
    wait_run(k.rec, k.main, nap, WAIT_SLEEP, "", 0, false, 0, 4);
    for (int i = 0; i < 2; i++) {
        wait_run(k.rec, k.worker[i], k.query, WAIT_FUTEX, "futex 0x10", 0, false, 0, 1);
        wait_run(k.rec, k.worker[i], k.query, WAIT_FUTEX, "futex 0x20", 0, false, 1, 1);
        wait_run(k.rec, k.worker[i], convert, WAIT_CHILD,
                 i ? "child 7 (convert)" : "child 8 (convert)", 0, false, 2, 1);
        wait_run(k.rec, k.worker[i], k.acquire, WAIT_FLOCK,
                 i ? "/srv/x held by a (7)" : "/srv/x held by b (8)", 0, false, 3, 1);
    }
    struct query q = fixture_query(k.rec);
    table_fill(&t, &waits_view, &q);
    fixture_near(fixture_number(&t, row_on(&t, "blocks the event loop"), "wait_s"), 4);
    fixture_near(fixture_number(&t, row_on(&t, "futex 0x10"), "wait_s"), 2);
    fixture_near(fixture_number(&t, row_on(&t, "futex 0x20"), "wait_s"), 2);
    fixture_near(fixture_number(&t, row_on(&t, "child 8 (convert) and 1 other"), "wait_s"), 2);
    fixture_near(fixture_number(&t, row_on(&t, "/srv/x held by b (8) and 1 other"), "wait_s"), 2);
    assert_string_equal(verdict_of(&t, k.rec, "loop"),
                        "33% of the time a wait blocks the event loop: sleep in handler()");
    table_clear(&t);
    recording_free(k.rec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups),
        cmocka_unit_test(one_thread),
        cmocka_unit_test(runnable),
        cmocka_unit_test(lengths),
        cmocka_unit_test(lengths_folded),
        cmocka_unit_test(futexes),
        cmocka_unit_test(chain_to_the_root),
        cmocka_unit_test(deadlock),
        cmocka_unit_test(no_deadlock_at_once),
        cmocka_unit_test(verdicts),
        cmocka_unit_test(verdicts_over_functions),
        cmocka_unit_test(gil_holder),
        cmocka_unit_test(names),
        cmocka_unit_test(installed_program),
        cmocka_unit_test(idle_by_object),
        cmocka_unit_test(idle_by_callers),
        cmocka_unit_test(rows_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
