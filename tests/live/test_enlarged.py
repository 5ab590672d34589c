# SPDX-License-Identifier: GPL-2.0-or-later
"""What enlarged the heap: which code moved the break, mapped, and grew a mapping; and that what is
given back is not called growth."""

import contextlib
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import survivors
import tap
import targets

SPACE = ("brk", "mmap", "mremap")
LOOK_S = 4
STEP_BYTES = 200 << 10  # 50 times a second, at most
PYTHON = os.path.join(targets.PROGRAMS, "enlarge.py")


def need_tracepoints():
    said = proftop.ok("doctor").splitlines()
    at = next(i for i, line in enumerate(said) if "brk, mmap, mremap" in line)
    tap.require(said[at].startswith("ok "), "\n".join(said[at : at + 2]))


def rows_of(command, seconds=LOOK_S):
    """Rows, and what the program said at its end."""
    with targets.started(command, ready="ready", stdin=subprocess.PIPE) as process:
        result = survivors.sample(process.pid, "enlarged", seconds)
        assert process.poll() is None, "it has ended"
        process.stdin.close()
        said = process.stdout.read()
    for row in result.rows[:4]:
        tap.note("%.0f %s %s" % (row.bytes_per_s, row.type, " < ".join(row.frames[:5])))
    return result.rows, said.decode() if isinstance(said, bytes) else said


def of_kind(rows, *kinds):
    return [row for row in rows if row.type in kinds]


def blames(row, name):
    return any(frame.split(":")[0] == name for frame in row.frames)


def share(rows, name):
    """Of the bytes, those whose stack has the function."""
    total = sum(row.bytes_per_s for row in rows)
    return sum(row.bytes_per_s for row in rows if blames(row, name)) / total if total else 0


for way, by, name in [
    ("brk", "brk", "grow_by_brk"),
    ("mmap", "mmap", "grow_by_mmap"),
    ("mremap", "mremap", "grow_by_mremap"),
    ("thread", "mmap", "grow_by_mmap"),
]:

    @tap.test("by %s: the function that asked, in %s" % (by, way), way, by, name)
    def _(way, by, name):
        need_tracepoints()
        with targets.folder() as place:
            rows, _ = rows_of([targets.program("enlarge", "-lpthread", into=place), way])
        mine = of_kind(rows, by)
        assert mine, "nothing by %s" % by
        assert share(of_kind(rows, *SPACE), name) > 0.9, rows
        per_s = sum(row.bytes_per_s for row in mine)
        # Steps may be late on a busy machine, and early never.
        assert STEP_BYTES * 5 < per_s < STEP_BYTES * 65, per_s
        if way != "thread":  # each touches fewer pages than are counted to a sample
            assert of_kind(rows, "faults"), "no touched pages"


@tap.test("space that nobody touches is asked for all the same; a reservation is not")
def _():
    need_tracepoints()
    with targets.folder() as place:
        rows, _ = rows_of([targets.program("enlarge", "-lpthread", into=place), "reserve"])
    mine = of_kind(rows, "mmap")
    assert share(mine, "reserve_here") > 0.9, rows
    assert sum(row.bytes_per_s for row in mine) < STEP_BYTES * 65, mine


@tap.test("what is mapped and unmapped without end is no growth")
def _():
    need_tracepoints()
    with targets.folder() as place:
        rows, said = rows_of([targets.program("enlarge", "-lpthread", into=place), "churn"])
    tap.note(said.strip())
    tap.equal(of_kind(rows, *SPACE), [], "rows of address space")
    assert share(of_kind(rows, "faults"), "churn_here") > 0.9, rows


@tap.test("among such, the code whose mappings stay is named")
def _():
    need_tracepoints()
    with targets.folder() as place:
        binary = targets.program("enlarge", "-lpthread", into=place)
        # Its bursts meet three of the calls that stay in such a look, and now and then none.
        for _ in range(3):
            rows, said = rows_of([binary, "both"], 8)
            tap.note(said.strip())
            if of_kind(rows, *SPACE):
                break
    assert share(of_kind(rows, *SPACE), "grow_by_mmap") > 0.7, rows


@tap.test("Python: its frames stand among those of machine code")
def _():
    need_tracepoints()
    rows, _ = rows_of(["/usr/bin/python3", PYTHON])
    for by in ("mmap", "mremap"):
        first = of_kind(rows, by)[0]
        # Which of the loop's words tells the line is learnt from many samples; here are few.
        assert any(":%s:" % PYTHON in frame for frame in first.frames), first
        assert first.frames[0] == by, first


@tap.test("without tracefs: faults alone, and doctor says why")
def _():
    tap.require(targets.is_root() and shutil.which("umount"), "not root")
    away = [*targets.unshare("-m"), "sh", "-c"]
    away += ["for at in /sys/kernel/tracing /sys/kernel/debug; do umount -R $at 2>/dev/null; done; "
             "exec \"$@\"", "sh"]
    with targets.folder() as place, contextlib.ExitStack() as stack:
        command = [targets.program("enlarge", "-lpthread", into=place), "mmap"]
        process = stack.enter_context(
            targets.started(command, ready="ready", stdin=subprocess.PIPE))
        done = subprocess.run([*away, *survivors.command(process.pid, "enlarged", LOOK_S)],
                              stdout=subprocess.PIPE, check=True)
        rows = survivors.Result(done.stdout.decode()).rows
    tap.equal({row.type for row in rows}, {"faults"}, "what is told")
    said = subprocess.run([*away, proftop.PATH, "doctor"], stdout=subprocess.PIPE, check=True)
    lines = said.stdout.decode().splitlines()
    at = next(i for i, line in enumerate(lines) if "brk, mmap, mremap" in line)
    assert lines[at].startswith("note") and "mount -t tracefs" in lines[at + 1], lines[at : at + 2]


tap.main()
