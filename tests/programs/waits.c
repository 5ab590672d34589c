// SPDX-License-Identifier: GPL-2.0-or-later
// Threads that are blocked, each on something known and under a function and a thread name of its
// own. Usage: waits FOLDER SILENT_PORT FULL_PORT; in FOLDER a unix socket "silent.sock" listens.
// SILENT_PORT accepts and never answers, the backlog of FULL_PORT is full. Prints "ready" when all
// threads have been started.
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define PAGE 4096

static const char *folder;
static int silent_port, full_port;
static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER, robust, inheriting;
static pthread_mutex_t first = PTHREAD_MUTEX_INITIALIZER, second = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t table = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_filled = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t catalogue = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t *shared; // with another process, which holds it
static pthread_barrier_t held, crossed;
static pthread_t napper;

static void quit(const char *what)
{
    perror(what);
    exit(1);
}

static int tcp_socket(int port, struct sockaddr_in *to)
{
    *to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return socket(AF_INET, SOCK_STREAM, 0);
}

static int silent_server(void)
{
    struct sockaddr_in to;
    int fd = tcp_socket(silent_port, &to);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        quit("connect");
    return fd;
}

static void read_disk(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/orders.db", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    static char block[PAGE] __attribute__((aligned(PAGE)));
    for (int i = 0; i < 64; i++)
        if (write(fd, block, sizeof block) < 0)
            quit("write");
    fsync(fd);
    close(fd);
    fd = open(path, O_RDONLY | O_DIRECT);
    if (fd < 0) {
        pause();
        return;
    }
    for (unsigned i = 0;; i++)
        if (pread(fd, block, sizeof block, (off_t)(i * 7 % 64) * PAGE) < 0)
            quit("pread");
}

static void *hold_locks(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&plain);
    pthread_mutex_lock(&robust);
    pthread_mutex_lock(&inheriting);
    pthread_rwlock_wrlock(&table);
    pthread_rwlock_rdlock(&catalogue);
    pthread_barrier_wait(&held);
    read_disk();
    return NULL;
}

static void *want_plain(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&plain);
    return NULL;
}

static void *want_robust(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&robust);
    return NULL;
}

static void *want_inheriting(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&inheriting);
    return NULL;
}

static void *want_table(void *arg)
{
    (void)arg;
    pthread_rwlock_rdlock(&table);
    return NULL;
}

static void *want_catalogue(void *arg)
{
    (void)arg;
    pthread_rwlock_wrlock(&catalogue);
    return NULL;
}

static void *want_shared(void *arg)
{
    (void)arg;
    pthread_mutex_lock(shared);
    return NULL;
}

// A process that holds a mutex which it shares with this one, and ends when this one does.
static void start_sharer(void)
{
    pthread_mutexattr_t attr;
    int ready[2];
    char byte = 0;
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared = (pthread_mutex_t *)(page + PAGE / 2);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(shared, &attr);
    if (pipe(ready) != 0)
        quit("pipe");
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        prctl(PR_SET_NAME, "sharer", 0, 0, 0);
        pthread_mutex_lock(shared);
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    if (read(ready[0], &byte, 1) != 1)
        quit("read");
}

// Two threads that each hold what the other wants.
static void *cross_over(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&first);
    pthread_barrier_wait(&crossed);
    pthread_mutex_lock(&second);
    return NULL;
}

static void *cross_back(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&second);
    pthread_barrier_wait(&crossed);
    pthread_mutex_lock(&first);
    return NULL;
}

static void *fill_pipe(void *arg)
{
    int fds[2];
    static char bytes[PAGE];
    (void)arg;
    if (pipe(fds) != 0)
        quit("pipe");
    while (write(fds[1], bytes, sizeof bytes) > 0)
        ;
    return NULL;
}

static void *fill_fifo(void *arg)
{
    static char bytes[PAGE];
    char path[512];
    (void)arg;
    snprintf(path, sizeof path, "%s/full.fifo", folder);
    if (mkfifo(path, 0600) != 0)
        quit("mkfifo");
    int fd = open(path, O_RDWR);
    while (write(fd, bytes, sizeof bytes) > 0)
        ;
    return NULL;
}

static void *ask_server(void *arg)
{
    char answer[16];
    (void)arg;
    recv(silent_server(), answer, sizeof answer, 0);
    return NULL;
}

