# SPDX-License-Identifier: GPL-2.0-or-later
"""What watching costs the target, and what proftop costs the machine.

    bench_overhead.py [--pairs N] [--seconds N] [loss] [cost]

loss: a CPU-bound target, native and Python, keeps its speed at 100 Hz. One process does the
      same work again and again, by turns watched and not: half-second turns, because a virtual
      machine's own speed changes by more than what is to be seen. Beside it the same with
      perf record -F 99 --call-graph dwarf, where there is a perf.
cost: proftop's own CPU at 100 Hz on a Python process with 2 threads, 25 frames deep.

Prints one table, and exits 1 if a limit was not kept. Takes about ten minutes.
"""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import measure
import proftop
import targets

SPLIT_PY = os.path.join(targets.PROGRAMS, "split.py")
STEP_S = 0.04
STEPS = 10  # in a turn with or without a watcher
TURNS = 6  # of both, in a pair
LOSS_LIMIT_PCT = 1.0
COST_LIMIT_PCT = 1.0
DEEP = ["--depth", "20", "--threads", "2"]  # main, descend 21 times, work, round, burn: 25


def rounds_for(command, seconds):
    """How many rounds the command's target does in that time."""
    with measure.stepper([*command, "--steps", "5"]) as target:
        target.step_s()
        return max(1, int(5 * seconds / target.step_s()))


def middle_step_s(target):
    """The mean of the middle half of many short steps. Each is long enough to meet some stops, and
    what a machine's neighbours do to a few of them does not count."""
    steps_s = sorted(target.step_s() for _ in range(STEPS))
    half = steps_s[STEPS // 4 : STEPS - STEPS // 4]
    return sum(half) / len(half)


class Proftop:
    """proftop record on a process. Paused, it is asleep as a whole, and the target goes on."""

    def __init__(self, pid, place):
        self.pid, self.sign = pid, os.path.join(place, "out.ptop.part")
        self.command = [proftop.PATH, "record", "-p", str(pid), "-r", "100"]
        self.command += ["-o", os.path.join(place, "out.ptop")]

    @contextlib.contextmanager
    def paused(self, watcher):
        while True:
            os.kill(watcher.pid, signal.SIGSTOP)
            states = lambda: set(targets.thread_states(watcher.pid).values())
            targets.wait_for(lambda: states() == {"T"}, "all of it to sleep")
            if "t" not in targets.thread_states(self.pid).values():
                break  # and not in the middle of a stop
            os.kill(watcher.pid, signal.SIGCONT)
        try:
            yield
        finally:
            os.kill(watcher.pid, signal.SIGCONT)


class Perf:
    """perf record on a process; its events are switched off for a pause."""

    def __init__(self, pid, place):
        self.sign = os.path.join(place, "perf.data")
        self.orders, self.answers = os.path.join(place, "orders"), os.path.join(place, "answers")
        os.mkfifo(self.orders)
        os.mkfifo(self.answers)
        self.command = ["perf", "record", "-q", "-F", "99", "--call-graph", "dwarf", "-p", str(pid)]
        self.command += ["--control", "fifo:%s,%s" % (self.orders, self.answers), "-o", self.sign]

    def order(self, word):
        with open(self.orders, "w") as orders:
            orders.write(word + "\n")
        with open(self.answers) as answers:
            answers.readline()

    @contextlib.contextmanager
    def paused(self, _watcher):
        self.order("disable")
        try:
            yield
        finally:
            self.order("enable")


def losses_of(target, watching, pairs):
    """Percent of its speed that the target loses while it is watched, for each pair of turns."""
    losses_pct = []
    with targets.started(watching.command) as watcher:
        targets.wait_for(lambda: os.path.exists(watching.sign), "the recording")
        time.sleep(measure.START_S)
        for _ in range(pairs):
            watched_s = alone_s = 0
            for _ in range(TURNS):
                watched_s += middle_step_s(target)
                with watching.paused(watcher):
                    alone_s += middle_step_s(target)
            losses_pct.append(100 * (watched_s - alone_s) / watched_s)
        watcher.send_signal(signal.SIGINT)
        watcher.wait(30)
    return losses_pct


def measure_loss(table, name, command, pairs):
    rounds = rounds_for(command, STEP_S)
    has_perf = shutil.which("perf") is not None
    with targets.folder() as place:
        with measure.stepper([*command, "--depth", "20", "--steps", str(rounds)]) as target:
            middle_step_s(target)
            pid = target.process.pid
            losses_pct = losses_of(target, Proftop(pid, place), pairs)
            peer_pct = losses_of(target, Perf(pid, place), pairs) if has_perf else None
    spread = measure.spread_of(losses_pct, "%")
    peer = measure.median(peer_pct) if peer_pct else None
    table.add(
        "speed lost at 100 Hz, %s" % name, measure.median(losses_pct), "%", None, peer, spread
    )
    bound = measure.upper_bound_of_median(losses_pct)
    peer = measure.upper_bound_of_median(peer_pct) if peer_pct else None
    table.add("  its upper 95 % bound", bound, "%", LOSS_LIMIT_PCT, peer)


def measure_cost(table, seconds):
    with targets.folder() as place:
        command = [sys.executable, SPLIT_PY, *DEEP]
        with targets.started(command, ready="ready") as target:
            path = os.path.join(place, "a.ptop")
            watching = ["record", "-p", str(target.pid), "-o", path, "-r", "100"]
            with proftop.started(*watching) as recorder:
                targets.wait_for(lambda: os.path.exists(path + ".part"), "the recording")
                time.sleep(measure.START_S)
                recording = 100 * measure.cores_used(recorder.pid, seconds)
                proftop.interrupt(recorder)
            with measure.Screen(place, 80, 24) as screen:
                screen.type(proftop.PATH, target.pid)
                targets.wait_for(lambda: "burn_sixty" in screen.text(), "the hot table")
                time.sleep(measure.START_S)
                watching = 100 * measure.cores_used(screen.pid(), seconds)
    table.add("own CPU at 100 Hz, recording, Python", recording, "% core", COST_LIMIT_PCT)
    table.add("own CPU at 100 Hz, live screen, Python", watching, "% core", COST_LIMIT_PCT)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("parts", nargs="*", help="loss, cost; both by default")
    options = parser.parse_args()
    parts = options.parts or ["loss", "cost"]
    table = measure.Table()
    table.heading()
    if "loss" in parts:
        with targets.folder() as place:
            native = [targets.program("split", into=place)]
            measure_loss(table, "native", native, options.pairs)
        python = [sys.executable, SPLIT_PY]
        measure_loss(table, "Python", python, options.pairs)
    if "cost" in parts:
        measure_cost(table, options.seconds)
    return 0 if table.kept() else 1


if __name__ == "__main__":
    sys.exit(main())
