# SPDX-License-Identifier: GPL-2.0-or-later
"""record --ring: what stands in its folder, whatever happens to the target, the disk and itself."""

import contextlib
import glob
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import json
import re
import signal
import sqlite3
import subprocess

import cgroup
import proftop
import tap
import targets

SPLIT_PY = os.path.join(targets.PROGRAMS, "split.py")
PYTHON = [sys.executable, SPLIT_PY]
SNAPSHOT = re.compile(r"-\d{8}-\d{6}(-\d+)?\.ptop$")
SEGMENT = re.compile(r"-\d{8}-\d{6}(-\d+)?\.segment\.ptop(\.part)?$")


def files(place, pattern):
    return sorted(
        (os.path.join(place, name) for name in os.listdir(place) if pattern.search(name)),
        key=os.path.getmtime,
    )


def wait_for_files(place, pattern, count, timeout_s=15):
    return targets.wait_for(
        lambda: len(files(place, pattern)) >= count and files(place, pattern),
        "%d files in %s" % (count, place),
        timeout_s,
    )


@contextlib.contextmanager
def ring(place, *args):
    """A recorder into a folder; its log is in the file "log" beside the folder's files."""
    with open(place + ".log", "w") as log:
        with proftop.started("record", "--ring", "6s", "--dir", place, *map(str, args), stderr=log) as r:
            yield r
    os.unlink(place + ".log")


def said(place):
    with open(place + ".log") as log:
        return log.read()


def wait_for_word(place, word, timeout_s=15):
    targets.wait_for(lambda: word in said(place), "%r in %r" % (word, said(place)), timeout_s)


def opens(path):
    """It is a recording of the split program, with time of its work in it."""
    return proftop.rows_by_name(proftop.report(path))["burn_sixty"]["self_s"]


def wait_for_rows(place, before=()):
    """Some work of the target has been committed, to a segment that was not there before."""

    def has_rows():
        for path in set(files(place, SEGMENT)) - set(before):
            done = proftop.run("report", path, "--format", "json")
            if done.returncode == 0 and "burn_sixty" in done.stdout:
                return True
        return False

    targets.wait_for(has_rows, "rows in " + place, 15)


@tap.test("SIGUSR1 writes a snapshot; SIGTERM the last one, and the segments go")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        with ring(place, "-p", target.pid) as recorder:
            wait_for_rows(place)
            recorder.send_signal(signal.SIGUSR1)
            first = wait_for_files(place, SNAPSHOT, 1)[0]
            assert opens(first) > 0
            wait_for_word(place, "SIGUSR1")
            recorder.send_signal(signal.SIGHUP)  # rereads the settings, and does not end it
            wait_for_files(place, SEGMENT, 2)
            assert recorder.poll() is None, "it has ended: " + said(place)
            tap.equal(proftop.interrupt(recorder, signal.SIGTERM), 0, "exit status")
            tap.equal(len(files(place, SNAPSHOT)), 2, "snapshots")
            tap.equal(len(os.listdir(place)), 2, "files")
        window = proftop.report(files(place, SNAPSHOT)[-1])["window"]
        assert window["to_s"] - window["from_s"] < 9, window
        tap.equal(targets.tracer_of(target.pid), 0, "tracer")


@tap.test("the ring is as long as it says, and segments that it has left go", slow=True)
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        with ring(place, "-p", target.pid) as recorder:
            first = wait_for_files(place, SEGMENT, 1)[0].replace(".part", "")
            targets.wait_for(
                lambda: not os.path.exists(first) and not os.path.exists(first + ".part"),
                "the first segment's end",
                20,
            )
            assert len(files(place, SEGMENT)) <= 6, os.listdir(place)
            tap.equal(proftop.interrupt(recorder, signal.SIGINT), 0, "exit status")
        shown = proftop.report(files(place, SNAPSHOT)[0])
        tap.near(shown["window"]["to_s"] - shown["window"]["from_s"], 6, 1, "the window")
        rows = proftop.rows_by_name(shown)
        total_s = sum(row["self_s"] for row in rows.values())
        assert 4 < total_s < 7.5, "%.1f s of one thread in a ring of 6 s" % total_s


