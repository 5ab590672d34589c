# SPDX-License-Identifier: GPL-2.0-or-later
"""The Settings screen: what it shows, what its keys do at once, what it writes."""

import contextlib
import os
import re
import stat
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets
import tmux


def user_file(screen):
    return os.path.join(screen.folder, ".config", "proftop", "proftoprc")


def write(screen, text):
    os.makedirs(os.path.dirname(user_file(screen)))
    with open(user_file(screen), "w", encoding="utf-8") as file:
        file.write(text)


def read(screen):
    with open(user_file(screen), encoding="utf-8") as file:
        return file.read()


def row(text, key):
    """(value, where it is from) in a setting's row; None if it is not in sight."""
    found = re.search(r"^ %s +(\S.*?)  +(\S.*)$" % re.escape(key), text, re.MULTILINE)
    return found and found.groups()


def wait_row(screen, key, *expected):
    screen.wait(lambda text: row(text, key) == expected)


def select(screen, key):
    """Moves down until the lines under the list are about it."""
    for _ in range(60):
        if re.search(r"^ %s: " % re.escape(key), screen.text(), re.MULTILINE):
            return
        before = screen.text()
        screen.keys("j")
        screen.wait(lambda text: text != before)
    raise AssertionError("%s cannot be selected" % key)


@contextlib.contextmanager
def shown(settings=None, columns=80, rows=24, options=""):
    with targets.started(["sleep", "60"]) as target, tmux.terminal(columns, rows) as screen:
        if settings is not None:
            write(screen, settings)
        screen.type("%s %s %d" % (proftop.PATH, options, target.pid))
        screen.wait("LIVE")
        yield screen


@tap.test("F2: values, where they are from, what the selected one is for; Esc goes back")
def _():
    with shown("rate = 50\n[alerts]\nslow = p95_s > 1\n", options="--budget 2") as screen:
        screen.keys("F2")
        text = screen.wait("[u Settings]")
        value, where = row(text, "rate")
        tap.equal(value, "50", "rate")
        tap.equal(where, "~/.config/proftop/proftoprc:1", "where rate is from")
        tap.equal(row(text, "budget"), ("2", "command line"), "budget")
        tap.equal(row(text, "engine"), ("auto", "default"), "engine")
        assert re.search(r"^ rate: samples a second", text, re.MULTILINE), text
        assert "Takes 1 to 1000000 (default 100). A change holds at once." in text, text
        assert all(len(line) <= 80 for line in text.split("\n"))
        screen.keys("/")
        screen.type("colours")
        screen.wait(re.compile(r"^ color: colours", re.MULTILINE).search)
        screen.keys("End")
        screen.wait(lambda text: (row(text, "alerts.slow") or ("",))[0] == "p95_s > 1")
        screen.keys("Escape")
        screen.wait("[1 Hot]")


@tap.test("a small screen and a wide one")
def _():
    with shown("# nothing\n", columns=60, rows=12) as screen:
        screen.keys("F2")
        text = screen.wait(lambda text: row(text, "rate") == ("100", "default"))
        assert all(len(line) <= 60 for line in text.split("\n"))
        screen.keys("End")
        screen.wait(lambda text: row(text, "log") == ("note", "default"))
        screen.resize(200, 50)
        text = screen.wait(lambda text: "Takes quiet, note or detail" in text)
        tap.equal(row(text, "rate"), ("100", "default"), "the first row")


@tap.test("a change is in force at once, and U writes it; what stood there stays")
def _():
    with shown("# mine\nrate = 50  # slow\n") as screen:
        screen.keys("F2")
        screen.wait("[u Settings]")
        screen.keys("Right")
        wait_row(screen, "rate", "100", "changed here")
        screen.keys("-")
        wait_row(screen, "rate", "50", "changed here")
        screen.keys("+", "+")
        wait_row(screen, "rate", "200", "changed here")
        screen.keys("Enter")
        screen.wait("rate =")
        screen.keys("C-u")
        screen.type("zero")
        screen.wait('rate takes 1 to 1000000, not "zero"')
        wait_row(screen, "rate", "200", "changed here")
        screen.keys("Enter", "C-u")
        screen.type("333")
        wait_row(screen, "rate", "333", "changed here")
        select(screen, "children")
        screen.keys("Enter")
        wait_row(screen, "children", "yes", "changed here")
        screen.wait("from the next start")
        tap.equal(read(screen), "# mine\nrate = 50  # slow\n", "the file before")
        screen.keys("U")
        screen.wait("written to")
        text = read(screen)
        assert text.startswith("# mine\nrate = 333  # slow\n"), text
        assert "\n#children = no\nchildren = yes\n" in text, text
        assert "\n#engine = auto\n" in text and "\nengine" not in text, text
        screen.wait(lambda text: re.search(r"^ children .*rc:\d+$", text, re.M))
        screen.keys("D")
        wait_row(screen, "children", "no", "changed here")
        screen.keys("Home", "Right", "U")
        screen.wait(lambda text: "written to" in text and "changed here" not in text)
        assert "\nchildren = no\n" in read(screen), read(screen)
        screen.keys("q")
        screen.wait_shell()


