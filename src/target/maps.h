/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mappings of a process, from /proc/PID/maps (proc(5)): sorted by address, never overlapping,
 * at most MAPS_MAX of them. A picture of one moment: the target may map and unmap meanwhile, so
 * read it again when an address is not found. Any thread; one struct belongs to one of them.
 */
#ifndef TARGET_MAPS_H
#define TARGET_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/vec.h"

#define MAPS_MAX 65536

enum map_perms { MAP_READ = 1, MAP_WRITE = 2, MAP_EXEC = 4, MAP_SHARED_PERM = 8 };

struct mapping {
    uint64_t start, end; /* [start, end) in the target's memory */
    uint64_t offset;     /* in bytes, of start in the file */
    uint64_t inode;      /* 0: no file */
    uint32_t dev_major, dev_minor;
    uint32_t path_at; /* in struct maps' text: use maps_path() */
    uint8_t perms;    /* enum map_perms */
    bool deleted;     /* the file's name is gone (" (deleted)" is cut off the path) */
};

struct maps {
    pid_t pid;
    VEC(struct mapping) list; /* by address, ascending */
    VEC(char) text;           /* the paths, NUL-terminated; equal neighbours share one */
    VEC(char) raw;            /* the kernel's text, kept to be read into again */
    uint64_t hash;            /* of the kernel's text: unequal if anything changed */
    bool cut;                 /* the target has more than MAPS_MAX mappings */
};

void maps_init(struct maps *m);
void maps_clear(struct maps *m);
/* Replaces what m holds; on failure m is empty. About 1 us a mapping. *changed (may be NULL): the
 * text differs from the last time (then m is as before and the parse was spared if not). */
bool maps_read(struct maps *m, pid_t pid, bool *changed, struct err *err);
/* The same from the text of such a file, for recorded fixtures. */
void maps_parse(struct maps *m, const char *text, size_t size);

/* The mapping that holds addr, or NULL. Borrowed until the next read. O(log n). */
const struct mapping *maps_find(const struct maps *m, uint64_t addr);
/* The path as the kernel names it: "/usr/lib/x.so", "[heap]", "[vdso]", "" for anonymous memory;
 * \012 escapes of newlines are undone. Borrowed until the next read. */
const char *maps_path(const struct maps *m, const struct mapping *map);
/* It maps a file that one can open (not "[heap]", not anonymous). */
bool maps_is_file(const struct maps *m, const struct mapping *map);
/* By device and inode; two anonymous mappings are alike too. */
bool maps_same_file(const struct mapping *a, const struct mapping *b);

/* Opens the file behind a mapping, as the target sees it: /proc/PID/root/PATH (containers), then
 * PATH (a chroot without a mount namespace), each only if device and inode are the mapping's, then
 * /proc/PID/map_files/START-END (deleted and replaced files; needs CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE), then the two paths with the inode alone (on btrfs and overlayfs stat
 * tells another device than maps). A read-only, close-on-exec descriptor that the caller closes, or
 * -1 with err filled. Only regular files are opened: a target's FIFO or device cannot make this
 * block. */
int maps_open_file(const struct maps *m, const struct mapping *map, struct err *err);

#endif
