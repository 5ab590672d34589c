/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a blocked call is about: the tables of sockets and the links of descriptors taken apart,
 * hostile ones too; and locks, from words laid out as glibc does and as it does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "target/file_lock.h"
#include "target/inner_tid.h"
#include "target/lock.h"
#include "target/sockets.h"
#include "target/syscall_name.h"
#include "target/waited.h"

static void check_inet(const char *line, enum socket_protocol protocol, bool v6, bool server,
                       uint64_t inode, const char *text)
{
    struct socket_row row;
    char out[128];
    assert_true(sockets_parse_inet(line, protocol, v6, &row));
    assert_int_equal(row.inode, inode);
    sockets_print(out, sizeof out, &row, server);
    assert_string_equal(out, text);
}

static void inet_rows(void **state)
{
    (void)state;
    check_inet(
        "   1: 0100007F:B1F5 0500000A:1538 01 00000000:00000000 00:00000000 00000000     0   "
        "     0 280444 1 0000000000000000 20 4 30 10 -1\n",
        SOCKET_TCP, false, false, 280444, "tcp 10.0.0.5:5432");
    check_inet(
        "   1: 0100007F:1F90 0500000A:B1F5 01 00000000:00000000 00:00000000 00000000     0   "
        "     0 77 1 0000000000000000 20 4 30 10 -1\n",
        SOCKET_TCP, false, true, 77, "tcp 10.0.0.5 (client of port 8080)");
    check_inet(
        "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0   "
        "     0 19 1 0000000000000000 100 0 0 10 0\n",
        SOCKET_TCP, false, false, 19, "tcp listener 0.0.0.0:22");
    check_inet(
        "  12: 00000000000000000000000001000000:1538 00000000000000000000000001000000:0050 01 "
        "00000000:00000000 00:00000000 00000000   0 0 5 1 0 20 4 30 10 -1\n",
        SOCKET_TCP, true, false, 5, "tcp [::1]:80");
    check_inet(
        "  12: 0000000000000000FFFF00000100007F:1538 0000000000000000FFFF00000500000A:0050 01 "
        "00000000:00000000 00:00000000 00000000   0 0 6 1 0 20 4 30 10 -1\n",
        SOCKET_TCP, true, false, 6, "tcp 10.0.0.5:80");
    check_inet("  9: 0100007F:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 4 "
               "2 0000000000000000 0\n",
               SOCKET_UDP, false, false, 4, "udp local 127.0.0.1:5353");
}

static void inet_rows_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "\n",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
        "timeout "
        "inode\n",
        "   1: 0100007F:B1F5 0500000A:1538 01\n",
        "   1: 0100007F:B1F5\n",
        "   1: 0100007F 0500000A:1538 01 0:0 00:0 0 0 0 280444\n",
        "   1: 0100007F:B1F5 0500000A:FFFFF 01 0:0 00:0 0 0 0 280444\n",
        "   1: 0100007G:B1F5 0500000A:1538 01 0:0 00:0 0 0 0 280444\n",
        "   1: 01:B1F5 0500000A:1538 01 0:0 00:0 0 0 0 280444\n",
        "   1: 0100007F:B1F5 0500000A:1538 01 0:0 00:0 0 0 0 0\n",
        "   1: 0100007F:B1F5 0500000A:1538 01 0:0 00:0 0 0 0 x\n",
        "   1: 0100007F: 0500000A: 01 0:0 00:0 0 0 0 x",
    };
    struct socket_row row;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (sockets_parse_inet(lines[i], SOCKET_TCP, false, &row))
            fail_msg("taken for a row: %s", lines[i]);
    /* IPv6 where IPv4 is expected, and the other way round; cut anywhere. */
    const char *v4 = "   1: 0100007F:B1F5 0500000A:1538 01 0:0 00:0 0 0 0 280444 1\n";
    assert_false(sockets_parse_inet(v4, SOCKET_TCP, true, &row));
    for (size_t n = 0; n < strlen(v4); n++) {
        char *cut = strndup(v4, n);
        sockets_parse_inet(cut, SOCKET_TCP, false, &row);
        sockets_parse_unix(cut, &row);
        free(cut);
    }
}

static void check_unix(const char *line, bool server, const char *text)
{
    struct socket_row row;
    char out[160];
    assert_true(sockets_parse_unix(line, &row));
    sockets_print(out, sizeof out, &row, server);
    assert_string_equal(out, text);
}

