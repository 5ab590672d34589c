# SPDX-License-Identifier: GPL-2.0-or-later
"""A parent that idles while its child works; a process that executes another program; alerts."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import subprocess

import proftop
import tap
import targets
import tmux

SPLIT_PY = os.path.join(targets.PROGRAMS, "split.py")


@tap.test("the screen says that a child works, and C takes it in")
def _():
    command = ["sh", "-c", '"%s" "%s" & echo ready; wait' % (sys.executable, SPLIT_PY)]
    with targets.started(command, ready="ready") as parent:
        try:
            with tmux.terminal(80, 24) as screen:
                screen.type("%s %d" % (proftop.PATH, parent.pid))
                screen.wait("C takes it in")
                assert "burn_sixty" not in screen.text(), screen.text()
                screen.keys("C")
                screen.wait("burn_sixty")
                screen.wait("2 threads")
        finally:
            for child in targets.children(parent.pid):
                os.kill(child, 9)


@tap.test("P shows the processes; Enter shows one's functions, Back the processes again")
def _():
    prefork = os.path.join(targets.PROGRAMS, "prefork.py")
    command = [sys.executable, "-u", prefork, "30", "30"]
    with targets.started(command, ready="30", stdin=subprocess.PIPE) as parent:
        try:
            targets.wait_for(lambda: len(targets.children(parent.pid)) == 2, "both children")
            pid = targets.children(parent.pid)[0]
            with tmux.terminal(80, 24) as screen:
                screen.type("%s -c %d" % (proftop.PATH, parent.pid))
                screen.wait("3 processes")
                screen.keys("P")
                screen.wait("SHARE%")
                screen.wait(str(pid))
                screen.keys("Enter")
                screen.wait("process %d" % parent.pid)
                screen.keys("P")  # all of them, to choose another
                screen.wait("SHARE%")
                screen.wait(str(pid))
                screen.keys("H")
                screen.wait("SELF%")
                screen.keys("Escape")
                screen.wait("SHARE%")
        finally:
            for child in targets.children(parent.pid):
                os.kill(child, 9)


@tap.test("an exec is told, and what was seen is kept")
def _():
    script = 'i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done; exec "%s" "%s"' % (
        sys.executable,
        SPLIT_PY,
    )
    with targets.started(["sh", "-c", "echo ready; sleep 1; " + script], ready="ready") as target:
        with tmux.terminal(80, 24) as screen:
            screen.type("%s %d" % (proftop.PATH, target.pid))
            screen.wait("has executed another program")
            screen.wait("burn_sixty")
            assert "LIVE" in screen.text(), screen.text()


tap.main()
