# SPDX-License-Identifier: GPL-2.0-or-later
"""doctor: what this machine and a target allow, and the remedy."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets

SPLIT_PY = os.path.join(targets.PROGRAMS, "split.py")


@tap.test("the machine: ptrace, Yama, perf events")
def _():
    said = proftop.ok("doctor").lower()
    for word in ("ptrace", "perf_event_paranoid"):
        assert word in said, "nothing on %s in:\n%s" % (word, said)
    if os.path.exists("/proc/sys/kernel/yama/ptrace_scope"):
        assert "yama" in said, "nothing on Yama in:\n%s" % said


@tap.test("BPF: whether it is used, else what to do")
def _():
    lines = proftop.ok("doctor").splitlines()
    at = [i for i, line in enumerate(lines) if line.split()[1:2] == ["BPF"]]
    assert len(at) == 1, "no line on BPF in:\n%s" % "\n".join(lines)
    if not lines[at[0]].startswith("ok "):
        assert "->" in lines[at[0] + 1], "no remedy below %r" % lines[at[0]]


@tap.test("a Python process: its version")
def _():
    with targets.started([sys.executable, SPLIT_PY], ready="ready") as target:
        said = proftop.ok("doctor", target.pid).lower()
    version = "%d.%d" % sys.version_info[:2]
    assert "python" in said and version in said, "no Python %s in:\n%s" % (version, said)


@tap.test("a native process: its symbols")
def _():
    with targets.folder() as place:
        binary = targets.program("split", into=place)
        with targets.started([binary], ready="ready") as target:
            said = proftop.ok("doctor", target.pid).lower()
    assert "symbol" in said, "nothing on symbols in:\n%s" % said


@tap.test("--version and --help")
def _():
    assert proftop.ok("--version").startswith("proftop "), "--version"
    shown = proftop.ok("--help")
    for verb in ("record", "open", "report", "diff", "dump", "doctor", "demo"):
        assert verb in shown, "%s is not in the help" % verb


tap.main()
