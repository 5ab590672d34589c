# SPDX-License-Identifier: GPL-2.0-or-later
"""What the metrics cost once a second: reading them, taking them in with the alerts, and the
threads' states; for a process of 4 threads and for one of 500.

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


def round_ns(pid):
    """What the tool prints: figures by name."""
    words = subprocess.check_output([TOOL, str(pid)]).decode().split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2])}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    table = measure.Table()
    table.heading()
    for threads in (4, 500):
        command = [sys.executable, "-c", THREADS, str(threads)]
        with targets.started(command, ready="ready") as target:
            rounds = [round_ns(target.pid) for _ in range(options.repeat)]
        least = {name: min(r[name] for r in rounds) for name in rounds[0]}
        what = "metrics of %d threads: " % threads
        table.add(what + "reading", least["read"] / 1e3, "us/s", None)
        table.add(what + "taking in", least["add"] / 1e3, "us/s", None)
        table.add(what + "their states", least["states"] / 1e3, "us/s", None)
        table.add(what + "in all", sum(least.values()) / 1e7, "% core", LIMIT_PCT)
    return 0 if table.kept() else 1


if __name__ == "__main__":
    sys.exit(main())
