# SPDX-License-Identifier: GPL-2.0-or-later
"""g: what a look for growth costs is said before it begins; it can be left at any time."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import re

import proftop
import tap
import targets
import tmux


@tap.test("g estimates, g begins, Esc ends and keeps; the process goes on")
def _():
    tap.require(os.geteuid() == 0, "probes need root")
    command = ["/usr/bin/python3", os.path.join(targets.PROGRAMS, "leak_line.py")]
    with targets.started(command, ready="ready") as target:
        with tmux.terminal(80, 24) as screen:
            screen.type("%s %d" % (proftop.PATH, target.pid))
            screen.wait(lambda t: re.search(r"ptrace \d+ Hz +\d+ samples", t))
            screen.keys("g")
            text = screen.wait("g begins, Esc does not")
            assert "[6 Memory]" in text, text
            assert re.search(r"[0-9,]+ calls/s; 30 s of bursts cost it about \d\.\d%", text)
            assert all(len(line) <= 80 for line in text.split("\n"))
            screen.keys("Escape")
            screen.wait(lambda t: "g begins" not in t and "[6 Memory]" in t)

            screen.keys("g")
            screen.wait("g begins, Esc does not")
            screen.keys("g")
            screen.wait(lambda t: re.search(r"looking for what stays: [1-9]\d*%", t))
            screen.keys("Escape")
            screen.wait(lambda t: "looking for" not in t)
            screen.keys("q")
            screen.wait("ready>")
        assert target.poll() is None


tap.main()
