# SPDX-License-Identifier: GPL-2.0-or-later
"""For each line that is read: ROUNDS times some small objects, then the CPU seconds that took.
alloc_steps.py ROUNDS"""
import sys
import time


def work(rounds):
    kept = {}
    for number in range(rounds):
        words = [str(number + i) for i in range(20)]
        kept[number % 100] = words
    return kept


print("ready", flush=True)
for _ in sys.stdin:
    began = time.process_time()
    work(int(sys.argv[1]))
    print("%.9f" % (time.process_time() - began), flush=True)
