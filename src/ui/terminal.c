/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See terminal.h. Curses diffs what is painted; rows that have not changed are not handed to it. */
#include "ui/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <ncursesw/curses.h>
#include <ncursesw/term.h>
#undef columns /* term.h names its capabilities so */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "ui/guard.h"
#include "ui/palette.h"

static const int leave_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
#define N_LEAVE  (sizeof leave_signals / sizeof leave_signals[0])
#define N_CRASH  (sizeof crash_signals / sizeof crash_signals[0])
#define PATIENCE 3 /* this many signals to leave end proftop, whatever it is doing */

static struct {
    bool open;
    SCREEN *screen;
    enum palette palette;
    int pipe[2];
    volatile sig_atomic_t wishes, asked_to_leave;
    struct sigaction old_leave[N_LEAVE], old_crash[N_CRASH], old_winch, old_tstp, old_cont;
    struct grid painted;
    bool mouse;
} term = {.pipe = {-1, -1}};

static void wake(int wish)
{
    int saved = errno;
    term.wishes |= wish;
    if (write(term.pipe[1], "", 1) < 0) {
        /* The pipe is full: the loop will wake up anyway. */
    }
    errno = saved;
}

static void on_leave(int sig)
{
    if (++term.asked_to_leave >= PATIENCE) {
        guard_restore();
        _exit(128 + sig);
    }
    wake(TERMINAL_LEAVE);
}

static void on_winch(int sig)
{
    (void)sig;
    wake(TERMINAL_RESIZED);
}

static void on_tstp(int sig)
{
    (void)sig;
    wake(TERMINAL_SUSPEND);
}

/* Gives the terminal back, then lets the signal do what it would have done. */
static void on_crash(int sig)
{
    guard_restore();
    for (size_t i = 0; i < N_CRASH; i++)
        if (crash_signals[i] == sig)
            sigaction(sig, &term.old_crash[i], NULL);
    raise(sig);
}

static void set_handler(int sig, void (*handler)(int), int flags, struct sigaction *old)
{
    struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, old);
}

static void install_handlers(void)
{
    static char stack[64 * 1024]; /* so that a stack overflow can be handled too */
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    sigset_t ours;
    sigemptyset(&ours);
    for (size_t i = 0; i < N_LEAVE; i++) {
        set_handler(leave_signals[i], on_leave, SA_RESTART, &term.old_leave[i]);
        sigaddset(&ours, leave_signals[i]);
    }
    /* Whoever called may have blocked them for a signalfd: this thread takes them now. */
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
    for (size_t i = 0; i < N_CRASH; i++)
        set_handler(crash_signals[i], on_crash, SA_ONSTACK, &term.old_crash[i]);
    set_handler(SIGWINCH, on_winch, SA_RESTART, &term.old_winch);
    set_handler(SIGTSTP, on_tstp, SA_RESTART, &term.old_tstp);
    set_handler(SIGCONT, on_winch, SA_RESTART, &term.old_cont); /* paint it all again */
}

static void remove_handlers(void)
{
    for (size_t i = 0; i < N_LEAVE; i++)
        sigaction(leave_signals[i], &term.old_leave[i], NULL);
    for (size_t i = 0; i < N_CRASH; i++)
        sigaction(crash_signals[i], &term.old_crash[i], NULL);
    sigaction(SIGWINCH, &term.old_winch, NULL);
    sigaction(SIGTSTP, &term.old_tstp, NULL);
    sigaction(SIGCONT, &term.old_cont, NULL);
}

/* Appends a capability without its padding ("$<5>"), which write(2) cannot wait for. */
static void add_capability(char *out, size_t size, size_t *n, const char *bytes)
{
    if (!bytes || bytes == (char *)-1)
        return;
    while (*bytes && *n + 1 < size) {
        if (bytes[0] == '$' && bytes[1] == '<') {
            const char *end = strchr(bytes, '>');
            if (end) {
                bytes = end + 1;
                continue;
            }
        }
        out[(*n)++] = *bytes++;
    }
}

/*
 * The mouse is read here and not by curses: that asks for presses alone, and of several events
 * which have come at once it loses all but the last, so a drag would lose its beginning. What
 * begins an event is made a key (in xterm's old and in its newer encoding), and what follows is
 * read byte by byte.
 */
