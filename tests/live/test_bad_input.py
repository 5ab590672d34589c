# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot work: one clear line, the right exit status, nothing left behind."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import shutil
import sqlite3
import subprocess
import time

import proftop
import tap
import targets

SPLIT_PY = os.path.join(targets.PROGRAMS, "split.py")
PYTHON = [sys.executable, SPLIT_PY]
PTRACE_SEIZE = 0x4206
NOBODY = 65534


def record_fails(pid, *words, **options):
    """record of this process fails with one line that has these words, and leaves no file."""
    with targets.folder() as place:
        os.chmod(place, 0o777)
        path = os.path.join(place, "a.ptop")
        said = proftop.fails(["record", "-p", pid, "-o", path, "-d", "2"], *words, **options)
        tap.equal(os.listdir(place), [], "files left")
    return said


@tap.test("no such process")
def _():
    ended = subprocess.Popen(["true"])
    ended.wait()
    record_fails(ended.pid, str(ended.pid))


@tap.test("a kernel thread")
def _():
    with open("/proc/2/comm") as comm:
        tap.require(comm.read() == "kthreadd\n", "no kernel threads to be seen from here")
    record_fails(2, "kernel thread")


@tap.test("a zombie")
def _():
    child = subprocess.Popen(["true"])
    targets.wait_for(lambda: "Z" in targets.thread_states(child.pid).values(), "a zombie")
    try:
        record_fails(child.pid, "zombie")
    finally:
        child.wait()


@tap.test("ourselves")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        script = 'exec "$0" record -p $$ -o "$1" -d 1'
        done = subprocess.run(
            ["sh", "-c", script, proftop.PATH, path], stderr=subprocess.PIPE, timeout=20
        )
        tap.equal(done.returncode, 1, "exit status")
        tap.equal(done.stderr.count(b"\n"), 1, "lines on stderr (%r)" % done.stderr)
        assert b"itself" in done.stderr, done.stderr
        tap.equal(os.listdir(place), [], "files left")


@tap.test("a process that another tracer holds: its pid is named")
def _():
    code = (
        "import ctypes, sys, time\n"
        "libc = ctypes.CDLL(None)\n"
        "if libc.ptrace(%d, int(sys.argv[1]), 0, 0) == 0: print('ready', flush=True)\n"
        "time.sleep(60)" % PTRACE_SEIZE
    )
    with targets.started(PYTHON, ready="ready") as target:
        with targets.started(
            [sys.executable, "-c", code, target.pid], ready="ready"
        ) as tracer:
            record_fails(target.pid, "trac", str(tracer.pid))
            assert target.poll() is None, "the target has ended"


@tap.test("no permission: the remedy is named")
def _():
    tap.require(targets.is_root(), "needs root, to be somebody else")
    setpriv = targets.tool("setpriv")
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        os.chmod(place, 0o777)
        binary = shutil.copy(proftop.PATH, place)
        path = os.path.join(place, "a.ptop")
        as_nobody = [setpriv, "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"]
        command = [*as_nobody, binary, "record", "-p", target.pid, "-o", path, "-d", "1"]
        done = subprocess.run(
            [str(word) for word in command], stderr=subprocess.PIPE, universal_newlines=True
        )
        tap.equal(done.returncode, 1, "exit status (%r)" % done.stderr)
        tap.equal(done.stderr.count("\n"), 1, "lines on stderr (%r)" % done.stderr)
        assert "sudo" in done.stderr or "CAP_SYS_PTRACE" in done.stderr, done.stderr
        assert not os.path.exists(path) and not os.path.exists(path + ".part"), "a file is left"


@tap.test("it executes another program while watched: both are in the recording")
def _():
    with targets.folder() as place:
        binary = targets.program("split", into=place)
        code = (
            "import os, sys, time\n"
            "def before_exec():\n"
            "    end = time.monotonic() + 2\n"
            "    while time.monotonic() < end: pass\n"
            "print('ready', flush=True)\n"
            "before_exec()\n"
            "os.execv(sys.argv[1], sys.argv[1:])"
        )
        path = os.path.join(place, "a.ptop")
        with targets.started([sys.executable, "-c", code, binary], ready="ready") as target:
            proftop.record(target.pid, path, 4, 200)
            assert target.poll() is None, "the target has ended"
        rows = proftop.rows_by_name(proftop.report(path))
        assert "before_exec" in rows and "burn_sixty" in rows, sorted(rows)


