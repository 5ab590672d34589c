# SPDX-License-Identifier: GPL-2.0-or-later
"""diff names the function that was made slower, and only it."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import json

import proftop
import tap
import targets

SECONDS = 20
PACE_MS = "150"  # leaves time to spare on a busy machine too: else the others get less of it
# How long a function waits for a CPU is the machine's doing, and tests run beside each other.
ON_CPU = ["--state", "cpu"]


def started_on(cpu, stack, command):
    """One CPU of a virtual machine may be twice as fast as another, for seconds."""
    target = stack.enter_context(targets.started(command, ready="ready"))
    os.sched_setaffinity(target.pid, {cpu})
    return target


def record_pair(place, command, *slower):
    """Two recordings of a program, one with something made slower. They are made at the same
    time and on the same CPU, so that whatever else the machine does, it does to both."""
    cpu = min(os.sched_getaffinity(0))
    paths = [os.path.join(place, "before.ptop"), os.path.join(place, "after.ptop")]
    with contextlib.ExitStack() as stack:
        recorders = []
        for path, more in zip(paths, ((), slower)):
            target = started_on(cpu, stack, [*command, *more])
            watching = ["-p", str(target.pid), "-o", path, "-d", str(SECONDS), "-r", "1000"]
            recorders.append(stack.enter_context(proftop.started("record", *watching)))
        for recorder in recorders:
            tap.equal(recorder.wait(SECONDS + 60), 0, "exit status of record")
    return paths


def check_named(shown, name):
    for row in shown["rows"][:8]:
        figures = "%(name)s %(before_s_per_s)s %(after_s_per_s)s %(change_pct)s %(verdict)s"
        tap.note(figures % row)
    slower = {row["name"] for row in shown["rows"] if row["verdict"] == "regression"}
    tap.equal(slower, {name}, "regressions")
    tap.equal(shown["regressions"], 1, "number of regressions")
    faster = {row["name"] for row in shown["rows"] if row["verdict"] == "improvement"}
    tap.equal(faster, set(), "improvements")
    row = next(row for row in shown["rows"] if row["name"] == name)
    tap.near(row["change_pct"], 50.0, 20.0, "its change")
    tap.equal(shown["rows"][0]["name"], name, "first row")


def compare_pair(place, command, name, slow):
    before, after = record_pair(place, command, "--slow", slow)
    text = proftop.ok("diff", before, after, "--format", "json", *ON_CPU)
    shown = json.loads(text)
    tap.equal(shown["schema"], "proftop.diff/1", "schema")
    check_named(shown, name)
    return before, after


def check(command, name, slow):
    with targets.folder() as place:
        command = command(place)
        for attempt in range(3):
            try:
                before, after = compare_pair(place, command, name, slow)
                break
            except AssertionError as error:
                # A CPU that becomes twice as fast in the middle scatters by more than the change.
                tap.note("attempt %d: %s" % (attempt, error))
                if attempt == 2:
                    raise
        gate = proftop.run("diff", before, after, "--fail-on", "regression", *ON_CPU)
        tap.equal(gate.returncode, 3, "exit status with --fail-on regression")
        assert name in gate.stdout, gate.stdout
        back = proftop.run("diff", after, before, "--fail-on", "regression", *ON_CPU)
        tap.equal(back.returncode, 0, "exit status where it got faster")


def split_c(place):
    return [targets.program("split", into=place), "--pace-ms", PACE_MS]


def split_py(place):
    return [sys.executable, os.path.join(targets.PROGRAMS, "split.py"), "--pace-ms", PACE_MS]


THIRTY = ("burn_thirty", "thirty")
tap.test("C: the slower function alone is a regression", split_c, *THIRTY, slow=True)(check)
tap.test("Python: the slower one alone is a regression", split_py, *THIRTY, slow=True)(check)


def record_unlike(place, command):
    """The same program twice at the same time, one longer and at another rate."""
    cpu = min(os.sched_getaffinity(0))
    paths = [os.path.join(place, name) for name in ("short.ptop", "long.ptop")]
    with contextlib.ExitStack() as stack:
        recorders = []
        for path, seconds, rate in zip(paths, (8, 12), (1000, 200)):
            target = started_on(cpu, stack, command)
            watching = ["-p", str(target.pid), "-o", path, "-d", str(seconds), "-r", str(rate)]
            recorders.append(stack.enter_context(proftop.started("record", *watching)))
        for recorder in recorders:
            tap.equal(recorder.wait(80), 0, "exit status of record")
    return paths


@tap.test("rates and lengths that differ compare: nothing changed, nothing found", slow=True)
def _():
    # A machine that becomes faster or slower between the two is a change, and is found: so once
    # more, where other tests have begun or ended meanwhile.
    for attempt in range(3):
        with targets.folder() as place:
            paths = record_unlike(place, split_c(place))
            how = [*ON_CPU, "--fail-on", "regression", "--format", "json"]
            gate = proftop.run("diff", *paths, *how)
        shown = json.loads(gate.stdout)
        findings = (shown["regressions"], shown["improvements"])
        tap.note("attempt %d: regressions, improvements: %s" % (attempt, findings))
        if findings == (0, 0):
            break
    tap.equal(findings, (0, 0), "findings")
    tap.equal(gate.returncode, 0, "exit status")


@tap.test("two windows of one recording compare")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        with targets.started(split_c(place), ready="ready") as process:
            proftop.record(process.pid, path, 4, 500)
        shown = json.loads(proftop.ok("diff", path + "@0..2", path + "@2..4", "--format", "json"))
        names = {row["name"] for row in shown["rows"]}
        assert {"burn_sixty", "burn_thirty", "burn_ten"} <= names, names


@tap.test("as a table it reads the same")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        with targets.started(split_c(place), ready="ready") as process:
            proftop.record(process.pid, path, 2, 500)
        table = proftop.ok("diff", path, path)
        assert "burn_sixty" in table, table
        done = proftop.run("diff", path, path, "--format", "csv")
        assert done.stdout.count(",") > 5, done.stdout


NOTE = "different engines, perf -> ptrace: what stands beside frequent system calls may only seem"


@tap.test("recordings of different engines compare, with a line of what that may mean")
def _():
    with targets.folder() as place:
        paths = [os.path.join(place, engine) for engine in ("perf", "ptrace")]
        with targets.started(split_c(place), ready="ready") as process:
            for path in paths:
                how = ["--engine", os.path.basename(path), "-d", "1"]
                done = proftop.run("record", "-p", process.pid, "-o", path, *how)
                tap.require(done.returncode == 0, done.stderr.strip())
        shown = json.loads(proftop.ok("diff", *paths, "--format", "json"))
        tap.equal([shown[side]["engine"] for side in ("before", "after")], ["perf", "ptrace"])
        assert shown["engines_differ"] and shown["note"].startswith(NOTE), shown["note"]
        assert NOTE in proftop.ok("diff", *paths)
        same = json.loads(proftop.ok("diff", paths[1], paths[1], "--format", "json"))
        assert same["engines_differ"] is False and same["note"] is None, same["note"]
        assert "engines" not in proftop.ok("diff", paths[1], paths[1])


tap.main()
