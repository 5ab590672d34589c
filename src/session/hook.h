/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command of the user's that is run when something has happened, with the facts in its
 * environment.
 *
 * Invariants: its words come from the user's settings alone and no shell is in between, so that
 * nothing that a target says can become a command; one runs at a time, in a process group of its
 * own, HOOK_WAITING_MAX wait and the rest are dropped; one that takes longer than its limit is
 * killed with its group. The front's thread; nothing here waits, but for hook_free.
 */
#ifndef SESSION_HOOK_H
#define SESSION_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"

#define HOOK_WAITING_MAX 8

struct hook;

struct hook_words {
    VEC(char *) list; /* ends in NULL, which n does not count */
};
/* Words are parted by blanks; 'as it stands', "with \" and \\ in it", \ before any character; and
 * nothing else has a meaning. Owned by the caller (hook_words_clear), also on failure. */
bool hook_split(struct hook_words *words, const char *command, struct err *err);
void hook_words_clear(struct hook_words *words);

/* Fails where the command has no words or its program is not to be found. hush: what it prints goes
 * nowhere (a screen is shown); else to where ours goes. */
struct hook *hook_new(const char *command, double limit_s, bool hush, struct err *err);
/* Gives what runs and what waits two seconds more. */
void hook_free(struct hook *h);

/* Facts as "NAME=value", borrowed. false: too many wait already, it is dropped. */
bool hook_run(struct hook *h, const char *const *facts, size_t n);
/* Something runs or waits: call hook_pump every HOOK_STEP_NS. */
bool hook_is_busy(const struct hook *h);
#define HOOK_STEP_NS 50000000ull
/* Goes on. true: a run has failed, and err says how. */
bool hook_pump(struct hook *h, uint64_t now_ns, struct err *err);

#endif
