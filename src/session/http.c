/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See http.h. */
#include "session/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define BACKLOG      16
#define EVENTS_MAX   (HTTP_CLIENTS_MAX + 2)
#define ACCEPTED_MAX 16                /* in one step */
#define RETRY_NS     NS_PER_S          /* after no descriptor was left for one */
#define FRESH_NS     (100 * NS_PER_MS) /* a flood of requests is given the same text */
#define ON_LISTENER  HTTP_CLIENTS_MAX  /* epoll data: the index of a client, or one of these */
#define ON_TIMER     (HTTP_CLIENTS_MAX + 1)

struct client {
    int fd; /* -1: free */
    uint64_t deadline_ns;
    char request[HTTP_REQUEST_MAX + 1];
    size_t have;
    char *answer; /* NULL: none yet */
    size_t length, sent;
};

struct http {
    int listener, epoll, timer;
    char url[128];
    struct client clients[HTTP_CLIENTS_MAX];
    char *text; /* the last that was printed */
    size_t length;
    uint64_t text_ns;
    uint64_t retry_ns;  /* no clients are taken before; 0: they are now */
    uint64_t second_ns; /* when clients were first counted */
    int came;           /* since then */
};

static bool read_port(const char *text, in_port_t *port)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (end == text || *end || errno || n < 0 || n > 65535 || *text < '0' || *text > '9')
        return false;
    *port = htons((uint16_t)n);
    return true;
}

bool http_parse_address(const char *text, struct http_address *a, struct err *err)
{
    char host[64] = "";
    const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
    size_t length = colon ? (size_t)(colon - text) : 0;
    bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
    if (length < sizeof host)
        snprintf(host, sizeof host, "%.*s", (int)(bracketed ? length - 2 : length),
                 bracketed ? text + 1 : text);
    if (!*host || strcmp(host, "localhost") == 0)
        snprintf(host, sizeof host, length < sizeof host ? "127.0.0.1" : "?");
    memset(a, 0, sizeof *a);
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a->socket;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a->socket;
    if (bracketed && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        a->length = sizeof *v6;
        if (read_port(port, &v6->sin6_port))
            return true;
    } else if (!bracketed && inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        a->length = sizeof *v4;
        if (read_port(port, &v4->sin_port))
            return true;
    }
    return err_set(
        err, "not an address to listen on: \"%s\" (a port, 127.0.0.1:PORT or [::1]:PORT)", text);
}

/* With the port that it really is. */
static void make_url(struct http *h)
{
    struct sockaddr_storage at = {0};
    socklen_t length = sizeof at;
    char host[INET6_ADDRSTRLEN] = "?";
    getsockname(h->listener, (struct sockaddr *)&at, &length);
    bool v6 = at.ss_family == AF_INET6;
    const struct sockaddr_in *in = (const struct sockaddr_in *)&at;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&at;
    inet_ntop(at.ss_family, v6 ? (const void *)&in6->sin6_addr : &in->sin_addr, host, sizeof host);
    snprintf(h->url, sizeof h->url, "http://%s%s%s:%d/metrics", v6 ? "[" : "", host, v6 ? "]" : "",
             ntohs(v6 ? in6->sin6_port : in->sin_port));
}

static bool watch_fd(const struct http *h, int op, int fd, uint32_t events, uint32_t on)
{
    struct epoll_event event = {.events = events, .data.u32 = on};
    return epoll_ctl(h->epoll, op, fd, &event) == 0;
}

