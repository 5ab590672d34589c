/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The census of a heap of known contents (tests/programs/heap_shapes.cc): dynamic, stripped,
 * static; several arenas, no brk, somebody else's brk, no malloc at all; while it moves; with its
 * bytes turned; and within limits.
 */
#include "native_test.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "native/census.h"
#include "native/holders.h"
#include "native/malloc_heap.h"
#include "target/procfs.h"

/* What the program plants, of each of its parts. */
struct planted {
    const char *type;
    uint64_t count;
};
static const struct planted planted[] = {
    {"shop::Order", 10000},     {"shop::Widget", 5000},      {"shop::Box<int>", 2500},
    {"[malloc 697-712]", 1000}, {"[malloc 1545-1800]", 500}, {"[malloc 4105-5128]", 200},
};
#define SHARED "std::_Sp_counted_ptr_inplace<shop::Payload"

static char *program(const char *flags)
{
    static char *made[4];
    static const char *made_flags[4];
    size_t i = 0;
    while (i < 3 && made[i] && strcmp(made_flags[i], flags))
        i++;
    if (!made[i]) {
        made[i] = build("g++", "heap_shapes.cc", flags);
        made_flags[i] = flags;
    }
    return made[i];
}

static struct running start(const char *flags, const char *first, const char *second)
{
    char *argv[] = {program(flags), (char *)first, (char *)second, NULL};
    struct running r = run(argv);
    wait_ready(r);
    return r;
}

static uint64_t count_of(const struct heap_count *c, const char *type)
{
    uint64_t n = 0;
    for (size_t i = 0; i < c->rows.n; i++)
        if (!strncmp(c->rows.at[i].type, type, strlen(type)))
            n += c->rows.at[i].count;
    return n;
}

static void show(const struct heap_count *c)
{
    for (size_t i = 0; i < c->rows.n && i < 25; i++)
        print_message("#   %s %llu\n", c->rows.at[i].type, (unsigned long long)c->rows.at[i].count);
}

/* A block is 16 bytes larger than was asked for where what is left beside it would be too small to
 * be one (_int_malloc): of those in bins some are, as threads happen to leave them. */
static uint64_t count_of_size(const struct heap_count *c, const char *type)
{
    bool may_be_larger = strcmp(type, "[malloc 697-712]") == 0;
    return count_of(c, type) + (may_be_larger ? count_of(c, "[malloc 713-728]") : 0);
}

static void check_count(const struct heap_count *c, const char *type, uint64_t expected,
                        double tolerance)
{
    uint64_t n = count_of_size(c, type);
    double off = (double)n - (double)expected;
    if (off > tolerance * (double)expected || -off > tolerance * (double)expected) {
        show(c);
        fail_msg("%s: %llu, expected %llu", type, (unsigned long long)n,
                 (unsigned long long)expected);
    }
}

static void census(pid_t pid, const struct heap_limits *limits, struct heap_count *c)
{
    struct err err = {""};
    heap_count_init(c, pid);
    if (!native_census(pid, limits, c, &err))
        fail_msg("%s", err.text);
}

/* Of a program that stands still: all is exact. */
static void check_exact(const char *flags, const char *mode, uint64_t parts)
{
    struct heap_count c;
    struct running r = start(flags, mode, NULL);
    census(r.pid, NULL, &c);
    if (c.why_partial)
        print_message("# %s\n", c.why_partial);
    assert_int_equal(c.flags, 0);
    for (size_t i = 0; i < sizeof planted / sizeof *planted; i++)
        if (strcmp(mode, "foreign") || strcmp(planted[i].type, "[malloc 4105-5128]"))
            check_count(&c, planted[i].type, planted[i].count * parts, 0);
    check_count(&c, SHARED, 2000 * parts, 0);
    check_count(&c, "shop::Leaf", 900 * parts + (parts == 1 ? 3000 : 0), 0);
    check_count(&c, "shop::Row", parts == 1 ? 650 : 0, 0);
    if (parts == 1) {
        uint64_t small = count_of(&c, "[malloc 57-72]") + count_of(&c, "[malloc 73-88]");
        assert_in_range(small, 2500, 2503);
        assert_in_range(c.space.mapped_bytes, 5 * (3 << 20), 5 * (3 << 20) + (1 << 20));
    }
    /* Nothing is counted twice, and nothing left out. */
    uint64_t sum = 0;
    for (size_t i = 0; i < c.rows.n; i++)
        sum += c.rows.at[i].size_bytes;
    assert_int_equal(sum, c.space.used_bytes + c.space.mapped_bytes);
    assert_true(c.space.free_bytes > parts * 1000000);
    heap_count_clear(&c);
    end(r);
}

