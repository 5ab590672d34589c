/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See settings_apply.h. */
#include "session/settings_apply.h"

#include "base/log.h"

#define AT(member) offsetof(struct setting_values, member)

void settings_apply(const struct settings *s, struct session *session, const struct setting *row)
{
    size_t at = row->at;
    if (at == AT(rate_hz) || at == AT(budget_pct)) {
        bool kept = settings_origin(s, "rate") == ORIGIN_COMMAND_LINE;
        session_set_pace(session, s->now.rate_hz, s->now.budget_pct, kept);
    } else if (at == AT(raw_s) || at == AT(second_s) || at == AT(ten_s)) {
        struct recording_limits limits = settings_limits(s);
        session_set_limits(session, &limits);
    } else if (at == AT(log)) {
        log_set_level((enum log_level)s->now.log);
    }
    /* WIRE: the rows alert-* are the alarms' options: session_set_alarms(). */
}

void settings_apply_changes(const struct settings *s, struct session *session,
                            const struct setting_changes *changes)
{
    for (size_t i = 0; i < settings_count; i++)
        if (changes->rows[i])
            settings_apply(s, session, &settings_table[i]);
    /* WIRE: if changes->alerts, the default rules and those of s->alerts over them:
     * session_set_alert_rules(). */
}
