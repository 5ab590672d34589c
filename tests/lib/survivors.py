# SPDX-License-Identifier: GPL-2.0-or-later
"""Survivor sampling of a process by the unit test's program, which prints what it finds."""

import collections
import os
import subprocess

import tap

TOOL = os.path.join(os.environ.get("BUILDDIR", "."), "tests", "unit", "engine_survivors")
# frames: innermost first; one of Python is "name:file:line", one of machine code its name.
Row = collections.namedtuple("Row", "bytes_per_s count of_samples type frames unsure_per_s")


class Result:
    def __init__(self, text):
        self.rows = []
        self.figures = {}
        for line in text.splitlines():
            words = line.split()
            if words[0] == "row":
                count, _, of_samples = words[2].partition("/")
                frames = line.partition(" | ")[2].split()
                per_s, unsure = map(float, words[1].split("+-"))
                row = Row(per_s, int(count), int(of_samples), words[3], frames, unsure)
                self.rows.append(row)
            else:
                start = 1 if len(words) % 2 else 0
                pairs = zip(words[start::2], words[start + 1 :: 2])
                self.figures.update((name, float(value)) for name, value in pairs)


def command(pid, *times):
    return [TOOL, str(pid), *map(str, times)]


def sample(pid, *times):
    """Rows and figures; times: seconds to sample, seconds that a block has to stay, loss in %."""
    tap.require(os.access(TOOL, os.X_OK), "the unit tests were not built")
    done = subprocess.run(
        command(pid, *times), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120
    )
    error = done.stderr.decode()
    tap.require("not permitted" not in error and "has no probes" not in error, error.strip())
    assert done.returncode == 0, error
    return Result(done.stdout.decode())
