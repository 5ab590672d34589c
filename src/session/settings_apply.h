/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings that a running session takes at once: at its start, after a change on the screen, or a
 * reread of the files (SIGHUP). The front's thread. screen: what an alert's command prints goes
 * nowhere.
 */
#ifndef SESSION_SETTINGS_APPLY_H
#define SESSION_SETTINGS_APPLY_H

#include "session/session.h"
#include "session/settings.h"

/* The rules of alerts and what raised ones do. Fails where a command cannot be run, or a folder not
 * be written to; the session's are then what they were. */
bool settings_apply_alerts(const struct settings *s, struct session *session, bool screen,
                           struct err *err);
/* The value of this row; nothing where it is another part's, or holds from the next start. */
bool settings_apply(const struct settings *s, struct session *session, const struct setting *row,
                    bool screen, struct err *err);
/* All that settings_reload has changed. */
bool settings_apply_changes(const struct settings *s, struct session *session,
                            const struct setting_changes *changes, bool screen, struct err *err);

#endif
