/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See waited.h. */
#include "target/waited.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "target/waited_child.h"
#include "target/file_lock.h"
#include "target/inner_tid.h"
#include "target/lock.h"
#include "target/procfs.h"
#include "target/remote.h"
#include "target/sockets.h"
#include "target/syscall_name.h"

#define NAMED_MAX  3  /* of several descriptors that are polled */
#define POLLED_MAX 64 /* that are looked at */
#define SELECT_MAX 1024
#define ONE_MAX    160 /* characters of one of several descriptors */

struct waited_reader {
    pid_t pid;
    struct sockets *sockets;
    struct inner_tids tids;
};

/* One question. */
struct asked {
    struct waited_reader *r;
    pid_t tid;
    const uint64_t *args;
    uint64_t now_ns;
    struct waited *out;
};

struct waited_reader *waited_new(pid_t pid)
{
    struct waited_reader *r = xcalloc(1, sizeof *r);
    r->pid = pid;
    r->sockets = sockets_new(pid);
    inner_tids_init(&r->tids, pid);
    return r;
}

void waited_free(struct waited_reader *r)
{
    if (!r)
        return;
    sockets_free(r->sockets);
    inner_tids_clear(&r->tids);
    free(r);
}

bool waited_parse_socket(const char *link, uint64_t *inode)
{
    static const char head[] = "socket:[";
    if (strncmp(link, head, sizeof head - 1) != 0)
        return false;
    char *end;
    *inode = strtoull(link + sizeof head - 1, &end, 10);
    return *inode && strcmp(end, "]") == 0;
}

const char *waited_plain_link(char *link)
{
    static const char head[] = "anon_inode:";
    text_make_printable(link);
    if (strncmp(link, head, sizeof head - 1) != 0)
        return link;
    link += sizeof head - 1;
    size_t length = strlen(link);
    if (link[0] == '[' && length > 1 && link[length - 1] == ']') {
        link[length - 1] = '\0';
        link++;
    }
    return link;
}

bool waited_parse_epoll(const char *line, int *fd)
{
    char *end;
    if (strncmp(line, "tfd:", 4) != 0)
        return false;
    long number = strtol(line + 4, &end, 10);
    *fd = (int)number;
    return end != line + 4 && number >= 0 && number < INT32_MAX;
}

/* The file behind a descriptor, in words. false: there is no such descriptor. */
static bool print_fd(const struct asked *a, int fd, char *out, size_t size)
{
    char path[80], link[WAITED_TEXT_MAX];
    uint64_t inode;
    snprintf(path, sizeof path, "/proc/%d/task/%d/fd/%d", (int)a->r->pid, (int)a->tid, fd);
    ssize_t length = fd >= 0 ? readlink(path, link, sizeof link - 1) : -1;
    out[0] = '\0';
    if (length <= 0)
        return false;
    link[length] = '\0';
    if (!waited_parse_socket(link, &inode)) {
        if (strncmp(link, "pipe:", 5) != 0 ||
            !waited_child_pipe(a->r->pid, a->tid, link, out, size))
            snprintf(out, size, "%s", waited_plain_link(link));
        return true;
    }
    switch (sockets_find(a->r->sockets, a->tid, inode, a->now_ns, out, size)) {
    case SOCKET_FOUND:
        return true;
    case SOCKET_LATER:
        a->out->later = true;
        break;
    case SOCKET_UNKNOWN:
        break;
    }
    snprintf(out, size, "socket");
    return true;
}

static void about_fd(const struct asked *a, int fd)
{
    print_fd(a, fd, a->out->text, sizeof a->out->text);
}

/* How threads of the process wake a loop: not what it waits for. */
static bool is_wakeup(const char *text)
{
    return strcmp(text, "eventfd") == 0 || strcmp(text, "signalfd") == 0 ||
           strncmp(text, "pipe:", 5) == 0 || strncmp(text, "unix socket ", 12) == 0;
}

