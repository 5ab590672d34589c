/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See lines.h. */
#include "native/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "native/self.h"

#define ANSWER_LIMIT_NS (4 * NS_PER_S)
#define STARTS_MAX      32u /* children lost before lines are given up for good */

struct lines {
    pid_t child; /* 0: none runs */
    int fd;
    uint32_t starts;
    uint64_t limit_ns;
    struct meanwhile meanwhile;
    uint8_t message[LINES_MESSAGE_MAX];
};

struct lines *lines_new(void)
{
    struct lines *l = xcalloc(1, sizeof *l);
    l->fd = -1;
    l->limit_ns = ANSWER_LIMIT_NS;
    l->meanwhile.fd = -1;
    return l;
}

void lines_set_limit(struct lines *l, uint64_t limit_ns)
{
    l->limit_ns = limit_ns;
}

void lines_set_meanwhile(struct lines *l, struct meanwhile meanwhile)
{
    l->meanwhile = meanwhile;
}

static void end_child(struct lines *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    self_end(&l->child);
}

void lines_free(struct lines *l)
{
    if (!l)
        return;
    end_child(l);
    free(l);
}

uint32_t lines_generation(const struct lines *l)
{
    return l->child ? l->starts : l->starts + 1;
}

static bool start_child(struct lines *l)
{
    int fds[2];
    if (l->child)
        return true;
    if (l->starts >= STARTS_MAX || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
        return false;
    l->starts++;
    bool ok = self_start(&l->child, fds[1], SYMBOLIZER_SERVE, "3");
    close(fds[1]);
    l->fd = fds[0];
    if (!ok)
        end_child(l);
    return ok;
}

static bool send_request(struct lines *l, const struct lines_request *request, const int *fds,
                         size_t n_fds)
{
    char control[CMSG_SPACE(2 * sizeof(int))] = {0};
    struct iovec iov = {.iov_base = (void *)request, .iov_len = sizeof *request};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (n_fds) {
        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    ssize_t n;
    do
        n = sendmsg(l->fd, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof *request)
        return true;
    end_child(l);
    return false;
}

bool lines_open(struct lines *l, uint32_t module, int fd, int debug_fd)
{
    int fds[] = {fd, debug_fd};
    struct lines_request request = {.kind = LINES_OPEN, .module = module};
    return start_child(l) && send_request(l, &request, fds, debug_fd >= 0 ? 2 : 1);
}

/* Size of the answer; 0: none in time. */
static size_t receive(struct lines *l)
{
    uint64_t until = clock_mono_ns() + l->limit_ns;
    struct pollfd p[2] = {{.fd = l->fd, .events = POLLIN},
                          {.fd = l->meanwhile.fd, .events = POLLIN}};
    for (;;) {
        uint64_t now = clock_mono_ns();
        int ready = now < until ? poll(p, 2, (int)((until - now) / NS_PER_MS) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return 0;
        if (!p[0].revents) {
            now = clock_mono_ns();
            if (!l->meanwhile.call(l->meanwhile.arg))
                p[1].fd = -1;
            until += clock_mono_ns() - now; /* which is not the child's fault */
            continue;
        }
        ssize_t n = recv(l->fd, l->message, sizeof l->message, 0);
        if (n < 0 && errno == EINTR)
            continue;
        return n > 0 ? (size_t)n : 0;
    }
}

static bool parse_answer(const uint8_t *at, size_t size, struct symbol_places *out)
{
    uint32_t count;
    if (size < sizeof count)
        return false;
    memcpy(&count, at, sizeof count);
    at += sizeof count;
    size -= sizeof count;
    if (count > sizeof out->at / sizeof out->at[0])
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct lines_place p;
        if (size < sizeof p)
            return false;
        memcpy(&p, at, sizeof p);
        at += sizeof p;
        size -= sizeof p;
        if (size < (size_t)p.name_size + p.file_size || p.language >= LANGUAGE_COUNT)
            return false;
        const char *text = (const char *)at;
        out->at[out->n++] = (struct symbol_place){
            .name = xstrndup(text, p.name_size),
            .file = p.file_size ? xstrndup(text + p.name_size, p.file_size) : NULL,
            .line = p.line,
            .first_line = p.first_line,
            .language = p.language,
        };
        at += (size_t)p.name_size + p.file_size;
        size -= (size_t)p.name_size + p.file_size;
    }
    return true;
}

enum lines_result lines_find(struct lines *l, uint32_t module, uint64_t vaddr,
                             struct symbol_places *out)
{
    struct lines_request request = {.kind = LINES_FIND, .module = module, .vaddr = vaddr};
    out->n = 0;
    if (!l->child || !send_request(l, &request, NULL, 0))
        return LINES_FAILED;
    size_t size = receive(l);
    if (size && parse_answer(l->message, size, out))
        return out->n ? LINES_FOUND : LINES_NONE;
    symbol_places_clear(out);
    end_child(l);
    return LINES_FAILED;
}
