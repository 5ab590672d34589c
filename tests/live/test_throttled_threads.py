# SPDX-License-Identifier: GPL-2.0-or-later
"""A thread that its control group throttles is sampled without harm: its time is time ready to run,
not running, and neither it nor the thread beside it is held for longer than a copy takes.

A thread that is throttled takes up to a period of the scheduler to answer a stop. The truth is the
kernel's own account of each thread, schedstat.
"""

import contextlib
import os
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import cgroup
import proftop
import tap
import targets

QUOTA_US = 20000  # a fifth of a CPU
SECONDS = 6
HELD_MAX_PCT = 5  # of the looks at a thread that find it in a tracer's stop
STOPPED_MAX_PCT = 2  # a copy takes up to 0.2 ms on a slow machine, a hundred times a second
SPLIT_PY = os.path.join(targets.PROGRAMS, "split.py")


@contextlib.contextmanager
def two_threads():
    """A program with two threads that want a CPU, one of them throttled: (process, free, capped)

    Only version 1 has groups for single threads.
    """
    with targets.folder() as place, cgroup.group(QUOTA_US) as path:
        binary = targets.program("spin_pair", into=place)
        with targets.started([binary], ready="ready") as target:

            def busy():
                states = targets.thread_states(target.pid)
                return sorted(tid for tid, state in states.items() if state == "R")

            tids = targets.wait_for(lambda: len(busy()) >= 2 and busy(), "two busy threads")
            cgroup.write(os.path.join(path, "tasks"), tids[-1])
            yield target, tids[0], tids[-1]


def account(pid, tid):
    """The kernel's: how long it ran, and how long it waited for a CPU, in seconds."""
    with open("/proc/%d/task/%d/schedstat" % (pid, tid)) as schedstat:
        ran, waited, _ = schedstat.read().split()
    return int(ran) / 1e9, int(waited) / 1e9


class Looks(threading.Thread):
    """Looks at the threads' states all the time: how many looks found a tracer's stop."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self._pid, self._end = pid, False
        self.looks = self.held = 0
        self.start()

    def run(self):
        while not self._end:
            for state in targets.thread_states(self._pid).values():
                self.looks += 1
                self.held += state == "t"
            time.sleep(0.001)

    def end(self):
        self._end = True
        self.join()
        return 100.0 * self.held / self.looks


def record(pid, tids, into, *more):
    """Records; (the view of threads by tid, the kernel's running share of each meanwhile)."""
    before = {tid: account(pid, tid) for tid in tids}
    looks = Looks(pid)
    proftop.record(pid, into, SECONDS, 100, *more)
    held_pct = looks.end()
    shares = {}
    for tid in tids:
        ran, waited = (b - a for a, b in zip(before[tid], account(pid, tid)))
        shares[tid] = 100 * ran / (ran + waited)
    shown = proftop.report(into, "threads")
    tap.note(
        "%s: %d samples, %d lost, %.1f%% of %d looks found a stop"
        % (shown["engine"], shown["samples"], shown["lost_samples"], held_pct, looks.looks)
    )
    assert looks.looks > 200, "too few looks to tell: %d" % looks.looks
    assert held_pct < HELD_MAX_PCT, "held: %.1f%% of the looks" % held_pct
    # Of all the threads' time; each stop of a throttled one would else be a period of 100 ms.
    stopped_pct = 100 * shown["stopped_s"] / (SECONDS * len(tids))
    assert stopped_pct < STOPPED_MAX_PCT, "stopped for %.2f%%" % stopped_pct
    assert shown["lost_samples"] < 0.02 * shown["samples"], shown["lost_samples"]
    tap.equal(targets.tracer_of(pid), 0, "who traces it afterwards")
    return {row["tid"]: row for row in shown["rows"]}, shares


def check_shares(rows, shares, within):
    for tid, running_pct in shares.items():
        row = rows[tid]
        tap.note("thread %d: %.1f%%, truly %.1f" % (tid, row["running_pct"], running_pct))
        tap.near(row["running_pct"], running_pct, within, "running_pct of %d" % tid)
        tap.near(row["runnable_pct"], 100 - running_pct, within, "runnable_pct of %d" % tid)


def check_native(engine, within):
    with targets.folder() as place, two_threads() as (target, free, capped):
        rows, shares = record(
            target.pid, [free, capped], os.path.join(place, "a.ptop"), "--engine", engine
        )
        assert shares[capped] < 35, "the kernel has not throttled it: %.1f%%" % shares[capped]
        check_shares(rows, shares, within)
        # It goes on as before, at once.
        begin = account(target.pid, capped)[0]
        targets.wait_for(lambda: account(target.pid, capped)[0] > begin, "the thread to run on")


tap.test("a native thread, stopped for each sample", "ptrace", 10)(check_native)
tap.test("a native thread, by perf events", "perf", 6)(check_native)


def check_python(*more):
    with targets.folder() as place, cgroup.group(QUOTA_US) as path:
        with targets.started([sys.executable, SPLIT_PY], ready="ready") as target:
            cgroup.write(os.path.join(path, "cgroup.procs"), target.pid)
            rows, shares = record(target.pid, [target.pid], os.path.join(place, "a.ptop"), *more)
            assert shares[target.pid] < 35, "not throttled: %s" % shares
            check_shares(rows, shares, 10)
            said = proftop.ok("doctor", target.pid).splitlines()
            at = next(i for i, line in enumerate(said) if "CPU quota" in line)
            assert "0.20 CPUs" in said[at] and "cpu.cfs_quota_us" in said[at + 1], said


tap.test("a Python thread, stopped for each sample")(check_python)
tap.test("a Python thread that is read while it moves", "--no-native")(check_python)

tap.main()
