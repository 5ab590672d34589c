# SPDX-License-Identifier: GPL-2.0-or-later
"""The sample service: up in time, with its faults, and gone afterwards."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import glob
import signal
import subprocess
import time

import measure
import proftop
import tap
import targets

DEMO = os.path.join(os.path.dirname(targets.TESTS), "data", "demo")
UP_S = 2.0


def family(pid):
    """The pid and all that descend from it."""
    found = [pid]
    for child in targets.children(pid):
        found += family(child)
    return found


@contextlib.contextmanager
def demo(*options):
    """The demo, its service's pid and everything that belongs to it."""
    command = [sys.executable, os.path.join(DEMO, "demo.py"), *options]
    with targets.started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        words = process.stdout.readline().decode().split()
        tap.equal(words[:1], ["pid"], "what it says")
        yield process, int(words[1]), family(process.pid)


def listening_addresses(pids):
    """The addresses, as /proc/net/tcp has them, of the sockets that the processes listen on."""
    sockets = set()
    for link in (link for pid in pids for link in glob.glob("/proc/%d/fd/*" % pid)):
        with contextlib.suppress(OSError):
            sockets.add(os.readlink(link))
    addresses = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table) as rows:
            for row in (row.split() for row in list(rows)[1:]):
                if row[3] == "0A" and "socket:[%s]" % row[9] in sockets:
                    addresses.append(row[1].partition(":")[0])
    return addresses


def all_gone(pids):
    def gone():
        return not any(set(targets.thread_states(pid).values()) - {"Z"} for pid in pids)

    targets.wait_for(gone, "every process of the demo to end", 5)


@tap.test("up and under load in time, with 8 threads, on loopback alone")
def _():
    begin_s = time.monotonic()
    with demo() as (process, pid, pids):
        up_s = time.monotonic() - begin_s
        tap.note("up in %.2f s" % up_s)
        assert up_s < 3 * UP_S, "up in %.2f s" % up_s  # tests run side by side
        tap.equal(len(pids), 4, "processes")
        tap.equal(len(targets.thread_states(pid)), 8, "threads of the service")
        addresses = listening_addresses(pids)
        tap.equal(addresses, ["0100007F"] * 2, "what the database and the service listen on")


def check_end(end):
    with demo() as (process, pid, pids):
        end(process, pid)
        process.wait(10)
        all_gone(pids)


tap.test("gone when its standard input closes", lambda p, _: p.stdin.close())(check_end)
tap.test("gone on SIGTERM", lambda p, _: p.terminate())(check_end)
tap.test("gone on SIGKILL", lambda p, _: p.kill())(check_end)
tap.test("gone when the service dies", lambda _, pid: os.kill(pid, signal.SIGKILL))(check_end)


@tap.test("gone when its parent is killed")
def _():
    command = [sys.executable, "-c", "import subprocess, sys\nsubprocess.call(sys.argv[1:])"]
    command += [sys.executable, os.path.join(DEMO, "demo.py")]
    with targets.started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline().startswith(b"pid "), "the demo did not start"
        pids = family(parent.pid)
        tap.equal(len(pids), 5, "processes")
        parent.kill()
        all_gone(pids[1:])


@tap.test("the recording shows the incident: the database's wait, and the slow functions")
def _():
    with targets.folder() as place, demo() as (process, pid, pids):
        path = os.path.join(place, "demo.ptop")
        proftop.record(pid, path, 6, 200)
        shown = proftop.report(path)
        rows = proftop.rows_by_name(shown)
        for row in shown["rows"][:8]:
            tap.note("%(self_pct)6.2f %(cpu_s)s %(wait_s)s %(name)s %(file)s:%(line)s" % row)
        by_name = {name.rpartition(".")[2]: row for name, row in rows.items()}
        for name in ("query_database", "recommend", "similarity", "normalize_name", "get_products"):
            assert name in by_name, "%s is not in %s" % (name, sorted(rows))
            tap.equal(by_name[name]["file"], os.path.join(DEMO, "shop.py"), "file of " + name)
        # The first row, or (where the interpreter's _socket is a module of its own) above that.
        own = [row for row in shown["rows"] if row["file"] == os.path.join(DEMO, "shop.py")]
        leaves = [row for row in own if row["name"].rpartition(".")[2] == "query_database"]
        assert leaves[0]["total_pct"] > 50, "it is not the first thing to see: %r" % own[:3]
        assert by_name["query_database"]["wait_s"] > by_name["query_database"]["cpu_s"]
        # On a busy machine the service gets through less work.
        for name in ("similarity", "normalize_name"):
            assert by_name[name]["cpu_s"] > 0.005 * 6, "%s: %r" % (name, by_name[name])


@tap.test("the burst of each minute: a thread of its own, and more CPU than before and after it")
def _():
    with targets.folder() as place, demo("--report-after", "3") as (process, pid, pids):
        path = os.path.join(place, "burst.ptop")
        proftop.record(pid, path, 10, 100)
        rows = proftop.rows_by_name(proftop.report(path))
        names = {name.rpartition(".")[2]: row for name, row in rows.items()}
        assert "rank_products" in names, sorted(rows)
        tap.equal(names["rank_products"]["file"], os.path.join(DEMO, "shop.py"), "its file")
        threads = proftop.report(path, "threads")["rows"]
        assert "report" in [row["name"] for row in threads], threads
        points = [
            (row["time_s"], row["cpu_user"])
            for row in proftop.report(path, "timeline")["rows"]
            if row["cpu_user"] is not None
        ]
        top_s, _ = max(points, key=lambda point: point[1])
        tap.note("CPU: " + " ".join("%.1f:%.2f" % point for point in points))
        assert 1 < top_s < 9, "the CPU is busiest at %.1f s" % top_s


def shell_answers(screen):
    """The terminal is the shell's again. After a kill its prompt may have come before the screen was
    given back, and be gone with it, so it is asked something."""
    screen.type("expr", "40", "+", "2")
    return "\n42" in screen.text()


def check_screen(leave):
    """proftop demo shows the incident, and leaves nobody behind."""
    with targets.folder() as place, measure.Screen(place, 80, 24) as screen:
        screen.type(proftop.PATH, "demo")
        targets.wait_for(lambda: "query_database" in screen.text(), "the demo's hot row", 20)
        pids = family(screen.pid())
        assert len(pids) >= 5, "only %d processes" % len(pids)
        leave(screen)
        all_gone(pids)
        targets.wait_for(lambda: shell_answers(screen), "the shell", 10)


@tap.test("proftop demo: on screen, and gone with `q`")
def _():
    check_screen(lambda screen: screen.keys("q"))


@tap.test("proftop demo: nobody is left behind when proftop is killed")
def _():
    check_screen(lambda screen: os.kill(screen.pid(), signal.SIGKILL))


tap.main()
