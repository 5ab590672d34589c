# SPDX-License-Identifier: GPL-2.0-or-later
"""Alerts on a real process: rules for CPU and memory, the snapshot of before and after, the command
with its facts, and what is said of rules, commands and folders that cannot be."""

import contextlib
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets

PROGRAM = os.path.join(targets.PROGRAMS, "alerts.py")
FAST = "cpu: cpu_pct > 4 for 0s, critical 99: snapshot command"
CPU = "cpu: cpu_pct > 4 for 1s, clear 2 for 1s, critical 99: banner snapshot command"


@contextlib.contextmanager
def target():
    """(The process, a function that tells it something and waits until it is so)."""
    command = [sys.executable, "-u", PROGRAM]
    with targets.started(command, ready="ready", stdin=subprocess.PIPE) as process:

        def tell(words):
            process.stdin.write((words + "\n").encode())
            process.stdin.flush()
            assert process.stdout.readline() == b"ready\n"

        yield process, tell


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        return file.read()


@contextlib.contextmanager
def recorded(pid, folder, *options):
    """A recording that goes on meanwhile; ends it, and expects that it went well."""
    file = os.path.join(folder, "all.ptop")
    command = ["record", "-p", pid, "-o", file, "-r", "50", *options]
    with proftop.started(*command, stderr=subprocess.PIPE, universal_newlines=True) as process:
        targets.wait_for(lambda: os.path.exists(file + ".part"), "the recording")
        yield file
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1]
        tap.equal(process.returncode, 0, "status (%s)" % said)


def alerts(path, metric):
    """Its alerts, oldest first."""
    rows = proftop.report(path, "alerts")["rows"]
    return [row for row in reversed(rows) if row["metric"] == metric]


def points(path, metric):
    """(Time of day in seconds of the recording, value) where the metric has one."""
    rows = proftop.report(path, "timeline")["rows"]
    return [(row["time_s"], row[metric]) for row in rows if row.get(metric) is not None]


def seconds_so_far(path):
    """How many points the CPU has in a file that is still being written."""
    ready = proftop.run("report", path).returncode == 0  # before its first second it is empty
    return len(points(path, "cpu_pct")) if ready else 0


@tap.test("CPU: raised and cleared, a snapshot that holds before and after, a command with facts")
def _():
    with targets.folder() as folder, target() as (process, tell):
        facts, shots = os.path.join(folder, "facts"), os.path.join(folder, "shots")
        os.mkdir(shots)
        script = 'echo "$PROFTOP_STATE $PROFTOP_PID $PROFTOP_METRIC $PROFTOP_SNAPSHOT" >>"$0"'
        command = "sh -c '%s' %s" % (script, facts)
        options = ["--alert", CPU, "--alert-command", command, "--alert-snapshots", shots]
        options += ["--alert-before", "2", "--alert-after", "1"]
        with recorded(process.pid, folder, *options) as file:
            targets.wait_for(lambda: seconds_so_far(file + ".part") >= 3, "three seconds of rest")
            tell("burn")
            targets.wait_for(lambda: "snapshot" in read(facts), "the snapshot", 20)
            tell("rest")
            targets.wait_for(lambda: "cleared" in read(facts), "the clearing", 20)
        told = [line.split() for line in read(facts).splitlines()]
        tap.equal([words[0] for words in told], ["raised", "snapshot", "cleared"], "states")
        assert all(words[1:3] == [str(process.pid), "cpu_pct"] for words in told), told
        [shot] = [os.path.join(shots, name) for name in os.listdir(shots)]
        for words in told[1:]:
            tap.equal(words[3], os.path.realpath(shot), "PROFTOP_SNAPSHOT")
        assert "-cpu-" in shot, shot

        raised, cleared = alerts(file, "cpu_pct")
        tap.equal((raised["state"], raised["severity"]), ("raised", "warning"), "raised")
        tap.equal(raised["threshold"], 4, "threshold")
        assert raised["value"] >= 4, raised
        tap.equal(cleared["state"], "cleared", "cleared")
        tap.equal(raised["snapshot"], os.path.realpath(shot), "snapshot in the log")

        # The snapshot: rest before, the spike, and it was raised in the middle.
        values = [value for _, value in points(shot, "cpu_pct")]
        assert values[0] < 4 < values[-1], values
        [inside] = alerts(shot, "cpu_pct")
        before_s = inside["time_s"]
        after_s = proftop.report(shot)["window"]["to_s"] - before_s
        assert 2 <= before_s <= 15 and 0.5 <= after_s <= 5, (before_s, after_s)
        names = proftop.rows_by_name(proftop.report(shot))
        assert "burn_the_spike" in names, sorted(names)
        assert process.poll() is None


