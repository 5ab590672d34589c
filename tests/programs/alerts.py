# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that uses CPU and memory as its standard input says, a word a line: burn, rest,
grow BYTES, shrink. Each is answered with "ready" when it is so."""

import sys
import threading
import time

burning = threading.Event()


def burn_the_spike():
    while True:
        burning.wait()
        end_s = time.monotonic() + 0.05
        while time.monotonic() < end_s:
            pass


threading.Thread(target=burn_the_spike, daemon=True).start()
held = b""
print("ready", flush=True)
for line in sys.stdin:
    word, *more = line.split()
    if word == "burn":
        burning.set()
    elif word == "rest":
        burning.clear()
    elif word == "grow":
        held = b"x" * int(more[0])
    elif word == "shrink":
        held = b""
    print("ready", flush=True)
