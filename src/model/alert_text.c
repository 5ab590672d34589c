/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alert rules as people write them, and back: see alert_rule_parse in alert.h. Words are parted by
 * blanks and commas; comparisons and the colon before the actions need none. Pure.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "base/text.h"
#include "model/alert.h"

#define HOLD_DEFAULT_S  3
#define CLEAR_LEAST_S   3   /* what is raised at once does not clear at once, unless told to */
#define CLEAR_SHARE     0.1 /* of the threshold: so far before it a rule clears */
#define CRITICAL_TIMES  1.5
#define CRITICAL_PCT    95
#define HOLD_MAX_S      86400
#define LEVEL_LEAST     0.001 /* a threshold that steps lead to */
#define COMPARISON_SIGN "<>="

static const struct {
    const char *name;
    enum alert_action action;
} actions[] = {{"banner", ALERT_BANNER},
               {"bell", ALERT_BELL},
               {"snapshot", ALERT_SNAPSHOT},
               {"command", ALERT_COMMAND}};
#define ACTIONS (sizeof actions / sizeof actions[0])

static const struct {
    const char *name;
    bool below;
} comparisons[] = {{">", false}, {">=", false}, {"above", false},
                   {"<", true},  {"<=", true},  {"below", true}};
#define COMPARISONS (sizeof comparisons / sizeof comparisons[0])

struct words {
    const char *rest;
    char word[48]; /* the current one; "" at the end */
};

static void next_word(struct words *w)
{
    const char *from = w->rest + strspn(w->rest, " \t,");
    size_t n = strcspn(from, " \t,:" COMPARISON_SIGN);
    if (!n)
        n = *from == ':' ? 1 : strspn(from, COMPARISON_SIGN);
    w->rest = from + n;
    snprintf(w->word, sizeof w->word, "%.*s", (int)(n < sizeof w->word ? n : sizeof w->word), from);
}

static bool parse_metric(struct alert_rule *rule, const char *word, struct err *err)
{
    struct nearest nearest = {0};
    for (int m = 0; m < METRIC_COUNT; m++) {
        if (strcmp(metrics[m].name, word) == 0) {
            rule->metric = (enum metric)m;
            return true;
        }
        nearest_try(&nearest, word, metrics[m].name);
    }
    if (!*word)
        return err_set(err, "a rule begins with a metric, as in \"cpu_pct > 80\"");
    return err_set(err, "there is no metric \"%s\"%s%s", word,
                   nearest.name ? "; the nearest is " : " (they are the columns of the timeline)",
                   nearest.name ? nearest.name : "");
}

static bool parse_comparison(struct alert_rule *rule, const char *word, struct err *err)
{
    for (size_t i = 0; i < COMPARISONS; i++) {
        if (strcmp(comparisons[i].name, word) == 0) {
            rule->below = comparisons[i].below;
            return true;
        }
    }
    return err_set(err, "after %s comes > or <, not \"%s\"", metrics[rule->metric].name, word);
}

/* What a figure's ending multiplies it by; 0: it has no meaning for the unit. */
static double ending(enum metric_unit unit, const char *word)
{
    static const char sizes[] = "KMGT";
    bool bytes = unit == UNIT_BYTES || unit == UNIT_BYTES_PER_S;
    bool rate = unit == UNIT_PER_S || unit == UNIT_BYTES_PER_S;
    double times = 1;
    if (unit == UNIT_SECONDS && strcmp(word, "ms") == 0)
        return 1e-3;
    if (unit == UNIT_SECONDS && strcmp(word, "m") == 0)
        return 60;
    if ((unit == UNIT_SECONDS && strcmp(word, "s") == 0) ||
        (unit == UNIT_PCT && strcmp(word, "%") == 0))
        return 1;
    const char *size = bytes && *word ? strchr(sizes, *word) : NULL;
    if (size) {
        times = ldexp(1, 10 * (int)(size - sizes + 1));
        word++;
    }
    if (rate && strcmp(word, "/s") == 0)
        return times;
    return *word ? 0 : times;
}

static bool parse_value(double *out, enum metric_unit unit, const char *word)
{
    char *end;
    if (!*word || !strchr("0123456789.-", *word))
        return false;
    double value = strtod(word, &end) * ending(unit, end);
    if (end == word || !isfinite(value) || ending(unit, end) <= 0)
        return false;
    *out = value;
    return true;
}

static bool parse_seconds(double *out, const char *word, struct err *err)
{
    if (parse_value(out, UNIT_SECONDS, word) && *out >= 0 && *out <= HOLD_MAX_S)
        return true;
    return err_set(err, "\"for\" takes a time up to a day, such as 3s, not \"%s\"", word);
}

