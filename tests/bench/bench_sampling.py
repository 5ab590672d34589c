# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sample costs beside the peers, and how many can be had.

    bench_sampling.py [--seconds N] [cost] [rate] [mixed] [threads] [names]

cost:    CPU per sample at 1,000 Hz on a Python process with 2 threads, 25 frames deep, Python frames
         alone without a stop, against CPython's own profiling.sampling (3.15) and austin.
rate:    the highest rate that is sustained on the same, against both.
mixed:   CPU per mixed sample (Python and native) against austinp, and how many stops of a hundred
         last over 100 us.
threads: CPU at 100 Hz on 500 threads of which 490 sleep, native and Python.
names:   from attaching to the first names of a node process, and late ticks meanwhile.

The peers are in the root folder $PROFTOP_PYTHONS_ROOT. One table; exits 1 if a limit was not kept.
"""

import argparse
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import measure
import proftop
import tap
import targets

SPLIT_PY = os.path.join(targets.PROGRAMS, "split.py")
DEEP = ["--depth", "20", "--threads", "2"]  # main, descend 21 times, work, round, burn: 25
ROUNDS = 3
MANY = {
    "native": """
#include <pthread.h>
#include <unistd.h>
static void *sleeps(void *a) { for (;;) pause(); return a; }
static void *works(void *a) { for (;;) { for (volatile int i = 0; i < 100000; i++) ; usleep(3000); } return a; }
int main(void) {
    pthread_attr_t attr; pthread_t t;
    pthread_attr_init(&attr); pthread_attr_setstacksize(&attr, 65536);
    for (int i = 0; i < 490; i++) pthread_create(&t, &attr, sleeps, 0);
    for (int i = 0; i < 9; i++) pthread_create(&t, &attr, works, 0);
    write(1, "ready\\n", 6); pause();
}
""",
    "Python": """
import threading, time
def sleeps():
    time.sleep(1000)
def works():
    while True:
        for i in range(20000): pass
        time.sleep(0.003)
for i in range(490): threading.Thread(target=sleeps, daemon=True).start()
for i in range(9): threading.Thread(target=works, daemon=True).start()
print("ready", flush=True)
time.sleep(1000)
""",
}


def pythons_root():
    """The root folder of newer Pythons and austin; skips without it."""
    path = os.environ.get("PROFTOP_PYTHONS_ROOT")
    tap.require(path and os.access(path + "/usr/bin/austin", os.X_OK), "no PROFTOP_PYTHONS_ROOT")
    return path


def python_of(minor):
    return next(p for p in targets.pythons() if p.root == pythons_root() and p.minor == minor)


def proftop_run(pid, seconds, rate, *more):
    """CPU seconds and samples a second, its start left out; and its costs."""
    with targets.folder() as place:
        path = os.path.join(place, "a.ptop")
        watching = ["record", "-p", str(pid), "-o", path, "-r", str(rate), "-d", str(seconds)]
        with proftop.started(*watching, "--budget", "off", *more) as process:
            time.sleep(measure.START_S)
            cores = measure.cores_used(process.pid, seconds - measure.START_S - 1)
            assert process.wait(30) == 0, "record failed"
        cost = measure.costs(path)
    return cores, cost["samples"] / seconds, cost


def tachyon_run(pid, seconds, rate):
    """CPython 3.15's own profiler: samples are of both threads at once, so each counts twice."""
    command = ["chroot", pythons_root(), "python3.15", "-m", "profiling.sampling", "attach", "-a"]
    command += ["-r", str(int(rate)), "-d", str(seconds), "--collapsed", "-o", "/dev/null", str(pid)]
    with targets.started(command, stderr=subprocess.STDOUT, stdout=subprocess.PIPE) as process:
        time.sleep(measure.START_S)
        cores = measure.cores_used(process.pid, seconds - measure.START_S - 1)
        said = process.communicate(timeout=60)[0].decode()
    found = re.search(r"Captured ([\d,]+) samples in ([\d.]+) seconds", said)
    assert found, said
    return cores, 2 * int(found.group(1).replace(",", "")) / float(found.group(2))


def austin_run(pid, seconds, rate, program="austin"):
    """Cores that austin uses and samples of a thread a second; its start is left out."""
    inside = os.path.join("/tmp", "austin-%d.out" % os.getpid())
    command = ["chroot", pythons_root(), program, "-i", "%dus" % max(1, int(1e6 / rate))]
    command += ["-x", str(seconds), "-o", inside, "-p", str(pid)]
    try:
        with targets.started(command) as process:
            time.sleep(measure.START_S)
            cores = measure.cores_used(process.pid, seconds - measure.START_S - 1)
            process.wait(60)
        with open(pythons_root() + inside, errors="replace") as output:
            samples = sum(1 for line in output if line.startswith("P"))
    finally:
        if os.path.exists(pythons_root() + inside):
            os.remove(pythons_root() + inside)
    assert samples > 0, program + " took no sample"
    return cores, samples / seconds


