# SPDX-License-Identifier: GPL-2.0-or-later
"""doctor: what this machine and a target allow, and the remedy."""

import os
import re
import resource
import shutil
import subprocess
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
    for word in ("ptrace", "perf events", "function probes", "brk, mmap", "kernel symbols"):
        assert word in said, "nothing on %s in:\n%s" % (word, said)
    if os.path.exists("/proc/sys/kernel/yama/ptrace_scope"):
        assert "yama" in said, "nothing on Yama in:\n%s" % said


@tap.test("what is withheld from a plain user comes with its remedy")
def _():
    tap.require(targets.is_root(), "only root can become another user")
    tap.require(os.path.exists("/proc/kallsyms"), "this kernel has no symbols to read")
    with targets.folder() as place:
        # The binary lies where only root may look.
        os.chmod(place, 0o755)
        copy = shutil.copy(proftop.PATH, place)
        said = subprocess.run(
            [copy, "doctor"],
            preexec_fn=become_nobody,
            stdout=subprocess.PIPE,
            universal_newlines=True,
            check=True,
        ).stdout
    lines = said.splitlines()
    at = next(i for i, line in enumerate(lines) if "kernel symbols" in line)
    assert "withheld" in lines[at] and "-> " in lines[at + 1], said
    at = next(i for i, line in enumerate(lines) if "perf events" in line)
    with open("/proc/sys/kernel/perf_event_paranoid") as setting:
        if int(setting.read()) >= 2:
            assert "-> " in lines[at + 1] and "perf_event_paranoid" in lines[at + 1], said
    if "refused" not in lines[at]:
        check_mlock(said)


def check_mlock(said):
    """Beside the setting's share nothing may be locked here, so that alone decides."""
    line = next(line for line in said.splitlines() if "perf mlock limit" in line)
    wanted_kb = int(re.search(r"(\d+) kB are wanted", line).group(1))
    with open("/proc/sys/kernel/perf_event_mlock_kb") as setting:
        allowed_kb = int(setting.read()) * os.sysconf("SC_NPROCESSORS_ONLN")
    assert "%d kB may be locked for perf events and 0 kB beside" % allowed_kb in line, line
    assert 0 < wanted_kb < 1024 * os.sysconf("SC_NPROCESSORS_ONLN"), line
    tap.equal(line.startswith("MISSING"), wanted_kb > allowed_kb, line)
    tap.equal("perf_event_mlock_kb=" in said, wanted_kb > allowed_kb, "the remedy")


def become_nobody():
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
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


@tap.test("a native process: its symbols, and what is missing of them")
def _():
    said = {}
    with targets.folder() as place:
        for kind, flags in {"whole": ["-g"], "no lines": ["-g0"], "stripped": ["-s"]}.items():
            binary = targets.program("split", "-O2", *flags, into=place)
            with targets.started([binary], ready="ready") as target:
                lines = proftop.ok("doctor", target.pid).splitlines()
            said[kind] = next(line for line in lines if " symbols" in line and "split" in line)
    assert "functions and lines" in said["whole"], said
    assert "functions; no lines" in said["no lines"], said
    assert "stripped" in said["stripped"], said


@tap.test("--version and --help")
def _():
    assert proftop.ok("--version").startswith("proftop "), "--version"
    shown = proftop.ok("--help")
    for verb in ("record", "open", "report", "diff", "dump", "doctor", "demo"):
        assert verb in shown, "%s is not in the help" % verb


tap.main()
