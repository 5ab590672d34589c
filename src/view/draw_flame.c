/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See draw_flame.h. */
#include "view/draw_flame.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "view/draw_table.h"
#include "view/rows.h"

#define NAME_MAX_BYTES 512

/* What one colour means, and the sign that stands for it where there are none. */
struct shade {
    const char *label;
    char sign;
    enum style style;
};

static const struct shade by_self[] = {
    {"<1%", ' ', STYLE_BOX_COLD},
    {"1%", '.', STYLE_BOX_WARM},
    {"5%", '+', STYLE_BOX_HOT},
    {"20% of all", '#', STYLE_BOX_HOTTEST},
};
static const double self_steps[] = {1, 5, 20};

static const struct shade by_wait[] = {
    {"on the CPU", '#', STYLE_BOX_CPU},
    {"both", '+', STYLE_BOX_BOTH},
    {"waiting", '-', STYLE_BOX_WAIT},
};

static const struct shade by_language[LANGUAGE_COUNT] = {
    [LANGUAGE_NATIVE] = {"native", 'n', STYLE_BOX_COLD},
    [LANGUAGE_C] = {"C", 'c', STYLE_BOX_WARM},
    [LANGUAGE_CXX] = {"C++", '+', STYLE_BOX_HOT},
    [LANGUAGE_RUST] = {"Rust", 'r', STYLE_BOX_BOTH},
    [LANGUAGE_GO] = {"Go", 'g', STYLE_BOX_CPU},
    [LANGUAGE_PYTHON] = {"Python", 'p', STYLE_BOX_WAIT},
    [LANGUAGE_KERNEL] = {"kernel", 'k', STYLE_BOX_HOTTEST},
    [LANGUAGE_JIT] = {"JIT", 'j', STYLE_BOX_OTHER},
};

static const struct shade no_shade = {"", ' ', STYLE_BOX_COLD};

const char *flame_color_name(enum flame_color color)
{
    static const char *const names[] = {"self time", "wait", "language"};
    return names[color % FLAME_COLORS];
}

static const struct shade *shade_of(const struct flame *f, const struct flame_box *box,
                                    enum flame_color color)
{
    double self = rows_pct(box->self_ns, f->whole_ns), wait = rows_pct(box->wait_ns, box->total_ns);
    size_t step = 0;
    switch (color) {
    case FLAME_BY_WAIT:
        return &by_wait[wait < 25 ? 0 : wait <= 75 ? 1 : 2];
    case FLAME_BY_LANGUAGE:
        return box->function_key ? &by_language[box->language % LANGUAGE_COUNT] : &no_shade;
    case FLAME_BY_SELF:
    case FLAME_COLORS:
        break;
    }
    while (step < sizeof self_steps / sizeof self_steps[0] && self >= self_steps[step])
        step++;
    return &by_self[step];
}

/* One shade of the legend, up to column `end`; returns the columns used. */
static int draw_shade(struct grid *g, int row, int column, int end, const struct shade *shade,
                      bool plain)
{
    int room = end > column ? end - column : 0;
    if (plain)
        return grid_printf(g, row, column, room, STYLE_NORMAL, "%c %s  ",
                           shade->sign == ' ' ? '_' : shade->sign, shade->label);
    return grid_printf(g, row, column, room, shade->style, " %s ", shade->label) + 1;
}

/* The shades that one way of colouring has, and which of them are in the picture. */
static size_t shades_of(const struct flame *f, enum flame_color color, const struct shade **shades,
                        bool seen[LANGUAGE_COUNT])
{
    for (size_t i = 0; i < LANGUAGE_COUNT; i++)
        seen[i] = color != FLAME_BY_LANGUAGE;
    switch (color) {
    case FLAME_BY_WAIT:
        *shades = by_wait;
        return sizeof by_wait / sizeof by_wait[0];
    case FLAME_BY_LANGUAGE:
        for (size_t i = 0; i < f->boxes.n; i++)
            if (f->boxes.at[i].function_key)
                seen[f->boxes.at[i].language % LANGUAGE_COUNT] = true;
        *shades = by_language;
        return LANGUAGE_COUNT;
    case FLAME_BY_SELF:
    case FLAME_COLORS:
        break;
    }
    *shades = by_self;
    return sizeof by_self / sizeof by_self[0];
}

