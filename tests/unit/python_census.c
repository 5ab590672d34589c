/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The census of real interpreters' heaps, one of each version found, against what the program
 * itself says of its objects (tests/programs/python_heap.py), and against objects that it planted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "python/census.h"
#include "python/holders.h"
#include "python/types.h"
#include "target/maps.h"
#include "python_program.h"

#define PLANTED 10000
#define BLOBS   (PLANTED / 4 + 20)

static const struct heap_limits limits = {
    .rows_max = 100000, .containers_max = 20, .container_min = 1000};

static const struct heap_row *row_of(const struct heap_count *count, const char *type)
{
    for (size_t i = 0; i < count->rows.n; i++)
        if (!strcmp(count->rows.at[i].type, type))
            return &count->rows.at[i];
    return NULL;
}

static uint64_t count_of(const struct heap_count *count, const char *type)
{
    const struct heap_row *row = row_of(count, type);
    return row ? row->count : 0;
}

static void ask(struct program *p, char what)
{
    assert_int_equal(write(p->in, &what, 1), 1);
}

static void wait_blocked(struct program *p)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)p->pid);
    for (int i = 0; i < 50000; i++) {
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        size_t n = fread(text, 1, sizeof text - 1, f);
        text[n] = '\0';
        fclose(f);
        if (!strncmp(text, "0 0x0 ", 6)) /* read(0, ...) */
            return;
        usleep(100);
    }
    fail_msg("it does not read its standard input: %s", text);
}

static void take(struct program *p, struct heap_count *count)
{
    struct err err = {""};
    if (!python_census(p->pid, &limits, count, &err))
        fail_msg("no census: %s", err.text);
    if (count->why_partial && !count->swapped_bytes)
        fail_msg("partial: %s", count->why_partial);
}

/* Has the program answer, which goes on to be read, and counts when it waits for the next question.
 */
static void answered(struct program *p, struct heap_count *count)
{
    ask(p, '\n');
    assert_int_equal(fgetc(p->out), '_'); /* "__main__..." */
    ungetc('_', p->out);
    wait_blocked(p);
    take(p, count);
}

/* Reads the program's lines and compares each with the count of its type. */
static void compare(struct program *p, const struct heap_count *count)
{
    char line[512] = "";
    size_t types = 0;
    while (fgets(line, sizeof line, p->out) && line[0] != '\n') {
        char *number = strrchr(line, ' ');
        assert_non_null(number);
        *number++ = '\0';
        uint64_t want = strtoull(number, NULL, 10), have = count_of(count, line);
        types++;
        if (!strcmp(line, "frame")) /* to 3.10: its own, which goes on */
            continue;
        if (want != have)
            fail_msg("%s: %llu, not %llu", line, (unsigned long long)have,
                     (unsigned long long)want);
    }
    if (types <= 30)
        fail_msg("only %zu types, and then \"%s\"", types, line);
}

static void test_paused(void **state)
{
    struct program p = start_with(*state, "python_heap.py", NULL);
    struct heap_count count;
    char line[512];
    ask(&p, '\n'); /* once before, so that answering leaves nothing new behind */
    while (fgets(line, sizeof line, p.out) && line[0] != '\n')
        continue;
    answered(&p, &count);
    compare(&p, &count);
    assert_true(count_of(&count, "tuple") >= PLANTED + PLANTED / 10);
    assert_true(count_of(&count, "dict") >= PLANTED);
    assert_true(count_of(&count, "str") >= PLANTED);
    assert_true(row_of(&count, "__main__.Blob")->size_bytes >= 10000ull * PLANTED / 4);
    assert_true(count.containers.n > 4);
    assert_string_equal(count.containers.at[0].type, "bytearray");
    assert_int_equal(count.containers.at[0].length, 80000);
    assert_string_equal(count.containers.at[1].type, "set");
    assert_int_equal(count.containers.at[1].length, 70000);
    assert_string_equal(count.containers.at[2].type, "dict");
    assert_int_equal(count.containers.at[2].length, 60000);
    assert_string_equal(count.containers.at[3].type, "collections.deque");
    assert_int_equal(count.containers.at[3].length, 50000);
    heap_count_clear(&count);
    stop(p);
}

