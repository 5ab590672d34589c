/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See ring.h. The front's thread. */
#include "cli/ring.h"

#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/alerting.h"
#include "cli/ring_files.h"
#include "cli/verbs.h"
#include "session/follow.h"
#include "session/settings_apply.h"
#include "target/process.h"

#define BEAT_NS (1 * NS_PER_S)
/* How long something must be wrong with what is waited for before it is said: a pid file may be
 * about to be written. */
#define TROUBLE_NS (2 * NS_PER_S)
/* After a process was found that cannot be watched. */
#define AGAIN_NS (5 * NS_PER_S)
/* Notices in an hour, of a rate that goes down and up for example; the rest is in the recording, as
 * its marks, and is only counted. */
#define NOTICES_AN_HOUR 12
#define HOUR_NS         (3600 * NS_PER_S)
/* How long the end waits for its snapshot. */
#define LAST_NS (60 * NS_PER_S)

struct ring {
    const struct options *options;
    struct session *session; /* NULL: nobody was there yet */
    struct ring_files files;
    struct follow follow;
    bool follows; /* it may return */
    bool waiting; /* for it */
    int signal_fd;
    bool leaving;
    uint64_t alerts_seen;
    uint32_t notice_seen;
    int notices; /* in this hour */
    uint64_t hour_ns;
    struct err trouble; /* of waiting, since trouble_ns */
    uint64_t trouble_ns;
    bool trouble_said;
};

/* Every alert whose rule wants a snapshot and that was raised since the last call gets one. */
static void act_on_alerts(struct ring *r, uint64_t now_ns)
{
    const struct recording *rec = session_recording(r->session);
    bool wanted = r->options->on_alert && strcmp(r->options->on_alert, "snapshot") == 0;
    for (size_t i = 0; i < rec->alerts.n; i++) {
        const struct alert_event *event = &rec->alerts.at[i];
        if (rec->alerts_gone + i < r->alerts_seen)
            continue;
        if (event->raised && wanted && event->rule < rec->rules.n &&
            rec->rules.at[event->rule].actions & ALERT_SNAPSHOT)
            ring_files_want_alert(&r->files, rec->alerts_gone + i + 1, now_ns);
    }
    r->alerts_seen = rec->alerts_gone + rec->alerts.n;
}

/* ---- what is said ---- */

static bool may_say(struct ring *r, uint64_t now_ns)
{
    if (now_ns >= r->hour_ns + HOUR_NS) {
        if (r->notices > NOTICES_AN_HOUR)
            log_note("%d more notices in the last hour", r->notices - NOTICES_AN_HOUR);
        r->hour_ns = now_ns;
        r->notices = 0;
    }
    return ++r->notices <= NOTICES_AN_HOUR;
}

/* What the screen would show as a notice. */
static void tell_news(struct ring *r, uint64_t now_ns)
{
    uint32_t seq;
    const char *notice = session_notice(r->session, &seq);
    if (seq != r->notice_seen && *notice && may_say(r, now_ns))
        log_note("%s", notice);
    r->notice_seen = seq;
}

/* Why nobody is found, once, when it has been so for a while. */
static void tell_trouble(struct ring *r, const char *trouble, uint64_t now_ns)
{
    if (strcmp(trouble, r->trouble.text) != 0) {
        err_set(&r->trouble, "%s", trouble);
        r->trouble_ns = now_ns;
        r->trouble_said = false;
    }
    if (*trouble && !r->trouble_said && now_ns >= r->trouble_ns + TROUBLE_NS) {
        log_warning("%s", trouble);
        r->trouble_said = true;
    }
}

static void tell_alarms(struct ring *r, uint64_t now_ns)
{
    struct alarm_news news;
    while (session_take_alarm_news(r->session, &news))
        if (may_say(r, now_ns))
            log_note("%s", news.text);
}

/* ---- signals ---- */

/* SIGHUP. What the command line said holds on. */
static void reread_settings(struct ring *r)
{
    struct settings *settings = r->options->settings;
    struct setting_changes changes;
    struct keep keep;
    struct err err;
    bool ok = settings_reload(settings, &changes, &err);
    for (size_t i = 0; ok && i < settings->problems.n; i++)
        log_note("%s", settings->problems.at[i]);
    ok = ok && keep_parse(&keep, settings->now.keep, &err);
    if (ok) {
        ring_files_keep(&r->files, &keep);
        ok = !r->session || settings_apply_changes(settings, r->session, &changes, false, &err);
    }
    if (ok)
        log_note("the settings were read again: %zu changed", changes.n);
    else
        log_warning("%s", err.text);
}

