/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the interfaces of a process's network namespace receive and send, all but lo. The kernel
 * does not count by process, so what others in the namespace do is in it.
 *
 * Invariant: rates are of interfaces that were there at both looks, so one that comes with its
 * counts or goes with them makes no spike. One thread.
 */
#ifndef TARGET_NET_TRAFFIC_H
#define TARGET_NET_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/vec.h"

struct net_counts {
    char name[16]; /* IFNAMSIZ */
    uint64_t received_bytes, sent_bytes;
};

struct net_traffic {
    VEC(struct net_counts) list, next; /* at the last look, and at this one */
    uint64_t inode;                    /* of the namespace that they are of; 0: no look yet */
    uint64_t at_ns, next_ns;           /* of the last look; not before */
    char *text;
};

void net_traffic_clear(struct net_traffic *traffic);

/* Takes apart a line of /proc/PID/net/dev (proc_pid_net(5)); false: it is none, or lo's. */
bool net_traffic_parse(const char *line, struct net_counts *counts);

/* Looks, and tells bytes per second since the last look. false: no figure now, because it cannot be
 * read, it is the first look at this namespace, or it was looked at just now: a look costs 20 us
 * and 1 us an interface, and 1/2000 of a CPU's time at most. */
bool net_traffic_read(struct net_traffic *traffic, pid_t pid, uint64_t now_ns,
                      double *received_per_s, double *sent_per_s);

#endif
