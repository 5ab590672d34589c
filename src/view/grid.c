/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See grid.h. */
#include "view/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct grid_cell blank = {' ', 0, 1, STYLE_NORMAL};

void grid_init(struct grid *g, int columns, int rows, bool ascii)
{
    g->columns = columns > 0 ? columns : 1;
    g->rows = rows > 0 ? rows : 1;
    g->ascii = ascii;
    g->cells = xmalloc((size_t)g->columns * (size_t)g->rows * sizeof *g->cells);
    grid_erase(g);
}

void grid_clear(struct grid *g)
{
    free(g->cells);
    memset(g, 0, sizeof *g);
}

void grid_erase(struct grid *g)
{
    for (size_t i = 0; i < (size_t)g->columns * (size_t)g->rows; i++)
        g->cells[i] = blank;
}

static struct grid_cell *cell_at(const struct grid *g, int row, int column)
{
    if (row < 0 || column < 0 || row >= g->rows || column >= g->columns)
        return NULL;
    return &g->cells[(size_t)row * (size_t)g->columns + (size_t)column];
}

const struct grid_cell *grid_at(const struct grid *g, int row, int column)
{
    return cell_at(g, row, column);
}

/* Puts a code point of 1 or 2 columns; keeps no half of a wide one beside it. */
static void set_cell(struct grid *g, int row, int column, enum style style, uint32_t codepoint,
                     int width)
{
    struct grid_cell *c = cell_at(g, row, column);
    if (!c)
        return;
    if (width == 2 && column + 1 >= g->columns) {
        codepoint = ' ';
        width = 1;
    }
    if (c->width == 0 && column > 0)
        c[-1] = (struct grid_cell){' ', c[-1].link, 1, c[-1].style};
    struct grid_cell *after = cell_at(g, row, column + width);
    if (after && after->width == 0)
        *after = (struct grid_cell){' ', after->link, 1, after->style};
    *c = (struct grid_cell){codepoint, c->link, (uint8_t)width, (uint8_t)style};
    if (width == 2)
        c[1] = (struct grid_cell){' ', c[1].link, 0, (uint8_t)style};
}

void grid_char(struct grid *g, int row, int column, enum style style, uint32_t codepoint)
{
    set_cell(g, row, column, style, codepoint, 1);
}

struct range {
    uint32_t from, to;
};

/* Unicode 15: the blocks of combining and invisible characters that names do contain. */
static const struct range zero_width[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x0610, 0x061a},   {0x064b, 0x065f},
    {0x0900, 0x0902}, {0x0941, 0x0948}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e},   {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x206f},   {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}, {0xe0000, 0xe0fff},
};

/* East Asian wide and emoji. */
static const struct range wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},
    {0x25fd, 0x25fe},   {0x2614, 0x2615},   {0x26a1, 0x26a1},   {0x2705, 0x2705},
    {0x274c, 0x274c},   {0x2753, 0x2755},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
    {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},
    {0xffe0, 0xffe6},   {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i].from && c <= ranges[i].to)
            return true;
    return false;
}

int codepoint_columns(uint32_t c)
{
    if (c < 0x300)
        return 1;
    if (in_ranges(c, zero_width, sizeof zero_width / sizeof zero_width[0]))
        return 0;
    return in_ranges(c, wide, sizeof wide / sizeof wide[0]) ? 2 : 1;
}

uint32_t codepoint_next(const char **text)
{
    const unsigned char *s = (const unsigned char *)*text;
    if (s[0] < 0x80) {
        *text += 1;
        return s[0];
    }
    int n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 0;
    if (s[0] >= 0xc2 && s[0] < 0xe0)
        n = 2;
    uint32_t c = n ? s[0] & (0xffu >> (n + 1)) : 0xfffd;
    int i = 1;
    for (; i < n && (s[i] & 0xc0) == 0x80; i++)
        c = c << 6 | (s[i] & 0x3fu);
    bool whole = n && i == n;
    *text += whole ? n : 1;
    if (!whole || (n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) ||
        (c >= 0xd800 && c < 0xe000))
        return 0xfffd;
    return c;
}

