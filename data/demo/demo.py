# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts proftop's demo: a database, a slow web shop and its visitors, all on loopback.

Prints `pid N`, the shop's pid, once it is up and under load. It ends, and takes everything
down, when its standard input closes, on SIGTERM or SIGINT, when its parent ends, when one
of the three ends, or after --minutes: the shop's cache only grows, and a demo that was
forgotten should not fill the machine.

    demo.py [--minutes N] [--report-after SECONDS]

The shop is busier than usual for some seconds of each minute, for the first time after 40 s.
"""

import argparse
import os
import select
import signal
import subprocess
import sys
import time

import lifeline

HERE = os.path.dirname(os.path.abspath(__file__))
START_S = 20.0  # a machine that needs longer has other problems


class Demo:
    """The three processes, in the order in which they were started."""

    def __init__(self):
        self.children = []

    def start(self, script, *args):
        """Start a script and return what it says on its first line, as words."""
        child = subprocess.Popen(
            [sys.executable, os.path.join(HERE, script), str(os.getpid()), *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.children.append(child)
        ready, _, _ = select.select([child.stdout], [], [], START_S)
        words = child.stdout.readline().decode().split() if ready else []
        if not words:
            child.kill()
            why = child.stderr.read().decode().strip().splitlines()[-1:]
            raise SystemExit("demo: %s did not start: %s" % (script, "".join(why) or "no answer"))
        return words

    def stop(self):
        for child in reversed(self.children):
            child.kill()
        for child in self.children:
            child.wait()

    def wait(self, end_s):
        """Return at the end of standard input, of a child, or of the time given."""
        descriptors = [0] + [os.pidfd_open(child.pid) for child in self.children]
        left_s = end_s - time.monotonic()
        while left_s > 0:
            ready, _, _ = select.select(descriptors, [], [], left_s)
            if ready != [0]:
                return "one of its processes has ended" if ready else "its time is over"
            if not os.read(0, 4096):
                return None
            left_s = end_s - time.monotonic()
        return "its time is over"


def main():
    parser = argparse.ArgumentParser(description="proftop's sample service under load")
    parser.add_argument("--minutes", type=float, default=60.0, help="end after this time (60)")
    parser.add_argument("--report-after", default="40", help="the first burst (after 40 s)")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(0))
    lifeline.end_with_parent(os.getppid(), signal.SIGTERM)
    demo = Demo()
    try:
        database_port = demo.start("db.py")[1]
        service_port = demo.start("shop.py", database_port, options.report_after)[1]
        service = demo.children[-1]
        demo.start("load.py", service_port)
        print("pid", service.pid, flush=True)
        why = demo.wait(time.monotonic() + 60 * options.minutes)
    finally:
        demo.stop()
    return "demo: " + why if why else 0


if __name__ == "__main__":
    sys.exit(main())
