/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stops must harm nobody: real processes are stopped some thousand times and tell, through shared
 * memory, what they noticed of it. Each test waits for conditions, never for a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "target/procfs.h"
#include "target/remote.h"
#include "target/stop.h"

#define LIMIT_NS (20 * NS_PER_MS)
#define WAIT_NS  (20 * NS_PER_S)
#define EXECS    50

/* What the targets report; shared by all of a test's processes. */
struct report {
    volatile uint64_t rounds, interrupted, signals, last_value, out_of_order, wrong;
    volatile int tid;
};

/* What has stopped too late by now goes on. */
static void let_late_go(struct stops *s)
{
    pid_t tid;
    while ((tid = stops_wait(s, 0)))
        stop_end(s, tid);
}

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
        _exit(0);
    }
    return pid;
}

static void finish(pid_t pid)
{
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* Waits until *at has reached value; false after WAIT_NS. */
static bool reaches(volatile uint64_t *at, uint64_t value)
{
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    while (*at < value && clock_mono_ns() < until_ns)
        usleep(100);
    return *at >= value;
}

static bool has_state(pid_t pid, char state)
{
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    while (procfs_state(pid) != state && clock_mono_ns() < until_ns)
        usleep(100);
    return procfs_state(pid) == state;
}

static void spin(void)
{
    for (;;)
        report->rounds++;
}

/* On a busy machine it may have no CPU to stop on for a while. */
static void stop_at_last(struct stops *s, pid_t pid)
{
    if (stop_begin(s, pid, LIMIT_NS) != STOP_OK)
        assert_int_equal(stops_wait(s, clock_mono_ns() + WAIT_NS), pid);
}

static void stops_and_lets_go(void **state)
{
    (void)state;
    pid_t pid = start(spin);
    assert_true(reaches(&report->rounds, 1));
    struct stops *s = stops_new();
    stop_at_last(s, pid);
    uint64_t rounds = report->rounds;
    struct capture *capture = calloc(1, sizeof *capture);
    assert_true(stop_registers(s, pid, capture));
    assert_true(capture->all_regs);
    uint64_t at_stack;
    assert_true(remote_read(pid, capture->regs[DWARF_RSP], &at_stack, sizeof at_stack));
    assert_in_range(capture->regs[DWARF_RIP], (uintptr_t)spin, (uintptr_t)spin + 256);
    assert_int_equal(report->rounds, rounds);
    stop_end(s, pid);
    assert_true(reaches(&report->rounds, rounds + 1000));
    assert_int_equal(stops_stats(s)->stops, 1);
    assert_true(stops_stats(s)->stopped_ns > 0);
    assert_int_equal(stops_stats(s)->rewound, 0);
    free(capture);
    stops_free(s);
    finish(pid);
}

/* Every call here answers EINTR to an interruption (signal(7)); each waits about 0.3 ms. */
static void wait_in_many_ways(void)
{
    int epoll = epoll_create1(0), pair[2];
    struct timeval brief = {0, 300};
    struct timespec nap = {0, 300000};
    int sem = semget(IPC_PRIVATE, 1, 0600);
    sigset_t none;
    sigemptyset(&none);
    sigaddset(&none, SIGUSR2);
    sigprocmask(SIG_BLOCK, &none, NULL);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || sem < 0)
        _exit(1);
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &brief, sizeof brief);
    for (;;) {
        struct epoll_event event;
        char byte;
        struct sembuf take = {0, -1, 0};
        report->interrupted += epoll_wait(epoll, &event, 1, 1) < 0;
        report->interrupted += recv(pair[0], &byte, 1, 0) < 0 && errno == EINTR;
        report->interrupted += nanosleep(&nap, NULL) < 0;
        report->interrupted += semtimedop(sem, &take, 1, &nap) < 0 && errno == EINTR;
        report->interrupted += sigtimedwait(&none, NULL, &nap) < 0 && errno == EINTR;
        report->rounds++;
        if (report->wrong) {
            semctl(sem, 0, IPC_RMID);
            report->signals = 1;
            pause();
        }
    }
}