@tap.test("kill -9: every segment opens, together they have the last seconds; the next run keeps them")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        with ring(place, "-p", target.pid) as recorder:
            wait_for_files(place, SEGMENT, 2)
            wait_for_rows(place)
            recorder.kill()
            recorder.wait()
        left = files(place, SEGMENT)
        assert any(path.endswith(".part") for path in left), left
        # The last may have begun a moment ago, and be empty.
        samples = [proftop.report(path)["samples"] for path in left]
        assert sum(opens(path) for path in left[:-1]) > 0.5
        unfinished = os.path.join(place, ".%s.tmp0123abcd" % os.path.basename(left[0]).replace(".segment", ""))
        open(unfinished, "w").close()
        with ring(place, "-p", target.pid) as recorder:
            wait_for_rows(place)
            tap.equal(proftop.interrupt(recorder), 0, "exit status")
        kept = [path.replace(".part", "") for path in left]
        tap.equal(sorted(files(place, SEGMENT)), sorted(kept), "the segments of the run before")
        assert not glob.glob(os.path.join(place, "*-journal")), "a journal was left"
        tap.equal([proftop.report(path)["samples"] for path in kept], samples, "their samples")
        assert not os.path.exists(unfinished), "an unfinished snapshot was left"


@tap.test("-n NAME: absent at first, it is waited for; its end is written, its return recorded")
def _():
    with targets.folder() as place:
        name = "ring-%d.py" % os.getpid()
        script = os.path.join(place, name)
        os.symlink(SPLIT_PY, script)
        folder = os.path.join(place, "files")
        os.mkdir(folder)
        command = [sys.executable, script]
        with ring(folder, "-n", name, "--ring", "60s") as recorder:
            wait_for_word(folder, "waiting for " + name)
            used_s = targets.cpu_s(recorder.pid)
            with targets.started(command, ready="ready"):
                wait_for_word(folder, "watching process")
                wait_for_rows(folder)
            first = wait_for_files(folder, SNAPSHOT, 1)[0]
            assert opens(first) > 0
            wait_for_word(folder, "the target has ended")
            before = files(folder, SEGMENT)
            with targets.started(command, ready="ready") as back:
                targets.wait_for(lambda: said(folder).count("watching process") == 2, "the return")
                wait_for_rows(folder, before)
                tap.equal(proftop.interrupt(recorder), 0, "exit status")
            assert used_s < 0.5, "%.2f s of CPU to wait" % used_s
        last = files(folder, SNAPSHOT)[-1]
        tap.equal(proftop.report(last)["target"]["pid"], back.pid, "the target")
        processes = proftop.report(last, "processes")["rows"]
        tap.equal(len(processes), 2, "incarnations")
        assert sum(row["ended_s"] is not None for row in processes) >= 1, processes
        with contextlib.closing(sqlite3.connect(last)) as base:
            query = "SELECT string.text FROM mark JOIN string ON string.id = mark.text"
            marks = " ".join(row[0] for row in base.execute(query))
        assert "has ended" in marks and "come back" in marks, marks


def is_sampled(folder):
    """Whether its segment has samples; without any there is nothing to save at the end."""
    for path in files(folder, SEGMENT):
        done = proftop.run("report", path, "--format", "json")
        if done.returncode == 0 and json.loads(done.stdout)["samples"]:
            return True
    return False


@tap.test("a service that ends again and again does not push out every file", slow=True)
def _():
    with targets.folder() as place:
        pid_file = os.path.join(place, "split.pid")
        folder = os.path.join(place, "files")
        os.mkdir(folder)
        with ring(folder, "--pid-file", pid_file, "--ring", "60s") as recorder:
            for times in (1, 2, 3):
                with targets.started(PYTHON, ready="ready") as target:
                    with open(pid_file, "w") as out:
                        out.write("%d\n" % target.pid)
                    targets.wait_for(
                        lambda: said(folder).count("watching process") == times, "the watching"
                    )
                    targets.wait_for(lambda: times > 1 or is_sampled(folder), "a sample")
                targets.wait_for(
                    lambda: said(folder).count("waiting for its return") == times, "the end"
                )
                wait_for_files(folder, SNAPSHOT, 1)
            tap.equal(proftop.interrupt(recorder), 0, "exit status")
        processes = []
        for path in files(folder, SNAPSHOT):
            with contextlib.closing(sqlite3.connect(path)) as base:
                processes += base.execute("SELECT count(*) FROM incarnation").fetchone()
        tap.equal(len(processes), 2, "files: one of the first end, one of the recorder's own")
        tap.equal(processes[-1], 3, "processes in the last")