static void test_dynamic(void **state)
{
    (void)state;
    check_exact("-O1 -pthread", "plain", 1);
}

static void test_stripped(void **state)
{
    (void)state;
    check_exact("-O2 -s -pthread", "plain", 1);
}

static void test_static(void **state)
{
    (void)state;
    check_exact("-O2 -s -static -pthread", "plain", 1);
    check_exact("-O2 -s -static -pthread", "brk", 1);
}

static void test_arenas(void **state)
{
    (void)state;
    check_exact("-O1 -pthread", "threads", 4);
}

static void test_no_brk(void **state)
{
    (void)state;
    check_exact("-O1 -pthread", "brk", 1);
}

/* Another version of the C library: in the folder that has the Pythons to test with. */
static void test_other_version(void **state)
{
    (void)state;
    const char *root = getenv("PROFTOP_PYTHONS_ROOT");
    static const char *const modes[] = {"plain", "threads", "brk"};
    if (!root || geteuid() != 0) {
        print_message("# needs root and PROFTOP_PYTHONS_ROOT\n");
        skip();
    }
    char *to = xasprintf("%s/tmp/native-census-%d", root, (int)getpid());
    assert_int_equal(shell("cp '%s' '%s'", program("-O1 -pthread"), to), 0);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char *argv[] = {"chroot", (char *)root, to + strlen(root), (char *)modes[i], NULL};
        struct heap_count c;
        uint64_t parts = i == 1 ? 4 : 1;
        struct running r = run(argv);
        wait_ready(r);
        census(r.pid, NULL, &c);
        if (c.why_partial)
            print_message("# %s\n", c.why_partial);
        assert_int_equal(c.flags, 0);
        for (size_t k = 0; k < sizeof planted / sizeof *planted; k++)
            check_count(&c, planted[k].type, planted[k].count * parts, 0);
        heap_count_clear(&c);
        end(r);
    }
    unlink(to);
    free(to);
}

static void test_foreign_brk(void **state)
{
    (void)state;
    check_exact("-O1 -pthread", "foreign", 1);
}

/* The sums of the walk are malloc's own. */
static void test_sums(void **state)
{
    (void)state;
    struct running r = start("-O1 -pthread", "plain", NULL);
    struct heap_count c;
    struct maps maps;
    struct err err = {""};
    maps_init(&maps);
    assert_true(maps_read(&maps, r.pid, NULL, &err));
    struct malloc_heap *heap = malloc_heap_find(r.pid, &maps, &err);
    assert_non_null(heap);
    assert_int_equal(malloc_heap_arenas(heap), 1);
    census(r.pid, NULL, &c);
    assert_int_equal(c.space.used_bytes + c.space.free_bytes, malloc_heap_system_bytes(heap));
    assert_true(c.moved_pct < 0.001);
    heap_count_clear(&c);
    malloc_heap_free(heap);
    maps_clear(&maps);
    end(r);
}

