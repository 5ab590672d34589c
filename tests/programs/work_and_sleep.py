# SPDX-License-Identifier: GPL-2.0-or-later
"""A Python program that works for some 2 ms and sleeps for 3, again and again: first(), second() and
third() take turns in this order, and each says by its thread's own clock how much it took.

    work_and_sleep.py SECONDS [apart]

apart: it sleeps after each of them, and second() takes twice as long.

Prints `ready`, and at the end a line of JSON: of the CPU time of its main loop, the percent of each
function, and of "<module>" what is left: waking up, asking the clock.
"""

import json
import sys
import time


APART = "apart" in sys.argv


def first():
    total = 0
    for i in range(6000):
        total += i * 3


def second():
    total = 0
    for i in range(12000 if APART else 6000):
        total += i * 3


def third():
    total = 0
    for i in range(6000):
        total += i * 3


FUNCTIONS = (first, second, third)
spent_s = dict.fromkeys((f.__name__ for f in FUNCTIONS), 0.0)
print("ready", flush=True)
end_s = time.monotonic() + float(sys.argv[1])
began_s = time.thread_time()
while time.monotonic() < end_s:
    for function in FUNCTIONS:
        before_s = time.thread_time()
        function()
        spent_s[function.__name__] += time.thread_time() - before_s
        if APART:
            time.sleep(0.001)
    time.sleep(0.003)
all_s = time.thread_time() - began_s
spent_s["<module>"] = all_s - sum(spent_s.values())
print(json.dumps({name: 100 * s / all_s for name, s in spent_s.items()}), flush=True)
