# SPDX-License-Identifier: GPL-2.0-or-later
"""The screens on a live process: what they show, and what every key of the help does."""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import glob

import proftop
import tap
import targets
import tmux

PROGRAM = """
import threading, time

def slow_sum(n):
    total = 0
    for i in range(n):
        total += i * i
    return total

def quick_sum(n):
    return sum(range(n))

def work():
    while True:
        slow_sum(60000)
        quick_sum(60000)

def nap():
    while True:
        time.sleep(0.2)

threading.Thread(target=nap, name="napper", daemon=True).start()
work()
"""


@contextlib.contextmanager
def watched(columns=80, rows=24, options="", **environment):
    """A screen on which proftop shows a Python process, and that process."""
    with targets.folder() as place:
        path = os.path.join(place, "shopping.py")
        with open(path, "w") as f:
            f.write(PROGRAM)
        with targets.started([sys.executable, path]) as target:
            with tmux.terminal(columns, rows, **environment) as screen:
                screen.type("%s %s %d" % (proftop.PATH, options, target.pid))
                screen.wait("slow_sum")
                yield screen, target


def row_of(screen, word):
    return next((i for i, line in enumerate(screen.lines()) if word in line), None)


@tap.test("the first screen at 80x24")
def _():
    with watched() as (screen, target):
        lines = screen.lines()
        assert re.match(r"proftop  shopping.py  %d  python 3\.\S+" % target.pid, lines[0]), lines[0]
        assert re.search(r"LIVE +\S+s$", lines[0]), lines[0]
        assert lines[1].startswith("CPU [") and lines[2].startswith("MEM ["), lines[1:3]
        assert lines[5].startswith("[1 Hot]2 Lines 3 Tree"), lines[5]
        assert re.match(r" +SELF%. +TOTAL% +CPU% +WAIT%  FUNCTION +FILE:LINE", lines[6]), lines[6]
        screen.wait(lambda text: "shopping.py:" in text.split("\n")[7])
        assert re.search(r"samples  \d+ lost", lines[22]), lines[22]
        assert lines[23].startswith("F1Help F2Setup F3Search"), lines[23]
        assert all(len(line) <= 80 for line in lines)


@tap.test("the header's columns stay where they are")
def _():
    with watched() as (screen, _target):
        screen.wait(lambda text: "cores" in text or " core," in text)
        first = screen.lines()
        screen.wait(lambda text: text.split("\n")[0] != first[0])
        second = screen.lines()
        for at in (1, 2):
            tap.equal(second[at].index("]"), first[at].index("]"), "end of a meter")
        tap.equal(second[6], first[6], "the table's head")


@tap.test("digits, letters and Tab change screens")
def _():
    with watched() as (screen, _target):
        for key, word in (
            ("2", "[2 Lines]"),
            ("3", "[3 Tree]"),
            ("4", "[4 Waits]"),
            ("5", "[5 Threads]"),
            ("9", "[9 Time]"),
            ("1", "[1 Hot]"),
            ("l", "[2 Lines]"),
            ("t", "[3 Tree]"),
            ("w", "[4 Waits]"),
            ("d", "[5 Threads]"),
            ("i", "[9 Time]"),
            ("a", "[a Alerts]"),
            ("H", "[1 Hot]"),
            ("Tab", "[2 Lines]"),
            ("BTab", "[1 Hot]"),
            ("F5", "[3 Tree]"),
        ):
            screen.keys(key)
            screen.wait(word)


@tap.test("help names every key, and scrolls")
def _():
    with watched(80, 110) as (screen, _target):
        for key in ("F1", "h", "?"):
            screen.keys(key)
            screen.wait("[h Help]")
            for words in ("Space p", "side by side", "F7 W", "C  ", "What the figures mean"):
                screen.wait(words)
            lines = screen.text().split("\n")[6:100]
            tap.equal([line for line in lines if "\u2026" in line], [], "lines that are cut")
            screen.keys("Escape")
            screen.wait("[1 Hot]")
        screen.resize(80, 24)
        screen.keys("h")
        screen.wait("1-16 of")
        screen.keys("End")
        screen.wait("All are estimates from samples")