static void unix_rows(void **state)
{
    (void)state;
    check_unix("0000000000000000: 00000002 00000000 00010000 0001 01 280439 /run/x.sock\n", false,
               "unix listener /run/x.sock");
    check_unix("0000000000000000: 00000003 00000000 00000000 0001 03 280440 /run/x.sock\n", true,
               "unix /run/x.sock (client)");
    check_unix("0000000000000000: 00000002 00000000 00010000 0001 01 9 @bus name\n", false,
               "unix listener @bus name");
    check_unix("0000000000000000: 00000002 00000000 00000000 0002 01 9 /evil\x1b[2J\n", false,
               "unix /evil?[2J");
    struct socket_row row;
    assert_false(sockets_parse_unix("Num RefCount Protocol Flags Type St Inode Path\n", &row));
    assert_false(sockets_parse_unix("0: 2 0 10000 1 01\n", &row));
    assert_false(sockets_parse_unix("0: 2 0 10000 1 01 12x /run\n", &row));
    assert_false(sockets_parse_unix("0: 2 0 10000 1 01 0 /run\n", &row));
    char line[1024];
    int head = snprintf(line, sizeof line, "0: 2 0 10000 1 01 7 ");
    memset(line + head, 'a', sizeof line - (size_t)head - 1);
    line[sizeof line - 1] = '\0';
    assert_true(sockets_parse_unix(line, &row));
    assert_int_equal(strlen(row.path), sizeof row.path - 1);
}

