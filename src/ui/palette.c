/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See palette.h. */
#include "ui/palette.h"

#define PLAIN                                                                                      \
    {                                                                                              \
        -1, -1, false, false, false                                                                \
    }
#define BOLD                                                                                       \
    {                                                                                              \
        -1, -1, true, false, false                                                                 \
    }
#define REVERSE                                                                                    \
    {                                                                                              \
        -1, -1, false, true, false                                                                 \
    }
#define UNDERLINE                                                                                  \
    {                                                                                              \
        -1, -1, false, false, true                                                                 \
    }
#define INK(f)                                                                                     \
    {                                                                                              \
        f, -1, false, false, false                                                                 \
    }
#define STRONG(f)                                                                                  \
    {                                                                                              \
        f, -1, true, false, false                                                                  \
    }
#define ON(f, b)                                                                                   \
    {                                                                                              \
        f, b, false, false, false                                                                  \
    }

const struct look palettes[PALETTE_COUNT][STYLE_COUNT] =
    {
        [PALETTE_NONE] =
            {
                [STYLE_NORMAL] = PLAIN,
                [STYLE_TITLE] = BOLD,
                [STYLE_LIVE] = BOLD,
                [STYLE_HELD] = REVERSE,
                [STYLE_ENDED] = REVERSE,
                [STYLE_LABEL] = PLAIN,
                [STYLE_BAR] = BOLD,
                [STYLE_BAR_HIGH] = REVERSE,
                [STYLE_SPARK] = PLAIN,
                [STYLE_WARNING] = BOLD,
                [STYLE_CRITICAL] = REVERSE,
                [STYLE_TAB] = PLAIN,
                [STYLE_TAB_ON] = BOLD,
                [STYLE_COLUMN] = UNDERLINE,
                [STYLE_COLUMN_ON] = {-1, -1, true, false, true},
                [STYLE_SELECTED] = REVERSE,
                [STYLE_GREY] = PLAIN,
                [STYLE_WORSE] = BOLD,
                [STYLE_BETTER] = PLAIN,
                [STYLE_MATCH] = {-1, -1, true, false, true},
                [STYLE_STATUS] = PLAIN,
                [STYLE_NOTICE] = BOLD,
                [STYLE_ERROR] = REVERSE,
                [STYLE_KEY] = BOLD,
                [STYLE_KEY_TEXT] = REVERSE,
                [STYLE_HEADING] = BOLD,
                [STYLE_BOX_COLD] = PLAIN,
                [STYLE_BOX_WARM] = PLAIN,
                [STYLE_BOX_HOT] = PLAIN,
                [STYLE_BOX_HOTTEST] = PLAIN,
                [STYLE_BOX_CPU] = PLAIN,
                [STYLE_BOX_BOTH] = PLAIN,
                [STYLE_BOX_WAIT] = PLAIN,
                [STYLE_BOX_OTHER] = PLAIN,
            },
        [PALETTE_8] =
            {
                [STYLE_NORMAL] = PLAIN,
                [STYLE_TITLE] = BOLD,
                [STYLE_LIVE] = STRONG(2),
                [STYLE_HELD] = ON(0, 3),
                [STYLE_ENDED] = ON(0, 6),
                [STYLE_LABEL] = INK(6),
                [STYLE_BAR] = INK(2),
                [STYLE_BAR_HIGH] = STRONG(1),
                [STYLE_SPARK] = INK(6),
                [STYLE_WARNING] = STRONG(3),
                [STYLE_CRITICAL] = {7, 1, true, false, false},
                [STYLE_TAB] = PLAIN,
                [STYLE_TAB_ON] = BOLD,
                [STYLE_COLUMN] = ON(0, 2),
                [STYLE_COLUMN_ON] = ON(0, 3),
                [STYLE_SELECTED] = ON(0, 6),
                [STYLE_GREY] = PLAIN,
                [STYLE_WORSE] = INK(1),
                [STYLE_BETTER] = INK(2),
                [STYLE_MATCH] = ON(0, 3),
                [STYLE_STATUS] = PLAIN,
                [STYLE_NOTICE] = BOLD,
                [STYLE_ERROR] = {7, 1, true, false, false},
                [STYLE_KEY] = BOLD,
                [STYLE_KEY_TEXT] = ON(0, 6),
                [STYLE_HEADING] = BOLD,
                [STYLE_BOX_COLD] = ON(0, 7),
                [STYLE_BOX_WARM] = ON(0, 3),
                [STYLE_BOX_HOT] = ON(0, 5),
                [STYLE_BOX_HOTTEST] =
                    ON(7, 1),
                [STYLE_BOX_CPU] = ON(0, 2),
                [STYLE_BOX_BOTH] = ON(0, 7),
                [STYLE_BOX_WAIT] = ON(7, 4),
                [STYLE_BOX_OTHER] = ON(0, 5),
            },
        [PALETTE_256] =
            {
                [STYLE_NORMAL] = PLAIN,
                [STYLE_TITLE] = BOLD,
                [STYLE_LIVE] = STRONG(34),
                [STYLE_HELD] = ON(16, 214),
                [STYLE_ENDED] = ON(16, 110),
                [STYLE_LABEL] = INK(37),
                [STYLE_BAR] = INK(34),
                [STYLE_BAR_HIGH] = STRONG(196),
                [STYLE_SPARK] = INK(37),
                [STYLE_WARNING] = STRONG(172),
                [STYLE_CRITICAL] = {231, 160, true, false, false},
                [STYLE_TAB] = PLAIN,
                [STYLE_TAB_ON] = BOLD,
                [STYLE_COLUMN] = ON(16, 71),
                [STYLE_COLUMN_ON] = ON(16, 214),
                [STYLE_SELECTED] = ON(16, 80),
                [STYLE_GREY] = INK(245),
                [STYLE_WORSE] = INK(203),
                [STYLE_BETTER] = INK(71),
                [STYLE_MATCH] = ON(16, 220),
                [STYLE_STATUS] = INK(245),
                [STYLE_NOTICE] = BOLD,
                [STYLE_ERROR] = {231, 160, true, false, false},
                [STYLE_KEY] = BOLD,
                [STYLE_KEY_TEXT] = ON(16, 80),
                [STYLE_HEADING] = BOLD,
                [STYLE_BOX_COLD] = ON(255, 239),
                [STYLE_BOX_WARM] = ON(16, 180),
                [STYLE_BOX_HOT] = ON(16, 208),
                [STYLE_BOX_HOTTEST] = ON(231, 160),
                [STYLE_BOX_CPU] = ON(16, 71),
                [STYLE_BOX_BOTH] = ON(231, 66),
                [STYLE_BOX_WAIT] = ON(231, 25),
                [STYLE_BOX_OTHER] = ON(16, 176),
            },
};
