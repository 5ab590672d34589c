/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names, lines and inlined callers: of programs whose source is known, of the C library, of
 * stripped and of broken files; and the child process that reads debug information. This program
 * is its own child, by SYMBOLIZER_SERVE.
 */
#include "native_test.h"

#include <dirent.h>
#include <dlfcn.h>

#include "native/demangle.h"
#include "native/symbolizer.h"
#include "native/symbols.h"
#include "native/unwind.h"

#define FRAMES 64

static struct capture capture;
static struct native_frame frames[FRAMES];

/* The line with FIND:mark in a source; 0 if there is none. */
static uint32_t line_of(const char *source, const char *mark)
{
    char *path = program_source(source), *line = NULL, *wanted = xasprintf("FIND:%s", mark);
    FILE *f = fopen(path, "re");
    size_t room = 0, n = strlen(wanted);
    uint32_t number = 0, found = 0;
    assert_non_null(f);
    while (!found && getline(&line, &room, f) >= 0) {
        number++;
        const char *at = strstr(line, wanted);
        if (at && (at[n] == ' ' || at[n] == '\n'))
            found = number;
    }
    fclose(f);
    free(line);
    free(wanted);
    free(path);
    return found;
}

/* What a stack must show, innermost first; `mark` NULL: no line is asked for. */
struct expected {
    const char *name, *mark;
    enum language language;
};

static void check_places(const struct symbol_places *all, size_t n, const char *source,
                         const struct expected *expected)
{
    size_t at = 0;
    while (at < n && strcmp(all[0].at[0].name, expected[0].name))
        at++;
    struct symbol_place flat[FRAMES * 4];
    size_t m = 0;
    for (size_t i = at; i < n; i++)
        for (size_t j = 0; j < all[i].n && m < FRAMES * 4; j++)
            flat[m++] = all[i].at[j];
    for (size_t i = 0; expected[i].name; i++) {
        const struct expected *e = &expected[i];
        if (i >= m || strcmp(flat[i].name, e->name)) {
            for (size_t j = 0; j < m; j++)
                print_message("#   %s %s:%u\n", flat[j].name, flat[j].file ? flat[j].file : "?",
                              flat[j].line);
            fail_msg("expected %s at %zu", e->name, i);
        }
        assert_int_equal(flat[i].language, e->language);
        if (!e->mark)
            continue;
        uint32_t line = line_of(source, e->mark), slack = i == 0 ? 2 : 0; /* a loop's lines */
        assert_in_range(flat[i].line, line - slack, line + slack);
        assert_true(flat[i].first_line > 0 && flat[i].first_line <= flat[i].line);
        assert_non_null(flat[i].file);
        assert_int_equal(flat[i].file[0], '/');
        assert_string_equal(strrchr(flat[i].file, '/') + 1, source);
    }
}

/* Runs a program that spins, until its innermost function is the first expected. */
static void check_program(char *program, const char *source, const struct expected *expected)
{
    static struct symbol_places all[FRAMES];
    char *argv[] = {program, "spin", NULL};
    struct running r = run(argv);
    struct symbolizer *s = symbolizer_new(r.pid);
    struct unwinder *u = unwinder_new(r.pid);
    uint64_t until = clock_mono_ns() + WAIT_LIMIT_NS;
    bool there = false;
    wait_ready(r);
    while (!there) {
        enum walk_end how;
        uint32_t elided;
        capture_stopped(r.pid, &capture);
        size_t n = unwinder_walk(u, &capture, frames, FRAMES, &how, &elided);
        for (size_t i = 0; i < n; i++) {
            const struct native_module *m = unwinder_module(u, frames[i].module);
            if (!symbolizer_lines(s, m->path, m->build_id, frames[i].offset, &all[i]))
                symbolizer_name(s, m->path, m->build_id, frames[i].offset, &all[i]);
        }
        there = n && !strcmp(all[0].at[0].name, expected[0].name) && how == WALK_COMPLETE;
        if (!there && clock_mono_ns() > until)
            print_message("# innermost is %s\n", n ? all[0].at[0].name : "(none)");
        if (there)
            check_places(all, n, source, expected);
        for (size_t i = 0; i < n; i++)
            symbol_places_clear(&all[i]);
        assert_true(clock_mono_ns() < until);
    }
    unwinder_free(u);
    symbolizer_free(s);
    end(r);
}