def side_by_side(python, seconds, ours, theirs):
    """Medians of rounds taken by turns, as (cores, samples a second), and our last costs."""
    mine, peers, cost = [], [], {}
    with python.script(SPLIT_PY) as script:
        with targets.started([*python.command, script, *DEEP], ready="ready") as target:
            for _ in range(ROUNDS):
                peers.append(theirs(target.pid, seconds))
                cores, rate, cost = ours(target.pid, seconds)
                mine.append((cores, rate))
    return middle(mine), middle(peers), cost


def middle(pairs):
    return tuple(measure.median([pair[i] for pair in pairs]) for i in (0, 1))


def us_per_sample(run):
    return 1e6 * run[0] / run[1]


PEERS = (
    ("profiling.sampling", "3.15", tachyon_run),
    ("austin", "3.13", austin_run),
)


def measure_cost(table, seconds):
    for name, minor, run in PEERS:
        mine, peer, _ = side_by_side(
            python_of(minor),
            seconds,
            lambda pid, s: proftop_run(pid, s, 1000, "--no-native"),
            lambda pid, s: run(pid, s, 1000),
        )
        ours, theirs = us_per_sample(mine), us_per_sample(peer)
        what = "CPU per sample at 1,000 Hz, %s, %s" % (minor, name)
        rates = "samples/s: %.0f, %s %.0f" % (mine[1], name, peer[1])
        table.add(what, ours, "us", theirs / 3, theirs, rates)


def measure_rate(table, seconds):
    for name, minor, run in PEERS:
        mine, peer, _ = side_by_side(
            python_of(minor),
            seconds,
            lambda pid, s: proftop_run(pid, s, 1000000, "--no-native"),
            lambda pid, s: run(pid, s, 1000000),
        )
        what = "highest rate, %s, times %s's" % (minor, name)
        rates = "samples/s: %.0f, %s %.0f" % (mine[1], name, peer[1])
        # The limit is a least one: shown as how much of it is missing.
        table.add(what, 3 / (mine[1] / peer[1]), "of 1", 1, None, rates)


def measure_mixed(table, seconds):
    mine, peer, cost = side_by_side(
        python_of("3.13"),
        seconds,
        lambda pid, s: proftop_run(pid, s, 100),
        lambda pid, s: austin_run(pid, s, 100, "austinp"),
    )
    ours, theirs = us_per_sample(mine), us_per_sample(peer)
    rates = "samples/s: %.0f, austinp %.0f" % (mine[1], peer[1])
    table.add("CPU per mixed sample at 100 Hz", ours, "us", theirs / 50, theirs, rates)
    long_pct = 100 * cost["long_stops"] / max(1, cost["stops"])
    spread = "mean %.0f us of %d" % (cost["stopped_ns"] / 1e3 / cost["stops"], cost["stops"])
    table.add("stops that last over 100 us", long_pct, "%", 1.0, None, spread)


def measure_threads(table, seconds):
    with targets.folder() as place:
        source, binary = os.path.join(place, "many.c"), os.path.join(place, "many")
        with open(source, "w") as f:
            f.write(MANY["native"])
        subprocess.run(["gcc", "-O1", source, "-o", binary, "-lpthread"], check=True)
        script = os.path.join(place, "many.py")
        with open(script, "w") as f:
            f.write(MANY["Python"])
        for kind, command in (("native", [binary]), ("Python", [sys.executable, script])):
            with targets.started(command, ready="ready") as target:
                cores, rate, _ = proftop_run(target.pid, seconds, 100)
            what = "CPU at 100 Hz, 500 threads, 490 asleep, %s" % kind
            table.add(what, 100 * cores, "% core", 5.0, None, "%.0f samples/s" % rate)


def measure_names(table, seconds):
    node = targets.tool("node")
    loop = "console.log('ready'); for (;;) JSON.parse(JSON.stringify({a: [1, 2, 3], b: 'x'.repeat(50)}));"
    took_s, late = [], 0
    with targets.started([node, "-e", loop], ready="ready") as target:
        for _ in range(ROUNDS):
            with targets.folder() as place, measure.Screen(place, 80, 24) as screen:
                begin_s = time.monotonic()
                screen.type(proftop.PATH, target.pid)
                targets.wait_for(lambda: "v8::" in screen.text(), "V8's names", 20)
                took_s.append(time.monotonic() - begin_s)
                screen.keys("q")
        _, _, cost = proftop_run(target.pid, seconds, 100)
        late = cost["late_ticks"]
    spread = measure.spread_of(took_s, "s")
    table.add("first names of node", measure.median(took_s), "s", 0.7, None, spread)
    table.add("late ticks on node", late, "ticks", 0, None)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("parts", nargs="*")
    options = parser.parse_args()
    table = measure.Table()
    table.heading()
    parts = (
        ("cost", measure_cost),
        ("rate", measure_rate),
        ("mixed", measure_mixed),
        ("threads", measure_threads),
        ("names", measure_names),
    )
    for name, part in parts:
        if options.parts and name not in options.parts:
            continue
        try:
            part(table, options.seconds)
        except tap.Skip as reason:
            print("%s left out: %s" % (name, reason))
    return 0 if table.kept() else 1


if __name__ == "__main__":
    sys.exit(main())
