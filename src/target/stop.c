/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brief stops (stop.h). Invariant: every thread that was seized is either `current`, or in
 * `slow`, or detached, or reaped; a dead thread that nobody reaps would hold up an exec of its
 * process for ever. One thread: the sampler.
 */
#include "target/stop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"
#include "target/procfs.h"

/* Of the kernel's own, never seen by programs (include/linux/errno.h): the system call starts
 * again, unless a handler runs first, then it is EINTR. */
#define ERESTARTNOHAND 514

/* glibc's <sys/wait.h> has no name for the event in a ptrace status (ptrace(2)). */
#define STATUS_EVENT(status) ((unsigned)(status) >> 16)

/* How long stops_free waits for the last ones, in steps of FREE_STEP_NS. */
#define FREE_WAIT_NS (100 * NS_PER_MS)
#define FREE_STEP_NS (200 * NS_PER_US)
/* How long a thread that left by exec is looked for. */
#define STRAY_NS (10 * NS_PER_S)
/* A thread on another CPU stops 2 to 5 us after it was sent the interrupt, in a virtual machine 25:
 * it is waited for awake, because to be woken up by it takes longer, and keeps it standing. Nearly
 * all stop within SPIN_TIMES of what it takes on the average; more would be lost on those that have
 * no CPU. */
#define SPIN_TIMES    4
#define SPIN_LEAST_NS (20 * NS_PER_US)
#define SPIN_MOST_NS  (60 * NS_PER_US)
/* To be woken up takes about as long as this: a shorter sleep is not worth it. */
#define DOZE_NS (20 * NS_PER_US)
/* How fast what interruptions take is learnt, and how often what was learnt is put to the test. */
#define LEARNT_OF 16
#define TEST_EACH 32
/* How long a seizure may take before dead threads are looked for. */
#define SEIZE_NS (2 * NS_PER_MS)

enum held { HELD_INTERRUPT, HELD_SIGNAL, HELD_GROUP };

struct slow {
    pid_t tid;
    bool reaped; /* by the timer's handler: see stop_begin */
};

struct stops {
    struct stop_stats stats;
    timer_t timer;
    int signal; /* the timer's: makes waitpid return */
    bool spin;
    pid_t current;
    enum held held;
    int deliver;   /* the signal to go on with */
    bool has_call; /* of current, what its registers say of a system call is known: */
    long rax, orig_rax;
    uint64_t began_ns;
    int64_t there_ns, here_ns; /* what interrupting takes: see runs_elsewhere(); 0: not known */
    int64_t stops_ns;          /* how long a thread on another CPU runs on then; 0: not known */
    unsigned guesses;
    uint64_t stray_until_ns; /* != 0: a thread may have changed its id by exec */
    VEC(struct slow) slow;
};

/* The sampler's, for the handler: set while it may be held up in a seizure. */
static struct stops *held_up;

/* Its arrival alone makes waitpid return. In a seizure it also reaps what an exec waits for. */
static void on_timer(int signal)
{
    (void)signal;
    struct stops *s = held_up;
    int saved = errno;
    for (size_t i = 0; s && i < s->slow.n; i++) {
        siginfo_t info = {0};
        struct slow *slow = &s->slow.at[i];
        if (!slow->reaped &&
            waitid(P_PID, (id_t)slow->tid, &info, WEXITED | WNOHANG | __WALL) == 0 && info.si_pid)
            slow->reaped = true;
    }
    errno = saved;
}

struct stops *stops_new(void)
{
    struct stops *s = xcalloc(1, sizeof *s);
    s->signal = SIGRTMAX - 3;
    struct sigaction action = {.sa_handler = on_timer};
    sigemptyset(&action.sa_mask);
    if (sigaction(s->signal, &action, NULL) != 0)
        die("sigaction: no real-time signal for the time limit of stops");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, s->signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = s->signal};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &event, &s->timer) != 0)
        die("timer_create: no timer for the time limit of stops");
    vec_reserve(&s->slow, 64);
    return s;
}

void stops_spin(struct stops *s, bool spin)
{
    s->spin = spin;
}

const struct stop_stats *stops_stats(const struct stops *s)
{
    return &s->stats;
}

