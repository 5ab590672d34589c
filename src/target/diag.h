/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's socket diagnostics (sock_diag(7)) in a process's own network namespace, which may
 * need CAP_SYS_ADMIN to enter: who is at the other end of a unix socket, which /proc/net/unix does
 * not tell, and all TCP sockets, thirty times faster than /proc/net/tcp. One thread.
 */
#ifndef TARGET_DIAG_H
#define TARGET_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/sockets.h"

struct diag;
/* Never NULL; where diagnostics cannot be had, nothing is found. */
struct diag *diag_new(pid_t pid, pid_t tid);
void diag_free(struct diag *d);

/* *peer 0: it is not connected, or not accepted yet. name: printable, the peer's path ("@..." an
 * abstract one); "" if it has none. About 10 us; for what is not accepted yet in proportion to the
 * listening unix sockets. */
bool diag_unix_peer(struct diag *d, uint64_t inode, uint64_t *peer, char *name, size_t size);

/* Every TCP socket of one family. false: not to be had; some rows may have been given. 0.1 ms, and
 * 0.5 us a socket. */
typedef void diag_row_fn(void *context, const struct socket_row *row);
bool diag_tcp(struct diag *d, bool v6, diag_row_fn *fn, void *context);

#endif