/* While a thread allocates and frees as fast as it can, 5,000 Widgets and other things. */
static void test_moving(void **state)
{
    (void)state;
    struct running r = start("-O1 -pthread", "churn", NULL);
    uint64_t until = clock_mono_ns() + WAIT_LIMIT_NS;
    struct heap_count c;
    do {
        assert_true(clock_mono_ns() < until);
        census(r.pid, NULL, &c);
        uint64_t n = count_of(&c, "shop::Widget");
        if (n >= 9900)
            break;
        heap_count_clear(&c);
    } while (true);
    for (int i = 0; i < 10; i++) {
        heap_count_clear(&c);
        census(r.pid, NULL, &c);
        for (size_t k = 0; k < sizeof planted / sizeof *planted; k++)
            check_count(&c, planted[k].type, planted[k].count + (k == 1 ? 5000 : 0), 0.01);
        check_count(&c, SHARED, 2000, 0.01);
    }
    heap_count_clear(&c);
    end(r);
}

/* Another allocator: classes alone, and it is said. */
static void test_own_allocator(void **state)
{
    (void)state;
    struct running r = start("-O1 -pthread", "own", NULL);
    struct heap_count c;
    census(r.pid, NULL, &c);
    assert_true(c.flags & HEAP_PARTIAL);
    assert_non_null(strstr(c.why_partial, "not glibc malloc's"));
    assert_true(count_of(&c, "shop::Order") >= 10000); /* freed ones, too */
    assert_true(count_of(&c, "shop::Box<int>") == 2500);
    for (size_t i = 0; i < c.rows.n; i++)
        if (!strcmp(c.rows.at[i].type, "shop::Order"))
            assert_int_equal(c.rows.at[i].flags, HEAP_INCLUDES_FREED);
    heap_count_clear(&c);
    end(r);
}

static void test_vast(void **state)
{
    (void)state;
    struct running r = start("-O1 -pthread", "vast", NULL);
    struct heap_count c;
    struct holders h;
    struct err err = {""};
    clock_t from = clock(); /* of the CPU: others may be at work here */
    census(r.pid, NULL, &c);
    assert_int_equal(count_of(&c, "shop::Order"), 10000);
    assert_int_equal(c.space.mapped_bytes < 20u << 20 && c.space.mapped_bytes > 15u << 20, 1);
    assert_true(native_holders(r.pid, "shop::Widget", false, NULL, &h, &err));
    double took_s = (double)(clock() - from) / CLOCKS_PER_SEC;
    print_message("# %.2f s and %.2f s\n", (double)c.duration_ns / 1e9, took_s);
    assert_true(took_s < 8);
    heap_count_clear(&c);
    holders_clear(&h);
    end(r);
}

/* An allocator in place of glibc's, by its library: objects of classes alone, freed ones among
 * them, and no figure of blocks. */
static void check_preloaded(const char *library, const char *name)
{
    char preload[64];
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    char *argv[] = {"env", preload, program("-O1 -pthread"), "plain", NULL};
    struct running r = run(argv);
    struct heap_count c;
    wait_ready(r);
    if (shell("grep -q %s /proc/%d/maps", name, (int)r.pid)) {
        end(r);
        print_message("# skip: no %s on this machine\n", name);
        skip();
    }
    census(r.pid, NULL, &c);
    assert_true(c.flags & HEAP_PARTIAL);
    assert_non_null(strstr(c.why_partial, name));
    for (size_t i = 0; i < c.rows.n; i++) /* nothing is told by size, and all may be freed */
        assert_int_equal(c.rows.at[i].flags, HEAP_INCLUDES_FREED);
    assert_true(count_of(&c, "shop::Order") >= 10000); /* freed ones, too */
    assert_int_equal(count_of(&c, "shop::Widget"), 5000);
    assert_int_equal(c.space.used_bytes + c.space.free_bytes + c.space.mapped_bytes, 0);
    heap_count_clear(&c);
    end(r);
}

static void test_jemalloc(void **state)
{
    (void)state;
    check_preloaded("libjemalloc.so.2", "jemalloc");
}

static void test_tcmalloc(void **state)
{
    (void)state;
    check_preloaded("libtcmalloc_minimal.so.4", "tcmalloc");
}