static int by_number(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

/* A few descriptors, in the order of their numbers (an epoll instance lists its own by addresses in
 * the kernel), each name once; those that only wake the loop if there are no others. */
static void about_fds(const struct asked *a, int *fds, size_t n)
{
    char names[2 * NAMED_MAX][ONE_MAX];
    size_t named = 0, shown = 0;
    bool others = false;
    qsort(fds, n, sizeof *fds, by_number);
    for (size_t i = 0; i < n && n <= 2 * NAMED_MAX; i++) {
        bool new = print_fd(a, fds[i], names[named], sizeof names[named]);
        for (size_t k = 0; k < named && new; k++)
            new = strcmp(names[k], names[named]) != 0;
        others |= new && !is_wakeup(names[named]);
        named += new;
    }
    struct text t = TEXT(a->out->text);
    for (size_t i = 0; i < named; i++)
        if (is_wakeup(names[i]) != others)
            text_add(&t, "%s%s", shown++ ? ", " : "", names[i]);
    if (n > 2 * NAMED_MAX || shown > NAMED_MAX)
        snprintf(a->out->text, sizeof a->out->text, "many descriptors");
}

static void about_poll(const struct asked *a)
{
    struct pollfd polled[POLLED_MAX];
    int fds[POLLED_MAX];
    size_t n = 0, count = a->args[1] < POLLED_MAX ? (size_t)a->args[1] : POLLED_MAX;
    if (!count || !remote_read(a->r->pid, a->args[0], polled, count * sizeof polled[0]))
        return;
    for (size_t i = 0; i < count; i++)
        if (polled[i].fd >= 0)
            fds[n++] = polled[i].fd;
    about_fds(a, fds, n);
}

static void about_select(const struct asked *a)
{
    uint8_t set[SELECT_MAX / 8], any[SELECT_MAX / 8] = {0};
    int fds[POLLED_MAX], count = (int)a->args[0];
    size_t n = 0, bytes;
    if (count <= 0)
        return;
    if (count > SELECT_MAX)
        count = SELECT_MAX;
    bytes = ((size_t)count + 7) / 8;
    for (int i = 1; i <= 3; i++)
        if (a->args[i] && remote_read(a->r->pid, a->args[i], set, bytes))
            for (size_t k = 0; k < bytes; k++)
                any[k] |= set[k];
    for (int fd = 0; fd < count && n < POLLED_MAX; fd++)
        if (any[fd / 8] >> (fd % 8) & 1)
            fds[n++] = fd;
    about_fds(a, fds, n);
}

static void about_epoll(const struct asked *a)
{
    char info[2048];
    int fds[POLLED_MAX];
    size_t n = 0;
    if (procfs_read(AT_FDCWD, info, sizeof info, "/proc/%d/task/%d/fdinfo/%d", (int)a->r->pid,
                    (int)a->tid, (int)a->args[0]) <= 0)
        return;
    for (const char *line = info; line && n < POLLED_MAX; line = strchr(line, '\n')) {
        line += *line == '\n';
        n += waited_parse_epoll(line, &fds[n]);
    }
    about_fds(a, fds, n);
}

/* The address that connect() was given; what kind of socket it is, only the descriptor tells. */
static void about_connect(const struct asked *a)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un un;
    } address = {0};
    char host[INET6_ADDRSTRLEN] = "?";
    size_t size = a->args[2] < sizeof address ? (size_t)a->args[2] : sizeof address;
    size_t got = remote_read_some(a->r->pid, a->args[1], &address, size);
    char *out = a->out->text;
    if (got >= sizeof address.v4 && address.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address.v4.sin_addr, host, sizeof host);
        snprintf(out, WAITED_TEXT_MAX, "tcp %s:%u", host, ntohs(address.v4.sin_port));
    } else if (got >= offsetof(struct sockaddr_in6, sin6_scope_id) &&
               address.any.sa_family == AF_INET6) {
        bool mapped = IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr);
        inet_ntop(mapped ? AF_INET : AF_INET6, address.v6.sin6_addr.s6_addr + (mapped ? 12 : 0),
                  host, sizeof host);
        snprintf(out, WAITED_TEXT_MAX, mapped ? "tcp %s:%u" : "tcp [%s]:%u", host,
                 ntohs(address.v6.sin6_port));
    } else if (got > offsetof(struct sockaddr_un, sun_path) && address.any.sa_family == AF_UNIX) {
        int length = (int)(got - offsetof(struct sockaddr_un, sun_path));
        bool abstract = !address.un.sun_path[0];
        snprintf(out, WAITED_TEXT_MAX, "unix %s%.*s", abstract ? "@" : "", length - abstract,
                 address.un.sun_path + abstract);
        text_make_printable(out);
    } else {
        about_fd(a, (int)a->args[0]);
    }
}

static void about_path(const struct asked *a, uint64_t address)
{
    remote_read_string(a->r->pid, address, a->out->text, sizeof a->out->text);
    text_make_printable(a->out->text);
}

