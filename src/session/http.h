/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small HTTP/1.1 server for one text (GET /metrics), driven by whoever polls it: nothing here
 * waits. The front's thread.
 *
 * Invariant: no client can hold anything. At most HTTP_CLIENTS_MAX connections are open, of which
 * the oldest makes room for a new one; at most HTTP_CLIENTS_A_SECOND are taken in a second; each is
 * answered once and closed, HTTP_CLIENT_NS after it came at the latest; a request has at most
 * HTTP_REQUEST_MAX bytes; one step does a bounded part of what there is to do.
 */
#ifndef SESSION_HTTP_H
#define SESSION_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"

#define HTTP_CLIENTS_MAX      16
#define HTTP_CLIENTS_A_SECOND 200
#define HTTP_CLIENT_NS        (5 * NS_PER_S)
#define HTTP_REQUEST_MAX      4096

struct http_address {
    struct sockaddr_storage socket;
    socklen_t length;
};
/* "9111" and ":9111" (loopback), "127.0.0.1:9111", "localhost:9111", "[::1]:9111". Port 0: any that
 * is free. */
bool http_parse_address(const char *text, struct http_address *address, struct err *err);

/* The text of /metrics now, of this type; the caller's (free). */
struct http_text {
    const char *type;
    char *(*print)(void *context, uint64_t now_ns, size_t *length);
    void *context;
};

struct http;
/* Begins to listen. */
struct http *http_listen(const char *text, struct err *err);
void http_free(struct http *http);
/* Where: "http://127.0.0.1:9111/metrics". Borrowed. */
const char *http_url(const struct http *http);
/* Readable (poll) when http_step has something to do, also when a client's time is over. */
int http_fd(const struct http *http);
void http_step(struct http *http, const struct http_text *text, uint64_t now_ns);

#endif