@tap.test("--pid-file: garbage and a stale one are waited out, the process that it comes to name is watched")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        folder = os.path.join(place, "files")
        os.mkdir(folder)
        pid_file = os.path.join(place, "split.pid")

        def tell(text, age_s=0):
            with open(pid_file + ".new", "w") as new:
                new.write(text)
            if age_s:
                when_s = os.stat(pid_file + ".new").st_mtime - age_s
                os.utime(pid_file + ".new", (when_s, when_s))
            os.rename(pid_file + ".new", pid_file)

        with ring(folder, "--pid-file", pid_file) as recorder:
            wait_for_word(folder, "waiting for " + pid_file)
            tell("not a number\n")
            wait_for_word(folder, "does not begin with a process id")
            tell("%d\n" % target.pid, age_s=3600)
            wait_for_word(folder, "stale")
            assert "watching" not in said(folder)
            tell("%d\n" % target.pid)
            wait_for_word(folder, "watching process %d" % target.pid)
            wait_for_rows(folder)
            assert glob.glob(os.path.join(folder, "split-*.segment.ptop*")), os.listdir(folder)
            tap.equal(proftop.interrupt(recorder), 0, "exit status")
        tap.equal(len(files(folder, SNAPSHOT)), 1, "snapshots")


@tap.test(
    "--on-alert snapshot: an alert writes a file, in which it stands with the seconds after it",
    slow=True,
)
def _():
    loop = "echo ready; while :; do :; done"
    with contextlib.ExitStack() as stack:
        group = stack.enter_context(cgroup.group(10000))  # a tenth of a CPU, of which it uses all
        place = stack.enter_context(targets.folder())
        target = stack.enter_context(targets.started(["sh", "-c", loop], ready="ready"))
        cgroup.write(os.path.join(group, "cgroup.procs"), target.pid)
        with ring(place, "-p", target.pid, "--on-alert", "snapshot") as recorder:
            path = wait_for_files(place, SNAPSHOT, 1, 30)[0]
            wait_for_word(place, "an alert was raised")
            alerts = proftop.report(path, "alerts")
            raised = [row for row in alerts["rows"] if row["state"] == "raised"]
            assert raised, alerts["rows"]
            assert alerts["window"]["to_s"] > raised[-1]["time_s"] + 1, alerts
            tap.equal(proftop.interrupt(recorder), 0, "exit status")


@tap.test("a PID's end, and a command's, end it with a snapshot")
def _():
    with targets.folder() as place:
        proftop.ok("record", "--ring", "30s", "--dir", place, "--", *PYTHON, "--seconds", "2")
        tap.equal(len(os.listdir(place)), 1, "files")
        assert opens(files(place, SNAPSHOT)[0]) > 0


@tap.test("-d ends it; --keep bounds the files, and nothing else is removed")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        with open("/proc/%d/comm" % target.pid) as comm:
            name = comm.read().strip()
        strangers = ["notes.txt", "%s-20200101-000000.ptop.bak" % name, "other-20200101-000000.ptop"]
        ours = ["%s-2020010%d-000000.ptop" % (name, day) for day in range(1, 8)]
        for i, file in enumerate(strangers + ours):
            with open(os.path.join(place, file), "w") as out:
                out.write("x")
            os.utime(os.path.join(place, file), (1600000000 + i, 1600000000 + i))
        os.symlink("/etc/passwd", os.path.join(place, "%s-20200109-000000.ptop" % name))
        proftop.ok("record", "--ring", "6s", "--dir", place, "-p", target.pid, "-d", "2.5", "--keep", "3")
        left = os.listdir(place)
        assert set(strangers) <= set(left), left
        assert "%s-20200109-000000.ptop" % name in left, "a link was removed"
        tap.equal(sorted(set(ours) & set(left)), ours[-2:], "older snapshots")


@tap.test("a small --keep: a segment still lasts, and is not begun again and again", slow=True)
def _():
    def spans_s(place):
        for path in files(place, SEGMENT):
            done = proftop.run("report", path, "--format", "json")
            if done.returncode == 0:
                window = json.loads(done.stdout)["window"]
                yield window["to_s"] - window["from_s"]

    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        with ring(place, "-p", target.pid, "--ring", "60s", "--keep", "1M") as recorder:
            targets.wait_for(lambda: max(spans_s(place), default=0) > 3, "a segment of 3 s")
            tap.equal(proftop.interrupt(recorder), 0, "exit status")
        assert sum(os.path.getsize(path) for path in files(place, SNAPSHOT)) < 2**20


@tap.test("a folder that cannot be written to, or is not there: refused at once, with the remedy")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        absent = os.path.join(place, "absent")
        proftop.fails(["record", "--ring", "6s", "--dir", absent, "-p", target.pid], "no folder", "make it")
        proftop.fails(["record", "--ring", "6s", "--dir", absent, "-n", "nobody-here"], "no folder")
        proftop.fails(["record", "--ring", "6s", "--dir", SPLIT_PY, "-p", target.pid], "no folder")
        proftop.fails(["record", "--ring", "6s", "--dir", "/proc", "-p", target.pid], "cannot write")
        with ring(place, "-p", target.pid):
            wait_for_files(place, SEGMENT, 1)
            proftop.fails(["record", "--ring", "6s", "--dir", place, "-p", target.pid], "another proftop")


