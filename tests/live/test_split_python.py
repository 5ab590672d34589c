# SPDX-License-Identifier: GPL-2.0-or-later
"""A Python program with a known profile, on every Python here that proftop reads."""

import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import split_check
import tap
import targets

SOURCE = os.path.join(targets.PROGRAMS, "split.py")


def check_once(python, options, samples):
    with targets.folder() as place, python.script(SOURCE) as script:
        recording = os.path.join(place, "split.ptop")
        with targets.started([*python.command, script, *options], ready="ready") as process:
            split_check.record_enough([process], recording, samples=samples)
        rows = split_check.check_functions(recording)
        for name in split_check.TRUTH_PCT:
            tap.equal(rows[name]["language"], "python", "language of " + name)
        runtime = proftop.report(recording)["target"]["runtime"]
        tap.equal(runtime, "python " + python.version, "runtime")
        split_check.check_lines(recording, SOURCE, script)
        if options:
            split_check.check_idle_apart(recording)


def check(python, options):
    split_check.surely(lambda samples: check_once(python, options, samples))


for python in targets.pythons():
    busy = "Python %s, busy: within 2 points, with its lines" % python.label
    rare = targets.is_one_of_many(python)
    tap.test(busy, python, [], slow=python.path != "/usr/bin/python3", rare=rare)(check)
    sleeping = "Python %s, sleeping in between: within 2 points, with its lines" % python.label
    tap.test(sleeping, python, ["--sleep-ms", "10"], slow=True, rare=rare)(check)

WORK_AND_SLEEP = os.path.join(targets.PROGRAMS, "work_and_sleep.py")
WORK_WITHIN_PCT = 6.0
SLEEP_WITHIN_PCT = 4.5  # it had 6 to 50 too much where a stop found the thread just awake


def record_bursts(seconds, rate_hz, program=(), recorder=()):
    """Percent of the CPU by function as recorded, and in truth."""
    with targets.folder() as place:
        path = os.path.join(place, "bursts.ptop")
        command = [sys.executable, WORK_AND_SLEEP, str(seconds), *program]
        with targets.started(command, ready="ready") as process:
            proftop.ok("record", "-p", process.pid, "-o", path, "-r", rate_hz, *recorder)
            truth = json.loads(process.stdout.readline())
        rows = proftop.rows_by_name(proftop.report(path, "functions", "--state", "cpu"))
    for name, truth_pct in truth.items():
        tap.note("%s: %.1f%%, truly %.1f" % (name, rows[name]["self_pct"], truth_pct))
    return {name: rows[name]["self_pct"] for name in truth}, truth


def check_bursts(seconds):
    """Neither the line that sleeps nor the place of a function in a burst matters."""
    found, truth = record_bursts(seconds, 500)
    for name, truth_pct in truth.items():
        within_pct = SLEEP_WITHIN_PCT if name == "<module>" else WORK_WITHIN_PCT
        tap.near(found[name], truth_pct, within_pct, name)


def check_unstopped(seconds, rate_hz):
    """Of the three alone: where others want the CPU, a thread that was woken seems to work where it
    slept."""
    found, truth = record_bursts(seconds, rate_hz, ["apart"], ["--no-native", "--budget", "off"])
    for shares in (found, truth):
        del shares["<module>"]
    for name in truth:
        share_pct = 100 * found[name] / sum(found.values())
        tap.near(share_pct, 100 * truth[name] / sum(truth.values()), WORK_WITHIN_PCT, name)


@tap.test("in bursts of 2 ms, always in the same order: each its own, and none for the sleep", slow=True)
def _():
    split_check.surely(lambda samples: check_bursts(samples / 600))


@tap.test("unstopped, in bursts apart from each other: none has what the one before has used")
def _():
    split_check.surely(lambda samples: check_unstopped(samples / 1000, 20000))


tap.main()
