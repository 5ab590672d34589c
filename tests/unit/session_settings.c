/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The settings: the file's form, the table, files on top of one another, and writing them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/nearest.h"
#include "base/text.h"
#include "session/rcfile.h"
#include "session/settings.h"

static char folder[64], config[100];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/proftop-unit-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(config, sizeof config, "%s/rc", folder);
}

static void remove_folder(void)
{
    unlink(config);
    assert_int_equal(rmdir(folder), 0);
}

static void write_config(const char *text, size_t size)
{
    FILE *file = fopen(config, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Settings from a file of this text. */
static void load(struct settings *s, const char *text, size_t size)
{
    struct err err;
    write_config(text, size);
    settings_init(s);
    s->config = xstrdup(config);
    assert_true(settings_load(s, &err));
}

static void load_text(struct settings *s, const char *text)
{
    load(s, text, strlen(text));
}

/* The only problem, without the file's name. */
static const char *problem(const struct settings *s)
{
    assert_int_equal(s->problems.n, 1);
    assert_memory_equal(s->problems.at[0], config, strlen(config));
    return s->problems.at[0] + strlen(config);
}

static void test_nearest(void **state)
{
    (void)state;
    assert_int_equal(nearest_distance("rate", "rate"), 0);
    assert_int_equal(nearest_distance("RATE", "rate"), 0);
    assert_int_equal(nearest_distance("census_stop", "census-stop"), 0);
    assert_int_equal(nearest_distance("raet", "rate"), 1);
    assert_int_equal(nearest_distance("rat", "rate"), 1);
    assert_int_equal(nearest_distance("rates", "rate"), 1);
    assert_int_equal(nearest_distance("kitten", "sitting"), 3);
    assert_int_equal(nearest_distance("", "abc"), 3);
    assert_string_equal(setting_nearest("intervall"), "interval");
    assert_string_equal(setting_nearest("bugdet"), "budget");
    assert_string_equal(setting_nearest("alert-comand"), "alert-command");
    assert_null(setting_nearest("zzzzzzzz"));
    char longer[500];
    memset(longer, 'r', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_null(setting_nearest(longer));
}

static void check_line(const char *text, enum rc_kind kind, const char *key, const char *value)
{
    struct rc_reader r;
    rc_begin(&r, text, strlen(text));
    assert_true(rc_next(&r));
    assert_int_equal(r.line.kind, kind);
    if (kind == RC_ENTRY) {
        assert_string_equal(r.line.key, key);
        assert_string_equal(r.line.value, value);
    }
    assert_int_equal(r.line.err.text[0] != '\0', kind == RC_BROKEN);
    assert_false(rc_next(&r));
}

static void test_lines(void **state)
{
    (void)state;
    check_line("rate = 100", RC_ENTRY, "rate", "100");
    check_line("  rate=100\r\n", RC_ENTRY, "rate", "100");
    check_line("\xef\xbb\xbfrate = 100\n", RC_ENTRY, "rate", "100");
    check_line("rate =   100   # as said\n", RC_ENTRY, "rate", "100");
    check_line("a = b#c\n", RC_ENTRY, "a", "b#c");
    check_line("a = x = y\n", RC_ENTRY, "a", "x = y");
    check_line("a =\n", RC_ENTRY, "a", "");
    check_line("a = # nothing\n", RC_ENTRY, "a", "");
    check_line("a = \" b # \\\" \\\\ \"  # c\n", RC_ENTRY, "a", " b # \" \\ ");
    check_line("\n", RC_BLANK, "", "");
    check_line("   # x = y\n", RC_COMMENT, "", "");
    check_line("\xef\xbb\xbf", RC_BLANK, "", "");
    check_line("[alerts] # x\n", RC_SECTION, "", "");
    check_line("rate 100\n", RC_BROKEN, "", "");
    check_line("= 100\n", RC_BROKEN, "", "");
    check_line("a = \"b\n", RC_BROKEN, "", "");
    check_line("a = \"b\\\"\n", RC_BROKEN, "", "");
    check_line("a = \"b\" c\n", RC_BROKEN, "", "");
    check_line("[alerts\n", RC_BROKEN, "", "");
    check_line("[]\n", RC_BROKEN, "", "");
    check_line("[alerts] x\n", RC_BROKEN, "", "");
}

/* Whatever the bytes are, the lines together are the text, and a value is where it is said. */
static void test_hostile_lines(void **state)
{
    (void)state;
    static const char letters[] = "a=\"\\# []\n\r\t\0\xef\xbb\xbf\xff";
    uint32_t random = 1;
    char text[300];
    for (int round = 0; round < 20000; round++) {
        size_t size = round % sizeof text, sum = 0;
        for (size_t i = 0; i < size; i++) {
            random = random * 1103515245 + 12345;
            text[i] = letters[(random >> 16) % (sizeof letters - 1)];
        }
        struct rc_reader r;
        rc_begin(&r, text, size);
        while (rc_next(&r)) {
            assert_ptr_equal(r.line.text, text + sum);
            sum += r.line.size;
            assert_true(r.line.value_at + r.line.value_size <= r.line.size);
        }
        assert_int_equal(sum, size);
    }
    /* The longest line that is read, and one byte more. */
    struct rc_reader r;
    char *big = xmalloc(RC_LINE_MAX + 1);
    memset(big, 'x', RC_LINE_MAX + 1);
    memcpy(big, "a=", 2);
    rc_begin(&r, big, RC_LINE_MAX - 1);
    assert_true(rc_next(&r));
    assert_int_equal(r.line.kind, RC_ENTRY);
    assert_int_equal(strlen(r.line.value), RC_LINE_MAX - 3);
    rc_begin(&r, big, RC_LINE_MAX);
    assert_true(rc_next(&r));
    assert_int_equal(r.line.kind, RC_BROKEN);
    free(big);
}

static void test_quote(void **state)
{
    (void)state;
    static const char *const values[] = {"",      "a",       " a", "a ",      "a#b",        "a # b",
                                         "\"a\"", "a\\b \"", "\\", "~/x y/z", "p95_s > 1.0"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char *quoted = rc_quote(values[i]);
        char *line = xasprintf("k = %s # end\n", quoted);
        check_line(line, RC_ENTRY, "k", values[i]);
        free(line);
        free(quoted);
    }
}

/* Each row's default is a value that it takes, prints as it is read, and every key is its own. */
static void test_table(void **state)
{
    (void)state;
    struct setting_values values, again;
    struct err err;
    char text[SETTING_TEXT_MAX], takes[SETTING_TEXT_MAX];
    setting_defaults(&values);
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *row = &settings_table[i];
        setting_defaults(&again);
        assert_true(setting_read(row, setting_text(text, row, &values), &again, &err));
        assert_true(setting_equal(row, &values, &again));
        assert_ptr_equal(setting_find(row->key), row);
        assert_non_null(row->comment);
        assert_true(strlen(setting_takes(takes, row)) > 0);
        assert_true(row->group || i > 0);
        for (size_t k = 0; k < 2 && row->options[k].name; k++)
            assert_true(!row->options[k].gives == !!row->options[k].value);
        if (row->type != SETTING_TEXT)
            assert_false(setting_read(row, "nonsense", &again, &err));
        assert_int_equal(setting_read(row, "", &again, &err), setting_is_text(row));
        for (size_t k = 0; k < i; k++)
            assert_true(nearest_distance(row->key, settings_table[k].key) > 0);
    }
}

static double read_double(const char *key, const char *text)
{
    struct setting_values values;
    struct err err;
    const struct setting *row = setting_find(key);
    setting_defaults(&values);
    if (!setting_read(row, text, &values, &err))
        return -1;
    return *(double *)(void *)((char *)&values + row->at);
}

static void test_values(void **state)
{
    (void)state;
    struct setting_values values;
    struct err err;
    assert_true(read_double("rate", "250.5") == 250.5);
    assert_true(read_double("rate", "0.5") == -1);
    assert_true(read_double("rate", "1000001") == -1);
    assert_true(read_double("rate", "nan") == -1);
    assert_true(read_double("rate", "inf") == -1);
    assert_true(read_double("rate", "100x") == -1);
    assert_true(read_double("rate", "off") == -1);
    assert_true(read_double("budget", "off") == 0);
    assert_true(read_double("budget", "0") == -1);
    assert_true(read_double("window", "all") == 0);
    assert_true(read_double("window", "10m") == 600);
    assert_true(read_double("interval", "500ms") == 0.5);
    assert_true(read_double("interval", "0.25") == 0.25);
    assert_true(read_double("ring", "2 h") == 7200);
    assert_true(read_double("ring", "1d") == 86400);
    assert_true(read_double("ring", "1y") == -1);
    setting_defaults(&values);
    assert_true(setting_read(setting_find("children"), "ON", &values, &err));
    assert_true(values.children);
    assert_true(setting_read(setting_find("children"), "false", &values, &err));
    assert_false(values.children);
    assert_false(setting_read(setting_find("engine"), "prf", &values, &err));
    assert_non_null(strstr(err.text, "did you mean \"perf\"?"));
    assert_false(setting_read(setting_find("snapshot-dir"), "a\nb", &values, &err));
    assert_true(setting_read(setting_find("listen"), "[::1]:9111", &values, &err));
    assert_string_equal(values.listen, "[::1]:9111");
    assert_false(setting_read(setting_find("listen"), "70000", &values, &err));
    assert_non_null(strstr(err.text, "takes a port, or ADDRESS:PORT"));
    assert_string_equal(values.listen, "[::1]:9111");
    assert_true(setting_read(setting_find("listen"), "", &values, &err));
}

/* Up to the end and down again, always with values that the row takes. */
static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *row = &settings_table[i];
        struct setting_values values, again;
        struct err err;
        char text[SETTING_TEXT_MAX];
        setting_defaults(&values);
        for (int direction = 1; direction >= -1; direction -= 2) {
            int n = 0;
            for (; n < 100 && setting_step(row, &values, direction); n++) {
                setting_defaults(&again);
                assert_true(setting_read(row, setting_text(text, row, &values), &again, &err));
            }
            if (row->words)
                assert_int_equal(n, 100); /* they go round */
            else if (setting_is_text(row))
                assert_int_equal(n, 0);
            else
                assert_in_range(n, direction > 0 ? 0 : 2, 60);
        }
    }
    struct setting_values values;
    setting_defaults(&values);
    setting_step(setting_find("rate"), &values, 1);
    assert_true(values.rate_hz == 200);
    setting_step(setting_find("rate"), &values, -1);
    setting_step(setting_find("rate"), &values, -1);
    assert_true(values.rate_hz == 50);
}

