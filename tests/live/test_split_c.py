# SPDX-License-Identifier: GPL-2.0-or-later
"""A C program with a known profile: is what proftop says of it true?"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import split_check
import tap
import targets

SOURCE = os.path.join(targets.PROGRAMS, "split.c")
KINDS = {
    "at -O2": ["-O2"],
    "at -O0": ["-O0"],
    "static": ["-O2", "-static"],
    "without PIE, with frame pointers": ["-O2", "-no-pie", "-fno-omit-frame-pointer"],
}


def check_once(flags, options, engine, samples):
    with targets.folder() as place:
        binary = targets.program("split", *flags, into=place)
        recording = os.path.join(place, "split.ptop")
        with targets.started([binary, *options], ready="ready") as process:
            more = ["--engine", engine]
            split_check.record_enough([process], recording, samples=samples, more=more)
        split_check.check_functions(recording)
        split_check.check_lines(recording, SOURCE, SOURCE)
        if options:
            split_check.check_idle_apart(recording)


def check(flags, options, engine="perf"):
    split_check.surely(lambda samples: check_once(flags, options, engine, samples))


for kind, flags in KINDS.items():
    busy = "a busy C program, %s, within 2 points, with its lines" % kind
    tap.test(busy, flags, [], slow=kind != "at -O2")(check)
    stopped = busy + ", by brief stops"
    rare = kind not in ("at -O2", "at -O0")
    tap.test(stopped, flags, [], "ptrace", slow=True, rare=rare)(check)
for engine in ("perf", "ptrace"):
    sleeping = "a C program that sleeps in between, within 2 points, with its lines, by " + engine
    rare = engine == "ptrace"
    tap.test(sleeping, ["-O2"], ["--sleep-ms", "10"], engine, slow=True, rare=rare)(check)
tap.main()