/* While it makes and drops objects as fast as it can. */
static void test_running(void **state)
{
    static const char *const steady[] = {"Order", "Slotted", "Empty", "Text",
                                         "Blob",  "Number",  "Real"};
    struct program p = start_with(*state, "python_heap.py", NULL);
    struct heap_count count;
    ask(&p, 'c');
    assert_int_equal(fgetc(p.out), '\n');
    for (int i = 0; i < 3; i++) {
        take(&p, &count);
        for (size_t k = 0; k < sizeof steady / sizeof *steady; k++) {
            char name[64];
            snprintf(name, sizeof name, "__main__.%s", steady[k]);
            double want = !strcmp(steady[k], "Blob") ? BLOBS : PLANTED;
            double have = (double)count_of(&count, name);
            if (have < want * 0.995 || have > want * 1.005)
                fail_msg("%s: %.0f, not %.0f", name, have, want);
        }
        assert_true(count_of(&count, "list") < 12 * PLANTED / 10);
        heap_count_clear(&count);
    }
    stop(p);
}

static void test_frozen(void **state)
{
    struct program p = start_with(*state, "python_heap.py", "frozen");
    struct heap_count count;
    answered(&p, &count);
    assert_int_equal(count_of(&count, "__main__.Order"), PLANTED);
    assert_int_equal(count_of(&count, "__main__.Wide"), PLANTED / 10);
    heap_count_clear(&count);
    stop(p);
}

/* PYTHONMALLOC: without pymalloc, and with what the debug hooks put around each block. */
static void test_allocator(void **state)
{
    const char *version = strchr(*state, ' ') + 1;
    char kind[32];
    snprintf(kind, sizeof kind, "%.*s", (int)(version - 1 - (const char *)*state),
             (const char *)*state);
    skip_without(version);
    setenv("PYTHONMALLOC", kind, 1);
    struct program p = start_with(version, "python_heap.py", NULL);
    unsetenv("PYTHONMALLOC");
    struct heap_count count;
    answered(&p, &count);
    assert_int_equal(count_of(&count, "__main__.Order"), PLANTED);
    assert_int_equal(count_of(&count, "__main__.Wide"), PLANTED / 10);
    assert_int_equal(count_of(&count, "__main__.InThread"), PLANTED / 10);
    assert_int_equal(count_of(&count, "__main__.Blob"), BLOBS);
    assert_int_equal(count_of(&count, "__main__.Real"), PLANTED);
    heap_count_clear(&count);
    stop(p);
}

/* An allocator whose blocks are not known: what there is was not counted, and that is said. */
static void test_unknown_allocator(void **state)
{
    skip_without(*state);
    setenv("PYTHONMALLOC", "mimalloc", 1);
    struct program p = start(*state, "python_busy.py");
    unsetenv("PYTHONMALLOC");
    struct heap_count count;
    assert_true(python_census(p.pid, &limits, &count, NULL));
    assert_true(count.flags & HEAP_PARTIAL);
    assert_non_null(strstr(count.why_partial, "allocator"));
    heap_count_clear(&count);
    stop(p);
}

static bool stop_at_once(void *context, int permille)
{
    assert_in_range(permille, 0, 1000);
    ++*(int *)context;
    return true;
}

static void test_limits(void **state)
{
    int asked = 0;
    struct heap_limits few = limits, stopped = limits, bytes = limits;
    struct program p = start_with(*state, "python_heap.py", NULL);
    struct heap_count count;
    ask(&p, '\n');
    assert_int_equal(fgetc(p.out), '_');
    few.rows_max = 3;
    few.containers_max = 2;
    assert_true(python_census(p.pid, &few, &count, NULL));
    assert_int_equal(count.rows.n, 4);
    assert_int_equal(count.containers.n, 2);
    assert_true(count_of(&count, "[other types]") > 1000);
    heap_count_clear(&count);
    stopped.stop = stop_at_once;
    stopped.context = &asked;
    assert_true(python_census(p.pid, &stopped, &count, NULL));
    assert_int_equal(asked, 1);
    assert_true(count.flags & HEAP_PARTIAL);
    assert_non_null(count.why_partial);
    heap_count_clear(&count);
    bytes.read_bytes_max = 1 << 20;
    assert_true(python_census(p.pid, &bytes, &count, NULL));
    assert_true(count.flags & HEAP_PARTIAL);
    heap_count_clear(&count);
    stop(p);
}

/* Memory that misleads: anything may be said of it, but it ends, and real objects are there. */
static void test_hostile(void **state)
{
    struct program p = start(*state, "python_hostile.py");
    struct heap_count count;
    struct err err = {""};
    struct holders_answer answer;
    struct holders_question q = {.type = "__main__.Real"};
    assert_true(python_census(p.pid, &limits, &count, &err));
    assert_in_range(count_of(&count, "__main__.Real"), 1000, 20000);
    heap_count_clear(&count);
    python_holders(p.pid, &q, &answer, &err);
    holders_answer_clear(&answer);
    stop(p);
}