static int take_ring_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void obey_signals(struct ring *r, uint64_t now_ns)
{
    struct signalfd_siginfo taken;
    while (read(r->signal_fd, &taken, sizeof taken) == (ssize_t)sizeof taken) {
        if (taken.ssi_signo == SIGUSR1 && r->session)
            ring_files_want(&r->files, "asked for by SIGUSR1", now_ns);
        else if (taken.ssi_signo == SIGUSR1)
            log_note("nothing has been recorded yet");
        else if (taken.ssi_signo == SIGHUP)
            reread_settings(r);
        else
            r->leaving = true;
    }
}

static void wait_until(struct ring *r, uint64_t until_ns)
{
    uint64_t now_ns = clock_mono_ns();
    int ms = until_ns > now_ns ? (int)((until_ns - now_ns) / NS_PER_MS) + 1 : 0;
    struct pollfd fds[] = {{r->signal_fd, POLLIN, 0},
                           {r->session ? session_fd(r->session) : -1, POLLIN, 0}};
    poll(fds, 2, ms);
    obey_signals(r, clock_mono_ns());
}

/* ---- the target ---- */

static bool begin_session(struct ring *r, struct session *s, struct err *err)
{
    r->session = r->files.session = s;
    session_keep_ring(s, options_ring_ns(r->options), ring_files_turn, &r->files);
    return alerting_start(s, r->options, false, err);
}

/* NAME of the files. false: there is no such process. */
static bool choose_name(const struct options *o, char out[64], struct err *err)
{
    struct process_info info;
    char base[256];
    if (o->name) {
        shelf_safe_name(out, path_base(o->name));
    } else if (o->pid_file) {
        snprintf(base, sizeof base, "%s", path_base(o->pid_file));
        if (text_ends_with(base, ".pid"))
            base[strlen(base) - strlen(".pid")] = '\0';
        shelf_safe_name(out, base);
    } else if (o->command) {
        shelf_safe_name(out, path_base(o->command[0]));
    } else {
        if (!process_read((pid_t)o->pids.at[0], &info, err))
            return false;
        shelf_safe_name(out, info.comm);
    }
    return true;
}

static bool is_there(pid_t pid)
{
    struct process_info info;
    return process_read(pid, &info, NULL) && !info.zombie;
}

/* Watches a process that was found. At the beginning a refusal is an error, later it is said. */
static bool attach(struct ring *r, pid_t pid, uint64_t now_ns, struct err *err)
{
    if (!r->session) {
        struct session_options options = options_session(r->options);
        struct session *s = session_watch(&pid, 1, &options, err);
        if (!s)
            return !is_there(pid); /* ended just now: the next one */
        if (!begin_session(r, s, err))
            return false;
    } else {
        struct err why;
        if (!session_watch_next(r->session, pid, &why)) {
            if (is_there(pid)) {
                tell_trouble(r, why.text, now_ns);
                r->follow.next_ns = now_ns + AGAIN_NS;
            }
            return true;
        }
        char text[128];
        snprintf(text, sizeof text, "it has come back as process %d", (int)pid);
        recording_add_mark(session_recording(r->session), now_ns, MARK_NOTE, text);
    }
    if (may_say(r, now_ns))
        log_note("watching process %d", (int)pid);
    r->waiting = false;
    tell_trouble(r, "", now_ns);
    return true;
}

/* false: at the beginning, what is found cannot be watched. */
static bool look_for_target(struct ring *r, struct err *err)
{
    pid_t pid;
    uint64_t now_ns = clock_mono_ns();
    if (follow_look(&r->follow, now_ns, &pid))
        return attach(r, pid, now_ns, err);
    if (!r->session && *r->follow.trouble.text && r->follow.name)
        return err_set(err, "%s", r->follow.trouble.text); /* several of that name */
    if (*r->follow.trouble.text || !r->session)
        tell_trouble(r, r->follow.trouble.text, now_ns);
    return true;
}

/* The process that was watched, when it ended. */
static void remember_gone(struct ring *r)
{
    const struct recording *rec = session_recording(r->session);
    const struct incarnation *last = NULL;
    for (size_t i = 1; i < rec->incarnations.n; i++)
        if (!last || rec->incarnations.at[i].to_ns >= last->to_ns)
            last = &rec->incarnations.at[i];
    if (last)
        follow_gone(&r->follow, last->pid, last->start_ticks);
}

static void target_ended(struct ring *r, uint64_t now_ns)
{
    ring_files_turn(&r->files);
    ring_files_want_end(&r->files, now_ns);
    if (!r->follows) {
        r->leaving = true;
        return;
    }
    remember_gone(r);
    r->waiting = true;
    if (may_say(r, now_ns))
        log_note("waiting for its return");
}

