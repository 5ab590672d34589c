# SPDX-License-Identifier: GPL-2.0-or-later
"""Time travel: the window on the timeline by keys, by the mouse and by jumps; what ran in a spike."""

import contextlib
import functools
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets
import tmux

WINDOW = re.compile(r"WINDOW (\d\d:\d\d:\d\d) \+(\S+)")


@contextlib.contextmanager
def bursting(*words):
    command = [sys.executable, os.path.join(targets.PROGRAMS, "burst.py"), *words]
    with targets.started(command, ready="ready") as target:
        yield target


def window_of(text):
    """When the window that is held begins, and how long it is; None if none is held."""
    found = WINDOW.search(text.split("\n")[0])
    return found and found.groups()


def seconds(window):
    """The length of a window."""
    number, unit = re.match(r"([\d.]+)(ms|s)$", window[1]).groups()
    return float(number) / (1000 if unit == "ms" else 1)


def moved(screen, before):
    return window_of(screen.wait(lambda text: window_of(text) not in (None, before)))


def press_until(screen, key, what):
    """A key again and again, as someone does who waits for something to come."""

    def pressed(text):
        if what(text):
            return True
        screen.keys(key)
        return False

    return screen.wait(pressed, 40)


@functools.lru_cache(maxsize=None)
def recorded():
    """A folder with a file of 7 seconds of the program; it goes when this program ends."""
    folder = tempfile.TemporaryDirectory(prefix="proftop-travel-")
    with bursting() as target:
        proftop.record(target.pid, os.path.join(folder.name, "burst.ptop"), 7, 100)
    return folder


@contextlib.contextmanager
def file_shown(columns=80, rows=24):
    path = os.path.join(recorded().name, "burst.ptop")
    with tmux.terminal(columns, rows) as screen:
        screen.type("%s open %s" % (proftop.PATH, path))
        screen.wait("FILE burst.ptop")
        yield screen


@tap.test("a spike is selected by a key, and c names the burst's function as the difference")
def _():
    with bursting("60", "4") as target, tmux.terminal(80, 24) as screen:
        screen.type("%s %d" % (proftop.PATH, target.pid))
        screen.wait(re.compile(r"LIVE +1\ds").search)
        press_until(screen, ",", window_of)
        text = screen.wait("c says what ran")
        # Rows of another window are others: none of them is marked as one that has moved.
        assert not re.search("^[\u2191\u2193]", text, re.MULTILINE), text
        screen.keys("9")
        screen.wait("IN WINDOW")
        if "^" not in tmux.line_with(screen.text(), "^ spikes").split("spikes")[1]:
            tap.note("a mark stands where the spike's would: " + screen.text())
        # The function of the burst, and it alone, is what there is more of.
        screen.keys("c")
        text = screen.wait(lambda text: "[c Compare]" in text and "rebuild_index" in text)
        assert "the rest" in text and "window" in text, text
        row = tmux.line_with(text, "rebuild_index")
        assert "#" in row, text
        assert text.split("\n")[7] == row, "it is not the first row: " + text
        assert "#" not in tmux.line_with(text, "steady_work"), text
        # Now goes on, and there is no spike after the newest.
        screen.keys("0")
        screen.wait(lambda text: "LIVE" in text and "No window is selected" in text)
        screen.keys("1", ".")
        screen.wait("no spike of CPU after this")


@tap.test("the window stays while the recording goes on, on every screen; 0 is now")
def _():
    with bursting() as target, tmux.terminal(80, 24) as screen:
        screen.type("%s %d" % (proftop.PATH, target.pid))
        screen.wait(lambda text: re.search(r"LIVE +[3-9](\.\d)?s", text))
        screen.keys("[")
        held = window_of(screen.wait(window_of))
        for key in "24569mwP1":
            screen.keys(key)
        screen.wait("[1 Hot]")
        tap.equal(window_of(screen.text()), held, "the window")
        screen.keys("Space")
        tap.equal(window_of(screen.text()), held, "the window of what is paused")
        screen.keys("0")
        screen.wait("LIVE")


def bracketed(text):
    """Where the window stands on the header's line of the CPU: the columns of [ and ], or None."""
    found = re.search(r"^CPU \[[^]]*\]  \S* *[^[]*(\[)[^]]+(\])", text.split("\n")[1])
    return found and (found.start(1), found.start(2))


@tap.test("the window moves along the header's line as time goes on, and it says how long ago it was")
def _():
    for columns, rows in ((80, 24), (200, 50)):
        with bursting() as target, tmux.terminal(columns, rows) as screen:
            screen.type("%s %d" % (proftop.PATH, target.pid))
            screen.wait(lambda text: re.search(r"LIVE +[3-9](\.\d)?s", text))
            screen.keys("[")
            screen.wait("0: back to now")
            first = bracketed(screen.wait(bracketed))
            line = tmux.line_with(screen.text(), "WINDOW ")
            assert re.search(r"WINDOW \d\d:\d\d:\d\d \+\S+  [\d.]+m?s ago$", line), line
            later = bracketed(screen.wait(lambda text: (bracketed(text) or first)[0] < first[0]))
            assert later[1] < first[1], (first, later)
            screen.wait(re.compile(r"  (9|1\d)(\.\d)?s ago$", re.MULTILINE).search)
            assert bracketed(screen.text()), screen.text()
            screen.keys("0")
            screen.wait("LIVE")
            tap.equal(bracketed(screen.text()), None, "a window on the header's line")


