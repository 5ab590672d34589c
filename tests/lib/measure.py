# SPDX-License-Identifier: GPL-2.0-or-later
"""What benchmarks share: figures of a process, statistics that assume nothing, one table."""

import contextlib
import glob
import math
import os
import shlex
import sqlite3
import statistics
import subprocess
import time

import targets

BUSY_LOAD = 0.7  # of other programs, over the last minute
START_S = 2.0  # what a profiler may take to start, and is not counted


def cpu_ns(pid):
    """CPU time that the threads the process has now have used, to the nanosecond."""
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        with contextlib.suppress(OSError):
            with open(path) as schedstat:
                total += int(schedstat.read().split()[0])
    return total


def cores_used(pid, seconds):
    """How much of one core the process uses over that time, from now."""
    begin_ns, begin_s = cpu_ns(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_ns(pid) - begin_ns) / 1e9 / (time.monotonic() - begin_s)


def upper_bound_of_median(values, confidence=0.95):
    """The smallest value that the median lies below with this confidence, by the sign test:
    an order statistic, whatever the values' distribution."""
    values = sorted(values)
    count = len(values)
    below = 0.0  # the chance that more than rank values lie below the median
    for rank in range(count, 0, -1):
        below += math.comb(count, rank) / 2**count
        if below > 1 - confidence:
            return values[min(rank, count - 1)]
    return values[0]


def costs(path):
    """What a recording itself has cost, by name."""
    with contextlib.closing(sqlite3.connect(path)) as base:
        return dict(base.execute("SELECT name, value FROM cost"))


class Stepper:
    """A target that does a fixed amount of work when told to, and says how long it took."""

    def __init__(self, process):
        self.process = process

    def step_s(self):
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


@contextlib.contextmanager
def stepper(command):
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with targets.started(command, ready="ready", **options) as process:
        yield Stepper(process)


class Screen:
    """A tmux server of its own with one window, for programs that want a terminal."""

    def __init__(self, place, columns, rows):
        self.command = [targets.tool("tmux"), "-S", os.path.join(place, "tmux"), "-f", "/dev/null"]
        self.size = ["-x", str(columns), "-y", str(rows)]

    def _tmux(self, *args):
        done = subprocess.run([*self.command, *args], stdout=subprocess.PIPE, check=True)
        return done.stdout.decode()

    def __enter__(self):
        self._tmux("new-session", "-d", *self.size, "env PS1='$ ' sh")
        targets.wait_for(lambda: "$" in self.text(), "the shell in tmux")
        return self

    def __exit__(self, *_):
        subprocess.run([*self.command, "kill-server"], stderr=subprocess.DEVNULL, check=False)

    def type(self, *words):
        """Type a command line and Enter."""
        self._tmux("send-keys", "-l", shlex.join(str(word) for word in words))
        self._tmux("send-keys", "Enter")

    def keys(self, *names):
        self._tmux("send-keys", *names)

    def text(self):
        return self._tmux("capture-pane", "-p")

    def pid(self):
        """The process that the shell runs, or None."""
        shell = int(self._tmux("display-message", "-p", "#{pane_pid}"))
        return next(iter(targets.children(shell)), None)

    def until_s(self, row, *command):
        """How long until the screen of that command has a row that matches; it is ended by q."""
        self.type(*command)
        begin_s = time.monotonic()
        while not row.search(self.text()):
            assert time.monotonic() - begin_s < 20, "no such row:\n" + self.text()
        took_s = time.monotonic() - begin_s
        self.keys("q")
        targets.wait_for(lambda: self.pid() is None, "the command's end")
        self.type("clear")
        targets.wait_for(lambda: not row.search(self.text()), "a clear screen")
        return took_s


class Table:
    """Rows of what was measured, against what; ends with whether every limit was kept."""

    def __init__(self):
        self.rows = []

    def add(self, what, figure, unit, limit=None, peer=None, spread=""):
        self.rows.append((what, figure, unit, limit, peer, spread))
        print(self._line(self.rows[-1]), flush=True)

    @staticmethod
    def heading():
        load = os.getloadavg()[0]
        if load > BUSY_LOAD:
            print("the machine is not quiet (load %.1f): take these figures with care" % load)
        names = ("what", "measured", "limit", "of limit", "peer", "of peer", "")
        print("%-46s %12s %10s %8s %10s %8s  %s" % names, flush=True)

    @staticmethod
    def _line(row):
        what, figure, unit, limit, peer, spread = row

        def ratio(to):
            return "-" if not to else "%.2f" % (figure / to)

        def value(number):
            return "-" if number is None else "%.4g" % number

        measured = "%s %s" % (value(figure), unit)
        shown = (what, measured, value(limit), ratio(limit), value(peer), ratio(peer), spread)
        return "%-46s %12s %10s %8s %10s %8s  %s" % shown

    def kept(self):
        return all(row[3] is None or row[1] <= row[3] for row in self.rows)


def spread_of(values, unit):
    return "median of %d: %.4g to %.4g %s" % (len(values), min(values), max(values), unit)


median = statistics.median
