# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that works a little all the time, and hard for a moment every few seconds.

    burst.py [EVERY_S [BURST_S]]

steady_work() is on the CPU for about a tenth of the time; rebuild_index(), on a thread of its own,
uses BURST_S of CPU time (0.8) each EVERY_S (8), for the first time after half of that. On a machine
that gives it no CPU it stops after a quarter of EVERY_S: what goes on for half of the time is no
burst any more.
"""

import sys
import threading
import time


def steady_work(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(500))


def rebuild_index(seconds, at_most_s):
    end = time.thread_time() + seconds
    deadline = time.monotonic() + at_most_s
    total = 0
    while time.thread_time() < end and time.monotonic() < deadline:
        for i in range(2000):
            total += i * i
    return total


def bursts(every_s, burst_s):
    time.sleep(every_s / 2)
    while True:
        rebuild_index(burst_s, every_s / 4)
        time.sleep(every_s)


def main():
    every_s = float(sys.argv[1]) if len(sys.argv) > 1 else 8
    burst_s = float(sys.argv[2]) if len(sys.argv) > 2 else 0.8
    worker = threading.Thread(target=bursts, args=(every_s, burst_s), daemon=True)
    worker.start()
    print("ready", flush=True)
    while True:
        steady_work(0.01)
        time.sleep(0.1)


if __name__ == "__main__":
    main()