static bool parse_level(double *out, const struct alert_rule *rule, const char *before,
                        const char *word, struct err *err)
{
    return parse_value(out, metrics[rule->metric].unit, word) ||
           err_set(err, "after \"%s\" comes a figure of %s, not \"%s\"", before,
                   metrics[rule->metric].name, word);
}

static bool parse_actions(struct alert_rule *rule, struct words *w, struct err *err)
{
    rule->actions = 0;
    for (next_word(w); *w->word; next_word(w)) {
        struct nearest nearest = {0};
        size_t i = 0;
        while (i < ACTIONS && strcmp(actions[i].name, w->word) != 0)
            nearest_try(&nearest, w->word, actions[i++].name);
        if (i == ACTIONS && strcmp(w->word, "none") != 0)
            return err_set(err, "no rule can \"%s\"%s%s (banner, bell, snapshot, command, none)",
                           w->word, nearest.name ? "; the nearest is " : "",
                           nearest.name ? nearest.name : "");
        if (i < ACTIONS)
            rule->actions |= actions[i].action;
    }
    return true;
}

/* What stands between the threshold and the actions. */
static bool parse_clauses(struct alert_rule *rule, struct words *w, struct err *err)
{
    double *seconds = &rule->hold_s;
    for (next_word(w); *w->word; next_word(w)) {
        if (strcmp(w->word, ":") == 0)
            return parse_actions(rule, w, err);
        char clause[sizeof w->word];
        snprintf(clause, sizeof clause, "%s", w->word);
        bool hold = strcmp(clause, "for") == 0, clear = strcmp(clause, "clear") == 0;
        if (!hold && !clear && strcmp(clause, "critical") != 0)
            return err_set(
                err, "\"%s\" is no part of a rule: for, clear, critical, or : and actions", clause);
        next_word(w);
        if (hold && !parse_seconds(seconds, w->word, err))
            return false;
        if (!hold &&
            !parse_level(clear ? &rule->clear_at : &rule->critical_at, rule, clause, w->word, err))
            return false;
        if (clear)
            seconds = &rule->clear_s;
    }
    return true;
}

/* A figure that was worked out, as one would write it. */
static double rounded(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.6g", value);
    return strtod(text, NULL);
}

static double default_critical(const struct alert_rule *rule)
{
    double level = rule->threshold;
    /* Below zero, larger by half is further from it. */
    bool up = rule->below == (level < 0);
    double critical = up ? level * CRITICAL_TIMES : level / CRITICAL_TIMES;
    if (!rule->below && metrics[rule->metric].unit == UNIT_PCT && critical > 100)
        critical = level > CRITICAL_PCT ? level : CRITICAL_PCT;
    return rounded(critical);
}

/* Fills in what was not said, and looks whether the three levels can be. */
static bool complete(struct alert_rule *rule, struct err *err)
{
    double step = fabs(rule->threshold) * CLEAR_SHARE;
    if (isnan(rule->clear_at))
        rule->clear_at = rounded(rule->threshold + (rule->below ? step : -step));
    if (isnan(rule->critical_at))
        rule->critical_at = default_critical(rule);
    if (rule->clear_s < 0)
        rule->clear_s = rule->hold_s > CLEAR_LEAST_S ? rule->hold_s : CLEAR_LEAST_S;
    const char *way = rule->below ? "below" : "above";
    if (rule->below ? rule->clear_at < rule->threshold : rule->clear_at > rule->threshold)
        return err_set(err, "what alarms %s %.15g cannot clear at %.15g", way, rule->threshold,
                       rule->clear_at);
    if (rule->below ? rule->critical_at > rule->threshold : rule->critical_at < rule->threshold)
        return err_set(err, "what alarms %s %.15g cannot be critical from %.15g", way,
                       rule->threshold, rule->critical_at);
    return true;
}

static bool is_name(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return n && !name[n] && n < ALERT_NAME_MAX;
}

static bool set_name(struct alert_rule *rule, const char *name, struct err *err)
{
    if (!is_name(name))
        return err_set(err,
                       "\"%.40s\" is no name for an alert rule: small letters, digits, _ and -, "
                       "at most %d",
                       name, ALERT_NAME_MAX - 1);
    snprintf(rule->name, sizeof rule->name, "%s", name);
    return true;
}

bool alert_rule_parse(struct alert_rule *rule, const char *name, const char *text, struct err *err)
{
    *rule = (struct alert_rule){.critical_at = NAN,
                                .clear_at = NAN,
                                .hold_s = HOLD_DEFAULT_S,
                                .clear_s = -1,
                                .actions = ALERT_DEFAULT_ACTIONS};
    if (!set_name(rule, name, err))
        return false;
    if (strlen(text) >= ALERT_TEXT_MAX)
        return err_set(err, "rule %s is longer than %d characters", name, ALERT_TEXT_MAX - 1);
    struct words w = {.rest = text};
    struct err why;
    next_word(&w);
    bool ok = parse_metric(rule, w.word, &why);
    next_word(&w);
    ok = ok && parse_comparison(rule, w.word, &why);
    next_word(&w);
    ok = ok && parse_level(&rule->threshold, rule, rule->below ? "<" : ">", w.word, &why);
    ok = ok && parse_clauses(rule, &w, &why) && complete(rule, &why);
    return ok || err_set(err, "alert rule %s: %.400s", name, why.text);
}