static void test_mimalloc(void **state)
{
    (void)state;
    check_preloaded("libmimalloc.so.2", "mimalloc");
}

static bool stop_at_once(void *context, int permille)
{
    assert_in_range(permille, 0, 1000);
    ++*(int *)context;
    return true;
}

static void test_limits(void **state)
{
    (void)state;
    struct running r = start("-O1 -pthread", "plain", NULL);
    struct heap_count c;
    int asked = 0;
    census(r.pid, &(struct heap_limits){.stop = stop_at_once, .context = &asked}, &c);
    assert_true(asked > 0 && (c.flags & HEAP_PARTIAL) && c.why_partial);
    heap_count_clear(&c);
    census(r.pid, &(struct heap_limits){.read_bytes_max = 2 << 20}, &c);
    assert_true((c.flags & HEAP_PARTIAL) && count_of(&c, "shop::Order") < 10000);
    heap_count_clear(&c);
    census(r.pid, &(struct heap_limits){.duration_ns_max = 1}, &c);
    assert_true(c.flags & HEAP_PARTIAL);
    heap_count_clear(&c);
    census(r.pid, &(struct heap_limits){.rows_max = 4}, &c);
    assert_int_equal(c.flags, 0);
    assert_int_equal(c.rows.n, 4);
    assert_true(count_of(&c, "[other types]") > 10000);
    heap_count_clear(&c);
    end(r);
}

static void test_gone(void **state)
{
    (void)state;
    struct running r = start("-O1 -pthread", "plain", NULL);
    struct heap_count c;
    struct err err = {""};
    end(r);
    heap_count_init(&c, r.pid);
    assert_false(native_census(r.pid, NULL, &c, &err));
    assert_string_not_equal(err.text, "");
    heap_count_clear(&c);
}

/* Dies while it is looked at. */
static void test_dying(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        struct running r = start("-O1 -pthread", "churn", NULL);
        struct heap_count c;
        pid_t killer = fork();
        if (!killer) {
            usleep((useconds_t)(i * 2000));
            kill(r.pid, SIGKILL);
            _exit(0);
        }
        for (int k = 0; k < 5; k++) {
            heap_count_init(&c, r.pid);
            native_census(r.pid, NULL, &c, NULL);
            heap_count_clear(&c);
        }
        waitpid(killer, NULL, 0);
        end(r);
    }
}

/* Bytes of a mapping are turned at random, most often where malloc's own words are. */
static size_t turn_bytes(pid_t pid, const struct maps *maps, unsigned *seed)
{
    size_t turned = 0;
    for (size_t i = 0; i < maps->list.n; i++) {
        const struct mapping *map = &maps->list.at[i];
        bool heap = !strcmp(maps_path(maps, map), "[heap]");
        if (!(map->perms & MAP_WRITE) || !strcmp(maps_path(maps, map), "[stack]"))
            continue;
        for (int k = heap ? 200 : 20; k > 0; k--) {
            uint64_t size = map->end - map->start, at = map->start + hash_u64(rand_r(seed)) % size;
            uint64_t value = hash_u64(rand_r(seed)) >> (rand_r(seed) % 64);
            if (rand_r(seed) % 2)
                at = (at & ~15ull) + 8;
            struct iovec local = {&value, 1 + (size_t)rand_r(seed) % 8};
            struct iovec remote = {(void *)(uintptr_t)at, local.iov_len};
            if (process_vm_writev(pid, &local, 1, &remote, 1, 0) > 0)
                turned++;
        }
    }
    return turned;
}