static void test_c_with_inlined(void **state)
{
    (void)state;
    static const struct expected optimised[] = {{"spin_here", "spin", LANGUAGE_C},
                                                {"folded", "folded", LANGUAGE_C},
                                                {"inner", "inner", LANGUAGE_C},
                                                {"middle", "middle", LANGUAGE_C},
                                                {"outer", "outer", LANGUAGE_C},
                                                {"main", "main", LANGUAGE_C},
                                                {NULL, NULL, 0}};
    static const char *const variants[] = {"-O2 -g -fno-reorder-blocks", "-O0 -g", "-O2 -gdwarf-4",
                                           "-O2 -g -gz=zlib"};
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        char *program = build("cc", "native_chain.c", variants[i]);
        check_program(program, "native_chain.c", optimised);
        free(program);
    }
}

static void test_clang(void **state)
{
    (void)state;
    static const struct expected expected[] = {{"spin_here", NULL, LANGUAGE_C},
                                               {"folded", "folded", LANGUAGE_C},
                                               {"inner", "inner", LANGUAGE_C},
                                               {"middle", "middle", LANGUAGE_C},
                                               {NULL, NULL, 0}};
    char *program = build("clang", "native_chain.c", "-O1 -g -Wno-unknown-attributes");
    check_program(program, "native_chain.c", expected);
    free(program);
}

/* Names from .symtab and lines from a file found by .gnu_debuglink. */
static void test_separate_debug_file(void **state)
{
    (void)state;
    static const struct expected expected[] = {{"spin_here", "spin", LANGUAGE_C},
                                               {"folded", "folded", LANGUAGE_C},
                                               {"inner", "inner", LANGUAGE_C},
                                               {NULL, NULL, 0}};
    char *p = build("cc", "native_chain.c", "-O2 -g -Wl,--build-id");
    assert_int_equal(shell("cd '%s' && objcopy --only-keep-debug --compress-debug-sections '%s' "
                           "x.debug && strip -s '%s' && objcopy --add-gnu-debuglink=x.debug '%s'",
                           test_folder, p, p, p),
                     0);
    check_program(p, "native_chain.c", expected);
    free(p);
}

static void test_cxx(void **state)
{
    (void)state;
    static const struct expected expected[] = {{"ns::Circle<...>::area", "area", LANGUAGE_CXX},
                                               {"ns::measure", "measure", LANGUAGE_CXX},
                                               {"main", "main", LANGUAGE_CXX},
                                               {NULL, NULL, 0}};
    char *program = build("c++", "native_shapes.cc", "-O1 -g");
    check_program(program, "native_shapes.cc", expected);
    free(program);
}

static void test_rust(void **state)
{
    (void)state;
    static const char *const manglings[] = {"", " -C symbol-mangling-version=v0"};
    static const char *const names[] = {"spin::engine::Turbine::run",
                                        "<spin::engine::Turbine>::run"};
    for (size_t i = 0; i < 2; i++) {
        struct expected expected[] = {{names[i], NULL, LANGUAGE_RUST},
                                      {"spin::drive", "drive", LANGUAGE_RUST},
                                      {NULL, NULL, 0}};
        char flags[128];
        snprintf(flags, sizeof flags, "-O -g --crate-name spin%s", manglings[i]);
        char *program = build("rustc", "native_spin.rs", flags);
        check_program(program, "native_spin.rs", expected);
        free(program);
    }
}

static void test_demangle(void **state)
{
    (void)state;
    static const struct {
        const char *symbol, *name;
        enum language language;
    } rows[] = {
        {"main", "main", LANGUAGE_NATIVE},
        {"inner.constprop.0", "inner", LANGUAGE_NATIVE},
        {"inner.part.0.cold", "inner", LANGUAGE_NATIVE},
        {"memcpy@@GLIBC_2.14", "memcpy", LANGUAGE_NATIVE},
        {"runtime.clone.func1", "runtime.clone.func1", LANGUAGE_NATIVE},
        {"_ZN2ns3Foo3barEv", "ns::Foo::bar", LANGUAGE_CXX},
        {"_ZN2ns3Foo3barEi.cold", "ns::Foo::bar", LANGUAGE_CXX},
        {"_ZN1AlsEi", "A::operator<<", LANGUAGE_CXX},
        {"_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write", LANGUAGE_RUST},
        {"_RNvC6_123foo3bar", "123foo::bar", LANGUAGE_RUST},
        {"_Zgarbage", "_Zgarbage", LANGUAGE_NATIVE},
        {"", "", LANGUAGE_NATIVE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        enum language language = LANGUAGE_NATIVE;
        char *name = demangle(rows[i].symbol, &language);
        assert_string_equal(name, rows[i].name);
        assert_int_equal(language, rows[i].language);
        free(name);
    }
}

/* Not a sanitizer's that stands before it. */
static void *in_libc(const char *name)
{
    return dlsym(dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD), name);
}

