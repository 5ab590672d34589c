/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Native stacks of programs whose chain of calls is known: running and blocked, with and without
 * optimisation and frame pointers, through signal handlers, JIT code and deep recursion.
 */
#include "native_test.h"

#include <sys/syscall.h>

#include "native/demangle.h"
#include "native/symbols.h"
#include "native/unwind.h"

#define FRAMES  512
#define MODULES 64

struct walked {
    struct unwinder *unwinder;
    struct native_frame at[FRAMES];
    size_t n;
    enum walk_end end;
    uint32_t elided;
    struct symbols *symbols[MODULES];
    struct symbol symbol;
};

static struct capture capture;
static struct walked walked;

static void walk_of(pid_t pid, struct walked *w, const struct capture *c, size_t max)
{
    memset(w, 0, sizeof *w);
    w->unwinder = unwinder_new(pid);
    w->n = unwinder_walk(w->unwinder, c, w->at, max, &w->end, &w->elided);
}

static void walked_free(struct walked *w)
{
    for (size_t i = 0; i < MODULES; i++)
        symbols_free(w->symbols[i]);
    unwinder_free(w->unwinder);
    memset(w, 0, sizeof *w);
}

/* The file that a frame lies in; "" for none. */
static const char *path_at(const struct walked *w, size_t i)
{
    uint32_t m = w->at[i].module;
    return m == NATIVE_NO_MODULE ? "" : unwinder_module(w->unwinder, m)->path;
}

/* Borrowed until the next call. */
static const char *name_at(struct walked *w, pid_t pid, size_t i)
{
    uint32_t m = w->at[i].module;
    if (m == NATIVE_NO_MODULE)
        return "";
    assert_true(m < MODULES && m < unwinder_module_count(w->unwinder));
    const struct native_module *module = unwinder_module(w->unwinder, m);
    if (!w->symbols[m])
        w->symbols[m] = symbols_open(pid, module->path, module->build_id, NULL);
    return symbols_find(w->symbols[m], w->at[i].offset, &w->symbol) ? w->symbol.name : "?";
}

static void print_walk(struct walked *w, pid_t pid)
{
    for (size_t i = 0; i < w->n; i++)
        print_message("#   %zu %s 0x%llx\n", i, name_at(w, pid, i),
                      (unsigned long long)w->at[i].offset);
}

/* The functions named stand in the stack one after the other, innermost first. */
static void assert_chain(struct walked *w, pid_t pid, const char *const *names)
{
    size_t at = 0;
    while (at < w->n && strcmp(name_at(w, pid, at), names[0]))
        at++;
    for (size_t i = 0; names[i]; i++) {
        if (at + i >= w->n || strcmp(name_at(w, pid, at + i), names[i])) {
            print_message("# expected %s\n", names[i]);
            print_walk(w, pid);
            fail();
        }
    }
}

static const char *const flags[] = {
    "-O2 -g",
    "-O0 -g",
    "-O2 -g -fno-omit-frame-pointer",
    "-O3 -g -static",
    "-Os -g -fcf-protection=none -mno-red-zone",
};
#define N_FLAGS (sizeof flags / sizeof *flags)
static char *programs[N_FLAGS];

static char *program(size_t i)
{
    if (!programs[i])
        programs[i] = build("cc", "native_chain.c", flags[i]);
    return programs[i];
}

static void check_running(const char *mode, const char *arg, const char *const *names, size_t max)
{
    for (size_t i = 0; i < N_FLAGS; i++) {
        char *argv[] = {program(i), (char *)mode, (char *)arg, NULL};
        struct running r = run(argv);
        wait_ready(r);
        uint64_t until = clock_mono_ns() + WAIT_LIMIT_NS;
        for (;;) { /* until it has got there */
            capture_stopped(r.pid, &capture);
            walk_of(r.pid, &walked, &capture, max);
            if (walked.n && !strcmp(name_at(&walked, r.pid, 0), "spin_here"))
                break;
            walked_free(&walked);
            assert_true(clock_mono_ns() < until);
        }
        assert_chain(&walked, r.pid, names);
        assert_int_equal(walked.end, walked.elided ? WALK_DEEP : WALK_COMPLETE);
        assert_string_equal(name_at(&walked, r.pid, walked.n - 1), "_start");
        if (strcmp(mode, "deep") == 0)
            assert_true(walked.elided > 0);
        walked_free(&walked);
        end(r);
    }
}