struct http *http_listen(const char *text, struct err *err)
{
    struct http_address a;
    if (!http_parse_address(text, &a, err))
        return NULL;
    struct http *h = xcalloc(1, sizeof *h);
    for (int i = 0; i < HTTP_CLIENTS_MAX; i++)
        h->clients[i].fd = -1;
    h->listener = socket(a.socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    h->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int yes = 1;
    bool ok = h->listener >= 0 && h->epoll >= 0 && h->timer >= 0 &&
              setsockopt(h->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
              bind(h->listener, (struct sockaddr *)&a.socket, a.length) == 0 &&
              listen(h->listener, BACKLOG) == 0 &&
              watch_fd(h, EPOLL_CTL_ADD, h->listener, EPOLLIN, ON_LISTENER) &&
              watch_fd(h, EPOLL_CTL_ADD, h->timer, EPOLLIN, ON_TIMER);
    if (ok) {
        make_url(h);
        return h;
    }
    if (errno == EADDRINUSE)
        err_set(err, "cannot listen on %s: the port is in use; choose another", text);
    else
        err_errno(err, "cannot listen on %s", text);
    http_free(h);
    return NULL;
}

static void client_close(struct client *c)
{
    if (c->fd < 0)
        return;
    close(c->fd); /* which takes it out of the epoll set too */
    free(c->answer);
    c->answer = NULL;
    c->fd = -1;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    for (int i = 0; i < HTTP_CLIENTS_MAX; i++)
        client_close(&h->clients[i]);
    const int fds[] = {h->listener, h->epoll, h->timer};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(h->text);
    free(h);
}

const char *http_url(const struct http *h)
{
    return h->url;
}

int http_fd(const struct http *h)
{
    return h->epoll;
}

/* A free place, or that of the client who came first. */
static uint32_t find_place(struct http *h)
{
    uint32_t oldest = 0;
    for (uint32_t i = 0; i < HTTP_CLIENTS_MAX; i++) {
        if (h->clients[i].fd < 0)
            return i;
        if (h->clients[i].deadline_ns < h->clients[oldest].deadline_ns)
            oldest = i;
    }
    client_close(&h->clients[oldest]);
    return oldest;
}

static void pause_until(struct http *h, uint64_t until_ns)
{
    h->retry_ns = until_ns;
    watch_fd(h, EPOLL_CTL_MOD, h->listener, 0, ON_LISTENER);
}

/* More than HTTP_CLIENTS_A_SECOND wait in the kernel's queue. */
static bool is_flood(struct http *h, uint64_t now_ns)
{
    if (now_ns - h->second_ns >= NS_PER_S) {
        h->second_ns = now_ns;
        h->came = 0;
    }
    return ++h->came > HTTP_CLIENTS_A_SECOND;
}

static void take_clients(struct http *h, uint64_t now_ns)
{
    for (int i = 0; i < ACCEPTED_MAX; i++) {
        int fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
            pause_until(h, now_ns + RETRY_NS);
        if (fd < 0)
            return;
        uint32_t place = find_place(h);
        struct client *c = &h->clients[place];
        c->fd = fd;
        c->deadline_ns = now_ns + HTTP_CLIENT_NS;
        c->have = c->length = c->sent = 0;
        if (!watch_fd(h, EPOLL_CTL_ADD, fd, EPOLLIN, place))
            client_close(c);
        if (is_flood(h, now_ns)) {
            pause_until(h, h->second_ns + NS_PER_S);
            return;
        }
    }
}

/* The answer as one piece; head_only: for HEAD, which is told the length as well. */
static void answer(struct client *c, const char *status, const char *more, const char *type,
                   const char *body, size_t length, bool head_only)
{
    char head[512];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 %s\r\n%sContent-Type: %s\r\nContent-Length: %zu\r\n"
                     "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
                     status, more, type, length);
    size_t kept = head_only ? 0 : length;
    c->answer = xmalloc((size_t)n + kept);
    memcpy(c->answer, head, (size_t)n);
    memcpy(c->answer + n, body, kept);
    c->length = (size_t)n + kept;
}

static void answer_words(struct client *c, const char *status, const char *more, const char *words,
                         bool head_only)
{
    answer(c, status, more, "text/plain; charset=utf-8", words, strlen(words), head_only);
}

static void answer_text(struct http *h, struct client *c, const struct http_text *text,
                        uint64_t now_ns, bool head_only)
{
    if (!h->text || now_ns - h->text_ns > FRESH_NS) {
        free(h->text);
        h->text = text->print(text->context, now_ns, &h->length);
        h->text_ns = now_ns;
    }
    answer(c, "200 OK", "", text->type, h->text, h->length, head_only);
}

/* Takes the request apart: METHOD TARGET HTTP/1.x; its header lines say nothing to us. */
static void respond(struct http *h, struct client *c, const struct http_text *text, uint64_t now_ns)
{
    char method[16], target[256];
    int minor = -1, end = -1;
    c->request[strcspn(c->request, "\r\n")] = '\0';
    if (sscanf(c->request, "%15s %255s HTTP/1.%1d%n", method, target, &minor, &end) != 3 ||
        c->request[end]) {
        answer_words(c, "400 Bad Request", "", "not a request of HTTP/1\n", false);
        return;
    }
    bool head_only = strcmp(method, "HEAD") == 0;
    target[strcspn(target, "?")] = '\0';
    if (!head_only && strcmp(method, "GET") != 0)
        answer_words(c, "405 Method Not Allowed", "Allow: GET, HEAD\r\n", "GET only\n", false);
    else if (strcmp(target, "/metrics") == 0)
        answer_text(h, c, text, now_ns, head_only);
    else if (strcmp(target, "/") == 0)
        answer_words(c, "200 OK", "", "proftop: the metrics are at /metrics\n", head_only);
    else
        answer_words(c, "404 Not Found", "", "the metrics are at /metrics\n", head_only);
}

/* The empty line that ends it is there. */
static bool is_whole(const struct client *c)
{
    return memmem(c->request, c->have, "\r\n\r\n", 4) || memmem(c->request, c->have, "\n\n", 2);
}

/* More of a request. false: the client is gone. */
static bool client_read(struct http *h, struct client *c, const struct http_text *text,
                        uint64_t now_ns)
{
    ssize_t n = recv(c->fd, c->request + c->have, HTTP_REQUEST_MAX - c->have, 0);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    c->have += (size_t)n;
    c->request[c->have] = '\0';
    if (is_whole(c))
        respond(h, c, text, now_ns);
    else if (c->have == HTTP_REQUEST_MAX)
        answer_words(c, "431 Request Header Fields Too Large", "", "too long a request\n", false);
    return true;
}

/* false: all is sent, and the client has closed (what it still sends is dropped: closing before it
 * is read would tear away the answer). */
static bool client_drain(const struct client *c)
{
    char dropped[HTTP_REQUEST_MAX];
    ssize_t n = recv(c->fd, dropped, sizeof dropped, 0);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool client_write(const struct http *h, struct client *c, uint32_t on)
{
    ssize_t n = send(c->fd, c->answer + c->sent, c->length - c->sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return false;
    c->sent += n > 0 ? (size_t)n : 0;
    bool all = c->sent == c->length;
    if (all)
        shutdown(c->fd, SHUT_WR);
    return watch_fd(h, EPOLL_CTL_MOD, c->fd, all ? EPOLLIN : EPOLLOUT, on);
}

static void client_step(struct http *h, uint32_t on, const struct http_text *text, uint64_t now_ns)
{
    struct client *c = &h->clients[on];
    if (c->fd < 0) /* closed in this step */
        return;
    bool stays = true;
    if (!c->answer)
        stays = client_read(h, c, text, now_ns);
    else if (c->sent == c->length)
        stays = client_drain(c);
    if (stays && c->answer && c->sent < c->length)
        stays = client_write(h, c, on);
    if (!stays)
        client_close(c);
}

/* Ends those whose time is over; the timer goes off when the next one's is. */
static void end_late_clients(struct http *h, uint64_t now_ns)
{
    if (h->retry_ns && now_ns >= h->retry_ns) {
        h->retry_ns = 0;
        watch_fd(h, EPOLL_CTL_MOD, h->listener, EPOLLIN, ON_LISTENER);
    }
    uint64_t next_ns = h->retry_ns;
    for (int i = 0; i < HTTP_CLIENTS_MAX; i++) {
        struct client *c = &h->clients[i];
        if (c->fd >= 0 && now_ns >= c->deadline_ns)
            client_close(c);
        if (c->fd >= 0 && (!next_ns || c->deadline_ns < next_ns))
            next_ns = c->deadline_ns;
    }
    struct itimerspec at = {.it_value = {(time_t)(next_ns / NS_PER_S), (long)(next_ns % NS_PER_S)}};
    timerfd_settime(h->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

void http_step(struct http *h, const struct http_text *text, uint64_t now_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(h->epoll, events, EVENTS_MAX, 0);
    if (n <= 0)
        return;
    bool come = false;
    for (int i = 0; i < n; i++) {
        uint32_t on = events[i].data.u32;
        if (on == ON_LISTENER)
            come = true;
        else if (on != ON_TIMER)
            client_step(h, on, text, now_ns);
    }
    if (come) /* last, so that no place has changed hands in this step */
        take_clients(h, now_ns);
    end_late_clients(h, now_ns);
}
