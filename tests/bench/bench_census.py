# SPDX-License-Identifier: GPL-2.0-or-later
"""What a census takes, and what it costs the target.

    bench_census.py [--pairs N] [python] [loss] [native]

python: how long 1 and 10 million Python objects take to be counted, and proftop's memory meanwhile.
loss:   a Python process with a million objects keeps its speed while they are counted again and
        again: short steps of work, by turns with a census under way and without.
native: how long a glibc heap of 1 GB takes.

One table; exits 1 if a limit was not kept. About five minutes, and 4 GB of memory.
"""

import argparse
import contextlib
import glob
import os
import re
import sqlite3
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import measure
import proftop
import targets

PYTHON = """
import sys, time
count = int(sys.argv[1]) // 2
held = [(number, number + 0.5) for number in range(count)]  # a tuple and a float each
for chunk in range(0, count, 1000):
    held[chunk] = (chunk, str(chunk))
print("ready", flush=True)
for line in sys.stdin:
    start_s = time.monotonic()
    total = 0
    for number in range(200000):
        item = held[number * 7919 % count]
        total += item[0]
        held[number % count] = (number, total + 0.5)
    print("%.6f" % (time.monotonic() - start_s), flush=True)
"""
NATIVE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void)
{
    for (size_t sum = 0; sum < 1u << 30;) {
        size_t size = 24 + (size_t)rand() % 200;
        memset(malloc(size), 1, size);
        sum += size + 16;
    }
    puts("ready");
    fflush(stdout);
    pause();
}
"""
PYTHON_LIMITS_S = {1: 0.15, 10: 1.5}
NATIVE_LIMIT_S = 1.0
LOSS_LIMIT_PCT = 2.0
TURNS = 4


def censuses(path):
    """(seconds, objects) of each census in a recording."""
    with contextlib.closing(sqlite3.connect(path)) as base:
        rows = base.execute(
            "SELECT duration_ns / 1e9, (SELECT sum(count) FROM census_type WHERE census = id)"
            " FROM census ORDER BY id"
        )
        return list(rows)


def peak_rss_bytes(pid):
    with open("/proc/%d/status" % pid) as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) * 1024


def rss_bytes(pid):
    with open("/proc/%d/status" % pid) as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024


def count_heap(pid, seconds):
    """The censuses of a recording, and the recorder's largest RSS."""
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        with proftop.started("record", "-p", str(pid), "-o", path, "-r", "10") as recorder:
            time.sleep(seconds)
            peak = peak_rss_bytes(recorder.pid)
            proftop.interrupt(recorder)
        return censuses(path), peak


def measure_python(table):
    for millions, limit_s in PYTHON_LIMITS_S.items():
        command = ["/usr/bin/python3", "-c", PYTHON, str(millions * 1000000)]
        with measure.stepper(command) as target:
            pid = target.process.pid
            found, peak = count_heap(pid, 12 + 2 * millions)
            heap = rss_bytes(pid)
        took_s = [seconds for seconds, _ in found]
        what = "%d million Python objects counted" % millions
        table.add(what, measure.median(took_s), "s", limit_s, None, measure.spread_of(took_s, "s"))
        print("   %d objects in the last census" % found[-1][1])
        table.add("  proftop's RSS at the most", peak / 1e6, "MB", 64 + 30 + 0.05 * heap / 1e6)


def census_thread(pid):
    for path in glob.glob("/proc/%d/task/*/comm" % pid):
        with open(path) as comm:
            if comm.read().strip() == "census":
                return os.path.dirname(path) + "/schedstat"
    raise AssertionError("no census thread")


def wait_until_idle(schedstat):
    def rests():
        with open(schedstat) as before:
            was = before.read()
        time.sleep(0.03)
        with open(schedstat) as after:
            return after.read() == was

    targets.wait_for(rests, "the census's end")


def measure_loss(table, pairs):
    losses_pct = []
    command = ["/usr/bin/python3", "-c", PYTHON, "1000000"]
    with targets.folder() as place, measure.stepper(command) as target:
        with measure.Screen(place, 80, 24) as screen:
            screen.type(proftop.PATH, target.process.pid)
            targets.wait_for(lambda: "LIVE" in screen.text(), "the screen")
            worker = census_thread(screen.pid())
            target.step_s()
            for _ in range(pairs):
                counted_s = alone_s = 0
                for _ in range(TURNS):
                    wait_until_idle(worker)
                    screen.keys("R", "R")
                    counted_s += target.step_s()
                    wait_until_idle(worker)
                    screen.keys("n", "n")  # the same for tmux, and nothing for proftop
                    alone_s += target.step_s()
                losses_pct.append(100 * (counted_s - alone_s) / counted_s)
            screen.keys("q")
    spread = measure.spread_of(losses_pct, "%")
    table.add("speed lost while counted", measure.median(losses_pct), "%", None, None, spread)
    bound = measure.upper_bound_of_median(losses_pct)
    table.add("  its upper 95 % bound", bound, "%", LOSS_LIMIT_PCT)


def measure_native(table):
    with targets.folder() as place:
        source, binary = os.path.join(place, "heap.c"), os.path.join(place, "heap")
        with open(source, "w") as file:
            file.write(NATIVE)
        subprocess.run(["gcc", "-O2", "-o", binary, source], check=True)
        with targets.started([binary], ready="ready") as process:
            found, peak = count_heap(process.pid, 12)
            heap = rss_bytes(process.pid)
    took_s = [seconds for seconds, _ in found]
    what = "a glibc heap of 1 GB counted"
    table.add(what, measure.median(took_s), "s", NATIVE_LIMIT_S, None, measure.spread_of(took_s, "s"))
    table.add("  proftop's RSS at the most", peak / 1e6, "MB", 64 + 30 + 0.05 * heap / 1e6)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("parts", nargs="*", choices=["python", "loss", "native", []])
    options = parser.parse_args()
    parts = options.parts or ["python", "loss", "native"]
    table = measure.Table()
    table.heading()
    if "python" in parts:
        measure_python(table)
    if "loss" in parts:
        measure_loss(table, options.pairs)
    if "native" in parts:
        measure_native(table)
    sys.exit(0 if table.kept() else 1)


main()