static void test_running(void **state)
{
    (void)state;
    static const char *const names[] = {"spin_here", NULL};
    static const char *const callers[] = {"inner", "middle", "outer", "main", NULL};
    check_running("spin", NULL, names, FRAMES);
    check_running("spin", NULL, callers, FRAMES);
}

static void test_signal_handler(void **state)
{
    (void)state;
    static const char *const names[] = {"spin_here", "in_handler", NULL};
    static const char *const callers[] = {"inner", "middle", "outer", "main", NULL};
    check_running("signal", NULL, names, FRAMES);
    check_running("signal", NULL, callers, FRAMES);
}

static void test_realigned_frame(void **state)
{
    (void)state;
    static const char *const names[] = {
        "spin_here", "with_realigned_frame", "inner", "middle", "outer", "main", NULL};
    check_running("realign", NULL, names, FRAMES);
}

static void test_deep_keeps_both_ends(void **state)
{
    (void)state;
    static const char *const inner[] = {"spin_here", "recurse", "recurse", NULL};
    static const char *const outer[] = {"recurse", "recurse", "inner", "middle",
                                        "outer",   "main",    NULL};
    check_running("deep", "3000", inner, 40);
    /* assert_chain finds the first of a name: so look for the way out from the last recursion. */
    check_running("deep", "3000", outer + 2, 40);
}

static void test_deeper_than_the_capture(void **state)
{
    (void)state;
    char *argv[] = {program(0), "deep", "6000", NULL};
    struct running r = run(argv);
    wait_ready(r);
    uint64_t until = clock_mono_ns() + WAIT_LIMIT_NS;
    for (;;) {
        capture_stopped(r.pid, &capture);
        walk_of(r.pid, &walked, &capture, 100);
        if (walked.elided >= 5900 && walked.end == WALK_DEEP)
            break;
        walked_free(&walked);
        assert_true(clock_mono_ns() < until);
    }
    assert_true(unwinder_stats(walked.unwinder).remote_reads > 0);
    assert_int_equal(walked.n, 100);
    walked_free(&walked);
    end(r);
}

static void test_vdso(void **state)
{
    (void)state;
    static const char *const names[] = {"watch_clock", "inner", "middle", "outer", "main", NULL};
    char *argv[] = {program(0), "clock", NULL};
    struct running r = run(argv);
    wait_ready(r);
    uint64_t until = clock_mono_ns() + WAIT_LIMIT_NS;
    for (;;) {
        capture_stopped(r.pid, &capture);
        walk_of(r.pid, &walked, &capture, FRAMES);
        /* Some of its code is in functions that have no symbol. */
        if (!strcmp(path_at(&walked, 0), "[vdso]") &&
            strstr(name_at(&walked, r.pid, 0), "clock_gettime"))
            break;
        walked_free(&walked);
        assert_true(clock_mono_ns() < until);
    }
    assert_int_equal(walked.end, WALK_COMPLETE);
    assert_chain(&walked, r.pid, names);
    walked_free(&walked);
    end(r);
}

/* A library that is loaded after the first walk. */
static void test_dlopen(void **state)
{
    (void)state;
    static const char *const names[] = {"inner", "middle", "outer", "run_plugin", NULL};
    char *library = build("cc", "native_chain.c", "-O2 -g -shared -fPIC");
    char *argv[] = {program(0), "plugin", library, NULL};
    struct running r = run(argv);
    wait_ready(r);
    capture_blocked(r.pid, SYS_read, &capture);
    walk_of(r.pid, &walked, &capture, FRAMES);
    assert_int_equal(walked.end, WALK_COMPLETE);
    assert_int_equal(write(r.in, "\n", 1), 1);
    uint64_t until = clock_mono_ns() + WAIT_LIMIT_NS;
    for (;;) {
        capture_stopped(r.pid, &capture);
        walked.n = unwinder_walk(walked.unwinder, &capture, walked.at, FRAMES, &walked.end,
                                 &walked.elided);
        if (walked.end == WALK_COMPLETE && !strcmp(path_at(&walked, 0), library))
            break;
        assert_true(clock_mono_ns() < until);
    }
    assert_chain(&walked, r.pid, names);
    walked_free(&walked);
    end(r);
    free(library);
}