static void links(void **state)
{
    (void)state;
    uint64_t inode;
    int fd;
    assert_true(waited_parse_socket("socket:[280444]", &inode));
    assert_int_equal(inode, 280444);
    static const char *const no_sockets[] = {"",           "socket:[",  "socket:[x]", "socket:[1",
                                             "socket:[0]", "pipe:[12]", "socket:[1]x"};
    for (size_t i = 0; i < sizeof no_sockets / sizeof no_sockets[0]; i++)
        assert_false(waited_parse_socket(no_sockets[i], &inode));
    static const char *const names[][2] = {
        {"/var/lib/orders.db", "/var/lib/orders.db"},
        {"anon_inode:[eventfd]", "eventfd"},
        {"anon_inode:inotify", "inotify"},
        {"anon_inode:[", "["},
        {"anon_inode:", ""},
        {"/tmp/\n\x1b]0;x\a", "/tmp/??]0;x?"},
        {"pipe:[12]", "pipe:[12]"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char link[64];
        snprintf(link, sizeof link, "%s", names[i][0]);
        assert_string_equal(waited_plain_link(link), names[i][1]);
    }
    assert_true(waited_parse_epoll("tfd:        5 events:       19 data: 5\n", &fd));
    assert_int_equal(fd, 5);
    assert_false(waited_parse_epoll("tfd:\n", &fd));
    assert_false(waited_parse_epoll("tfd: -1\n", &fd));
    assert_false(waited_parse_epoll("tfd: 99999999999\n", &fd));
    assert_false(waited_parse_epoll("pos: 0\n", &fd));
}

static void descriptors(void **state)
{
    (void)state;
    struct waited_reader *r = waited_new(getpid());
    struct waited w;
    int pipes[2], pair[2], loop = epoll_create1(0), event = eventfd(0, 0);
    char link[64], want[64] = "";
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    snprintf(link, sizeof link, "/proc/self/fd/%d", pipes[0]);
    assert_true(readlink(link, want, sizeof want - 1) > 0);

    struct task_look look = {.syscall = SYS_read, .args = {(uint64_t)pipes[0]}};
    waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    assert_string_equal(w.text, want);
    assert_int_equal(w.owner, 0);
    look.args[0] = (uint64_t)pair[0];
    waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    assert_non_null(strstr(w.text, "unix socket"));
    look.args[0] = 99999; /* no such descriptor */
    waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    assert_string_equal(w.text, "");
    look.args[0] = UINT64_MAX;
    waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    assert_string_equal(w.text, "");

    /* What wakes a loop is not what it waits for; alone, it is. */
    struct epoll_event e = {.events = EPOLLIN};
    look = (struct task_look){.syscall = SYS_epoll_wait, .args = {(uint64_t)loop}};
    epoll_ctl(loop, EPOLL_CTL_ADD, event, &e);
    waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    assert_string_equal(w.text, "eventfd");

    static const int64_t calls[] = {SYS_poll,  SYS_ppoll, SYS_select,   SYS_epoll_wait, SYS_connect,
                                    SYS_futex, SYS_open,  SYS_openat,   SYS_read,       SYS_wait4,
                                    SYS_semop, -1,        SYS_pselect6, 100000};
    static const uint64_t evil[] = {0, 1, 4096, UINT64_MAX, 0x7ffffffff000, INT64_MIN};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        for (size_t k = 0; k < sizeof evil / sizeof evil[0]; k++)
            for (size_t a = 0; a < 6; a++) {
                look = (struct task_look){.syscall = calls[i]};
                for (size_t b = 0; b < 6; b++)
                    look.args[b] = evil[(k + a * b) % (sizeof evil / sizeof evil[0])];
                waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
                assert_true(strlen(w.text) < sizeof w.text);
            }
    close(loop);
    close(event);
    close(pipes[0]);
    close(pipes[1]);
    close(pair[0]);
    close(pair[1]);
    waited_free(r);
}

static void connect_addresses(void **state)
{
    (void)state;
    struct waited_reader *r = waited_new(getpid());
    struct waited w;
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/y.sock"};
    struct task_look look = {.syscall = SYS_connect,
                             .args = {99999, (uint64_t)(uintptr_t)&un, sizeof un}};
    waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    assert_string_equal(w.text, "unix /run/y.sock");
    memset(un.sun_path, 'x', sizeof un.sun_path); /* not terminated */
    waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    assert_int_equal(strlen(w.text), strlen("unix ") + sizeof un.sun_path);
    look.args[2] = 1;
    waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    assert_string_equal(w.text, "");
    waited_free(r);
}

static void *own_a_mutex(void *mutex)
{
    pthread_mutex_lock(mutex);
    *(volatile int *)((char *)mutex + sizeof(pthread_mutex_t)) = (int)gettid();
    while (*(volatile int *)((char *)mutex + sizeof(pthread_mutex_t)) > 0)
        usleep(1000);
    pthread_mutex_unlock(mutex);
    return NULL;
}

static void locks(void **state)
{
    (void)state;
    struct {
        pthread_mutex_t mutex;
        volatile int tid;
    } shared = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct inner_tids tids;
    pthread_t thread;
    inner_tids_init(&tids, getpid());
    assert_int_equal(pthread_create(&thread, NULL, own_a_mutex, &shared), 0);
    while (!shared.tid)
        usleep(1000);
    uint64_t args[6] = {(uint64_t)(uintptr_t)&shared.mutex, FUTEX_WAIT_PRIVATE, 2};
    /* Held, but nobody has said that he waits: the word is 1. */
    assert_int_equal(lock_look(&tids, gettid(), args, clock_mono_ns()).owner, 0);
    shared.mutex.__data.__lock = 2;
    struct lock lock = lock_look(&tids, gettid(), args, clock_mono_ns());
    assert_int_equal(lock.kind, LOCK_MUTEX);
    assert_int_equal(lock.owner, shared.tid);
    /* A waiter does not hold it himself; other values and operations are no mutex's. */
    assert_int_equal(lock_look(&tids, shared.tid, args, clock_mono_ns()).owner, 0);
    args[2] = 1;
    assert_int_equal(lock_look(&tids, gettid(), args, clock_mono_ns()).kind, LOCK_UNKNOWN);
    args[2] = 2;
    args[1] = FUTEX_WAKE;
    assert_int_equal(lock_look(&tids, gettid(), args, clock_mono_ns()).kind, LOCK_UNKNOWN);
    args[1] = FUTEX_WAIT_PRIVATE;
    int32_t owner = shared.mutex.__data.__owner;
    static const int32_t nobody[] = {0, -1, 1, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        shared.mutex.__data.__owner = nobody[i];
        lock = lock_look(&tids, gettid(), args, clock_mono_ns());
        assert_int_equal(lock.kind, LOCK_UNKNOWN);
        assert_int_equal(lock.owner, 0);
    }
    shared.mutex.__data.__owner = owner;
    shared.tid = 0;
    pthread_join(thread, NULL);
    inner_tids_clear(&tids);
}

/* At the end of what is mapped. */
static void locks_at_an_edge(void **state)
{
    (void)state;
    struct inner_tids tids;
    inner_tids_init(&tids, getpid());
    uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    munmap(page + 4096, 4096);
    for (uint32_t value = 0; value < 4; value++)
        for (size_t at = 0; at < 4096; at += at < 32 || at > 4032 ? 4 : 400) {
            uint64_t args[6] = {(uint64_t)(uintptr_t)page + at, FUTEX_WAIT, value};
            memcpy(page + at, &value, sizeof value);
            assert_int_equal(lock_look(&tids, gettid(), args, clock_mono_ns()).owner, 0);
        }
    munmap(page, 4096);
    inner_tids_clear(&tids);
}

static void file_locks(void **state)
{
    (void)state;
    const struct file_lock_range all = {0, UINT64_MAX}, some = {100, 199};
    const dev_t device = makedev(0xfe, 1);
    const char *line = "2: FLOCK  ADVISORY  WRITE 4711 fe:01:1312 0 EOF\n";
    pid_t holder = 0;
    assert_true(file_lock_parse(line, true, device, 1312, all, &holder));
    assert_int_equal(holder, 4711);
    assert_false(file_lock_parse(line, false, device, 1312, all, &holder));
    assert_false(file_lock_parse(line, true, device, 1313, all, &holder));
    assert_false(file_lock_parse(line, true, makedev(0xfe, 0), 1312, all, &holder));
    line = "3: POSIX  ADVISORY  WRITE 12 fe:01:1312 150 160\n";
    assert_true(file_lock_parse(line, false, device, 1312, some, &holder));
    assert_false(file_lock_parse("3: POSIX  ADVISORY  WRITE 12 fe:01:1312 200 EOF\n", false, device,
                                 1312, some, &holder));
    static const char *const others[] = {
        "",
        "3:",
        "2: -> FLOCK  ADVISORY  WRITE 4711 fe:01:1312 0 EOF\n", /* one that waits, too */
        "1: OFDLCK ADVISORY  WRITE -1 fe:01:1312 0 EOF\n",
        "1: LEASE  ACTIVE    READ  7 fe:01:1312 0 EOF\n",
        "2: FLOCK  ADVISORY  WRITE 4711 fe:01:13",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(file_lock_parse(others[i], i == 2, device, 1312, all, &holder));
}

/* A call without a kind of its own is told by its name, and what it is about. */
static void calls(void **state)
{
    (void)state;
    struct waited_reader *r = waited_new(getpid());
    struct waited w;
    struct task_look look = {.syscall = SYS_open, .args = {(uint64_t)(uintptr_t) "/srv/orders"}};
    waited_look(r, gettid(), &look, false, clock_mono_ns(), &w);
    assert_string_equal(w.text, "open /srv/orders");
    look = (struct task_look){.syscall = SYS_vfork};
    waited_look(r, gettid(), &look, false, clock_mono_ns(), &w);
    assert_string_equal(w.text, "vfork");
    look =
        (struct task_look){.syscall = SYS_ioctl, .args = {(uint64_t)open("/dev/null", O_RDONLY)}};
    waited_look(r, gettid(), &look, false, clock_mono_ns(), &w);
    assert_string_equal(w.text, "ioctl /dev/null");
    look.syscall = 100000;
    waited_look(r, gettid(), &look, false, clock_mono_ns(), &w);
    assert_string_equal(w.text, "call 100000");
    assert_string_equal(syscall_name(0), "read");
    assert_null(syscall_name(-1));
    close((int)look.args[0]);
    waited_free(r);
}

static void children(void **state)
{
    (void)state;
    struct waited_reader *r = waited_new(getpid());
    struct waited w;
    char want[64];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        prctl(PR_SET_NAME, "convert");
        dup2(ends[0], STDIN_FILENO);
        pause();
    }
    snprintf(want, sizeof want, "child %d (convert)", (int)child);
    struct task_look look = {.syscall = SYS_wait4, .args = {(uint64_t)child}};
    do
        waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    while (strcmp(w.text, want) != 0 && waitpid(child, NULL, WNOHANG) == 0);
    assert_string_equal(w.text, want);
    assert_true(w.changes);
    look.args[0] = (uint64_t)-1;
    waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    assert_string_equal(w.text, want);
    look = (struct task_look){.syscall = SYS_waitid, .args = {P_PID, (uint64_t)child}};
    waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    assert_string_equal(w.text, want);
    snprintf(want, sizeof want, "pipe of child %d (convert)", (int)child);
    look = (struct task_look){.syscall = SYS_write, .args = {(uint64_t)ends[1]}};
    do
        waited_look(r, gettid(), &look, true, clock_mono_ns(), &w);
    while (strcmp(w.text, want) != 0 && waitpid(child, NULL, WNOHANG) == 0);
    assert_string_equal(w.text, want);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    waited_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inet_rows),   cmocka_unit_test(inet_rows_refused),
        cmocka_unit_test(unix_rows),   cmocka_unit_test(links),
        cmocka_unit_test(descriptors), cmocka_unit_test(connect_addresses),
        cmocka_unit_test(locks),       cmocka_unit_test(locks_at_an_edge),
        cmocka_unit_test(file_locks),  cmocka_unit_test(calls),
        cmocka_unit_test(children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
