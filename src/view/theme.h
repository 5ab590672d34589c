/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a cell of the screen means; how that looks (colour, bold, reverse) is the terminal's
 * affair. Meaning never rests on colour alone: a sign or a word stands beside it.
 */
#ifndef VIEW_THEME_H
#define VIEW_THEME_H

enum style {
    STYLE_NORMAL,
    STYLE_TITLE,    /* the target's name */
    STYLE_LIVE,     /* LIVE */
    STYLE_HELD,     /* PAUSED, WINDOW: not now */
    STYLE_ENDED,    /* ENDED, FILE: nothing more will come */
    STYLE_LABEL,    /* CPU, MEM */
    STYLE_BAR,      /* a meter's filled part */
    STYLE_BAR_HIGH, /* the same, near its limit */
    STYLE_SPARK,
    STYLE_WARNING,
    STYLE_CRITICAL,
    STYLE_TAB,
    STYLE_TAB_ON,
    STYLE_COLUMN, /* a table's head */
    STYLE_COLUMN_ON,
    STYLE_SELECTED,
    STYLE_GREY, /* idle, noise: readable, but behind the rest */
    STYLE_WORSE,
    STYLE_BETTER,
    STYLE_MATCH, /* what was searched for */
    STYLE_STATUS,
    STYLE_NOTICE,
    STYLE_ERROR,
    STYLE_KEY, /* on the function bar: the key, then what it does */
    STYLE_KEY_TEXT,
    STYLE_HEADING,
    STYLE_BOX_COLD, /* boxes of the flame graph, by their own time ... */
    STYLE_BOX_WARM,
    STYLE_BOX_HOT,
    STYLE_BOX_HOTTEST,
    STYLE_BOX_CPU, /* ... or by where it goes */
    STYLE_BOX_BOTH,
    STYLE_BOX_WAIT,
    STYLE_BOX_OTHER,
    STYLE_COUNT
};

#endif
