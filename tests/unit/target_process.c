/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes, their threads, memory and mappings, on real ones that are forked here.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "target/maps.h"
#include "target/process.h"
#include "target/procfs.h"
#include "target/remote.h"
#include "target/tasks.h"

#define WAIT_NS (20 * NS_PER_S)

static pid_t start(void (*run)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (run)
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

static bool has_state(pid_t pid, char state)
{
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    while (procfs_state(pid) != state && clock_mono_ns() < until_ns)
        usleep(100);
    return procfs_state(pid) == state;
}

/* Names */

static void take_a_hostile_name(void)
{
    prctl(PR_SET_NAME, "a) R (\033[2J");
}

static void reads_a_process(void **state)
{
    (void)state;
    pid_t pid = start(take_a_hostile_name);
    assert_true(has_state(pid, 'S'));
    struct process_info info;
    struct err err = {""};
    assert_true(process_read(pid, &info, &err));
    assert_int_equal(info.pid, pid);
    assert_int_equal(info.ppid, getpid());
    assert_int_equal(info.state, 'S');
    assert_int_equal(info.threads, 1);
    assert_int_equal(info.uid, getuid());
    assert_true(info.start_ticks > 0);
    assert_string_equal(info.comm, "a) R (?[2J");
    assert_true(strstr(info.cmdline, "target_process") != NULL);
    assert_true(info.exe[0] == '/' && !info.exe_deleted);
    assert_false(info.kernel_thread || info.zombie || info.tracer_pid);
    finish(pid);
    assert_false(process_read(pid, &info, &err));
    assert_non_null(strstr(err.text, "there is no process"));
    assert_false(process_read(-1, &info, NULL));
}

static void take_a_rare_name(void)
{
    prctl(PR_SET_NAME, "xq-rare-name");
}

static void finds_by_name(void **state)
{
    (void)state;
    pid_t a = start(take_a_rare_name);
    assert_true(has_state(a, 'S'));
    struct err err = {""};
    pid_t found = 0;
    assert_true(process_find_one("xq-rare-name", &found, &err));
    assert_int_equal(found, a);
    pid_t b = start(take_a_rare_name);
    assert_true(has_state(b, 'S'));
    struct pid_list pids = {0};
    assert_int_equal(process_find_by_name("xq-rare-name", &pids), 2);
    assert_true(pids.list.at[0] < pids.list.at[1]);
    vec_free(&pids.list);
    assert_false(process_find_one("xq-rare-name", &found, &err));
    assert_non_null(strstr(err.text, "2 processes"));
    finish(a);
    finish(b);
    assert_false(process_find_one("xq-rare-name", &found, &err));
    assert_non_null(strstr(err.text, "no process is called"));
    assert_int_equal(process_find_by_name("", &pids), 0);
}

/* Who may be traced */

static void refuses(pid_t pid, const char *why, const char *remedy)
{
    struct err err = {""};
    assert_false(process_check_traceable(pid, &err));
    if (!strstr(err.text, why) || !strstr(err.text, remedy))
        fail_msg("%s", err.text);
    assert_null(strchr(err.text, '\n'));
}

static void traced_by_its_parent(void)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void leave(void)
{
    _exit(0);
}

static void says_what_cannot_be_traced(void **state)
{
    (void)state;
    pid_t pid = start(NULL);
    assert_true(process_check_traceable(pid, NULL));
    finish(pid);
    refuses(pid, "there is no process", "choose");
    refuses(0, "there is no process", "choose");
    refuses(getpid(), "proftop itself", "another");
    pid = start(leave);
    assert_true(has_state(pid, 'Z'));
    refuses(pid, "zombie", "proftop ");
    finish(pid);
    pid = start(traced_by_its_parent);
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    struct process_info info = {0};
    while (!info.tracer_pid && clock_mono_ns() < until_ns)
        process_read(pid, &info, NULL);
    refuses(pid, "another tracer", "detach");
    finish(pid);
    if (process_read(2, &info, NULL) && info.kernel_thread) /* not in a PID namespace */
        refuses(2, "kernel thread", "perf top");
}

/* As nobody, a process of root's. The sentence comes back through a pipe. */
static void belongs_to_another(void **state)
{
    (void)state;
    if (getuid() != 0)
        skip();
    pid_t target = start(NULL);
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    fflush(NULL);
    pid_t asker = fork();
    if (asker == 0) {
        struct err err = {""};
        if (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0 ||
            process_check_traceable(target, &err))
            snprintf(err.text, sizeof err.text, "allowed");
        _exit(write(pipes[1], err.text, sizeof err.text) < 0);
    }
    char text[sizeof(struct err)] = "";
    assert_true(read(pipes[0], text, sizeof text - 1) > 0);
    waitpid(asker, NULL, 0);
    if (!strstr(text, "belongs to user root") || !strstr(text, "sudo proftop"))
        fail_msg("%s", text);
    close(pipes[0]);
    close(pipes[1]);
    finish(target);
}

static void every_denial_has_its_remedy(void **state)
{
    (void)state;
    const struct process_info info = {.pid = 42, .uid = 1000, .euid = 1000, .comm = "x"};
    const struct {
        struct process_denial denial;
        const char *remedy;
    } rows[] = {
        {{.uid = 1000, .yama = 1, .user = "u"}, "sysctl kernel.yama.ptrace_scope=0"},
        {{.uid = 1000, .yama = 2, .user = "u"}, "ptrace_scope=2 allows"},
        {{.uid = 1000, .yama = 3, .user = "u"}, "until the machine is started"},
        {{.uid = 1001, .yama = 1, .user = "u"}, "belongs to user u: run `sudo proftop 42`"},
        {{.uid = 1000, .yama = -1, .undumpable = true, .user = "u"}, "protects itself"},
        {{.uid = 1000, .yama = -1, .user = "u"}, "sudo proftop 42"},
        {{.uid = 0, .root = true, .yama = -1, .user = "u"}, "--cap-add=SYS_PTRACE"},
        {{.uid = 0, .root = true, .have_cap = true, .yama = 1, .user = "u"}, "on the host"},
        {{.uid = 1000, .filtered = true, .yama = 1, .user = "u"}, "seccomp"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {""};
        assert_false(process_denied(&info, &rows[i].denial, &err));
        if (!strstr(err.text, rows[i].remedy))
            fail_msg("row %zu: %s", i, err.text);
    }
}

/* Memory */

static void reads_memory(void **state)
{
    (void)state;
    char *pages = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(pages, MAP_FAILED);
    memset(pages, 'a', 3 * 4096);
    memcpy(pages + 100, "hello", 6);
    memcpy(pages + 4096 - 5, "last", 5);
    assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
    assert_int_equal(mprotect(pages + 3 * 4096, 4096, PROT_NONE), 0);
    pid_t pid = start(NULL);
    uint64_t base = (uintptr_t)pages;
    char buf[8192];
    assert_true(remote_read(pid, base, buf, 4096));
    assert_false(remote_read(pid, base, buf, 4097));
    assert_int_equal(remote_read_some(pid, base + 4000, buf, 4096), 96);
    assert_int_equal(remote_read_some(pid, base + 4096, buf, 1), 0);
    assert_int_equal(errno, EFAULT);
    assert_true(remote_read_string(pid, base + 100, buf, sizeof buf));
    assert_string_equal(buf, "hello");
    assert_true(remote_read_string(pid, base + 4096 - 5, buf, sizeof buf));
    assert_string_equal(buf, "last");
    assert_true(remote_read_string(pid, base + 100, buf, 4));
    assert_string_equal(buf, "hel");
    assert_false(remote_read_string(pid, base + 4096, buf, sizeof buf));
    assert_false(remote_read_string(pid, base + 3 * 4096 - 10, buf, sizeof buf)); /* runs out */
    assert_false(remote_read_string(pid, UINT64_MAX - 2, buf, sizeof buf));

    struct remote_span spans[2500];
    static char to[2500];
    for (size_t i = 0; i < 2500; i++) /* every tenth faults */
        spans[i] = (struct remote_span){base + (i % 10 == 3 ? 4096 : 100), &to[i], 1, false};
    assert_int_equal(remote_read_spans(pid, spans, 2500), 2250);
    for (size_t i = 0; i < 2500; i++) {
        assert_int_equal(spans[i].ok, i % 10 != 3);
        assert_int_equal(to[i], i % 10 != 3 ? 'h' : 0);
    }
    /* Side by side, with and without a gap, backwards, over each other, and up to a fault. */
    struct {
        uint64_t at;
        size_t size;
        const char *want;
    } pieces[] = {{100, 2, "he"},      {102, 1, "l"}, {104, 1, "o"},       {100, 5, "hello"},
                  {103, 2, "lo"},      {0, 0, ""},    {4096 - 5, 2, "la"}, {4096 - 2, 1, "t"},
                  {4096 - 3, 6, NULL}, {100, 1, "h"}, {104, 1, "o"}};
    enum { PIECES = sizeof pieces / sizeof *pieces };
    char got[PIECES][8] = {""};
    for (size_t i = 0; i < PIECES; i++)
        spans[i] = (struct remote_span){base + pieces[i].at, got[i], pieces[i].size, false};
    assert_int_equal(remote_read_spans(pid, spans, PIECES), PIECES - 1);
    for (size_t i = 0; i < PIECES; i++) {
        assert_int_equal(spans[i].ok, pieces[i].want != NULL);
        if (pieces[i].want)
            assert_string_equal(got[i], pieces[i].want);
    }
    finish(pid);
    assert_false(remote_read(pid, base, buf, 1));
    assert_int_equal(errno, ESRCH);
    assert_int_equal(remote_read_spans(pid, spans, 2500), 0);
    munmap(pages, 4 * 4096);
}

/* Mappings */

static void parses_mappings(void **state)
{
    (void)state;
    static const char text[] =
        "55d0c0000000-55d0c0001000 r-xp 00002000 08:01 4711   /usr/bin/a b\n"
        "55d0c0001000-55d0c0002000 rw-p 00003000 08:01 4711   /usr/bin/a b\n"
        "7f0000000000-7f0000001000 rw-s 00000000 fe:10 99     /tmp/x\\012y (deleted)\n"
        "7f0000000800-7f0000002000 rw-p 00000000 00:00 0      overlaps\n"
        "nonsense\n"
        "7f0000005000-7f0000004000 rw-p 00000000 00:00 0\n"
        "7f0000006000-7f0000007000 ---p 00000000 00:00 0\n"
        "7ffff0000000-7ffff0001000 r-xp 00000000 00:00 0      [vdso]";
    struct maps m;
    maps_init(&m);
    maps_parse(&m, text, sizeof text - 1);
    assert_int_equal(m.list.n, 5);
    const struct mapping *map = maps_find(&m, 0x55d0c0000fff);
    assert_non_null(map);
    assert_int_equal(map->perms, MAP_READ | MAP_EXEC);
    assert_int_equal(map->offset, 0x2000);
    assert_int_equal(map->inode, 4711);
    assert_int_equal(map->dev_major, 8);
    assert_string_equal(maps_path(&m, map), "/usr/bin/a b");
    assert_true(maps_is_file(&m, map));
    assert_ptr_equal(maps_find(&m, 0x55d0c0001000), map + 1);
    assert_null(maps_find(&m, 0x55d0c0002000));
    assert_null(maps_find(&m, 0));
    map = maps_find(&m, 0x7f0000000000);
    assert_true(map->deleted);
    assert_string_equal(maps_path(&m, map), "/tmp/x\ny");
    assert_string_equal(maps_path(&m, maps_find(&m, 0x7f0000006000)), "");
    map = maps_find(&m, 0x7ffff0000000);
    assert_string_equal(maps_path(&m, map), "[vdso]");
    assert_false(maps_is_file(&m, map));
    maps_parse(&m, "", 0);
    assert_null(maps_find(&m, 1));
    maps_clear(&m);
}

static void caps_the_mappings(void **state)
{
    (void)state;
    size_t size = (MAPS_MAX + 10) * 48, n = 0;
    char *text = malloc(size);
    for (unsigned long i = 0; i < MAPS_MAX + 5; i++)
        n += (size_t)snprintf(text + n, size - n, "%lx-%lx rw-p 00000000 00:00 0\n",
                              i * 8192 + 4096, i * 8192 + 8192);
    struct maps m;
    maps_init(&m);
    maps_parse(&m, text, n);
    assert_int_equal(m.list.n, MAPS_MAX);
    assert_true(m.cut);
    maps_clear(&m);
    free(text);
}

static void opens_mapped_files(void **state)
{
    (void)state;
    char path[] = "/tmp/target-process-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "file A", 6) == 6);
    void *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    pid_t pid = start(NULL);
    munmap(mapped, 4096);
    struct maps m;
    struct err err = {""};
    maps_init(&m);
    bool changed = false;
    assert_true(maps_read(&m, pid, &changed, &err));
    assert_true(changed);
    assert_true(maps_read(&m, pid, &changed, &err));
    assert_false(changed);
    char buf[7] = "";
    const struct mapping *map = maps_find(&m, (uintptr_t)mapped);
    assert_non_null(map);
    assert_string_equal(maps_path(&m, map), path);
    fd = maps_open_file(&m, map, &err);
    assert_true(fd >= 0 && read(fd, buf, 6) == 6);
    assert_string_equal(buf, "file A");
    close(fd);

    /* replaced: the name leads to another file now, the mapping to the old one */
    char other[sizeof path + 4];
    snprintf(other, sizeof other, "%s.new", path);
    fd = open(other, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0 && write(fd, "file B", 6) == 6);
    close(fd);
    assert_int_equal(rename(other, path), 0);
    fd = maps_open_file(&m, map, &err);
    if (fd >= 0) { /* root, by map_files */
        assert_int_equal(read(fd, buf, 6), 6);
        assert_string_equal(buf, "file A");
        close(fd);
    } else {
        assert_non_null(strstr(err.text, "replaced"));
    }
    assert_true(maps_read(&m, pid, &changed, &err));
    assert_true(changed);
    map = maps_find(&m, (uintptr_t)mapped);
    assert_true(map->deleted);
    assert_string_equal(maps_path(&m, map), path);

    /* a FIFO in its place does not make us wait */
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    fd = maps_open_file(&m, map, &err);
    if (fd >= 0)
        close(fd);
    unlink(path);
    finish(pid);
    assert_false(maps_read(&m, pid, NULL, &err));
    assert_int_equal(m.list.n, 0);
    maps_clear(&m);
}

/* Threads */

struct report {
    volatile int wanted, running, spin_tid;
};
static struct report *report;

static void *idle_thread(void *arg)
{
    int number = (int)(intptr_t)arg;
    prctl(PR_SET_NAME, "idler");
    __atomic_add_fetch(&report->running, 1, __ATOMIC_SEQ_CST);
    while (report->wanted > number)
        usleep(2000);
    __atomic_sub_fetch(&report->running, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void keep_threads(void)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 65536);
    for (int have = 0;; usleep(1000)) {
        pthread_t thread;
        for (; have < report->wanted; have++)
            if (pthread_create(&thread, &attr, idle_thread, (void *)(intptr_t)have) != 0)
                _exit(1);
        have = report->wanted;
    }
}

static bool runs(int threads)
{
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    while (report->running != threads && clock_mono_ns() < until_ns)
        usleep(100);
    return report->running == threads;
}

/* The kernel has done with all others: while they end, a reading of the folder may miss some. */
static bool has_threads(pid_t pid, unsigned n)
{
    struct procfs_stat stat;
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    while (procfs_stat(pid, &stat) && stat.threads != n && clock_mono_ns() < until_ns)
        usleep(100);
    return stat.threads == n;
}

/* Refreshes until n are alive; how many refreshes it took. */
static int refreshes_until(struct tasks *tasks, size_t n)
{
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    int times = 0;
    do {
        assert_true(tasks_refresh(tasks));
        times++;
    } while (tasks_alive(tasks) != n && clock_mono_ns() < until_ns);
    assert_int_equal(tasks_alive(tasks), n);
    return times;
}

static void follows_threads(void **state)
{
    (void)state;
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct err err = {""};
    pid_t pid = start(keep_threads);
    struct tasks *tasks = tasks_new(pid, &err);
    assert_non_null(tasks);
    assert_int_equal(tasks_alive(tasks), 1);
    assert_int_equal(tasks_at(tasks, 0)->tid, pid);
    tasks_at(tasks, 0)->user = 7;
    report->wanted = 500;
    assert_true(runs(500));
    assert_int_equal(refreshes_until(tasks, 501), 1);
    assert_int_equal(tasks_at(tasks, 0)->user, 7);
    size_t idlers = 0;
    for (size_t i = 0; i < tasks_count(tasks); i++) {
        struct task *t = tasks_at(tasks, i);
        struct task_times times;
        struct task_look look;
        assert_int_equal(t->state, TASK_ALIVE);
        assert_true(task_times(tasks, t, &times));
        assert_true(times.run_ns > 0 && times.turns > 0);
        task_look(tasks, t, &look);
        assert_true(look.doing == TASK_BLOCKED || look.doing == TASK_RUNNING);
        if (look.doing == TASK_BLOCKED && look.syscall == SYS_clock_nanosleep)
            assert_true(look.sp && look.pc && look.args[2]);
        assert_int_not_equal(task_state_letter(tasks, t), 0);
        task_read_comm(tasks, t);
        idlers += strcmp(t->comm, "idler") == 0;
        if (i)
            t->user = (uint32_t)i;
    }
    assert_int_equal(idlers, 500);
    /* Ended ones are there once as ended, then their places are free; the others stay. */
    struct task *kept = tasks_at(tasks, 1);
    pid_t tid = kept->tid;
    assert_ptr_equal(tasks_find(tasks, tid), kept);
    report->wanted = 1;
    assert_true(runs(1) && has_threads(pid, 2));
    refreshes_until(tasks, 2);
    size_t ended = 0;
    for (size_t i = 0; i < tasks_count(tasks); i++)
        ended += tasks_at(tasks, i)->state == TASK_ENDED;
    assert_true(ended > 0);
    assert_true(tasks_refresh(tasks));
    for (size_t i = 2; i < tasks_count(tasks); i++) {
        struct task_times times;
        assert_int_equal(tasks_at(tasks, i)->state, TASK_FREE);
        assert_false(task_times(tasks, tasks_at(tasks, i), &times));
    }
    assert_int_equal(tasks_at(tasks, 0)->user, 7);
    finish(pid);
    struct task_times times;
    struct task_look look;
    assert_false(task_times(tasks, tasks_at(tasks, 0), &times));
    task_look(tasks, tasks_at(tasks, 1), &look);
    assert_int_equal(look.doing, TASK_GONE);
    assert_false(tasks_refresh(tasks));
    tasks_free(tasks);
    assert_null(tasks_new(pid, &err));
    munmap(report, sizeof *report);
}

static void run_and_nothing_else(void)
{
    for (;;)
        report->running++;
}

static void tells_running_from_blocked(void **state)
{
    (void)state;
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = start(run_and_nothing_else);
    struct tasks *tasks = tasks_new(pid, NULL);
    struct task_look look;
    struct task_times before, after;
    assert_true(task_times(tasks, tasks_at(tasks, 0), &before));
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    do {
        assert_true(task_times(tasks, tasks_at(tasks, 0), &after));
        task_look(tasks, tasks_at(tasks, 0), &look);
        assert_int_equal(look.doing, TASK_RUNNING);
    } while (after.run_ns - before.run_ns < 20 * NS_PER_MS && clock_mono_ns() < until_ns);
    assert_true(after.run_ns - before.run_ns >= 20 * NS_PER_MS);
    kill(pid, SIGSTOP);
    assert_true(has_state(pid, 'T'));
    task_look(tasks, tasks_at(tasks, 0), &look);
    assert_int_equal(look.doing, TASK_BLOCKED);
    assert_int_equal(look.syscall, -1);
    assert_true(look.sp && look.pc);
    assert_int_equal(task_state_letter(tasks, tasks_at(tasks, 0)), 'T');
    tasks_free(tasks);
    finish(pid);
    munmap(report, sizeof *report);
}

static int wake_pipe[2];

static void sleep_and_run(void)
{
    char byte;
    report->running = 0;
    if (read(wake_pipe[0], &byte, 1) == 1)
        run_and_nothing_else();
}

/* As soon as it runs, not at the kernel's next tick. */
static void turns_tell_that_it_has_moved(void **state)
{
    (void)state;
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(pipe(wake_pipe), 0);
    pid_t pid = start(sleep_and_run);
    assert_true(has_state(pid, 'S'));
    struct tasks *tasks = tasks_new(pid, NULL);
    struct task_times before, asleep, awake;
    assert_true(task_times(tasks, tasks_at(tasks, 0), &before));
    assert_true(task_times(tasks, tasks_at(tasks, 0), &asleep));
    assert_int_equal(asleep.turns, before.turns);
    assert_int_equal(write(wake_pipe[1], "w", 1), 1);
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    while (!report->running && clock_mono_ns() < until_ns)
        ;
    assert_true(task_times(tasks, tasks_at(tasks, 0), &awake));
    assert_true(awake.turns > before.turns);
    tasks_free(tasks);
    finish(pid);
    close(wake_pipe[0]);
    close(wake_pipe[1]);
    munmap(report, sizeof *report);
}

/* With few descriptors everything is as before, only dearer. */
static void does_without_descriptors(void **state)
{
    (void)state;
    struct rlimit before, low;
    getrlimit(RLIMIT_NOFILE, &before);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        low = (struct rlimit){140, 140};
        setrlimit(RLIMIT_NOFILE, &low);
        report =
            mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        report->wanted = 40;
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            keep_threads();
        }
        bool ok = runs(40);
        struct tasks *tasks = tasks_new(pid, NULL);
        size_t kept = 0;
        for (size_t i = 0; ok && i < tasks_count(tasks); i++) {
            struct task_times times;
            struct task_look look;
            ok = task_times(tasks, tasks_at(tasks, i), &times) && times.run_ns > 0;
            task_look(tasks, tasks_at(tasks, i), &look);
            ok = ok && (look.doing == TASK_RUNNING || look.doing == TASK_BLOCKED);
            kept += tasks_at(tasks, i)->schedstat_fd >= 0;
        }
        ok = ok && tasks_alive(tasks) == 41 && kept < 20;
        tasks_free(tasks);
        kill(pid, SIGKILL);
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(reads_a_process),
    cmocka_unit_test(finds_by_name),
    cmocka_unit_test(says_what_cannot_be_traced),
    cmocka_unit_test(belongs_to_another),
    cmocka_unit_test(every_denial_has_its_remedy),
    cmocka_unit_test(reads_memory),
    cmocka_unit_test(parses_mappings),
    cmocka_unit_test(caps_the_mappings),
    cmocka_unit_test(opens_mapped_files),
    cmocka_unit_test(follows_threads),
    cmocka_unit_test(tells_running_from_blocked),
    cmocka_unit_test(turns_tell_that_it_has_moved),
    cmocka_unit_test(does_without_descriptors),
};

int main(void)
{
    return cmocka_run_group_tests_name("target/process", tests, NULL, NULL);
}