static void draw_legend(struct grid *g, int row, const struct flame *f,
                        const struct flame_look *look)
{
    char right[96] = "";
    if (f->zoom)
        snprintf(right, sizeof right, "zoomed: %.1f%% of all",
                 rows_pct(f->boxes.at[f->zoom].total_ns, f->whole_ns));
    else if (f->idle_pct >= 0.05)
        snprintf(right, sizeof right, "idle %.1f%% not in it", f->idle_pct);
    int width = text_columns(right);
    /* That there is a zoom is said before what colours mean. */
    int end = f->zoom && width < g->columns ? g->columns - width - 2 : g->columns;
    int at = 1 + grid_printf(g, row, 1, end - 1, STYLE_LABEL, "v %s: %s  ",
                             look->plain ? "signs" : "colours", flame_color_name(look->color));
    const struct shade *shades;
    bool seen[LANGUAGE_COUNT];
    size_t n = shades_of(f, look->color, &shades, seen);
    for (size_t i = 0; i < n; i++)
        if (seen[i])
            at += draw_shade(g, row, at, end, &shades[i], look->plain);
    if (f->zoom || at + width + 1 < g->columns)
        grid_put_right(g, row, g->columns - width - 1, width, STYLE_NORMAL, right);
}

/* Where the last part of a qualified name begins: "handle" of "Shop.handle", "at(c::d)" of
 * "std::map<a::b>::at(c::d)", "Foo" of "x::(anonymous namespace)::Foo". */
static const char *last_part(const char *name)
{
    const char *tail = name;
    int depth = 0;
    if (strstr(name, "+0x"))
        return name; /* a place in a module, whose dots part nothing */
    for (const char *c = name; *c; c++) {
        if (*c == '(' || *c == '<' || *c == '[')
            depth++;
        else if (*c == ')' || *c == '>' || *c == ']')
            depth -= depth > 0;
        else if (!depth && (*c == '.' || *c == ':') && c[1] && !strchr(".:(<[", c[1]))
            tail = c + 1;
    }
    return tail;
}

/* What of a name still says something in so few columns: "Shop.handle" becomes "…handle". */
static void shorten(char *out, size_t size, const char *name, int room)
{
    const char *tail = text_columns(name) > room ? last_part(name) : name;
    bool fits = tail > name && text_columns(tail) < room;
    snprintf(out, size, "%s%s", fits ? "\u2026" : "", tail);
}

/* "…", and how many are in it where there is room. */
static void merged_text(char *out, size_t size, const struct flame_box *box, int room, bool ascii)
{
    const char *sign = ascii && room > 2 ? "..." : "\u2026";
    snprintf(out, size, "%s %u", sign, box->merged);
    if (text_columns(out) > room)
        snprintf(out, size, "%s", sign);
}

static void draw_box(struct grid *g, int row, const struct flame *f, uint32_t index, uint32_t first,
                     const struct flame_look *look)
{
    const struct flame_box *box = &f->boxes.at[index];
    const struct shade *shade = shade_of(f, box, look->color);
    bool selected = index == look->selected;
    enum style style = selected ? STYLE_SELECTED : box->match ? STYLE_MATCH : shade->style;
    /* With colours the last column parts it from the next box, without the first does. */
    int column = box->column, width = box->width > 1 ? box->width - 1 : box->width;
    if (look->plain && box->width > 1) {
        grid_char(g, row, column++, STYLE_NORMAL, '|');
        grid_char(g, row, column + width, STYLE_NORMAL, '|');
    }
    grid_fill(g, row, column, width, style);
    if (look->plain)
        for (int i = 0; i < width; i++)
            grid_char(g, row, column + i, style, (uint32_t)(unsigned char)shade->sign);
    int at = column, end = column + width;
    if (selected && width > 3)
        grid_char(g, row, at++, style, g->ascii ? '>' : 0x25b8);
    if (box->match && width > 3)
        grid_char(g, row, at++, style, '*');
    char text[NAME_MAX_BYTES];
    if (box->merged)
        merged_text(text, sizeof text, box, end - at, g->ascii);
    else
        shorten(text, sizeof text, flame_text(f, box->name), end - at);
    at += grid_put(g, row, at, end - at, style, text);
    /* The signs begin a blank after the name. */
    if (at < end)
        grid_char(g, row, at, style, ' ');
    if (index - first < LINK_ROWS)
        grid_link(g, row, box->column, box->width, (uint16_t)(LINK_ROW + (index - first)));
}