/* What stands in a file is in force, with its line; what is wrong in it is told with its line. */
static void test_file(void **state)
{
    (void)state;
    struct settings s;
    char where[200];
    make_folder();
    load_text(&s, "# x\nrate = 50\n\nCENSUS_STOP = yes\n[alerts]\nlatency = p95_s > 1\n");
    assert_int_equal(s.problems.n, 0);
    assert_true(s.now.rate_hz == 50 && s.now.census_stop);
    assert_int_equal(s.from[0].origin, ORIGIN_FILE);
    setting_source_text(where, sizeof where, &s.from[0]);
    assert_true(text_ends_with(where, "/rc:2"));
    assert_int_equal(s.alerts.n, 1);
    assert_string_equal(s.alerts.at[0].name, "latency");
    assert_string_equal(s.alerts.at[0].text, "p95_s > 1");
    assert_int_equal(s.alerts.at[0].from.line, 6);
    settings_clear(&s);

    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"rat = 50\n", ":1: unknown setting \"rat\": did you mean \"rate\"?"},
        {"\nzzzzzz = 50", ":2: unknown setting \"zzzzzz\" (proftop settings lists them)"},
        {"rate = fast\n", ":1: rate takes 1 to 1000000, not \"fast\"; it stays 100"},
        {"engine = prf\n", ":1: engine takes auto, ptrace or perf, not \"prf\": did you mean "
                           "\"perf\"?; it stays auto"},
        {"rate 50\n", ":1: no \"=\": a line is KEY = VALUE, [SECTION] or # COMMENT"},
        {"[alert]\nrate = 1\n",
         ":1: unknown section \"alert\", did you mean \"alerts\"?: its lines are passed over"},
        {"[rate]\nx = 1\n", ":1: rate is a setting and no section: its lines are passed over"},
        {"[alerts]\nrate = 50\n", ":2: rate is no alert: it belongs before the line [alerts]"},
        {"[alerts]\nx =\n", ":2: x: a rule is METRIC > THRESHOLD, or off"},
        {"rate = 50\nrate = 60\n", ":2: rate stands on line 1 already: this line holds"},
        {"raw-samples = 3h\n", ":1: second-slices reaches less far back than raw-samples: it is "
                               "taken to reach as far"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        load_text(&s, wrong[i].text);
        assert_string_equal(problem(&s), wrong[i].says);
        settings_clear(&s);
    }
    load(&s, "ra\0te = 5\nbudget = 2", 20);
    assert_string_equal(problem(&s), ":1: a NUL byte: the line is passed over");
    assert_true(s.now.budget_pct == 2);
    settings_clear(&s);
    load_text(&s, "[alert\nrate = 5\n[alerts]\nx = cpu_pct > 1\n");
    assert_int_equal(s.problems.n, 1); /* what is in a section that is broken is not told */
    assert_true(s.now.rate_hz == 100 && s.alerts.n == 1);
    settings_clear(&s);
    remove_folder();
}