static void test_hostile(void **state)
{
    (void)state;
    unsigned seed = 5;
    static const char *const modes[] = {"plain", "threads", "brk"};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct running r = start("-O1 -pthread", modes[i], NULL);
        struct maps maps;
        struct heap_count c;
        maps_init(&maps);
        assert_true(maps_read(&maps, r.pid, NULL, NULL));
        for (int round = 0; round < 8; round++) {
            size_t turned = turn_bytes(r.pid, &maps, &seed);
            if (turned < 100 && (!kill(r.pid, 0) && procfs_state(r.pid) != 'Z'))
                fail_msg("%s, round %d: only %zu: %s", modes[i], round, turned, strerror(errno));
            uint64_t from_ns = clock_mono_ns();
            heap_count_init(&c, r.pid);
            native_census(r.pid, NULL, &c, NULL);
            if (round % 4 == 3) {
                struct holders h;
                native_holders(r.pid, "shop::Order", false, NULL, &h, NULL);
                holders_clear(&h);
            }
            for (size_t k = 0; k < c.rows.n; k++)
                assert_true(c.rows.at[k].count <= 64u << 20);
            assert_true(c.space.used_bytes <= 1ull << 31);
            heap_count_clear(&c);
            assert_true(clock_mono_ns() - from_ns < 5 * NS_PER_S);
        }
        maps_clear(&maps);
        end(r);
    }
}

/* Every size has a class, and each class a name of its own that holds what is in it. */
static void test_size_classes(void **state)
{
    (void)state;
    char name[SIZE_CLASS_NAME_MAX], before[SIZE_CLASS_NAME_MAX] = "";
    uint32_t last = 0;
    for (uint64_t usable = 24; usable < 1u << 22; usable += 16) {
        uint32_t c = size_class_of(usable);
        assert_in_range(c, last, last + (usable == 24 ? 2 : 1));
        if (c != last) {
            size_class_name(c, name);
            assert_string_not_equal(name, before);
            strcpy(before, name);
        }
        last = c;
    }
    assert_int_equal(size_class_of(24), size_class_of(9));
    assert_string_equal(size_class_name(size_class_of(24), name), "[malloc 1-24]");
    assert_string_equal(size_class_name(size_class_of(40), name), "[malloc 25-40]");
    assert_string_equal(size_class_name(size_class_of(1032), name), "[malloc 1017-1032]");
    assert_string_equal(size_class_name(size_class_of(1048), name), "[malloc 1033-1288]");
    assert_true(size_class_of(UINT64_MAX) < SIZE_CLASSES);
}

static bool is_listed(const struct holders *h, unsigned level, const char *name, uint64_t words)
{
    for (size_t i = 0; i < h->list.n; i++)
        if (h->list.at[i].level == level && !strcmp(h->list.at[i].name, name))
            return h->list.at[i].words >= words;
    return false;
}

/* Who holds what, to a variable that has a name, or none in a stripped program. */
static void check_holders(const char *flags, const char *type, const char *root, const char *middle)
{
    struct running r = start(flags, "plain", NULL);
    struct holders h;
    struct err err = {""};
    if (!native_holders(r.pid, type, false, NULL, &h, &err))
        fail_msg("%s", err.text);
    print_message("# %s\n", h.path);
    assert_true(h.reached);
    assert_false(h.partial);
    assert_int_equal(strncmp(h.path, root, strlen(root)), 0);
    assert_non_null(strstr(h.path, middle));
    assert_true(strlen(h.path) > strlen(type));
    assert_string_equal(h.path + strlen(h.path) - strlen(type), type);
    holders_clear(&h);
    end(r);
}