bool alert_rules_set_line(struct alert_rules *rules, const char *line, struct err *err)
{
    char name[ALERT_NAME_MAX + 1];
    const char *from = line + strspn(line, " \t");
    size_t n = strcspn(from, " \t:,<>=");
    const char *after = from + n + strspn(from + n, " \t");
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name), from);
    if (*after != ':') /* what is no name is no metric either, and that is to be told */
        return alert_rules_set(rules, is_name(name) ? name : "rule", from, err);
    after++;
    return alert_rules_set(rules, name, after + strspn(after, " \t"), err);
}

static bool is_bytes(const struct alert_rule *rule)
{
    enum metric_unit unit = metrics[rule->metric].unit;
    return unit == UNIT_BYTES || unit == UNIT_BYTES_PER_S;
}

/* The next level up or down: a multiple of half of its power of ten, of bytes of an eighth of its
 * power of two, of what is counted a whole one. */
static double next_level(const struct alert_rule *rule, int direction)
{
    double level = rule->threshold, base = is_bytes(rule) ? 2 : 10;
    double power = pow(base, floor(log(level) / log(base) + 1e-9));
    if (direction < 0 && level < power * 1.000001)
        power /= base;
    double step = is_bytes(rule) ? power / 8 : power / 2;
    if (step < 1 && (is_bytes(rule) || metrics[rule->metric].unit == UNIT_COUNT))
        step = 1;
    double steps = direction > 0 ? floor(level / step + 1e-6) + 1 : ceil(level / step - 1e-6) - 1;
    return is_bytes(rule) ? steps * step : rounded(steps * step);
}

/* A level that lay so far from the threshold. */
static double moved(const struct alert_rule *rule, double distance)
{
    double level = rule->threshold + distance;
    return is_bytes(rule) ? level : rounded(level);
}

bool alert_rule_step(struct alert_rule *rule, int direction)
{
    struct alert_rule next = *rule;
    bool percent = metrics[rule->metric].unit == UNIT_PCT;
    if (!(rule->threshold > 0))
        return false;
    next.threshold = next_level(rule, direction);
    if (next.threshold < LEVEL_LEAST || (percent && next.threshold > 100))
        return false;
    next.clear_at = moved(&next, rule->clear_at - rule->threshold);
    if (next.clear_at <= 0 && rule->clear_at > 0) /* it would never clear */
        next.clear_at = rounded(next.threshold * (1 - CLEAR_SHARE));
    if (percent && rule->below && next.clear_at >= 100)
        return false;
    next.critical_at = moved(&next, rule->critical_at - rule->threshold);
    bool beyond = percent && (next.critical_at > 100 || next.critical_at < 0);
    if (beyond || rule->critical_at == default_critical(rule))
        next.critical_at = default_critical(&next);
    *rule = next;
    return true;
}

/* A level as it is read again; sizes that are round in their larger units in these. */
static const char *level_text(char *out, size_t size, enum metric metric, double value)
{
    enum metric_unit unit = metrics[metric].unit;
    const char *sizes = "KMGT";
    bool bytes = unit == UNIT_BYTES || unit == UNIT_BYTES_PER_S;
    int step = -1;
    while (bytes && step < 3 && value != 0 && fmod(value, 1024) == 0) {
        value /= 1024;
        step++;
    }
    if (step >= 0)
        snprintf(out, size, "%.15g%c", value, sizes[step]);
    else
        snprintf(out, size, "%.15g", value);
    return out;
}

void alert_rule_text(char *out, size_t size, const struct alert_rule *rule)
{
    char level[3][40];
    struct text t = {out, size, 0, false};
    out[0] = '\0';
    text_add(&t, "%s %s %s for %.15gs, clear %s", metrics[rule->metric].name,
             rule->below ? "<" : ">",
             level_text(level[0], sizeof level[0], rule->metric, rule->threshold), rule->hold_s,
             level_text(level[1], sizeof level[1], rule->metric, rule->clear_at));
    if (rule->clear_s != rule->hold_s || rule->hold_s < CLEAR_LEAST_S)
        text_add(&t, " for %.15gs", rule->clear_s);
    text_add(&t, ", critical %s:",
             level_text(level[2], sizeof level[2], rule->metric, rule->critical_at));
    for (size_t i = 0; i < ACTIONS; i++)
        if (rule->actions & actions[i].action)
            text_add(&t, " %s", actions[i].name);
    if (!rule->actions)
        text_add(&t, " none");
}
