# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory over time: the growth, the limit of a control group and when it is reached, OOM kills."""

import contextlib
import json
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

import cgroup
import proftop
import tap
import targets

MB = 2**20
LIMIT_MB = 200
RATE_MB = 8.0  # a second: half way after twelve seconds


@contextlib.contextmanager
def growing(place, *args, group=None):
    """tests/programs/grow.c, from its beginning in the group."""
    command = [targets.program("grow", into=place), *args]
    if group:
        # The shell enters the group, and becomes the program.
        script = 'echo $$ >"$0" && exec "$@"'
        command = ["sh", "-c", script, os.path.join(group, "cgroup.procs"), *command]
    with targets.started(command, ready="ready") as target:
        yield target


def usage(group):
    """The group's memory less the file cache that can be dropped, as proftop counts it."""
    with open(os.path.join(group, "memory.usage_in_bytes")) as file:
        used = int(file.read())
    with open(os.path.join(group, "memory.stat")) as stat:
        fields = dict(line.split() for line in stat)
    return used - int(fields["total_inactive_file"])


def last_figures(path):
    """Each metric as it was last read."""
    last = {}
    for row in proftop.report(path, "timeline")["rows"]:
        last.update({key: value for key, value in row.items() if value is not None})
    return last


@tap.test("half way to a cgroup's limit: how long it still takes", slow=True)
def _():
    with targets.folder() as place, cgroup.memory_group(LIMIT_MB * MB) as group:
        file = os.path.join(place, "a.ptop")
        with growing(place, str(RATE_MB), "190", group=group) as target:
            with proftop.started("record", "-p", str(target.pid), "-o", file) as recorder:
                targets.wait_for(
                    lambda: usage(group) > LIMIT_MB * MB / 2, "half of the limit to be used", 60
                )
                proftop.interrupt(recorder)
                left = LIMIT_MB * MB - usage(group)
        shown = proftop.report(file, "memory")
        memory = shown["memory"]
        tap.note(memory)
        truth_s = left / (RATE_MB * MB)
        tap.near(memory["limit_eta_s"], truth_s, 0.2 * truth_s, "limit_eta_s")
        tap.equal(memory["trend"], "increasing", "trend")
        tap.equal(memory["limit_of"], "cgroup", "limit_of")
        tap.equal(memory["limit_bytes"], LIMIT_MB * MB, "limit_bytes")
        tap.near(memory["growth_bytes_per_s"], RATE_MB * MB, 0.1 * RATE_MB * MB, "growth")
        assert memory["growth_low_bytes_per_s"] <= memory["growth_bytes_per_s"], memory
        assert memory["growth_high_bytes_per_s"] >= memory["growth_bytes_per_s"], memory
        assert memory["peak_bytes"] >= memory["rss_bytes"] > memory["baseline_bytes"], memory
        [verdict] = [
            row for row in proftop.report(file, "summary")["rows"] if row["kind"] == "memory"
        ]
        assert verdict["verdict"].startswith("memory grows 8."), verdict
        assert "its cgroup's limit of 200M in " in verdict["verdict"], verdict
        tap.equal(verdict["view"], "memory", "proof")
        words = proftop.ok("report", file, "--view", "memory")
        assert "limit 200M (cgroup): in " in words, words
        assert "No growth sites" in words, words


@tap.test("what has stopped growing is stable, and never runs into its limit", slow=True)
def _():
    with targets.folder() as place:
        file = os.path.join(place, "a.ptop")
        with growing(place, "200", "64") as target:
            assert "full" in target.stdout.readline().decode()
            proftop.record(target.pid, file, 11, 100)
            rss = targets.rss_bytes(target.pid)
        shown = proftop.report(file, "memory")["memory"]
        tap.equal(shown["trend"], "stable", "trend")
        tap.equal(shown["limit_eta_s"], None, "limit_eta_s")
        tap.near(shown["rss_bytes"], rss, MB, "rss_bytes")
        tap.near(shown["baseline_bytes"], rss, MB, "baseline_bytes")
        last = last_figures(file)
        kinds = last["anon_bytes"] + last["file_bytes"] + last["shared_bytes"]
        tap.near(kinds, last["rss_bytes"], MB, "the kinds together")
        assert last["anon_bytes"] > 64 * MB, last
        tap.equal(last["swap_bytes"], 0, "swap_bytes")
        assert 64 * MB < last["heap_bytes"] < 80 * MB, last
        assert 64 * MB < last["pss_bytes"] < 80 * MB, last
        assert 10 < last["mappings"] < 200, last
        # Dear figures come every ten seconds.
        rows = proftop.report(file, "timeline")["rows"]
        tap.equal(sum(row["pss_bytes"] is not None for row in rows), 2, "readings of PSS")


@tap.test("a process that is killed for want of memory is told, also when it is the last")
def _():
    with targets.folder() as place, cgroup.memory_group(24 * MB) as group:
        with open(os.path.join(group, "memory.oom_control")) as control:
            tap.require("oom_kill " in control.read(), "this kernel does not count OOM kills")
        file = os.path.join(place, "a.ptop")
        with growing(place, "10", group=group) as target:
            proftop.ok("record", "-p", target.pid, "-o", file)
            targets.wait_for(lambda: target.poll() is not None, "its end")
            tap.equal(target.returncode, -9, "how it ended")
        said = [row for row in proftop.report(file, "summary")["rows"] if row["kind"] == "oom"]
        assert said, proftop.report(file, "summary")["rows"]
        tap.equal(
            said[0]["verdict"],
            "out of memory: the kernel has killed 1 process of its control group",
            "verdict",
        )
        tap.equal(proftop.report(file, "memory")["memory"]["oom_marks"], 1, "oom_marks")


FAMILY = """
import os, time
parent = os.getpid()
shared = bytearray(os.urandom(1 << 16)) * (48 << 4)
children = [os.fork() for _ in range(2) if os.getpid() == parent]
print("ready", flush=True)
time.sleep(1000)
"""


@tap.test("a family's memory is the sum; what it shares counts once in PSS")
def _():
    with targets.folder() as place:
        file = os.path.join(place, "a.ptop")
        with targets.started([sys.executable, "-c", FAMILY], ready="ready") as parent:
            targets.wait_for(lambda: len(targets.children(parent.pid)) == 2, "both children")
            with proftop.started("record", "-c", "-p", str(parent.pid), "-o", file) as recorder:
                targets.wait_for(lambda: os.path.exists(file + ".part"), "the recording")

                def all_were_read():
                    report = ("report", file + ".part", "--view", "timeline", "--format", "json")
                    done = proftop.run(*report)
                    rows = json.loads(done.stdout)["rows"] if done.returncode == 0 else []
                    return any((row["pss_bytes"] or 0) > 48 * MB for row in rows)

                targets.wait_for(all_were_read, "a reading of all processes", 20)
                tap.equal(proftop.interrupt(recorder), 0, "exit status of record")
        last = last_figures(file)
        tap.note({key: value // MB for key, value in last.items() if key.endswith("_bytes")})
        assert last["rss_bytes"] > 3 * 48 * MB, last
        assert 48 * MB < last["pss_bytes"] < 2 * 48 * MB, last


tap.main()