static void test_libc(void **state)
{
    (void)state;
    static const char *const names[] = {"nanosleep", "qsort", "getenv", "printf", "fork"};
    struct symbol_places places;
    struct symbolizer *s = symbolizer_new(0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Dl_info info;
        void *at = in_libc(names[i]);
        assert_non_null(at);
        assert_true(dladdr(at, &info));
        symbolizer_name(s, info.dli_fname, "",
                        (uint64_t)((uintptr_t)at - (uintptr_t)info.dli_fbase), &places);
        assert_string_equal(places.at[0].name, names[i]);
        symbol_places_clear(&places);
    }
    symbolizer_free(s);
}

/* Functions that have several names are called by the one that programs use, wherever the names and
 * lines come from. */
static void check_public_names(const char *path, uint64_t base)
{
    static const char *const names[] = {"read",     "write",    "poll",   "pthread_cond_wait",
                                        "sem_wait", "recvfrom", "accept", "memmem"};
    struct symbol_places places;
    struct symbolizer *s = symbolizer_new(0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint64_t at = (uint64_t)(uintptr_t)in_libc(names[i]) - base;
        for (uint64_t offset = at; offset < at + 160; offset++) {
            symbolizer_name(s, path, "", offset, &places);
            bool inside = strcmp(places.at[0].name, names[i]) == 0;
            symbol_places_clear(&places);
            assert_true(inside || offset >= at + 16); /* none is shorter */
            if (!inside)
                break;
            if (!symbolizer_lines(s, path, "", offset, &places))
                continue;
            assert_string_equal(places.at[places.n - 1].name, names[i]);
            for (size_t k = 0; k < places.n; k++)
                assert_int_not_equal(strncmp(places.at[k].name, "__GI_", 5), 0);
            symbol_places_clear(&places);
        }
    }
    symbolizer_free(s);
}

static void test_public_names(void **state)
{
    (void)state;
    Dl_info info;
    assert_true(dladdr(in_libc("getenv"), &info));
    uint64_t base = (uint64_t)(uintptr_t)info.dli_fbase;
    check_public_names(info.dli_fname, base);
    /* Without what leads to its debug file: only what it exports has names. */
    char *bare = xasprintf("%s/libc.so.6", test_folder);
    assert_int_equal(
        shell("objcopy -R .gnu_debuglink -R .note.gnu.build-id '%s' '%s'", info.dli_fname, bare),
        0);
    check_public_names(bare, base);
    free(bare);
}

static void test_stripped_by_bounds(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c", "-O2");
    char *list = xasprintf("%s/list", test_folder);
    assert_int_equal(shell("nm '%s' > '%s'; strip -s '%s'", p, list, p), 0);
    FILE *f = fopen(list, "re");
    char line[256], wanted[PATH_MAX];
    unsigned long long start = 0;
    while (fgets(line, sizeof line, f))
        if (strstr(line, " T middle"))
            start = strtoull(line, NULL, 16);
    fclose(f);
    assert_true(start);
    snprintf(wanted, sizeof wanted, "%s+0x%llx", strrchr(p, '/') + 1, start);
    struct symbolizer *s = symbolizer_new(0);
    struct symbol_places places;
    for (unsigned at = 0; at < 12; at += 3) {
        symbolizer_name(s, p, "", start + at, &places);
        assert_string_equal(places.at[0].name, wanted);
        symbol_places_clear(&places);
    }
    assert_false(symbolizer_lines(s, p, "", start, &places));
    symbolizer_free(s);
    free(list);
    free(p);
}

/* One module of several processes, whose file is gone: named through any of them that lives, also
 * when that comes later, and when the one before has ended. */
