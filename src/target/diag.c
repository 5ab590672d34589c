/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See diag.h. */
#include "target/diag.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define ANSWER_MAX 4096
#define DUMP_MAX   (32 * 1024) /* as much as the kernel puts into one answer */
#define TCP_LISTEN 10          /* of unix sockets too (unix_diag) */

struct diag {
    int fd; /* -1: none */
};

/* Only the sampler asks. */
static _Alignas(struct nlmsghdr) char dump[DUMP_MAX];

static int open_here(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    /* The kernel answers within the call; should it ever not, the sampler must go on. */
    struct timeval limit = {0, 2000};
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

/* A socket stays in the namespace that it was made in; only this thread goes there, and back. */
static int open_there(int there)
{
    int here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;
    if (here < 0)
        return -1;
    if (setns(there, CLONE_NEWNET) == 0) {
        fd = open_here();
        if (setns(here, CLONE_NEWNET) != 0)
            die("cannot return to the own network namespace");
    }
    close(here);
    return fd;
}

struct diag *diag_new(pid_t pid, pid_t tid)
{
    struct diag *d = xcalloc(1, sizeof *d);
    char path[80];
    struct stat own, other;
    snprintf(path, sizeof path, "/proc/%d/task/%d/ns/net", (int)pid, (int)tid);
    d->fd = -1;
    int there = open(path, O_RDONLY | O_CLOEXEC);
    if (there < 0)
        return d;
    if (fstat(there, &other) == 0 && stat("/proc/thread-self/ns/net", &own) == 0)
        d->fd = own.st_ino == other.st_ino && own.st_dev == other.st_dev ? open_here()
                                                                         : open_there(there);
    close(there);
    return d;
}

void diag_free(struct diag *d)
{
    if (!d)
        return;
    if (d->fd >= 0)
        close(d->fd);
    free(d);
}

static void take_name(const struct rtattr *a, char *name, size_t size)
{
    size_t length = RTA_PAYLOAD(a);
    const char *bytes = RTA_DATA(a);
    if (length >= size)
        length = size - 1;
    memcpy(name, bytes, length);
    name[length] = '\0';
    if (length && !name[0]) /* an abstract name begins with a NUL */
        name[0] = '@';
    text_make_printable(name);
}

/* What one message tells of its socket. */
struct told {
    uint64_t peer, caller;
    bool called; /* `caller` waits to be accepted by it */
    char *name;
    size_t name_size;
};

static void read_message(const struct nlmsghdr *head, struct told *told)
{
    int left = (int)(head->nlmsg_len - NLMSG_LENGTH(sizeof(struct unix_diag_msg)));
    const char *first = (const char *)head + NLMSG_LENGTH(sizeof(struct unix_diag_msg));
    for (const struct rtattr *a = (const struct rtattr *)(const void *)first; RTA_OK(a, left);
         a = RTA_NEXT(a, left)) {
        const char *bytes = RTA_DATA(a);
        uint32_t number;
        if (a->rta_type == UNIX_DIAG_NAME)
            take_name(a, told->name, told->name_size);
        for (size_t at = 0; at + sizeof number <= RTA_PAYLOAD(a); at += sizeof number) {
            memcpy(&number, bytes + at, sizeof number);
            if (a->rta_type == UNIX_DIAG_PEER && at == 0)
                told->peer = number;
            if (a->rta_type == UNIX_DIAG_ICONS && number == told->caller)
                told->called = true;
        }
    }
}

/* The messages of the answers to a dump. Start with all zero. */
struct answers {
    const struct nlmsghdr *next;
    size_t left;
    bool complete; /* the last one was the end, not an error */
};

/* NULL: there are no more. */
static const struct nlmsghdr *next_answer(const struct diag *d, struct answers *a)
{
    if (!a->next || !NLMSG_OK(a->next, a->left)) {
        ssize_t got = recv(d->fd, dump, sizeof dump, 0);
        a->next = (const struct nlmsghdr *)dump;
        a->left = got > 0 ? (size_t)got : 0;
        if (!NLMSG_OK(a->next, a->left))
            return NULL;
    }
    const struct nlmsghdr *head = a->next;
    a->complete = head->nlmsg_type == NLMSG_DONE;
    if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return NULL;
    a->next = NLMSG_NEXT(head, a->left);
    return head;
}

static bool send_question(struct diag *d, const void *question, size_t size)
{
    /* What an earlier question that timed out has left is no answer to this one. */
    char rest[64];
    while (recv(d->fd, rest, sizeof rest, MSG_DONTWAIT) > 0)
        ;
    return send(d->fd, question, size, 0) == (ssize_t)size;
}

static bool send_unix(struct diag *d, uint16_t flags, uint32_t states, uint32_t inode,
                      uint32_t show)
{
    struct {
        struct nlmsghdr head;
        struct unix_diag_req request;
    } question = {
        .head = {.nlmsg_len = sizeof question,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)},
        .request = {.sdiag_family = AF_UNIX,
                    .udiag_states = states,
                    .udiag_ino = inode,
                    .udiag_show = show,
                    .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
    };
    return send_question(d, &question, sizeof question);
}

static bool is_message(const struct nlmsghdr *head)
{
    return head->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
           head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct unix_diag_msg));
}