/* Many problems are bounded, and so are the rules. */
static void test_bounds(void **state)
{
    (void)state;
    struct settings s;
    char *text = xmalloc(200000), *at = text;
    make_folder();
    at += sprintf(at, "[alerts]\n");
    for (int i = 0; i < 5000; i++)
        at += sprintf(at, "r%d = cpu_pct > 1\n", i);
    load(&s, text, (size_t)(at - text));
    assert_int_equal(s.alerts.n, 200);
    assert_int_equal(s.problems.n, 51);
    assert_non_null(strstr(s.problems.at[50], "more problems than 50"));
    settings_clear(&s);
    free(text);
    remove_folder();
}

static void test_order(void **state)
{
    (void)state;
    struct settings s;
    struct err err;
    struct setting_changes changes;
    make_folder();
    write_config("rate = 50\nbudget = 2\n[alerts]\ncpu = cpu_pct > 50\n", 49);
    settings_init(&s);
    s.config = xstrdup(config);
    assert_true(settings_ask(&s, "rate", "300", &err));
    assert_false(settings_ask(&s, "rate", "0", &err));
    assert_string_equal(err.text, "rate takes 1 to 1000000, not \"0\"");
    assert_true(settings_ask_line(&s, "alerts.cpu = off", &err));
    assert_false(settings_ask_line(&s, "rate", &err));
    assert_string_equal(err.text, "\"rate\" is not KEY=VALUE");
    assert_true(settings_load(&s, &err));
    assert_true(s.now.rate_hz == 300 && s.now.budget_pct == 2);
    assert_int_equal(s.from[0].origin, ORIGIN_COMMAND_LINE);
    assert_int_equal(s.alerts.n, 1);
    assert_string_equal(s.alerts.at[0].text, "off");

    /* Reread: what the command line said stays, the rest is as the file now says. */
    write_config("rate = 60\nbudget = 3\n", 21);
    assert_true(settings_reload(&s, &changes, &err));
    assert_true(s.now.rate_hz == 300 && s.now.budget_pct == 3);
    assert_int_equal(changes.n, 1);
    assert_true(changes.rows[setting_find("budget") - settings_table]);
    assert_false(changes.alerts);

    /* A change on the screen is over what the command line said. */
    assert_true(settings_change(&s, setting_find("rate"), "70", &err));
    assert_int_equal(s.from[0].origin, ORIGIN_CHANGED);
    assert_true(settings_reload(&s, &changes, &err));
    assert_true(s.now.rate_hz == 60);

    /* What cannot be read changes nothing. */
    unlink(config);
    assert_false(settings_reload(&s, &changes, &err));
    assert_true(s.now.rate_hz == 60 && s.now.budget_pct == 3);
    settings_clear(&s);
    remove_folder();
}