static void test_several_processes(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c", "-O2 -g -Wl,--build-id");
    struct symbols *symbols = symbols_open(0, p, "", NULL);
    char *id = xstrdup(symbols_build_id(symbols));
    symbols_free(symbols);
    assert_true(id[0]);
    char *list = xasprintf("%s/list", test_folder), line[256];
    assert_int_equal(shell("nm '%s' > '%s'", p, list), 0);
    FILE *f = fopen(list, "re");
    unsigned long long start = 0;
    while (fgets(line, sizeof line, f))
        if (strstr(line, " T middle"))
            start = strtoull(line, NULL, 16);
    fclose(f);
    char *argv[] = {p, "spin", NULL};
    struct running a = run(argv), b = run(argv);
    wait_ready(a);
    wait_ready(b);
    assert_int_equal(unlink(p), 0);

    struct symbolizer *s = symbolizer_new(getpid());
    struct symbol_places places;
    symbolizer_name(s, p, id, start, &places);
    assert_non_null(strstr(places.at[0].name, "+0x"));
    symbol_places_clear(&places);
    pid_t both[] = {getpid(), a.pid, b.pid};
    symbolizer_set_pids(s, both, 2);
    symbolizer_name(s, p, id, start, &places);
    assert_string_equal(places.at[0].name, "middle");
    symbol_places_clear(&places);
    end(a);
    symbolizer_set_pids(s, both, 3);
    assert_true(symbolizer_lines(s, p, id, start + 1, &places));
    assert_string_equal(places.at[places.n - 1].name, "middle");
    assert_true(places.at[places.n - 1].line > 0);
    symbol_places_clear(&places);
    symbolizer_free(s);
    end(b);
    free(list);
    free(id);
    free(p);
}

/* Functions by where they set up their frames, where there are no FDEs. */
static void test_stripped_without_fdes(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c",
                    "-O1 -fno-asynchronous-unwind-tables -fno-omit-frame-pointer "
                    "-fcf-protection=none");
    char wanted[PATH_MAX], *list = xasprintf("%s/list", test_folder), line[256];
    assert_int_equal(shell("nm '%s' > '%s'; strip -s '%s'", p, list, p), 0);
    FILE *f = fopen(list, "re");
    struct symbolizer *s = symbolizer_new(0);
    struct symbol_places places;
    unsigned found = 0;
    while (fgets(line, sizeof line, f)) {
        unsigned long long start = strtoull(line, NULL, 16);
        if (!strstr(line, " T middle") && !strstr(line, " T outer") && !strstr(line, " T inner"))
            continue;
        for (unsigned at = 0; at < 12; at += 3) {
            snprintf(wanted, sizeof wanted, "%s+0x%llx", strrchr(p, '/') + 1, start);
            symbolizer_name(s, p, "", start + at, &places);
            assert_string_equal(places.at[0].name, wanted);
            symbol_places_clear(&places);
        }
        found++;
    }
    assert_true(found >= 2);
    symbolizer_free(s);
    fclose(f);
    free(list);
    free(p);
}

/* An exported symbol that claims to be longer than its function names only that. */
static void test_exported_within_bounds(void **state)
{
    (void)state;
    char *p = xasprintf("%s/liar", test_folder), *list = xasprintf("%s/list", test_folder);
    assert_int_equal(
        shell(
            "cd '%s' && printf '%%s\\n' '.text' '.globl liar' '.type liar,@function' 'liar:' "
            "'.cfi_startproc' 'nop' 'nop' 'nop' 'ret' '.cfi_endproc' '.type hidden,@function' "
            "'hidden:' '.cfi_startproc' 'nop' 'nop' 'nop' 'ret' '.cfi_endproc' "
            "'.size hidden, 4' '.size liar, 8' > liar.s && echo 'int main(void){return 0;}' > m.c "
            "&& cc -rdynamic m.c liar.s -o liar && nm liar > list && strip -s liar",
            test_folder),
        0);
    FILE *f = fopen(list, "re");
    char line[256], wanted[PATH_MAX];
    unsigned long long at = 0;
    while (fgets(line, sizeof line, f))
        if (strstr(line, " T liar"))
            at = strtoull(line, NULL, 16);
    fclose(f);
    assert_true(at);
    struct symbolizer *s = symbolizer_new(0);
    struct symbol_places places;
    symbolizer_name(s, p, "", at + 2, &places);
    assert_string_equal(places.at[0].name, "liar");
    symbol_places_clear(&places);
    symbolizer_name(s, p, "", at + 6, &places);
    snprintf(wanted, sizeof wanted, "liar+0x%llx", at + 4);
    assert_string_equal(places.at[0].name, wanted);
    symbol_places_clear(&places);
    symbolizer_free(s);
    free(list);
    free(p);
}

