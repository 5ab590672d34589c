/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's functions by address, from /proc/kallsyms (kernel.org: admin-guide/sysctl/kernel,
 * kptr_restrict: addresses read as 0 without CAP_SYSLOG). One table for all; the worker's thread.
 */
#ifndef NATIVE_KALLSYMS_H
#define NATIVE_KALLSYMS_H

#include <stdint.h>

struct kallsyms;

/* 50 ms and about 4 MB; never fails, but may be empty. */
struct kallsyms *kallsyms_read(const char *path);
void kallsyms_free(struct kallsyms *k);
/* Borrowed; NULL: not known. */
const char *kallsyms_find(const struct kallsyms *k, uint64_t address);

#endif
