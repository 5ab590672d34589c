/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the screens know between two paintings: which screen, which rows, which window. No figure
 * is kept here that did not come from a view over the recording. The front's thread.
 */
#ifndef UI_STATE_H
#define UI_STATE_H

#include "session/session.h"
#include "ui/alerts_screen.h"
#include "ui/flame_screen.h"
#include "ui/help_screen.h"
#include "ui/keys.h"
#include "ui/memory_screen.h"
#include "ui/objects_screen.h"
#include "ui/prompt.h"
#include "ui/settings_screen.h"
#include "ui/terminal.h"
#include "ui/time_screen.h"
#include "ui/travel.h"
#include "ui/ui.h"
#include "view/compare.h"
#include "view/compare_objects.h"
#include "view/detail.h"
#include "view/draw_compare.h"
#include "view/draw_frame.h"
#include "view/order.h"
#include "view/wait_detail.h"

struct ui;

enum screen_id {
    SCREEN_HOT,
    SCREEN_LINES,
    SCREEN_TREE,
    SCREEN_FLAME,
    SCREEN_WAITS,
    SCREEN_THREADS,
    SCREEN_MEMORY,
    SCREEN_OBJECTS,
    SCREEN_TIME,
    SCREEN_PROCESSES, /* from here on without a tab of its own (screens[].digit) */
    SCREEN_ALERTS,
    SCREEN_COMPARE,
    SCREEN_HELP,
    SCREEN_DETAIL,
    SCREEN_WAIT,
    SCREEN_OBJECT,
    SCREEN_SETTINGS,
    SCREEN_COUNT
};

/* A screen: one row of screens[]. */
struct screen {
    char digit;  /* 0: none, and then it has no tab of its own */
    char letter; /* 0: none (a detail is opened, not chosen) */
    const char *title;
    const char *view; /* the view that it shows, or NULL */
    const char *help;
    void (*fill)(struct ui *ui);
    void (*draw)(struct ui *ui, int row, int height);
    size_t (*count)(const struct ui *ui); /* its rows */
};

extern const struct screen screens[SCREEN_COUNT];

/* Where one is in a screen's list. */
struct list {
    size_t top, selected;
    uint64_t key;     /* of the selected row */
    bool holds;       /* the user chose this row: it stays chosen when the order changes */
    const char *sort; /* NULL: the view's own */
    bool invert;
    struct order order;
};

#define TRAIL_MAX 32 /* steps back; the oldest are forgotten */

enum compare_with { COMPARE_NOTHING, COMPARE_BASELINE, COMPARE_OTHER, COMPARE_REST };

struct ui {
    struct session *session;
    const struct ui_options *options;
    bool ascii;
    double interval_s;
    struct grid grid;

    enum screen_id screen;           /* shown */
    enum screen_id trail[TRAIL_MAX]; /* the way to it: where Back leads to, the last one first */
    size_t trail_length;
    struct list lists[SCREEN_COUNT];
    struct table table, summary;
    VEC(uint64_t) folded_keys; /* rows of the tree; `folded` is made from them */
    struct map folded;
    struct {
        enum calls_direction direction;
        uint64_t root_key; /* the function that it is about, and its name when it was chosen */
        char root_name[128];
        enum screen_id from; /* where Back leads to */
    } tree;
    struct flame_screen flame;
    struct memory_screen memory;
    struct time_screen time;
    struct travel travel;
    struct detail detail;
    uint64_t detail_key;       /* the function that the detail screen shows */
    VEC(uint64_t) detail_path; /* those that Back leads to */
    struct text_lines wait;
    uint64_t wait_key; /* the row of the waits that the wait screen shows */
    struct objects_screen objects;
    struct alerts_screen alerts;
    struct settings_screen setup;

    struct {
        enum compare_with with;
        struct session *other; /* what is before */
        bool owned, sides;
        bool objects; /* censuses are compared, not functions */
        struct compare_objects_summary totals;
        char name[128];
        struct compare_summary summary;
        struct compare_head head[2];
    } compare;
    struct window baseline; /* empty: no mark */
    char snapshot[512];     /* the last one saved, "" if none */
    bool saving;

    uint64_t span_ns;         /* the window's length; 0: all */
    uint64_t started_ns;      /* and not before this */
    struct recording *frozen; /* while paused: the recording as it was then; owned */
    struct filter filter;
    char filter_text[PROMPT_MAX], search[PROMPT_MAX];

    struct prompt prompt;
    char message[600];
    enum style message_style;
    uint64_t message_until_ns, said; /* said: how many there were */
    bool answered;                   /* the message answers a key */
    uint32_t notice_seq;

    double memory_top;
    uint64_t memory_top_until_ns; /* say until then that the scale has changed */
    uint64_t shown_version, filled_ns;
    bool refill, repaint, leave;
    bool summary_due; /* the verdicts are of what was shown before: when no key waits (loop.c) */
    uint64_t click_ns;
    size_t click_row;
    enum screen_id tabs[SCREEN_COUNT];
    size_t tab_count;
};

/* state.c */
/* What is shown: the session's recording, or the frozen one while paused. */
struct recording *ui_recording(const struct ui *ui);
void ui_go_on(struct ui *ui); /* ends a pause */
struct window ui_window(const struct ui *ui);
/* Shows a window, cut to the recording, until 0 (or another one) is asked for. Empty: lets go of it
 * (travel.h). */
void ui_select_window(struct ui *ui, struct window window);
struct query ui_query(const struct ui *ui);
struct list *ui_list(struct ui *ui); /* of the screen shown */
const char *ui_sort(const struct ui *ui, enum screen_id screen);
/* A line at the bottom for some seconds. */
void ui_say(struct ui *ui, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void ui_show(struct ui *ui, enum screen_id screen);
/* To where one came from; false: there is nothing to go back to. */
bool ui_go_back(struct ui *ui);
/* The same to a screen that was shown before, whatever was shown since. */
void ui_go_back_to(struct ui *ui, enum screen_id screen);
/* The function that the selected row is about, as numbered now; 0 if there is none. */
struct function_id ui_selected_function(struct ui *ui);
/* The rows under the head of the screen's list. */
int ui_list_height(const struct ui *ui);
/* Keeps the selection in sight and within the list. */
void ui_keep_in_sight(struct ui *ui);
/* false if there is nothing to compare with. */
bool ui_sides(const struct ui *ui, struct compare_side *before, struct compare_side *after);

/* screens.c */
void ui_fill(struct ui *ui, uint64_t now_ns);
void ui_fill_summary(struct ui *ui);
void ui_paint(struct ui *ui, uint64_t now_ns);
/* The rows of the table in these lines, and what is selected beside them where there is room. */
void ui_draw_list(struct ui *ui, int row, int height);
char screen_letter(const char *view);

/* find.c */
typedef bool row_matches_fn(const struct ui *ui, size_t row, const void *context);
/* Selects the next of n rows that matches, in the direction of `step`; the selected one counts if
 * `here`. false: there is none. */
bool ui_find_row(struct ui *ui, size_t n, row_matches_fn *matches, const void *context, int step,
                 bool here);
/* The same for what is searched for, on the screen that is shown; says so if it is not there. */
void ui_search(struct ui *ui, int step, bool here);
/* Marks what is searched for in these lines of the grid. */
void ui_mark_found(struct ui *ui, int row, int height);

/* command.c */
/* A row was chosen: it is kept in sight, and stays chosen when the order changes. */
void ui_chose(struct ui *ui);
void ui_command(struct ui *ui, enum command command);
void ui_event(struct ui *ui, const struct terminal_event *event, uint64_t now_ns);

#endif
