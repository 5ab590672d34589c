# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a recording of tests/programs/split.{c,py} what the program is by construction?"""

import json
import os
import time

import proftop
import tap
import targets

TRUTH_PCT = {"burn_sixty": 60.0, "burn_thirty": 30.0, "burn_ten": 10.0}
WITHIN_PCT = 2.0
SAMPLES = 6000  # a standard deviation is 0.6 points; see surely()


def surely(check, samples=SAMPLES):
    """Call check(samples); where it says no, three times as many samples decide.

    A machine that stands still for 100 ms while a thread runs gives that time to one function of a
    recording of five seconds, which is two points. What is wrong is still wrong in a longer one.
    """
    try:
        check(samples)
    except AssertionError as error:
        tap.note("%s, of %d samples; three times as many decide" % (error, samples))
        check(3 * samples)


def on_cpu(shown):
    """Samples in a report of the state cpu. Its figure `samples` is of all states."""
    return sum(row["self_samples"] for row in shown["rows"])


def record_enough(processes, into, rate_hz=2000, samples=SAMPLES, more=()):
    """Record processes until at least so many samples of them on a CPU have been taken."""
    watching = ["record", "-o", into, "-r", str(rate_hz), *more]
    for process in processes:
        watching += ["-p", str(process.pid)]
    with proftop.started(*watching) as recorder:
        targets.wait_for(lambda: os.path.exists(into + ".part"), "the recording")

        def enough():
            time.sleep(1)  # it commits once a second
            done = proftop.run("report", into + ".part", "--state", "cpu", "--format", "json")
            return done.returncode == 0 and on_cpu(json.loads(done.stdout)) >= samples

        targets.wait_for(enough, "%d samples" % samples, 120)
        tap.equal(proftop.interrupt(recorder), 0, "exit status of record")


def check_functions(recording):
    """The CPU time is the three functions', in the proportions that are built in."""
    shown = proftop.report(recording, "functions", "--state", "cpu")
    tap.note("samples %(samples)s ticks %(ticks)s lost %(lost_samples)s" % shown)
    rows = proftop.rows_by_name(shown)
    for name, truth_pct in TRUTH_PCT.items():
        assert name in rows, "%s is not in the table: %s" % (name, sorted(rows))
        tap.note("%s: %.2f %%, truly %.0f" % (name, rows[name]["self_pct"], truth_pct))
    for name, truth_pct in TRUTH_PCT.items():
        tap.near(rows[name]["self_pct"], truth_pct, WITHIN_PCT, name)
        tap.near(rows[name]["total_pct"], truth_pct, WITHIN_PCT, name + " in total")
    return rows


def check_idle_apart(recording):
    """Sleeping is idle, so the table of everything is led by the same three functions."""
    shown = proftop.report(recording)
    rows = proftop.rows_by_name(shown)
    for name, truth_pct in TRUTH_PCT.items():
        what = name + " of all that is not idle"
        tap.near(rows[name]["self_pct"], truth_pct, 2 * WITHIN_PCT, what)


def check_lines(recording, source, known_as):
    """Each function's time stands on its loop's lines, in the file as the target knows it."""
    shown = proftop.report(recording, "lines", "--state", "cpu")
    for name, truth_pct in TRUTH_PCT.items():
        right = targets.marked_lines(source, "of " + name)
        assert right, "no line of %s is marked in %s" % (name, source)
        on_lines_pct = 0.0
        for row in shown["rows"]:
            if row["function"] == name and row["line"] in right:
                tap.equal(row["file"], known_as, "the file of " + name)
                on_lines_pct += row["self_pct"]
        tap.near(on_lines_pct, truth_pct, WITHIN_PCT, "lines %s of %s" % (sorted(right), name))
