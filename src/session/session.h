/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One target being watched, or one file being shown: owns the recording, the sampler thread, the
 * workers (symbols, saving) and the hand-over between them.
 *
 * Threads: everything here is called by the front (the screen's loop or the headless loop), which
 * alone touches the recording. Batches of observations come up through one queue, orders go down;
 * session_fd becomes readable when there is something to pump.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "engine/budget.h"
#include "engine/watch.h"
#include "model/recording.h"
#include "model/window.h"
#include "session/alarms.h"
#include "session/censuses.h"
#include "session/fleet.h"
#include "session/growing.h"

struct session;

struct session_options {
    double rate_hz;   /* 1 to 1,000,000 */
    bool children;    /* take in the descendants, now and later */
    bool debuginfod;  /* fetch debug files that are not here (DEBUGINFOD_URLS) */
    bool no_native;   /* of Python threads read their Python frames alone */
    bool no_census;   /* count no objects */
    bool census_stop; /* hold the target still while they are counted */
    enum engine engine;
    double budget_pct;   /* of the target's time; 0: no budget */
    bool rate_is_kept;   /* whatever it costs */
    struct fleet *fleet; /* driven by session_pump while the session is there; borrowed; or NULL */
    /* How far back the recording reaches; raw_ns 0: the defaults. */
    struct recording_limits limits;
};
#define SESSION_DEFAULT_RATE_HZ 100

/* The most processes that are watched at once: given ones and their families. */
#define SESSION_PROCESSES_MAX 256

/* Attaches to n processes, of which the first is the target that the header names; the session ends
 * when the last of them has ended. Fails with a sentence and the remedy (no such process, no
 * permission, a kernel thread, a zombie, ourselves, held by another tracer). */
struct session *session_watch(const pid_t *pids, size_t n, const struct session_options *options,
                              struct err *err);
/* Starts a command with this terminal's stdin closed and stdout, stderr to /dev/null if `quiet`,
 * and watches it. Ended (SIGTERM, then SIGKILL) by session_free if it still runs. */
struct session *session_spawn(char *const argv[], bool quiet, const struct session_options *options,
                              struct err *err);
/* Shows a file. */
struct session *session_open(const char *path, struct err *err);
void session_free(struct session *s);

/* Lets go of the target; what was seen until now is in the recording after this, and a snapshot
 * that an alert has asked for is written. */
void session_stop(struct session *s);

/* Before we are stopped (Ctrl-Z) and after: meanwhile no thread of the target is touched, since one
 * that we held would stand as long as we do. */
void session_rest(struct session *s, bool rest);

enum session_kind { SESSION_LIVE, SESSION_ENDED /* live, but the target is gone */, SESSION_FILE };
enum session_kind session_kind(const struct session *s);
/* The file's path, or NULL. */
const char *session_path(const struct session *s);

/* Becomes readable (poll) when session_pump has something to do; -1 for a file. */
int session_fd(const struct session *s);
/* Takes in what the threads have handed up; true if the recording changed. Bounded time. */
bool session_pump(struct session *s);

/* Names and lines that are still being looked up. */
bool session_naming(const struct session *s);
/* For `record`: ids must stay what they were, so that the file can be appended to. */
void session_keep_words(struct session *s);

/* For `record --ring`: the recording keeps the last span_ns and no more. Before anything in it gets
 * another number `turn` is called (inside session_turn and session_pump): what was appended to a
 * file until then is finished there, for what comes later does not fit it. */
void session_keep_ring(struct session *s, uint64_t span_ns, void (*turn)(void *context),
                       void *context);
/* Calls `turn` and forgets what is older than the ring; to be called every few minutes. */
void session_turn(struct session *s);
/* Goes on with the recording when its target has ended (SESSION_ENDED): watches another process,
 * its next incarnation. false: it cannot be watched, and nothing has changed. */
bool session_watch_next(struct session *s, pid_t pid, struct err *err);

/* Borrowed; views may read it until the next session_pump. */
struct recording *session_recording(const struct session *s);
/* The newest thing worth telling ("the target has executed another program"), "" if none; seq
 * grows with each new one. Borrowed. */
const char *session_notice(const struct session *s, uint32_t *seq);

/* Children of the target that run now and how much CPU they use, for the hint that a parent idles
 * while its children work. Refreshed once a second by the sampler. */
struct session_children {
    uint32_t count;
    double cores; /* used by all children together */
    bool taken;   /* they are being watched too */
};
struct session_children session_children(const struct session *s);
void session_take_children(struct session *s);

/* While it is live: another rate and budget (as in the options), within a second. */
void session_set_pace(struct session *s, double rate_hz, double budget_pct, bool rate_is_kept);
/* How far back a live recording reaches. */
void session_set_limits(struct session *s, const struct recording_limits *limits);

/* Counts the objects of every process now; false: nothing is watched, or censuses are off. */
bool session_count_objects(struct session *s);
/* Looks for who holds a type (its holder in the recording); false as above. */
bool session_ask_holder(struct session *s, struct incarnation_id incarnation, struct string_id type,
                        enum language language);
void session_stop_asking(struct session *s);
/* Zeroed where nothing is watched, or censuses are off. */
struct censuses_state session_censuses(const struct session *s);

/* Looks for the lines that make a process grow: estimates first what that costs the target, and
 * then asks; with within_ns it does not, see growing_start. false: nothing is watched, or a look is
 * under way. */
bool session_grow(struct session *s, struct incarnation_id incarnation, uint64_t within_ns);
void session_grow_accept(struct session *s);
void session_grow_cancel(struct session *s);
struct growing_state session_growing(const struct session *s);

/* Puts alert rules in force, in the place of those there were. */
void session_set_alert_rules(struct session *s, const struct alert_rules *rules);
/* What raised alerts do: alarms_defaults until then. Fails as alarms_set does. */
bool session_set_alarms(struct session *s, const struct alarms_options *options, struct err *err);
/* The oldest thing that alerts have to tell and that was not taken yet; false: none. */
bool session_take_alarm_news(struct session *s, struct alarm_news *news);
/* The window that a file of an alert is about; false: it is about none. */
bool session_alert_window(const struct session *s, struct window *window);

/* Writes the recording to path in a worker (a copy is made here; the screen does not wait). A live
 * target's objects are counted first, if that does not take long. One at a time: false if one is
 * under way. */
/* shown: the window that the file opens with; NULL: all. */
bool session_save(struct session *s, const char *path, const struct window *shown);
enum save_state { SAVE_IDLE, SAVE_RUNNING, SAVE_DONE, SAVE_FAILED };
/* SAVE_DONE and SAVE_FAILED are told once, with the path or the error; then SAVE_IDLE. */
enum save_state session_save_state(struct session *s, char *text, size_t size);

#endif
