# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that works a little all the time, and hard for a moment every few seconds.

    burst.py [EVERY_S [FIRST_S [BURST_S]]]

steady_work() is on the CPU for about a tenth of the time; rebuild_index(), on a thread of its own,
uses BURST_S of CPU time (0.8) FIRST_S (4) from the beginning and EVERY_S (8) after each end. On a
machine that gives it no CPU it stops after three times as long: what goes on for half of the time
is no burst any more.
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


def bursts(every_s, first_s, burst_s):
    time.sleep(first_s)
    while True:
        rebuild_index(burst_s, 3 * burst_s)
        time.sleep(every_s)


def main():
    defaults = [8.0, 4.0, 0.8]
    words = [float(word) for word in sys.argv[1:]]
    settings = words + defaults[len(words) :]
    threading.Thread(target=bursts, args=settings, daemon=True).start()
    print("ready", flush=True)
    while True:
        steady_work(0.01)
        time.sleep(0.1)


if __name__ == "__main__":
    main()
