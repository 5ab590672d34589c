# SPDX-License-Identifier: GPL-2.0-or-later
"""A service that leaks, warms up, or breathes, at a rate known by construction.

    leak.py [--kind leak|sawtooth|warm-up] [--per-s N] [--warm-s S] [--heap N] [--size BYTES]

Items are added on a clock, so that the rate holds whatever the machine does meanwhile:
leak: for ever, to the dict Cache.shared.entries; sawtooth: to a list that is emptied every 3 s;
warm-up: for --warm-s seconds. --heap objects of other types are there before, and are replaced all
the time. Runs on any Python from 3.6.
"""

import argparse
import time


class Entry:
    def __init__(self, number, size):
        self.number = number
        self.text = "%d" % number + "x" * size


class Other:
    def __init__(self, number):
        self.number = number


class Cache:
    shared = None

    def __init__(self):
        self.entries = {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=("leak", "sawtooth", "warm-up"), default="leak")
    parser.add_argument("--per-s", type=float, default=1000.0)
    parser.add_argument("--warm-s", type=float, default=4.0)
    parser.add_argument("--heap", type=int, default=10000)
    parser.add_argument("--size", type=int, default=40)
    options = parser.parse_args()
    cache = Cache.shared = Cache()
    others = [Other(number) for number in range(options.heap)]
    teeth = []
    print("ready", flush=True)
    start_s = emptied_s = time.monotonic()
    number = 0
    while True:
        now_s = time.monotonic()
        due_s = now_s - start_s
        if options.kind == "warm-up":
            due_s = min(due_s, options.warm_s)
        while number < due_s * options.per_s:
            entry = Entry(number, options.size)
            if options.kind == "sawtooth":
                teeth.append(entry)
            else:
                cache.entries["key-%d" % number] = entry
            number += 1
        if options.kind == "sawtooth" and now_s > emptied_s + 3:
            teeth.clear()
            emptied_s = now_s
        for i in range(0, options.heap, 10):
            others[(i + number) % options.heap] = Other(i)
        time.sleep(0.01)


if __name__ == "__main__":
    main()