enum { KEY_MOUSE_OLD = KEY_MAX + 1, KEY_MOUSE_NEW };
#define MOUSE_ON  "\033[?1000h\033[?1002h\033[?1006h"
#define MOUSE_OFF "\033[?1006l\033[?1002l\033[?1000l"

static void take_mouse(void)
{
    const char *known = tigetstr("kmous");
    term.mouse = known && known != (char *)-1 && define_key("\033[M", KEY_MOUSE_OLD) == OK &&
                 define_key("\033[<", KEY_MOUSE_NEW) == OK;
}

static void follow_mouse(bool follow)
{
    const char *mode = follow ? MOUSE_ON : MOUSE_OFF;
    if (term.mouse && write(STDOUT_FILENO, mode, strlen(mode)) < 0) {
        /* The terminal has gone: its next read says so. */
    }
}

static void start_guard(void)
{
    char bytes[512];
    size_t n = 0;
    if (term.mouse)
        add_capability(bytes, sizeof bytes, &n, MOUSE_OFF);
    add_capability(bytes, sizeof bytes, &n, tigetstr("sgr0"));
    add_capability(bytes, sizeof bytes, &n, tigetstr("op"));
    char *place = tigetstr("cup");
    if (place && place != (char *)-1)
        add_capability(bytes, sizeof bytes, &n, tiparm(place, LINES - 1, 0));
    add_capability(bytes, sizeof bytes, &n, tigetstr("el"));
    add_capability(bytes, sizeof bytes, &n, tigetstr("rmcup"));
    add_capability(bytes, sizeof bytes, &n, tigetstr("rmkx"));
    add_capability(bytes, sizeof bytes, &n, tigetstr("cnorm"));
    add_capability(bytes, sizeof bytes, &n, "\r\n");
    guard_start(bytes, n);
}

static void start_colors(bool no_color)
{
    const char *variable = getenv("NO_COLOR");
    term.palette = PALETTE_NONE;
    if (no_color || (variable && variable[0]) || !has_colors() || start_color() == ERR)
        return;
    bool defaults = use_default_colors() == OK;
    term.palette = COLORS >= 256 ? PALETTE_256 : PALETTE_8;
    for (int i = 0; i < STYLE_COUNT; i++) {
        const struct look *l = &palettes[term.palette][i];
        short f = l->foreground, b = l->background;
        if (!defaults) {
            f = f < 0 ? COLOR_WHITE : f;
            b = b < 0 ? COLOR_BLACK : b;
        }
        init_pair((short)(i + 1), f, b);
    }
}

static bool check_terminal(struct err *err)
{
    const char *name = getenv("TERM");
    int status = 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return err_set(err, "%s is not a terminal: run proftop in one, or use `proftop record`",
                       isatty(STDIN_FILENO) ? "stdout" : "stdin");
    if (!name || !name[0])
        return err_set(err, "TERM is not set: set it to your terminal's type (as in "
                            "TERM=xterm-256color)");
    if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
        return err_set(err,
                       "the terminal type '%s' is unknown here: set TERM to one that is (as "
                       "in TERM=xterm)",
                       name);
    char *place = tigetstr("cup");
    bool able = place && place != (char *)-1;
    del_curterm(cur_term); /* newterm makes its own */
    if (!able)
        return err_set(err,
                       "the terminal type '%s' cannot place its cursor: set TERM to what "
                       "your terminal is, or use `proftop record`",
                       name);
    return true;
}

static void set_modes(void)
{
    cbreak();
    noecho();
    nonl();
    intrflush(stdscr, FALSE);
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(25);
    curs_set(0);
    take_mouse();
}