static void add_figures(struct text *t, const struct flame *f, const struct flame_box *box)
{
    char time[FIGURE_MAX];
    text_add(t, "total %.1f%%  ", rows_pct(box->total_ns, f->whole_ns));
    if (!box->merged && box->parent != FLAME_NONE)
        text_add(t, "self %.1f%%  ", rows_pct(box->self_ns, f->whole_ns));
    text_add(t, "waiting %.1f%% of its %s", rows_pct(box->wait_ns, box->total_ns),
             figure_duration(time, box->total_ns));
    if (box->function_key)
        text_add(t, "  %s", language_name(box->language));
}

/* Three lines: the name, figures and place, and what was searched for or what keys do. A name
 * longer than the screen goes on in the last. */
static void draw_selected(struct grid *g, int row, int lines, const struct flame *f,
                          const struct flame_look *look)
{
    if (look->selected >= f->boxes.n || lines < 1)
        return;
    const struct flame_box *box = &f->boxes.at[look->selected];
    const char *name = flame_text(f, box->name), *place = flame_text(f, box->place);
    int width = g->columns - 2;
    char figures[256], part[2048];
    struct text t = TEXT(figures);
    add_figures(&t, f, box);
    if (lines == 1) {
        int taken = grid_printf(g, row, 1, width, STYLE_NORMAL, "%s  ", figures);
        grid_put(g, row, 1 + taken, width - taken, STYLE_TITLE, name);
        return;
    }
    const char *rest = name;
    int used = 0;
    while (*rest && used < width) {
        const char *next = rest;
        used += codepoint_columns(codepoint_next(&next));
        if (used <= width)
            rest = next;
    }
    snprintf(part, sizeof part, "%.*s", (int)(rest - name), name);
    used = 2 + grid_put(g, row, 1, width, STYLE_TITLE, part);
    /* The place stands behind the name, or where there is more room. */
    int right = width - used, below = width - text_columns(figures) - 2;
    if (right >= text_columns(place) || right >= below)
        grid_put_tail(g, row, 1 + used, right, STYLE_GREY, place);
    else
        grid_put_tail(g, row + 1, 3 + text_columns(figures), below, STYLE_GREY, place);
    grid_put(g, row + 1, 1, width, STYLE_NORMAL, figures);
    if (lines < 3)
        return;
    if (*rest)
        grid_put(g, row + 2, 1, width, STYLE_TITLE, rest);
    else if (look->search[0])
        grid_printf(g, row + 2, 1, width, STYLE_NOTICE,
                    "* \"%.40s\": %.1f%% of the time, in %u place%s  n N go on", look->search,
                    rows_pct(f->match_ns, f->whole_ns), f->n_matches, f->n_matches == 1 ? "" : "s");
    else
        grid_put(g, row + 2, 1, width, STYLE_GREY,
                 f->zoom
                     ? "arrows move  Enter zooms in, on the zoomed box opens it  Esc zooms out"
                     : "width is time, below is what it calls  arrows move  Enter zooms  / finds");
}

static int lines_below(int height)
{
    return height >= 10 ? 3 : height >= 6 ? 2 : height >= 4 ? 1 : 0;
}

int flame_rows_shown(int height)
{
    int rows = height - 1 - lines_below(height);
    return rows > 1 ? rows : 1;
}

void draw_flame(struct grid *g, int row, int height, const struct flame *f,
                const struct flame_look *look)
{
    draw_legend(g, row, f, look);
    if (!f->boxes.n) {
        grid_put(g, row + 1, 1, g->columns - 1, STYLE_GREY, "No samples in this window.");
        return;
    }
    int shown = flame_rows_shown(height), lines = lines_below(height);
    uint32_t first = flame_row_start(f, (int)look->top);
    for (uint32_t i = first; i < f->boxes.n; i++) {
        int at = f->boxes.at[i].row - (int)look->top;
        if (at >= shown)
            break;
        draw_box(g, row + 1 + at, f, i, first, look);
    }
    draw_selected(g, row + height - lines, lines, f, look);
}
