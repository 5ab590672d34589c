/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screens, as the command line calls them. The front's thread; they own the terminal from
 * call to return, and give it back on every way out.
 */
#ifndef UI_UI_H
#define UI_UI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"
#include "session/session.h"
#include "session/settings.h"
#include "view/table.h"

struct ui_options {
    double interval_s; /* between two refreshes; 0: 1 s */
    bool ascii;        /* 7-bit characters, whatever the locale */
    bool no_color;
    enum native_frames native; /* at the beginning */
    source_line_fn *source;    /* source lines for the Lines screen and details; may be NULL */
    void *source_context;
    struct settings *settings; /* of which the others were taken; the screen changes them. NULL */
};

/* The screens on a live session or a file, until the user leaves or a signal asks for it. With b,
 * they open on the comparison of a (before) with b (after), and show b elsewhere. Fails where the
 * terminal is none. The sessions stay the caller's. */
bool ui_run(struct session *a, struct session *b, const struct ui_options *options,
            struct err *err);

/* A process that can be picked. */
struct ui_process {
    pid_t pid;
    char user[32], comm[32];
    char *cmdline;  /* owned by the list */
    double cpu_pct; /* of one core, since the last listing */
    uint64_t rss_bytes;
    uint32_t threads;
};

struct ui_process_list {
    VEC(struct ui_process) rows;
};

/* Appends to an empty list with what runs now. Called every two seconds while the picker is shown.
 */
typedef bool ui_list_fn(void *context, struct ui_process_list *list, struct err *err);

/* Has the user pick a process from what fn lists. *pid is 0 if the user left without picking. */
bool ui_pick(pid_t *pid, const struct ui_options *options, ui_list_fn *fn, void *context,
             struct err *err);

/* The keys and the screens as roff, for the man page. */
void ui_print_keys(FILE *out);

#endif
