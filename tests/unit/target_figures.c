/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Figures, capacity (by recorded control groups), children, the listing and permissions, on real
 * processes that are forked here.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "target/capacity.h"
#include "target/children.h"
#include "target/figures.h"
#include "target/listing.h"
#include "target/permission.h"
#include "target/procfs.h"
#include "tree_fixture.h"

#define WAIT_NS (20 * NS_PER_S)
#define MIB     (1024.0 * 1024)

struct report {
    volatile uint64_t rounds, go;
};
static struct report *report;

static int set_up(void **state)
{
    (void)state;
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return report == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return munmap(report, sizeof *report);
}

static pid_t start(void (*run)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run();
        for (;;)
            pause();
    }
    return pid;
}

static void finish(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool reaches(volatile uint64_t *at, uint64_t value)
{
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    while (*at < value && clock_mono_ns() < until_ns)
        usleep(100);
    return *at >= value;
}

/* Figures */

static void *sleep_often(void *arg)
{
    for (int i = 0; i < 50; i++)
        usleep(100);
    report->rounds++;
    pause();
    return arg;
}

static void use_things(void)
{
    report->rounds = 1;
    while (!report->go)
        usleep(100);
    char *memory = malloc((size_t)(32 * MIB));
    memset(memory, 1, (size_t)(32 * MIB));
    char text[] = "/tmp/target-figures-XXXXXX";
    int fd = mkstemp(text);
    unlink(text);
    if (write(fd, memory, (size_t)MIB) < 0)
        _exit(1);
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_often, NULL);
    for (uint64_t from_ns = clock_thread_cpu_ns(); clock_thread_cpu_ns() - from_ns < 50000000;)
        ;
    while (report->rounds < 2)
        usleep(100);
    report->rounds++;
    pause();
}

static void reads_figures(void **state)
{
    (void)state;
    pid_t pid = start(use_things);
    assert_true(reaches(&report->rounds, 1));
    struct err err = {""};
    struct figures_reader *r = figures_new(pid, &err);
    assert_non_null(r);
    struct figures a, b, c;
    assert_true(figures_read(r, &a));
    assert_int_equal(a.threads, 1);
    assert_true(a.rss_bytes > 0 && a.virtual_bytes > a.rss_bytes);
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    do /* its only thread wakes and sleeps: from the process's own files */
        assert_true(figures_read(r, &b));
    while (b.voluntary_switches < a.voluntary_switches + 5 && clock_mono_ns() < until_ns);
    assert_true(b.has_switches && b.voluntary_switches >= a.voluntary_switches + 5);
    a = b;
    report->go = 1;
    assert_true(reaches(&report->rounds, 3));
    assert_true(figures_read(r, &b));
    assert_int_equal(b.threads, 2);
    assert_true(b.rss_bytes - a.rss_bytes > 30 * MIB && b.rss_bytes - a.rss_bytes < 40 * MIB);
    assert_true(b.has_kinds && b.anon_bytes > a.anon_bytes + (uint64_t)(30 * MIB));
    double kinds = (double)(b.anon_bytes + b.file_bytes + b.shared_bytes);
    assert_true(kinds > (double)b.rss_bytes - MIB && kinds < (double)b.rss_bytes + MIB);
    assert_true(b.virtual_bytes - a.virtual_bytes > 30 * MIB);
    assert_true(b.cpu_ns - a.cpu_ns >= 50 * NS_PER_MS);
    assert_true(b.user_ns + b.system_ns >= b.cpu_ns - 30 * NS_PER_MS);
    assert_true(b.minor_faults > a.minor_faults);
    assert_true(b.has_io);
    assert_true(b.written_bytes - a.written_bytes == 0 || b.written_bytes - a.written_bytes >= MIB);
    assert_true(b.voluntary_switches - a.voluntary_switches >= 1);
    assert_true(figures_read(r, &c)); /* sums do not go down */
    assert_true(c.voluntary_switches >= b.voluntary_switches && c.cpu_ns >= b.cpu_ns);
    assert_true(c.forced_switches >= b.forced_switches);
    assert_true(c.has_queued == (access("/proc/self/schedstat", F_OK) == 0));
    assert_true(c.queued_ns >= b.queued_ns && b.queued_ns >= a.queued_ns);
    finish(pid);
    assert_false(figures_read(r, &c));
    figures_free(r);
}