/* What each interpreter of a process has in its heap is counted, whether that is one or many. */
static void test_interpreters(void **state)
{
    struct program p = start(*state, "python_interpreters.py");
    struct heap_count count;
    take(&p, &count);
    assert_int_equal(count_of(&count, "__main__.Planted"), 2000);
    heap_count_clear(&count);
    stop(p);
}

/* A program that stands low has its heap below 4 GiB: an address there, or its hash, looks like a
 * large reference count, in 3.12 and later like an immortal object's (1 of 70 runs of "paused"). */
static void test_alive(void **state)
{
    (void)state;
    const uint64_t heap = 0x403c0000, size = 1 << 20;
    void *at = mmap((void *)heap, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    assert_int_equal((uintptr_t)at, heap);
    struct runtime runtime = {.layout = {.minor = 13}};
    struct maps maps;
    maps_init(&maps);
    assert_true(maps_read(&maps, getpid(), NULL, NULL));
    struct types t = {.runtime = &runtime, .maps = &maps};
    assert_false(types_alive(&t, 0));
    assert_true(types_alive(&t, 1));
    assert_true(types_alive(&t, 0x3fffff));
    assert_true(types_alive(&t, 0x5000000)); /* None, in old and large programs */
    assert_false(types_alive(&t, heap + 0x5d90));
    assert_false(types_alive(&t, (heap + 0x5d90) >> 4));
    assert_true(types_alive(&t, 0xffffffff));
    assert_false(types_alive(&t, 0x7f353f834518));
    assert_false(types_alive(&t, 0x10000c0000000));
    runtime.layout.minor = 14;
    assert_true(types_alive(&t, 0x10000c0000000));
    assert_true(types_alive(&t, 0x50000c0000000));
    assert_false(types_alive(&t, 0x7f353f834518));
    maps_clear(&maps);
    assert_int_equal(munmap(at, size), 0);
}

static void test_no_python(void **state)
{
    (void)state;
    struct heap_count count;
    struct err err = {""};
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    assert_false(python_census(child, &limits, &count, &err));
    if (!strstr(err.text, "no Python"))
        fail_msg("%s", err.text);
    heap_count_clear(&count);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    err.text[0] = '\0';
    assert_false(python_census(0x7ffffffe, &limits, &count, &err));
    assert_true(err.text[0]);
    heap_count_clear(&count);
}

#define PAUSED(version)                                                                            \
    {                                                                                              \
        "paused " version, test_paused, NULL, NULL, (void *)version                                \
    }
#define RUNNING(version)                                                                           \
    {                                                                                              \
        "running " version, test_running, NULL, NULL, (void *)version                              \
    }
#define MALLOC(version)                                                                            \
    {                                                                                              \
        "allocator " version, test_allocator, NULL, NULL, (void *)version                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_EVERY_PYTHON(PAUSED),
        RUNNING("3.8"),
        RUNNING("3.12"),
        RUNNING("root 3.15"),
        MALLOC("malloc 3.8"),
        MALLOC("debug 3.9"),
        MALLOC("debug root 3.14"),
        MALLOC("malloc_debug root 3.15"),
        MALLOC("malloc 3.12"),
        {"mimalloc 3.14", test_unknown_allocator, NULL, NULL, (void *)"root 3.14"},
        {"frozen 3.11", test_frozen, NULL, NULL, (void *)"3.11"},
        {"hostile 3.8", test_hostile, NULL, NULL, (void *)"3.8"},
        {"hostile 3.12", test_hostile, NULL, NULL, (void *)"3.12"},
        {"hostile 3.15", test_hostile, NULL, NULL, (void *)"root 3.15"},
        {"interpreters 3.8", test_interpreters, NULL, NULL, (void *)"3.8"},
        {"interpreters 3.12", test_interpreters, NULL, NULL, (void *)"3.12"},
        {"interpreters root 3.15", test_interpreters, NULL, NULL, (void *)"root 3.15"},
        {"alive", test_alive, NULL, NULL, NULL},
        {"limits", test_limits, NULL, NULL, (void *)"/usr/bin/python3"},
        {"no python", test_no_python, NULL, NULL, NULL},
    };
    return cmocka_run_group_tests_name("python_census", tests, NULL, NULL);
}