@tap.test("a wrong command line is told")
def _():
    for words, args in (
        (("1s to 24h",), ["--ring", "soon", "--dir", "/tmp"]),
        (("1s to 24h",), ["--ring", "2d", "--dir", "/tmp"]),
        (("--dir",), ["--ring", "30m"]),
        (("--output",), ["--ring", "30m", "--dir", "/tmp", "-o", "x"]),
        (("--ring",), ["--keep", "5", "-o", "x"]),
        ((" --keep takes",), ["--ring", "30m", "--dir", "/tmp", "--keep", "some"]),
        (("snapshot",), ["--ring", "30m", "--dir", "/tmp", "--on-alert", "panic"]),
    ):
        proftop.fails(["record", "-p", "1", *args], *words, status=2)


@tap.test("a full disk is said once; it goes on, and writes again when there is room")
def _():
    tap.require(targets.is_root(), "only root can mount a small disk")
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        disk = os.path.join(place, "disk")
        os.mkdir(disk)
        mounted = subprocess.run(
            [targets.tool("mount"), "-t", "tmpfs", "-o", "size=1m", "none", disk],
            stderr=subprocess.DEVNULL,
            check=False,
        )
        tap.require(mounted.returncode == 0, "cannot mount here")
        try:
            stuffing = os.path.join(disk, "somebody's file")
            with open(place + ".log", "w") as log:
                args = ["record", "--ring", "6s", "--dir", disk, "-p", str(target.pid), "--keep", "2"]
                with proftop.started(*args, stderr=log) as recorder:
                    wait_for_files(disk, SEGMENT, 1)
                    with contextlib.suppress(OSError), open(stuffing, "wb") as out:
                        while True:
                            os.write(out.fileno(), b"x" * 4096)
                    wait_for_word(place, "disk is full", 20)
                    recorder.send_signal(signal.SIGUSR1)
                    targets.wait_for(
                        lambda: said(place).count("disk is full") == 2, "the snapshot's failure", 10
                    )
                    assert recorder.poll() is None, said(place)
                    assert os.path.exists(stuffing), "somebody's file is gone"
                    os.unlink(stuffing)
                    wait_for_word(place, "written to again", 20)
                    tap.equal(said(place).count("disk is full"), 2, "how often it is said")
                    tap.equal(proftop.interrupt(recorder), 0, "exit status")
            assert opens(files(disk, SNAPSHOT)[-1]) > 0
        finally:
            subprocess.run([targets.tool("umount"), "-l", disk], check=False)
            os.unlink(place + ".log")


@tap.test("systemd takes the unit as it is")
def _():
    analyze = targets.tool("systemd-analyze")
    source = os.path.join(os.path.dirname(targets.TESTS), "data", "proftop-recorder@.service.in")
    with targets.folder() as place, open(source) as unit:
        path = os.path.join(place, "proftop-recorder@redis.service")
        os.symlink(proftop.PATH, os.path.join(place, "proftop"))
        with open(path, "w") as out:
            out.write(unit.read().replace("@bindir@", place))
        done = subprocess.run(
            [analyze, "verify", "--man=no", path],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )
        tap.require("Failed to" not in done.stdout or place in done.stdout, done.stdout)
        tap.equal((done.returncode, done.stdout), (0, ""), "what systemd-analyze says")


@tap.test("to the journal it speaks with priorities")
def _():
    with targets.folder() as place, targets.started(PYTHON, ready="ready") as target:
        log = os.path.join(place, "log")
        with open(log, "w") as out:
            st = os.fstat(out.fileno())
            environment = dict(os.environ, JOURNAL_STREAM="%d:%d" % (st.st_dev, st.st_ino))
            subprocess.run(
                [proftop.PATH, "record", "--ring", "6s", "--dir", place, "-p", str(target.pid), "-d", "1.5"],
                stderr=out,
                env=environment,
                check=True,
            )
            subprocess.run(
                [proftop.PATH, "record", "--ring", "6s", "--dir", place + "/none", "-n", "x"],
                stderr=out,
                env=environment,
                check=False,
            )
        with open(log) as text:
            lines = text.read().splitlines()
        assert lines and all(re.match(r"<[3-7]>", line) for line in lines), lines
        assert lines[-1].startswith("<3>"), lines


tap.main()
