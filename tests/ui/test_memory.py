# SPDX-License-Identifier: GPL-2.0-or-later
"""The Memory screen: words, chart, cursor and table, live and on a file, at several sizes."""

import contextlib
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets
import tmux

CLOCK = re.compile(r"\d\d:\d\d:\d\d")


@contextlib.contextmanager
def growing(place):
    command = [targets.program("grow", into=place), "4"]
    with targets.started(command, ready="ready") as target:
        yield target


@tap.test("a growing program at 80x24: its slope in words, in the header and the verdict")
def _():
    with targets.folder() as place, growing(place) as target, tmux.terminal(80, 24) as screen:
        screen.type("%s %d" % (proftop.PATH, target.pid))
        screen.wait("LIVE")
        screen.keys("m")
        screen.wait("[6 Memory]")
        screen.wait("too new for a slope")
        text = screen.wait(lambda text: re.search(r"RSS \d+M, \+[34]\.\dM/s ±\S+ for ", text))
        lines = text.split("\n")
        assert re.match(r" RSS .*, peak \d+M, baseline ", lines[6]), lines[6]
        assert re.match(r" limit \S+ \((system|cgroup)\): in ", lines[7]), lines[7]
        assert lines[8].startswith(" RSS "), lines[8]
        assert lines[13].split()[0] == "0B" and "█" in lines[13], lines[13]
        assert len(CLOCK.findall(lines[15])) == 3, lines[15]
        assert lines[16].startswith(" MEMORY"), lines[16]
        assert re.match(r" RSS +\d+M +\+[34]\.\dM/s ", lines[17]), lines[17]
        assert all(len(line) <= 80 for line in lines)
        screen.wait(lambda text: re.search(r", \+[34]\.\dM/s$", text.split("\n")[2]))
        screen.keys("PPage", "NPage")
        screen.wait(lambda text: "PSS" in text and "mappings" in text)


def check_screen(screen, chart_signs):
    """What the keys of the Memory screen do."""
    screen.wait("[6 Memory]")
    screen.keys("v")
    screen.wait("What it is made of")
    assert any(sign in screen.text() for sign in chart_signs), screen.text()
    screen.keys("[")
    first = screen.wait(lambda text: re.search(r"^ [\d:]{8}  RSS \S+  anonymous", text, re.M))
    shown = re.search(r"^ ([\d:]{8})  RSS", first, re.M).group(1)
    screen.keys(*["["] * 40)
    screen.wait(
        lambda text: re.search(r"^ [\d:]{8}  RSS", text, re.M)
        and re.search(r"^ ([\d:]{8})  RSS", text, re.M).group(1) < shown
    )
    screen.keys("]")
    screen.keys("Escape")
    screen.wait(lambda text: not re.search(r"^ [\d:]{8}  RSS", text, re.M))
    screen.wait("[6 Memory]")


@tap.test("the chart's kinds and its cursor, on a file and on two that are compared")
def _():
    with targets.folder() as place:
        file = os.path.join(place, "a.ptop")
        with growing(place) as target:
            proftop.record(target.pid, file, 10, 100)
        for columns, rows, options, signs in (
            (80, 24, "", "█▓"),
            (132, 40, "--ascii", "#="),
        ):
            with tmux.terminal(columns, rows) as screen:
                screen.type("%s open %s %s" % (proftop.PATH, options, file))
                screen.wait("FILE")
                screen.keys("6")
                check_screen(screen, signs)
                # Only those charts that have something in them.
                screen.keys("v")
                screen.wait(lambda text: re.search(r"^ PSS ", text, re.M))
                assert "swapped, [" not in screen.text(), screen.text()
                screen.keys("q")
        with tmux.terminal(80, 24) as screen:
            screen.type("%s open %s %s" % (proftop.PATH, file, file))
            screen.wait("Compare")
            screen.keys("m")
            screen.wait(lambda text: re.search(r"RSS \d+M, \+[34]\.\dM/s", text))
            screen.keys("q")


@tap.test("small terminals show what there is room for")
def _():
    with targets.folder() as place, growing(place) as target:
        with tmux.terminal(80, 24) as screen:
            screen.type("%s %d" % (proftop.PATH, target.pid))
            screen.wait("LIVE")
            screen.keys("m")
            screen.wait("[6 Memory]")
            for columns, rows in ((60, 16), (40, 10), (200, 60)):
                screen.resize(columns, rows)
                text = screen.wait(
                    lambda text, wide=columns: re.search(r"^ RSS \d", text, re.M)
                    and max(len(line) for line in text.split("\n")) <= wide
                )
                assert "RSS" in text, text
            screen.wait(lambda text: "major faults" in text)
            screen.keys("q")


tap.main()