@tap.test("memory: raised when it grows, critical, and cleared when it has shrunk")
def _():
    with open("/proc/meminfo") as info:
        total = int(info.read().split()[1]) * 1024
    tap.require(total < 64 << 30, "a percent of this machine's memory is too much to ask for")
    with targets.folder() as folder, target() as (process, tell):
        short = os.path.join(folder, "short.ptop")
        proftop.record(process.pid, short, 1.5, 50)
        level = points(short, "memory_pct")[-1][1]
        limit = proftop.report(short, "memory")["memory"]["limit_bytes"] or total
        rule = "memory: memory_pct > %.3f for 0s, clear %.3f for 0s, critical %.3f: command" % (
            level + 0.4,
            level + 0.3,
            level + 0.9,
        )
        facts = os.path.join(folder, "facts")
        command = "sh -c 'echo $PROFTOP_STATE-$PROFTOP_SEVERITY >>$0' " + facts
        with recorded(process.pid, folder, "--alert", rule, "--alert-command", command) as file:
            for share, state in ((0.6, "raised-warning"), (1.2, "raised-critical")):
                tell("grow %d" % (limit * share / 100))
                targets.wait_for(lambda word=state: word in read(facts), state)
            tell("shrink")
            targets.wait_for(lambda: "cleared-critical" in read(facts), "the clearing")
        rows = alerts(file, "memory_pct")
        tap.equal([row["state"] for row in rows], ["raised", "raised", "cleared"], "states")
        tap.equal([row["severity"] for row in rows], ["warning", "critical", "critical"], "rows")
        tap.equal(rows[0]["snapshot"], None, "snapshot")


def record_burning(folder, *options):
    """Four seconds of a busy process under a rule that it breaks: (the file, what was said)."""
    with target() as (process, tell):
        tell("burn")
        file = os.path.join(folder, "a.ptop")
        done = proftop.run(
            *["record", "-p", process.pid, "-o", file, "-d", "4", "-r", "50"],
            *["--alert", FAST, *options],
            timeout_s=20,
        )
        tap.equal(done.returncode, 0, "status")
        return file, done.stderr


@tap.test("an alert is said, and a command that fails")
def _():
    with targets.folder() as folder:
        _, said = record_burning(folder, "--alert-command", "false")
        assert "alert cpu, warning: CPU stands at" in said, said
        tap.equal(said.count("the alert command: false failed with status 1"), 1, said)


@tap.test("an alert just before the end has its snapshot all the same; a command that hangs ends")
def _():
    with targets.folder() as folder:
        file, said = record_burning(
            folder, "--alert-snapshots", folder, "--alert-after", "60", "--alert-command", "sleep 99"
        )
        [shot] = [name for name in os.listdir(folder) if "-cpu-" in name]
        assert shot in said, said
        raised = alerts(file, "cpu_pct")[0]
        tap.equal(os.path.basename(raised["snapshot"]), shot, "snapshot")


@tap.test("rules, commands and folders that cannot be are one line")
def _():
    with targets.folder() as folder, target() as (process, _):
        file = os.path.join(folder, "a.ptop")
        command = ["record", "-p", process.pid, "-o", file]
        proftop.fails([*command, "--alert", "cpu_pc > 5"], "cpu_pc", "cpu_pct", status=2)
        proftop.fails([*command, "--alert", "x: off"], 'no alert rule "x"', status=2)
        proftop.fails([*command, "--alert-command", "no-such-command"], "no-such-command", "PATH")
        proftop.fails([*command, "--alert-command", "sh -c 'x"], "quote")
        proftop.fails([*command, "--alert-snapshots", folder + "/none"], "/none", "No such file")
        tap.equal(os.listdir(folder), [], "files left behind")


tap.main()