/* Truncated and altered files: no crash, no hang, each answers something. */
static void test_hostile_files(void **state)
{
    (void)state;
    char *good = build("cc", "native_chain.c", "-O1 -g"), *bad = xasprintf("%s/bad", test_folder);
    FILE *f = fopen(good, "re");
    static uint8_t bytes[1 << 20], altered[1 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    unsigned seed = 7;
    uint64_t from = clock_mono_ns();
    for (int round = 0; round < 150; round++) {
        size_t n = round % 3 == 0 ? (size_t)rand_r(&seed) % size : size;
        memcpy(altered, bytes, size);
        for (int i = 0; round % 3 && i < 1 << (round % 10); i++) {
            size_t area = round % 2 ? size : 4096;
            size_t at = (size_t)rand_r(&seed) % area;
            if (round % 4 == 0 && at < 64)
                continue; /* the magic stays now and then */
            altered[at] = (uint8_t)rand_r(&seed);
        }
        f = fopen(bad, "we");
        fwrite(altered, 1, n, f);
        fclose(f);
        struct symbolizer *s = symbolizer_new(0);
        struct symbol_places places;
        for (uint64_t offset = 0x1080; offset < 0x1600; offset += 0x95) {
            symbolizer_name(s, bad, "", offset, &places);
            assert_int_equal(places.n, 1);
            symbol_places_clear(&places);
            if (symbolizer_lines(s, bad, "", offset, &places))
                assert_true(places.n > 0);
            symbol_places_clear(&places);
        }
        symbolizer_free(s);
    }
    print_message("# 150 broken files in %.1f s\n", (double)(clock_mono_ns() - from) / 1e9);
    free(bad);
    free(good);
}

/* The one child process of this one; 0 if none. */
static pid_t only_child(void)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *f = fopen(path, "re");
    if (f) {
        if (fscanf(f, "%d", &child) != 1)
            child = 0;
        fclose(f);
    }
    return child;
}

static uint64_t address_of(const char *path, const char *name)
{
    static struct symbol symbol;
    struct symbols *table = symbols_open(0, path, "", NULL);
    uint64_t at = 0;
    for (uint64_t v = 0x1000; v < 0x3000 && !at; v++)
        if (symbols_find(table, v, &symbol) && !strcmp(symbol.name, name))
            at = v;
    symbols_free(table);
    assert_true(at);
    return at;
}

static void test_child_dies(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c", "-O0 -g"), *q = build("cc", "native_chain.c", "-O1 -g");
    struct symbolizer *s = symbolizer_new(0);
    struct symbol_places places;
    uint64_t at = address_of(p, "middle");
    assert_true(symbolizer_lines(s, p, "", at, &places));
    assert_string_equal(places.at[0].name, "middle");
    symbol_places_clear(&places);
    pid_t child = only_child();
    assert_true(child > 0);
    kill(child, SIGKILL);
    assert_false(symbolizer_lines(s, p, "", at, &places)); /* blamed on this module */
    assert_int_equal(only_child(), 0);                     /* and waited for */
    symbolizer_name(s, p, "", at, &places);
    assert_string_equal(places.at[0].name, "middle");
    symbol_places_clear(&places);
    assert_true(symbolizer_lines(s, q, "", address_of(q, "middle"),
                                 &places)); /* another module, another child */
    symbol_places_clear(&places);
    assert_true(only_child() > 0);
    symbolizer_free(s);
    assert_int_equal(only_child(), 0);
    free(p);
    free(q);
}

/* One that does not answer is given up in time. */
static void test_child_hangs(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c", "-O0 -g");
    struct symbolizer *s = symbolizer_new(0);
    struct symbol_places places;
    symbolizer_lines(s, p, "", 0x1300, &places);
    symbol_places_clear(&places);
    assert_true(only_child() > 0);
    kill(only_child(), SIGSTOP);
    symbolizer_set_limit(s, 200 * NS_PER_MS);
    uint64_t from = clock_mono_ns();
    assert_false(symbolizer_lines(s, p, "", 0x1300, &places));
    assert_true(clock_mono_ns() - from < 3 * NS_PER_S);
    assert_int_equal(only_child(), 0);
    symbolizer_free(s);
    free(p);
}

struct questions {
    struct symbolizer *symbolizer;
    const char *program;
    int asked, fd;
};