static void test_holders(void **state)
{
    (void)state;
    /* A map: its table, its nodes, the objects; half of them in larger blocks for want of others.
     */
    check_holders("-O1 -pthread", "shop::Leaf", "global g_leaves in program",
                  " -> [malloc 32K-40K] -> [malloc 1-24] -> ");
    check_holders("-O1 -pthread", "shop::Widget", "global main::kept in program",
                  " -> [malloc 56K-64K] -> ");
    check_holders("-O1 -pthread", "[malloc 697-712]", "global main::kept in program",
                  " -> [malloc");
    check_holders("-O2 -s -static -pthread", "shop::Leaf", "global program", "+0x");
    struct running r = start("-O1 -pthread", "plain", NULL);
    struct holders h;
    struct err err = {""};
    assert_true(native_holders(r.pid, "shop::Order", false, NULL, &h, &err));
    assert_int_equal(h.objects, 10000);
    assert_true(is_listed(&h, 1, "[malloc 128K-160K]", 10000));
    assert_true(is_listed(&h, 1, "[malloc 1-24]", 5000));
    holders_clear(&h);
    assert_false(native_holders(r.pid, "shop::Nothing", false, NULL, &h, &err));
    assert_non_null(strstr(err.text, "shop::Nothing"));
    holders_clear(&h);
    int asked = 0;
    struct heap_limits limits = {.stop = stop_at_once, .context = &asked};
    if (native_holders(r.pid, "shop::Order", false, &limits, &h, &err))
        assert_true(h.partial && !h.reached);
    assert_true(asked > 0);
    holders_clear(&h);
    end(r);
}

/* A vector that moves to a larger place while it is looked at can be found by what its growth left
 * on the stack alone: it does so once in seconds, so another look does not meet that again. */
static void check_path(pid_t pid, const char *type, bool newborn, const char *begins)
{
    for (int attempt = 0;; attempt++) {
        struct holders h;
        struct err err = {""};
        if (!native_holders(pid, type, newborn, NULL, &h, &err))
            fail_msg("%s", err.text);
        bool right = h.path && strncmp(h.path, begins, strlen(begins)) == 0;
        if (!right && attempt == 1)
            fail_msg("%s: %s", type, h.path ? h.path : "no path");
        holders_clear(&h);
        if (right)
            return;
    }
}

/* What leaks is told from older objects of its class; what is lost, from what is held. */
static void test_leaks(void **state)
{
    (void)state;
    char *argv[] = {build("g++", "leak_held.cc", "-O1"), NULL};
    struct running r = run(argv);
    wait_ready(r);
    check_path(r.pid, "shop::Order", true, "global fresh in program");
    check_path(r.pid, "shop::Lost", false, "nothing, ");
    check_path(r.pid, "shop::Lost", true, "nothing, "); /* none is born: all are asked */
    check_path(r.pid, "shop::Link", false, "global head in program");
    check_path(r.pid, "shop::Link", true, "global head in program");
    end(r);
}

/* A heap of a quarter of a gigabyte: how long, how much memory of our own. */
static void test_cost(void **state)
{
    (void)state;
    struct running r = start("-O1 -pthread", "big", NULL);
    struct heap_count c;
    struct rusage usage;
    census(r.pid, NULL, &c);
    getrusage(RUSAGE_SELF, &usage);
    uint64_t bytes = c.space.used_bytes + c.space.free_bytes;
    print_message("# %.2f GB in %.0f ms, %ld MB of our own\n", (double)bytes / 1e9,
                  (double)c.duration_ns / 1e6, usage.ru_maxrss >> 10);
    check_count(&c, "shop::Order", 250000, 0);
    assert_true(c.duration_ns < 3 * NS_PER_S);
    heap_count_clear(&c);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_classes),  cmocka_unit_test(test_dynamic),
        cmocka_unit_test(test_stripped),      cmocka_unit_test(test_static),
        cmocka_unit_test(test_arenas),        cmocka_unit_test(test_no_brk),
        cmocka_unit_test(test_foreign_brk),   cmocka_unit_test(test_sums),
        cmocka_unit_test(test_other_version), cmocka_unit_test(test_moving),
        cmocka_unit_test(test_own_allocator), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_vast),          cmocka_unit_test(test_jemalloc),
        cmocka_unit_test(test_tcmalloc),      cmocka_unit_test(test_mimalloc),
        cmocka_unit_test(test_gone),          cmocka_unit_test(test_dying),
        cmocka_unit_test(test_hostile),       cmocka_unit_test(test_holders),
        cmocka_unit_test(test_leaks),         cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests_name("native_census", tests, make_folder, remove_folder);
}
