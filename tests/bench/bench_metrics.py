# SPDX-License-Identifier: GPL-2.0-or-later
"""What the metrics cost once a second: reading them, taking them in with the alerts, and the
threads' states; for a process of 4 threads, one of 500, and a family of 100 processes.

    bench_metrics.py [--repeat N]

In CPU time, so that other programs disturb it little; the least of N. Prints one table, and exits 1
if a limit was not kept. Takes some seconds. The unit tests must have been built (BUILDDIR).
"""

import argparse
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import measure
import targets

TOOL = os.path.join(os.environ.get("BUILDDIR", "."), "tests", "unit", "engine_metrics")
LIMIT_PCT = 0.2  # of a core
THREADS = """
import sys, threading
threading.stack_size(1 << 16)
stay = threading.Event()
for _ in range(int(sys.argv[1]) - 1):
    threading.Thread(target=stay.wait, daemon=True).start()
print("ready", flush=True)
stay.wait()
"""


FAMILY = """
import os, time
parent = os.getpid()
for _ in range(99):
    if os.getpid() == parent:
        os.fork()
if os.getpid() == parent:
    print("ready", flush=True)
while True:
    time.sleep(0.1)
"""


def round_ns(pids):
    """What the tool prints: figures by name."""
    words = subprocess.check_output([TOOL, *map(str, pids)]).decode().split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2])}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    table = measure.Table()
    table.heading()
    cases = [("%d threads" % n, [THREADS, str(n)]) for n in (4, 500)] + [("100 processes", [FAMILY])]
    for name, script in cases:
        with targets.started([sys.executable, "-c", *script], ready="ready") as target:
            pids = [target.pid, *targets.children(target.pid)]
            rounds = [round_ns(pids) for _ in range(options.repeat)]
        least = {key: min(r[key] for r in rounds) for key in rounds[0]}
        what = "metrics of %s: " % name
        table.add(what + "reading", least["read"] / 1e3, "us/s", None)
        table.add(what + "taking in", least["add"] / 1e3, "us/s", None)
        table.add(what + "their states", least["states"] / 1e3, "us/s", None)
        table.add(what + "in all", sum(least.values()) / 1e7, "% core", LIMIT_PCT)
    return 0 if table.kept() else 1


if __name__ == "__main__":
    sys.exit(main())