/* Who is no thread of this process, or not to be told by name. */
static void add_holders(struct waited *out, const struct lock *lock, const char *name)
{
    struct text t = {out->text, sizeof out->text, strlen(out->text), false};
    if (lock->process)
        text_add(&t, WAITED_HELD_BY "%s (%d)", name, (int)lock->process);
    else
        text_add(&t, WAITED_HELD_BY "%u reader%s", lock->readers, lock->readers > 1 ? "s" : "");
}

static void about_futex(const struct asked *a)
{
    struct lock lock = lock_look(&a->r->tids, a->tid, a->args, a->now_ns);
    char name[TASK_COMM_MAX];
    struct waited *out = a->out;
    if (lock.process && !procfs_comm(lock.process, lock.process, name, sizeof name))
        lock.kind = LOCK_UNKNOWN;
    out->owner = lock.owner;
    out->words = lock.words;
    switch (lock.kind) {
    case LOCK_MUTEX:
    case LOCK_RWLOCK:
        out->changes = true;
        snprintf(out->text, sizeof out->text, "%s %#llx",
                 lock.kind == LOCK_MUTEX ? "lock" : "rwlock", (unsigned long long)lock.address);
        if (lock.process || lock.readers)
            add_holders(out, &lock, name);
        return;
    case LOCK_JOIN:
        procfs_comm(a->r->pid, lock.owner, name, sizeof name);
        snprintf(out->text, sizeof out->text, "end of thread %s", name);
        return;
    case LOCK_UNKNOWN:
        break;
    }
    /* It may be a lock that nobody held at that very moment. */
    out->changes = (uint32_t)a->args[2] == 2;
    snprintf(out->text, sizeof out->text, "futex %#llx", (unsigned long long)lock.address);
}

static void about_number(const struct asked *a, const char *what)
{
    snprintf(a->out->text, sizeof a->out->text, "%s %d", what, (int)a->args[0]);
}

static void about_child(const struct asked *a, int64_t nr)
{
    pid_t child = (pid_t)a->args[0];
    if (nr == SYS_waitid && a->args[0] == P_PIDFD) {
        about_fd(a, (int)a->args[1]);
        return;
    }
    if (nr == SYS_waitid)
        child = a->args[0] == P_PID ? (pid_t)a->args[1] : 0;
    waited_child_print(a->r->pid, a->tid, child, a->out->text, sizeof a->out->text);
    a->out->changes = true; /* it may not have executed its program yet */
}

/* The file, and the process that holds the lock on it. */
static void about_file_lock(const struct asked *a, int64_t nr)
{
    char path[64], comm[TASK_COMM_MAX];
    struct file_lock_range range = {0, UINT64_MAX};
    struct flock wanted;
    about_fd(a, (int)a->args[0]);
    if (nr == SYS_fcntl && remote_read(a->r->pid, a->args[2], &wanted, sizeof wanted) &&
        wanted.l_whence == SEEK_SET && wanted.l_start >= 0 && wanted.l_len >= 0) {
        range.from = (uint64_t)wanted.l_start;
        if (wanted.l_len)
            range.to = range.from + (uint64_t)wanted.l_len - 1;
    }
    snprintf(path, sizeof path, "/proc/%d/task/%d/fd/%d", (int)a->r->pid, (int)a->tid,
             (int)a->args[0]);
    pid_t holder = file_lock_holder(path, nr == SYS_flock, range);
    a->out->changes = true;
    if (!holder)
        return;
    procfs_comm(holder, holder, comm, sizeof comm);
    size_t n = strlen(a->out->text);
    snprintf(a->out->text + n, sizeof a->out->text - n, WAITED_HELD_BY "%s (%d)",
             *comm ? comm : "process", (int)holder);
}

/* Calls that are not about the descriptor in their first argument. false: it is none of them. */
static bool about_others(const struct asked *a, int64_t nr)
{
    switch (nr) {
    case SYS_futex:
        about_futex(a);
        return true;
    case SYS_poll:
    case SYS_ppoll:
        about_poll(a);
        return true;
    case SYS_select:
    case SYS_pselect6:
        about_select(a);
        return true;
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
        about_epoll(a);
        return true;
    case SYS_connect:
        about_connect(a);
        return true;
    case SYS_wait4:
    case SYS_waitid:
        about_child(a, nr);
        return true;
    case SYS_flock:
    case SYS_fcntl:
        about_file_lock(a, nr);
        return true;
    case SYS_semop:
    case SYS_semtimedop:
        about_number(a, "semaphore set");
        return true;
    case SYS_msgrcv:
    case SYS_msgsnd:
        about_number(a, "message queue");
        return true;
    default:
        return false;
    }
}

