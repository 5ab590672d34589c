/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child's side of lines.h: a process of its own that reads debug information for its parent and
 * may die at any time. It gives its memory back when there is nothing to do, and ends when the
 * socket closes or its parent dies.
 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"
#include "native/dwarf_file.h"
#include "native/lines.h"
#include "native/self.h"

#define MEMORY_MAX  (1ull << 30)
#define KEPT_MAX    (64u << 20) /* more than this on the heap: other modules are closed */
#define IDLE_MS     20000
#define MODULES_MAX 400u /* two descriptors each */

struct served_module {
    int fd, debug_fd; /* -1: none */
    bool none;        /* it has no debug information */
    struct dwarf_file *dwarf;
    uint64_t used;
};

struct server {
    int fd;
    VEC(struct served_module) modules;
    uint64_t uses;
    uint8_t answer[LINES_MESSAGE_MAX];
};

static void limit_myself(void)
{
    self_limit();
#ifndef __SANITIZE_ADDRESS__ /* it reserves terabytes of addresses */
    struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};
    setrlimit(RLIMIT_AS, &memory);
#endif
}

static void forget(struct served_module *m)
{
    dwarf_file_close(m->dwarf);
    m->dwarf = NULL;
}

static void forget_all_but(struct server *s, const struct served_module *kept)
{
    for (size_t i = 0; i < s->modules.n; i++)
        if (&s->modules.at[i] != kept)
            forget(&s->modules.at[i]);
    malloc_trim(0);
}

static void open_module(struct server *s, uint32_t number, const int *fds, size_t n)
{
    if (number >= MODULES_MAX || !n) {
        for (size_t i = 0; i < n; i++)
            close(fds[i]);
        return;
    }
    while (s->modules.n <= number)
        vec_push(&s->modules, ((struct served_module){.fd = -1, .debug_fd = -1}));
    struct served_module *m = &s->modules.at[number];
    forget(m);
    if (m->fd >= 0)
        close(m->fd);
    if (m->debug_fd >= 0)
        close(m->debug_fd);
    *m = (struct served_module){.fd = fds[0], .debug_fd = n > 1 ? fds[1] : -1};
}

static void find(struct server *s, const struct lines_request *request, struct symbol_places *out)
{
    out->n = 0;
    if (request->module >= s->modules.n)
        return;
    struct served_module *m = &s->modules.at[request->module];
    if (m->fd < 0 || m->none)
        return;
    if (!m->dwarf) {
        if (mallinfo2().uordblks > KEPT_MAX)
            forget_all_but(s, m);
        m->dwarf = dwarf_file_open(m->fd, m->debug_fd);
        m->none = !m->dwarf;
    }
    if (m->dwarf && !dwarf_file_find(m->dwarf, request->vaddr, out))
        symbol_places_clear(out);
}

static size_t put(uint8_t *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    return size;
}

static size_t write_answer(uint8_t *to, const struct symbol_places *places)
{
    const size_t text_max = 1500; /* 16 places of two strings stay within a message */
    uint32_t count = (uint32_t)places->n;
    size_t size = put(to, &count, sizeof count);
    for (size_t i = 0; i < places->n; i++) {
        const struct symbol_place *p = &places->at[i];
        struct lines_place head;
        memset(&head, 0, sizeof head);
        head.line = p->line;
        head.first_line = p->first_line;
        head.name_size = (uint16_t)strnlen(p->name, text_max);
        head.file_size = (uint16_t)(p->file ? strnlen(p->file, text_max) : 0);
        head.language = (uint8_t)p->language;
        size += put(to + size, &head, sizeof head);
        size += put(to + size, p->name, head.name_size);
        if (head.file_size)
            size += put(to + size, p->file, head.file_size);
    }
    return size;
}

/* One request; false: the parent has gone, or speaks another language. */
static bool serve(struct server *s)
{
    struct lines_request request;
    int fds[2];
    size_t n_fds = 0;
    char control[CMSG_SPACE(sizeof fds)];
    struct iovec iov = {.iov_base = &request, .iov_len = sizeof request};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(s->fd, &msg, MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR)
        return true;
    if (n != (ssize_t)sizeof request)
        return false;
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), n_fds * sizeof(int));
    }
    if (request.kind == LINES_OPEN) {
        open_module(s, request.module, fds, n_fds);
        return true;
    }
    struct symbol_places places;
    find(s, &request, &places);
    size_t size = write_answer(s->answer, &places);
    symbol_places_clear(&places);
    return send(s->fd, s->answer, size, MSG_NOSIGNAL) == (ssize_t)size;
}

int symbolizer_serve(int fd)
{
    struct server *s = xcalloc(1, sizeof *s);
    s->fd = fd;
    limit_myself();
    bool idle = false, going = true;
    while (going) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, idle ? -1 : IDLE_MS);
        if (ready < 0 && errno != EINTR)
            break;
        idle = ready == 0;
        if (idle)
            forget_all_but(s, NULL);
        else if (ready > 0)
            going = serve(s);
    }
    for (size_t i = 0; i < s->modules.n; i++) {
        forget(&s->modules.at[i]);
        if (s->modules.at[i].fd >= 0)
            close(s->modules.at[i].fd);
        if (s->modules.at[i].debug_fd >= 0)
            close(s->modules.at[i].debug_fd);
    }
    vec_free(&s->modules);
    free(s);
    return 0;
}
