/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which waits are idle: nobody waits for them to end. See wait_is_idle() in window.h. Pure.
 *
 * The first row that fits decides; each kind of wait ends with a row that always fits. A row may
 * ask for a function (and its file's tail) among the innermost frames of the stack: that is how a
 * pool's worker waiting for work is told from a thread waiting for a lock. Before them come the
 * rows that go by what is waited for, in the words of target/waited.h.
 *
 * What is idle at the outer end of a thread is none under work that was given to it, and that is
 * told by what lies outside of the waiting frames: code that an event loop has called keeps all
 * others of the loop waiting, whatever it waits for; a request's handler keeps who asked waiting.
 * What lies outside of where a process was forked was its parent's, and says nothing.
 * So a thread that takes work from a queue in a loop of its own is idle, and the same call under a
 * request is not. Where no such frame says whose wait it is, a queue, a condition and an event are
 * taken for idle, a pool or semaphore that is asked for by name ("acquire") is not, and of a child
 * it counts whether the thread does nothing but wait for children (starts_itself()).
 */
#include <string.h>

#include "base/text.h"
#include "model/window.h"

#define SHELL_DEPTH 64 /* frames of a shell that runs a function of a script */
#define INNER_MAX   128

struct idle_rule {
    enum wait_kind wait;
    const char *function; /* among the innermost `within` frames; NULL: any stack. With a file the
                           * class is left out; "::park" is any function's name that ends so */
    const char *file; /* tail of the function's file or of its module's path; NULL: any. "_queue."
                       * is the extension module of that name */
    uint8_t within;
    bool idle;
};

static const struct idle_rule rules[] = {
    /* Timers, doors and parents. */
    {WAIT_SLEEP, NULL, NULL, 0, true},
    {WAIT_ACCEPT, NULL, NULL, 0, true},
    /* A shell's and a parent's work is their children's. */
    {WAIT_CHILD, NULL, "/bash", SHELL_DEPTH, true},
    {WAIT_CHILD, NULL, "/dash", SHELL_DEPTH, true},
    {WAIT_CHILD, NULL, "/busybox", SHELL_DEPTH, true},
    {WAIT_CHILD, NULL, "/zsh", SHELL_DEPTH, true},
    {WAIT_CHILD, NULL, "/make", SHELL_DEPTH, true},
    {WAIT_CHILD, "poll", "multiprocessing/popen_fork.py", 2, true},
    {WAIT_CHILD, "run", "subprocess.py", 6, false},
    {WAIT_CHILD, "call", "subprocess.py", 6, false},
    {WAIT_CHILD, "communicate", "subprocess.py", 6, false},
    {WAIT_CHILD, NULL, NULL, 0, true}, /* if the thread does nothing else */
    {WAIT_SIGNAL, NULL, NULL, 0, true},
    {WAIT_STOPPED, NULL, NULL, 0, true},
    /* PostgreSQL sleeps on a latch, which is an event loop, also for another's lock. */
    {WAIT_EPOLL, "ProcSleep", NULL, 8, false},
    {WAIT_EPOLL, "node::SyncProcessRunner::Spawn", NULL, 8, false}, /* execSync() */
    {WAIT_EPOLL, NULL, NULL, 0, true},

    /* poll and select serve event loops, but also clients that wait for an answer in time. */
    {WAIT_POLL, "_communicate", "subprocess.py", 4, false},
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
    /* Pools of processes: their workers get work by a pipe, and who shares it out the results. */
    {WAIT_READ, "get", "multiprocessing/queues.py", 8, true},
    {WAIT_READ, "_handle_results", "multiprocessing/pool.py", 8, true},
    {WAIT_READ, "serve_client", "multiprocessing/managers.py", 8, true},
    {WAIT_READ, "main", "multiprocessing/resource_tracker.py", 8, true},
    {WAIT_READ, "main", "multiprocessing/semaphore_tracker.py", 8, true},
    {WAIT_READ, NULL, NULL, 0, false},

    {WAIT_IPC, "msgrcv", NULL, 4, true},
    {WAIT_IPC, "mq_receive", NULL, 4, true},
    {WAIT_IPC, "mq_timedreceive", NULL, 4, true},
    {WAIT_IPC, "__mq_timedreceive_time64", NULL, 4, true},

    /* Python: workers waiting for work, joins; any other lock is one that somebody holds. */
    {WAIT_FUTEX, NULL, "concurrent/futures/_base.py", 6, false}, /* a result */
    {WAIT_FUTEX, "get", "multiprocessing/pool.py", 8, false},
    {WAIT_FUTEX, "wait", "multiprocessing/pool.py", 8, false},
    {WAIT_FUTEX, "next", "multiprocessing/pool.py", 8, false},
    {WAIT_FUTEX, "put", "queue.py", 4, false},
    {WAIT_FUTEX, "put", "multiprocessing/queues.py", 8, false},
    {WAIT_FUTEX, NULL, "multiprocessing/queues.py", 8, true},
    {WAIT_FUTEX, "wait", "multiprocessing/synchronize.py", 8, true},
    {WAIT_FUTEX, NULL, "_multiprocessing.", 8, false}, /* its locks are semaphores */
    {WAIT_FUTEX, "acquire", ".py", 6, false},
    {WAIT_FUTEX, "checkout", ".py", 6, false},
    {WAIT_FUTEX, "getconn", ".py", 6, false},
    {WAIT_FUTEX, "get_connection", ".py", 6, false},
    {WAIT_FUTEX, "_do_get", "sqlalchemy/pool/impl.py", 6, false},
    {WAIT_FUTEX, "get", "queue.py", 4, true},
    {WAIT_FUTEX, "_worker", "concurrent/futures/thread.py", 4, true},
    {WAIT_FUTEX, NULL, "threading.py", 1, true},
    {WAIT_FUTEX, NULL, "_queue.", 6, true},
    {WAIT_FUTEX, "_handle_tasks", "multiprocessing/pool.py", 3, true},
    /* Native: a mutex is held by somebody, a condition variable waits for something to do. */
    {WAIT_FUTEX, "__lll_lock_wait", NULL, 4, false},
    {WAIT_FUTEX, "__lll_lock_wait_private", NULL, 4, false},
    {WAIT_FUTEX, "pthread_mutex_lock", NULL, 4, false},
    {WAIT_FUTEX, "___pthread_mutex_lock", NULL, 4, false},
    {WAIT_FUTEX, "pthread_rwlock_rdlock", NULL, 4, false},
    {WAIT_FUTEX, "pthread_rwlock_wrlock", NULL, 4, false},
    {WAIT_FUTEX, "LWLockAcquire", NULL, 8, false},
    {WAIT_FUTEX, "___pthread_cond_wait", NULL, 6, true},
    {WAIT_FUTEX, "__pthread_cond_wait", NULL, 6, true},
    {WAIT_FUTEX, "pthread_cond_wait", NULL, 6, true},
    {WAIT_FUTEX, "___pthread_cond_timedwait64", NULL, 6, true},
    {WAIT_FUTEX, "pthread_cond_timedwait", NULL, 6, true},
    {WAIT_FUTEX, "___pthread_cond_clockwait64", NULL, 6, true},
    {WAIT_FUTEX, "pthread_cond_clockwait", NULL, 6, true}, /* C++'s wait_for() */
    {WAIT_FUTEX, "__pthread_clockjoin_ex", NULL, 6, true},
    {WAIT_FUTEX, "__new_sem_wait_slow64", NULL, 6, true},
    {WAIT_FUTEX, "sem_wait", NULL, 6, true},
    {WAIT_FUTEX, "uv_cond_wait", NULL, 8, true},
    {WAIT_FUTEX, "uv_sem_wait", NULL, 8, true},
    {WAIT_FUTEX, "runtime.futex", NULL, 2, true},
    /* Rust: std, parking_lot, crossbeam. A thread is parked for a channel's or a pool's work. */
    {WAIT_FUTEX, "::lock_contended", NULL, 4, false},
    {WAIT_FUTEX, "::lock_slow", NULL, 6, false},
    {WAIT_FUTEX, "::lock_shared_slow", NULL, 6, false},
    {WAIT_FUTEX, "::lock_exclusive_slow", NULL, 6, false},
    {WAIT_FUTEX, "::send", NULL, 12, false},
    {WAIT_FUTEX, "::send_timeout", NULL, 12, false},
    {WAIT_FUTEX, "::Condvar::wait", NULL, 6, true},
    {WAIT_FUTEX, "::Condvar::wait_timeout", NULL, 6, true},
    {WAIT_FUTEX, "::Condvar::wait_optional_timeout", NULL, 6, true},
    {WAIT_FUTEX, "::Condvar::wait_until_internal", NULL, 6, true},
    {WAIT_FUTEX, "::park", NULL, 6, true},
    {WAIT_FUTEX, "::park_timeout", NULL, 6, true},
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
    /* An accept in time; a loop that accepts beside other things. */
    {WAIT_POLL, " listener ", true},
    /* A lock that somebody holds; a thread that is to end. */
    {WAIT_FUTEX, "lock 0x", false},
    {WAIT_FUTEX, "end of thread", true},
};

/* Who gives requests and tasks to their handlers. */
static const struct idle_rule errands[] = {
    {.function = "finish_request", .file = "socketserver.py"},
    {.function = "run", .file = "wsgiref/handlers.py"},
    {.function = "run_wsgi", .file = "werkzeug/serving.py"},
    {.function = "handle_request", .file = "gunicorn/workers/sync.py"},
    {.function = "handle_request", .file = "gunicorn/workers/gthread.py"},
    {.function = "handle_request", .file = "gunicorn/workers/base_async.py"},
    {.function = "service", .file = "waitress/task.py"},
    {.function = "respond", .file = "cheroot/wsgi.py"},
    {.function = "wsgi_app", .file = "flask/app.py"},
    {.function = "get_response", .file = "django/core/handlers/base.py"},
    {.function = "wsgi", .file = "/bottle.py"},
    {.function = "trace_task", .file = "celery/app/trace.py"},
    {.function = "perform_job", .file = "rq/worker.py"},
    {.function = "_call_behavior", .file = "grpc/_server.py"},
    {.function = "uwsgi_request_wsgi"},
};

/* Most names differ at once. */
static bool same_name(const char *a, const char *b)
{
    return *a == *b && strcmp(a, b) == 0;
}

/* Rust's names, whichever way they are mangled: "<a::Thread>::park", "a::Thread::park". */
static bool ends_plainly(const char *name, const char *tail)
{
    size_t n = strlen(name), m = strlen(tail);
    while (n && m) {
        if (name[n - 1] == tail[m - 1])
            m--;
        else if (name[n - 1] != '<' && name[n - 1] != '>')
            return false;
        n--;
    }
    return !m;
}

/* A function, and what its name ends with. */
struct named {
    const struct function *f;
    const char *name, *last; /* last: NULL: it has one part */
};

static struct named named_of(const struct recording *rec, const struct place *place)
{
    const struct function *f = function_at(&rec->words, place->function);
    const char *name = string_text(&rec->words, f->name), *last = strrchr(name, '.');
    return (struct named){f, name, last ? last + 1 : NULL};
}

/* In a file it may be a method. */
static bool is_called(const struct named *named, const struct idle_rule *rule)
{
    if (rule->function[0] == ':')
        return ends_plainly(named->name, rule->function);
    return same_name(named->name, rule->function) ||
           (rule->file && named->last && same_name(named->last, rule->function));
}

static bool is_in(const struct recording *rec, const struct function *f, const char *file)
{
    if (file[0] == '_') /* "_queue." */
        return strncmp(path_base(module_path(&rec->words, f->module)), file, strlen(file)) == 0;
    return text_ends_with(string_text(&rec->words, f->file), file) ||
           text_ends_with(module_path(&rec->words, f->module), file);
}

static bool fits(const struct recording *rec, const struct idle_rule *rule,
                 const struct named *named)
{
    if (rule->function && !is_called(named, rule))
        return false;
    return !rule->file || is_in(rec, named->f, rule->file);
}

static bool gives_errands(const struct recording *rec, const struct named *named)
{
    for (size_t i = 0; i < sizeof errands / sizeof errands[0]; i++)
        if (fits(rec, &errands[i], named))
            return true;
    return false;
}

/* The functions of a stack's innermost frames, as far as a rule has asked: found once for all. */
struct inner {
    const struct fold *fold;
    struct stack_id next;
    int depth; /* frames that are in it */
    size_t n;
    struct named at[INNER_MAX];
    int depth_at[INNER_MAX];
};

static void look_inner(struct inner *in, int within)
{
    const struct recording *rec = in->fold->rec;
    for (; in->next.n && in->depth < within;
         in->next = fold_at(in->fold, in->next)->parent, in->depth++) {
        const struct place *places;
        size_t n = recording_places(rec, fold_at(in->fold, in->next)->frame, &places);
        for (size_t i = 0; i < n && in->n < INNER_MAX; i++) {
            in->depth_at[in->n] = in->depth;
            in->at[in->n++] = named_of(rec, &places[i]);
        }
    }
}

static bool rule_fits(struct inner *in, const struct idle_rule *rule)
{
    if (!rule->function && !rule->file)
        return true;
    look_inner(in, rule->within);
    for (size_t i = 0; i < in->n && in->depth_at[i] < rule->within; i++)
        if (fits(in->fold->rec, rule, &in->at[i]))
            return true;
    return false;
}

/* One connection that this process has made, or the output of one command: it waits for that peer's
 * answer in time. An event loop polls others beside it, or is known by its function. */
static bool is_one_peer(const char *about)
{
    static const char *const not_ours[] = {", ", "(client", " listener ", " local ", "unix socket"};
    static const char *const peers[] = {"tcp ", "udp ", "unix ", "pipe of child "};
    size_t kind = 0;
    while (kind < sizeof peers / sizeof peers[0] &&
           strncmp(about, peers[kind], strlen(peers[kind])) != 0)
        kind++;
    if (kind == sizeof peers / sizeof peers[0])
        return false;
    for (size_t i = 0; i < sizeof not_ours / sizeof not_ours[0]; i++)
        if (strstr(about, not_ours[i]))
            return false;
    return true;
}

/* What an event loop calls stands inside of this. */
static bool is_loop(const struct recording *rec, const struct named *named)
{
    static const struct idle_rule asyncio = {.function = "_run_once",
                                             .file = "asyncio/base_events.py"};
    return fits(rec, &asyncio, named) ||
           strstr(module_path(&rec->words, named->f->module), "/uvloop/loop.");
}

/* A loop's own waiting: selectors, and asyncio itself. */
static bool is_loops_own(const char *file)
{
    return text_ends_with(file, "/selectors.py") || strstr(file, "/asyncio/");
}

/* What a frame says of the waits inside of it; found out once, as all waits are asked. */
enum {
    OUTER_KNOWN = 1,
    OUTER_CALLED = 2, /* something that a loop may have called */
    OUTER_LOOP = 4,
    OUTER_LOOP_CALLED = 8, /* and what it has called was inlined into it */
    OUTER_ERRAND = 16,
    OUTER_PROCESS = 32, /* a process was forked here: what is further out was its parent's */
};

static bool begins_process(const struct recording *rec, const struct named *named)
{
    static const struct idle_rule begin = {.function = "_bootstrap",
                                           .file = "multiprocessing/process.py"};
    return fits(rec, &begin, named);
}

static uint8_t look_outer(const struct fold *fold, struct frame_id frame)
{
    const struct recording *rec = fold->rec;
    const struct place *places;
    size_t n = recording_places(rec, frame, &places);
    uint8_t outer = OUTER_KNOWN;
    for (size_t i = 0; i < n; i++) {
        const struct named named = named_of(rec, &places[i]);
        const struct function *f = named.f;
        if (!(outer & OUTER_LOOP) && is_loop(rec, &named))
            outer |= OUTER_LOOP | (outer & OUTER_CALLED ? OUTER_LOOP_CALLED : 0);
        if (f->language == LANGUAGE_PYTHON && !is_loops_own(string_text(&rec->words, f->file)))
            outer |= OUTER_CALLED;
        if (gives_errands(rec, &named))
            outer |= OUTER_ERRAND;
        if (begins_process(rec, &named))
            outer |= OUTER_PROCESS;
    }
    return outer;
}

static uint8_t outer_of(const struct fold *fold, struct stack_id stack)
{
    struct frame_id frame = fold_at(fold, stack)->frame;
    if (!fold->outer[frame.n])
        fold->outer[frame.n] = look_outer(fold, frame);
    return fold->outer[frame.n];
}

bool wait_blocks_loop(const struct fold *fold, struct stack_id stack)
{
    bool called = false; /* something that the loop calls was passed */
    for (struct stack_id s = stack; s.n; s = fold_at(fold, s)->parent) {
        uint8_t outer = outer_of(fold, s);
        /* An inner loop waits as loops do: the first one decides. */
        if (outer & OUTER_LOOP)
            return called || outer & OUTER_LOOP_CALLED;
        if (outer & OUTER_PROCESS)
            break;
        called |= outer & OUTER_CALLED;
    }
    return false;
}

static bool is_errand(const struct fold *fold, struct stack_id stack)
{
    for (struct stack_id s = stack; s.n; s = fold_at(fold, s)->parent) {
        uint8_t outer = outer_of(fold, s);
        if (outer & (OUTER_ERRAND | OUTER_PROCESS))
            return outer & OUTER_ERRAND;
    }
    return false;
}

/* Whether the call of a wait stands in the thread's first function or in one that this calls: there
 * is no work outside of it. What has no name and what starts a thread or a program is not counted,
 * nor are the standard libraries. */
static bool starts_itself(const struct fold *fold, struct stack_id stack)
{
    const struct recording *rec = fold->rec;
    size_t callers = 0;
    for (struct stack_id s = stack; s.n; s = fold_at(fold, s)->parent) {
        const struct place *places;
        size_t n = recording_places(rec, fold_at(fold, s)->frame, &places);
        for (size_t i = 0; i < n; i++) {
            const struct function *f = function_at(&rec->words, places[i].function);
            const char *name = string_text(&rec->words, f->name);
            const char *file = string_text(&rec->words, f->file);
            const char *module = path_base(module_path(&rec->words, f->module));
            bool python = f->language == LANGUAGE_PYTHON;
            bool library = python ? *file == '<' || (strstr(file, "/lib/python3") &&
                                                     !strstr(file, "-packages/"))
                                  : strncmp(module, "libc.", 5) == 0;
            callers += *name && *name != '[' && (python || *name != '_') && !library &&
                       strcmp(name, "main") != 0 && strcmp(name, "<module>") != 0;
        }
    }
    return callers <= 1;
}

bool wait_is_idle(const struct fold *fold, enum wait_kind wait, struct stack_id stack,
                  struct object_id object)
{
    const char *about = dictionary_object_text(&fold->rec->words, object);
    bool anyones = wait == WAIT_FUTEX || wait == WAIT_SLEEP || wait == WAIT_CHILD;
    if (wait != WAIT_STOPPED && wait_blocks_loop(fold, stack))
        return false;
    if (anyones && is_errand(fold, stack))
        return false;
    for (size_t i = 0; i < sizeof object_rules / sizeof object_rules[0]; i++)
        if (object_rules[i].wait == wait && strstr(about, object_rules[i].part))
            return object_rules[i].idle;
    struct inner inner;
    inner.fold = fold;
    inner.next = stack;
    inner.depth = 0;
    inner.n = 0;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (rules[i].wait == wait && rule_fits(&inner, &rules[i]))
            return rules[i].idle &&
                   (wait != WAIT_POLL || rules[i].function || !is_one_peer(about)) &&
                   (wait != WAIT_CHILD || rules[i].file || starts_itself(fold, stack));
    return false;
}