/* ---- the loop ---- */

static uint64_t next_ns(const struct ring *r, uint64_t now_ns, uint64_t end_ns)
{
    uint64_t next = now_ns + BEAT_NS, files = ring_files_next_ns(&r->files, now_ns);
    if (r->waiting && r->follow.next_ns < next)
        next = r->follow.next_ns;
    if (r->files.writer && r->files.commit_at_ns < next)
        next = r->files.commit_at_ns;
    if (files < next)
        next = files;
    return end_ns < next ? end_ns : next;
}

static bool ring_loop(struct ring *r, struct err *err)
{
    uint64_t start_ns = clock_mono_ns(), now_ns = start_ns;
    double duration_s = r->options->duration_s;
    uint64_t end_ns = duration_s > 0 ? start_ns + (uint64_t)(duration_s * NS_PER_S) : UINT64_MAX;
    while (!r->leaving && now_ns < end_ns) {
        wait_until(r, next_ns(r, now_ns, end_ns));
        now_ns = clock_mono_ns();
        if (r->waiting && !look_for_target(r, err))
            return false;
        if (!r->session)
            continue;
        session_pump(r->session);
        tell_news(r, now_ns);
        tell_alarms(r, now_ns);
        act_on_alerts(r, now_ns);
        if (session_kind(r->session) == SESSION_LIVE)
            ring_files_append(&r->files, now_ns);
        else if (!r->waiting)
            target_ended(r, now_ns);
        ring_files_pump(&r->files, now_ns);
    }
    return true;
}

/* What has not been saved yet. A second signal does not wait for it. */
static bool save_last(struct ring *r)
{
    uint64_t now_ns = clock_mono_ns(), deadline_ns = now_ns + LAST_NS;
    const struct recording *rec = session_recording(r->session);
    r->leaving = false;
    r->files.alert_due_ns = 0;
    r->files.snapshot_trouble = false;
    bool fresh = rec->cost.samples != r->files.saved_samples ||
                 rec->marks_gone + rec->marks.n != r->files.saved_marks || !r->files.all_saved;
    if (!r->files.saving && !r->files.due_ns && !fresh)
        return true;
    if (!rec->cost.samples)
        return false;
    if (!r->files.saving)
        ring_files_want(&r->files, "proftop was ended", now_ns);
    bool quiet = false;
    while (!quiet && now_ns < deadline_ns && !r->leaving) {
        quiet = ring_files_pump(&r->files, now_ns) || r->files.snapshot_trouble;
        wait_until(r, now_ns + 20 * NS_PER_MS);
        session_pump(r->session);
        now_ns = clock_mono_ns();
    }
    return quiet && r->files.all_saved;
}

static int ring_end(struct ring *r, bool ok, const struct err *err)
{
    int status = EXIT_DONE;
    if (!ok) {
        status = fail(err);
    } else if (r->session) {
        bool sampled = session_recording(r->session)->cost.samples > 0;
        bool saved = save_last(r);
        if (!saved && sampled)
            status = EXIT_FAILED; /* why has been said */
        session_stop(r->session);
        ring_files_close(&r->files, saved || !sampled);
        session_free(r->session);
        return status;
    }
    ring_files_close(&r->files, false);
    session_free(r->session);
    return status;
}

/* A target that is there from the beginning, or nobody can watch. */
static bool begin(struct ring *r, struct err *err)
{
    const struct options *o = r->options;
    if (o->name || o->pid_file) {
        r->follows = r->waiting = true;
        follow_init(&r->follow, o->name, o->pid_file);
        if (!look_for_target(r, err))
            return false;
        if (!r->session)
            log_note("waiting for %s", o->name ? o->name : o->pid_file);
        return true;
    }
    struct session *s = open_target(o, false, err);
    return s && begin_session(r, s, err);
}

int ring_record(const struct options *o)
{
    struct err err;
    struct ring r = {.options = o};
    char name[64];
    struct keep keep;
    /* Weeks: what is large goes back to the system when it is freed, whatever was freed before. */
    mallopt(M_MMAP_THRESHOLD, 512 * 1024);
    r.signal_fd = take_ring_signals();
    if (!keep_parse(&keep, o->settings->now.keep, &err) || !choose_name(o, name, &err) ||
        !ring_files_open(&r.files, o->dir, name, &keep, options_ring_ns(o), &err)) {
        close(r.signal_fd);
        return fail(&err);
    }
    bool ok = begin(&r, &err) && ring_loop(&r, &err);
    int status = ring_end(&r, ok, &err);
    close(r.signal_fd);
    return status;
}
