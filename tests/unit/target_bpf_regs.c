/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Registers by BPF, against those that the threads have put there themselves and against a ptrace
 * stop's: some hundred threads that sleep in many system calls. Built with --enable-bpf alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "target/bpf_regs.h"
#include "target/stop.h"
#include "target/tasks.h"

#define PATIENCE_NS (20 * NS_PER_S)
#define EACH        9
#define CALLS_MAX   64
#define THREADS_MAX (CALLS_MAX * EACH)
#define MARK(i)     (0x5eed00000000ull + (uint64_t)(i)*0x100)

/* System call `number` with six arguments, and mark, mark + 1 ... in rbx, rbp, r12 to r15. */
long marked_call(long number, const uint64_t *args, uint64_t mark);
extern const char marked_here[]; /* where it blocks */
__asm__(".text\n"
        ".globl marked_call, marked_here\n"
        "marked_call:\n"
        "    push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "    mov %rdi, %rax; mov %rsi, %r11; mov %rdx, %rbx\n"
        "    lea 1(%rbx), %rbp; lea 2(%rbx), %r12; lea 3(%rbx), %r13\n"
        "    lea 4(%rbx), %r14; lea 5(%rbx), %r15\n"
        "    mov (%r11), %rdi; mov 8(%r11), %rsi; mov 16(%r11), %rdx\n"
        "    mov 24(%r11), %r10; mov 32(%r11), %r8; mov 40(%r11), %r9\n"
        "    syscall\n"
        "marked_here:\n"
        "    pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "    ret\n");

struct call {
    long number;
    uint64_t args[6];
};

/* Shared with the child. */
struct sleeper {
    struct call call;
    volatile int tid;
    volatile bool runs; /* spins instead */
};
static struct report {
    volatile size_t n; /* set when all are there */
    struct sleeper at[THREADS_MAX];
} * report;

#define ADDRESS(p) ((uint64_t)(uintptr_t)(p))

/* System calls that block for good, with what they need. */
static size_t make_calls(struct call *calls)
{
    static struct timespec day = {86400, 0};
    static sigset_t usr2;
    static int word;
    static char bytes[128];
    static struct iovec part = {bytes, sizeof bytes};
    static struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    static struct epoll_event event;
    static struct io_event done;
    static struct flock lock = {.l_type = F_WRLCK};
    int empty[2], full[2], pair[2], file[2];
    char path[] = P_tmpdir "/bpf-regs-XXXXXX";
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &usr2, NULL);
    file[0] = mkstemp(path);
    file[1] = open(path, O_RDWR | O_CLOEXEC);
    unlink(path);
    bool made = !pipe(empty) && !pipe(full) && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair) &&
                file[1] >= 0 && !flock(file[0], LOCK_EX) && !fcntl(file[0], F_OFD_SETLK, &lock);
    fcntl(full[1], F_SETPIPE_SZ, 4096);
    for (int i = 0; made && i < 32; i++)
        made = write(full[1], bytes, sizeof bytes) == sizeof bytes;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), epoll = epoll_create1(0);
    sa_family_t any = AF_UNIX;
    aio_context_t aio = 0;
    made = made && !bind(listener, (struct sockaddr *)&any, sizeof any) && !listen(listener, 1) &&
           !syscall(SYS_io_setup, 1, &aio);
    pid_t child = fork();
    for (; child == 0;) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
    }
    if (!made || child < 0)
        _exit(3);