@tap.test("it executes the same program anew while watched: both are in the recording")
def _():
    with targets.folder() as place:
        code = (
            "import os, sys, time\n"
            "def before_exec(again=sys.argv[1:]):\n"
            "    end = time.monotonic() + 2\n"
            "    while time.monotonic() < end: pass\n"
            "def after_exec():\n"
            "    while True: pass\n"
            "if len(sys.argv) > 1: after_exec()\n"
            "print('ready', flush=True)\n"
            "before_exec()\n"
            "os.execv(sys.executable, [sys.executable, sys.orig_argv[1], sys.orig_argv[2], 'again'])"
        )
        path = os.path.join(place, "a.ptop")
        with targets.started([sys.executable, "-c", code], ready="ready") as target:
            proftop.record(target.pid, path, 5, 200)
        rows = proftop.rows_by_name(proftop.report(path))
        assert "before_exec" in rows and "after_exec" in rows, sorted(rows)
        tap.equal(len(proftop.report(path, "processes")["rows"]), 2, "incarnations")


@tap.test("a live screen without a terminal")
def _():
    with targets.started(PYTHON, ready="ready") as target:
        proftop.fails([target.pid], "terminal")
        proftop.fails(["-p", target.pid], "terminal")


def made_recording(place):
    path = os.path.join(place, "good.ptop")
    with targets.started(PYTHON, ready="ready") as target:
        proftop.record(target.pid, path, 2, 500)
    return path


def reading_fails(path, *words):
    """Every verb that reads a file says the same of it."""
    proftop.fails(["report", path], path, *words)
    proftop.fails(["diff", path, path], path, *words)


@tap.test("files that are no snapshot")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "not.ptop")
        reading_fails(path)
        with open(path, "w") as file:
            file.write("this is no snapshot\n" * 1000)
        reading_fails(path)
        with open(path, "w"):
            pass
        reading_fails(path)
        with open(path, "wb") as file:
            file.write(b"SQLite format 3\0" + bytes(4080))
        reading_fails(path)
        os.remove(path)
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE sample(x)")
        reading_fails(path)
        reading_fails(place)


@tap.test("a file that is only there as .part: that is named")
def _():
    with targets.folder() as place:
        good = made_recording(place)
        os.rename(good, good + ".part")
        reading_fails(good, good + ".part")
        proftop.ok("report", good + ".part")


@tap.test("a snapshot that is cut short, at any length")
def _():
    with targets.folder() as place:
        good = made_recording(place)
        with open(good, "rb") as file:
            content = file.read()
        cut = os.path.join(place, "cut.ptop")
        for part in (0.1, 0.5, 0.9):
            with open(cut, "wb") as file:
                file.write(content[: int(len(content) * part)])
            reading_fails(cut)


