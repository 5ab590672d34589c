/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See session.h. The front's thread. */
#include "session/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/alert_log.h"
#include "model/batch.h"
#include "model/collect.h"
#include "model/forget.h"
#include "session/queue.h"
#include "session/ring_span.h"
#include "session/saver.h"
#include "session/sampler.h"
#include "session/naming.h"
#include "store/store.h"
#include "target/tasks.h"

/* The dictionary is collected when it is larger than this and the sampler starts anew. */
#define WORDS_MAX_BYTES (3u << 20)
/* Ended threads are forgotten when there are more threads than this (and twice as many as last time
 * were kept). */
#define THREADS_MAX 16384
/* How long a snapshot waits for the census that belongs to it. */
#define SAVE_CENSUS_NS (2 * NS_PER_S)
/* How long a command that we started may take to end before it is killed. */
#define END_NS (2 * NS_PER_S)

struct session {
    enum session_kind kind;
    struct recording *rec;
    char *path;
    struct sampler *sampler;
    struct naming *naming;
    struct censuses *censuses; /* NULL: none are taken */
    struct growing *growing;   /* NULL: of a file */
    struct alarms *alarms;     /* NULL: of a file */
    struct batch_reader reader;
    struct fleet *fleet; /* borrowed, or NULL */
    bool keep_words;
    struct session_options options; /* of a live one, for session_watch_next */
    pid_t target;
    struct ring_span ring;
    bool returned; /* session_watch_next: the new process is not the recording's target yet */
    struct cost cost_before; /* of the samplers before this one */
    size_t threads_max;
    int epoll_fd;
    pid_t spawned; /* 0: not ours */
    struct session_children children;
    char notice[256];
    uint32_t notice_seq;
    uint64_t marks_told;
    struct saver *saver;
    char *save_path; /* of a snapshot that waits for a census; owned */
    struct window save_shown;
    uint64_t save_deadline_ns;
};

static struct session *session_new(enum session_kind kind)
{
    struct session *s = xcalloc(1, sizeof *s);
    s->kind = kind;
    s->epoll_fd = -1;
    s->saver = saver_new();
    s->threads_max = THREADS_MAX;
    batch_reader_init(&s->reader);
    return s;
}

static void poll_add(struct session *s, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, fd, &event))
        die("epoll_ctl: %s", strerror(errno));
}

static void rest_sampler(void *sampler, bool rest)
{
    sampler_rest(sampler, rest);
}

static void start_workers(struct session *s)
{
    s->growing = growing_new();
    poll_add(s, growing_fd(s->growing));
    if (!s->options.no_census) {
        s->censuses = censuses_start(s->options.census_stop, rest_sampler, s->sampler);
        poll_add(s, censuses_fd(s->censuses));
    }
}

static struct session *session_live(const pid_t *pids, size_t n, pid_t spawned,
                                    const struct session_options *options, struct err *err)
{
    uint64_t start_ns = clock_mono_ns();
    int64_t wall_ns = clock_wall_ns();
    struct sampler *sampler = sampler_start(pids, n, options, err);
    if (!sampler)
        return NULL;
    struct session *s = session_new(SESSION_LIVE);
    s->spawned = spawned;
    s->options = *options;
    s->target = pids[0];
    s->sampler = sampler;
    s->naming = naming_start(pids[0], options->debuginfod);
    s->rec = recording_new(start_ns, wall_ns);
    s->rec->rate_hz = options->rate_hz;
    s->rec->budget_pct = options->budget_pct;
    if (options->limits.raw_ns)
        s->rec->limits = options->limits;
    struct utsname host;
    if (uname(&host) == 0) {
        char text[sizeof host.nodename + sizeof host.release + 16];
        snprintf(text, sizeof text, "%s, Linux %s", host.nodename, host.release);
        s->rec->host = dictionary_string(&s->rec->words, text);
    }
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (s->epoll_fd < 0)
        die("epoll_create1: %s", strerror(errno));
    poll_add(s, sampler_fd(sampler));
    poll_add(s, naming_fd(s->naming));
    poll_add(s, saver_fd(s->saver));
    s->fleet = options->fleet;
    if (s->fleet)
        poll_add(s, fleet_fd(s->fleet));
    s->alarms = alarms_new();
    poll_add(s, alarms_fd(s->alarms));
    start_workers(s);
    return s;
}

struct session *session_watch(const pid_t *pids, size_t n, const struct session_options *options,
                              struct err *err)
{
    if (n > SESSION_PROCESSES_MAX) {
        err_set(err, "at most %d processes can be watched at once, not %zu", SESSION_PROCESSES_MAX,
                n);
        return NULL;
    }
    return session_live(pids, n, 0, options, err);
}

