# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers in pid, mount, network and IPC namespaces of their own, as in a container, seen from
outside: families, waits and names."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import glob
import subprocess

import proftop
import tap
import targets

RECORD_S = 5
NAMESPACES = ["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "--net", "--ipc"]
# A network namespace begins with its loopback down (netdevice(7): SIOCSIFFLAGS, IFF_UP).
LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    fcntl.ioctl(s, 0x8914, struct.pack("16sh", b"lo", 1))
os.execvp(sys.argv[1], sys.argv[1:])
"""
APP = """
def count_words(text):
    words = {}
    for word in text.split():
        words[word] = words.get(word, 0) + 1
    return words

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(len(count_words("the quick brown fox jumps over the lazy dog " * 400))).encode()]
"""
ASKS = """
import sys, urllib.request
urllib.request.urlopen("http://127.0.0.1:8000/", timeout=10).read()
"""
LOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
PYTHON = "/usr/bin/python3"


def inside(pid, *command):
    return [targets.tool("nsenter"), "-t", str(pid), "-n", *command]


@contextlib.contextmanager
def contained(command, **options):
    """The command as process 1 of namespaces of its own: its pid as seen from here."""
    up = [PYTHON, "-c", LOOPBACK_UP, *command]
    with targets.started([*targets.unshare(*NAMESPACES), *up], **options) as unshare:
        yield targets.wait_for(lambda: targets.children(unshare.pid), "the container")[0]


def family(pid):
    return [pid] + [grandchild for child in targets.children(pid) for grandchild in family(child)]


def unharmed(pids):
    for pid in pids:
        targets.wait_for(lambda: targets.tracer_of(pid) == 0, "the end of tracing", 5)
        states = set(targets.thread_states(pid).values())
        assert states and not states & {"T", "t"}, "%d is left in %s" % (pid, states)


def processes_of(path):
    shown = proftop.report(path, "processes")
    for row in shown["rows"]:
        tap.note(row)
    return {row["pid"] for row in shown["rows"]}


@tap.test("gunicorn -w 4 under wrk -c 50, from outside: its family, its functions", slow=True)
def _():
    found = subprocess.run([PYTHON, "-c", "import gunicorn"], stderr=subprocess.DEVNULL)
    tap.require(found.returncode == 0, "no gunicorn for " + PYTHON)
    with targets.folder() as place:
        with open(os.path.join(place, "words.py"), "w") as app:
            app.write(APP)
        serve = [PYTHON, "-m", "gunicorn", "-w", "4", "-b", "127.0.0.1:8000"]
        serve += ["--worker-tmp-dir", place, "words:app"]
        with contained(serve, cwd=place) as master:

            def answers():
                asked = subprocess.run(inside(master, PYTHON, "-c", ASKS), stderr=subprocess.DEVNULL)
                return asked.returncode == 0

            targets.wait_for(answers, "gunicorn's answer")
            targets.wait_for(lambda: len(targets.children(master)) == 4, "its workers")
            load = inside(master, targets.tool("wrk"), "-t1", "-c50", "-d60s", "http://127.0.0.1:8000/")
            path = os.path.join(place, "out.ptop")
            with targets.started(load):
                pids = family(master)
                proftop.ok("record", "-p", master, "-c", "-o", path, "-d", RECORD_S)
                unharmed(pids)
                assert answers(), "it does not answer any more"
        tap.equal(processes_of(path), set(pids), "processes that were watched")
        rows = proftop.rows_by_name(proftop.report(path))
        counting = rows.get("count_words")
        assert counting, "count_words is not among %s" % sorted(rows)
        assert counting["total_pct"] > 20, counting
        tap.equal(os.path.basename(counting["file"]), "words.py", "file of count_words")
        for row in proftop.report(path, "waits")["rows"][:8]:
            tap.note(row)


@contextlib.contextmanager
def postgres(place):
    """A cluster of its own with pgbench's tables: its postmaster, seen from here; how to run a
    client's program in it."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    tap.require(programs, "postgresql is not installed")
    tap.require(targets.is_root(), "initdb wants a user of its own: only root can become it")
    as_postgres = [targets.tool("setpriv"), "--reuid=postgres", "--regid=postgres", "--init-groups"]
    data = os.path.join(place, "data")
    os.mkdir(data, 0o700)
    for path in (place, data):
        subprocess.run(["chown", "postgres", path], check=True)

    def program(name, *words):
        return [*as_postgres, os.path.join(programs[-1], name), *words]

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": place}
    subprocess.run(program("initdb", "-D", data, "-N", "-A", "trust"), check=True, **quiet)
    serve = program("postgres", "-D", data, "-k", place, "-c", "listen_addresses=")
    serve += ["-c", "fsync=off", "-c", "autovacuum=off"]
    with contained(serve, cwd=place) as master:
        client = lambda name, *words: program(name, "-h", place, *words, "postgres")
        ready = lambda: subprocess.run(client("psql", "-qc", "SELECT 1"), **quiet).returncode == 0
        targets.wait_for(ready, "postgres's answer", 30)
        subprocess.run(client("pgbench", "-i", "-q"), check=True, **quiet)
        yield master, client


@tap.test("postgres under pgbench -c 8 and a row lock, from outside: who waits for what", slow=True)
def _():
    lock = "BEGIN; UPDATE pgbench_branches SET bbalance = 0; SELECT pg_sleep(60)"
    with targets.folder() as place, postgres(place) as (master, client):
        path = os.path.join(place, "out.ptop")
        with targets.started(client("psql", "-Atqc", lock), cwd=place):
            with targets.started(client("pgbench", "-n", "-c", "8", "-T", "60"), cwd=place):
                asks = client("psql", "-Atqc", LOCKED)
                locked = lambda: subprocess.run(asks, stdout=subprocess.PIPE, cwd=place).stdout
                targets.wait_for(lambda: locked().strip() == b"8", "eight sessions to wait", 20)
                before = set(targets.children(master))  # also the session that has just asked
                proftop.ok("record", "-p", master, "-c", "-o", path, "-d", RECORD_S)
                pids = before & set(targets.children(master))
                unharmed(pids)
                tap.equal(locked().strip(), b"8", "sessions that still wait")
        watched = processes_of(path)
        assert watched >= pids, "not watched: %s" % sorted(pids - watched)
        asleep = proftop.rows_by_name(proftop.report(path, "functions", "--state", "all"))
        assert "ProcSleep" in asleep, "no session waits for a lock: %s" % sorted(asleep)
        # Eight sessions for all of the time.
        tap.note(asleep["ProcSleep"])
        assert asleep["ProcSleep"]["total_s"] > 7 * RECORD_S, asleep["ProcSleep"]
        waits = proftop.report(path, "waits")["rows"]
        for row in waits[:8]:
            tap.note(row)
        tap.equal(waits[0]["name"], "ProcSleep", "where the most is waited")
        tap.equal(waits[0]["threads"], 8, "threads that wait there")
        harmful = [row["name"] for row in waits if not row["idle"] and row["wait_pct"] > 5]
        tap.equal(harmful, ["ProcSleep"], "what is waited for (and not a client's next request)")
        told = proftop.ok("report", path, "--view", "summary")
        assert "ProcSleep" in told, told


tap.main()
