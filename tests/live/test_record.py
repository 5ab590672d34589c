# SPDX-License-Identifier: GPL-2.0-or-later
"""record: what it leaves behind, however it ends."""

import contextlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import signal
import sqlite3
import subprocess
import time

import proftop
import split_check
import tap
import targets

SPLIT_PY = os.path.join(targets.PROGRAMS, "split.py")
PYTHON = [sys.executable, SPLIT_PY]


def is_whole(path):
    """The file is there under its own name, the part is not, and it can be reported."""
    assert os.path.exists(path), "no file"
    assert not os.path.exists(path + ".part"), "the part is still there"
    return proftop.report(path)


def wait_for_rows(part):
    def has_rows():
        done = proftop.run("report", part, "--format", "json")
        return done.returncode == 0 and "burn_sixty" in done.stdout

    targets.wait_for(has_rows, "rows in " + part, 15)


@tap.test("FILE.part can be read while it is recorded, and grows")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        path = os.path.join(place, "a.ptop")
        with proftop.started("record", "-p", str(target.pid), "-o", path) as recorder:
            wait_for_rows(path + ".part")
            assert not os.path.exists(path), "the file has its name before it is whole"
            first = proftop.report(path + ".part")["samples"]
            targets.wait_for(
                lambda: proftop.report(path + ".part")["samples"] > first, "more samples"
            )
            assert recorder.poll() is None, "record has ended"
            tap.equal(proftop.interrupt(recorder), 0, "exit status")
        assert is_whole(path)["samples"] > first


def check_signal(number):
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        path = os.path.join(place, "a.ptop")
        with proftop.started("record", "-p", str(target.pid), "-o", path) as recorder:
            wait_for_rows(path + ".part")
            tap.equal(proftop.interrupt(recorder, number), 0, "exit status")
        assert "burn_sixty" in proftop.rows_by_name(is_whole(path))
        assert target.poll() is None, "the target has ended too"
        tap.equal(targets.tracer_of(target.pid), 0, "tracer")


for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    tap.test("%s finishes the file, exit 0" % number.name, number)(check_signal)


@tap.test("kill -9 leaves a part that can be read")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        path = os.path.join(place, "a.ptop")
        with proftop.started("record", "-p", str(target.pid), "-o", path) as recorder:
            wait_for_rows(path + ".part")
            proftop.interrupt(recorder, signal.SIGKILL)
        assert not os.path.exists(path), "the file has its name, but is not whole"
        assert "burn_sixty" in proftop.rows_by_name(proftop.report(path + ".part"))
        with sqlite3.connect("file:%s.part?mode=ro" % path, uri=True) as database:
            tap.equal(database.execute("PRAGMA integrity_check").fetchone()[0], "ok", "integrity")


@tap.test("-- COMMAND: starts it, records it from its start, ends with it")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        proftop.ok("record", "-o", path, "--", *PYTHON, "--seconds", "2")
        shown = is_whole(path)
        rows = proftop.rows_by_name(shown)
        assert set(split_check.TRUTH_PCT) <= set(rows), sorted(rows)
        assert shown["target"]["cmdline"].endswith("--seconds 2"), shown["target"]
        assert shown["target"]["runtime"].startswith("python "), shown["target"]


@tap.test("-- COMMAND: the command's children are not left behind after SIGTERM")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        with proftop.started("record", "-o", path, "--", *PYTHON) as recorder:
            wait_for_rows(path + ".part")
            child = targets.wait_for(lambda: targets.children(recorder.pid), "the command")[0]
            tap.equal(proftop.interrupt(recorder, signal.SIGTERM), 0, "exit status")
        targets.wait_for(lambda: not os.path.exists("/proc/%d" % child), "the command's end")
        is_whole(path)


@tap.test("-- COMMAND: what the command has started is not left behind")
def _():
    with targets.folder() as place:
        mark = "86400.%d" % os.getpid()
        script = "sleep %s & while :; do :; done" % mark
        proftop.ok("record", "-d", "0.5", "-o", os.path.join(place, "a.ptop"), "--", "sh", "-c", script)

        def left():
            return subprocess.run(["pgrep", "-f", "^sleep " + mark], stdout=subprocess.PIPE).stdout

        targets.wait_for(lambda: not left(), "its end")


@tap.test("ended by a signal, it waits for the last names as -d does")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        with targets.started(PYTHON, ready="ready") as target:
            with proftop.started("record", "-p", str(target.pid), "-o", path, "-r", "500") as recorder:
                targets.wait_for(lambda: os.path.exists(path + ".part"), "the recording")
                time.sleep(0.3)  # some samples, whose names are still looked for
                tap.equal(proftop.interrupt(recorder), 0, "exit status")
        with contextlib.closing(sqlite3.connect(path)) as base:
            query = "SELECT count(*), count(place.frame) FROM frame LEFT JOIN place"
            query += " ON place.frame = frame.id AND place.position = 0 WHERE frame.module > 0"
            frames, named = base.execute(query).fetchone()
        tap.note("%d of %d native frames have names" % (named, frames))
        assert frames and named == frames, "%d of %d" % (named, frames)


@tap.test("a command that cannot be started: exit 1, no file")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        proftop.fails(["record", "-o", path, "--", "/nonexistent/command"], "/nonexistent/command")
        tap.equal(os.listdir(place), [], "files left")


@tap.test("no sample: exit 1, no file")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        proftop.fails(["record", "-o", path, "-r", "1", "--", "/bin/true"], "sample")
        tap.equal(os.listdir(place), [], "files left")


@tap.test("-d ends it by itself, and the window is about as long")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        path = os.path.join(place, "a.ptop")
        proftop.record(target.pid, path, 2, 200)
        window = is_whole(path)["window"]
        tap.near(window["to_s"] - window["from_s"], 2.0, 1.0, "the window's length")


@tap.test("report of a thread or a process that is not in the file: exit 1 and a line")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        with targets.started([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
            proftop.ok("record", "-p", process.pid, "-o", path, "-d", 0.5)
            for filters in (["--thread", 1], ["-p", 1]):
                done = proftop.run("report", path, *filters)
                tap.equal(done.returncode, 1, "exit status with %s" % filters)
                assert "in the recording" in done.stderr, done.stderr
            for filters in (["--thread", process.pid], ["-p", process.pid]):
                proftop.ok("report", path, *filters)


@tap.test("who reads a report may have enough of it: nothing is said")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        path = os.path.join(place, "a.ptop")
        proftop.record(target.pid, path, 1)
        for words in (("report", path), ("diff", path, path)):
            reader, writer = os.pipe()
            os.close(reader)
            done = proftop.run(*words, stdout=writer)
            os.close(writer)
            tap.equal(done.stderr, "", "what is said")
            tap.equal(done.returncode, -signal.SIGPIPE, "how it ended")


@tap.test("an existing file is replaced only at the end")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        path = os.path.join(place, "a.ptop")
        with open(path, "w") as old:
            old.write("precious\n")
        with proftop.started("record", "-p", str(target.pid), "-o", path) as recorder:
            wait_for_rows(path + ".part")
            with open(path) as old:
                tap.equal(old.read(), "precious\n", "the old file")
            tap.equal(proftop.interrupt(recorder), 0, "exit status")
        is_whole(path)


@tap.test("the target's end finishes the file, exit 0")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        with targets.started([*PYTHON, "--seconds", "3"], ready="ready") as target:
            proftop.ok("record", "-p", target.pid, "-o", path)
            tap.equal(target.wait(5), 0, "the target's own exit status")
        assert "burn_sixty" in proftop.rows_by_name(is_whole(path))


tap.main()
