# SPDX-License-Identifier: GPL-2.0-or-later
"""The Objects screen, and what Enter shows of a type."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import re
import time

import proftop
import tap
import targets
import tmux


@contextlib.contextmanager
def watched(columns=80, rows=24):
    command = ["/usr/bin/python3", os.path.join(targets.PROGRAMS, "leak.py"), "--per-s", "2000"]
    with targets.started(command, ready="ready") as target:
        with tmux.terminal(columns, rows) as screen:
            screen.type("%s %d" % (proftop.PATH, target.pid))
            screen.wait("[1 Hot]")
            yield screen, target


def counted_until(screen, pattern):
    """Have the objects counted again and again until the screen shows it. (By itself proftop counts
    seldom where that takes long, as under a sanitizer.)"""

    def shown():
        screen.keys("R")
        time.sleep(0.7)
        return re.search(pattern, screen.text(), re.M) and screen.text()

    return targets.wait_for(shown, pattern, 60)


@tap.test("the Objects screen: the leak first, its rate, who holds it; then closely, and compared")
def _():
    with watched() as (screen, _target):
        screen.keys("o")
        screen.wait("[7 Objects]")
        screen.wait(lambda t: re.search(r"^.*__main__.Entry", t, re.M))
        screen.keys("b")
        text = counted_until(screen, r"^ *!__main__.Entry.*entries")
        head = tmux.line_with(text, "TYPE")
        assert re.search(r"TYPE +COUNT +BYTES +SINCE FIRST +PER S\S* +HELD BY", head), head
        row = tmux.line_with(text, "__main__.Entry")
        assert re.search(r"__main__.Entry +[0-9,]+ +[0-9.]+[KM] +x [0-9.]+ +\+[12],\d{3} ", row), row
        assert re.search(r"[0-9,]+ objects [0-9.]+M( \(\S+ free\))?, \S+ ago in \S+", text), text
        assert all(len(line) <= 80 for line in text.split("\n"))
        assert re.search(r"grows [0-9,]+/s to [0-9,]+, held by .*o$", text, re.M), text

        screen.keys("/")
        screen.wait("Search:")
        screen.type("main__.Entry")
        screen.keys("Enter")
        text = screen.wait("Looks like a leak")
        for words in ("Held by", "entries", "Counted in process", "+-"):
            assert words in text, text
        screen.keys("R")  # asks again
        screen.wait(lambda t: re.search(r"as of \S+ ago", t) or "Held by" in t)
        screen.keys("Escape")
        screen.wait("[7 Objects]")

        screen.keys("R")
        screen.wait("counting")
        screen.keys("c")
        # Not what stands there while the frame is being drawn.
        text = screen.wait(
            lambda t: re.search(r"\[c Compare\](.|\n)*BEFORE +AFTER +CHANGE +BYTES(.|\n)*Entry", t) and t
        )
        assert re.search(r"\d+ types? grew", text), text
        screen.keys("q")
        screen.wait("ready>")


@tap.test("c right after b says what it waits for, and shows it when the next count is there")
def _():
    with watched(120) as (screen, _target):
        screen.keys("o")
        screen.wait("__main__.Entry")
        screen.wait(re.compile(r"next in ([89]|1\d|2\d)(\.0)?s").search, 60)
        screen.keys("b", "c")
        text = screen.wait("The objects have not been counted since the baseline yet.")
        assert "[c Compare]" in text and "by itself after the next count: " in text, text
        text = screen.wait(lambda t: "[c Compare]" in t and "__main__.Entry" in t, 60)
        assert re.search(r"BEFORE +AFTER +CHANGE +BYTES", text), text
        screen.keys("Escape")
        screen.wait("[7 Objects]")


@tap.test("a snapshot holds the objects, and opens with them")
def _():
    with watched() as (screen, target):
        screen.keys("o")
        screen.wait("__main__.Entry")
        screen.keys("S")
        screen.wait("Save as:")
        screen.keys("C-u")
        screen.type("objects.ptop")
        screen.wait("saved objects.ptop")
        screen.keys("q")
        screen.wait("ready>")
        targets.kill(target)
        screen.type("%s open objects.ptop" % proftop.PATH)
        screen.wait("FILE objects.ptop")
        screen.keys("7")
        text = screen.wait(lambda t: "[7 Objects]" in t and "__main__.Entry" in t)
        assert "next in" not in text, text
        screen.keys("R")
        screen.wait("no live target")
        screen.keys("q")
        screen.wait("ready>")


tap.main()
