# SPDX-License-Identifier: GPL-2.0-or-later
"""Blocked threads: each wait is named with its object, its owner and where in the program it is."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import json
import re
import socket

import proftop
import tap
import targets

RECORD_S = 4


@contextlib.contextmanager
def silent_listener(place=None):
    """Somebody who takes connections and never says a word: its port (a path's socket if given)."""
    family = socket.AF_UNIX if place else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind(os.path.join(place, "silent.sock") if place else ("127.0.0.1", 0))
        listener.listen(32)
        yield None if place else listener.getsockname()[1]


@contextlib.contextmanager
def full_listener():
    """A port whose backlog is full, so that a connection hangs."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@contextlib.contextmanager
def blocked_program(place, *prefix):
    """tests/programs/waits.c, all of its threads blocked; its process and the two ports."""
    binary = targets.program("waits", into=place)
    with silent_listener() as silent, silent_listener(place), full_listener() as full:
        command = [*prefix, binary, place, str(silent), str(full)]
        with targets.started(command, ready="ready") as process:

            def settled():
                states = targets.thread_states(process.pid)
                return len(states) == 24 and sum(s != "R" for s in states.values()) >= 22

            targets.wait_for(settled, "all threads to block")
            yield process, silent, full


def waits_by_function(recording):
    shown = proftop.report(recording, "waits")
    rows = {}
    for row in shown["rows"]:
        for key in (
            *("wait", "on", "owner_tid", "owner_name", "name", "threads", "samples"),
            *("wait_s", "wait_pct", "typical_s", "max_s", "idle"),
        ):
            assert key in row, "no %s in %r" % (key, row)
        rows.setdefault(row["name"], []).append(row)
    return rows


def only(rows, name, wait=None):
    found = [row for row in rows.get(name, []) if wait in (None, row["wait"])]
    assert len(found) == 1, "%s %s: %r of %r" % (name, wait, found, sorted(rows))
    return found[0]


def tid_of(pid, name):
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/comm" % (pid, tid)) as comm:
            if comm.read().strip() == name:
                return int(tid)
    raise AssertionError("no thread " + name)


def is_disk_wait_possible(rows):
    """On a disk that answers at once the reader is seen running only."""
    return "read_disk" in rows and any(row["wait"] == "read" for row in rows["read_disk"])


@tap.test("a C program: every wait with its object, its owner and its function")
def _():
    with targets.folder() as place:
        recording = os.path.join(place, "waits.ptop")
        with blocked_program(place) as (process, silent, full):
            proftop.record(process.pid, recording, RECORD_S, 200)
            owner = tid_of(process.pid, "holder")
            crossers = [tid_of(process.pid, "crosser-%d" % n) for n in (1, 2)]
            sharer = targets.children(process.pid)[0]
            alive = process.poll() is None
        assert alive, "the target has ended"
        rows = waits_by_function(recording)
        server = "tcp 127.0.0.1:%d" % silent
        for name, wait, on, idle in (
            ("fill_pipe", "write", r"pipe:\[\d+\]", False),
            ("fill_fifo", "write", re.escape(place) + "/full.fifo", False),
            ("ask_server", "read", server, False),
            ("poll_server", "poll", server, False),
            ("loop_on_server", "epoll", server, True),
            ("reach_server", "connect", "tcp 127.0.0.1:%d" % full, False),
            ("ask_neighbour", "read", "unix %s/silent.sock" % re.escape(place), False),
            ("listen_to_air", "read", r"udp local 127\.0\.0\.1:\d+", True),
            ("wait_for_work", "futex", r"futex 0x[0-9a-f]+", True),
            ("want_catalogue", "futex", r"rwlock 0x[0-9a-f]+ held by 1 reader", False),
            ("want_shared", "futex", r"lock 0x[0-9a-f]+ held by sharer \(%d\)" % sharer, False),
            ("lock_file", "flock", re.escape(place) + r"/locked held by waits \(\d+\)", False),
        ):
            row = only(rows, name)
            tap.equal(row["wait"], wait, name + "'s wait")
            assert re.fullmatch(on, row["on"]), "%s waits on %r" % (name, row["on"])
            tap.equal(row["idle"], idle, "%s is idle" % name)
            tap.equal((row["owner_tid"], row["owner_name"]), (None, None), name + "'s owner")
            tap.near(row["max_s"], RECORD_S, 0.5, name + "'s longest wait")
            tap.near(row["typical_s"], RECORD_S, 0.5, name + "'s typical wait")
        for name, what in (
            ("want_plain", "lock"),
            ("want_robust", "lock"),
            ("want_inheriting", "lock"),
            ("want_table", "rwlock"),
        ):
            row = only(rows, name)
            held = r"%s 0x[0-9a-f]+ held by holder \(%d\)" % (what, owner)
            assert re.fullmatch(held, row["on"]), "%s waits on %r" % (name, row["on"])
            tap.equal((row["owner_tid"], row["owner_name"]), (owner, "holder"), name + "'s owner")
            tap.equal((row["wait"], row["idle"]), ("futex", False), name)
            tap.equal(row["threads"], 2 if name == "want_plain" else 1, name + "'s threads")
        tap.equal(only(rows, "cross_over")["owner_tid"], crossers[1], "who blocks crosser-1")
        tap.equal(only(rows, "cross_back")["owner_tid"], crossers[0], "who blocks crosser-2")
        row = only(rows, "join_napper")
        tap.equal((row["on"], row["idle"]), ("end of thread napper", True), "the join")
        row = only(rows, "take_nap", "nanosleep")
        tap.equal((row["on"], row["idle"]), (None, True), "the sleep")
        verdicts = {v["kind"]: v for v in proftop.report(recording, "summary")["rows"]}
        said = verdicts["deadlock"]["verdict"]
        assert "crosser-1 waits for crosser-2" in said and said.startswith("deadlock"), said
        tap.equal(verdicts["deadlock"]["view"], "waits", "where the deadlock's proof is")
        said = verdicts["lock"]["verdict"]
        assert "5 threads wait for locks that holder holds in read_disk()" in said, said
        text = proftop.ok("report", recording, "--view", "waits", "--format", "csv")
        assert "ask_server" in text and server in text, text


@tap.test("a disk read and a page fault")
def _():
    with targets.folder() as place:
        recording = os.path.join(place, "waits.ptop")
        with blocked_program(place) as (process, _silent, _full):
            proftop.record(process.pid, recording, RECORD_S, 1000)
        rows = waits_by_function(recording)
        if "touch_page" in rows:
            row = only(rows, "touch_page")
            tap.equal((row["wait"], row["on"], row["idle"]), ("fault", "page fault", False), "fault")
        tap.require(is_disk_wait_possible(rows), "the disk answers at once, or has no O_DIRECT")
        row = only(rows, "read_disk", "read")
        tap.equal(row["on"], os.path.join(place, "orders.db"), "what is read")
        tap.require("touch_page" in rows, "no userfaultfd here")


@tap.test("dump shows what each thread waits for, and who holds it")
def _():
    with targets.folder() as place:
        with blocked_program(place) as (process, silent, _full):
            shown = json.loads(proftop.ok("dump", process.pid, "--format", "json"))
            text = proftop.ok("dump", process.pid)
            owner = tid_of(process.pid, "holder")
        threads = {thread["name"]: thread for thread in shown["threads"]}
        tap.equal(threads["asker"]["on"], "tcp 127.0.0.1:%d" % silent, "asker's object")
        tap.equal(threads["napper"]["on"], None, "napper's object")
        tap.equal(threads["plain-1"]["owner_tid"], owner, "plain-1's owner")
        tap.equal(threads["plain-1"]["owner_name"], "holder", "plain-1's owner")
        assert re.search(r"plain-1  waiting: futex  on lock 0x\w+ held by holder", text), text


@tap.test("in namespaces of its own (pid and net)")
def _():
    tap.require(targets.is_root(), "needs root to make namespaces")
    with targets.folder() as place:
        binary = targets.program("waits", into=place)
        # Inside: the loopback device, and a listener of the very namespace.
        inner = os.path.join(place, "inner.py")
        with open(inner, "w") as script:
            script.write(
                "import fcntl, os, socket, struct, sys\n"
                "s = socket.socket()\n"
                "fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 0x49))\n"  # SIOCSIFFLAGS: up
                "s.bind(('127.0.0.1', 4711)); s.listen(32); s.set_inheritable(True)\n"
                "full = socket.socket(); full.bind(('127.0.0.1', 4712)); full.listen(0)\n"
                "full.set_inheritable(True)\n"
                "for _ in range(4):\n"
                "    f = socket.socket(); f.setblocking(False)\n"
                "    f.connect_ex(('127.0.0.1', 4712)); f.set_inheritable(True); f.detach()\n"
                "u = socket.socket(socket.AF_UNIX); u.bind(sys.argv[2] + '/silent.sock')\n"
                "u.listen(8); u.set_inheritable(True)\n"
                "os.execv(sys.argv[1], [sys.argv[1], sys.argv[2], '4711', '4712'])\n"
            )
        unshare = targets.unshare("-n", "-p", "-f")
        command = [*unshare, "--kill-child", sys.executable, inner, binary, place]
        with targets.started(command, ready="ready") as process:
            pid = targets.wait_for(lambda: targets.children(process.pid), "the inner process")[0]
            recording = os.path.join(place, "waits.ptop")
            proftop.record(pid, recording, RECORD_S, 200)
            owner = tid_of(pid, "holder")
        rows = waits_by_function(recording)
        tap.equal(only(rows, "ask_server")["on"], "tcp 127.0.0.1:4711", "the peer")
        tap.equal(only(rows, "reach_server")["on"], "tcp 127.0.0.1:4712", "the address")
        tap.equal(only(rows, "ask_neighbour")["on"], "unix %s/silent.sock" % place, "the neighbour")
        for name in ("want_plain", "want_robust", "want_inheriting", "want_table"):
            tap.equal(only(rows, name)["owner_tid"], owner, name + "'s owner")
        tap.equal(only(rows, "join_napper")["on"], "end of thread napper", "the join")


def check_work(python):
    """Whose wait it is: an event loop's, a request's, a worker's, a parent's."""
    with targets.folder() as place:
        recording = os.path.join(place, "work.ptop")
        source = os.path.join(targets.PROGRAMS, "waits_work.py")
        with python.script(source) as script:
            command = [*python.command, script]
            with targets.started(command, ready="ready") as process:

                def settled():
                    # The main thread, seven of its own, two that ask and two that answer.
                    states = targets.thread_states(process.pid)
                    return len(states) == 12 and "R" not in states.values()

                targets.wait_for(settled, "all threads to wait")
                # The file's holder, the supervised one and the request's.
                targets.wait_for(lambda: len(targets.children(process.pid)) == 3, "its children")
                proftop.record(process.pid, recording, 2, 100)
        rows = waits_by_function(recording)
        child = r"child \d+ \(sleep\)"
        for name, wait, on, idle in (
            ("block_loop", "nanosleep", "blocks the event loop", False),
            ("take_connection", "futex", r"futex 0x\w+", False),
            ("convert", "wait", child, False),
            ("work", "futex", r"futex 0x\w+", True),
            ("feed", "futex", r"futex 0x\w+", False),
            ("take_permit", "futex", r"futex 0x\w+", False),
            ("supervise", "wait", child, True),
            ("lock_table", "flock", r"/\S+\.table held by \S+ \(\d+\)", False),
        ):
            row = only(rows, name, wait)
            assert re.fullmatch(on, row["on"]), "%s waits on %r" % (name, row["on"])
            tap.equal(row["idle"], idle, name + " is idle")
        verdicts = {v["kind"]: v["verdict"] for v in proftop.report(recording, "summary")["rows"]}
        assert "blocks the event loop: sleep in block_loop()" in verdicts["loop"], verdicts


def check_pools(python):
    """Pools of processes: what their workers wait for when they have no work, and what others do."""
    with targets.folder() as place:
        recording = os.path.join(place, "pools.ptop")
        source = os.path.join(targets.PROGRAMS, "waits_pool.py")
        with python.script(source) as script:
            with targets.started([*python.command, script], ready="ready") as process:

                def settled():
                    # The workers: two of a thread's pool, two of the loop's, one each.
                    pids = [process.pid, *targets.children(process.pid)]
                    states = [s for pid in pids for s in targets.thread_states(pid).values()]
                    return len(pids) == 5 and "R" not in states

                targets.wait_for(settled, "all threads to wait")
                proftop.record(process.pid, recording, 2, 100, "-c")
        rows = waits_by_function(recording)
        for name, wait, on, idle in (
            ("start_pool", "read", r"pipe:\[\d+\]", True),
            ("start_under_loop", "read", r"pipe:\[\d+\]", True),
            ("fork_under_loop", "read", r"pipe:\[\d+\]", True),
            ("run_loop", "epoll", "asyncio loop", True),
            ("ask_pool", "futex", r"futex 0x\w+", False),
            ("take_lock", "futex", r"futex 0x\w+", False),
            ("accept_in_time", "poll", r"tcp listener 127\.0\.0\.1:\d+", True),
            ("ask_names", "poll", r"udp 127\.0\.0\.1:\d+", False),
        ):
            row = only(rows, name, wait)
            assert re.fullmatch(on, row["on"]), "%s waits on %r" % (name, row["on"])
            tap.equal(row["idle"], idle, name + " is idle")
        # Old pools look after their workers in turns; whoever wakes up may wait for a CPU.
        waits = [row for found in rows.values() for row in found if row["wait"] != "cpu"]
        busy = {row["name"] for row in waits if not row["idle"]}
        tap.equal(busy, {"ask_pool", "take_lock", "ask_names"}, "who has somebody waiting")


def check_python(python):
    with targets.folder() as place:
        os.chmod(place, 0o755)
        recording = os.path.join(place, "waits.ptop")
        source = os.path.join(targets.PROGRAMS, "waits.py")
        with silent_listener() as silent, python.script(source) as script:
            command = [*python.command, script, str(silent)]
            with targets.started(command, ready="ready") as process:
                proftop.record(process.pid, recording, RECORD_S, 200)
                tids = set(targets.thread_states(process.pid))
        rows = waits_by_function(recording)
        server = "tcp 127.0.0.1:%d" % silent
        row = only(rows, "ask_server", "read")
        tap.equal((row["wait"], row["on"], row["idle"]), ("read", server, False), "ask_server")
        row = only(rows, "ask_patiently", "poll")
        tap.equal((row["wait"], row["on"], row["idle"]), ("poll", server, False), "ask_patiently")
        row = only(rows, "want_lock", "futex")
        tap.equal((row["wait"], row["owner_tid"], row["idle"]), ("futex", None, False), "want_lock")
        # One lock: from 3.14 on each thread waits in a futex of its own for it.
        tap.equal(row["threads"], 2, "who wants the lock")
        assert re.fullmatch(r"futex 0x[0-9a-f]+", row["on"]), row["on"]
        for name, holder in (
            ("want_rlock", "hold_lock"),
            ("cross_over", "cross_back"),
            ("cross_back", "cross_over"),
        ):
            row = only(rows, name, "futex")
            tap.equal((row["owner_name"], row["idle"]), (holder, False), name + "'s owner")
            held = r"lock 0x[0-9a-f]+ held by %s \(%d\)" % (holder, row["owner_tid"])
            assert re.fullmatch(held, row["on"]), row["on"]
        # As long as not all of them wait, they may want the GIL, too.
        for name, wait in (
            ("wait_for_work", "futex"),
            ("join_holder", "futex"),
            ("hold_lock", "nanosleep"),
        ):
            tap.equal(only(rows, name, wait)["idle"], True, name + " is idle")
        row = only(rows, "run_loop", "epoll")
        tap.equal((row["on"], row["idle"]), ("asyncio loop", True), "the event loop")
        row = only(rows, "burn", "gil")
        tap.equal((row["threads"], row["idle"]), (3, False), "those that want the GIL")
        assert row["on"].startswith("GIL held by "), row["on"]
        assert row["owner_tid"] in tids, row
        verdicts = {v["kind"]: v["verdict"] for v in proftop.report(recording, "summary")["rows"]}
        assert "burn" in verdicts.get("gil", ""), verdicts
        assert "cross_over waits for cross_back" in verdicts.get("deadlock", ""), verdicts


for python in targets.pythons():
    title = "Python %s: the GIL, a lock, sockets, a queue, a join" % python.label
    rare = targets.is_one_of_many(python)
    tap.test(title, python, slow=python.path != "/usr/bin/python3", rare=rare)(check_python)
    title = "Python %s: whose wait it is" % python.label
    tap.test(title, python, slow=python.path != "/usr/bin/python3", rare=rare)(check_work)
    title = "Python %s: pools of processes" % python.label
    tap.test(title, python, slow=python.path != "/usr/bin/python3", rare=rare)(check_pools)

tap.main()
