# SPDX-License-Identifier: GPL-2.0-or-later
"""A control group of a test's own with a CPU quota (cgroup version 1)."""

import contextlib
import os

import tap
import targets

PERIOD_US = 100000


def controller():
    """Where version 1's cpu controller is mounted; skips without one."""
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            _, point, kind, options = line.split()[:4]
            if kind == "cgroup" and "cpu" in options.split(","):
                return point
    return tap.skip("no version 1 cpu controller is mounted")


def write(path, text):
    with open(path, "w") as file:
        file.write(str(text))


def removed(path):
    with contextlib.suppress(OSError):
        os.rmdir(path)
    return not os.path.exists(path)


@contextlib.contextmanager
def group(quota_us):
    """A group of so many microseconds in each PERIOD_US (-1: no limit); it is always removed."""
    path = os.path.join(controller(), "proftop-test-%d" % os.getpid())
    try:
        os.mkdir(path)
    except OSError as error:
        tap.skip("cannot make a control group: %s" % error)
    try:
        try:
            write(os.path.join(path, "cpu.cfs_period_us"), PERIOD_US)
            write(os.path.join(path, "cpu.cfs_quota_us"), quota_us)
        except OSError as error:
            tap.skip("cannot set a quota: %s" % error)
        yield path
    finally:
        # A process that was killed leaves its group a little later.
        targets.wait_for(lambda: removed(path), path + " to be empty")