static struct timespec timespec_of(uint64_t ns)
{
    return (struct timespec){(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
}

/* It repeats, so that one that fires just before waitpid begins is not the last; not so fast that
 * nothing but its handler gets to run. */
#define REPEAT_NS (500 * NS_PER_US)

static void arm(struct stops *s, uint64_t ns)
{
    struct itimerspec when = {.it_interval = timespec_of(ns > REPEAT_NS ? ns : REPEAT_NS),
                              .it_value = timespec_of(ns ? ns : 1)};
    timer_settime(s->timer, 0, &when, NULL);
}

static void disarm(struct stops *s)
{
    struct itimerspec never = {0};
    timer_settime(s->timer, 0, &never, NULL);
}

static void count_stop(struct stops *s, uint64_t since_ns)
{
    uint64_t ns = clock_mono_ns() - since_ns;
    s->stats.stopped_ns += ns;
    s->stats.lasted_long += ns > STOP_LONG_NS;
    if (ns > s->stats.max_stopped_ns)
        s->stats.max_stopped_ns = ns;
}

/* What a stop is, and which signal its end must hand on. */
static enum held classify(int status, int *deliver)
{
    *deliver = 0;
    if (STATUS_EVENT(status) == PTRACE_EVENT_STOP)
        return WSTOPSIG(status) == SIGTRAP ? HELD_INTERRUPT : HELD_GROUP;
    /* No options are set, so every other stop is the delivery of a signal. */
    *deliver = WSTOPSIG(status);
    return HELD_SIGNAL;
}

/* Of these the kernel has done the work when they say EINTR: a second close could close a
 * descriptor that another thread has opened meanwhile (close(2)). */
static bool has_effect_despite_eintr(long nr)
{
    return nr == SYS_close || nr == SYS_close_range || nr == SYS_dup2 || nr == SYS_dup3;
}

/*
 * Some system calls answer any interruption with EINTR, even if there was no signal
 * (epoll_wait, semop, recv with a timeout, ...: signal(7)), and their programs do not expect it.
 * Giving such a call the return code of those that restart lets the kernel decide when it goes
 * on: with no handler to run it restarts, else the program sees EINTR. A relative timeout
 * starts anew. A thread in a group stop is left as it is: SIGSTOP gives EINTR without us too.
 */
static void mend_system_call(struct stops *s, pid_t tid, enum held held)
{
    if (held == HELD_GROUP)
        return;
    errno = 0;
    long rax = s->has_call
                   ? s->rax
                   : ptrace(PTRACE_PEEKUSER, tid, offsetof(struct user_regs_struct, rax), NULL);
    if (rax != -EINTR || errno)
        return;
    long nr = s->has_call
                  ? s->orig_rax
                  : ptrace(PTRACE_PEEKUSER, tid, offsetof(struct user_regs_struct, orig_rax), NULL);
    if (nr < 0 || has_effect_despite_eintr(nr)) /* -1: not at the end of a system call */
        return;
    if (ptrace(PTRACE_POKEUSER, tid, offsetof(struct user_regs_struct, rax),
               -(long)ERESTARTNOHAND) == 0)
        s->stats.rewound++;
}

/* false: it is no longer stopped (killed), so that its end has to be waited for. */
static bool let_go(struct stops *s, pid_t tid, enum held held, int deliver)
{
    mend_system_call(s, tid, held);
    return ptrace(PTRACE_DETACH, tid, NULL, (long)deliver) == 0;
}

static void remember(struct stops *s, pid_t tid)
{
    struct slow slow = {.tid = tid};
    vec_push(&s->slow, slow);
}

/* ECHILD for a thread that was ours: by an exec it has taken its process's id (ptrace(2),
 * "execve(2) under ptrace"), and is our tracee under that one. */
static void expect_stray(struct stops *s)
{
    s->stray_until_ns = clock_mono_ns() + STRAY_NS;
}

static bool is_slow(const struct stops *s, pid_t tid)
{
    for (size_t i = 0; i < s->slow.n; i++)
        if (s->slow.at[i].tid == tid)
            return true;
    return false;
}

/* Looks for stopped tracees that we do not know, without taking any child's status away from
 * those who wait for it: a child that is no tracee of ours cannot be detached. */
static void find_strays(struct stops *s)
{
    if (clock_mono_ns() > s->stray_until_ns) {
        s->stray_until_ns = 0;
        return;
    }
    siginfo_t info = {0};
    /* With WCONTINUED alone, stops are reported of tracees only (wait_task_stopped, exit.c). */
    if (waitid(P_ALL, 0, &info, WCONTINUED | WNOHANG | WNOWAIT | __WALL | __WNOTHREAD) != 0 ||
        info.si_pid <= 0 || is_slow(s, info.si_pid))
        return;
    pid_t pid = info.si_pid;
    errno = 0;
    ptrace(PTRACE_PEEKUSER, pid, 0L, NULL);
    if (errno)
        return; /* not a stopped tracee of ours */
    int status, deliver;
    if (waitpid(pid, &status, __WALL | WNOHANG) != pid || !WIFSTOPPED(status))
        return;
    enum held held = classify(status, &deliver);
    s->has_call = false;
    if (let_go(s, pid, held, deliver))
        s->stray_until_ns = 0;
    else
        remember(s, pid);
}

static void forget(struct stops *s, struct slow *slow)
{
    *slow = *vec_last(&s->slow);
    s->slow.n--;
}

/* The next slow thread that has stopped by now; 0: none has. Those that ended are forgotten. */
static pid_t next_stopped(struct stops *s)
{
    for (size_t i = 0; i < s->slow.n;) {
        struct slow *slow = &s->slow.at[i];
        int status;
        pid_t tid = slow->tid;
        pid_t got = slow->reaped ? tid : waitpid(tid, &status, __WALL | WNOHANG);
        if (got == 0 || (got < 0 && errno == EINTR)) {
            i++;
            continue;
        }
        bool stopped = got > 0 && !slow->reaped && WIFSTOPPED(status);
        if (got < 0)
            expect_stray(s);
        forget(s, slow);
        if (stopped) {
            s->held = classify(status, &s->deliver);
            s->current = tid;
            s->has_call = false;
            s->began_ns = clock_mono_ns();
            return tid;
        }
    }
    return 0;
}

static void pause_until(uint64_t until_ns)
{
    while (clock_mono_ns() < until_ns)
        __builtin_ia32_pause();
}

pid_t stops_wait(struct stops *s, uint64_t until_ns)
{
    if (s->stray_until_ns)
        find_strays(s);
    for (;;) {
        pid_t tid = next_stopped(s);
        uint64_t now_ns = clock_mono_ns();
        if (tid || now_ns >= until_ns)
            return tid;
        if (until_ns - now_ns < DOZE_NS && !s->slow.n) {
            pause_until(until_ns);
            continue;
        }
        if (!s->slow.n) {
            struct timespec ts = timespec_of(until_ns);
            clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
            continue;
        }
        siginfo_t info = {0};
        arm(s, until_ns - now_ns);
        int failed = waitid(P_ALL, 0, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL | __WNOTHREAD);
        disarm(s);
        if (!failed && !is_slow(s, info.si_pid)) {
            expect_stray(s);
            find_strays(s);
            struct timespec step = {0, FREE_STEP_NS}; /* whose child it is may take its status */
            nanosleep(&step, NULL);
        }
    }
}

void stops_settle(struct stops *s, uint64_t limit_ns)
{
    uint64_t until_ns = clock_mono_ns() + limit_ns;
    while ((s->slow.n || s->stray_until_ns) && clock_mono_ns() < until_ns) {
        pid_t tid = stops_wait(s, clock_mono_ns() + FREE_STEP_NS);
        if (tid)
            stop_end(s, tid);
    }
}

void stops_free(struct stops *s)
{
    if (!s)
        return;
    if (s->current)
        stop_end(s, s->current);
    stops_settle(s, FREE_WAIT_NS);
    timer_delete(s->timer);
    vec_free(&s->slow);
    free(s);
}

/*
 * An exec waits, with a lock that seizing needs too, until the dead threads of its process are
 * reaped (de_thread, fs/exec.c): while we owe it one of them, a second seizure would wait for ever.
 * The lock is waited for in a way that signals interrupt, so the timer's handler reaps meanwhile.
 */
static long seize(struct stops *s, pid_t tid)
{
    if (!s->slow.n)
        return ptrace(PTRACE_SEIZE, tid, NULL, NULL);
    held_up = s;
    arm(s, SEIZE_NS);
    long result = ptrace(PTRACE_SEIZE, tid, NULL, NULL);
    int error = errno;
    disarm(s);
    held_up = NULL;
    errno = error;
    return result;
}

static enum stop_result seize_failed(pid_t tid, int error)
{
    if (error != EPERM)
        return STOP_GONE;
    /* EPERM also stands for a thread that is just ending (ptrace_attach, ptrace.c). */
    char state = procfs_state(tid);
    return state == 0 || state == 'Z' || state == 'X' ? STOP_GONE : STOP_DENIED;
}

/*
 * Whether a thread runs on another CPU, and will stop soon, or waits for ours: the kernel sends the
 * other CPU an interrupt (kick_process, kernel/sched/core.c), which takes its time: in a virtual
 * machine 7 us, against 1 us without. What it takes here is learnt from how the stops came about.
 */
static bool runs_elsewhere(struct stops *s, int64_t took_ns)
{
    bool can_be_told = s->here_ns && s->there_ns > 2 * s->here_ns;
    if (!can_be_told || took_ns > (s->here_ns + s->there_ns) / 2)
        return true;
    return ++s->guesses % TEST_EACH == 0;
}

static void learn(int64_t *mean_ns, int64_t took_ns)
{
    *mean_ns += *mean_ns ? (took_ns - *mean_ns) / LEARNT_OF : took_ns;
}

static uint64_t spin_ns(const struct stops *s)
{
    uint64_t ns = s->stops_ns ? SPIN_TIMES * (uint64_t)s->stops_ns : SPIN_MOST_NS;
    if (ns < SPIN_LEAST_NS)
        return SPIN_LEAST_NS;
    return ns < SPIN_MOST_NS ? ns : SPIN_MOST_NS;
}

/* Waits awake for a thread that was just interrupted: see wait_stop. */
static pid_t spin_for(struct stops *s, pid_t tid, int *status)
{
    pid_t got = 0;
    uint64_t from_ns = clock_mono_ns(), until_ns = from_ns + spin_ns(s), now_ns = from_ns;
    for (; got == 0 && now_ns < until_ns; now_ns = clock_mono_ns()) {
        s->began_ns = now_ns; /* it was still running */
        got = waitpid(tid, status, __WALL | WNOHANG);
    }
    if (got > 0)
        learn(&s->stops_ns, (int64_t)(s->began_ns - from_ns));
    return got;
}

/* Waits for tid at most limit_ns: its id with *status; 0: not in time; -1: it is no child. took_ns:
 * what it took to interrupt it. */
static pid_t wait_stop(struct stops *s, pid_t tid, int *status, uint64_t limit_ns, int64_t took_ns)
{
    pid_t got = waitpid(tid, status, __WALL | WNOHANG);
    if (got == 0 && s->spin && runs_elsewhere(s, took_ns)) {
        got = spin_for(s, tid, status);
        learn(got == 0 ? &s->here_ns : &s->there_ns, took_ns);
    }
    if (got != 0 || limit_ns == 0)
        return got;
    uint64_t until_ns = s->began_ns + limit_ns;
    arm(s, limit_ns);
    do {
        /* Asleep, because on its own CPU we would keep the thread from ever getting there. */
        got = waitpid(tid, status, __WALL);
    } while (got < 0 && errno == EINTR && clock_mono_ns() < until_ns);
    int error = errno;
    disarm(s);
    return got < 0 && error == EINTR ? 0 : got;
}

enum stop_result stop_begin(struct stops *s, pid_t tid, uint64_t limit_ns)
{
    vec_reserve(&s->slow, s->slow.n + 2); /* stop_end allocates nothing */
    if (is_slow(s, tid))
        return STOP_SLOW;
    if (seize(s, tid) != 0)
        return seize_failed(tid, errno);
    s->began_ns = clock_mono_ns();
    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL); /* fails for one that has just died: see below */
    int status;
    int64_t took_ns = (int64_t)(clock_mono_ns() - s->began_ns);
    pid_t got = wait_stop(s, tid, &status, limit_ns, took_ns);
    if (got == 0) {
        s->stats.slow++;
        remember(s, tid);
        return STOP_SLOW;
    }
    if (got < 0) {
        expect_stray(s);
        return STOP_GONE;
    }
    if (!WIFSTOPPED(status))
        return STOP_GONE; /* ended, and reaped by this */
    s->held = classify(status, &s->deliver);
    s->stats.signals += s->held == HELD_SIGNAL;
    s->current = tid;
    s->has_call = false;
    return STOP_OK;
}

bool stop_registers(struct stops *s, pid_t tid, struct capture *capture)
{
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, tid, NULL, &r) != 0)
        return false;
    const uint64_t regs[DWARF_COUNT] = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi,
                                        r.rbp, r.rsp, r.r8,  r.r9,  r.r10, r.r11,
                                        r.r12, r.r13, r.r14, r.r15, r.rip};
    memcpy(capture->regs, regs, sizeof regs);
    capture->all_regs = true;
    s->has_call = true;
    s->rax = (long)r.rax;
    s->orig_rax = (long)r.orig_rax;
    return true;
}

void stop_end(struct stops *s, pid_t tid)
{
    if (tid != s->current || tid == 0)
        return;
    s->current = 0;
    bool gone = !let_go(s, tid, s->held, s->deliver);
    s->stats.stops++;
    count_stop(s, s->began_ns);
    if (gone)
        remember(s, tid);
}