struct wait {
    const char *mode;
    long number;
};
static const struct wait waits[] = {{"nanosleep", SYS_clock_nanosleep},
                                    {"read", SYS_read},
                                    {"futex", SYS_futex},
                                    {"poll", SYS_poll}};

static void test_blocked_in_place(void **state)
{
    (void)state;
    static const char *const names[] = {"block", "inner", "middle", "outer", "main", NULL};
    static struct walked whole;
    for (size_t i = 0; i < N_FLAGS; i++)
        for (size_t j = 0; j < sizeof waits / sizeof *waits; j++) {
            char *argv[] = {program(i), (char *)waits[j].mode, NULL};
            struct running r = run(argv);
            wait_ready(r);
            capture_blocked(r.pid, waits[j].number, &capture);
            walk_of(r.pid, &walked, &capture, FRAMES);
            assert_chain(&walked, r.pid, names);
            assert_int_equal(walked.end, WALK_COMPLETE);
            capture_stopped(r.pid, &capture);
            walk_of(r.pid, &whole, &capture, FRAMES);
            assert_int_equal(whole.end, WALK_COMPLETE);
            assert_int_equal(walked.n, whole.n);
            assert_memory_equal(walked.at, whole.at, whole.n * sizeof *whole.at);
            walked_free(&walked);
            walked_free(&whole);
            end(r);
        }
}

/* capture.more of one that has them all, and of one that has none. */
static bool whole_registers(void *of, uint64_t regs[DWARF_COUNT])
{
    memcpy(regs, ((const struct capture *)of)->regs, sizeof capture.regs);
    return true;
}

static bool no_registers(void *of, uint64_t regs[DWARF_COUNT])
{
    (void)of, (void)regs;
    return false;
}

/* Where somebody has the registers that a walk turns out to need, nothing is guessed. */
static void test_blocked_with_more_registers(void **state)
{
    (void)state;
    static struct capture stopped;
    static struct walked whole;
    for (size_t i = 0; i < 3; i++) {
        char *argv[] = {program(i), "futex", NULL};
        struct running r = run(argv);
        wait_ready(r);
        capture_blocked(r.pid, SYS_futex, &capture);
        capture_stopped(r.pid, &stopped);
        walk_of(r.pid, &whole, &stopped, FRAMES);
        for (int has = 0; has < 2; has++) {
            capture.more = has ? whole_registers : no_registers;
            capture.more_of = &stopped;
            walk_of(r.pid, &walked, &capture, FRAMES);
            struct unwind_stats stats = unwinder_stats(walked.unwinder);
            assert_int_equal(walked.end, WALK_COMPLETE);
            assert_int_equal(walked.n, whole.n);
            assert_memory_equal(walked.at, whole.at, whole.n * sizeof *whole.at);
            if (i == 1) /* -O0 goes by rbp */
                assert_int_equal(has ? stats.given : stats.recovered, 1);
            assert_int_equal(has ? stats.recovered : stats.given, 0);
            walked_free(&walked);
        }
        capture.more = NULL;
        walked_free(&whole);
        end(r);
    }
}

/* Walks through garbage: neither crash nor hang, and the innermost frame is kept. */
static void test_garbage_stack(void **state)
{
    (void)state;
    char *argv[] = {program(1), "spin", NULL};
    struct running r = run(argv);
    wait_ready(r);
    capture_stopped(r.pid, &capture);
    unsigned seed = 1;
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < capture.stack_size; i++)
            if (rand_r(&seed) % 16 == 0)
                capture.stack[i] = (uint8_t)rand_r(&seed);
        if (round % 3 == 0)
            capture.regs[rand_r(&seed) % DWARF_COUNT] = (uint64_t)rand_r(&seed);
        if (round % 7 == 0)
            capture.stack_size /= 2;
        walk_of(r.pid, &walked, &capture, 32);
        assert_in_range(walked.n, 1, 32);
        walked_free(&walked);
    }
    end(r);
}

