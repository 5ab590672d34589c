/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See fetch.h. The child writes the file's path into a pipe, or nothing; then it ends. */
#include "native/fetch.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "native/self.h"

#define LIBRARY  "libdebuginfod.so.1"
#define LIMIT_NS (180 * NS_PER_S)
#define LIMIT_S  "150" /* for the client itself, to clean up after */

struct fetch {
    pid_t child;
    int fd;
    uint64_t until_ns;
    size_t n;
    char path[PATH_MAX];
};

struct fetch *fetch_start(const char *build_id)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
        return NULL;
    struct fetch *f = xcalloc(1, sizeof *f);
    f->fd = fds[0];
    f->until_ns = clock_mono_ns() + LIMIT_NS;
    bool ok = self_start(&f->child, fds[1], FETCH_SERVE, build_id);
    close(fds[1]);
    if (ok)
        return f;
    fetch_free(f);
    return NULL;
}

void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    close(f->fd);
    self_end(&f->child);
    free(f);
}

enum fetch_state fetch_poll(struct fetch *f, char *path, size_t size)
{
    ssize_t n = 1;
    while (f->n < sizeof f->path && (n = read(f->fd, f->path + f->n, sizeof f->path - f->n)) > 0)
        f->n += (size_t)n;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return clock_mono_ns() < f->until_ns ? FETCH_RUNNING : FETCH_FAILED;
    if (n != 0 || !f->n || f->n >= size || f->path[0] != '/' || memchr(f->path, 0, f->n))
        return FETCH_FAILED;
    memcpy(path, f->path, f->n);
    path[f->n] = '\0';
    return FETCH_DONE;
}

/* dlsym gives an object pointer; POSIX promises that a function's fits. */
static void function(void *library, const char *name, void *to)
{
    void *at = dlsym(library, name);
    memcpy(to, &at, sizeof at);
}

int fetch_serve(const char *build_id)
{
    void *(*begin)(void);
    int (*find)(void *, const unsigned char *, int, char **);
    self_limit();
    setenv("DEBUGINFOD_MAXTIME", LIMIT_S, 0);
    void *library = dlopen(LIBRARY, RTLD_NOW);
    if (!library)
        return EXIT_FAILURE;
    function(library, "debuginfod_begin", &begin);
    function(library, "debuginfod_find_debuginfo", &find);
    void *client = begin && find ? begin() : NULL;
    char *path = NULL;
    /* Length 0: the id is hex. */
    if (!client || find(client, (const unsigned char *)build_id, 0, &path) < 0 || !path)
        return EXIT_FAILURE;
    size_t size = strlen(path);
    return size < PATH_MAX && write(SELF_FD, path, size) == (ssize_t)size ? EXIT_SUCCESS
                                                                          : EXIT_FAILURE;
}