static _Noreturn void run_command(char *const argv[], bool quiet, int failed_fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        if (quiet) {
            dup2(null, STDOUT_FILENO);
            dup2(null, STDERR_FILENO);
        }
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    tasks_restore_file_limit();
    setpgid(0, 0); /* a Ctrl-C at the terminal is for us alone */
    execvp(argv[0], argv);
    int error = errno;
    while (write(failed_fd, &error, sizeof error) < 0 && errno == EINTR)
        ;
    _exit(127);
}

/* Ends a command of ours with what it has started (its process group). It may have been reaped by
 * nobody else. */
static void end_command(pid_t pid)
{
    kill(-pid, SIGTERM);
    uint64_t deadline = clock_mono_ns() + END_NS;
    while (waitpid(pid, NULL, WNOHANG) == 0) {
        if (clock_mono_ns() > deadline) {
            kill(-pid, SIGKILL);
            waitpid(pid, NULL, 0);
            return;
        }
        usleep(2000);
    }
}

/* Whether a command of ours has ended, or is just about to. Its status stays to be taken. */
static bool ends_soon(pid_t pid)
{
    uint64_t deadline = clock_mono_ns() + NS_PER_S / 5;
    do {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid)
            return true;
        usleep(1000);
    } while (clock_mono_ns() < deadline);
    return false;
}

struct session *session_spawn(char *const argv[], bool quiet, const struct session_options *options,
                              struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC)) {
        err_errno(err, "cannot start %s", argv[0]);
        return NULL;
    }
    pid_t pid = fork();
    if (pid < 0) {
        err_errno(err, "cannot start %s", argv[0]);
        close(fds[0]);
        close(fds[1]);
        return NULL;
    }
    if (pid == 0)
        run_command(argv, quiet, fds[1]);
    setpgid(pid, pid); /* whoever of us comes first */
    close(fds[1]);
    int error = 0;
    ssize_t got;
    while ((got = read(fds[0], &error, sizeof error)) < 0 && errno == EINTR)
        ;
    close(fds[0]);
    if (got > 0) {
        waitpid(pid, NULL, 0);
        err_set(err, "cannot start %s: %s", argv[0], strerror(error));
        return NULL;
    }
    struct session *s = session_live(&pid, 1, pid, options, err);
    if (!s) {
        if (ends_soon(pid))
            err_set(err, "%s ended before a sample was taken", argv[0]);
        end_command(pid);
    }
    return s;
}

struct session *session_open(const char *path, struct err *err)
{
    struct recording *rec;
    if (!store_load(&rec, path, err))
        return NULL;
    struct session *s = session_new(SESSION_FILE);
    s->rec = rec;
    s->path = xstrdup(path);
    return s;
}

void session_free(struct session *s)
{
    if (!s)
        return;
    saver_free(s->saver);
    free(s->save_path);
    if (s->alarms)
        alarms_finish(s->alarms, s->rec, clock_mono_ns());
    alarms_free(s->alarms);
    growing_free(s->growing);
    censuses_stop(s->censuses);
    sampler_free(s->sampler);
    naming_stop(s->naming);
    if (s->spawned)
        end_command(s->spawned);
    batch_reader_clear(&s->reader);
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    recording_free(s->rec);
    free(s->path);
    free(s);
}

enum session_kind session_kind(const struct session *s)
{
    return s->kind;
}

const char *session_path(const struct session *s)
{
    return s->path;
}

int session_fd(const struct session *s)
{
    return s->epoll_fd;
}

/* Marks are what the engine found worth telling. */
static void tell_marks(struct session *s)
{
    uint64_t marks = s->rec->marks_gone + s->rec->marks.n;
    if (s->marks_told == marks || !s->rec->marks.n)
        return;
    s->marks_told = marks;
    snprintf(s->notice, sizeof s->notice, "%s",
             string_text(&s->rec->words, vec_last(&s->rec->marks)->text));
    s->notice_seq++;
}

/* Numbers are about to change. */
static void tell_turn(struct session *s)
{
    if (s->ring.turn)
        s->ring.turn(s->ring.context);
}