#define FD(fd) ((uint64_t)(fd))
    const struct call list[] = {
        {SYS_nanosleep, {ADDRESS(&day)}},
        {SYS_clock_nanosleep, {CLOCK_MONOTONIC, 0, ADDRESS(&day)}},
        {SYS_futex, {ADDRESS(&word), FUTEX_WAIT_PRIVATE, 0}},
        {SYS_futex, {ADDRESS(&word), FUTEX_WAIT_BITSET, 0, ADDRESS(NULL), 0, UINT32_MAX}},
        {SYS_poll, {0, 0, UINT32_MAX}},
        {SYS_ppoll, {0}},
        {SYS_select, {0}},
        {SYS_pselect6, {0}},
        {SYS_epoll_wait, {FD(epoll), ADDRESS(&event), 1, UINT32_MAX}},
        {SYS_epoll_pwait, {FD(epoll), ADDRESS(&event), 1, UINT32_MAX}},
        {SYS_read, {FD(empty[0]), ADDRESS(bytes), 1}},
        {SYS_readv, {FD(empty[0]), ADDRESS(&part), 1}},
        {SYS_write, {FD(full[1]), ADDRESS(bytes), 64}},
        {SYS_splice, {FD(empty[0]), 0, FD(full[1]), 0, 1}},
        {SYS_recvfrom, {FD(pair[0]), ADDRESS(bytes), 1}},
        {SYS_recvmsg, {FD(pair[0]), ADDRESS(&message)}},
        {SYS_accept, {FD(listener)}},
        {SYS_accept4, {FD(listener)}},
        {SYS_pause, {0}},
        {SYS_rt_sigsuspend, {ADDRESS(&usr2), 8}},
        {SYS_rt_sigtimedwait, {ADDRESS(&usr2), 0, 0, 8}},
        {SYS_wait4, {FD(child), 0, 0}},
        {SYS_waitid, {P_PID, FD(child), 0, WEXITED}},
        {SYS_flock, {FD(file[1]), LOCK_EX}},
        {SYS_fcntl, {FD(file[1]), F_OFD_SETLKW, ADDRESS(&lock)}},
        {SYS_read, {FD(eventfd(0, 0)), ADDRESS(bytes), 8}},
        {SYS_read, {FD(timerfd_create(CLOCK_MONOTONIC, 0)), ADDRESS(bytes), 8}},
        {SYS_read, {FD(signalfd(-1, &usr2, 0)), ADDRESS(bytes), 128}},
        {SYS_io_getevents, {aio, 1, 1, ADDRESS(&done)}},
    };
    memcpy(calls, list, sizeof list);
    return sizeof list / sizeof *list;
}

static void *be_sleeper(void *arg)
{
    struct sleeper *s = arg;
    s->tid = (int)syscall(SYS_gettid);
    while (s->runs)
        ;
    for (;;) /* a stop may end it */
        marked_call(s->call.number, s->call.args, MARK(s - report->at));
    return NULL;
}

static void be_sleepers(void)
{
    struct call calls[CALLS_MAX];
    size_t n = 0, kinds = make_calls(calls);
    pthread_t thread;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    for (size_t i = 0; i < kinds * EACH; i++)
        report->at[n++].call = calls[i % kinds];
    report->at[n++].runs = true;
    for (size_t i = 0; i < n; i++)
        if (pthread_create(&thread, &attr, be_sleeper, &report->at[i]))
            _exit(2);
    report->n = n;
    for (;;)
        pause();
}

struct seen {
    struct task_look look;
    struct bpf_asked asked;
    uint64_t regs[DWARF_COUNT];
};

/* Waits until it sleeps where it should. */
static void see(struct tasks *tasks, pid_t pid, const struct sleeper *s, struct seen *seen)
{
    uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;
    struct task_times times, again;
    struct task *task;
    while (!s->tid || !(task = tasks_find(tasks, s->tid))) {
        assert_true(clock_mono_ns() < until_ns);
        sched_yield();
        tasks_refresh(tasks);
    }
    do {
        if (clock_mono_ns() > until_ns)
            fail_msg("system call %ld does not block", s->call.number);
        assert_true(task_times(tasks, task, &times));
        task_look(tasks, task, &seen->look);
        assert_true(task_times(tasks, task, &again));
    } while (times.turns != again.turns || seen->look.doing != TASK_BLOCKED ||
             seen->look.syscall != s->call.number || seen->look.pc != ADDRESS(marked_here));
    seen->asked = (struct bpf_asked){.pid = pid,
                                     .tid = s->tid,
                                     .threads = tasks_alive(tasks),
                                     .run_ns = times.run_ns,
                                     .sp = seen->look.sp,
                                     .pc = seen->look.pc};
}

static void compare_marks(const uint64_t *regs, size_t i)
{
    static const uint8_t order[] = {DWARF_RBX, DWARF_RBP, DWARF_R12,
                                    DWARF_R13, DWARF_R14, DWARF_R15};
    for (size_t k = 0; k < sizeof order; k++)
        assert_int_equal(regs[order[k]], MARK(i) + k);
}

