# SPDX-License-Identifier: GPL-2.0-or-later
"""A Python program with a known profile, on every Python here that proftop reads."""

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
tap.main()
