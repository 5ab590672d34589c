/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See settings_apply.h. */
#include "session/settings_apply.h"

#include "base/log.h"
#include "session/alarms.h"

#define AT(member) offsetof(struct setting_values, member)

bool settings_apply_alerts(const struct settings *s, struct session *session, bool screen,
                           struct err *err)
{
    char folder[1024];
    struct alert_rules rules = {0};
    struct alarms_options alarms = alarms_defaults;
    const struct setting_values *now = &s->now;
    alarms.command = now->alert_command[0] ? now->alert_command : NULL;
    alarms.folder = now->alert_snapshots[0] ? settings_resolve(folder, now->alert_snapshots) : NULL;
    alarms.hush = screen;
    alarms.before_s = now->alert_before_s;
    alarms.after_s = now->alert_after_s;
    alarms.command_limit_s = now->alert_command_limit_s;
    bool ok = settings_alert_rules(&rules, s, err) && session_set_alarms(session, &alarms, err);
    if (ok)
        session_set_alert_rules(session, &rules);
    alert_rules_clear(&rules);
    return ok;
}

/* Of the alarms' options. */
static bool is_alarms(const struct setting *row)
{
    size_t at = row->at;
    return at == AT(alert_snapshots) || at == AT(alert_before_s) || at == AT(alert_after_s) ||
           at == AT(alert_command) || at == AT(alert_command_limit_s);
}

bool settings_apply(const struct settings *s, struct session *session, const struct setting *row,
                    bool screen, struct err *err)
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
    } else if (is_alarms(row) && session_kind(session) == SESSION_LIVE) {
        return settings_apply_alerts(s, session, screen, err);
    }
    return true;
}

bool settings_apply_changes(const struct settings *s, struct session *session,
                            const struct setting_changes *changes, bool screen, struct err *err)
{
    bool alerts = changes->alerts;
    for (size_t i = 0; i < settings_count; i++) {
        if (!changes->rows[i])
            continue;
        if (is_alarms(&settings_table[i]))
            alerts = true;
        else
            settings_apply(s, session, &settings_table[i], screen, err);
    }
    return !alerts || settings_apply_alerts(s, session, screen, err);
}
