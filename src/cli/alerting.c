/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See alerting.h. */
#include "cli/alerting.h"

#include "base/log.h"

bool alerting_rules(struct alert_rules *rules, const struct options *o, struct err *err)
{
    alert_rules_default(rules);
    /* WIRE: the settings' section [alerts] belongs here, alert_rules_set() a row. */
    for (size_t i = 0; i < o->alerts.n; i++)
        if (!alert_rules_set_line(rules, o->alerts.at[i], err))
            return false;
    return true;
}

bool alerting_start(struct session *s, const struct options *o, bool screen, struct err *err)
{
    struct alert_rules rules = {0};
    struct alarms_options alarms = alarms_defaults;
    alarms.command = o->alert_command;
    alarms.folder = o->alert_snapshots;
    alarms.hush = screen;
    if (o->alert_before_s > 0)
        alarms.before_s = o->alert_before_s;
    if (o->alert_after_s > 0)
        alarms.after_s = o->alert_after_s;
    bool ok = alerting_rules(&rules, o, err) && session_set_alarms(s, &alarms, err);
    if (ok)
        session_set_alert_rules(s, &rules);
    alert_rules_clear(&rules);
    return ok;
}

void alerting_tell(struct session *s)
{
    struct alarm_news news;
    while (session_take_alarm_news(s, &news))
        log_note("%s", news.text);
}