static void test_target_gone(void **state)
{
    (void)state;
    char *argv[] = {program(0), "spin", NULL};
    struct running r = run(argv);
    wait_ready(r);
    capture_stopped(r.pid, &capture);
    end(r);
    walk_of(r.pid, &walked, &capture, FRAMES);
    assert_int_equal(walked.n, 1);
    assert_int_equal(walked.end, WALK_CUT);
    walked_free(&walked);
}

static void test_cost(void **state)
{
    (void)state;
    enum { ROUNDS = 20000 };
    for (size_t i = 0; i < 2; i++) {
        char *argv[] = {program(i), "deep", "60", NULL};
        struct running r = run(argv);
        wait_ready(r);
        uint64_t until = clock_mono_ns() + WAIT_LIMIT_NS;
        for (;;) {
            capture_stopped(r.pid, &capture);
            walk_of(r.pid, &walked, &capture, FRAMES);
            if (walked.n > 60)
                break;
            walked_free(&walked);
            assert_true(clock_mono_ns() < until);
        }
        uint64_t asked = unwinder_stats(walked.unwinder).asked, from = clock_cpu_ns();
        for (int round = 0; round < ROUNDS; round++)
            unwinder_walk(walked.unwinder, &capture, walked.at, FRAMES, &walked.end,
                          &walked.elided);
        double ns = (double)(clock_cpu_ns() - from) / ROUNDS;
        print_message("# %s: %zu frames in %.2f us, %.3f us a frame; libunwind asked %llu times\n",
                      flags[i], walked.n, ns / 1000, ns / 1000 / (double)walked.n,
                      (unsigned long long)asked);
        assert_int_equal(unwinder_stats(walked.unwinder).asked, asked);
        walked_free(&walked);
        end(r);
    }
}

static void test_node_jit(void **state)
{
    (void)state;
    if (system("command -v node >/dev/null")) {
        print_message("# no node on this machine\n");
        skip();
    }
    char *argv[] = {"node", "-e",
                    "function hot(n){let s=0;for(let i=0;i<n;i++)s+=Math.sqrt(i^s);return s}"
                    "function caller(n){return hot(n)+1}"
                    "console.log('ready');for(;;)caller(100000)",
                    NULL};
    struct running r = run(argv);
    wait_ready(r);
    uint64_t until = clock_mono_ns() + WAIT_LIMIT_NS;
    struct unwinder *u = unwinder_new(r.pid);
    int through = 0, tries = 0;
    while (through < 20) {
        static struct native_frame frames[FRAMES];
        enum walk_end how;
        uint32_t elided;
        capture_stopped(r.pid, &capture);
        size_t n = unwinder_walk(u, &capture, frames, FRAMES, &how, &elided);
        bool jit = false;
        for (size_t i = 0; i < n; i++)
            jit |= frames[i].module == NATIVE_NO_MODULE;
        through += jit && how == WALK_COMPLETE;
        tries += jit; /* not while it is still starting */
        assert_true(clock_mono_ns() < until);
    }
    print_message("# %d of %d stacks complete through JIT code\n", through, tries);
    assert_true(through * 10 >= tries * 8);
    unwinder_free(u);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running),
        cmocka_unit_test(test_signal_handler),
        cmocka_unit_test(test_realigned_frame),
        cmocka_unit_test(test_deep_keeps_both_ends),
        cmocka_unit_test(test_deeper_than_the_capture),
        cmocka_unit_test(test_vdso),
        cmocka_unit_test(test_dlopen),
        cmocka_unit_test(test_blocked_in_place),
        cmocka_unit_test(test_blocked_with_more_registers),
        cmocka_unit_test(test_garbage_stack),
        cmocka_unit_test(test_target_gone),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_node_jit),
    };
    int failed = cmocka_run_group_tests_name("native_unwind", tests, make_folder, remove_folder);
    for (size_t i = 0; i < N_FLAGS; i++)
        free(programs[i]);
    return failed;
}