static char *edited(struct settings_edit *edit, const char *old)
{
    size_t size;
    char *text = settings_edit_text(edit, old, old ? strlen(old) : 0, &size);
    assert_int_equal(strlen(text), size);
    return text;
}

/* With each line that is commented out in force. */
static char *uncommented(const char *text)
{
    char *out = xmalloc(strlen(text) + 1), *to = out;
    bool begins = true;
    for (const char *c = text; *c; c++) {
        if (!(begins && c[0] == '#' && c[1] != ' '))
            *to++ = *c;
        begins = *c == '\n';
    }
    *to = '\0';
    return out;
}

static void test_write_new(void **state)
{
    (void)state;
    struct setting_values initial;
    struct settings s;
    struct settings_edit edit = {.values = &initial};
    setting_defaults(&initial);
    make_folder();
    char *text = edited(&edit, NULL);
    assert_int_equal(edit.added, settings_count + 1);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        assert_true(strcspn(line, "\n") <= 100);
    load_text(&s, text);
    assert_int_equal(s.problems.n, 0);
    for (size_t i = 0; i < settings_count; i++)
        assert_int_equal(s.from[i].origin, ORIGIN_DEFAULT);
    assert_int_equal(s.alerts.n, 0);
    settings_clear(&s);

    /* The lines that are commented out say the defaults. */
    char *all = uncommented(text);
    load_text(&s, all);
    assert_int_equal(s.problems.n, 0);
    for (size_t i = 0; i < settings_count; i++) {
        assert_int_equal(s.from[i].origin, ORIGIN_FILE);
        assert_true(setting_equal(&settings_table[i], &s.now, &initial));
    }
    struct alert_rules rules = {0};
    alert_rules_default(&rules);
    assert_int_equal(s.alerts.n, rules.n);
    alert_rules_clear(&rules);
    settings_clear(&s);

    /* Once more changes nothing. */
    char *again = edited(&edit, text);
    assert_string_equal(again, text);
    assert_int_equal(edit.added, 0);
    free(again);
    free(all);
    free(text);
    remove_folder();
}

