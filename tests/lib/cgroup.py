# SPDX-License-Identifier: GPL-2.0-or-later
"""Control groups of a test's own, with a CPU quota or a memory limit (cgroup version 1)."""

import contextlib
import os

import tap
import targets

PERIOD_US = 100000


def controller(name="cpu"):
    """Where version 1's controller of that name is mounted; skips without one."""
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            _, point, kind, options = line.split()[:4]
            if kind == "cgroup" and name in options.split(","):
                return point
    return tap.skip("no version 1 %s controller is mounted" % name)


def write(path, text):
    with open(path, "w") as file:
        file.write(str(text))


def removed(path):
    with contextlib.suppress(OSError):
        os.rmdir(path)
    return not os.path.exists(path)


@contextlib.contextmanager
def limited(name, settings):
    """A group of a controller with these files set, in order; it is always removed."""
    path = os.path.join(controller(name), "proftop-test-%d" % os.getpid())
    try:
        os.mkdir(path)
    except OSError as error:
        tap.skip("cannot make a control group: %s" % error)
    try:
        try:
            for file, value in settings:
                write(os.path.join(path, file), value)
        except OSError as error:
            tap.skip("cannot limit a control group: %s" % error)
        yield path
    finally:
        # A process that was killed leaves its group a little later.
        targets.wait_for(lambda: removed(path), path + " to be empty")


def group(quota_us):
    """A group of so many microseconds in each PERIOD_US (-1: no limit)."""
    return limited("cpu", [("cpu.cfs_period_us", PERIOD_US), ("cpu.cfs_quota_us", quota_us)])


def memory_group(limit_bytes):
    """A group of so many bytes of memory."""
    return limited("memory", [("memory.limit_in_bytes", limit_bytes)])