static void system_calls_do_not_notice(void **state)
{
    (void)state;
    pid_t pid = start(wait_in_many_ways);
    assert_true(reaches(&report->rounds, 1));
    struct stops *s = stops_new();
    for (int i = 0; i < 250 || report->rounds < 20; i++) {
        if (i % 8 == 0) /* one with no handler, that the kernel would throw away untraced */
            kill(pid, SIGWINCH);
        assert_int_equal(stop_begin(s, pid, LIMIT_NS), STOP_OK);
        stop_end(s, pid);
        /* Long enough for most calls to end: their timeouts start anew at a stop. */
        struct timespec nap = {0, (i * 7919L) % 12000 * 1000};
        nanosleep(&nap, NULL);
    }
    assert_int_equal(report->interrupted, 0);
    assert_true(stops_stats(s)->rewound > 0); /* the test has tested something */
    stops_free(s);
    report->wrong = 1;
    assert_true(reaches(&report->signals, 1));
    finish(pid);
}

static void on_queued(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    uint64_t value = (uint64_t)info->si_value.sival_int;
    report->out_of_order += value != report->last_value + 1;
    report->wrong += info->si_code != SI_QUEUE;
    report->last_value = value;
    report->signals++;
}

static void take_signals(void)
{
    struct sigaction action = {.sa_sigaction = on_queued, .sa_flags = SA_SIGINFO};
    sigaction(SIGRTMIN, &action, NULL);
    /* and a timer at 1 kHz, whose signal another handler takes */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGALRM, &ignore, NULL);
    struct itimerval each = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &each, NULL);
    for (;;)
        report->rounds++;
}

static void no_signal_is_lost(void **state)
{
    (void)state;
    pid_t pid = start(take_signals);
    assert_true(reaches(&report->rounds, 1));
    struct stops *s = stops_new();
    uint64_t sent = 0;
    for (int i = 0; i < 3000; i++) {
        union sigval value = {.sival_int = (int)sent + 1};
        if (i % 3 == 0)
            sent += sigqueue(pid, SIGRTMIN, value) == 0;
        assert_int_equal(stop_begin(s, pid, LIMIT_NS), STOP_OK);
        value.sival_int = (int)sent + 1;
        if (i % 3 == 1) /* while it is stopped */
            sent += sigqueue(pid, SIGRTMIN, value) == 0;
        stop_end(s, pid);
    }
    assert_true(reaches(&report->signals, sent));
    assert_int_equal(report->signals, sent);
    assert_int_equal(report->out_of_order, 0);
    assert_int_equal(report->wrong, 0);
    stops_free(s);
    finish(pid);
}

static void on_signal(int signal)
{
    (void)signal;
    report->signals++;
}

static void expect_interruptions(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    int epoll = epoll_create1(0);
    for (;;) {
        struct epoll_event event;
        report->rounds++;
        if (epoll_wait(epoll, &event, 1, -1) < 0 && errno == EINTR)
            report->interrupted++;
    }
}

/* The other side of mending: a program that relies on EINTR from its own signal still gets it. */
static void own_signals_still_interrupt(void **state)
{
    (void)state;
    pid_t pid = start(expect_interruptions);
    assert_true(reaches(&report->rounds, 1) && has_state(pid, 'S'));
    struct stops *s = stops_new();
    for (uint64_t i = 1; i <= 200; i++) {
        assert_int_equal(stop_begin(s, pid, LIMIT_NS), STOP_OK);
        if (i % 2)
            kill(pid, SIGUSR1); /* meets it stopped */
        stop_end(s, pid);
        /* Not before the call has begun anew: a signal that arrives on its very way there runs its
         * handler before the call, as it may without us just before a call. */
        if (i % 2 == 0 && has_state(pid, 'S'))
            kill(pid, SIGUSR1);
        assert_true(reaches(&report->interrupted, i));
        assert_true(reaches(&report->rounds, i + 1) && has_state(pid, 'S'));
        assert_int_equal(report->signals, i);
        assert_int_equal(report->interrupted, i);
    }
    stops_free(s);
    finish(pid);
}

static void stays_stopped_by_its_user(void **state)
{
    (void)state;
    pid_t pid = start(spin);
    assert_true(reaches(&report->rounds, 1));
    kill(pid, SIGSTOP);
    assert_true(has_state(pid, 'T'));
    uint64_t rounds = report->rounds;
    struct stops *s = stops_new();
    for (int i = 0; i < 100; i++) {
        assert_int_equal(stop_begin(s, pid, LIMIT_NS), STOP_OK);
        stop_end(s, pid);
    }
    assert_true(has_state(pid, 'T'));
    assert_int_equal(report->rounds, rounds);
    kill(pid, SIGCONT);
    assert_true(reaches(&report->rounds, rounds + 1));
    /* SIGSTOP and SIGCONT while it is held */
    assert_int_equal(stop_begin(s, pid, LIMIT_NS), STOP_OK);
    kill(pid, SIGSTOP);
    stop_end(s, pid);
    assert_true(has_state(pid, 'T'));
    assert_int_equal(stop_begin(s, pid, LIMIT_NS), STOP_OK);
    kill(pid, SIGCONT);
    rounds = report->rounds;
    stop_end(s, pid);
    assert_true(reaches(&report->rounds, rounds + 1));
    stops_free(s);
    finish(pid);
}

