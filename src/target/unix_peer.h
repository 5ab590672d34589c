/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is at the other end of a unix socket, by inode, from the kernel's socket diagnostics
 * (sock_diag(7)): /proc/net/unix does not tell. In the process's own network namespace, which may
 * need CAP_SYS_ADMIN to enter. One thread.
 */
#ifndef TARGET_UNIX_PEER_H
#define TARGET_UNIX_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct unix_peers;
/* Never NULL; where diagnostics cannot be had, nothing is found. */
struct unix_peers *unix_peers_new(pid_t pid, pid_t tid);
void unix_peers_free(struct unix_peers *p);
/* *peer 0: it is not connected, or not accepted yet. name: printable, the peer's path ("@..." an
 * abstract one); "" if it has none. About 10 us; for what is not accepted yet in proportion to the
 * listening unix sockets. */
bool unix_peers_find(struct unix_peers *p, uint64_t inode, uint64_t *peer, char *name, size_t size);

#endif
