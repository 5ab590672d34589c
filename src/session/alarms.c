/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See alarms.h. */
#include "session/alarms.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "model/alert_log.h"
#include "model/cut.h"
#include "session/hook.h"
#include "session/saver.h"

#define HOUR_NS     (3600 * NS_PER_S)
#define NEWS_MAX    16
#define SHARED_MAX  16 /* alerts that share a snapshot */
#define FACTS_MAX   12
#define FACT_SIZE   640
#define BELL_GAP_NS (10 * NS_PER_S)
#define SAID_MAX    120 /* alerts that are news, in an hour */

const struct alarms_options alarms_defaults = {
    .before_s = 300,
    .after_s = 10,
    .command_limit_s = 10,
    .snapshot_gap_s = 300,
    .snapshots_per_hour = 6,
    .commands_per_hour = 60,
};

/* So many in any hour. */
struct allowance {
    VEC(uint64_t) times_ns; /* of the last hour, oldest first */
};

/* A snapshot that waits for the seconds after, and then is written. */
struct shot {
    bool wanted;
    uint64_t numbers[SHARED_MAX]; /* of the events that it is for */
    size_t n;
    uint64_t raised_ns, due_ns;
};

struct alarms {
    struct alarms_options options; /* its strings are these: */
    char *folder;
    struct hook *hook; /* NULL: no command */
    struct saver *saver;
    int epoll_fd, timer_fd;
    uint64_t seen; /* number of the newest event taken in */
    struct shot waiting, written;
    VEC(uint64_t) rule_shot_ns; /* by rule: when it had its last; 0: never */
    struct allowance shots, commands, said;
    uint64_t bell_ns;
    bool told_save, told_hook, told_flood,
        told_many; /* trouble that was told, and has not gone since */
    struct alarm_news news[NEWS_MAX];
    size_t news_first, news_n;
};

static bool allow(struct allowance *a, unsigned most, uint64_t now_ns)
{
    size_t old = 0;
    while (old < a->times_ns.n && a->times_ns.at[old] + HOUR_NS <= now_ns)
        old++;
    if (old) {
        a->times_ns.n -= old;
        memmove(a->times_ns.at, a->times_ns.at + old, a->times_ns.n * sizeof *a->times_ns.at);
    }
    if (a->times_ns.n >= most)
        return false;
    vec_push(&a->times_ns, now_ns);
    return true;
}

/* The folder as a path that means the same wherever it is read. */
static char *usable_folder(const char *folder, struct err *err)
{
    char *path = realpath(folder, NULL);
    struct stat st;
    if (!path) {
        err_errno(err, "cannot save snapshots in %.300s", folder);
        return NULL;
    }
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        err_set(err, "cannot save snapshots in %.300s: it is no folder", folder);
    else if (access(path, W_OK | X_OK) != 0)
        err_errno(err, "cannot save snapshots in %.300s", folder);
    else
        return path;
    free(path);
    return NULL;
}

static void watch_fd(struct alarms *a, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &event))
        die("epoll_ctl: %s", strerror(errno));
}

bool alarms_set(struct alarms *a, const struct alarms_options *options, struct err *err)
{
    char *folder = NULL;
    struct hook *hook = NULL;
    if (options->folder && !(folder = usable_folder(options->folder, err)))
        return false;
    if (options->command &&
        !(hook = hook_new(options->command, options->command_limit_s, options->hush, err))) {
        free(folder);
        return false;
    }
    free(a->folder);
    hook_free(a->hook);
    a->options = *options;
    a->folder = folder;
    a->hook = hook;
    if (!folder)
        a->waiting.wanted = false;
    return true;
}

struct alarms *alarms_new(void)
{
    struct alarms *a = xcalloc(1, sizeof *a);
    a->options = alarms_defaults;
    a->saver = saver_new();
    a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    a->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (a->epoll_fd < 0 || a->timer_fd < 0)
        die("epoll_create1, timerfd_create: %s", strerror(errno));
    watch_fd(a, a->timer_fd);
    watch_fd(a, saver_fd(a->saver));
    return a;
}