/* What a stop tells, but for what the system call's end changes. */
static void compare_stop(struct stops *stops, const struct sleeper *s, const uint64_t *regs)
{
    static const uint8_t kept[] = {DWARF_RBX, DWARF_RBP, DWARF_R12, DWARF_R13, DWARF_R14, DWARF_R15,
                                   DWARF_RSP, DWARF_RIP, DWARF_RDI, DWARF_RSI, DWARF_RDX, DWARF_RCX,
                                   DWARF_R8,  DWARF_R9,  DWARF_R10, DWARF_R11};
    static struct capture truth;
    if (stop_begin(stops, s->tid, 20 * NS_PER_MS) != STOP_OK)
        assert_int_equal(stops_wait(stops, clock_mono_ns() + PATIENCE_NS), s->tid);
    assert_true(stop_registers(stops, s->tid, &truth));
    stop_end(stops, s->tid);
    for (size_t k = 0; k < sizeof kept; k++)
        if (regs[kept[k]] != truth.regs[kept[k]])
            fail_msg("system call %ld: register %u", s->call.number, kept[k]);
}

static pid_t start_sleepers(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        be_sleepers();
    }
    assert_true(pid > 0);
    uint64_t until_ns = clock_mono_ns() + PATIENCE_NS;
    int status;
    while (!report->n && clock_mono_ns() < until_ns && !waitpid(pid, &status, WNOHANG))
        sched_yield();
    assert_true(report->n > 200);
    return pid;
}

/* Another sleep's, another process's, nobody's, and one that runs. */
static void refuses(struct bpf_regs *b, const struct seen *seen, pid_t running)
{
    uint64_t regs[DWARF_COUNT];
    struct bpf_asked other = seen[0].asked, mine = seen[1].asked, nobody = seen[2].asked,
                     runs = seen[3].asked;
    other.run_ns++;
    mine.pid = mine.tid = getpid();
    nobody.tid = INT32_MAX;
    nobody.sp = 0;
    runs.tid = running;
    runs.sp = 1;
    assert_int_equal(bpf_regs_read(b, &other, regs), BPF_NO_REGS);
    assert_int_equal(bpf_regs_read(b, &mine, regs), BPF_NO_REGS);
    assert_int_equal(bpf_regs_read(b, &nobody, regs), BPF_NO_REGS);
    assert_int_equal(bpf_regs_read(b, &runs, regs), BPF_NO_REGS);
}

static void test_against_marks_and_stops(void **state)
{
    (void)state;
    static struct seen seen[THREADS_MAX];
    struct err err;
    struct bpf_regs *b = bpf_regs_new();
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(report, MAP_FAILED);
    assert_int_equal(bpf_regs_read(b, &(struct bpf_asked){.pid = 1}, seen[0].regs), BPF_LATER);
    assert_true(bpf_regs_wanted(b));
    if (!bpf_regs_load(b, &err)) {
        print_message("# skip: %s\n", err.text);
        bpf_regs_free(b);
        skip();
    }
    pid_t pid = start_sleepers();
    size_t n = report->n - 1; /* the last one runs */
    struct tasks *tasks = tasks_new(pid, &err);
    for (size_t i = 0; i < n; i++)
        see(tasks, pid, &report->at[i], &seen[i]);

    for (int together = 0; together < 2; together++) {
        uint64_t from_ns = clock_thread_cpu_ns();
        for (size_t i = 0; i < n; i++) {
            memset(seen[i].regs, 0xee, sizeof seen[i].regs);
            seen[i].asked.now_ns = together ? 1 : i + 2;
            assert_int_equal(bpf_regs_read(b, &seen[i].asked, seen[i].regs), BPF_REGS);
            compare_marks(seen[i].regs, i);
            for (size_t k = 0; k < 2; k++)
                assert_int_equal(seen[i].regs[k ? DWARF_RSI : DWARF_RDI], seen[i].look.args[k]);
        }
        double us = (double)(clock_thread_cpu_ns() - from_ns) / 1e3;
        print_message("# %zu threads, %s: %.1f us, %.2f us each\n", n,
                      together ? "all in one tick" : "one in a tick", us, us / (double)n);
    }
    assert_int_equal(bpf_regs_answered(b), 2 * n);

    refuses(b, seen, report->at[n].tid);

    struct stops *stops = stops_new();
    for (size_t i = 0; i < n; i++)
        compare_stop(stops, &report->at[i], seen[i].regs);
    print_message("# %zu threads' registers as they have set them, and as a stop has them\n", n);
    stops_free(stops);
    tasks_free(tasks);
    bpf_regs_free(b);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap(report, sizeof *report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_marks_and_stops)};
    return cmocka_run_group_tests_name("target_bpf_regs", tests, NULL, NULL);
}