static void *burn_and_end(void *arg)
{
    for (uint64_t from_ns = clock_thread_cpu_ns(); clock_thread_cpu_ns() - from_ns < 60000000;)
        ;
    report->rounds++;
    return arg;
}

static void queue_for_one_cpu(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof one, &one);
    report->rounds = 1;
    while (!report->go)
        usleep(100);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, burn_and_end, NULL);
    while (report->rounds < 5)
        usleep(1000);
    report->rounds++;
    while (report->go < 2)
        usleep(100);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    report->rounds++;
}

/* Four threads on one CPU wait for three quarters of their time; what they waited stays when they
 * end. */
static void sums_the_run_queue(void **state)
{
    (void)state;
    if (access("/proc/self/schedstat", F_OK) != 0)
        skip();
    pid_t pid = start(queue_for_one_cpu);
    assert_true(reaches(&report->rounds, 1));
    struct figures_reader *r = figures_new(pid, NULL);
    struct figures a, b, c;
    assert_true(figures_read(r, &a));
    report->go = 1;
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    do { /* as the metrics do: a reading finds threads that still run */
        assert_true(figures_read(r, &b));
        usleep(1000);
    } while (report->rounds < 6 && clock_mono_ns() < until_ns);
    assert_true(b.queued_ns - a.queued_ns >= 100 * NS_PER_MS);
    report->go = 2;
    assert_true(reaches(&report->rounds, 7));
    assert_true(figures_read(r, &c));
    assert_true(c.queued_ns >= b.queued_ns);
    finish(pid);
    figures_free(r);
}

/* Capacity */

static struct capacity read_capacity_of(const char *of_root)
{
    struct cgroups groups;
    struct capacity c;
    struct err err = {""};
    if (!cgroups_find(of_root, getpid(), &groups, &err))
        fail_msg("%s", err.text);
    capacity_read(getpid(), &groups, &c);
    return c;
}

static struct capacity read_capacity(void)
{
    return read_capacity_of(root);
}