/* Names of so many modules that the symbolizer's own list of them moves. */
static bool ask_names(void *arg)
{
    struct questions *q = arg;
    struct symbol_places places;
    char name[32], c;
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "/no/such/%d", i);
        symbolizer_name(q->symbolizer, name, "", 1, &places);
        symbol_places_clear(&places);
    }
    symbolizer_name(q->symbolizer, q->program, "", address_of(q->program, "middle"), &places);
    assert_string_equal(places.at[0].name, "middle");
    symbol_places_clear(&places);
    q->asked++;
    return read(q->fd, &c, 1) == 1 && q->asked < 2;
}

/* A child that takes its time keeps nobody's names waiting. */
static void test_names_meanwhile(void **state)
{
    (void)state;
    char *p = build("cc", "native_chain.c", "-O0 -g");
    struct symbolizer *s = symbolizer_new(0);
    struct symbol_places places;
    int fds[2];
    uint64_t at = address_of(p, "middle");
    assert_true(symbolizer_lines(s, p, "", at, &places)); /* the child runs */
    symbol_places_clear(&places);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(write(fds[1], "ab", 2), 2);
    struct questions q = {.symbolizer = s, .program = p, .fd = fds[0]};
    symbolizer_set_meanwhile(s, fds[0], ask_names, &q);
    pid_t child = only_child();
    kill(child, SIGSTOP);
    pid_t waker = fork();
    if (!waker) {
        usleep(300000);
        kill(child, SIGCONT);
        _exit(0);
    }
    assert_true(symbolizer_lines(s, p, "", at, &places));
    assert_string_equal(places.at[places.n - 1].name, "middle");
    symbol_places_clear(&places);
    assert_int_equal(q.asked, 2);
    waitpid(waker, NULL, 0);
    symbolizer_free(s);
    close(fds[0]);
    close(fds[1]);
    free(p);
}

static void test_no_file(void **state)
{
    (void)state;
    struct symbolizer *s = symbolizer_new(0);
    struct symbol_places places;
    static const char *const paths[] = {"/no/such/file", "[vdso]", "", "relative", "/dev/null"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        symbolizer_name(s, paths[i], "", 0xa30, &places);
        assert_int_equal(places.n, 1);
        assert_true(places.at[0].name[0]);
        symbol_places_clear(&places);
        assert_false(symbolizer_lines(s, paths[i], "abcd", 0x1000, &places));
    }
    symbolizer_free(s);
}

/* Figures only. */
static void test_speed(void **state)
{
    (void)state;
    const char *path = "/usr/bin/node";
    if (access(path, R_OK))
        path = "/proc/self/exe";
    uint64_t from = clock_mono_ns();
    struct symbols *t = symbols_open(0, path, "", NULL);
    uint64_t opened = clock_mono_ns();
    static struct symbol symbol;
    size_t found = 0;
    for (uint64_t v = 0xb72000; v < 0xb72000 + 20000 * 1000; v += 20000)
        found += symbols_find(t, v, &symbol);
    print_message("# %s: %zu symbols, %zu KB, open %.1f ms, %.2f us a look-up\n", path,
                  symbols_count(t), symbols_bytes(t) / 1024, (double)(opened - from) / 1e6,
                  (double)(clock_mono_ns() - opened) / 1e6);
    assert_true(symbols_count(t) > 0);
    symbols_free(t);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], SYMBOLIZER_SERVE))
        return symbolizer_serve(atoi(argv[2]));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_demangle),
        cmocka_unit_test(test_c_with_inlined),
        cmocka_unit_test(test_clang),
        cmocka_unit_test(test_separate_debug_file),
        cmocka_unit_test(test_cxx),
        cmocka_unit_test(test_rust),
        cmocka_unit_test(test_libc),
        cmocka_unit_test(test_public_names),
        cmocka_unit_test(test_stripped_by_bounds),
        cmocka_unit_test(test_several_processes),
        cmocka_unit_test(test_stripped_without_fdes),
        cmocka_unit_test(test_exported_within_bounds),
        cmocka_unit_test(test_hostile_files),
        cmocka_unit_test(test_child_dies),
        cmocka_unit_test(test_child_hangs),
        cmocka_unit_test(test_names_meanwhile),
        cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_speed),
    };
    return cmocka_run_group_tests_name("native_symbolizer", tests, make_folder, remove_folder);
}
