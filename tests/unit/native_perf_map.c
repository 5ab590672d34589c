/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of code that a process compiles: the map's rules on maps made here (for a process that does
 * nothing else), lying and broken maps, and the real ones of node and CPython.
 */
#include "native_test.h"

#include <glob.h>

#include "base/map.h"
#include "native/perf_map.h"
#include "native/unwind.h"

#define FRAMES   256
#define LATER_NS (3600 * NS_PER_S) /* whatever was to be waited for has passed */

static struct capture capture;
static uint64_t asked_ns;

struct sleeper {
    struct running running;
    char *path;
};

static struct sleeper sleeper_start(void)
{
    char *argv[] = {"sleep", "1000", NULL};
    struct sleeper s = {.running = run(argv)};
    s.path = xasprintf("/tmp/perf-%d.map", (int)s.running.pid);
    return s;
}

static void sleeper_end(struct sleeper *s)
{
    unlink(s->path);
    free(s->path);
    end(s->running);
}

static void write_map(const struct sleeper *s, const char *mode, const char *text, size_t size)
{
    FILE *f = fopen(s->path, mode);
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void say(const struct sleeper *s, const char *mode, const char *text)
{
    write_map(s, mode, text, strlen(text));
}

/* The name at an address, "" if there is none; the file has been looked at again. */
static const char *name_at(struct perf_map *m, uint64_t addr)
{
    static struct perf_map_name name;
    struct perf_map_code code;
    asked_ns += LATER_NS;
    if (!perf_map_find(m, addr, asked_ns, &code))
        return "";
    assert_true(addr >= code.start && addr - code.start < code.size);
    perf_map_describe(m, &code, &name);
    return name.name;
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *said, *name, *file;
        uint32_t line;
    } rows[] = {
        {"JS:*countPrimes /srv/a b/x.js:1:21", "countPrimes", "/srv/a b/x.js", 1},
        {"LazyCompile:~get area file:///srv/x.mjs:12:3", "get area", "/srv/x.mjs", 12},
        {"JS:^ /srv/x.js:12:15", "(anonymous)", "/srv/x.js", 12},
        {"JS:+processImmediate node:internal/timers:438:26", "processImmediate",
         "node:internal/timers", 438},
        {"Function:noFile", "noFile", "", 0},
        {"Builtin:ArrayMap", "Builtin:ArrayMap", "", 0},
        {"RegExp:a /b:1:2", "RegExp:a /b:1:2", "", 0},
        {"py::Cache.get.<locals>.f:/srv/x.py", "Cache.get.<locals>.f", "/srv/x.py", 0},
        {"py::f:<string>", "f", "", 0},
        {"py::broken", "py::broken", "", 0},
        {"Ljava/lang/String;::equals", "Ljava/lang/String;::equals", "", 0},
        {"_ZN2ns3Foo3barEv", "ns::Foo::bar", "", 0},
        {"odd\x01\xff", "odd??", "", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct perf_map_name name;
        perf_map_parse_name(rows[i].said, &name);
        assert_string_equal(name.name, rows[i].name);
        assert_string_equal(name.file, rows[i].file);
        assert_int_equal(name.line, rows[i].line);
    }
}

/* Code that is thrown away, a line that is half written, a map that is begun anew. */
static void test_growing(void **state)
{
    (void)state;
    struct sleeper s = sleeper_start();
    struct perf_map *m = perf_map_new(s.running.pid);
    assert_string_equal(name_at(m, 0x1000), "");
    say(&s, "we", "1000 100 JS:*one /x.js:1:1\n2000 10 two\n0x3000 0x10 thr");
    assert_string_equal(name_at(m, 0x1000), "one");
    assert_string_equal(name_at(m, 0x10ff), "one");
    assert_string_equal(name_at(m, 0x1100), "");
    assert_string_equal(name_at(m, 0x3000), "");
    say(&s, "ae", "ee\n");
    assert_string_equal(name_at(m, 0x3000), "three");
    struct perf_map_code before, after;
    assert_true(perf_map_find(m, 0x2000, asked_ns, &before));
    say(&s, "ae", "10f0 f20 over both\n");
    assert_string_equal(name_at(m, 0x2000), "over both");
    assert_string_equal(name_at(m, 0x1000), ""); /* it was thrown away */
    assert_int_equal(perf_map_count(m), 2);
    assert_true(perf_map_find(m, 0x2000, asked_ns, &after));
    assert_true(before.key != after.key);
    say(&s, "we", "2000 10 anew\n");
    assert_string_equal(name_at(m, 0x2000), "anew");
    assert_string_equal(name_at(m, 0x3000), "");
    unlink(s.path);
    assert_string_equal(name_at(m, 0x2000), "anew"); /* the file is still there for us */
    say(&s, "we", "2000 10 another file\n");
    assert_string_equal(name_at(m, 0x2000), "another file");
    perf_map_free(m);
    sleeper_end(&s);
}

/* It is not looked at more often than its cost allows. */
static void test_pauses(void **state)
{
    (void)state;
    struct sleeper s = sleeper_start();
    struct perf_map_code code;
    uint64_t now_ns = NS_PER_S;
    say(&s, "we", "1000 100 one\n");
    struct perf_map *m = perf_map_new(s.running.pid);
    assert_true(perf_map_find(m, 0x1000, now_ns, &code));
    say(&s, "ae", "2000 100 two\n");
    assert_false(perf_map_find(m, 0x2000, now_ns + NS_PER_MS, &code));
    assert_true(perf_map_find(m, 0x2000, now_ns + NS_PER_S, &code));
    perf_map_free(m);
    sleeper_end(&s);
}

/* The map is where the process itself sees /tmp. */
static void test_chroot(void **state)
{
    (void)state;
    int fds[2];
    if (geteuid() != 0) {
        print_message("# needs root, for chroot\n");
        skip();
    }
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(chroot(test_folder) == 0 && write(fds[1], "r", 1) == 1 ? pause() : 1);
    }
    char c;
    assert_int_equal(read(fds[0], &c, 1), 1);
    assert_int_equal(shell("mkdir -p '%s/tmp' && echo '1000 100 py::f:/srv/x.py' > "
                           "'%s/tmp/perf-%d.map'",
                           test_folder, test_folder, (int)pid),
                     0);
    struct perf_map *m = perf_map_new(pid);
    assert_string_equal(name_at(m, 0x1000), "f");
    perf_map_free(m);
    end((struct running){pid, fds[0], fds[1]});
}

