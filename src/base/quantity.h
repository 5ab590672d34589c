/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Amounts as people write them: 90s, 30m, 2h, 1d; 500M, 2G. The other way round is figure_duration
 * and figure_bytes (text.h).
 */
#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

/* A number and one of ms, s, m, h, d; a number alone is seconds.
 * false: it is none, is negative, or longer than 250 years. */
bool quantity_duration(const char *text, uint64_t *ns);
/* A number and one of K, M, G, T (of 1,024), with or without iB or B after it. false: it is none,
 * or has no unit. */
bool quantity_bytes(const char *text, uint64_t *bytes);

#endif