void alarms_free(struct alarms *a)
{
    if (!a)
        return;
    saver_free(a->saver);
    hook_free(a->hook);
    close(a->timer_fd);
    close(a->epoll_fd);
    vec_free(&a->rule_shot_ns);
    vec_free(&a->shots.times_ns);
    vec_free(&a->commands.times_ns);
    vec_free(&a->said.times_ns);
    free(a->folder);
    free(a);
}

int alarms_fd(const struct alarms *a)
{
    return a->epoll_fd;
}

static struct alarm_news *add_news(struct alarms *a, enum alarm_kind kind)
{
    if (a->news_n == NEWS_MAX) {
        a->news_first = (a->news_first + 1) % NEWS_MAX;
        a->news_n--;
    }
    struct alarm_news *news = &a->news[(a->news_first + a->news_n++) % NEWS_MAX];
    *news = (struct alarm_news){.kind = kind};
    return news;
}

bool alarms_take_news(struct alarms *a, struct alarm_news *news)
{
    if (!a->news_n)
        return false;
    *news = a->news[a->news_first];
    a->news_first = (a->news_first + 1) % NEWS_MAX;
    a->news_n--;
    return true;
}

/* Trouble of a kind, told once until that has gone. */
static void tell_trouble(struct alarms *a, bool *told, const char *text)
{
    if (!*told)
        snprintf(add_news(a, ALARM_TROUBLE)->text, sizeof a->news[0].text, "%s", text);
    *told = true;
}

/* What a command is told, as NAME=value. */
struct facts {
    char text[FACTS_MAX][FACT_SIZE];
    const char *list[FACTS_MAX];
    size_t n;
};

