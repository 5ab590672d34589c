/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names, lines and inlined callers for (module, offset), off the sampling path.
 *
 * Names come from our own sorted table of a module's symbols (its own .symtab/.dynsym, its
 * separate debug file's .symtab): fast. Lines and inlines come from libdw in a child process
 * that has a memory limit and a time limit and may die: slow and untrusted. So there are two
 * calls, and a module whose child failed simply has no lines.
 *
 * Used by one worker thread.
 */
#ifndef NATIVE_SYMBOLIZER_H
#define NATIVE_SYMBOLIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/dictionary.h"

struct symbolizer;

struct symbol_place {
    char *name;          /* demangled; "module+0xSTART" where there is no symbol, START being the
                            function's by its unwind information; "[JIT code]" without a module */
    char *file;          /* where the function is declared, absolute if the debug info says so;
                            NULL: unknown */
    uint32_t line;       /* of that file, being executed (or of the inlined call); 0: unknown, or
                            in another file (a body that is #included) */
    uint32_t first_line; /* where the function is declared; 0 unknown */
    enum language language;
};

struct symbol_places {
    struct symbol_place at[16]; /* innermost (most inlined) first */
    size_t n;
};
void symbol_place_clear(struct symbol_place *p);
void symbol_places_clear(struct symbol_places *p);

/* pid tells where to open files from (/proc/PID/root, map_files); 0: the files of this machine. */
struct symbolizer *symbolizer_new(pid_t pid);
void symbolizer_free(struct symbolizer *s);
/* The processes whose modules are asked for from now on, in the place of that pid: a module is
 * opened once, through any of them that has it, and through another when that one has ended. One
 * that none of them had is looked for again. */
void symbolizer_set_pids(struct symbolizer *s, const pid_t *pids, size_t n);

/* The name alone. Opening a module's table: 1 ms to 20 ms, once; then 1 us. Always one place. */
void symbolizer_name(struct symbolizer *s, const char *module_path, const char *build_id,
                     uint64_t offset, struct symbol_places *out);
/* Name, file, line and inlined callers. Up to a second for a big module's first address; a child
 * that takes longer than 4 s is killed and the module has no lines from then on. false: nothing
 * more is known than symbolizer_name says, *out is empty. */
bool symbolizer_lines(struct symbolizer *s, const char *module_path, const char *build_id,
                      uint64_t offset, struct symbol_places *out);

/* Lets debug files that are not here be fetched from a debuginfod server; off unless set. */
void symbolizer_set_fetching(struct symbolizer *s, bool on);
/* The module's debug file is being fetched, or its turn will come: ask for lines later. Begins
 * that, where it is wanted and has not been tried; never waits. */
bool symbolizer_fetching(struct symbolizer *s, const char *module_path, const char *build_id);

/* While symbolizer_lines waits for the child: call(arg) when fd is readable, which may ask for
 * names and nothing else; false: not again for this answer. */
void symbolizer_set_meanwhile(struct symbolizer *s, int fd, bool (*call)(void *arg), void *arg);

/* How long the child may take for an answer before it is killed; 4 s unless set. */
void symbolizer_set_limit(struct symbolizer *s, uint64_t limit_ns);

/* The child's side: serves requests on a socket until it closes. The program calls it for its
 * hidden argument SYMBOLIZER_SERVE (the child is this very program, executed anew). */
#define SYMBOLIZER_SERVE "--serve-lines"
int symbolizer_serve(int fd);

#endif
