# SPDX-License-Identifier: GPL-2.0-or-later
"""A target that its control group throttles: the metrics, the alert, the summary, the banner."""

import contextlib
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "ui"))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import cgroup
import proftop
import tap
import targets
import tmux

QUOTA_US = 20000
BURN = "print('ready', flush=True)\nwhile True: pass"


def read_stat(group):
    with open(os.path.join(group, "cpu.stat")) as stat:
        return {name: int(value) for name, value in (line.split() for line in stat)}


@contextlib.contextmanager
def throttled(quota_us=QUOTA_US):
    """A process that wants a CPU and gets a fifth of one; (process, its group)."""
    with cgroup.group(quota_us) as path:
        with targets.started([sys.executable, "-c", BURN], ready="ready") as target:
            cgroup.write(os.path.join(path, "cgroup.procs"), target.pid)
            yield target, path


def metrics(path):
    rows = proftop.report(path, "timeline")["rows"]
    return lambda name: [row[name] for row in rows if row.get(name) is not None]


def mean(values):
    assert values, "no values"
    return sum(values) / len(values)


def by_kind(path):
    return {row["kind"]: row for row in proftop.report(path, "summary")["rows"]}


def check_engine(engine):
    with targets.folder() as place, throttled() as (target, path):
        file = os.path.join(place, "a.ptop")
        before = read_stat(path)
        proftop.record(target.pid, file, 8, 100, "--engine", engine)
        after = read_stat(path)
        shares = metrics(file)
        # The kernel's own count over about the same time; 0.8 where nobody else wants the CPU.
        truth = (after["throttled_time"] - before["throttled_time"]) / 1e9 / 8 * 100
        throttled_pct = shares("throttled_pct")[1:]
        tap.note("throttled %.1f%%, by cpu.stat %.1f%%" % (mean(throttled_pct), truth))
        tap.near(mean(throttled_pct), truth, 15, "throttled_pct")
        tap.require(truth > 15, "the machine is too busy: even a fifth of a CPU is not to be had")
        tap.near(mean(shares("quota_cpus")), QUOTA_US / cgroup.PERIOD_US, 0.001, "quota_cpus")
        # It wants one CPU all the time: what it does not get it waits for.
        tap.near(
            mean(shares("runqueue_threads")[1:]) + mean(shares("cpu_user")[1:]), 1, 0.25, "demand"
        )
        alerts = [
            row
            for row in proftop.report(file, "alerts")["rows"]
            if row["metric"] == "throttled_pct"
        ]
        assert alerts and alerts[0]["severity"] == "critical", alerts
        tap.equal(alerts[0]["threshold"], 5, "threshold")
        verdicts = by_kind(file)
        said = [
            row["verdict"]
            for row in proftop.report(file, "summary")["rows"]
            if row["verdict"].startswith("throttled ")
        ]
        assert len(said) == 1 and said[0].endswith("its cgroup may use 0.2 CPUs"), said
        assert "its cgroup throttles it" in verdicts["run queue"]["verdict"], verdicts
        tap.equal(verdicts["run queue"]["view"], "timeline", "proof")
        # Throttled time is waiting for a CPU, not running on one.
        [thread] = proftop.report(file, "threads")["rows"]
        tap.near(thread["running_pct"], 100 * mean(shares("cpu_user")), 10, "running_pct")
        tap.near(thread["runnable_pct"], 100 - thread["running_pct"], 3, "runnable_pct")
        assert target.poll() is None, "the target has ended"


for _engine in ("ptrace", "auto"):
    tap.test("a quota of 0.2 CPUs is seen and said (%s)" % _engine, _engine)(check_engine)


@tap.test("the live screen's banner says so, until the quota is lifted")
def _():
    with throttled() as (target, path):
        with tmux.terminal(100, 30) as screen:
            screen.type("%s %d" % (proftop.PATH, target.pid))
            screen.wait("LIVE")
            screen.wait("of the time: its cgroup may use 0.2 CPUs")
            cgroup.write(os.path.join(path, "cpu.cfs_quota_us"), -1)
            screen.wait(lambda text: "its cgroup may use" not in text)
            screen.keys("q")


@tap.test("without a quota there is no throttling to tell")
def _():
    top = os.path.join(cgroup.controller(), "cpu.cfs_quota_us")
    if os.path.exists(top):
        with open(top) as quota:
            tap.require(int(quota.read()) < 0, "this machine's own group has a quota")
    with targets.folder() as place, throttled(-1) as (target, _):
        file = os.path.join(place, "a.ptop")
        proftop.record(target.pid, file, 3, 100)
        tap.equal(metrics(file)("throttled_pct"), [], "throttled_pct")
        tap.equal(metrics(file)("quota_cpus"), [], "quota_cpus")
        assert "throttled" not in by_kind(file)
        assert metrics(file)("neighbours_pct"), "no neighbours_pct"
        assert metrics(file)("runqueue_threads"), "no runqueue_threads"


tap.main()