@tap.test("Esc leads out of the help, and then out of the alerts that it was opened from")
def _():
    with watched(80, 24) as (screen, _target):
        for key, words in (("a", "[a Alerts]"), ("h", "[h Help]"), ("Escape", "[a Alerts]")):
            screen.keys(key)
            screen.wait(words)
        screen.keys("Escape")
        screen.wait("[1 Hot]")


@tap.test("Enter opens a function, Esc goes back")
def _():
    with watched() as (screen, _target):
        screen.keys("/")
        screen.wait("Search:")
        screen.type("slow_sum")
        screen.keys("Enter")
        text = screen.wait("CALLED BY")
        assert "SOURCE" in text and "work" in text, text
        screen.wait("total += i * i")
        screen.keys("Escape")
        screen.wait("[1 Hot]")


@tap.test("Enter on a thread shows its functions alone")
def _():
    with watched() as (screen, target):
        screen.keys("5")
        screen.wait("[5 Threads]")
        screen.keys("Home", "Enter")
        screen.wait(lambda text: "thread " in text and "[1 Hot]" in text)
        screen.keys("Escape")
        screen.wait("[5 Threads]")


@tap.test("Esc leads back the way one came, from wherever, and sticks nowhere")
def _():
    tabs = {
        "5": "[5 Threads]",
        "4": "[4 Waits]",
        "c": "[c Compare]",
        "a": "[a Alerts]",
        "P": "[P Processes]",
        "F2": "[u Settings]",
        "F1": "[h Help]",
    }
    ways = [["5", key, "F1"] for key in ("c", "a", "P", "F2")]
    ways += [["5", "F2", "a", "F1"], ["5", "a", "F2", "F1"], ["4", "c", "5", "a", "P"]]
    with watched(140, 30) as (screen, _target):
        screen.keys("b")  # so that c compares, and does not ask
        for way in ways:
            for key in way:
                screen.keys(key)
                screen.wait(tabs[key])
            for key in reversed(way[:-1]):
                screen.keys("Escape")
                screen.wait(tabs[key])
            screen.keys("Escape")
            screen.wait("[1 Hot]")
        screen.keys("Escape", "Escape", "F1")
        screen.wait("[h Help]")
        screen.keys("a", "Escape")  # the help is not on the way back
        screen.wait("[1 Hot]")


@tap.test("search, next, and its absence")
def _():
    with watched() as (screen, _target):
        screen.keys("/")
        screen.wait("Search:")
        screen.type("no_such_name")
        screen.wait("no row here contains")
        screen.keys("n")
        screen.keys("/")
        screen.wait("Search:")
        screen.type("quickX", enter=False)
        screen.keys("BSpace")
        screen.wait("Search: quick")
        screen.keys("C-u")
        screen.wait_gone("quick_sum_")
        screen.keys("Escape")
        screen.wait("F10Quit")


@tap.test("text that only scrolls is searched too, and the metrics by their names")
def _():
    with watched() as (screen, _target):
        for key, there, word, line in (
            ("h", "[h Help]", "ten seconds later", "ten seconds later; enlarged is what"),
            ("9", "[9 Time]", "descriptors", " descriptors "),
        ):
            screen.keys(key)
            screen.wait(there)
            assert line not in screen.text(), screen.text()
            screen.keys("/")
            screen.wait("Search:")
            screen.type(word)
            screen.wait(line)
        screen.keys("1", "Enter", "n")
        screen.wait('no row here contains "descriptors"')


