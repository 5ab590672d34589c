/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See alerting.h. */
#include "cli/alerting.h"

#include "base/log.h"
#include "session/settings_apply.h"

bool alerting_start(struct session *s, const struct options *o, bool screen, struct err *err)
{
    struct alert_rules rules = {0};
    if (settings_apply_alerts(o->settings, s, screen, err))
        return true;
    if (settings_origin(o->settings, "alert-command") == ORIGIN_COMMAND_LINE ||
        settings_origin(o->settings, "alert-snapshots") == ORIGIN_COMMAND_LINE)
        return false;
    log_note("%s", err->text);
    bool ok = settings_alert_rules(&rules, o->settings, err);
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
