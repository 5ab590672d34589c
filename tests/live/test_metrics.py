# SPDX-License-Identifier: GPL-2.0-or-later
"""Metrics of real processes: descriptors, threads by state, the GIL; and none where there is none."""

import contextlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets

# Two threads that always want the GIL, and one that sleeps; 100 descriptors more than at first.
CONTENDED = """
import threading, time
def work():
    while True:
        sum(range(1000))
for _ in range(2):
    threading.Thread(target=work, daemon=True).start()
files = [open("/dev/null") for _ in range(100)]
print("ready", flush=True)
time.sleep(600)
"""
STATES = ["running_threads", "runnable_threads", "waiting_threads", "idle_threads"]
GIL = ["gil_held_pct", "gil_wait_pct", "gc_pct"]
NO_SOURCE = ["loop_lag_s", "p50_s", "p95_s", "p99_s", "error_pct", "requests_per_s"]
NO_SOURCE += ["active_requests"]


@contextlib.contextmanager
def rows_of(pid, place, seconds):
    path = os.path.join(place, "a.ptop")
    proftop.record(pid, path, seconds, 100)
    yield proftop.report(path, "timeline")["rows"]


def middle(rows, key):
    """The middle one of a metric's points; None without one."""
    values = sorted(row[key] for row in rows if row[key] is not None)
    return values[len(values) // 2] if values else None


@tap.test("threads that contend for the GIL")
def _():
    with targets.folder() as place:
        with targets.started([sys.executable, "-c", CONTENDED], ready="ready") as target:
            fds = len(os.listdir("/proc/%d/fd" % target.pid))
            with rows_of(target.pid, place, 5) as rows:
                tap.note({key: middle(rows, key) for key in STATES + GIL})
                tap.equal(middle(rows, "open_fds"), fds, "descriptors")
                assert fds > 100 and 0 < middle(rows, "open_fds_pct") <= 100, fds
                tap.near(sum(middle(rows, key) for key in STATES), 3, 0.3, "all threads")
                tap.near(middle(rows, "idle_threads"), 1, 0.15, "the one that sleeps")
                assert middle(rows, "gil_held_pct") > 50, "it is hardly held"
                assert middle(rows, "gil_wait_pct") > 10, "it is hardly wanted"
                assert middle(rows, "gc_pct") < 20, "nothing is collected"
                for key in NO_SOURCE:
                    tap.equal(middle(rows, key), None, key)


@tap.test("a program without a GIL has no figures of one, and an idle one is idle")
def _():
    with targets.folder() as place, targets.started(["sleep", "600"]) as target:
        asleep = lambda: set(targets.thread_states(target.pid).values()) == {"S"}
        targets.wait_for(asleep, "it to sleep")
        with rows_of(target.pid, place, 4) as rows:
            for key in GIL:
                tap.equal(middle(rows, key), None, key)
            tap.near(middle(rows, "idle_threads"), 1, 0.05, "idle")
            tap.equal(middle(rows, "running_threads"), 0, "running")
            assert middle(rows, "net_received_bytes_per_s") is not None, "no network figures"
            assert all(row["cpu_pct"] != 0 or row["threads"] for row in rows), rows


tap.main()