static bool is_one_of(int64_t nr, const int16_t *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (calls[i] == nr)
            return true;
    return false;
}

static bool has_descriptor(int64_t nr)
{
    static const int16_t calls[] = {
        SYS_read,
        SYS_readv,
        SYS_pread64,
        SYS_preadv,
        SYS_preadv2,
        SYS_recvfrom,
        SYS_recvmsg,
        SYS_recvmmsg,
        SYS_write,
        SYS_writev,
        SYS_pwrite64,
        SYS_pwritev,
        SYS_pwritev2,
        SYS_sendto,
        SYS_sendmsg,
        SYS_sendmmsg,
        SYS_sendfile,
        SYS_splice,
        SYS_accept,
        SYS_accept4,
        SYS_fsync,
        SYS_fdatasync,
        SYS_syncfs,
        SYS_ioctl,
        SYS_fstat,
        SYS_ftruncate,
        SYS_fallocate,
        SYS_getdents64,
        SYS_shutdown,
        SYS_tee,
        SYS_io_uring_enter,
        SYS_mq_timedsend,
        SYS_mq_timedreceive,
        SYS_copy_file_range,
        SYS_sync_file_range,
        SYS_readahead,
        SYS_fchdir,
        SYS_fchmod,
        SYS_fchown,
        SYS_fstatfs,
        SYS_lseek,
        SYS_dup2,
        SYS_close,
        SYS_fgetxattr,
        SYS_flistxattr,
        SYS_fsetxattr,
        SYS_getdents,
    };
    return is_one_of(nr, calls, sizeof calls / sizeof calls[0]);
}

/* The number of the argument that is a path; -1: none is. */
static int path_argument(int64_t nr)
{
    static const int16_t first[] = {
        SYS_open,     SYS_creat,  SYS_stat,  SYS_lstat,   SYS_access,   SYS_unlink,
        SYS_execve,   SYS_mkdir,  SYS_rmdir, SYS_rename,  SYS_link,     SYS_symlink,
        SYS_readlink, SYS_chdir,  SYS_chmod, SYS_chown,   SYS_lchown,   SYS_truncate,
        SYS_statfs,   SYS_mknod,  SYS_utime, SYS_utimes,  SYS_getxattr, SYS_lgetxattr,
        SYS_setxattr, SYS_chroot, SYS_mount, SYS_umount2, SYS_swapon,   SYS_swapoff,
    };
    static const int16_t second[] = {
        SYS_openat,     SYS_openat2,  SYS_newfstatat,        SYS_statx,     SYS_unlinkat,
        SYS_mkdirat,    SYS_mknodat,  SYS_renameat,          SYS_renameat2, SYS_linkat,
        SYS_readlinkat, SYS_fchmodat, SYS_fchownat,          SYS_faccessat, SYS_faccessat2,
        SYS_utimensat,  SYS_execveat, SYS_inotify_add_watch,
    };
    if (is_one_of(nr, first, sizeof first / sizeof first[0]))
        return 0;
    return is_one_of(nr, second, sizeof second / sizeof second[0]) ? 1 : -1;
}

/* A call that needs its name to be told, as there is no kind of wait for it. */
static void about_call(const struct asked *a, int64_t nr)
{
    char about[WAITED_TEXT_MAX];
    const char *name = syscall_name(nr);
    int path = path_argument(nr);
    if (path >= 0)
        about_path(a, a->args[path]);
    else if (has_descriptor(nr))
        about_fd(a, (int)a->args[0]);
    snprintf(about, sizeof about, "%s", a->out->text);
    if (name)
        snprintf(a->out->text, sizeof a->out->text, *about ? "%s %.200s" : "%s", name, about);
    else
        snprintf(a->out->text, sizeof a->out->text, "call %lld", (long long)nr);
}

void waited_look(struct waited_reader *r, pid_t tid, const struct task_look *look, bool named,
                 uint64_t now_ns, struct waited *out)
{
    *out = (struct waited){.owner = 0};
    struct asked a = {r, tid, look->args, now_ns, out};
    if (look->syscall < 0)
        snprintf(out->text, sizeof out->text, "page fault");
    else if (!named)
        about_call(&a, look->syscall);
    else if (!about_others(&a, look->syscall) && has_descriptor(look->syscall))
        about_fd(&a, (int)look->args[0]);
}

bool waited_same(const struct waited_reader *r, const struct task_look *look, uint64_t words)
{
    return look->syscall == SYS_futex && lock_same(r->pid, look->args[0], words);
}
