# SPDX-License-Identifier: GPL-2.0-or-later
"""Families of processes: children are found at once, several pids make one recording, and the
processes' view says what each did."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import json
import signal
import sqlite3
import subprocess

import proftop
import tap
import targets

PREFORK = os.path.join(targets.PROGRAMS, "prefork.py")


def start_family(*percents):
    """The parent, and its children's pids in the order of their percents."""
    parent = subprocess.Popen([sys.executable, "-u", PREFORK] + [str(p) for p in percents],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              universal_newlines=True)
    return parent, [int(parent.stdout.readline().split()[1]) for _ in percents]


def end_family(parent):
    parent.stdin.close()
    parent.wait(10)
    parent.stdout.close()


def processes(path):
    return {row["pid"]: row for row in proftop.report(path, "processes")["rows"]}


def wait_until_watched(path, pids):
    """Until what `record` has committed so far has all of them."""

    def has_all():
        shown = proftop.run("report", path + ".part", "--view", "processes", "--format", "json")
        return shown.returncode == 0 and set(pids) <= {
            row["pid"] for row in json.loads(shown.stdout)["rows"]
        }

    targets.wait_for(has_all, "the recording of %s" % pids, 20)


@tap.test("children are followed, and the odd one among them is marked")
def _():
    with targets.folder() as into:
        path = os.path.join(into, "out.ptop")
        parent, pids = start_family(2, 2, 2, 90)
        try:
            proftop.record(parent.pid, path, 4, 200, "-c")
            # Measured by the kernel, too: on a busy machine nobody gets the share that he wants.
            cpu = {pid: targets.cpu_s(pid) for pid in pids}
        finally:
            end_family(parent)
        rows = processes(path)
        tap.equal(set(rows), set(pids) | {parent.pid})
        for pid in pids:
            tap.equal(rows[pid]["ppid"], parent.pid)
            tap.equal(rows[pid]["top_function"], "spin")
        tap.note("cpu_s", [rows[pid]["cpu_s"] for pid in pids], "of", [cpu[pid] for pid in pids])
        # With what they waited for a CPU: their other time is sleep, which is idle.
        wanted = [rows[pid]["cpu_s"] + rows[pid]["wait_s"] for pid in pids]
        assert wanted[3] > 2 * max(wanted[:3]), wanted
        tap.equal([rows[pid]["outlier"] for pid in pids], [False, False, False, True])
        verdicts = [row["verdict"] for row in proftop.report(path, "summary")["rows"]]
        assert any("process %d" % pids[3] in verdict for verdict in verdicts), verdicts


@tap.test("a child that is forked while it is watched is there within 0.3 s")
def _():
    with targets.folder() as into:
        path = os.path.join(into, "out.ptop")
        parent, pids = start_family(30)
        try:
            with proftop.started("record", "-p", str(parent.pid), "-c", "-o", path, "-r", "200",
                                 stderr=subprocess.PIPE) as recorder:
                wait_until_watched(path, pids)
                new = []
                for _ in range(3):
                    parent.stdin.write("30\n")
                    parent.stdin.flush()
                    new.append(int(parent.stdout.readline().split()[1]))
                    seen = new[-1]
                    targets.wait_for(lambda: targets.cpu_s(seen) > 0.3, "work of the new child")
                proftop.interrupt(recorder)
        finally:
            end_family(parent)
        rows = processes(path)
        began = [rows[pid]["started_s"] for pid in new]
        ended = [rows[pid]["ended_s"] for pid in pids + new[:-1]]
        # Each is forked as soon as the one before it has been reaped.
        tap.note("ended", ended, "began", began)
        for end, begin in zip(ended, began):
            assert abs(begin - end) < 0.3, (ended, began)