/* Files that somebody else may have put there. */
static void test_not_trusted(void **state)
{
    (void)state;
    struct sleeper s = sleeper_start();
    char *other = xasprintf("%s/other", test_folder);
    assert_int_equal(shell("echo 1000 100 evil > '%s' && ln -s '%s' '%s'", other, other, s.path),
                     0);
    struct perf_map *m = perf_map_new(s.running.pid);
    assert_string_equal(name_at(m, 0x1000), "");
    assert_int_equal(shell("rm '%s' && mkfifo '%s'", s.path, s.path), 0);
    assert_string_equal(name_at(m, 0x1000), "");
    unlink(s.path);
    say(&s, "we", "1000 100 good\n");
    if (geteuid() == 0) {
        assert_int_equal(chown(s.path, 12345, 12345), 0);
        assert_string_equal(name_at(m, 0x1000), "");
        assert_int_equal(chown(s.path, 0, 0), 0);
    }
    assert_string_equal(name_at(m, 0x1000), "good");
    perf_map_free(m);
    free(other);
    sleeper_end(&s);
}

static void test_hostile(void **state)
{
    (void)state;
    struct sleeper s = sleeper_start();
    unsigned seed = 11;
    uint64_t from_ns = clock_mono_ns();
    static char bytes[1 << 20];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)rand_r(&seed);
    write_map(&s, "we", bytes, sizeof bytes);
    struct perf_map *m = perf_map_new(s.running.pid);
    memset(bytes, 'x', sizeof bytes); /* a line of a megabyte, and then some that are none */
    write_map(&s, "ae", "\n1000 10 ", 9);
    write_map(&s, "ae", bytes, sizeof bytes);
    say(&s, "ae",
        "\n\n \n1000\n1000 10\n1000 10 \n1000 0 zero\n0 10 null\n-1 10 minus\n"
        "ffffffffffffffff 10 wraps\nfffffffffffffff0 ffffffffffffffff wraps\n"
        "1 ffffffffff everything\n11111111111111111 10 long\n5000 20 \xff\xfe\x01\n6000 10 true\n");
    for (int i = 0; i < 40; i++)
        name_at(m, 0x6000);
    assert_string_equal(name_at(m, 0x6000), "true");
    assert_string_equal(name_at(m, 0x5010), "???");
    assert_string_equal(name_at(m, 0x4000), "");
    /* A hundred thousand lines that lie over one another. */
    FILE *f = fopen(s.path, "ae");
    for (int i = 0; i < 100000; i++)
        fprintf(f, "%x %x lie%d\n", 0x10000 + rand_r(&seed) % 0x100000, rand_r(&seed) % 0x10000, i);
    fprintf(f, "20000 1000 last\n");
    fclose(f);
    for (int i = 0; i < 40; i++)
        name_at(m, 0x20000);
    assert_string_equal(name_at(m, 0x20800), "last");
    uint64_t end_of_last = 0;
    for (uint64_t at = 0x10000; at < 0x130000; at += 0x80) {
        struct perf_map_code code;
        if (perf_map_find(m, at, asked_ns, &code)) {
            assert_true(code.start >= end_of_last || code.start + code.size == end_of_last);
            end_of_last = code.start + code.size;
        }
    }
    perf_map_free(m);
    double took_s = (double)(clock_mono_ns() - from_ns) / 1e9;
    print_message("# %.2f s\n", took_s);
    assert_true(took_s < 8);
    sleeper_end(&s);
}

