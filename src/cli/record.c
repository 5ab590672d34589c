/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proftop record: the headless loop. Commits to FILE.part each second; the end (the duration, a
 * signal, the target's exit) renames it to FILE. Without a sample nothing is left behind.
 */
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/alerting.h"
#include "cli/ring.h"
#include "cli/verbs.h"
#include "store/store.h"

#define COMMIT_NS (1 * NS_PER_S)
/* How long the end waits for the names and lines of the last frames. */
#define NAMING_NS (10 * NS_PER_S)

/* Until something happens, or until `until_ns`. true: a signal asks us to end; it is taken, so that
 * the next call waits for another one. */
static bool wait_for(const struct session *s, int signal_fd, uint64_t until_ns)
{
    uint64_t now = clock_mono_ns();
    int ms = until_ns > now ? (int)((until_ns - now) / NS_PER_MS) + 1 : 0;
    struct pollfd fds[] = {{session_fd(s), POLLIN, 0}, {signal_fd, POLLIN, 0}};
    struct signalfd_siginfo taken;
    return poll(fds, 2, ms) > 0 && fds[1].revents && read(signal_fd, &taken, sizeof taken) > 0;
}

static void finish_names(struct session *s, int signal_fd)
{
    uint64_t deadline = clock_mono_ns() + NAMING_NS;
    while (session_naming(s) && clock_mono_ns() < deadline) {
        if (wait_for(s, signal_fd, clock_mono_ns() + 100 * NS_PER_MS))
            break;
        session_pump(s);
    }
}

/* What the screen would show as a notice: a lowered rate, a broken budget, an engine's reason. */
static void tell_news(const struct session *s, uint32_t *told)
{
    uint32_t seq;
    const char *notice = session_notice(s, &seq);
    if (seq != *told && *notice)
        log_note("%s", notice);
    *told = seq;
}

/* Why the look for growth failed, or a count of objects: each once. */
struct troubles_told {
    bool growth, census;
};

static void tell_trouble(const char *trouble, bool *told)
{
    if (!*told && trouble && trouble[0]) {
        log_note("%s", trouble);
        *told = true;
    }
}

static bool record_loop(struct session *s, struct store_writer *w, const struct options *o,
                        int signal_fd, struct err *err)
{
    uint64_t start = clock_mono_ns(), commit_at = start + COMMIT_NS;
    uint64_t end = o->duration_s > 0 ? start + (uint64_t)(o->duration_s * NS_PER_S) : UINT64_MAX;
    uint32_t told = 0;
    struct troubles_told troubles = {0};
    for (;;) {
        bool asked = wait_for(s, signal_fd, commit_at < end ? commit_at : end);
        session_pump(s);
        uint64_t now = clock_mono_ns();
        if (asked || now >= end || session_kind(s) == SESSION_ENDED)
            return true;
        tell_news(s, &told);
        alerting_tell(s);
        tell_trouble(session_growing(s).trouble, &troubles.growth);
        tell_trouble(session_censuses(s).trouble, &troubles.census);
        if (now >= commit_at) {
            if (!store_writer_commit(w, session_recording(s), err))
                return false;
            commit_at = now + COMMIT_NS;
        }
    }
}

/* The first process that is watched must be known before. */
static void look_for_growth(struct session *s, double duration_s)
{
    uint64_t from = clock_mono_ns(), deadline = from + NS_PER_S;
    while (session_recording(s)->incarnations.n < 2 && clock_mono_ns() < deadline) {
        session_pump(s);
        usleep(1000);
    }
    if (session_recording(s)->incarnations.n < 2)
        return;
    uint64_t within_ns = UINT64_MAX;
    if (duration_s > 0)
        within_ns = (uint64_t)fmax(1, duration_s * NS_PER_S - (double)(clock_mono_ns() - from));
    session_grow(s, (struct incarnation_id){1}, within_ns);
}

/* How long the end waits for what a look has found so far. */
#define GROWTH_NS (2 * NS_PER_S)

static void end_growth(struct session *s)
{
    uint64_t deadline = clock_mono_ns() + GROWTH_NS;
    struct growing_state state = session_growing(s);
    if (state.phase == GROWING_IDLE)
        return;
    log_note("the look for what makes memory grow was cut short, at %d %% of its time",
             state.progress.permille / 10);
    session_grow_cancel(s);
    while (session_growing(s).phase != GROWING_IDLE && clock_mono_ns() < deadline) {
        usleep(10000);
        session_pump(s);
    }
}

/* How long the end waits for the last census. */
#define CENSUS_NS (2 * NS_PER_S)

/* What the heap holds at the end, while the target is still there. */
static void count_last(struct session *s, int signal_fd)
{
    uint64_t deadline = clock_mono_ns() + CENSUS_NS;
    if (!session_count_objects(s))
        return;
    while (session_censuses(s).wanted && clock_mono_ns() < deadline) {
        if (wait_for(s, signal_fd, clock_mono_ns() + 100 * NS_PER_MS))
            return;
        session_pump(s);
    }
}

/* A file that could not be written on: what of it can be read is not to be overlooked. */
static int fail_unfinished(const struct options *o, const struct err *err)
{
    struct err more = *err;
    char *part = xasprintf("%s.part", o->output);
    if (access(part, R_OK) == 0)
        err_set(&more, "%.250s; what was written before is in %.200s", err->text, part);
    free(part);
    return fail(&more);
}

int verb_record(const struct options *o)
{
    struct err err;
    struct err usage;
    if (!options_check_record(o, &usage)) {
        fail(&usage);
        return EXIT_USAGE;
    }
    if (options_ring_ns(o))
        return ring_record(o);
    int signal_fd = take_signals();
    struct store_writer *w = store_writer_open(o->output, &err);
    if (!w)
        return fail(&err);
    struct session *s = open_target(o, false, &err);
    if (!s) {
        store_writer_abandon(w);
        return fail(&err);
    }
    session_keep_words(s);
    if (!alerting_start(s, o, false, &err)) {
        session_free(s);
        store_writer_abandon(w);
        return fail(&err);
    }
    if (o->growth)
        look_for_growth(s, o->duration_s);
    log_detail("recording to %s", o->output);
    int status = EXIT_DONE;
    if (!record_loop(s, w, o, signal_fd, &err)) {
        session_stop(s);
        store_writer_keep(w);
        status = fail_unfinished(o, &err);
    } else {
        end_growth(s);
        count_last(s, signal_fd);
        session_stop(s);
        alerting_tell(s);
        const struct recording *rec = session_recording(s);
        if (!rec->cost.samples) {
            store_writer_abandon(w);
            err_set(&err,
                    "no sample was taken before the end, so nothing was written to %s: record for "
                    "longer, or something that lasts longer",
                    o->output);
            status = fail(&err);
        } else {
            finish_names(s, signal_fd);
            char count[FIGURE_MAX];
            if (!store_writer_finish(w, rec, &err))
                status = fail_unfinished(o, &err);
            else
                log_note("%s: %s samples", o->output, figure_count(count, rec->cost.samples));
        }
    }
    session_free(s);
    close(signal_fd);
    return status;
}
