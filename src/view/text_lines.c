/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See text_lines.h. Pure. */
#include "view/text_lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

void text_lines_add(struct text_lines *lines, enum style style, const char *fmt, ...)
{
    char text[TEXT_LINE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    text_make_printable(text);
    vec_push(&lines->at, ((struct text_line){xstrdup(text), style}));
}

void text_lines_empty(struct text_lines *lines)
{
    for (size_t i = 0; i < lines->at.n; i++)
        free(lines->at.at[i].text);
    vec_clear(&lines->at);
}

void text_lines_clear(struct text_lines *lines)
{
    text_lines_empty(lines);
    vec_free(&lines->at);
}

void draw_text_lines(struct grid *g, int row, int height, const struct text_lines *lines,
                     size_t top)
{
    for (int i = 0; i < height && top + (size_t)i < lines->at.n; i++)
        grid_put(g, row + i, 1, g->columns - 2, lines->at.at[top + (size_t)i].style,
                 lines->at.at[top + (size_t)i].text);
}
