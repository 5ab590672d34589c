/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See prompt.h. */
#include "ui/prompt.h"

#include <stdio.h>
#include <string.h>

#include "ui/terminal.h"
#include "view/grid.h"

#define CTRL(c) ((c)&0x1f)

void prompt_start(struct prompt *p, enum prompt_kind kind, const char *label, const char *text)
{
    p->kind = kind;
    p->label = label;
    snprintf(p->text, sizeof p->text, "%s", text);
}

static void erase_one(char *text)
{
    size_t n = strlen(text);
    while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
        n--;
    if (n > 0)
        n--;
    text[n] = '\0';
}

enum prompt_result prompt_key(struct prompt *p, uint32_t key)
{
    size_t n = strlen(p->text);
    switch (key) {
    case TERMINAL_ENTER:
        return PROMPT_ACCEPTED;
    case TERMINAL_ESCAPE:
        return PROMPT_CANCELLED;
    case TERMINAL_BACKSPACE:
        erase_one(p->text);
        return PROMPT_EDITED;
    case CTRL('U'):
        p->text[0] = '\0';
        return PROMPT_EDITED;
    case CTRL('W'):
        while (n > 0 && p->text[n - 1] == ' ')
            p->text[--n] = '\0';
        while (n > 0 && p->text[n - 1] != ' ')
            p->text[--n] = '\0';
        return PROMPT_EDITED;
    default:
        break;
    }
    bool printable = key >= 0x20 && key < 0x110000 && !(key >= 0x7f && key < 0xa0);
    if (!printable || n + 5 > sizeof p->text)
        return PROMPT_IGNORED;
    codepoint_encode(p->text + n, key);
    return PROMPT_EDITED;
}
