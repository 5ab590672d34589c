# SPDX-License-Identifier: GPL-2.0-or-later
"""The Waits screen, and what Enter shows of a lock."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import re

import proftop
import tap
import targets
import tmux

@contextlib.contextmanager
def watched(columns=80, rows=24):
    with targets.folder() as place:
        binary = targets.program("waits_chain", into=place)
        with targets.started([binary], ready="ready") as target:
            with tmux.terminal(columns, rows) as screen:
                screen.type("%s %d" % (proftop.PATH, target.pid))
                screen.wait("[1 Hot]")
                yield screen, target


@tap.test("the Waits screen: reasons, holders, idle waits last")
def _():
    with watched() as (screen, _target):
        screen.keys("4")
        # Of few samples the share is another, and names come a moment later.
        share = r"33\.\d +1/3 +futex +lock held by worker-3 +update_pool"
        text = screen.wait(
            lambda t: re.search(share, t)
            and "rebuild_cache" in t.split("WAITS FOR")[1]
            and "(idle)" in t
        )
        assert "[4 Waits]" in text, text
        head = tmux.line_with(text, "WAITS FOR")
        assert re.search(r"WAIT%\S* +THREADS +WAITS FOR +ON +NEAREST OWN FUNC", head), head
        assert re.search(
            r"33\.\d +1/3 +futex +lock held by worker-3 +update_pool", tmux.line_with(text, "worker-3")
        ), text
        assert re.search(r"1/3 +futex +lock held by worker-2 +acquire", text), text
        assert re.search(r"1/3 +read +pipe:\[\d+\] +rebuild_cache", text), text
        idle = text.index("sleep (idle)")
        assert idle > text.index("rebuild_cache", text.index("WAITS FOR")), text
        assert all(len(line) <= 80 for line in text.split("\n"))
        screen.keys("1")
        screen.wait("[1 Hot]")
        screen.keys("w")
        screen.wait("[4 Waits]")


@tap.test("a verdict leads to the Waits screen")
def _():
    with watched() as (screen, _target):
        text = screen.wait("a lock that worker-")
        line = tmux.line_with(text, "a lock that worker-")
        assert re.search(r"33% of the time 1 thread waits for a lock that worker-\d holds", line)
        assert line.rstrip().endswith("w"), line


@tap.test("Enter on a lock: its holder's stack, and the root blocker along the chain")
def _():
    with watched(100, 50) as (screen, _target):
        screen.keys("w")
        screen.wait("lock held by worker-2")
        screen.keys("/")
        screen.wait("Search:")
        screen.type("acquire")
        screen.wait("lock held by worker-2")
        screen.keys("Enter")
        screen.wait("Root blocker: worker-3")
        for words in (
            r"futex: lock 0x[0-9a-f]+ held by worker-2 \(\d+\) in acquire",
            r"Threads: worker-1 \(\d+\)",
            r"It is held by worker-2 \(\d+\), which waits for lock 0x[0-9a-f]+ held by worker-3",
            r"update_pool +waits_chain.c:\d+",
            r"That is held by worker-3 \(\d+\), which waits for pipe:\[\d+\] \(read\)",
            r"rebuild_cache +waits_chain.c:\d+",
        ):
            # (Line numbers come when they have been read.)
            screen.wait(lambda text, words=words: re.search(words, text))
        screen.keys("Escape")
        screen.wait("[4 Waits]")


tap.main()
