# SPDX-License-Identifier: GPL-2.0-or-later
"""split.c's twin: of its CPU time burn_sixty takes 60 %, burn_thirty 30 % and burn_ten 10 %.

Every iteration costs the same (the same squares are added up each time), and the three take 6,
3 and 1 parts of each short burst, in an order drawn anew for each.

    split.py [--seconds N] [--sleep-ms N] [--pace-ms N] [--slow sixty|thirty|ten]
             [--steps ROUNDS] [--depth N] [--threads N]

The options are split.c's; --threads has several threads do the same. Runs on any Python from 3.6.
"""

import argparse
import itertools
import random
import sys
import threading
import time

BURSTS_PER_ROUND = 40
PARTS = {"sixty": 12, "thirty": 6, "ten": 2}  # a burst is about 0.5 ms


def burn_sixty(repeats):
    for _ in range(repeats):
        total = 0
        for i in range(2000, 2500):  # lines of burn_sixty
            total += i * i  # lines of burn_sixty
    return total


def burn_thirty(repeats):
    for _ in range(repeats):
        total = 0
        for i in range(2000, 2500):  # lines of burn_thirty
            total += i * i  # lines of burn_thirty
    return total


def burn_ten(repeats):
    for _ in range(repeats):
        total = 0
        for i in range(2000, 2500):  # lines of burn_ten
            total += i * i  # lines of burn_ten
    return total


def run_round(rng, parts):
    orders = list(itertools.permutations(parts))
    for _ in range(BURSTS_PER_ROUND):
        for burn, repeats in orders[int(6 * rng.random())]:
            burn(repeats)


def descend(depth, work, *args):
    """Call the work from that many frames below."""
    if depth > 0:
        descend(depth - 1, work, *args)
    else:
        work(*args)


def work_in_steps(rounds, rng, parts):
    for _ in sys.stdin:
        start_s = time.monotonic()
        for _ in range(rounds):
            run_round(rng, parts)
        print("%.6f" % (time.monotonic() - start_s), flush=True)


def work_until(options, rng, parts):
    start_s = time.monotonic()
    rounds = 0
    while time.monotonic() < start_s + options.seconds:
        run_round(rng, parts)
        rounds += 1
        if options.sleep_ms:
            time.sleep(options.sleep_ms / 1000)
        elif options.pace_ms:
            time.sleep(max(0.0, start_s + rounds * options.pace_ms / 1000 - time.monotonic()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--sleep-ms", type=float, default=0.0)
    parser.add_argument("--pace-ms", type=float, default=0.0)
    parser.add_argument("--slow", choices=sorted(PARTS))
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--depth", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.slow:
        PARTS[options.slow] += PARTS[options.slow] // 2
    parts = [
        (burn_sixty, PARTS["sixty"]),
        (burn_thirty, PARTS["thirty"]),
        (burn_ten, PARTS["ten"]),
    ]
    print("ready", flush=True)
    if options.steps:
        descend(options.depth, work_in_steps, options.steps, random.Random(1), parts)
        return
    for number in range(2, options.threads + 1):
        args = (options.depth, work_until, options, random.Random(number), parts)
        threading.Thread(target=descend, args=args, daemon=True).start()
    descend(options.depth, work_until, options, random.Random(1), parts)


if __name__ == "__main__":
    main()
