/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See hook.h. */
#include "session/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

/* Environment of ours that a command does not get from us by chance. */
#define FACT_PREFIX "PROFTOP_"
/* How long the end waits for what runs and for those that wait. */
#define LAST_NS (2 * NS_PER_S)

/* The facts of one run; owned. */
struct facts {
    VEC(char *) list;
};

struct hook {
    struct hook_words words;
    double limit_s;
    bool hush;
    pid_t pid; /* 0: nothing runs */
    uint64_t deadline_ns;
    bool killed;
    VEC(struct facts) waiting;
};

static void facts_clear(struct facts *f)
{
    for (size_t i = 0; i < f->list.n; i++)
        free(f->list.at[i]);
    vec_free(&f->list);
}

void hook_words_clear(struct hook_words *words)
{
    for (size_t i = 0; i < words->list.n; i++)
        free(words->list.at[i]);
    vec_free(&words->list);
}

/* Takes one word from *text, which is not at a blank, into out; false: a quote is open. */
static bool take_word(const char **text, char *out)
{
    const char *c = *text;
    char quote = '\0';
    for (; *c && (quote || !strchr(" \t\n", *c)); c++) {
        if (*c == quote && quote) {
            quote = '\0';
        } else if (!quote && (*c == '\'' || *c == '"')) {
            quote = *c;
        } else {
            bool escapes = quote == '"' ? c[1] == '"' || c[1] == '\\' : !quote && c[1];
            if (*c == '\\' && escapes)
                c++;
            *out++ = *c;
        }
    }
    *out = '\0';
    *text = c;
    return !quote;
}

bool hook_split(struct hook_words *words, const char *command, struct err *err)
{
    char *word = xmalloc(strlen(command) + 1);
    bool whole = true;
    const char *rest = command + strspn(command, " \t\n");
    while (*rest && whole) {
        whole = take_word(&rest, word);
        vec_push(&words->list, xstrdup(word));
        rest += strspn(rest, " \t\n");
    }
    free(word);
    vec_push(&words->list, NULL);
    words->list.n--;
    if (!whole)
        return err_set(err, "a quote is not closed in \"%.300s\"", command);
    return words->list.n || err_set(err, "the command is empty");
}

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

/* As execvp looks for it. */
static bool find_program(const char *name, struct err *err)
{
    if (strchr(name, '/'))
        return is_program(name) || err_errno(err, "cannot run %.300s", name);
    const char *path = getenv("PATH");
    for (const char *from = path ? path : "/usr/bin:/bin"; *from;) {
        size_t n = strcspn(from, ":");
        char *file = xasprintf("%.*s/%s", (int)n, from, name);
        bool found = n && is_program(file);
        free(file);
        if (found)
            return true;
        from += n + (from[n] == ':');
    }
    return err_set(err, "cannot run %.300s: there is no such program in PATH", name);
}

struct hook *hook_new(const char *command, double limit_s, bool hush, struct err *err)
{
    struct hook_words words = {0};
    if (!hook_split(&words, command, err) || !find_program(words.list.at[0], err)) {
        hook_words_clear(&words);
        return NULL;
    }
    struct hook *h = xcalloc(1, sizeof *h);
    h->words = words;
    h->limit_s = limit_s;
    h->hush = hush;
    return h;
}

static bool start(struct hook *h, const struct facts *facts, uint64_t now_ns, struct err *err)
{
    VEC(char *) environment = {0};
    vec_append(&environment, facts->list.at, facts->list.n);
    for (char **e = environ; *e; e++)
        if (strncmp(*e, FACT_PREFIX, strlen(FACT_PREFIX)) != 0)
            vec_push(&environment, *e);
    vec_push(&environment, NULL);

    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_t how;
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &all);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO && h->hush; fd++)
        posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_WRONLY, 0);
    int error =
        posix_spawnp(&h->pid, h->words.list.at[0], &files, &how, h->words.list.at, environment.at);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    vec_free(&environment);
    h->deadline_ns = now_ns + (uint64_t)(h->limit_s * NS_PER_S);
    h->killed = false;
    if (!error)
        return true;
    h->pid = 0;
    return err_set(err, "cannot run %.300s: %s", h->words.list.at[0], strerror(error));
}

bool hook_run(struct hook *h, const char *const *facts, size_t n)
{
    if (h->waiting.n >= HOOK_WAITING_MAX)
        return false;
    struct facts *f = vec_add(&h->waiting);
    for (size_t i = 0; i < n; i++)
        vec_push(&f->list, xstrdup(facts[i]));
    return true;
}

bool hook_is_busy(const struct hook *h)
{
    return h->pid || h->waiting.n;
}

/* Looks after what runs. true: it has failed. */
static bool look_after(struct hook *h, uint64_t now_ns, struct err *err)
{
    int status;
    pid_t got = waitpid(h->pid, &status, WNOHANG);
    if (got == 0) {
        if (now_ns >= h->deadline_ns && !h->killed) {
            kill(-h->pid, SIGKILL);
            h->killed = true;
        }
        return false;
    }
    h->pid = 0;
    const char *name = h->words.list.at[0];
    char limit[FIGURE_MAX];
    if (got < 0)
        return false; /* somebody else has its status */
    if (h->killed)
        err_set(err, "%.300s was killed: it ran for longer than %s", name,
                figure_duration(limit, (uint64_t)(h->limit_s * NS_PER_S)));
    else if (WIFSIGNALED(status))
        err_set(err, "%.300s was ended by signal %d", name, WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        err_set(err, "%.300s failed with status %d", name, WEXITSTATUS(status));
    else
        return false;
    return true;
}

bool hook_pump(struct hook *h, uint64_t now_ns, struct err *err)
{
    if (h->pid && look_after(h, now_ns, err))
        return true; /* the next one waits for another call */
    if (h->pid || !h->waiting.n)
        return false;
    struct facts facts = h->waiting.at[0];
    memmove(h->waiting.at, h->waiting.at + 1, --h->waiting.n * sizeof facts);
    bool ok = start(h, &facts, now_ns, err);
    facts_clear(&facts);
    return !ok;
}

void hook_free(struct hook *h)
{
    if (!h)
        return;
    struct err err;
    uint64_t now_ns = clock_mono_ns(), until_ns = now_ns + LAST_NS;
    for (; hook_is_busy(h) && now_ns < until_ns; now_ns = clock_mono_ns()) {
        hook_pump(h, now_ns, &err);
        usleep(2000);
    }
    if (h->pid) {
        kill(-h->pid, SIGKILL);
        waitpid(h->pid, NULL, 0);
    }
    for (size_t i = 0; i < h->waiting.n; i++)
        facts_clear(&h->waiting.at[i]);
    vec_free(&h->waiting);
    hook_words_clear(&h->words);
    free(h);
}
