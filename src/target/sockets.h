/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sockets of a process's own network namespace, by inode: "tcp 10.0.0.5:5432",
 * "unix /run/x.sock". Read from the kernel's socket diagnostics (diag.h) and, where they cannot be
 * had and for what they are not needed for, from /proc/PID/net (proc(5)).
 *
 * Reading the tables costs in proportion to the sockets of the namespace, so they are read again
 * only for a socket that is not known, and at most for one percent of the time. What is known of a
 * socket stays: its peer does not change while it is connected. Bounded. One thread.
 */
#ifndef TARGET_SOCKETS_H
#define TARGET_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum socket_protocol { SOCKET_TCP, SOCKET_UDP, SOCKET_UNIX };

/* One row of a table. */
struct socket_row {
    enum socket_protocol protocol;
    uint64_t inode;
    bool v6, listening, connected; /* connected: unix */
    uint8_t local[16], remote[16]; /* network order; IPv4 in the first 4 */
    uint16_t local_port, remote_port;
    char path[108]; /* unix: printable; "" without a name */
};

/* Take a line apart; false: it is none (the head, or it does not look as proc(5) says). */
bool sockets_parse_inet(const char *line, enum socket_protocol protocol, bool v6,
                        struct socket_row *row);
bool sockets_parse_unix(const char *line, struct socket_row *row);
/* A row in words. server: a connection that was accepted here; the peer's port, which says nothing,
 * is then left out. */
void sockets_print(char *out, size_t size, const struct socket_row *row, bool server);

struct sockets;
struct sockets *sockets_new(pid_t pid);
void sockets_free(struct sockets *s);

enum socket_found {
    SOCKET_FOUND,
    SOCKET_LATER,   /* not known yet, and it is too early to read the tables again */
    SOCKET_UNKNOWN, /* of a kind that is in no table that we read */
};
/* tid: a thread of the process that is alive. */
enum socket_found sockets_find(struct sockets *s, pid_t tid, uint64_t inode, uint64_t now_ns,
                               char *out, size_t size);

#endif
