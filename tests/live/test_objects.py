# SPDX-License-Identifier: GPL-2.0-or-later
"""Censuses through the whole program: a leak is named with its rate and who holds it, what is no
leak is not, and two censuses compare."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import json
import time

import proftop
import tap
import targets

SOURCE = os.path.join(targets.PROGRAMS, "leak.py")
PER_S = 2000.0


def leaks(shown):
    return [row for row in shown["rows"] if row["rule"]]


def by_type(shown):
    return {row["type"]: row for row in shown["rows"]}


def record_while(python, options, path, done, timeout_s=60):
    """Record the program until done(the objects so far)."""
    with python.script(SOURCE) as script:
        command = [*python.command, script, "--per-s", str(PER_S), *options]
        with targets.started(command, ready="ready") as process:
            with proftop.started("record", "-o", path, "-p", str(process.pid)) as recorder:
                targets.wait_for(lambda: os.path.exists(path + ".part"), "the recording")

                def enough():
                    time.sleep(0.5)  # it commits once a second
                    shown = proftop.run("report", path + ".part", "--view", "objects", "--format", "json")
                    return shown.returncode == 0 and done(json.loads(shown.stdout))

                targets.wait_for(enough, "what the censuses should show", timeout_s)
                tap.equal(proftop.interrupt(recorder), 0, "exit status of record")
    return proftop.report(path, "objects")


def check_leak(python):
    with targets.folder() as place:
        path = os.path.join(place, "leak.ptop")

        def named(shown):
            return any(row["type"] == "__main__.Entry" and row["owner"] for row in leaks(shown))

        shown = record_while(python, [], path, named)
        row = by_type(shown)["__main__.Entry"]
        tap.note("%(count)d, %(growth_per_s).1f/s, %(severity)s by %(rule)s, %(owner)s" % row)
        tap.near(row["growth_per_s"], PER_S, PER_S / 10, "growth")
        tap.equal(row["severity"], "high", "severity")
        tap.equal(row["rule"], "doubled", "rule")
        tap.equal(row["language"], "python", "language")
        assert "entries" in row["owner"] and "dict" in row["owner"], row["owner"]
        assert by_type(shown)["__main__.Other"]["rule"] is None, "Other is no leak"
        verdicts = proftop.report(path, "summary")["rows"]
        told = [row["verdict"] for row in verdicts if row["kind"] == "leak"]
        assert told and "entries" in told[0], verdicts


for python in targets.pythons():
    quick = python.path == "/usr/bin/python3"
    title = "Python %s: a leak, its rate, and the dict that holds it" % python.label
    tap.test(title, python, slow=not quick)(check_leak)


def debian_python():
    return next(python for python in targets.pythons())


@tap.test("neither a warm-up nor a sawtooth is called a leak", slow=True)
def _():
    for kind in ("warm-up", "sawtooth"):
        with targets.folder() as place:
            path = os.path.join(place, "still.ptop")

            def over(shown):
                return shown["window"]["to_s"] > 31  # the censuses at 20 and 30 s have seen it

            shown = record_while(debian_python(), ["--kind", kind], path, over)
            found = leaks(shown)
            assert not found, "%s: %s" % (kind, found)
            assert by_type(shown)["__main__.Entry"]["count"] > 100, kind


@tap.test("diff of two censuses: what grew, by how much")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "diff.ptop")

        def over(shown):
            return shown["window"]["to_s"] > 6

        record_while(debian_python(), [], path, over)
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


@tap.test("--no-census: the heap is not read, and the table says that nothing was counted")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "none.ptop")
        with targets.started([sys.executable, SOURCE], ready="ready") as process:
            proftop.ok("record", "-p", process.pid, "-o", path, "-d", 1, "--no-census")
        tap.equal(proftop.report(path, "objects")["rows"], [], "rows")
        assert "No objects were counted" in proftop.ok("report", path, "--view", "objects")


tap.main()