static void test_write_old(void **state)
{
    (void)state;
    struct setting_values values;
    struct settings s;
    struct err err;
    setting_defaults(&values);
    struct settings_edit edit = {.values = &values};
    static const char old[] =
        "# mine\nrate=50   # slow box\nodd line\n\n# rules of mine\n[alerts]\n"
        "cpu = cpu_pct > 50";
    make_folder();
    char *text = edited(&edit, old);
    assert_int_equal(edit.added, settings_count - 1);
    assert_memory_equal(text, old, strlen("# mine\nrate=50   # slow box\nodd line\n"));
    assert_true(text_ends_with(text, "\n# rules of mine\n[alerts]\ncpu = cpu_pct > 50"));
    load_text(&s, text);
    assert_true(s.now.rate_hz == 50 && s.alerts.n == 1);
    assert_non_null(strstr(problem(&s), "no \"=\""));
    settings_clear(&s);

    /* Values: in place, beside a default that is commented out, of a rule, of a new rule. */
    struct alert_edit alerts[] = {{"cpu", "off", 0}, {"mem", "memory_pct > 90", 0}};
    assert_true(setting_read(setting_find("rate"), "75", &values, &err));
    assert_true(setting_read(setting_find("snapshot-dir"), "/a #b", &values, &err));
    edit.set[setting_find("rate") - settings_table] = true;
    edit.set[setting_find("snapshot-dir") - settings_table] = true;
    vec_append(&edit.alerts, alerts, 2);
    char *set = edited(&edit, text);
    assert_int_equal(edit.added, 0);
    assert_int_equal(edit.changed, 4);
    assert_non_null(strstr(set, "\nrate=75   # slow box\nodd line\n"));
    assert_non_null(strstr(set, "\n#snapshot-dir = \"\"\nsnapshot-dir = \"/a #b\"\n"));
    assert_true(text_ends_with(set, "[alerts]\ncpu = off\n[alerts]\nmem = memory_pct > 90\n"));
    load_text(&s, set);
    assert_true(s.now.rate_hz == 75 && s.alerts.n == 2);
    assert_string_equal(s.now.snapshot_dir, "/a #b");
    assert_int_equal(s.problems.n, 1);
    settings_clear(&s);
    free(set);
    free(text);

    /* With the file's own ends of line. */
    edit.alerts.n = 0;
    text = edited(&edit, "children = yes\r\n");
    for (const char *c = strchr(text, '\n'); c; c = strchr(c + 1, '\n'))
        assert_int_equal(c[-1], '\r');
    load_text(&s, text);
    assert_true(s.now.children && s.now.rate_hz == 75 && s.problems.n == 0);
    settings_clear(&s);
    free(text);
    vec_free(&edit.alerts);
    remove_folder();
}