static void capacity_of_version_2(void **state)
{
    (void)state;
    begin_root();
    put_groups("0::/web/api\n");
    put("/proc/self/mountinfo",
        "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
    put("/sys/fs/cgroup/web/api/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/web/cpu.max", "50000 100000\n");
    put("/sys/fs/cgroup/web/api/memory.max", "max\n");
    put("/sys/fs/cgroup/web/memory.max", "104857600\n");
    put("/sys/fs/cgroup/web/memory.current", "62914560\n");
    put("/sys/fs/cgroup/web/memory.stat", "anon 1\nfile 2\ninactive_file 10485760\nx 1\n");
    struct capacity c = read_capacity();
    assert_true(c.quota_cpus == 0.5 && c.cpus == 0.5);
    assert_true(c.memory_by_cgroup);
    assert_int_equal(c.memory_limit_bytes, 104857600);
    assert_int_equal(c.memory_used_bytes, 52428800);
    assert_true(c.system_total_bytes > 0);
    put("/sys/fs/cgroup/web/api/cpu.max", "20000 100000\n"); /* the tighter one counts */
    put("/sys/fs/cgroup/web/api/memory.max", "209715200\n");
    c = read_capacity();
    assert_true(c.cpus == 0.2);
    assert_int_equal(c.memory_limit_bytes, 104857600);
    end_root();
}

static void capacity_of_version_1(void **state)
{
    (void)state;
    begin_root();
    put_groups("5:cpu,cpuacct:/docker/abc/in\n4:memory:/docker/abc\n1:name=systemd:/x\n0::/\n");
    put("/proc/self/mountinfo",
        "31 24 0:27 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        "32 24 0:28 / /sys/fs/cgroup/mem rw shared:9 - cgroup cgroup rw,memory\n");
    put("/sys/fs/cgroup/cpu/in/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/in/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "25000\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/mem/docker/abc/memory.limit_in_bytes", "33554432\n");
    put("/sys/fs/cgroup/mem/docker/abc/memory.usage_in_bytes", "30000000\n");
    put("/sys/fs/cgroup/mem/docker/abc/memory.stat",
        "inactive_file 1\ntotal_inactive_file 10000000\n");
    put("/sys/fs/cgroup/mem/memory.limit_in_bytes", "9223372036854771712\n");
    struct capacity c = read_capacity();
    assert_true(c.quota_cpus == 0.25);
    assert_int_equal(c.memory_limit_bytes, 33554432);
    assert_int_equal(c.memory_used_bytes, 20000000);
    end_root();
}

static void capacity_without_limits(void **state)
{
    (void)state;
    begin_root();
    put_groups("7:cpu:/../../etc\ngarbage\n::\n0::/gone\n");
    put("/proc/self/mountinfo", "31 24 0:27 / /sys/fs/cgroup rw - cgroup cgroup rw,cpu\nx - y\n\n");
    struct capacity c = read_capacity();
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    assert_int_equal(c.affinity, CPU_COUNT(&set));
    assert_true(c.cpus == CPU_COUNT(&set) && c.quota_cpus == 0);
    assert_false(c.memory_by_cgroup);
    assert_int_equal(c.memory_limit_bytes, c.system_total_bytes);
    assert_true(c.memory_used_bytes > 0 && c.memory_used_bytes < c.system_total_bytes);
    end_root();
    c = read_capacity_of(""); /* this machine's own */
    assert_true(c.cpus > 0 && c.memory_limit_bytes > 0);
}

/* Children */

static void burn(void)
{
    for (uint64_t from_ns = clock_thread_cpu_ns(); clock_thread_cpu_ns() - from_ns < 30000000;)
        ;
    report->rounds++;
}

static void grandparent(void)
{
    prctl(PR_SET_NAME, "grandparent");
    if (fork() == 0) {
        prctl(PR_SET_NAME, "parent");
        for (int i = 0; i < 2; i++)
            if (fork() == 0) {
                prctl(PR_SET_NAME, "ch\033ild");
                burn();
                pause();
            }
        if (fork() == 0)
            _exit(0); /* a zombie */
        pause();
    }
}

static void *sit(void *arg)
{
    pause();
    return arg;
}

static void grandparent_with_threads(void)
{
    pthread_t thread;
    for (int i = 0; i < 80; i++)
        pthread_create(&thread, NULL, sit, NULL);
    grandparent();
}

static void finds_children_of(void (*run)(void))
{
    pid_t pid = start(run);
    assert_true(reaches(&report->rounds, 2));
    struct children c = {0};
    children_read(&c, &pid, 1);
    assert_int_equal(c.list.n, 3);
    assert_int_equal(c.list.at[0].ppid, pid);
    assert_string_equal(c.list.at[0].comm, "parent");
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(c.list.at[i].ppid, c.list.at[0].pid);
        assert_string_equal(c.list.at[i].comm, "ch?ild");
        assert_true(c.list.at[i].cpu_ns >= 30 * NS_PER_MS);
        assert_true(c.list.at[i].start_ticks > 0);
    }
    for (size_t i = 0; i < 3; i++)
        kill(c.list.at[i].pid, SIGKILL);
    finish(pid);
    children_read(&c, &pid, 1);
    assert_int_equal(c.list.n, 0);
    children_clear(&c);
}

static void finds_children(void **state)
{
    (void)state;
    finds_children_of(grandparent);
}

/* More threads than are asked one by one: by all processes' parents. */
static void finds_children_of_many_threads(void **state)
{
    (void)state;
    finds_children_of(grandparent_with_threads);
}

/* Listing */

static void burn_on(void)
{
    prctl(PR_SET_NAME, "burn\nner");
    for (;;)
        report->rounds++;
}

static const struct listed *find_listed(const struct listing *l, pid_t pid)
{
    for (size_t i = 0; i < listing_count(l); i++) {
        assert_true(i == 0 || listing_at(l, i)->pid > listing_at(l, i - 1)->pid);
        if (listing_at(l, i)->pid == pid)
            return listing_at(l, i);
    }
    return NULL;
}

static void lists_processes(void **state)
{
    (void)state;
    pid_t pid = start(burn_on);
    assert_true(reaches(&report->rounds, 1));
    struct err err = {""};
    struct listing *l = listing_new(&err);
    assert_non_null(l);
    assert_true(listing_read(l, &err));
    uint64_t before_ns = procfs_cpu_ns(pid), from_ns = clock_mono_ns();
    while (procfs_cpu_ns(pid) - before_ns < 60 * NS_PER_MS && clock_mono_ns() - from_ns < WAIT_NS)
        usleep(1000);
    assert_true(listing_read(l, &err));
    double cores = (double)(procfs_cpu_ns(pid) - before_ns) / (double)(clock_mono_ns() - from_ns);
    const struct listed *row = find_listed(l, pid);
    assert_non_null(row);
    assert_true(strncmp(row->comm, "burn", 4) == 0 && !strchr(row->comm, '\n'));
    assert_non_null(strstr(row->cmdline, "target_figures"));
    assert_true(row->threads == 1 && row->rss_bytes > 0 && row->user[0]);
    assert_int_equal(row->ppid, getpid());
    assert_true(row->cpu_cores > cores - 0.35 && row->cpu_cores < cores + 0.35);
    assert_null(find_listed(l, getpid()));
    finish(pid);
    assert_true(listing_read(l, &err));
    assert_null(find_listed(l, pid));
    listing_free(l);
}

/* Permissions */

static void tells_permissions(void **state)
{
    (void)state;
    struct permission p;
    permission_read(&p);
    assert_int_equal(p.root, geteuid() == 0);
    assert_true(p.ptrace_works); /* the other tests need it too */
    assert_true(p.kernel[0]);
    assert_int_equal(p.yama_ptrace_scope == PERMISSION_UNKNOWN,
                     access("/proc/sys/kernel/yama/ptrace_scope", F_OK) != 0);
    assert_int_equal(sched_getscheduler(0), SCHED_OTHER);
    if (p.cap_sys_nice && getuid() == 0)
        assert_true(p.realtime);
    pid_t pid = fork();
    if (pid == 0) { /* nobody may do none of it */
        if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)
            _exit(0);
        prctl(PR_SET_DUMPABLE, 1); /* which the change of user has cleared */
        permission_read(&p);
        _exit(p.root || p.cap_sys_ptrace || p.cap_sys_nice || p.cap_perfmon || !p.ptrace_works);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(reads_figures, set_up, tear_down),
    cmocka_unit_test_setup_teardown(sums_the_run_queue, set_up, tear_down),
    cmocka_unit_test(capacity_of_version_2),
    cmocka_unit_test(capacity_of_version_1),
    cmocka_unit_test(capacity_without_limits),
    cmocka_unit_test_setup_teardown(finds_children, set_up, tear_down),
    cmocka_unit_test_setup_teardown(finds_children_of_many_threads, set_up, tear_down),
    cmocka_unit_test_setup_teardown(lists_processes, set_up, tear_down),
    cmocka_unit_test(tells_permissions),
};

int main(void)
{
    return cmocka_run_group_tests_name("target/figures", tests, NULL, NULL);
}