@tap.test("where to tell the metrics: checked as typed, written; a port that is taken is told")
def _():
    port = targets.free_port()
    with shown("listen = %d\n" % port, options="--metrics-file here.prom") as screen:
        screen.keys("F2")
        screen.wait("[u Settings]")
        select(screen, "listen")
        text = screen.text()
        tap.equal(row(text, "metrics-file"), ("here.prom", "command line"), "metrics-file")
        tap.equal(row(text, "listen")[0], str(port), "listen")
        assert os.path.exists(os.path.join(screen.folder, "here.prom"))
        screen.keys("Enter", "C-u")
        screen.type("everywhere")
        screen.wait("listen takes a port, or ADDRESS:PORT")
        screen.keys("Enter", "C-u")
        screen.type("127.0.0.1:%d" % port)
        screen.wait("from the next start")
        screen.keys("U")
        screen.wait("written to")
        tap.equal(read(screen).split("\n")[0], "listen = 127.0.0.1:%d" % port, "in the file")
        with tmux.terminal(120, 24, HOME=screen.folder) as second:
            second.type("%s %d" % (proftop.PATH, os.getpid()))
            second.wait(lambda text: "LIVE" in text and "listen: cannot listen on" in text)


@tap.test("the rate of a live recording changes")
def _():
    with shown(options="-r 50") as screen:
        screen.keys("F2")
        screen.wait("[u Settings]")
        screen.keys("+", "+")
        wait_row(screen, "rate", "200", "changed here")
        path = os.path.join(screen.folder, "a.ptop")

        def saved_rate():
            screen.keys("S")
            screen.wait("Save as:")
            screen.keys("C-u")
            screen.type(path)
            screen.wait("saved ")
            return proftop.report(path)["rate_hz"] == 200

        targets.wait_for(saved_rate, "a snapshot at the new rate")


@tap.test("ascii, colours and the window at once; the directory for snapshots")
def _():
    with shown() as screen:
        screen.keys("F2")
        screen.wait("[u Settings]")
        select(screen, "window")
        screen.keys("Enter")
        screen.keys("C-u")
        screen.type("1m")
        screen.wait(" last 1m")
        select(screen, "ascii")
        before = screen.styled()
        screen.keys("+")
        wait_row(screen, "ascii", "yes", "changed here")
        screen.wait(lambda text: text.isascii())
        select(screen, "color")
        assert re.search("\033\\[[^m]*[34]8;5;", before), "no colours to begin with"
        screen.keys("+")
        screen.wait(lambda text: not re.search("\033\\[[^m]*[34]8;5;", screen.styled()))
        screen.keys("+")
        screen.wait(lambda text: re.search("\033\\[[^m]*[34]8;5;", screen.styled()))
        select(screen, "snapshot-dir")
        os.mkdir(os.path.join(screen.folder, "kept"))
        screen.keys("Enter")
        screen.type("~/kept")
        wait_row(screen, "snapshot-dir", "~/kept", "changed here")
        screen.keys("s")
        screen.wait("saved ")
        names = os.listdir(os.path.join(screen.folder, "kept"))
        assert len(names) == 1 and names[0].startswith("proftop-sleep-"), names


@tap.test("what is wrong in the file is told when the screen comes up")
def _():
    with shown("rat = 50\nx y\n", columns=120) as screen:
        screen.wait(
            "2 settings are wrong (proftop settings --check): ~/.config/proftop/proftoprc:1: "
        )


def device(place):
    """A /dev/null of the test's own: the real one is not for trying what must not be written to."""
    path = os.path.join(place, "null")
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        tap.skip("no device can be made here: %s" % error)
    return path


@tap.test("U where nothing can be written; U and D on another screen")
def _():
    with targets.folder() as place, shown(options="--config %s" % device(place)) as screen:
        screen.keys("U")
        screen.wait("that is for the settings (F2)")
        screen.keys("F2")
        screen.wait("[u Settings]")
        screen.keys("+", "U")
        screen.wait("it is no regular file")
        wait_row(screen, "rate", "200", "changed here")
        assert stat.S_ISCHR(os.stat(os.path.join(place, "null")).st_mode), "it was replaced"


tap.main()