size_t codepoint_encode(char *out, uint32_t c)
{
    size_t n = 0;
    if (c < 0x80) {
        out[n++] = (char)c;
    } else if (c < 0x800) {
        out[n++] = (char)(0xc0 | c >> 6);
        out[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        out[n++] = (char)(0xe0 | c >> 12);
        out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        out[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        out[n++] = (char)(0xf0 | c >> 18);
        out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        out[n++] = (char)(0x80 | (c & 0x3f));
    }
    out[n] = '\0';
    return n;
}

/* What is drawn for a code point of a text on this grid. */
static uint32_t printable(const struct grid *g, uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffd)
        return '?';
    if (g->ascii && c >= 0x80)
        return c == 0x2026 ? '~' : c == 0x2192 ? '>' : '?';
    return c;
}

static uint32_t cut_sign(const struct grid *g)
{
    return g->ascii ? '~' : 0x2026;
}

int text_columns(const char *text)
{
    int n = 0;
    while (*text)
        n += codepoint_columns(codepoint_next(&text));
    return n;
}

int grid_put(struct grid *g, int row, int column, int width, enum style style, const char *text)
{
    int used = 0;
    while (*text) {
        uint32_t c = printable(g, codepoint_next(&text));
        int w = codepoint_columns(c);
        if (w == 0)
            continue;
        bool last = !*text;
        if (used + w > width || (used + w == width && !last && text_columns(text) > 0)) {
            if (used < width) {
                set_cell(g, row, column + used, style, cut_sign(g), 1);
                used++;
            }
            break;
        }
        set_cell(g, row, column + used, style, c, w);
        used += w;
    }
    return used;
}

int grid_printf(struct grid *g, int row, int column, int width, enum style style, const char *fmt,
                ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return grid_put(g, row, column, width, style, text);
}

int grid_put_tail(struct grid *g, int row, int column, int width, enum style style,
                  const char *text)
{
    int over = text_columns(text) - width;
    if (over <= 0 || width <= 0)
        return grid_put(g, row, column, width, style, text);
    int skipped = 0;
    while (*text && skipped < over + 1)
        skipped += codepoint_columns(codepoint_next(&text));
    set_cell(g, row, column, style, cut_sign(g), 1);
    return 1 + grid_put(g, row, column + 1, width - 1, style, text);
}

void grid_put_right(struct grid *g, int row, int column, int width, enum style style,
                    const char *text)
{
    int free_columns = width - text_columns(text);
    if (free_columns < 0)
        free_columns = 0;
    grid_put(g, row, column + free_columns, width - free_columns, style, text);
}

void grid_fill(struct grid *g, int row, int column, int width, enum style style)
{
    for (int i = 0; i < width; i++)
        set_cell(g, row, column + i, style, ' ', 1);
}

void grid_restyle(struct grid *g, int row, int column, int width, enum style style)
{
    for (int i = 0; i < width; i++) {
        struct grid_cell *c = cell_at(g, row, column + i);
        if (c)
            c->style = (uint8_t)style;
    }
}

void grid_link(struct grid *g, int row, int column, int width, uint16_t link)
{
    for (int i = 0; i < width; i++) {
        struct grid_cell *c = cell_at(g, row, column + i);
        if (c)
            c->link = link;
    }
}

void grid_text(const struct grid *g, int row, char *out, size_t size)
{
    size_t len = 0, end = 0;
    out[0] = '\0';
    for (int i = 0; i < g->columns; i++) {
        const struct grid_cell *c = grid_at(g, row, i);
        if (!c || c->width == 0)
            continue;
        if (len + 5 > size)
            break;
        len += codepoint_encode(out + len, c->codepoint);
        if (c->codepoint != ' ')
            end = len;
    }
    out[end] = '\0';
}
