/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fleet.h. */
#include "session/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "session/http.h"
#include "store/openmetrics.h"
#include "store/outfile.h"

struct fleet {
    int epoll, timer;
    struct http *http;
    char *file;
    bool written; /* the file is ours */
    bool failed;  /* which has been told */
    const struct recording *rec;
};

static char *print(void *context, uint64_t now_ns, size_t *length)
{
    const struct fleet *f = context;
    return openmetrics_print(f->rec, now_ns, length);
}

static bool write_all(int fd, const char *text, size_t length)
{
    while (length) {
        ssize_t n = write(fd, text, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        length -= (size_t)n;
    }
    return true;
}

/* Beside it and renamed, so that whoever reads it sees a whole one. After a crash it may be gone or
 * old, so it is not worth a sync. */
static bool write_file(struct fleet *f, uint64_t now_ns, struct err *err)
{
    struct outfile out;
    if (!outfile_create_hidden(&out, f->file, err))
        return false;
    size_t length;
    char *text = print(f, now_ns, &length);
    bool ok = write_all(out.fd, text, length) && rename(out.temp, out.path) == 0;
    if (!ok) {
        outfile_error(f->file, errno, err);
        outfile_remove(&out);
    }
    outfile_clear(&out);
    free(text);
    f->written = f->written || ok;
    return ok;
}

static bool add_fd(const struct fleet *f, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

struct fleet *fleet_new(struct err *err)
{
    struct fleet *f = xcalloc(1, sizeof *f);
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    /* The first figures are there after a second. */
    struct itimerspec beat = {.it_interval = {FLEET_WRITE_NS / NS_PER_S, 0}, .it_value = {1, 0}};
    if (f->epoll >= 0 && f->timer >= 0 && timerfd_settime(f->timer, 0, &beat, NULL) == 0)
        return f;
    err_errno(err, "cannot tell the metrics");
    fleet_free(f);
    return NULL;
}

bool fleet_write(struct fleet *f, const char *file, struct err *err)
{
    f->file = xstrdup(file);
    bool ok = add_fd(f, f->timer) || err_errno(err, "cannot write %s", file);
    if (ok && write_file(f, 0, err))
        return true;
    free(f->file);
    f->file = NULL;
    return false;
}

bool fleet_listen(struct fleet *f, const char *address, struct err *err)
{
    f->http = http_listen(address, err);
    if (!f->http || add_fd(f, http_fd(f->http)))
        return f->http != NULL;
    err_errno(err, "cannot listen on %s", address);
    http_free(f->http);
    f->http = NULL;
    return false;
}

void fleet_free(struct fleet *f)
{
    if (!f)
        return;
    http_free(f->http);
    if (f->written)
        unlink(f->file);
    if (f->timer >= 0)
        close(f->timer);
    if (f->epoll >= 0)
        close(f->epoll);
    free(f->file);
    free(f);
}

const char *fleet_url(const struct fleet *f)
{
    return f->http ? http_url(f->http) : NULL;
}

int fleet_fd(const struct fleet *f)
{
    return f->epoll;
}

void fleet_step(struct fleet *f, const struct recording *rec, uint64_t now_ns)
{
    uint64_t beats;
    struct err err;
    f->rec = rec;
    if (f->http)
        http_step(f->http, &(struct http_text){OPENMETRICS_TYPE, print, f}, now_ns);
    if (!f->file || read(f->timer, &beats, sizeof beats) != sizeof beats)
        return;
    bool ok = write_file(f, now_ns, &err);
    if (!ok && !f->failed)
        log_note("%s", err.text);
    f->failed = !ok;
}
