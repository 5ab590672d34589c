# SPDX-License-Identifier: GPL-2.0-or-later
"""dump: every thread's stack now, once."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import json
import subprocess

import proftop
import tap
import targets

SCRIPT = """
import threading, time

class Pool:
    def wait_for_work(self, event):
        event.wait()

def spin():
    print("ready", flush=True)
    while True:
        pass

for _ in range(2):
    threading.Thread(target=Pool().wait_for_work, args=(threading.Event(),), daemon=True).start()
spin()
"""


def dump(pid, *more):
    shown = json.loads(proftop.ok("dump", pid, "--format", "json", *more))
    tap.equal(shown["schema"], "proftop.dump/1", "schema")
    tap.equal(shown["pid"], pid, "pid")
    return shown["threads"]


def check_shapes(threads):
    for thread in threads:
        for key in ("tid", "name", "state", "wait", "on", "gil", "frames"):
            assert key in thread, "a thread has no %s: %r" % (key, thread)
        for frame in thread["frames"]:
            for key in ("name", "module", "file", "line", "language"):
                assert key in frame, "a frame has no %s: %r" % (key, frame)


def check_python(python):
    with targets.folder() as place:
        source = os.path.join(place, "pool.py")
        with open(source, "w") as file:
            file.write(SCRIPT)
        os.chmod(place, 0o755)
        with python.script(source) as script:
            with targets.started([*python.command, script], ready="ready") as target:
                threads = dump(target.pid)
                text = proftop.ok("dump", target.pid)
                fewer = dump(target.pid, "--limit", "2")
                less = proftop.ok("dump", target.pid, "--limit", "2")
                alive = target.poll() is None
    check_shapes(threads)
    assert alive, "the target has ended"
    tap.equal(len(threads), 3, "threads")
    tap.equal((len(fewer), less.count("\nthread ")), (2, 2), "threads with --limit 2")
    stacks = [
        [frame["name"] for frame in thread["frames"] if frame["language"] == "python"]
        for thread in threads
    ]
    spinning = [stack for stack in stacks if stack[:1] == ["spin"]]
    tap.equal(spinning, [["spin", "<module>"]], "the spinning thread's stack")
    wait = "Pool.wait_for_work"
    tap.equal(sum(wait in stack for stack in stacks), 2, "waiting threads in %s" % stacks)
    line = 1 + SCRIPT.splitlines().index("        event.wait()")
    lines = {f["line"] for t in threads for f in t["frames"] if f["name"] == wait}
    tap.equal(lines, {line}, "line of " + wait)
    assert "spin" in text and str(target.pid) in text, text


for python in targets.pythons():
    tap.test("Python %s: every thread, innermost frame first" % python.label, python)(check_python)


@tap.test("a native program: functions and lines")
def _():
    with targets.folder() as place:
        binary = targets.program("split", into=place)
        with targets.started([binary], ready="ready") as target:
            threads = dump(target.pid)
    check_shapes(threads)
    tap.equal(len(threads), 1, "threads")
    names = [frame["name"] for frame in threads[0]["frames"]]
    assert "main" in names and "run_round" in names, names
    frame = threads[0]["frames"][names.index("run_round")]
    tap.equal(os.path.basename(frame["file"]), "split.c", "its file")
    assert frame["line"] > 0, frame


def check_relative(python):
    """To 3.8 a script's code says the path that it was started by (bpo-20443)."""
    text = "import time\nexec(compile('time.sleep(60)', 'no/such.py', 'exec'))\n"
    with targets.folder() as place:
        os.mkdir(os.path.join(place, "jobs"))
        with open(os.path.join(place, "jobs", "job.py"), "w") as script:
            script.write(text)
        expected = ["no/such.py", os.path.join(os.path.realpath(place), "jobs/job.py")]
        for path in ("jobs/job.py", "./jobs/job.py"):
            with targets.started([*python.command, path], cwd=place) as target:

                def files():
                    frames = [frame for thread in dump(target.pid) for frame in thread["frames"]]
                    whole = [f["file"] for f in frames if f["language"] == "python"]
                    return [os.path.normpath(file) for file in whole]

                targets.wait_for(lambda: files() == expected, "files %s" % expected)


for python in targets.pythons():
    if not python.root:
        title = "Python %s: a script by a relative path, its whole path" % python.label
        tap.test(title, python)(check_relative)


@tap.test("a process that sleeps is not disturbed")
def _():
    with targets.started(["sleep", "60"]) as target:
        targets.wait_for(
            lambda: targets.thread_states(target.pid).get(target.pid) == "S", "sleep to sleep"
        )
        threads = dump(target.pid)
        tap.equal(targets.thread_states(target.pid), {target.pid: "S"}, "state after")
    tap.equal(threads[0]["name"], "sleep", "thread's name")


@tap.test("no such process: exit 1, one line")
def _():
    ended = subprocess.Popen(["true"])
    ended.wait()
    proftop.fails(["dump", ended.pid], str(ended.pid))


tap.main()