@tap.test("what a key was answered is gone with the next key")
def _():
    with watched() as (screen, _target):
        for keys, answer in (
            (["n"], "nothing to search for"),
            (["f", "I"], "there are no columns to sort by here"),
            (["h", ">"], "there are no columns to sort by here"),
            (["1", "|"], "that is for the comparison (c)"),
        ):
            screen.keys(*keys)
            screen.wait(answer)
            screen.keys("Down")
            screen.wait_gone(answer, 3)


@tap.test("the filter narrows the rows and comes off")
def _():
    with watched() as (screen, _target):
        screen.keys("\\")
        screen.wait("Filter:")
        screen.type("quick_sum")
        screen.wait("filter quick_sum")
        screen.wait_gone("slow_sum")
        screen.keys("Escape")
        screen.wait("slow_sum")


@tap.test("pause freezes the picture while recording goes on")
def _():
    with watched() as (screen, _target):
        for key in ("Space", "p"):
            screen.keys(key)
            before = screen.wait("PAUSED").split("\n")
            screen.keys("2", "1")
            after = screen.wait("[1 Hot]").split("\n")
            tap.equal(after[0], before[0], "the first line")
            tap.equal(after[7:12], before[7:12], "the rows")
            screen.keys(key)
            screen.wait("LIVE")


@tap.test("sort by another column, and the other way round")
def _():
    with watched() as (screen, _target):
        screen.wait("SELF%\u25be")
        screen.keys(">")
        screen.wait("TOTAL%\u25be")
        screen.keys("<")
        screen.wait("SELF%\u25be")
        screen.keys("F6")
        screen.wait("TOTAL%\u25be")
        screen.keys("I")
        screen.wait("TOTAL%\u25b4")


@tap.test("the tree folds and unfolds")
def _():
    with watched() as (screen, _target):
        screen.keys("3")
        screen.wait("[3 Tree]")
        screen.wait("- work")
        screen.keys("/")
        screen.type("work")
        screen.keys("-")
        screen.wait("+ work")
        screen.wait(lambda text: "slow_sum" not in "\n".join(text.split("\n")[7:22]))
        screen.keys("+")
        screen.wait("- work")


@tap.test("the window: its length, its start, and back to all")
def _():
    with watched() as (screen, _target):
        screen.keys("F7")
        screen.wait("LIVE last 10s")
        screen.keys("W")
        screen.wait("LIVE last 1m")
        screen.keys("0")
        screen.wait_gone("last 1m ")
        screen.keys("r")
        screen.wait("since")
        screen.keys("0")
        screen.wait(lambda text: "since" not in text.split("\n")[0])


@tap.test("a snapshot, and the comparison with it")
def _():
    with watched() as (screen, target):
        screen.keys("s")
        screen.wait("saved proftop-")
        found = glob.glob(os.path.join(screen.folder, "proftop-*-%d-*.ptop" % target.pid))
        tap.equal(len(found), 1, "files")
        screen.keys("c")
        screen.wait("[c Compare]")
        screen.wait("BEFORE%")
        screen.keys("|")
        screen.wait("\u2502")
        screen.keys("Escape")
        screen.wait("[1 Hot]")


@tap.test("a snapshot under a name, and a name that cannot be")
def _():
    with watched() as (screen, _target):
        screen.keys("S")
        screen.wait("Save as: proftop-")
        screen.keys("C-u")
        screen.type("mine.ptop")
        screen.wait("saved mine.ptop")
        assert os.path.exists(os.path.join(screen.folder, "mine.ptop"))
        screen.keys("S")
        screen.keys("C-u")
        screen.type("/no/such/folder/x.ptop")
        screen.wait("/no/such/folder")
        screen.wait("LIVE")


@tap.test("the baseline divides before and after")
def _():
    with watched() as (screen, _target):
        screen.keys("b")
        screen.wait("baseline marked")
        screen.keys("c")
        screen.wait("baseline")
        screen.wait("BEFORE%")
        screen.wait("slow_sum")