static void add_fact(struct facts *f, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void add_fact(struct facts *f, const char *name, const char *fmt, ...)
{
    char value[FACT_SIZE - 32];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    snprintf(f->text[f->n], FACT_SIZE, "PROFTOP_%.20s=%s", name, value);
    f->list[f->n] = f->text[f->n];
    f->n++;
}

static void run_command(struct alarms *a, const struct recording *rec,
                        const struct alert_event *event, const char *state, uint64_t now_ns)
{
    const struct alert_rule *rule = &rec->rules.at[event->rule];
    if (!a->hook || !(rule->actions & ALERT_COMMAND))
        return;
    const struct incarnation *in = &rec->incarnations.at[recording_target(rec).n];
    struct facts *f = xcalloc(1, sizeof *f);
    char sentence[256];
    alert_say(sentence, sizeof sentence, rule, event->value, NAN);
    add_fact(f, "ALERT", "%s", rule->name);
    add_fact(f, "METRIC", "%s", metrics[rule->metric].name);
    add_fact(f, "VALUE", "%.15g", event->value);
    add_fact(f, "THRESHOLD", "%.15g", event->threshold);
    add_fact(f, "SEVERITY", "%s", severity_name((enum severity)event->severity));
    add_fact(f, "STATE", "%s", state);
    add_fact(f, "TEXT", "%s", sentence);
    add_fact(f, "PID", "%d", in->pid);
    add_fact(f, "COMM", "%s", string_text(&rec->words, in->comm));
    struct string_id snapshot = alert_log_snapshot(rec, (size_t)(event - rec->alerts.at));
    add_fact(f, "SNAPSHOT", "%s", string_text(&rec->words, snapshot));
    if (allow(&a->commands, a->options.commands_per_hour, now_ns) &&
        hook_run(a->hook, f->list, f->n))
        a->told_flood = false;
    else
        tell_trouble(a, &a->told_flood,
                     "the alert command is not run for every alert: too many come at once");
    free(f);
}

/* An event asks for a snapshot. */
static void want_shot(struct alarms *a, const struct recording *rec, uint64_t number,
                      uint64_t now_ns)
{
    const struct alert_event *event = alert_log_at(rec, number);
    if (!a->folder || !(rec->rules.at[event->rule].actions & ALERT_SNAPSHOT))
        return;
    struct shot *shot = &a->waiting;
    if (shot->wanted) {
        if (shot->n < SHARED_MAX)
            shot->numbers[shot->n++] = number;
        return;
    }
    while (a->rule_shot_ns.n <= event->rule)
        vec_push(&a->rule_shot_ns, 0);
    uint64_t *last_ns = &a->rule_shot_ns.at[event->rule];
    uint64_t gap_ns = (uint64_t)(a->options.snapshot_gap_s * NS_PER_S);
    if ((*last_ns && now_ns < *last_ns + gap_ns) ||
        !allow(&a->shots, a->options.snapshots_per_hour, now_ns))
        return;
    *last_ns = now_ns;
    *shot = (struct shot){.wanted = true,
                          .numbers = {number},
                          .n = 1,
                          .raised_ns = event->time_ns,
                          .due_ns = now_ns + (uint64_t)(a->options.after_s * NS_PER_S)};
}

static void tell_event(struct alarms *a, const struct alert_rule *rule,
                       const struct alert_event *event, uint64_t now_ns)
{
    if (!allow(&a->said, SAID_MAX, now_ns)) {
        tell_trouble(a, &a->told_many, "too many alerts come to say each of them: the log has all");
        return;
    }
    a->told_many = false;
    char sentence[256];
    alert_say(sentence, sizeof sentence, rule, event->value, NAN);
    struct alarm_news *news = add_news(a, event->raised ? ALARM_RAISED : ALARM_CLEARED);
    if (event->raised)
        snprintf(news->text, sizeof news->text, "alert %s, %s: %s", rule->name,
                 severity_name((enum severity)event->severity), sentence);
    else
        snprintf(news->text, sizeof news->text, "alert %s cleared%s: %s", rule->name,
                 event->silent ? ", there are no more figures; the last was" : "", sentence);
    if (event->raised && rule->actions & ALERT_BELL && now_ns >= a->bell_ns) {
        news->bell = true;
        a->bell_ns = now_ns + BELL_GAP_NS;
    }
}

static void take_event(struct alarms *a, const struct recording *rec, uint64_t number,
                       uint64_t now_ns)
{
    const struct alert_event *event = alert_log_at(rec, number);
    tell_event(a, &rec->rules.at[event->rule], event, now_ns);
    run_command(a, rec, event, event->raised ? "raised" : "cleared", now_ns);
    if (event->raised)
        want_shot(a, rec, number, now_ns);
}

void alarms_file_name(char *out, size_t size, const struct recording *rec, const char *word)
{
    const struct incarnation *in = &rec->incarnations.at[recording_target(rec).n];
    char comm[64], when[32];
    snprintf(comm, sizeof comm, "%.60s", string_text(&rec->words, in->comm));
    for (char *c = comm; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            *c = '_';
    time_t now = (time_t)(clock_wall_ns() / (int64_t)NS_PER_S);
    struct tm tm = {0};
    localtime_r(&now, &tm);
    strftime(when, sizeof when, "%Y%m%d-%H%M%S", &tm);
    snprintf(out, size, "proftop-%s-%d%s%s-%s.ptop", comm, in->pid, word ? "-" : "",
             word ? word : "", when);
}

/* What the alert is about, within what the snapshot holds. */
static void show_window(struct recording *rec, uint64_t number, uint64_t from_ns)
{
    if (!alert_log_at(rec, number))
        return;
    alert_log_window(rec, (size_t)(number - 1 - rec->alerts_gone), &rec->shown_from_ns,
                     &rec->shown_to_ns);
    if (rec->shown_from_ns < from_ns)
        rec->shown_from_ns = from_ns;
}

static void start_writing(struct alarms *a, const struct recording *rec)
{
    const struct shot *shot = &a->waiting;
    const struct alert_event *event = alert_log_at(rec, shot->numbers[0]);
    char name[160];
    alarms_file_name(name, sizeof name, rec, event ? rec->rules.at[event->rule].name : NULL);
    struct saver_job *job = xcalloc(1, sizeof *job);
    uint64_t before_ns = (uint64_t)(a->options.before_s * NS_PER_S);
    job->path = xasprintf("%s/%s", a->folder, name);
    job->copy = recording_copy(rec);
    job->from_ns =
        recording_cut_from(rec, shot->raised_ns > before_ns ? shot->raised_ns - before_ns : 0);
    show_window(job->copy, shot->numbers[0], job->from_ns);
    for (size_t i = 0; i < shot->n; i++)
        alert_log_set_snapshot(job->copy, shot->numbers[i], job->path);
    saver_start(a->saver, job);
    a->written = *shot;
    a->waiting.wanted = false;
}

static void take_written(struct alarms *a, struct recording *rec, struct saver_job *job,
                         uint64_t now_ns)
{
    if (!job)
        return;
    if (!job->ok) {
        tell_trouble(a, &a->told_save, job->err.text);
        saver_job_free(job);
        return;
    }
    a->told_save = false;
    struct alarm_news *news = add_news(a, ALARM_SAVED);
    snprintf(news->path, sizeof news->path, "%s", job->path);
    snprintf(news->text, sizeof news->text, "the alert's snapshot is %.600s", job->path);
    for (size_t i = 0; i < a->written.n; i++)
        alert_log_set_snapshot(rec, a->written.numbers[i], job->path);
    const struct alert_event *event = alert_log_at(rec, a->written.numbers[0]);
    if (event)
        run_command(a, rec, event, "snapshot", now_ns);
    saver_job_free(job);
}

/* The next moment at which there is something to do without anything else happening. */
static void set_timer(struct alarms *a, uint64_t now_ns)
{
    uint64_t at_ns = 0;
    if (a->waiting.wanted && !saver_is_busy(a->saver))
        at_ns = a->waiting.due_ns;
    if (a->hook && hook_is_busy(a->hook) && (!at_ns || now_ns + HOOK_STEP_NS < at_ns))
        at_ns = now_ns + HOOK_STEP_NS;
    struct itimerspec when = {.it_value = {(time_t)(at_ns / NS_PER_S), (long)(at_ns % NS_PER_S)}};
    timerfd_settime(a->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void alarms_pump(struct alarms *a, struct recording *rec, uint64_t now_ns, bool ended)
{
    if (a->seen < rec->alerts_gone)
        a->seen = rec->alerts_gone;
    while (a->seen < alert_log_last(rec))
        take_event(a, rec, ++a->seen, now_ns);
    take_written(a, rec, saver_take(a->saver), now_ns);
    if (a->waiting.wanted && (ended || now_ns >= a->waiting.due_ns) && !saver_is_busy(a->saver))
        start_writing(a, rec);
    struct err err;
    if (a->hook && hook_is_busy(a->hook)) {
        if (hook_pump(a->hook, now_ns, &err)) {
            char text[sizeof a->news[0].text];
            snprintf(text, sizeof text, "the alert command: %s", err.text);
            tell_trouble(a, &a->told_hook, text);
        } else if (!hook_is_busy(a->hook)) {
            a->told_hook = false;
        }
    }
    set_timer(a, now_ns);
}

void alarms_finish(struct alarms *a, struct recording *rec, uint64_t now_ns)
{
    alarms_pump(a, rec, now_ns, true);
    take_written(a, rec, saver_wait(a->saver), now_ns);
    alarms_pump(a, rec, now_ns, true); /* one that waited until the first was written */
    take_written(a, rec, saver_wait(a->saver), now_ns);
}
