# SPDX-License-Identifier: GPL-2.0-or-later
"""Censuses through the whole program: a leak is named with its rate and who holds it, what is no
leak is not, and two censuses compare."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import json
import shutil
import subprocess
import time

import paging
import proftop
import tap
import targets

SOURCE = os.path.join(targets.PROGRAMS, "leak.py")
PER_S = 2000.0


def leaks(shown):
    return [row for row in shown["rows"] if row["rule"]]


def by_type(shown):
    return {row["type"]: row for row in shown["rows"]}


class Recorder:
    """A program that is being recorded."""

    def __init__(self, stack, python, *options):
        self.path = os.path.join(stack.enter_context(targets.folder()), "objects.ptop")
        script = stack.enter_context(python.script(SOURCE))
        command = [*python.command, script, "--per-s", str(PER_S), *options]
        process = stack.enter_context(targets.started(command, ready="ready"))
        watching = ["record", "-o", self.path, "-p", str(process.pid)]
        self.recorder = stack.enter_context(proftop.started(*watching))

    def so_far(self):
        shown = proftop.run("report", self.path + ".part", "--view", "objects", "--format", "json")
        return json.loads(shown.stdout) if shown.returncode == 0 else {"rows": []}

    def until(self, done, timeout_s=60):
        """Record until done(the objects so far); the objects of the whole recording."""

        def enough():
            time.sleep(0.5)  # it commits once a second
            return done(self.so_far())

        targets.wait_for(enough, "what the censuses should show", timeout_s)
        tap.equal(proftop.interrupt(self.recorder), 0, "exit status of record")
        return proftop.report(self.path, "objects")


def leak_is_named(shown):
    return any(row["type"] == "__main__.Entry" and row["owner"] for row in leaks(shown))


def check_leak(recorder):
    shown = recorder.until(leak_is_named)
    row = by_type(shown)["__main__.Entry"]
    tap.note("%(count)d, %(growth_per_s).1f/s, %(severity)s by %(rule)s, %(owner)s" % row)
    tap.near(row["growth_per_s"], PER_S, PER_S / 10, "growth")
    tap.equal(row["severity"], "high", "severity")
    tap.equal(row["rule"], "doubled", "rule")
    tap.equal(row["language"], "python", "language")
    assert "entries" in row["owner"] and "dict" in row["owner"], row["owner"]
    assert by_type(shown)["__main__.Other"]["rule"] is None, "Other is no leak"
    verdicts = proftop.report(recorder.path, "summary")["rows"]
    told = [row["verdict"] for row in verdicts if row["kind"] == "leak"]
    assert told and "entries" in told[0], verdicts


def debian_python():
    return targets.pythons()[0]


@tap.test("a leak, its rate, and the dict that holds it")
def _():
    with contextlib.ExitStack() as stack:
        check_leak(Recorder(stack, debian_python()))


# The others all at once: most of their time they wait for the next census.
others = contextlib.ExitStack()
recorders = {}
rare_too = os.environ.get("PROFTOP_TESTS") == "all"
others_tested = [
    python
    for python in targets.pythons()[1:]
    if rare_too or not targets.is_one_of_many(python)
]


def other(python):
    if not recorders:
        for each in others_tested:
            recorders[each.label] = Recorder(others, each)
        for kind in ("warm-up", "sawtooth"):
            recorders[kind] = Recorder(others, debian_python(), "--kind", kind)
    return recorders[python]


def check_other(python):
    check_leak(other(python.label))


for python in others_tested:
    title = "Python %s: a leak, its rate, and the dict that holds it" % python.label
    tap.test(title, python, slow=True)(check_other)


def check_no_leak(kind):
    def over(shown):
        return shown["rows"] and shown["window"]["to_s"] > 31  # the censuses at 20 and 30 s saw it

    shown = other(kind).until(over)
    assert not leaks(shown), "%s: %s" % (kind, leaks(shown))
    assert by_type(shown)["__main__.Entry"]["count"] > 100, kind


for kind in ("warm-up", "sawtooth"):
    tap.test("a %s is not called a leak" % kind, kind, slow=True)(check_no_leak)


@tap.test("diff of two censuses: what grew, by how much")
def _():
    with contextlib.ExitStack() as stack:
        recorder = Recorder(stack, debian_python())
        recorder.until(lambda shown: shown["rows"] and shown["window"]["to_s"] > 6)
        path = recorder.path
        diff = json.loads(
            proftop.ok("diff", path + "@0..3", path, "--view", "objects", "--format", "json")
        )
        tap.equal(diff["view"], "objects", "view")
        rows = by_type(diff)
        grown = rows["__main__.Entry"]
        lasted_s = diff["after"]["census_s"] - diff["before"]["census_s"]
        tap.near(grown["count_diff"], PER_S * lasted_s, PER_S * lasted_s / 10, "how many more")
        tap.equal(grown["verdict"], "regression", "verdict")
        tap.equal(rows["__main__.Other"]["verdict"], "unchanged", "verdict of what stays")
        done = proftop.run("diff", path + "@0..3", path, "--view", "objects", "--fail-on", "regression")
        tap.equal(done.returncode, 3, "exit status")


def census_of(process, place):
    path = os.path.join(place, "objects.ptop")
    proftop.ok("record", "-p", process.pid, "-o", path, "-d", 3)
    return proftop.report(path, "objects")["census"]


CACHE = """
import time
kept = ["entry-%d" % i for i in range(100000)]
print("ready", flush=True)
time.sleep(1000)
"""


@tap.test("what is swapped out stays there, is said so, and does not count as moved")
def _():
    with targets.folder() as place:
        with targets.started([sys.executable, "-c", CACHE], ready="ready") as process:
            paging.page_out(process.pid)
            before_kb = paging.swapped_kb(process.pid)
            census = census_of(process, place)
            after_kb = paging.swapped_kb(process.pid)
        tap.note("%d KB were out, %d KB still are; %s" % (before_kb, after_kb, census["why_partial"]))
        assert after_kb > 0.95 * before_kb, "%d of %d KB" % (after_kb, before_kb)
        assert census["partial"] and "swapped out" in census["why_partial"], census
        tap.near(census["swapped_bytes"] / 1024, before_kb, before_kb / 10, "told to be swapped out")
        assert census["moved_pct"] < 5, census["moved_pct"]


POOL = """
import queue, threading, time
pool = queue.Queue()