@tap.test("a file that is none is told in one line")
def _():
    with watched() as (screen, _target):
        screen.keys("c")
        screen.wait("Compare with file:")
        screen.type("/no/such/file.ptop")
        screen.wait("/no/such/file.ptop")
        screen.wait("[1 Hot]")


@tap.test("the mouse selects rows, columns, tabs and the function bar")
def _():
    with watched() as (screen, _target):
        screen.click(5, 9)
        screen.wait("[2 Lines]")
        screen.click(5, 2)
        screen.wait("[1 Hot]")
        screen.click(6, 12)
        screen.wait("TOTAL%\u25be")
        screen.click(23, 3)
        screen.wait("[h Help]")
        # A verdict leads to its proof.
        screen.wait(lambda text: re.match("! .*  [A-Za-z]$", text.split("\n")[3]))
        screen.click(3, 9)
        screen.wait(re.compile(r"\[(1 Hot|4 Waits|5 Threads|6 Memory|9 Time)\]").search)


@tap.test("200x50 has a detail of the selected function")
def _():
    with watched(200, 50) as (screen, _target):
        text = screen.wait("CALLED BY")
        assert "MODULE" in text and "SAMPLES" in text, text
        assert all(len(line) <= 200 for line in text.split("\n"))


@tap.test("no colour, and ASCII")
def _():
    with watched(options="--no-color --ascii") as (screen, _target):
        text = screen.wait("SELF%v")
        assert all(ord(c) < 128 for c in text), [c for c in text if ord(c) > 127]
        assert not re.search("\033\\[[0-9;]*(3[0-7]|4[0-7]|38;|48;)", screen.styled())
    with watched(NO_COLOR="1") as (screen, _target):
        assert not re.search("\033\\[[0-9;]*(3[0-7]|4[0-7]|38;|48;)", screen.styled())
    with watched(LC_ALL="C") as (screen, _target):
        assert all(ord(c) < 128 for c in screen.text())


@tap.test("terminals of other kinds")
def _():
    for kind in ("xterm", "xterm-256color", "linux", "vt100", "screen", "tmux-256color"):
        with tmux.terminal(TERM=kind) as probe:
            probe.type("tput cup 1 1 >/dev/null && echo known-$?")
            known = probe.wait(lambda text: "known-0" in text or "unknown" in text)
        if "known-0" not in known:
            continue
        with watched(TERM=kind) as (screen, _target):
            screen.wait("F10Quit")
            screen.keys("q")
            screen.wait_shell()


@tap.test("the picker lists processes, finds one and watches it")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "picked_shop.py")
        with open(path, "w") as f:
            f.write(PROGRAM)
        with targets.started([sys.executable, path]) as target, tmux.terminal() as screen:
            screen.type(proftop.PATH)
            screen.wait("which process?")
            screen.keys("/")
            screen.wait("Find:")
            screen.type("picked_shop")
            screen.wait(str(target.pid))
            screen.keys("Enter")
            screen.wait("slow_sum")
            screen.keys("q")
            screen.wait_shell()


@tap.test("the target's end is said, and the screen stays")
def _():
    with watched() as (screen, target):
        target.kill()
        target.wait()
        screen.wait("ENDED")
        assert "slow_sum" in screen.text()
        screen.keys("2")
        screen.wait("[2 Lines]")
        # A window that starts now would stay empty for good.
        screen.keys("r")
        screen.wait("the target has ended: nothing comes after that")
        screen.keys("1")
        screen.wait("slow_sum")


@tap.test("two files open on the comparison")
def _():
    with watched() as (screen, _target):
        for name in ("one.ptop", "two.ptop"):
            screen.keys("S", "C-u")
            screen.type(name)
            screen.wait("saved " + name)
        screen.keys("q")
        screen.wait_shell()
        screen.type("clear; %s open one.ptop two.ptop" % proftop.PATH)
        text = screen.wait("[c Compare]")
        assert "one.ptop" in text and "two.ptop" in text, text
        screen.keys("1")
        screen.wait("FILE two.ptop")


tap.main()