static void *poll_server(void *arg)
{
    (void)arg;
    struct pollfd p = {silent_server(), POLLIN, 0};
    poll(&p, 1, -1);
    return NULL;
}

static void *loop_on_server(void *arg)
{
    (void)arg;
    int loop = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(loop, EPOLL_CTL_ADD, silent_server(), &event);
    epoll_wait(loop, &event, 1, -1);
    return NULL;
}

static void *reach_server(void *arg)
{
    struct sockaddr_in to;
    (void)arg;
    int fd = tcp_socket(full_port, &to);
    connect(fd, (struct sockaddr *)&to, sizeof to);
    return NULL;
}

static void *ask_neighbour(void *arg)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char answer[16];
    (void)arg;
    snprintf(to.sun_path, sizeof to.sun_path, "%.80s/silent.sock", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        quit("connect");
    recv(fd, answer, sizeof answer, 0);
    return NULL;
}

static void *listen_to_air(void *arg)
{
    (void)arg;
    struct sockaddr_in at;
    char bytes[16];
    tcp_socket(0, &at);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bind(fd, (struct sockaddr *)&at, sizeof at);
    recv(fd, bytes, sizeof bytes, 0);
    return NULL;
}

static void *wait_for_work(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&queue_lock);
    for (;;)
        pthread_cond_wait(&queue_filled, &queue_lock);
    return NULL;
}

static void *take_nap(void *arg)
{
    (void)arg;
    for (;;)
        sleep(1000);
    return NULL;
}

static void *join_napper(void *arg)
{
    (void)arg;
    pthread_join(napper, NULL);
    return NULL;
}

static void *lock_file(void *arg)
{
    char path[512];
    (void)arg;
    snprintf(path, sizeof path, "%s/locked", folder);
    int mine = open(path, O_RDWR | O_CREAT, 0600), other = open(path, O_RDWR);
    flock(mine, LOCK_EX);
    flock(other, LOCK_EX);
    return NULL;
}

// A page that nobody brings in: as a page fault that waits for a disk.
static void *touch_page(void *arg)
{
    (void)arg;
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    struct uffdio_api api = {.api = UFFD_API};
    volatile char *page =
        mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {.range = {(unsigned long)page, PAGE},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    if (fd < 0 || ioctl(fd, UFFDIO_API, &api) != 0 || ioctl(fd, UFFDIO_REGISTER, &range) != 0)
        return take_nap(NULL);
    page[0] = 1;
    return NULL;
}

struct named {
    const char *name;
    void *(*function)(void *);
};

static void *begin(void *arg)
{
    struct named *named = arg;
    prctl(PR_SET_NAME, named->name, 0, 0, 0);
    return named->function(NULL);
}

static pthread_t run(const char *name, void *(*function)(void *))
{
    pthread_t thread;
    struct named *named = malloc(sizeof *named);
    *named = (struct named){name, function};
    if (pthread_create(&thread, NULL, begin, named) != 0)
        quit("pthread_create");
    return thread;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    folder = argv[1];
    silent_port = atoi(argv[2]);
    full_port = atoi(argv[3]);
    pthread_mutexattr_t attr;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attr);
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(&inheriting, &attr);
    pthread_barrier_init(&held, NULL, 2);
    pthread_barrier_init(&crossed, NULL, 2);
    start_sharer();
    napper = run("napper", take_nap);
    run("holder", hold_locks);
    pthread_barrier_wait(&held);
    run("plain-1", want_plain);
    run("plain-2", want_plain);
    run("robust", want_robust);
    run("inheriting", want_inheriting);
    run("reader", want_table);
    run("writer", want_catalogue);
    run("sharing", want_shared);
    run("crosser-1", cross_over);
    run("crosser-2", cross_back);
    run("piper", fill_pipe);
    run("fifo", fill_fifo);
    run("asker", ask_server);
    run("poller", poll_server);
    run("looper", loop_on_server);
    run("reacher", reach_server);
    run("neighbour", ask_neighbour);
    run("listener", listen_to_air);
    run("worker", wait_for_work);
    run("joiner", join_napper);
    run("locker", lock_file);
    run("toucher", touch_page);
    printf("ready\n");
    fflush(stdout);
    pause();
    return 0;
}
