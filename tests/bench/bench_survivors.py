# SPDX-License-Identifier: GPL-2.0-or-later
"""What survivor sampling costs.

    bench_survivors.py [--turns N] [call] [loss] [enlarged] [maps]

call: a probed call of malloc with 4 KB of stack, against perf record with a return probe of its
      own and --call-graph dwarf,4096, by turns on one process. perf wants a tracefs: one is
      mounted for it in a mount namespace of its own, and its probe is removed.
loss: how much slower targets that do nothing but allocate run while they are sampled as users
      do it, by turns sampled and not.
enlarged: how much slower a target that touches new pages without end runs while what enlarges it is
      looked at.
maps: the same of one that does nothing but map and unmap, more than 100,000 times a second where
      the machine can.

Needs root and the unit tests' programs (BUILDDIR). Prints one table; exits 1 if a limit was not
kept. Takes about five minutes.
"""

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import measure
import survivors
import targets

CALLS = 2000
RATIO_LIMIT = 1.2
LOSS_LIMIT_PCT = 5.0
ENLARGED_LIMIT_PCT = 2.0
TURN_S, SETTLE_S = 0.5, 0.15
ALLOC_PY = os.path.join(targets.PROGRAMS, "alloc_steps.py")
PROBE = "proftop_bench"


def libc_of(pid):
    with open("/proc/%d/maps" % pid) as maps:
        return next(line.split()[-1] for line in maps if "/libc.so" in line)


@contextlib.contextmanager
def in_front(command, ready_s=1.0):
    """A command for the time of the block, from when it has settled; ended as Ctrl-C does."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(ready_s)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def step_ns(target, steps=15):
    """CPU time of a malloc and free, in the middle of some steps."""
    return statistics.median(target.step_s() for _ in range(steps)) * 1e9 / CALLS


def perf_in_namespace(words):
    script = "{ test -e /sys/kernel/tracing/events || mount -t tracefs tracefs /sys/kernel/tracing; } && exec \"$@\""
    return [*targets.unshare("-m"), "sh", "-c", script, "sh", *words]


@contextlib.contextmanager
def perf_probe(libc):
    """perf's own return probe on malloc, as long as the block lasts."""
    perf = targets.tool("perf")
    add = [perf, "probe", "-q", "-x", libc, "%s=malloc%%return" % PROBE]
    subprocess.run(perf_in_namespace(add), check=True, stderr=subprocess.DEVNULL)
    try:
        yield "probe_libc:%s__return" % PROBE
    finally:
        subprocess.run(perf_in_namespace([perf, "probe", "-q", "-d", "probe_libc:%s*" % PROBE]))


def call_cost(turns, place):
    """Nanoseconds added to a call: ours and perf's, the medians of some turns."""
    binary = targets.program("alloc_steps", into=place)
    ours, perfs = [], []
    with measure.stepper([binary, str(CALLS)]) as target:
        pid = target.process.pid
        with perf_probe(libc_of(pid)) as event:
            record = [targets.tool("perf"), "record", "-q", "-o", os.path.join(place, "perf.data")]
            record += ["-e", event, "-c", "1", "--call-graph", "dwarf,4096", "-p", str(pid)]
            for _ in range(turns):
                plain = step_ns(target)
                with in_front([survivors.TOOL, str(pid), "always"]):
                    ours.append(step_ns(target) - plain)
                with in_front(perf_in_namespace(record)):
                    perfs.append(step_ns(target) - plain)
    return statistics.median(ours), statistics.median(perfs)


def mean_step_s(target, seconds):
    end_s, count, spent_s = time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < end_s:
        spent_s += target.step_s()
        count += 1
    return spent_s / count


def loss(command, turns, *what):
    """The median of the losses of some turns, in percent of CPU time, and what sampling says of it.
    A turn is short: a virtual machine's own speed changes by more than what is to be seen."""
    losses = []
    with measure.stepper(command) as target:
        words = survivors.command(target.process.pid, *(what or (3600, 1)))
        sampling = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            mean_step_s(target, 1)  # it begins
            for _ in range(turns):
                on_s = mean_step_s(target, TURN_S)
                sampling.send_signal(signal.SIGUSR1)
                mean_step_s(target, SETTLE_S)
                off_s = mean_step_s(target, TURN_S)
                sampling.send_signal(signal.SIGUSR1)
                mean_step_s(target, SETTLE_S)
                losses.append(100 * (1 - off_s / on_s))
            assert sampling.poll() is None, "sampling has ended"
        finally:
            sampling.kill()
            sampling.wait()
    return statistics.median(losses)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("what", nargs="*", choices=["call", "loss", "enlarged", "maps", []])
    arguments = parser.parse_args()
    what = arguments.what or ["call", "loss", "enlarged", "maps"]
    kept = True
    with targets.folder() as place:
        if "call" in what:
            ours, perfs = call_cost(arguments.turns, place)
            kept &= ours <= RATIO_LIMIT * perfs
            print("a probed malloc: ours %.0f ns, perf's %.0f ns, ratio %.2f (limit %.2f)"
                  % (ours, perfs, ours / perfs, RATIO_LIMIT))
        if "loss" in what:
            native = [targets.program("alloc_steps", into=place), "50000"]
            for name, command in [("malloc", native)] + [
                (python.label, [*python.command, ALLOC_PY, "200"])
                for python in targets.pythons()
                if not python.root and python.minor in ("3.8", "3.12")
            ]:
                lost = loss(command, 8 * arguments.turns)
                kept &= lost <= LOSS_LIMIT_PCT
                print("loss of %s: %.1f %% (limit %.1f)" % (name, lost, LOSS_LIMIT_PCT))
        if "enlarged" in what:
            command = [targets.program("alloc_steps", into=place), "50", "1000000"]
            lost = loss(command, 8 * arguments.turns, "enlarged")
            kept &= lost <= ENLARGED_LIMIT_PCT
            print("loss to what enlarges: %.1f %% (limit %.1f)" % (lost, ENLARGED_LIMIT_PCT))
        if "maps" in what:
            command = [targets.program("alloc_steps", into=place), "2000", "1000000", "untouched"]
            with measure.stepper(command) as target:
                per_s = 2000 / mean_step_s(target, 1)
            lost = loss(command, 8 * arguments.turns, "enlarged")
            kept &= lost <= ENLARGED_LIMIT_PCT
            print("loss of %.0f maps and unmaps a second: %.1f %% (limit %.1f)"
                  % (per_s, lost, ENLARGED_LIMIT_PCT))
    sys.exit(not kept)


main()