static pid_t victim;

static void stop_and_hang(void)
{
    struct stops *s = stops_new();
    if (stop_begin(s, victim, LIMIT_NS) == STOP_OK)
        report->signals = 1;
    pause();
}

static void stopper_killed_in_mid_stop(void **state)
{
    (void)state;
    victim = start(spin);
    assert_true(reaches(&report->rounds, 1));
    pid_t stopper = start(stop_and_hang);
    assert_true(reaches(&report->signals, 1));
    uint64_t rounds = report->rounds;
    assert_int_equal(procfs_state(victim), 't');
    assert_int_equal(report->rounds, rounds);
    struct stops *s = stops_new();
    assert_int_equal(stop_begin(s, victim, LIMIT_NS), STOP_DENIED); /* held by the other one */
    finish(stopper);
    assert_true(reaches(&report->rounds, rounds + 1000));
    stops_free(s);
    finish(victim);
}

static void killed_while_held(void **state)
{
    (void)state;
    pid_t pid = start(spin);
    assert_true(reaches(&report->rounds, 1));
    struct stops *s = stops_new();
    assert_int_equal(stop_begin(s, pid, LIMIT_NS), STOP_OK);
    kill(pid, SIGKILL);
    stop_end(s, pid);
    /* Being its parent too, reaping it takes it away altogether. */
    uint64_t until_ns = clock_mono_ns() + WAIT_NS;
    while (kill(pid, 0) == 0 && clock_mono_ns() < until_ns)
        let_late_go(s);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(stop_begin(s, pid, LIMIT_NS), STOP_GONE);
    stops_free(s);
}

static void *come_and_go(void *arg)
{
    (void)arg;
    report->tid = (int)syscall(SYS_gettid);
    for (int i = 0; i < 20000; i++)
        report->rounds++;
    return NULL;
}

static void make_threads(void)
{
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, come_and_go, NULL) == 0)
            pthread_join(thread, NULL);
        report->signals++;
    }
}

static bool untraced(pid_t pid)
{
    char status[4096];
    return procfs_read(AT_FDCWD, status, sizeof status, "/proc/%d/status", (int)pid) > 0 &&
           procfs_status_field(status, "TracerPid", 10, 0) == 0;
}

static void threads_that_end_are_reaped(void **state)
{
    (void)state;
    pid_t pid = start(make_threads);
    struct stops *s = stops_new();
    assert_true(reaches(&report->signals, 1));
    int met = 0;
    for (uint64_t until_ns = clock_mono_ns() + WAIT_NS;
         (met < 100 || report->signals < 100) && clock_mono_ns() < until_ns;) {
        pid_t tid = report->tid;
        if (stop_begin(s, tid, LIMIT_NS) == STOP_OK) {
            stop_end(s, tid);
            met++;
        }
        let_late_go(s);
    }
    assert_true(met >= 100);
    uint64_t made = report->signals;
    assert_true(reaches(&report->signals, made + 10)); /* goes on making threads */
    stops_free(s);
    assert_true(untraced(pid));
    finish(pid);
}

/* Execs itself from a thread that is not the first, again and again (see main). */
static const char *const self_path = "/proc/self/exe";

static void *exec_again(void *arg)
{
    (void)arg;
    char fd[16];
    snprintf(fd, sizeof fd, "%d", (int)(intptr_t)arg);
    execl(self_path, self_path, "--exec-again", fd, (char *)NULL);
    _exit(1);
}

static void run_exec_again(int fd)
{
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (report == MAP_FAILED)
        _exit(1);
    if (getppid() != report->tid)
        _exit(1); /* the test has ended: an exec by a thread loses its PR_SET_PDEATHSIG */
    report->rounds++;
    pthread_t thread;
    if (pthread_create(&thread, NULL, exec_again, (void *)(intptr_t)fd) == 0)
        for (;;)
            ;
}

/* An exec ends all threads but one, which takes the first one's id: seized threads vanish, or
 * change their id, and the exec waits for those that nobody reaps. */