static bool ask(struct diag *d, uint32_t inode, struct told *told)
{
    _Alignas(struct nlmsghdr) char answer[ANSWER_MAX];
    if (!send_unix(d, 0, UINT32_MAX, inode, UDIAG_SHOW_NAME | UDIAG_SHOW_PEER))
        return false;
    ssize_t got = recv(d->fd, answer, sizeof answer, 0);
    const struct nlmsghdr *head = (const struct nlmsghdr *)answer;
    if (got < 0 || !NLMSG_OK(head, (size_t)got) || !is_message(head))
        return false;
    read_message(head, told);
    return true;
}

/* A connection that has not been accepted yet has no peer, but stands in its listener's queue. */
static bool ask_listeners(struct diag *d, struct told *told)
{
    if (!send_unix(d, NLM_F_DUMP, 1u << TCP_LISTEN, 0, UDIAG_SHOW_NAME | UDIAG_SHOW_ICONS))
        return false;
    struct answers answers = {0};
    for (const struct nlmsghdr *head; (head = next_answer(d, &answers)) && is_message(head);) {
        told->name[0] = '\0';
        read_message(head, told);
        if (told->called)
            return true;
    }
    return false;
}

bool diag_unix_peer(struct diag *d, uint64_t inode, uint64_t *peer, char *name, size_t size)
{
    struct told told = {.name = name, .name_size = size};
    *peer = 0;
    name[0] = '\0';
    if (d->fd < 0 || inode > UINT32_MAX || !ask(d, (uint32_t)inode, &told))
        return false;
    name[0] = '\0';
    *peer = told.peer;
    if (*peer)
        return ask(d, (uint32_t)*peer, &told);
    told.caller = inode;
    if (!ask_listeners(d, &told))
        name[0] = '\0';
    return name[0] != '\0';
}

static void take_tcp(const struct nlmsghdr *head, bool v6, diag_row_fn *fn, void *context)
{
    struct inet_diag_msg message;
    struct socket_row row = {.protocol = SOCKET_TCP, .v6 = v6};
    memcpy(&message, NLMSG_DATA(head), sizeof message);
    memcpy(row.local, message.id.idiag_src, v6 ? 16 : 4);
    memcpy(row.remote, message.id.idiag_dst, v6 ? 16 : 4);
    row.local_port = ntohs(message.id.idiag_sport);
    row.remote_port = ntohs(message.id.idiag_dport);
    row.listening = message.idiag_state == TCP_LISTEN;
    row.inode = message.idiag_inode;
    if (row.inode)
        fn(context, &row);
}

bool diag_tcp(struct diag *d, bool v6, diag_row_fn *fn, void *context)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 request;
    } question = {
        .head = {.nlmsg_len = sizeof question,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .request = {.sdiag_family = v6 ? AF_INET6 : AF_INET,
                    .sdiag_protocol = IPPROTO_TCP,
                    .idiag_states = UINT32_MAX},
    };
    if (d->fd < 0 || !send_question(d, &question, sizeof question))
        return false;
    struct answers answers = {0};
    for (const struct nlmsghdr *head; (head = next_answer(d, &answers));)
        if (head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
            take_tcp(head, v6, fn, context);
    return answers.complete;
}