@tap.test("keys move the window and its ends")
def _():
    with file_shown() as screen:
        screen.keys("[")
        first = window_of(screen.wait(window_of))
        tap.equal(first[1], "1.0s", "the length of the first window")
        screen.keys("[", "[")
        earlier = moved(screen, first)
        assert earlier[0] <= first[0] and earlier[1] == "1.0s", (earlier, first)
        screen.keys("}")
        longer = moved(screen, earlier)
        assert longer[0] == earlier[0] and 1.2 <= seconds(longer) <= 1.3, longer
        screen.keys("{")
        longest = moved(screen, longer)
        assert 1.5 <= seconds(longest) <= 1.6, longest
        screen.keys("(", ")")
        screen.wait(lambda text: window_of(text) and 0.8 < seconds(window_of(text)) < 0.9)
        screen.keys(*["]"] * 30)
        latest = window_of(screen.text())
        screen.keys(*["["] * 60)
        screen.wait(lambda text: re.search(r" (8\d\dms|0\.9s)$", text.split("\n")[0]))
        earliest = window_of(screen.text())
        assert earliest != latest and 0.8 < seconds(earliest) < 0.9, (earliest, latest)
        screen.keys("0")
        screen.wait("FILE burst.ptop")


@tap.test("the Time screen: a cursor, a metric's chart, heat strips, and the way back")
def _():
    for columns, rows in ((80, 24), (132, 40)):
        with file_shown(columns, rows) as screen:
            screen.keys("9")
            screen.wait("AT THE END")
            screen.keys("End")
            screen.wait(lambda text: re.search(r"^ proftop CPU ", text, re.M))
            screen.keys("Home", "j", "Enter")
            screen.wait("user: CPU time in its own code, in cores")
            screen.wait(lambda text: re.search(r"mean .* in the window", text))
            screen.keys("Escape")
            screen.wait("AT THE END")
            screen.keys("Home", "[")
            screen.wait("IN WINDOW")
            screen.keys("v")
            screen.wait("by second and")
            screen.keys("v")
            text = screen.wait("by thread;")
            assert re.search(r"^ \S+ \d+ .*[\u2591-\u2593\u2588]", text, re.M), text
            screen.keys("v")
            screen.wait("OVER THE RECORDING")
            assert all(len(line) <= columns for line in screen.lines())
            screen.keys("Escape")
            screen.wait("FILE burst.ptop")
            screen.wait("[9 Time]")


@tap.test("the mouse selects a window on the chart, on a strip and on the header's line")
def _():
    with file_shown() as screen:
        screen.keys("9")
        screen.wait("AT THE END")
        screen.drag(10, 40, 10, 55)
        dragged = window_of(screen.wait(window_of))
        assert 2.5 < seconds(dragged) < 5, dragged
        screen.drag(10, 60, 10, 45)  # the other way round
        assert 2.5 < seconds(moved(screen, dragged)) < 5
        screen.click(11, 5)  # a row is a row
        screen.keys("Enter")
        screen.wait("RSS: resident memory")
        screen.keys("0", "1")
        screen.wait("FILE burst.ptop")
        screen.drag(1, 40, 2, 45)
        spark = window_of(screen.wait(window_of))
        assert 2 < seconds(spark) < 5, spark
        screen.keys("0", "9", "v")
        screen.wait("by second and 100 ms")
        screen.drag(8, 10, 10, 12)
        screen.wait(lambda text: window_of(text) and window_of(text)[1] == "2.3s")


@tap.test("an exec leaves a mark, which is jumped to")
def _():
    program = "import os; input(); os.execvp('sleep', ['sleep', '60'])"
    command = [sys.executable, "-c", program]
    with targets.started(command, stdin=subprocess.PIPE) as target:
        with tmux.terminal(100, 24) as screen:
            screen.type("%s %d" % (proftop.PATH, target.pid))
            screen.wait("LIVE")
            target.stdin.write(b"\n")
            target.stdin.flush()
            screen.wait("has executed another program")
            screen.keys("e")
            screen.wait("no alert and no mark after this")
            text = press_until(screen, "E", lambda text: re.search(r"^\S+: .*executed", text, re.M))
            assert window_of(text), text


@tap.test("a change of the sampling rate is told, and the jumps pass over it")
def _():
    with bursting() as target, tmux.terminal(120, 24) as screen:
        screen.type("%s --budget 0.01 %d" % (proftop.PATH, target.pid))
        screen.wait("LIVE")
        screen.wait(re.compile("sampling at .* Hz to keep|over the budget: ").search, 30)
        screen.keys("E")
        text = screen.wait("no alert and no mark before this")
        tap.equal(window_of(text), None, "a window")
        screen.keys("9")
        screen.wait(re.compile(r"\^ spikes .*\.").search)


@tap.test("a marked window is what another is compared with")
def _():
    with file_shown() as screen:
        screen.keys("[", "[", "[", "b")
        screen.wait("compares another window with this one")
        screen.keys("[", "[", "c")
        text = screen.wait("[c Compare]")
        head = text.split("\n")[3]
        assert "baseline" in head and "window" in head, head
        screen.keys("0", "1")
        screen.wait("FILE burst.ptop")


tap.main()