/* 200,000 lines at once; then what finding one address costs. */
static void test_cost(void **state)
{
    (void)state;
    struct sleeper s = sleeper_start();
    FILE *f = fopen(s.path, "we");
    for (unsigned i = 0; i < 200000; i++)
        fprintf(f, "7f%010x 100 JS:*function%u /srv/app/lib/file.js:%u:1\n", i * 256, i, i);
    fclose(f);
    uint64_t from_ns = clock_mono_ns();
    struct perf_map *m = perf_map_new(s.running.pid);
    uint64_t made_ns = clock_mono_ns() - from_ns;
    assert_int_equal(perf_map_count(m), 200000);
    struct perf_map_code code;
    from_ns = clock_mono_ns();
    for (unsigned i = 0; i < 100000; i++)
        assert_true(perf_map_find(m, 0x7f0000000000 + hash_u64(i) % (200000u * 256), 0, &code));
    uint64_t found_ns = (clock_mono_ns() - from_ns) / 100000;
    print_message("# 200,000 lines in %.0f ms, one found in %llu ns\n", (double)made_ns / 1e6,
                  (unsigned long long)found_ns);
    assert_true(made_ns < 2 * NS_PER_S);
    perf_map_free(m);
    sleeper_end(&s);
}

/* Walks a process until a stack has these names, innermost first, with anything between. */
static void check_program(char *const argv[], const char *const names[], size_t n_names)
{
    static struct native_frame frames[FRAMES];
    struct running r = run(argv);
    wait_ready(r);
    struct unwinder *u = unwinder_new(r.pid);
    struct perf_map *m = unwinder_perf_map(u);
    uint64_t until = clock_mono_ns() + WAIT_LIMIT_NS;
    size_t complete = 0;
    while (complete < 20) {
        enum walk_end how;
        uint32_t elided;
        capture_stopped(r.pid, &capture);
        size_t n = unwinder_walk(u, &capture, frames, FRAMES, &how, &elided), found = 0;
        for (size_t i = 0; i < n && found < n_names; i++) {
            struct perf_map_code code;
            struct perf_map_name name;
            if (frames[i].module != NATIVE_NO_MODULE ||
                !perf_map_find(m, frames[i].offset, clock_mono_ns(), &code))
                continue;
            perf_map_describe(m, &code, &name);
            found += !strcmp(name.name, names[found]);
        }
        complete += found == n_names && how == WALK_COMPLETE;
        assert_true(clock_mono_ns() < until);
    }
    unwinder_free(u);
    shell("rm -f /tmp/perf-%d.map", (int)r.pid);
    end(r);
}

static void test_node(void **state)
{
    (void)state;
    if (system("command -v node >/dev/null")) {
        print_message("# no node on this machine\n");
        skip();
    }
    static const char *const names[] = {"hot", "caller", "main"};
    char *log = xasprintf("--logfile=%s/v8.log", test_folder);
    char *argv[] = {"node",
                    "--perf-basic-prof",
                    log,
                    "--max-inlined-bytecode-size=0",
                    "-e",
                    "function hot(n){let s=0;for(let i=0;i<n;i++)s+=Math.sqrt(i^s);return s}"
                    "function caller(n){return hot(n)+1}"
                    "function main(){for(let i=0;i<3000;i++)caller(1000)}"
                    "console.log('ready');for(;;)main()",
                    NULL};
    check_program(argv, names, 3);
    free(log);
}

/* Its trampolines have no unwind information and keep no frame pointer. */
static void test_python(void **state)
{
    (void)state;
    char *code = "def inner():\n"
                 "    while True:\n"
                 "        for i in range(1000): i ^= i\n"
                 "def outer(): inner()\n"
                 "print('ready', flush=True)\n"
                 "outer()\n";
    const char *home = getenv("HOME");
    char *pattern = xasprintf("%s/.pyenv/versions/3.12.*/bin/python3.12", home ? home : "");
    glob_t found = {0};
    glob("/usr/bin/python3.12", 0, NULL, &found);
    glob(pattern, GLOB_APPEND, NULL, &found);
    free(pattern);
    if (!found.gl_pathc) {
        print_message("# no Python 3.12 on this machine\n");
        globfree(&found);
        skip();
    }
    char *argv[] = {found.gl_pathv[0], "-X", "perf", "-c", code, NULL};
    static const char *const names[] = {"inner", "outer", "<module>"};
    check_program(argv, names, 3);
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_growing),
        cmocka_unit_test(test_pauses),      cmocka_unit_test(test_chroot),
        cmocka_unit_test(test_not_trusted), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_cost),        cmocka_unit_test(test_node),
        cmocka_unit_test(test_python),
    };
    return cmocka_run_group_tests_name("native_perf_map", tests, make_folder, remove_folder);
}