static void exec_while_stopped(void **state)
{
    (void)state;
    int fd = memfd_create("report", 0);
    assert_true(fd >= 0 && ftruncate(fd, sizeof *report) == 0);
    struct report *mine = mmap(NULL, sizeof *mine, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(mine, MAP_FAILED);
    mine->tid = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exec_again((void *)(intptr_t)fd);
    }
    assert_true(reaches(&mine->rounds, 1));
    struct stops *s = stops_new();
    int stopped = 0;
    uint64_t until_ns = clock_mono_ns() + 3 * WAIT_NS;
    for (int i = 0; mine->rounds < EXECS && clock_mono_ns() < until_ns; i++) {
        /* The ids of a process with two threads follow each other closely. */
        char newest[64];
        pid_t tid = pid;
        if (i % 2 &&
            procfs_read(AT_FDCWD, newest, sizeof newest, "/proc/sys/kernel/ns_last_pid") > 0)
            tid = (pid_t)strtol(newest, NULL, 10);
        if (tid != pid && procfs_tgid(tid) != pid)
            continue;
        if (stop_begin(s, tid, NS_PER_MS) == STOP_OK) {
            stop_end(s, tid);
            stopped++;
        }
        let_late_go(s);
        usleep(200); /* where all CPUs are busy, who is stopped all the time gets nowhere */
    }
    assert_true(stopped > 0 || stops_stats(s)->slow > 0);
    assert_true(mine->rounds >= EXECS);
    stops_free(s);
    uint64_t rounds = mine->rounds;
    assert_true(reaches(&mine->rounds, rounds + 10));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap(mine, sizeof *mine);
    close(fd);
}

static void spin_on_first_cpu(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    if (sched_setaffinity(0, sizeof set, &set))
        _exit(1);
}

static void spin_starved(void)
{
    spin_on_first_cpu();
    spin();
}

static void starve_others(void)
{
    spin_on_first_cpu();
    for (;;)
        report->signals++;
}

/* A thread without a CPU is not waited for; it is stopped when it gets one, where it stood. */
static void starved_thread_stops_late(void **state)
{
    (void)state;
    pid_t pid = start(spin_starved);
    assert_true(reaches(&report->rounds, 1000));
    pid_t hog = start(starve_others);
    assert_true(reaches(&report->signals, 1000));
    struct stops *s = stops_new();
    uint64_t late = 0, until_ns = clock_mono_ns() + WAIT_NS;
    while (late < 3 && clock_mono_ns() < until_ns) {
        enum stop_result result = stop_begin(s, pid, 100 * NS_PER_US);
        assert_true(result == STOP_OK || result == STOP_SLOW);
        if (result == STOP_SLOW) {
            pid_t tid = stops_wait(s, clock_mono_ns() + WAIT_NS);
            assert_int_equal(tid, pid);
            static struct capture capture;
            assert_true(stop_registers(s, tid, &capture));
            uint64_t rounds = report->rounds;
            usleep(1000);
            assert_int_equal(report->rounds, rounds); /* it does stand still */
            late++;
        }
        stop_end(s, pid);
    }
    assert_int_equal(late, 3);
    assert_int_equal(stops_stats(s)->slow, 3);
    uint64_t rounds = report->rounds;
    assert_true(reaches(&report->rounds, rounds + 1));
    /* Waiting with nothing due takes its time, no more and no less. */
    uint64_t before_ns = clock_mono_ns();
    assert_int_equal(stops_wait(s, before_ns + 5 * NS_PER_MS), 0);
    assert_in_range(clock_mono_ns() - before_ns, 5 * NS_PER_MS, WAIT_NS);
    stops_free(s);
    finish(hog);
    finish(pid);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(stops_and_lets_go, set_up, tear_down),
    cmocka_unit_test_setup_teardown(system_calls_do_not_notice, set_up, tear_down),
    cmocka_unit_test_setup_teardown(no_signal_is_lost, set_up, tear_down),
    cmocka_unit_test_setup_teardown(own_signals_still_interrupt, set_up, tear_down),
    cmocka_unit_test_setup_teardown(stays_stopped_by_its_user, set_up, tear_down),
    cmocka_unit_test_setup_teardown(stopper_killed_in_mid_stop, set_up, tear_down),
    cmocka_unit_test_setup_teardown(killed_while_held, set_up, tear_down),
    cmocka_unit_test_setup_teardown(threads_that_end_are_reaped, set_up, tear_down),
    cmocka_unit_test(exec_while_stopped),
    cmocka_unit_test_setup_teardown(starved_thread_stops_late, set_up, tear_down),
};

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--exec-again") == 0)
        run_exec_again(atoi(argv[2]));
    return cmocka_run_group_tests_name("target/stop", tests, NULL, NULL);
}
