/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See nearest.h. */
#include "base/nearest.h"

#include <ctype.h>
#include <string.h>

#define LETTERS_MAX 63

static int letter(char c)
{
    return c == '_' ? '-' : tolower((unsigned char)c);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned nearest_distance(const char *a, const char *b)
{
    size_t n = strnlen(a, LETTERS_MAX), m = strnlen(b, LETTERS_MAX);
    /* Row i: from the first i letters of a to the first j of b. Three rows: a swap looks back two.
     */
    unsigned rows[3][LETTERS_MAX + 1];
    for (size_t j = 0; j <= m; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            int x = letter(a[i - 1]), y = letter(b[j - 1]);
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == letter(b[j - 2]) && y == letter(a[i - 2]))
                row[j] = least(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

void nearest_try(struct nearest *n, const char *word, const char *known)
{
    size_t third = strnlen(word, LETTERS_MAX) / 3;
    unsigned distance = nearest_distance(word, known);
    if (distance > (third ? third : 1) || (n->name && distance >= n->distance))
        return;
    n->name = known;
    n->distance = distance;
}
