/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Throttling, pressure and the machine's CPUs, from recorded trees of control groups and /proc. */
#include "base/clock.h"
#include "target/contention.h"
#include "tree_fixture.h"

#define MOUNT_V2 "30 24 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n"
#define MOUNT_V1 "31 24 0:27 / /sys/fs/cgroup/cpu rw shared:5 - cgroup cgroup rw,cpu,cpuacct\n"

static struct contention read_contention_of(const char *of_root)
{
    struct cgroups groups;
    struct contention c;
    struct err err = {""};
    if (!cgroups_find(of_root, getpid(), &groups, &err))
        fail_msg("%s", err.text);
    contention_read(of_root, &groups, &c);
    return c;
}

static struct contention read_contention(void)
{
    return read_contention_of(root);
}

static void version_1_flat(void **state)
{
    (void)state;
    begin_root();
    put_groups("3:cpu,cpuacct:/web\n1:name=systemd:/x\n");
    put("/proc/self/mountinfo", MOUNT_V1);
    put("/sys/fs/cgroup/cpu/web/cpu.cfs_quota_us", "20000\n");
    put("/sys/fs/cgroup/cpu/web/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu/web/cpu.stat",
        "nr_periods 100\nnr_throttled 90\nthrottled_time 7200000000\n");
    struct contention c = read_contention();
    assert_int_equal(c.n_levels, 1);
    assert_int_equal(c.levels[0].periods, 100);
    assert_int_equal(c.levels[0].throttled, 90);
    assert_int_equal(c.levels[0].throttled_ns, 7200000000);
    assert_true(c.levels[0].quota_cpus == 0.2 && c.quota_cpus == 0.2);
    assert_false(c.machine.known);
    assert_false(c.stalls[PRESSURE_CPU].known);
    assert_false(cgroups_find(root, 1 << 30, &(struct cgroups){0}, NULL));
    end_root();
}

static void version_1_nested(void **state)
{
    (void)state;
    begin_root();
    put_groups("3:cpu,cpuacct:/web/api\n");
    put("/proc/self/mountinfo", MOUNT_V1);
    put("/sys/fs/cgroup/cpu/web/api/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/web/api/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n");
    put("/sys/fs/cgroup/cpu/web/cpu.cfs_quota_us", "150000\n");
    put("/sys/fs/cgroup/cpu/web/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu/web/cpu.stat",
        "nr_periods 9\nnr_throttled 3\nthrottled_time 5\nnr_bursts 0\nburst_time 0\n");
    struct contention c = read_contention();
    assert_int_equal(c.n_levels, 2);
    assert_true(c.levels[0].quota_cpus == 0 && c.levels[1].quota_cpus == 1.5);
    assert_int_equal(c.levels[1].throttled_ns, 5);
    assert_true(c.levels[0].key != c.levels[1].key);
    assert_true(c.quota_cpus == 1.5);
    end_root();
}

static void version_2(void **state)
{
    (void)state;
    begin_root();
    put_groups("0::/web/api\n");
    put("/proc/self/mountinfo", MOUNT_V2);
    put("/sys/fs/cgroup/web/api/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/web/api/cpu.stat",
        "usage_usec 1\nuser_usec 1\nsystem_usec 0\nnr_periods 0\nnr_throttled 0\n"
        "throttled_usec 0\n");
    put("/sys/fs/cgroup/web/cpu.max", "12500 50000\n");
    put("/sys/fs/cgroup/web/cpu.stat",
        "usage_usec 9000\nnr_periods 40\nnr_throttled 38\nthrottled_usec 250000\n");
    put("/sys/fs/cgroup/cpu.stat", "usage_usec 100\n"); /* the top has no throttling */
    put("/sys/fs/cgroup/web/api/cpu.pressure",
        "some avg10=1.00 avg60=0.50 avg300=0.10 total=123456\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n");
    put("/proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=999\n");
    put("/proc/pressure/io", "some avg10=0.00 avg60=0.00 avg300=0.00 total=42\n");
    put("/proc/stat", "cpu  100 10 50 800 20 5 15 30 40 2\ncpu0 1 2\ncpu1 1 2\nintr 5\n");
    struct contention c = read_contention();
    assert_int_equal(c.n_levels, 2);
    assert_true(c.levels[1].quota_cpus == 0.25 && c.quota_cpus == 0.25);
    assert_int_equal(c.levels[1].throttled_ns, 250 * NS_PER_MS);
    assert_int_equal(c.stalls[PRESSURE_CPU].some_ns,
                     123456000);                            /* the group's, not the machine's */
    assert_int_equal(c.stalls[PRESSURE_IO].some_ns, 42000); /* there is no other */
    assert_true(c.stalls[PRESSURE_CPU].key != c.stalls[PRESSURE_IO].key);
    assert_false(c.stalls[PRESSURE_MEMORY].known);
    assert_true(c.machine.known && c.machine.has_steal);
    assert_int_equal(c.machine.cpus, 2);
    assert_int_equal(c.machine.busy_ticks, 180);
    assert_int_equal(c.machine.steal_ticks, 30);
    assert_int_equal(c.machine.total_ticks, 1030);
    end_root();
}

