# SPDX-License-Identifier: GPL-2.0-or-later
"""The terminal is always given back, whatever ends proftop; and sizes of all kinds."""

import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib

import proftop
import tap
import targets
import tmux

PROGRAM = """
def spin():
    n = 0
    while True:
        n += 1

spin()
"""


@contextlib.contextmanager
def watched(columns=80, rows=24, **environment):
    with targets.started([sys.executable, "-c", PROGRAM]) as target:
        with tmux.terminal(columns, rows, **environment) as screen:
            screen.type("%s %d" % (proftop.PATH, target.pid))
            screen.wait("spin")
            yield screen, target


def pid_of_proftop(target):
    """The one that shows this target, not its guard (which has another name)."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                words = f.read().split(b"\0")
            with open("/proc/%s/comm" % pid) as f:
                comm = f.read().strip()
        except OSError:
            continue
        if words[:2] == [proftop.PATH.encode(), b"%d" % target.pid] and comm != "proftop-guard":
            return int(pid)
    raise AssertionError("proftop is not there")


@tap.test("q, F10 and Ctrl-C give the terminal back")
def _():
    for key in ("q", "F10", "C-c", "C-\\"):
        with watched() as (screen, target):
            screen.keys(key)
            screen.wait_shell()
            assert target.poll() is None


def ended_by(number):
    with watched() as (screen, target):
        os.kill(pid_of_proftop(target), number)
        if number == signal.SIGKILL:
            # The shell may print its prompt before the guard leaves the alternate screen, and the
            # prompt goes with it: as anybody would, ask for another.
            screen.wait_gone("F10Quit")
            screen.keys("Enter")
        screen.wait_shell()
        # The alternate screen is left: what was typed first is there again. (The line after it may
        # be under what a sanitizer says of the crash.)
        targets.wait_for(lambda: "PS1=" in screen.history(), "the screen from before")
        assert target.poll() is None, "the target was harmed"
        state = open("/proc/%d/stat" % target.pid).read().rsplit(")", 1)[1].split()[0]
        assert state in "RS", "the target is left in state %s" % state


for number in ("TERM", "HUP", "QUIT", "SEGV", "BUS", "ABRT", "FPE", "KILL"):
    tap.test("SIG%s gives the terminal back" % number, getattr(signal, "SIG" + number))(ended_by)


@tap.test("Ctrl-Z suspends and fg comes back")
def _():
    with watched() as (screen, _target):
        screen.keys("C-z")
        screen.wait("Stopped")
        screen.type("stty -a")
        assert " icanon" in screen.wait("icanon")
        screen.type("fg")
        screen.wait("F10Quit")
        screen.wait("LIVE")
        screen.keys("2")
        screen.wait("[2 Lines]")
        screen.keys("q")
        screen.wait_shell()


@tap.test("resizing, also to almost nothing")
def _():
    with watched() as (screen, _target):
        for columns, rows in ((120, 40), (60, 15), (200, 50), (79, 23), (41, 11)):
            screen.resize(columns, rows)
            screen.wait(
                lambda text: len([line for line in text.split("\n") if line]) > 5
                and text.split("\n")[rows - 1].startswith("F1Help")
            )
        for columns, rows in ((39, 10), (20, 5), (3, 2), (80, 9)):
            screen.resize(columns, rows)
            screen.wait(lambda text: "F1" not in text)
        screen.wait("terminal too small (80x9), needs 80x24")
        screen.resize(80, 24)
        screen.wait("[1 Hot]")
        screen.keys("q")
        screen.wait_shell()


@tap.test("a terminal that cannot, and none at all, get one line")
def _():
    with targets.started([sys.executable, "-c", PROGRAM]) as target:
        with tmux.terminal(TERM="dumb") as screen:
            screen.type("%s %d; echo status=$?" % (proftop.PATH, target.pid))
            text = screen.wait("status=1")
            assert "cannot place its cursor" in text.replace("\n", " "), text
        done = subprocess.run(
            [proftop.PATH, str(target.pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=20,
            check=False,
        )
        tap.equal(done.returncode, 1, "exit status")
        assert b"terminal" in done.stderr and done.stderr.count(b"\n") == 1, done.stderr
        tap.equal(done.stdout, b"", "stdout")


@tap.test("the terminal goes away: proftop leaves")
def _():
    with targets.started([sys.executable, "-c", PROGRAM]) as target:
        with tmux.terminal() as screen:
            screen.type("%s %d" % (proftop.PATH, target.pid))
            screen.wait("spin")
            pid = pid_of_proftop(target)
        targets.wait_for(lambda: not os.path.exists("/proc/%d" % pid), "proftop's end")
        assert target.poll() is None


tap.main()