bool terminal_open(bool no_color, struct err *err)
{
    static bool at_exit;
    if (!check_terminal(err))
        return false;
    setlocale(LC_CTYPE, "");
    if (pipe2(term.pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_errno(err, "cannot make a pipe");
    guard_remember(STDIN_FILENO);
    term.screen = newterm(NULL, stdout, stdin);
    if (!term.screen) {
        close(term.pipe[0]);
        close(term.pipe[1]);
        return err_set(err, "cannot use the terminal '%s': set TERM to another type",
                       getenv("TERM"));
    }
    term.open = true;
    term.wishes = 0;
    term.asked_to_leave = 0;
    set_modes();
    start_colors(no_color);
    refresh();
    follow_mouse(true);
    start_guard();
    install_handlers();
    die_set_hook(guard_restore);
    log_set_terminal(0);
    if (!at_exit)
        atexit(terminal_close);
    at_exit = true;
    return true;
}

/* Where there is no second screen to leave, the shell goes on below what was painted. */
static void leave_screen(void)
{
    follow_mouse(false);
    move(LINES - 1, 0);
    clrtoeol();
    refresh();
    endwin();
}

void terminal_close(void)
{
    if (!term.open)
        return;
    term.open = false;
    leave_screen();
    guard_stop();
    die_set_hook(NULL);
    remove_handlers();
    delscreen(term.screen);
    grid_clear(&term.painted);
    close(term.pipe[0]);
    close(term.pipe[1]);
    term.pipe[0] = term.pipe[1] = -1;
    log_set_terminal(1);
}

void terminal_set_color(bool color)
{
    start_colors(!color);
    clearok(curscr, TRUE);
    grid_clear(&term.painted);
}

bool terminal_has_colors(void)
{
    return term.palette != PALETTE_NONE;
}

bool terminal_is_ascii(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

void terminal_size(int *columns, int *rows)
{
    *columns = COLS;
    *rows = LINES;
}

static void cell_to_curses(cchar_t *out, const struct grid_cell *c)
{
    const struct look *l = &palettes[term.palette][c->style < STYLE_COUNT ? c->style : 0];
    wchar_t text[2] = {(wchar_t)c->codepoint, 0};
    attr_t attributes = A_NORMAL;
    if (l->bold)
        attributes |= A_BOLD;
    if (l->reverse)
        attributes |= A_REVERSE;
    if (l->underline)
        attributes |= A_UNDERLINE;
    setcchar(out, text, attributes, term.palette == PALETTE_NONE ? 0 : (short)(c->style + 1), NULL);
}

void terminal_paint(const struct grid *g, int row, int column)
{
    bool all = term.painted.columns != g->columns || term.painted.rows != g->rows;
    if (all) {
        grid_clear(&term.painted);
        grid_init(&term.painted, g->columns, g->rows, g->ascii);
    }
    size_t line = (size_t)g->columns * sizeof *g->cells;
    for (int y = 0; y < g->rows && y < LINES; y++) {
        const struct grid_cell *cells = &g->cells[(size_t)y * (size_t)g->columns];
        struct grid_cell *before = &term.painted.cells[(size_t)y * (size_t)g->columns];
        if (!all && memcmp(cells, before, line) == 0)
            continue;
        memcpy(before, cells, line);
        for (int x = 0; x < g->columns && x < COLS; x++) {
            cchar_t c;
            if (cells[x].width == 0)
                continue;
            cell_to_curses(&c, &cells[x]);
            mvadd_wch(y, x, &c);
        }
    }
    curs_set(row >= 0);
    if (row >= 0)
        move(row, column);
    refresh();
}

/* Numbers of the newer encoding: button, column, row, and how it ends ('M' or 'm'). */
static bool read_mouse_new(int numbers[3], bool *released)
{
    int n = 0;
    numbers[0] = numbers[1] = numbers[2] = 0;
    for (int i = 0; i < 24; i++) {
        int c = getch();
        if (c >= '0' && c <= '9' && numbers[n] < 100000)
            numbers[n] = numbers[n] * 10 + (c - '0');
        else if (c == ';' && n < 2)
            n++;
        else if (c == 'M' || c == 'm') {
            *released = c == 'm';
            return n == 2;
        } else
            return false;
    }
    return false;
}

/* Three bytes, from 32 on; a release does not say of which button. */
static bool read_mouse_old(int numbers[3], bool *released)
{
    for (int i = 0; i < 3; i++) {
        numbers[i] = getch() - 32;
        if (numbers[i] < 0)
            return false;
    }
    *released = numbers[0] < 64 && (numbers[0] & 3) == 3;
    return true;
}

/* false: it is none that means something, or its bytes are broken. */
static bool read_mouse(struct terminal_event *event, bool newer)
{
    int numbers[3];
    bool released = false;
    timeout(20); /* it was sent as a whole: what is missing is about to come */
    bool whole = newer ? read_mouse_new(numbers, &released) : read_mouse_old(numbers, &released);
    nodelay(stdscr, TRUE);
    int button = numbers[0] & ~(4 | 8 | 16); /* shift, meta, control */
    if (!whole || numbers[1] < 1 || numbers[2] < 1)
        return false;
    event->column = numbers[1] - 1;
    event->row = numbers[2] - 1;
    if (released)
        event->key = TERMINAL_RELEASE;
    else if (button == 0)
        event->key = TERMINAL_CLICK;
    else if (button == 32)
        event->key = TERMINAL_DRAG;
    else if (button == 64 || button == 65)
        event->key = button == 64 ? TERMINAL_WHEEL_UP : TERMINAL_WHEEL_DOWN;
    else
        return false;
    return true;
}

static const struct {
    int curses;
    uint32_t key;
} key_codes[] = {
    {KEY_UP, TERMINAL_UP},         {KEY_DOWN, TERMINAL_DOWN},
    {KEY_LEFT, TERMINAL_LEFT},     {KEY_RIGHT, TERMINAL_RIGHT},
    {KEY_PPAGE, TERMINAL_PAGE_UP}, {KEY_NPAGE, TERMINAL_PAGE_DOWN},
    {KEY_HOME, TERMINAL_HOME},     {KEY_FIND, TERMINAL_HOME},
    {KEY_END, TERMINAL_END},       {KEY_SELECT, TERMINAL_END},
    {KEY_LL, TERMINAL_END},        {KEY_BACKSPACE, TERMINAL_BACKSPACE},
    {KEY_BTAB, TERMINAL_BACK_TAB}, {KEY_ENTER, TERMINAL_ENTER},
    {KEY_A1, TERMINAL_HOME},       {KEY_A3, TERMINAL_PAGE_UP},
    {KEY_C1, TERMINAL_END},        {KEY_C3, TERMINAL_PAGE_DOWN},
};

void terminal_bell(void)
{
    beep();
}

bool terminal_read(struct terminal_event *event)
{
    for (;;) {
        wint_t c;
        int kind = get_wch(&c);
        if (kind == ERR)
            return false;
        event->row = event->column = -1;
        if (kind == OK) {
            event->key = c == '\r'             ? TERMINAL_ENTER
                         : c == 0x7f || c == 8 ? TERMINAL_BACKSPACE
                                               : (uint32_t)c;
            return true;
        }
        if (c == KEY_MOUSE_OLD || c == KEY_MOUSE_NEW) {
            if (read_mouse(event, c == KEY_MOUSE_NEW))
                return true;
            continue;
        }
        if (c >= KEY_F(1) && c <= KEY_F(10)) {
            event->key = TERMINAL_F1 + (uint32_t)(c - KEY_F(1));
            return true;
        }
        for (size_t i = 0; i < sizeof key_codes / sizeof key_codes[0]; i++) {
            if ((int)c == key_codes[i].curses) {
                event->key = key_codes[i].key;
                return true;
            }
        }
    }
}

int terminal_wish_fd(void)
{
    return term.pipe[0];
}

/* Takes the window's size from the kernel, and has everything painted again. */
static void take_size(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
        (size.ws_row != LINES || size.ws_col != COLS))
        resizeterm(size.ws_row, size.ws_col);
    reset_prog_mode();
    clearok(curscr, TRUE);
    grid_clear(&term.painted);
}

unsigned terminal_wishes(void)
{
    char drain[64];
    while (read(term.pipe[0], drain, sizeof drain) > 0)
        ;
    unsigned wishes = (unsigned)term.wishes;
    term.wishes = 0;
    if (wishes & TERMINAL_RESIZED)
        take_size();
    return wishes;
}

void terminal_suspend(void)
{
    leave_screen();
    /* Stop ourselves alone: the shell sees its job stop, and continues it with SIGCONT. */
    kill(getpid(), SIGSTOP);
    refresh();
    follow_mouse(true);
    take_size();
}
