/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A folder that stands for the root of a machine: /proc and /sys/fs/cgroup as a test writes them,
 * with this process as the one that is asked for.
 */
#ifndef TESTS_UNIT_TREE_FIXTURE_H
#define TESTS_UNIT_TREE_FIXTURE_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64];

__attribute__((unused)) static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *slash = full + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

__attribute__((unused)) static void begin_root(void)
{
    snprintf(root, sizeof root, "/tmp/proftop-tree-XXXXXX");
    assert_non_null(mkdtemp(root));
}

__attribute__((unused)) static void end_root(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

__attribute__((unused)) static void put_groups(const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cgroup", (int)getpid());
    put(path, text);
}

#endif