/* Servers that start a thread for each request: the ended ones are forgotten with their runs. */
static void forget_threads(struct session *s)
{
    if (s->keep_words || s->rec->threads.n < s->threads_max)
        return;
    tell_turn(s);
    uint32_t *renumbered = xcalloc(s->rec->threads.n, sizeof *renumbered);
    recording_collect_threads(s->rec, renumbered);
    batch_reader_renumber(&s->reader, renumbered);
    free(renumbered);
    size_t kept = s->rec->threads.n;
    if (s->ring.span_ns) /* no room for twice as many of them */
        s->threads_max = kept + THREADS_MAX / 4;
    else
        s->threads_max = 2 * kept > THREADS_MAX ? 2 * kept : THREADS_MAX;
}

static void take_handover(struct session *s, struct handover *h)
{
    bool renumber = h->batch->generation != s->reader.generation;
    if (renumber && !s->keep_words && dictionary_bytes(&s->rec->words) > WORDS_MAX_BYTES) {
        tell_turn(s);
        recording_collect(s->rec);
        naming_restart(s->naming);
    }
    forget_threads(s);
    batch_apply(&s->reader, s->rec, h->batch);
    ring_span_add_cost(&s->rec->cost, &s->cost_before);
    s->children = h->children;
    s->rec->cpus_allowed = h->cpus_allowed;
    s->rec->memory_limit = h->memory_limit;
    s->rec->rate_hz = h->rate_hz;
    if (*h->engine)
        s->rec->engine = dictionary_string(&s->rec->words, h->engine);
    if (h->ended)
        s->kind = SESSION_ENDED;
    handover_free(h);
}

bool session_pump(struct session *s)
{
    if (s->kind == SESSION_FILE)
        return false;
    uint64_t before = s->rec->version;
    struct handover *h;
    while ((h = sampler_take(s->sampler)))
        take_handover(s, h);
    if (s->returned && ring_span_lives(s->rec, s->target)) {
        s->returned = false;
        session_turn(s);
    }
    recording_thin(s->rec, s->rec->end_ns);
    naming_ask(s->naming, s->rec);
    naming_pump(s->naming, s->rec);
    if (s->censuses)
        censuses_pump(s->censuses, s->rec, clock_mono_ns());
    growing_pump(s->growing, s->rec);
    tell_marks(s);
    alarms_pump(s->alarms, s->rec, clock_mono_ns(), s->kind == SESSION_ENDED);
    if (s->fleet)
        fleet_step(s->fleet, s->rec, clock_mono_ns());
    return s->rec->version != before;
}

bool session_naming(const struct session *s)
{
    return s->naming && naming_pending(s->naming) > 0;
}

void session_keep_words(struct session *s)
{
    s->keep_words = true;
}

void session_keep_ring(struct session *s, uint64_t span_ns, void (*turn)(void *context),
                       void *context)
{
    s->ring = (struct ring_span){span_ns, turn, context};
    s->rec->limits = recording_ring_limits(span_ns);
    s->threads_max = THREADS_MAX / 4;
}

void session_turn(struct session *s)
{
    tell_turn(s);
    ring_span_forget(&(struct ring_parts){.rec = s->rec,
                                          .reader = &s->reader,
                                          .censuses = s->censuses,
                                          .growing = s->growing,
                                          .target = s->target},
                     s->ring.span_ns);
    forget_threads(s);
}

bool session_watch_next(struct session *s, pid_t pid, struct err *err)
{
    if (s->kind != SESSION_ENDED)
        return err_set(err, "the process that is watched has not ended");
    struct sampler *sampler = sampler_start(&pid, 1, &s->options, err);
    if (!sampler)
        return false;
    session_pump(s); /* what the last one has left */
    growing_free(s->growing);
    censuses_stop(s->censuses);
    s->censuses = NULL;
    sampler_free(s->sampler);
    s->sampler = sampler;
    s->target = pid;
    s->cost_before = s->rec->cost;
    batch_reader_clear(&s->reader);
    batch_reader_init(&s->reader);
    poll_add(s, sampler_fd(sampler));
    start_workers(s);
    s->kind = SESSION_LIVE;
    s->returned = true;
    return true;
}

struct recording *session_recording(const struct session *s)
{
    return s->rec;
}

const char *session_notice(const struct session *s, uint32_t *seq)
{
    *seq = s->notice_seq;
    return s->notice;
}

struct session_children session_children(const struct session *s)
{
    return s->children;
}

void session_take_children(struct session *s)
{
    if (s->sampler)
        sampler_take_children(s->sampler);
}

void session_set_pace(struct session *s, double rate_hz, double budget_pct, bool rate_is_kept)
{
    if (!s->sampler)
        return;
    s->rec->budget_pct = budget_pct;
    sampler_set_pace(s->sampler, rate_hz, budget_pct, rate_is_kept);
}