def handler():
    big = bytearray(5000)  # of malloc's, in the thread's own arena
    pool.get()

for _ in range(8):
    threading.Thread(target=handler, daemon=True).start()
print("ready", flush=True)
time.sleep(1000)
"""


@tap.test("threads' arenas that hold a few blocks are whole, and nothing in them has moved")
def _():
    with targets.folder() as place:
        with targets.started([sys.executable, "-c", POOL], ready="ready") as process:
            census = census_of(process, place)
        assert not census["partial"], census["why_partial"]
        assert census["moved_pct"] < 5, census["moved_pct"]


@tap.test("a process that had no heap when it was met is counted once it has one")
def _():
    with targets.folder() as place:
        compiler = shutil.which(os.environ.get("CC", "gcc").split()[0]) or shutil.which("cc")
        tap.require(compiler, "no C compiler")
        binary, path = os.path.join(place, "late"), os.path.join(place, "late.ptop")
        subprocess.run([compiler, os.path.join(targets.PROGRAMS, "late_heap.c"), "-o", binary], check=True)
        with targets.started([binary], ready="ready", stdin=subprocess.PIPE) as process:
            with proftop.started("record", "-p", process.pid, "-o", path):
                part = path + ".part"  # committed a second after the first census
                targets.wait_for(lambda: os.path.exists(part), "the first second")
                process.stdin.write(b"\n")
                process.stdin.flush()

                def counted():
                    time.sleep(0.5)
                    ran = proftop.run("report", part, "--view", "objects", "--format", "json")
                    rows = json.loads(ran.stdout)["rows"] if ran.returncode == 0 else []
                    return sum(row["count"] for row in rows) >= 3000

                targets.wait_for(counted, "a census of the heap", 60)


@tap.test("--no-census: the heap is not read, and the table says that nothing was counted")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "none.ptop")
        with targets.started([sys.executable, SOURCE], ready="ready") as process:
            proftop.ok("record", "-p", process.pid, "-o", path, "-d", 1, "--no-census")
        tap.equal(proftop.report(path, "objects")["rows"], [], "rows")
        assert "No objects were counted" in proftop.ok("report", path, "--view", "objects")


with others:
    tap.main()