@tap.test("several pids of unlike kinds make one recording; one's end does not end it")
def _():
    with targets.folder() as into:
        path = os.path.join(into, "out.ptop")
        sleeper = subprocess.Popen(["sleep", "60"])
        parent, pids = start_family(40)
        try:
            with proftop.started("record", "-p", str(sleeper.pid), "-p", str(pids[0]), "-o", path,
                                 stderr=subprocess.PIPE) as recorder:
                wait_until_watched(path, [sleeper.pid, pids[0]])
                sleeper.send_signal(signal.SIGKILL)
                sleeper.wait(10)
                before = targets.cpu_s(pids[0])
                targets.wait_for(lambda: targets.cpu_s(pids[0]) > before + 0.4, "work after it")
                assert recorder.poll() is None, "the recording ended with the first process"
                proftop.interrupt(recorder)
            rows = processes(path)
            tap.equal(set(rows), {sleeper.pid, pids[0]})
            assert rows[sleeper.pid]["ended_s"] is not None
            assert rows[pids[0]]["cpu_s"] + rows[pids[0]]["wait_s"] > 0.2, rows
            tap.equal(proftop.report(path)["target"]["pid"], sleeper.pid)
            dumped = proftop.ok("dump", str(parent.pid), str(pids[0]))
            assert "pid %d" % parent.pid in dumped and "pid %d" % pids[0] in dumped, dumped
            proftop.fails(["record", "-p", str(pids[0]), "-p", "4194303", "-o",
                           os.path.join(into, "none.ptop")], "4194303")
        finally:
            end_family(parent)
            sleeper.kill()
            sleeper.wait(10)


@tap.test("a program that only another process' mount namespace has is named")
def _():
    tap.require(targets.is_root(), "a mount namespace takes root")
    with targets.folder() as into:
        built = targets.program("split", into=into)
        there = os.path.join(into, "there")
        os.mkdir(there)
        inside = "mount -t tmpfs none %s && cp %s %s/hidden && exec %s/hidden" % (
            there, built, there, there)
        sleeper = subprocess.Popen(["sleep", "60"])
        try:
            unshare = targets.unshare("-m")
            with targets.started([*unshare, "sh", "-c", inside],
                                 stdout=subprocess.DEVNULL) as hidden:
                targets.wait_for(lambda: targets.cpu_s(hidden.pid) > 0.1, "the program")
                path = os.path.join(into, "out.ptop")
                proftop.ok("record", "-p", sleeper.pid, "-p", hidden.pid, "-o", path, "-d", 2)
            assert not os.path.exists(os.path.join(there, "hidden")), "it is not hidden"
            rows = proftop.rows_by_name(proftop.report(path))
            assert rows.get("burn_sixty", {}).get("self_samples", 0) > 10, rows
        finally:
            sleeper.kill()
            sleeper.wait(10)


@tap.test("workers come and go without a word; the end of who was named is told")
def _():
    with targets.folder() as into:
        path = os.path.join(into, "out.ptop")
        parent, pids = start_family(30)
        with proftop.started("record", "-p", str(parent.pid), "-c", "-o", path, "-r", "200",
                             stderr=subprocess.PIPE) as recorder:
            wait_until_watched(path, pids)
            parent.stdin.write("30\n")
            parent.stdin.flush()
            pids.append(int(parent.stdout.readline().split()[1]))
            wait_until_watched(path, pids)
            end_family(parent)
            tap.equal(recorder.wait(20), 0, "exit status of record")
        rows = processes(path)
        assert rows[pids[0]]["ended_s"] is not None, rows
        with contextlib.closing(sqlite3.connect(path)) as file:
            told = [row[0] for row in file.execute(
                "SELECT string.text FROM mark JOIN string ON string.id = mark.text WHERE kind = 2")]
        tap.equal(len(told), 1, "ends that were told (%r)" % told)
        assert "(%d)" % parent.pid in told[0], told


@tap.test("a family that proftop itself is in is watched without proftop and its helpers")
def _():
    with targets.folder() as into:
        path = os.path.join(into, "out.ptop")
        script = 'sleep 60 & "%s" record -q -c -p $$ -o "%s" -d 3; kill $!' % (proftop.PATH, path)
        subprocess.run(["sh", "-c", script], check=True, timeout=60)
        tap.equal(sorted(row["comm"] for row in processes(path).values()), ["sh", "sleep"])


tap.main()