/* Version 1's cpu controller, and an empty version 2 tree beside it. */
static void hybrid(void **state)
{
    (void)state;
    begin_root();
    put_groups("5:cpuacct:/\n4:cpuset:/other\n1:cpu:/job\n0::/\n");
    put("/proc/self/mountinfo",
        "29 24 0:25 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "30 24 0:26 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n"
        "31 24 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
    put("/sys/fs/cgroup/unified/cpu.pressure", "some avg10=0.00 total=1\n");
    put("/sys/fs/cgroup/unified/cpu.stat", "usage_usec 100\nnr_throttled 5\n");
    put("/sys/fs/cgroup/cpu/job/cpu.stat", "nr_periods 2\nnr_throttled 1\nthrottled_time 8\n");
    put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "50000\n");
    put("/proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=77\n");
    put("/proc/stat", "cpu  100 10 50 800\ncpu0 1 2\n"); /* an old kernel's */
    struct contention c = read_contention();
    assert_int_equal(c.n_levels, 1);
    assert_int_equal(c.levels[0].throttled_ns, 8);
    assert_true(c.quota_cpus == 0.5);
    assert_int_equal(c.stalls[PRESSURE_CPU].some_ns, 77000);
    assert_true(c.machine.known && !c.machine.has_steal);
    end_root();
}

static void hostile_contents(void **state)
{
    (void)state;
    static const char *const stats[] = {"",
                                        "nr_periods",
                                        "nr_periods -1\nnr_throttled 1\nthrottled_usec 1\n",
                                        "\n\n\nnr_periods x\n",
                                        "nr_periods 1\nnr_throttled 1\nthrottled_usec \n",
                                        "nr_throttled 1\nthrottled_usec 4\n",
                                        "xnr_periods 1\nnr_throttled 1\nthrottled_usec 1\n"};
    static const char *const stalls[] = {"",
                                         "some",
                                         "some total=",
                                         "some total=5\n",
                                         "some avg10=1\nfull total=5\n",
                                         "full total=3\n",
                                         "some avg10=0 total=-4\n"};
    static const char *const machines[] = {"",
                                           "cpu",
                                           "cpu  ",
                                           "cpu  1 2 3\ncpu0 1\n",
                                           "cpu  a b c d\ncpu0\n",
                                           "cpu 1 2 3 4 5 6 7 8\n",
                                           "cpu0 1 2 3 4 5 6 7 8\n"};
    begin_root();
    put_groups("0::/a\n");
    put("/proc/self/mountinfo", MOUNT_V2);
    for (size_t i = 0; i < 7; i++) {
        put("/sys/fs/cgroup/a/cpu.stat", stats[i]);
        put("/sys/fs/cgroup/a/cpu.pressure", stalls[i]);
        put("/proc/stat", machines[i]);
        struct contention c = read_contention();
        assert_int_equal(c.n_levels, 0);
        /* "some total=5" alone is a stall: what is there is enough. */
        assert_int_equal(c.stalls[PRESSURE_CPU].known, i == 3);
        assert_false(c.machine.known);
    }
    put("/sys/fs/cgroup/a/cpu.stat", "nr_periods 99999999999999999999999\nnr_throttled "
                                     "1\nthrottled_usec 99999999999999999999\n");
    put("/sys/fs/cgroup/a/cpu.max", "-5 -100\n");
    struct contention c = read_contention();
    assert_int_equal(c.n_levels, 1);
    assert_true(c.levels[0].throttled_ns == UINT64_MAX && c.levels[0].quota_cpus == 0);
    end_root();
}

static void deep_nesting_is_capped(void **state)
{
    (void)state;
    char group[256] = "0::", path[512];
    begin_root();
    for (int i = 0; i < 40; i++)
        strcat(group, "/a");
    put_groups(group);
    put("/proc/self/mountinfo", MOUNT_V2);
    for (int i = 1; i <= 40; i++) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%.*s/cpu.stat", 2 * i, group + 3);
        put(path, "nr_periods 1\nnr_throttled 1\nthrottled_usec 1\n");
    }
    assert_int_equal(read_contention().n_levels, CONTENTION_LEVELS);
    end_root();
}

static void this_machine(void **state)
{
    (void)state;
    struct contention a = read_contention_of("");
    assert_true(a.machine.known && a.machine.cpus > 0);
    assert_int_equal(a.stalls[PRESSURE_CPU].known, access("/proc/pressure/cpu", R_OK) == 0);
    struct contention b = read_contention_of("");
    assert_true(b.machine.total_ticks >= a.machine.total_ticks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_flat),   cmocka_unit_test(version_1_nested),
        cmocka_unit_test(version_2),        cmocka_unit_test(hybrid),
        cmocka_unit_test(hostile_contents), cmocka_unit_test(deep_nesting_is_capped),
        cmocka_unit_test(this_machine),
    };
    return cmocka_run_group_tests_name("target/contention", tests, NULL, NULL);
}
