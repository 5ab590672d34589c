# SPDX-License-Identifier: GPL-2.0-or-later
"""The Alerts screen: the banner, the log whose rows lead to their time, the rules and how they are
changed, and a file of an alert, which opens on it."""

import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets
import tmux

PROGRAM = os.path.join(targets.PROGRAMS, "alerts.py")
RULE = "cpu: cpu_pct > 4 for 1s, clear 2 for 1s, critical 99"


def tell(process, words):
    process.stdin.write((words + "\n").encode())
    process.stdin.flush()
    assert process.stdout.readline() == b"ready\n"


@tap.test("an alert is in the header and the log; Enter leads to its time; its file opens on it")
def _():
    command = [sys.executable, "-u", PROGRAM]
    with targets.folder() as shots:
        with targets.started(command, ready="ready", stdin=subprocess.PIPE) as target:
            with tmux.terminal(120, 30) as screen:
                options = "--alert '%s' --alert-snapshots %s --alert-after 1" % (RULE, shots)
                screen.type("%s %s %d" % (proftop.PATH, options, target.pid))
                screen.wait("LIVE")
                screen.keys("a")
                screen.wait("5 rules, none stands raised")
                screen.wait("No alert was raised")
                tell(target, "burn")
                screen.wait("! CPU stands at")
                screen.wait("5 rules, 1 stands raised")
                tap.note(tmux.line_with(screen.text(), "warning"))
                screen.wait(".ptop", 20)  # its snapshot, in the row
                tell(target, "rest")
                screen.wait("cleared")
                screen.wait_gone("! CPU stands at")
                screen.keys("End", "Enter")  # the oldest: the raise
                text = screen.wait("(0: back to now): ")
                assert "alert cpu, " in text and "proftop-python3" in text, text
                assert "burn_the_spike" in text, text
                title = text.split("\n")[0]
                assert "WINDOW " in title and "+" in title, title
                screen.keys("0")
                screen.wait("LIVE")
                screen.keys("Escape")
                screen.wait("SNAPSHOT")
                screen.keys("q")
        [shot] = os.listdir(shots)
        with tmux.terminal(100, 24) as screen:
            screen.type("%s open %s" % (proftop.PATH, os.path.join(shots, shot)))
            text = screen.wait("the time of the alert that saved this file")
            title = text.split("\n")[0]
            assert "WINDOW " in title and "+" in title, title
            screen.wait("burn_the_spike")
            screen.keys("a")
            screen.wait("warning")
            screen.keys("+")
            screen.wait("v shows the rules: there + and - change a threshold")
            screen.keys("v", "Enter")
            screen.wait("a file stands still")
            screen.keys("0")
            screen.wait("FILE proftop-")
            screen.keys("q")


@tap.test("an alert's file opens on the spike alone, and c says what it was made of")
def _():
    command = [sys.executable, "-u", PROGRAM]
    with targets.folder() as shots:
        with targets.started(command, ready="ready", stdin=subprocess.PIPE) as target:
            with tmux.terminal(120, 30) as screen:
                rule = RULE.replace("clear 2 for 1s", "clear 2 for 5s")
                options = "--alert '%s' --alert-snapshots %s --alert-after 9" % (rule, shots)
                screen.type("%s -r 20 %s %d" % (proftop.PATH, options, target.pid))
                screen.wait("LIVE")
                time.sleep(12)  # the rest, with which the spike is compared
                tell(target, "burn")
                screen.wait("! CPU stands at")
                time.sleep(1)
                tell(target, "rest")
                targets.wait_for(lambda: os.listdir(shots), "the snapshot", 30)
                screen.keys("q")
        [shot] = os.listdir(shots)
        with tmux.terminal(120, 24) as screen:
            screen.type("%s open %s" % (proftop.PATH, os.path.join(shots, shot)))
            text = screen.wait("the time of the alert that saved this file")
            title = text.split("\n")[0]
            tap.note(title)
            length = float(title.split("+")[1].split("s")[0])
            assert length < 7, title  # not the seconds after it
            screen.keys("c")
            text = screen.wait("the rest")
            line = tmux.line_with(screen.wait("burn_the_spike"), "burn_the_spike")
            tap.note(line)
            assert "##" in line and "~" not in line, text
            screen.keys("q")


@tap.test("v shows the rules; Enter changes one, at once; what is wrong is said and asked again")
def _():
    command = [sys.executable, "-u", PROGRAM]
    with targets.started(command, ready="ready", stdin=subprocess.PIPE) as target:
        tell(target, "burn")
        with tmux.terminal(80, 24) as screen:
            screen.type("%s %d" % (proftop.PATH, target.pid))
            screen.wait("LIVE")
            screen.keys("a", "v")
            screen.wait("RAISED AT")
            text = screen.wait(
                lambda text: any("cpu_pct" in line and "fine" in line for line in text.split("\n"))
            )
            line = tmux.line_with(text, "cpu_pct")
            for word in ("cpu ", "> 80.0% for 3s", "75.0%", "95.0%", "fine"):
                assert word in line, line
            assert "none yet" in tmux.line_with(text, "p95_s"), text
            screen.keys("+", "+")
            screen.wait("cpu: raised at 90.0%, clears at 85.0%, until proftop ends")
            assert "> 90.0% for 3s" in tmux.line_with(screen.text(), "cpu_pct"), screen.text()
            screen.keys("-", "-", "-")
            screen.wait("> 75.0% for 3s")
            assert "70.0%" in tmux.line_with(screen.text(), "> 75.0%"), screen.text()
            screen.keys("=")
            screen.wait("> 80.0% for 3s")
            screen.keys("Enter")
            screen.wait("Rule cpu: cpu_pct > 80 for 3s, clear 75, critical 95: banner")
            screen.keys("C-u")
            screen.type("cpu_pct > 3 for 0s critical banana")
            screen.wait('comes a figure of cpu_pct, not "banana"')
            screen.wait("Rule cpu: cpu_pct > 3 for 0s critical banana")
            screen.keys("C-w")
            assert not screen.has_rung()
            screen.type("99: banner bell")
            screen.wait("! CPU stands at")
            screen.wait("> 3.0% for 0s")
            assert "warning" in tmux.line_with(screen.text(), "cpu_pct"), screen.text()
            targets.wait_for(screen.has_rung, "the bell")
            screen.keys("v")
            screen.wait("SEVERITY")
            screen.keys("v", "Enter", "C-u")
            screen.type("off")
            screen.wait("4 rules, none stands raised")
            screen.wait_gone("! CPU stands at")
            screen.keys("q")


tap.main()
