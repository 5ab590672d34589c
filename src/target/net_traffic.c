/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See net_traffic.h. */
#include "target/net_traffic.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "target/procfs.h"

#define TEXT_BYTES (128u << 10) /* some thousand interfaces: more are not looked at */
#define COST       2000         /* a look costs at most one part in so many of a CPU's time */

void net_traffic_clear(struct net_traffic *t)
{
    vec_free(&t->list);
    vec_free(&t->next);
    free(t->text);
    *t = (struct net_traffic){0};
}

bool net_traffic_parse(const char *line, struct net_counts *c)
{
    while (isspace((unsigned char)*line))
        line++;
    const char *colon = strchr(line, ':');
    size_t length = colon ? (size_t)(colon - line) : 0;
    *c = (struct net_counts){0};
    if (!length || length >= sizeof c->name)
        return false;
    memcpy(c->name, line, length);
    return strcmp(c->name, "lo") != 0 &&
           sscanf(colon + 1, " %" SCNu64 " %*u %*u %*u %*u %*u %*u %*u %" SCNu64,
                  &c->received_bytes, &c->sent_bytes) == 2;
}

/* They stand in the same order each time, but for those that come and go. */
static const struct net_counts *find(const struct net_traffic *t, const char *name, size_t guess)
{
    for (size_t i = 0; i < t->list.n; i++) {
        const struct net_counts *c = &t->list.at[(guess + i) % t->list.n];
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

static uint64_t since(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static bool read_counts(struct net_traffic *t, pid_t pid)
{
    if (!t->text)
        t->text = xmalloc(TEXT_BYTES);
    ssize_t length = procfs_read(AT_FDCWD, t->text, TEXT_BYTES, "/proc/%d/net/dev", (int)pid);
    if (length <= 0)
        return false;
    if (length == TEXT_BYTES - 1) /* what does not fit is left out, and no number is cut */
        *(strrchr(t->text, '\n') ? strrchr(t->text, '\n') : t->text) = '\0';
    vec_clear(&t->next);
    char *save = NULL;
    for (char *line = strtok_r(t->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct net_counts c;
        if (net_traffic_parse(line, &c))
            vec_push(&t->next, c);
    }
    return true;
}

static uint64_t namespace_of(pid_t pid)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

bool net_traffic_read(struct net_traffic *t, pid_t pid, uint64_t now_ns, double *received_per_s,
                      double *sent_per_s)
{
    uint64_t received = 0, sent = 0, before_ns = t->at_ns, begin_ns = clock_thread_cpu_ns();
    if (now_ns < t->next_ns)
        return false;
    uint64_t inode = namespace_of(pid);
    if (!inode || !read_counts(t, pid)) {
        t->inode = 0;
        return false;
    }
    bool known = t->inode == inode && now_ns > before_ns;
    size_t common = 0;
    for (size_t i = 0; known && i < t->next.n; i++) {
        const struct net_counts *now = &t->next.at[i], *was = find(t, now->name, i);
        if (!was)
            continue;
        received += since(now->received_bytes, was->received_bytes);
        sent += since(now->sent_bytes, was->sent_bytes);
        common++;
    }
    vec_clear(&t->list);
    vec_append(&t->list, t->next.at, t->next.n);
    t->inode = inode;
    t->at_ns = now_ns;
    t->next_ns = now_ns + COST * (clock_thread_cpu_ns() - begin_ns);
    if (!known || (!common && t->next.n))
        return false;
    double per_s = NS_PER_S / (double)(now_ns - before_ns);
    *received_per_s = (double)received * per_s;
    *sent_per_s = (double)sent * per_s;
    return true;
}
