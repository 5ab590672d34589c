/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings that a running session takes at once: after a change on the screen, or a reread of the
 * files (SIGHUP). The front's thread.
 */
#ifndef SESSION_SETTINGS_APPLY_H
#define SESSION_SETTINGS_APPLY_H

#include "session/session.h"
#include "session/settings.h"

/* The value of this row; nothing where it is another part's, or holds from the next start. */
void settings_apply(const struct settings *s, struct session *session, const struct setting *row);
/* All that settings_reload has changed. */
void settings_apply_changes(const struct settings *s, struct session *session,
                            const struct setting_changes *changes);

#endif
