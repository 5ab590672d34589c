/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which waits are idle: nobody waits for them to end. See wait_is_idle() in window.h. Pure.
 *
 * The first row that fits decides; each kind of wait ends with a row that always fits. A row may
 * ask for a function (and its file's tail) among the innermost frames of the stack: that is how a
 * pool's worker waiting for work is told from a thread waiting for a lock. Before them come the
 * rows that go by what is waited for, in the words of target/waited.h.
 */
#include <string.h>

#include "base/text.h"
#include "model/window.h"

struct idle_rule {
    enum wait_kind wait;
    const char *function; /* among the innermost `within` frames; NULL: any stack */
    const char *file;     /* tail of the function's file or of its module's path; NULL: any */
    uint8_t within;
    bool idle;
};

static const struct idle_rule rules[] = {
    /* Timers, doors and parents. */
    {WAIT_SLEEP, NULL, NULL, 0, true},
    {WAIT_ACCEPT, NULL, NULL, 0, true},
    {WAIT_CHILD, NULL, NULL, 0, true},
    {WAIT_SIGNAL, NULL, NULL, 0, true},
    {WAIT_STOPPED, NULL, NULL, 0, true},
    /* PostgreSQL sleeps on a latch, which is an event loop, also for another's lock. */
    {WAIT_EPOLL, "ProcSleep", NULL, 8, false},
    {WAIT_EPOLL, NULL, NULL, 0, true},

    /* poll and select serve event loops, but also clients that wait for an answer in time. */
    {WAIT_POLL, "select", "selectors.py", 2, true},
    {WAIT_POLL, NULL, "socket.py", 3, false},
    {WAIT_POLL, NULL, "ssl.py", 3, false},
    {WAIT_POLL, NULL, "http/client.py", 4, false},
    {WAIT_POLL, "PQgetResult", NULL, 12, false},
    {WAIT_POLL, "PQconnectPoll", NULL, 12, false},
    {WAIT_POLL, "curl_easy_perform", NULL, 16, false},
    {WAIT_POLL, "getaddrinfo", NULL, 16, false},
    {WAIT_POLL, NULL, NULL, 0, true},

    /* A connection kept open until the next request comes. */
    {WAIT_READ, "handle_one_request", "http/server.py", 3, true},
    {WAIT_READ, NULL, NULL, 0, false},

    /* Python: workers waiting for work, joins; any other lock is one that somebody holds. */
    {WAIT_FUTEX, "Future.result", NULL, 4, false},
    {WAIT_FUTEX, "result", "concurrent/futures/_base.py", 4, false},
    {WAIT_FUTEX, "get", "queue.py", 4, true},
    {WAIT_FUTEX, "Queue.get", NULL, 4, true},
    {WAIT_FUTEX, "_worker", "concurrent/futures/thread.py", 4, true},
    {WAIT_FUTEX, NULL, "threading.py", 1, true},
    {WAIT_FUTEX, NULL, "multiprocessing/queues.py", 3, true},
    /* Native: a mutex is held by somebody, a condition variable waits for something to do. */
    {WAIT_FUTEX, "__lll_lock_wait", NULL, 4, false},
    {WAIT_FUTEX, "__lll_lock_wait_private", NULL, 4, false},
    {WAIT_FUTEX, "pthread_mutex_lock", NULL, 4, false},
    {WAIT_FUTEX, "___pthread_mutex_lock", NULL, 4, false},
    {WAIT_FUTEX, "pthread_rwlock_rdlock", NULL, 4, false},
    {WAIT_FUTEX, "pthread_rwlock_wrlock", NULL, 4, false},
    {WAIT_FUTEX, "std::sys::sync::mutex::futex::Mutex::lock_contended", NULL, 4, false},
    {WAIT_FUTEX, "LWLockAcquire", NULL, 8, false},
    {WAIT_FUTEX, "___pthread_cond_wait", NULL, 6, true},
    {WAIT_FUTEX, "__pthread_cond_wait", NULL, 6, true},
    {WAIT_FUTEX, "pthread_cond_wait", NULL, 6, true},
    {WAIT_FUTEX, "pthread_cond_wait@@GLIBC_2.3.2", NULL, 6, true},
    {WAIT_FUTEX, "___pthread_cond_timedwait64", NULL, 6, true},
    {WAIT_FUTEX, "pthread_cond_timedwait", NULL, 6, true},
    {WAIT_FUTEX, "__pthread_clockjoin_ex", NULL, 6, true},
    {WAIT_FUTEX, "__new_sem_wait_slow64", NULL, 6, true},
    {WAIT_FUTEX, "sem_wait", NULL, 6, true},
    {WAIT_FUTEX, "uv_cond_wait", NULL, 8, true},
    {WAIT_FUTEX, "uv_sem_wait", NULL, 8, true},
    {WAIT_FUTEX, "runtime.futex", NULL, 2, true},
    {WAIT_FUTEX, NULL, NULL, 0, false},
};

/* Asked first, whatever the stack. */
static const struct object_rule {
    enum wait_kind wait;
    const char *part; /* of what is waited for */
    bool idle;
} object_rules[] = {
    /* What a server reads from its clients, and a terminal's user, comes when it comes. */
    {WAIT_READ, "(client", true},
    {WAIT_READ, "/dev/pts/", true},
    {WAIT_READ, "/dev/tty", true},
    {WAIT_READ, "eventfd", true},
    {WAIT_READ, "inotify", true},
    {WAIT_READ, "signalfd", true},
    {WAIT_READ, "timerfd", true},
    {WAIT_READ, "udp local", true},
    /* A lock that somebody holds; a thread that is to end. */
    {WAIT_FUTEX, "lock 0x", false},
    {WAIT_FUTEX, "end of thread", true},
};

static bool place_fits(const struct recording *rec, const struct idle_rule *rule,
                       const struct place *place)
{
    const struct function *f = function_at(&rec->words, place->function);
    const char *name = string_text(&rec->words, f->name);
    /* Most names differ at once. */
    if (rule->function && (*name != *rule->function || strcmp(name, rule->function) != 0))
        return false;
    return !rule->file || text_ends_with(string_text(&rec->words, f->file), rule->file) ||
           text_ends_with(module_path(&rec->words, f->module), rule->file);
}

static bool rule_fits(const struct fold *fold, const struct idle_rule *rule, struct stack_id stack)
{
    const struct recording *rec = fold->rec;
    if (!rule->function && !rule->file)
        return true;
    int depth = 0;
    for (struct stack_id s = stack; s.n && depth < rule->within;
         s = fold_at(fold, s)->parent, depth++) {
        const struct place *places;
        size_t n = recording_places(rec, fold_at(fold, s)->frame, &places);
        for (size_t i = 0; i < n; i++)
            if (place_fits(rec, rule, &places[i]))
                return true;
    }
    return false;
}

/* One connection that this process has made: it waits for that peer's answer in time. An event loop
 * polls others beside it, or is known by its function. */
static bool is_one_peer(const char *about)
{
    static const char *const not_ours[] = {", ", "(client", " listener ", " local ", "unix socket"};
    if (strncmp(about, "tcp ", 4) != 0 && strncmp(about, "unix ", 5) != 0)
        return false;
    for (size_t i = 0; i < sizeof not_ours / sizeof not_ours[0]; i++)
        if (strstr(about, not_ours[i]))
            return false;
    return true;
}

bool wait_is_idle(const struct fold *fold, enum wait_kind wait, struct stack_id stack,
                  struct object_id object)
{
    const char *about = dictionary_object_text(&fold->rec->words, object);
    for (size_t i = 0; i < sizeof object_rules / sizeof object_rules[0]; i++)
        if (object_rules[i].wait == wait && strstr(about, object_rules[i].part))
            return object_rules[i].idle;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].wait == wait && rule_fits(fold, &rules[i], stack))
            return rules[i].idle && (wait != WAIT_POLL || rules[i].function || !is_one_peer(about));
    return false;
}
