# SPDX-License-Identifier: GPL-2.0-or-later
"""The flame graph and the tree about one function, on a process whose split is known."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib

import proftop
import tap
import targets
import tmux

# One thread: three quarters of its time below `heavy`, one quarter below `light`, by the clock of
# its own CPU time; another that waits for a pipe that nobody writes.
PROGRAM = """
import os, threading, time

def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

def heavy():
    spin(0.03)

def light():
    spin(0.01)

def deep(n):
    if n:
        deep(n - 1)
    else:
        spin(0.02)

def work():
    while True:
        heavy()
        light()
        while os.path.exists(GO_DEEP):
            deep(60)

def listen():
    os.read(os.pipe()[0], 1)

threading.Thread(target=listen, daemon=True).start()
spin(0.01)
print("ready", flush=True)
work()
"""


@contextlib.contextmanager
def burning(place, go_deep):
    path = os.path.join(place, "burner.py")
    with open(path, "w") as f:
        f.write("GO_DEEP = %r\n" % go_deep + PROGRAM)
    with targets.started([sys.executable, path], ready="ready") as target:
        yield target


@contextlib.contextmanager
def recorded():
    """A recording of the process."""
    with targets.folder() as place:
        file = os.path.join(place, "one.ptop")
        with burning(place, "/nonexistent") as target:
            proftop.record(target.pid, file, 2, 200)
        yield file


@contextlib.contextmanager
def watched(columns=80, rows=24, options="", key="f", **environment):
    """A screen on the process, that process, and the file that makes it go deep."""
    with targets.folder() as place:
        go_deep = os.path.join(place, "go-deep")
        with burning(place, go_deep) as target:
            with tmux.terminal(columns, rows, **environment) as screen:
                screen.type("%s %s %d" % (proftop.PATH, options, target.pid))
                screen.wait("spin")
                # Until the shares have settled.
                screen.wait(lambda text: samples(text) > 400)
                if key:
                    screen.keys(key)
                    screen.wait("[f Flame]" if key == "f" else "spin")
                yield screen, target, go_deep


def samples(text):
    found = re.search(r"([\d,]+) samples", text)
    return int(found.group(1).replace(",", "")) if found else 0


def boxes(text):
    """The lines of boxes: between the legend and the three lines at the bottom."""
    lines = text.rstrip("\n").split("\n")
    return lines[7:-5]


def box_row(text, name):
    """The number on the screen of the first line of boxes with this name."""
    for i, line in enumerate(text.split("\n")[7:], 7):
        if name in line:
            return i
    return None


def selected(text):
    """The name of the box that the lines below describe."""
    words = text.rstrip("\n").split("\n")[-5].split()
    return words[0] if words else ""


def figure(text, word):
    found = re.search(word + r" (\d+\.\d)%", text)
    return float(found.group(1)) if found else None


def select(screen, name):
    """Search, and wait until such a box is selected."""
    screen.keys("/")
    screen.wait("Search:")
    screen.type(name)
    screen.wait(lambda text: selected(text) == name)


@tap.test("the boxes are there, as wide as their time")
def _():
    with watched(options="--no-color") as (screen, _target, _go):
        text = screen.wait("[f Flame]")
        screen.keys("Home")
        text = screen.wait(lambda text: selected(text) == "all")
        for name in ("all", "<module>", "work", "heavy", "light", "spin"):
            assert box_row(text, name) is not None, text
        row = boxes(text)[box_row(text, "heavy") - 7]
        heavy = re.search(r"\|\W?heavy[^|]*", row).group(0)
        light = re.search(r"\|\W?light[^|]*", row).group(0)
        assert row.index("heavy") < row.index("light"), row
        both = len(heavy) + len(light)
        tap.near(len(heavy) / both, 0.75, 0.08, "heavy's part of the row")
        select(screen, "heavy")
        share = figure(screen.text(), "total")
        select(screen, "light")
        other = figure(screen.text(), "total")
        tap.near(share / (share + other), 0.75, 0.08, "heavy's share")
        assert "burner.py:" in screen.text()


@tap.test("zoom gives a box the full width, Esc the whole again")
def _():
    with watched(options="--no-color") as (screen, _target, _go):
        select(screen, "light")
        screen.keys("Enter")
        text = screen.wait("zoomed: ")
        row = boxes(text)[box_row(text, "light") - 7]
        assert row.startswith("|\u25b8*light") and row.count("|") == 1, row
        assert "heavy" not in "\n".join(boxes(text)), text
        # It stays zoomed into, and selected, while the figures go on.
        before = samples(text)
        text = screen.wait(lambda text: samples(text) > before + 200)
        assert "zoomed: " in text and selected(text) == "light", text
        # Its caller is above it, and leads out to it.
        screen.keys("Up")
        screen.wait(lambda text: selected(text) == "work")
        screen.keys("Enter")
        screen.wait(lambda text: "heavy" in "\n".join(boxes(text)))
        screen.keys("Escape")
        screen.wait_gone("zoomed: ")
        # On the zoomed box Enter opens the function, and Esc leads back.
        select(screen, "heavy")
        screen.keys("Enter", "Enter")
        screen.wait("CALLED BY")
        screen.keys("Escape")
        screen.wait("zoomed: ")
        screen.keys("BSpace")
        screen.wait_gone("zoomed: ")
        screen.keys("+")
        screen.wait("zoomed: ")
        screen.keys("-")
        screen.wait_gone("zoomed: ")


@tap.test("arrows move to the caller, the widest callee and beside")
def _():
    with watched() as (screen, _target, _go):
        select(screen, "work")
        for key, name in (
            ("Down", "heavy"),
            ("Right", "light"),
            ("Left", "heavy"),
            ("Down", "spin"),
            ("Up", "heavy"),
            ("Up", "work"),
            ("End", "spin"),
            ("Home", "all"),
            ("j", None),
            ("k", "all"),
        ):
            screen.keys(key)
            screen.wait(
                lambda text, name=name: selected(text) == name
                or (name is None and selected(text) != "all")
            )


@tap.test("search marks the boxes and says their share")
def _():
    with watched(options="--no-color --ascii") as (screen, _target, _go):
        select(screen, "spin")
        text = screen.wait(re.compile(r'\* "spin": \d+\.\d% of the time, in \d+ places').search)
        assert "*spin" in text and "*heavy" not in text, text
        # spin is all that runs; listen waits.
        share = float(re.search(r'"spin": (\d+\.\d)%', text).group(1))
        screen.keys("n", "N")
        screen.wait(lambda text: selected(text) == "spin")
        screen.keys("/")
        screen.wait("Search:")
        screen.type("no_such_name")
        screen.wait("no box here contains")
        screen.keys("Escape")
        screen.wait_gone('"no_such_name": ')
        assert 20 < share <= 100, share


@tap.test("colours by self time, wait and language; signs where there are none")
def _():
    with watched(options="--no-color --ascii") as (screen, _target, _go):
        text = screen.wait(": self time")
        assert all(ord(c) < 128 for c in text), [c for c in text if ord(c) > 127]
        assert re.search(r"spin #+", text), text
        screen.keys("v")
        text = screen.wait("# on the CPU  + both  - waiting")
        assert re.search(r"\|\W?\W?listen -+", text), text
        # heavy waits for nothing but a CPU, as much as this machine has it wait.
        select(screen, "heavy")

        def sign_agrees(text):
            waiting = figure(text, "waiting")
            sign = "#" if waiting < 25 else "+" if waiting <= 75 else "-"
            return "|>*heavy %s%s" % (sign, sign) in text

        screen.wait(sign_agrees)
        screen.keys("v")
        text = screen.wait(": language")
        assert re.search(r"heavy p+", text), text
        screen.keys("v")
        screen.wait(": self time")
    with watched() as (screen, _target, _go):
        screen.wait(": self time")
        assert re.search("\033\\[[0-9;]*48;5;160", screen.styled()), "no box is hot"
        screen.keys("v", "Home")
        screen.wait(lambda text: ": wait" in text and selected(text) == "all")
        lines = screen.styled().split("\n")[7:]
        styled = next(line for line in lines if "listen" in line)
        assert re.search("\033\\[[0-9;]*48;5;25m[^\033]*listen", styled), styled


@tap.test("a click selects, a second one zooms")
def _():
    with watched() as (screen, _target, _go):
        screen.keys("Home")
        text = screen.wait(lambda text: selected(text) == "all")
        row = box_row(text, "light")
        column = text.split("\n")[row].index("light")
        screen.click(row, column)
        screen.wait(lambda text: selected(text) == "light")
        screen.click(row, column)
        screen.wait("zoomed: ")


@tap.test("deep stacks scroll")
def _():
    with watched() as (screen, _target, go_deep):
        open(go_deep, "w").close()
        screen.keys("0", "r")
        screen.wait(lambda text: re.search(r"of (6\d|7\d)$", text.split("\n")[5]) is not None)
        select(screen, "deep")
        screen.keys("End")
        text = screen.wait(lambda text: selected(text) == "spin")
        assert "all" not in boxes(text)[0], text
        screen.keys("Home")
        screen.wait(lambda text: boxes(text)[0].lstrip("\u25b8") == "all")


@tap.test("sizes: 200x50, 40x10, and between while it is shown")
def _():
    with watched(200, 50) as (screen, _target, _go):
        text = screen.wait("[f Flame]")
        assert "burner.py:" in text and all(len(line) <= 200 for line in text.split("\n"))
        for columns, rows in ((40, 10), (80, 24), (61, 13), (200, 50)):
            screen.resize(columns, rows)
            screen.keys("Home")
            text = screen.wait(lambda text: "F1" in text.rstrip("\n").split("\n")[-1])
            screen.wait(lambda text, w=columns: max(map(len, text.split("\n"))) <= w)
            screen.wait("all")


@tap.test("on a file as on a live process")
def _():
    with recorded() as file:
        with tmux.terminal() as screen:
            screen.type("%s open %s" % (proftop.PATH, file))
            screen.wait("FILE one.ptop")
            screen.keys("f")
            screen.wait("[f Flame]")
            select(screen, "heavy")
            total = figure(screen.text(), "total")
            screen.keys("Enter")
            screen.wait("zoomed: %.1f%% of all" % total)
            shown = proftop.report(file, "functions")
            row = proftop.rows_by_name(shown)["heavy"]
            tap.near(total, row["total_pct"], 0.06, "heavy's total, as the report has it")


@tap.test("v: the callers of a function, what it calls, and back")
def _():
    with watched(key=None) as (screen, _target, _go):
        screen.keys("/")
        screen.wait("Search:")
        screen.type("spin")
        screen.keys("v")
        text = screen.wait("callers of spin up")
        assert "[3 Tree]" in text, text
        lines = [line for line in text.split("\n") if re.match(r" +\d+\.\d +\d+\.\d  ", line)]
        names = [re.sub(r"^[ \d.]+-? *", "", line).split()[0] for line in lines]
        tap.equal(names[:4], ["spin", "heavy", "work", "<module>"], "upwards")
        assert "light" in names, names
        totals = [float(line.split()[0]) for line in lines]
        tap.near(totals[names.index("heavy")] / totals[0], 0.75, 0.08, "the share by heavy")
        screen.keys("v")
        screen.wait("what spin calls")
        screen.wait_gone("heavy")
        screen.keys("v")
        screen.wait("calls from main down")
        screen.keys("1")
        screen.wait("[1 Hot]")
        screen.keys("Enter")
        screen.wait("CALLED BY")
        screen.keys("v")
        screen.wait("callers of spin up")
        screen.keys("Escape")
        screen.wait("CALLED BY")
        screen.keys("Escape")
        screen.wait("[1 Hot]")


@tap.test("report: the tree about one function")
def _():
    with recorded() as file:
        flat = proftop.rows_by_name(proftop.report(file, "functions"))
        up = proftop.report(file, "tree", "--root", "spin", "--callers")["rows"]
        tap.equal(up[0]["name"], "spin")
        tap.near(up[0]["total_pct"], flat["spin"]["total_pct"], 0.001, "spin's total")
        callers = {row["name"]: row["total_pct"] for row in up if row["depth"] == 1}
        tap.equal(set(callers), {"heavy", "light"})
        tap.near(sum(callers.values()), up[0]["total_pct"], 0.001, "its callers' sum")
        down = proftop.report(file, "tree", "--root", "heavy")["rows"]
        tap.equal([row["name"] for row in down[:2]], ["heavy", "spin"])
        proftop.fails(["report", file, "--view", "tree", "--root", "nobody"], "nobody")
        proftop.fails(["report", file, "--root", "spin"], "--view tree", status=2)
        proftop.fails(["report", file, "--view", "tree", "--callers"], "--root", status=2)


tap.main()