@tap.test("a snapshot with damaged bytes: an error or a table, never a crash", slow=True)
def _():
    with targets.folder() as place:
        good = made_recording(place)
        with open(good, "rb") as file:
            content = bytearray(file.read())
        damaged = os.path.join(place, "damaged.ptop")
        for step in range(24):
            copy = bytearray(content)
            for at in range(200 + step * 37, len(copy), 4096 // (1 + step % 3)):
                copy[at] ^= 0x55
            with open(damaged, "wb") as file:
                file.write(copy)
            done = proftop.run("report", damaged, "--format", "json")
            assert done.returncode in (0, 1), "status %d: %s" % (done.returncode, done.stderr)


@tap.test("a snapshot from a newer version: both versions are named")
def _():
    with targets.folder() as place:
        good = made_recording(place)
        with sqlite3.connect(good) as database:
            database.execute("PRAGMA user_version = 999")
        database.close()
        reading_fails(good, "999", "newer")


@tap.test("a folder that is not there")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        path = os.path.join(place, "missing", "a.ptop")
        proftop.fails(["record", "-p", target.pid, "-o", path, "-d", "1"], path)


@tap.test("a folder that may not be written")
def _():
    with targets.started(PYTHON, ready="ready") as target:
        path = "/proc/%d/a.ptop" % os.getpid()
        proftop.fails(["record", "-p", target.pid, "-o", path, "-d", "1"], path)


@tap.test("a disk that fills up: exit 1, and what was written stays readable")
def _():
    tap.require(targets.is_root(), "needs root, to mount a small disk")
    unshare = targets.unshare("-m")
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        script = (
            'mount -t tmpfs -o size=256k tmpfs "$2" 2>/dev/null || exit 77\n'
            '"$0" record -q -p "$1" -o "$2/a.ptop" -r 1000 -d 60\n'
            "status=$?\n"
            '[ ! -e "$2/a.ptop" ] || exit 78\n'
            'if [ -e "$2/a.ptop.part" ]; then "$0" report "$2/a.ptop.part" >&2 || exit 79; fi\n'
            "exit $status"
        )
        command = [*unshare, "sh", "-c", script, proftop.PATH, str(target.pid), place]
        started_s = time.monotonic()
        done = subprocess.run(command, stderr=subprocess.PIPE, universal_newlines=True, timeout=90)
        tap.require(done.returncode != 77, "no small disk can be mounted here")
        if done.returncode == 0 and time.monotonic() - started_s > 55:
            tap.skip("a minute's recording fits into 256 KB")
        tap.equal(done.returncode, 1, "exit status (%r)" % done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.startswith("proftop: ")]
        tap.equal(len(lines), 1, "lines on stderr (%r)" % done.stderr)
        assert "space" in lines[0] or "full" in lines[0], lines
        assert lines[0].endswith(" is in %s/a.ptop.part" % place), lines


WRONG = {  # and words that its line has
    "an unknown option": (["record", "--frobnicate"], "--frobnicate"),
    "no file to report on": (["report"], "FILE"),
    "a pid that is no number": (["record", "-p", "12x", "-o", "a"], "12x"),
    "no target": (["record", "-o", "a"], "needs a target"),
    "no target to watch": (["--"], "after --"),
    "no command to record": (["record", "-o", "a", "--"], "after --"),
    "two targets": (["record", "-p", "1", "-o", "a", "--", "true"], "one target"),
    "no file to write to": (["record", "-p", "1"], "-o FILE"),
    "a rate out of range": (["record", "-p", "1", "-o", "a", "-r", "0"], "1 to 1000000"),
    "a length that is no number": (["record", "-p", "1", "-o", "a", "-d", "soon"], "soon"),
    "one file to compare": (["diff", "a"], "BEFORE AFTER"),
    "two processes to show alone": (["report", "a", "-p", "1", "-p", "2"], "one --pid"),
}

for kind, wrong in WRONG.items():

    @tap.test("a wrong command line: %s: exit 2" % kind, wrong)
    def _(wrong):
        arguments, words = wrong
        with targets.folder() as place:
            proftop.fails(arguments, words, status=2, cwd=place)
            tap.equal(os.listdir(place), [], "files left")


@tap.test("an output that cannot be written: one line that says why, exit 1")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        good = made_recording(place)
        commands = [["report", good, "--format", name] for name in ("table", "json", "csv")]
        for command in [*commands, ["diff", good, good], ["dump", target.pid], ["--help"]]:
            with open("/dev/full", "w") as full:
                done = subprocess.run(
                    [proftop.PATH, *map(str, command)], stdout=full, stderr=subprocess.PIPE
                )
            said = done.stderr.decode()
            tap.equal(done.returncode, 1, "exit status of %s (it said %r)" % (command[0], said))
            assert said.count("\n") == 1 and "No space left" in said, said


@tap.test("an unknown view, an unknown format: exit 2")
def _():
    with targets.folder() as place:
        good = made_recording(place)
        proftop.fails(["report", good, "--view", "weather"], "weather", status=2)
        proftop.fails(["report", good, "--format", "xml"], "xml", status=2)


tap.main()