/* Whatever stands in a file, it is kept when it is written. */
static void test_write_hostile(void **state)
{
    (void)state;
    static const char *const words[] = {"rate",     "#rate", " = ",          "50",  "\n",
                                        "[alerts]", "[x",    "\"",           "#",   "\r\n",
                                        "cpu",      " ",     "\xef\xbb\xbf", "keep"};
    struct setting_values values;
    struct settings_edit edit = {.values = &values};
    uint32_t random = 7;
    setting_defaults(&values);
    for (int round = 0; round < 500; round++) {
        char old[400] = "";
        struct text t = TEXT(old);
        for (int i = 0; i < round % 30; i++) {
            random = random * 1103515245 + 12345;
            text_add(&t, "%s", words[(random >> 16) % (sizeof words / sizeof words[0])]);
        }
        char *text = edited(&edit, old);
        struct rc_reader r;
        const char *from = text, *bare = old;
        while (strncmp(bare, RC_MARK, 3) == 0) /* stays first, whatever is put after it */
            bare += 3;
        assert_memory_equal(text, old, (size_t)(bare - old));
        rc_begin(&r, bare, strlen(bare));
        while (rc_next(&r)) { /* each line of it, in this order */
            char *line = xstrndup(r.line.text, r.line.size);
            from = strstr(from, line);
            assert_non_null(from);
            from += r.line.size;
            free(line);
        }
        char *again = edited(&edit, text);
        assert_string_equal(again, text);
        free(again);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),       cmocka_unit_test(test_lines),
        cmocka_unit_test(test_hostile_lines), cmocka_unit_test(test_quote),
        cmocka_unit_test(test_table),         cmocka_unit_test(test_values),
        cmocka_unit_test(test_steps),         cmocka_unit_test(test_file),
        cmocka_unit_test(test_bounds),        cmocka_unit_test(test_order),
        cmocka_unit_test(test_write_new),     cmocka_unit_test(test_write_old),
        cmocka_unit_test(test_write_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