void session_set_limits(struct session *s, const struct recording_limits *limits)
{
    if (s->kind != SESSION_FILE)
        s->rec->limits = *limits;
}

void session_stop(struct session *s)
{
    if (s->kind == SESSION_LIVE && s->sampler) {
        sampler_end(s->sampler);
        session_pump(s);
        s->kind = SESSION_ENDED;
    }
    if (s->alarms)
        alarms_finish(s->alarms, s->rec, clock_mono_ns());
}

void session_rest(struct session *s, bool rest)
{
    if (s->kind == SESSION_LIVE)
        sampler_rest(s->sampler, rest);
}

bool session_count_objects(struct session *s)
{
    if (s->kind != SESSION_LIVE || !s->censuses)
        return false;
    censuses_now(s->censuses, s->rec);
    return true;
}

bool session_ask_holder(struct session *s, struct incarnation_id incarnation, struct string_id type,
                        enum language language)
{
    if (s->kind != SESSION_LIVE || !s->censuses)
        return false;
    censuses_ask_holder(s->censuses, s->rec, incarnation, type, language);
    return true;
}

void session_stop_asking(struct session *s)
{
    if (s->censuses)
        censuses_stop_asking(s->censuses);
}

struct censuses_state session_censuses(const struct session *s)
{
    if (s->kind != SESSION_LIVE || !s->censuses)
        return (struct censuses_state){.trouble = ""};
    return censuses_state(s->censuses);
}

bool session_grow(struct session *s, struct incarnation_id incarnation, uint64_t within_ns)
{
    return s->kind == SESSION_LIVE && growing_start(s->growing, s->rec, incarnation, within_ns);
}

void session_grow_accept(struct session *s)
{
    if (s->growing)
        growing_accept(s->growing);
}

void session_grow_cancel(struct session *s)
{
    if (s->growing)
        growing_cancel(s->growing);
}

struct growing_state session_growing(const struct session *s)
{
    return s->growing ? growing_state(s->growing) : (struct growing_state){.trouble = ""};
}

void session_set_alert_rules(struct session *s, const struct alert_rules *rules)
{
    alert_log_set_rules(s->rec, rules, s->rec->end_ns);
}

bool session_set_alarms(struct session *s, const struct alarms_options *options, struct err *err)
{
    if (!s->alarms)
        return err_set(err, "alerts of a file do nothing");
    return alarms_set(s->alarms, options, err);
}

bool session_take_alarm_news(struct session *s, struct alarm_news *news)
{
    return s->alarms && alarms_take_news(s->alarms, news);
}

bool session_alert_window(const struct session *s, struct window *window)
{
    *window = (struct window){s->rec->shown_from_ns, s->rec->shown_to_ns};
    return s->kind == SESSION_FILE && window->to_ns;
}

static void start_saving(struct session *s)
{
    struct saver_job *job = xcalloc(1, sizeof *job);
    job->copy = recording_copy(s->rec);
    if (s->ring.span_ns)
        ring_span_cut(job->copy, s->ring.span_ns);
    job->copy->shown_from_ns = s->save_shown.from_ns;
    job->copy->shown_to_ns = s->save_shown.to_ns;
    job->path = s->save_path;
    s->save_path = NULL;
    saver_start(s->saver, job);
}

static void save_when_counted(struct session *s)
{
    bool counted = s->kind != SESSION_LIVE || !session_censuses(s).wanted;
    if (s->save_path && (counted || clock_mono_ns() >= s->save_deadline_ns))
        start_saving(s);
}

bool session_save(struct session *s, const char *path, const struct window *shown)
{
    if (saver_is_busy(s->saver) || s->save_path)
        return false;
    s->save_path = xstrdup(path);
    s->save_shown = shown ? *shown : (struct window){0, 0};
    s->save_deadline_ns = clock_mono_ns() + SAVE_CENSUS_NS;
    session_count_objects(s);
    save_when_counted(s);
    return true;
}

enum save_state session_save_state(struct session *s, char *text, size_t size)
{
    save_when_counted(s);
    if (s->save_path)
        return SAVE_RUNNING;
    if (!saver_is_busy(s->saver))
        return SAVE_IDLE;
    struct saver_job *job = saver_take(s->saver);
    if (!job)
        return SAVE_RUNNING;
    bool ok = job->ok;
    snprintf(text, size, "%s", ok ? job->path : job->err.text);
    saver_job_free(job);
    return ok ? SAVE_DONE : SAVE_FAILED;
}
