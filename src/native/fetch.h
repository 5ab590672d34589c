/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A module's debug file from a debuginfod server (DEBUGINFOD_URLS), only if the user asked for
 * that: the servers learn which programs run here. elfutils' client does it, loaded when it is
 * needed in a child process of its own, and keeps the file in its cache. Worker thread.
 */
#ifndef NATIVE_FETCH_H
#define NATIVE_FETCH_H

#include <stddef.h>

struct fetch;

/* build_id in hex. NULL: no process can be started. */
struct fetch *fetch_start(const char *build_id);
void fetch_free(struct fetch *f);

enum fetch_state { FETCH_RUNNING, FETCH_DONE, FETCH_FAILED };
/* path (of size bytes) is the file, in the client's cache, once it is FETCH_DONE. */
enum fetch_state fetch_poll(struct fetch *f, char *path, size_t size);

/* The child's side, for the program's hidden argument FETCH_SERVE. */
#define FETCH_SERVE "--fetch-debug"
int fetch_serve(const char *build_id);

#endif
