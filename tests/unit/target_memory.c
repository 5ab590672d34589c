/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is dear to ask of a process's memory, and the kills for want of it; hostile texts too. */
#include "target/capacity.h"
#include "target/footprint.h"
#include "target/oom_kills.h"
#include "tree_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define MIB (1024 * 1024)

static const char maps[] =
    "00400000-00401000 r-xp 00000000 fd:00 1234                /bin/x y [heap]z\n"
    "01000000-01021000 rw-p 00000000 00:00 0                   [heap]\n"
    "7f0000000000-7f0000001000 ---p 00000000 00:00 0\n"
    "7f0000002000-7f0000003000 rw-p 00000000 00:00 0           [stack]\n";

/* In whatever pieces it comes. */
static void counts_mappings(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= sizeof maps; piece += 7) {
        struct maps_count c = {.used = 0};
        for (size_t at = 0; at < sizeof maps - 1; at += piece)
            maps_count_add(&c, maps + at,
                           sizeof maps - 1 - at < piece ? sizeof maps - 1 - at : piece);
        assert_int_equal(c.mappings, 4);
        assert_int_equal(c.heap_bytes, 0x21000);
    }
}

static void hostile_mappings(void **state)
{
    (void)state;
    struct maps_count c = {.used = 0};
    char text[1000];
    memset(text, 'f', sizeof text); /* a line that is too long, with the name at its end */
    memcpy(text + sizeof text - 7, "[heap]\n", 7);
    maps_count_add(&c, text, sizeof text);
    static const char odd[] = "\n\nzz-yy [heap]\n2000-1000 rw-p [heap]\n[heap]\n";
    maps_count_add(&c, odd, sizeof odd - 1);
    assert_int_equal(c.heap_bytes, 0);
    assert_int_equal(c.mappings, 6);
    maps_count_add(&c, "1000-2000 [heap]", 16); /* not ended */
    assert_int_equal(c.mappings, 6);
}

static void reads_a_footprint(void **state)
{
    (void)state;
    struct footprint f, without, gone;
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char *memory =
            mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(memory, 1, 16 * MIB);
        kill(getpid(), SIGSTOP);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, WUNTRACED);
    bool there = footprint_read(pid, 0, &f);
    bool large = footprint_read(pid, FOOTPRINT_RSS_MAX + 1, &without); /* too large: not asked */
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    bool ended = !footprint_read(pid, 0, &gone);
    assert_true(there && large && ended);
    assert_true(f.has_pss && f.pss_bytes > 16 * MIB && f.pss_bytes < 128 * MIB);
    assert_true(f.has_mappings && f.mappings > 10);
    assert_true(f.heap_bytes < 64 * MIB); /* a sanitizer's allocator has none */
    assert_true(!without.has_pss && without.has_mappings);
}

static void counts_kills(void **state)
{
    (void)state;
    struct oom_kills k;
    struct cgroup g = {.found = true, .v2 = true, .path = "/web"};
    begin_root();
    snprintf(g.mount, sizeof g.mount, "%s/sys/fs/cgroup", root);
    oom_kills_read(&g, &k);
    assert_false(k.known);
    put("/sys/fs/cgroup/web/memory.events",
        "low 0\nhigh 0\nmax 7\noom 9\noom_kill 2\noom_group_kill 5\n");
    oom_kills_read(&g, &k);
    assert_true(k.known && k.count == 2 && k.key != 0);
    g.v2 = false;
    put("/sys/fs/cgroup/web/memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 3\n");
    oom_kills_read(&g, &k);
    assert_true(k.known && k.count == 3);
    put("/sys/fs/cgroup/web/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n");
    oom_kills_read(&g, &k); /* before Linux 4.13 */
    assert_false(k.known);
    put("/sys/fs/cgroup/web/memory.oom_control", "oom_kill -1\noom_kill many\n");
    oom_kills_read(&g, &k);
    assert_false(k.known);
    end_root();
}

/* Of two groups with limits the one that is full first, and not the smaller one. */
static void the_limit_with_least_left(void **state)
{
    (void)state;
    struct cgroups groups;
    struct capacity c;
    begin_root();
    put_groups("0::/a/b\n");
    put("/proc/self/mountinfo", "30 24 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n");
    put("/sys/fs/cgroup/a/b/memory.max", "104857600\n");
    put("/sys/fs/cgroup/a/b/memory.current", "10485760\n");
    put("/sys/fs/cgroup/a/memory.max", "209715200\n");
    put("/sys/fs/cgroup/a/memory.current", "199229440\n");
    assert_true(cgroups_find(root, getpid(), &groups, NULL));
    capacity_read(getpid(), &groups, &c);
    assert_true(c.memory_by_cgroup);
    assert_int_equal(c.memory_limit_bytes, 209715200);
    assert_int_equal(c.memory_used_bytes, 199229440);
    assert_string_equal(c.memory_group.path, "/a");
    put("/sys/fs/cgroup/a/memory.current", "20971520\n");
    capacity_read(getpid(), &groups, &c);
    assert_int_equal(c.memory_limit_bytes, 104857600);
    end_root();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_mappings),           cmocka_unit_test(hostile_mappings),
        cmocka_unit_test(reads_a_footprint),         cmocka_unit_test(counts_kills),
        cmocka_unit_test(the_limit_with_least_left),
    };
    return cmocka_run_group_tests_name("target/memory", tests, NULL, NULL);
}
