# SPDX-License-Identifier: GPL-2.0-or-later
"""record --growth: the line that leaks, in Python and in C++, in the report and the file."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import contextlib
import json
import shutil
import subprocess
import time

import proftop
import tap
import targets

LEAKS = {
    "python": (os.path.join(targets.PROGRAMS, "leak_line.py"), "leak", "str"),
    "c++": (os.path.join(targets.PROGRAMS, "leak_line.cc"), "leak_session(long)", None),
}
PER_S = 1 << 20


def command_of(language, source, place):
    if language == "python":
        return ["/usr/bin/python3", source]
    compiler = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("c++")
    tap.require(compiler, "no C++ compiler")
    binary = os.path.join(place, "leak")
    subprocess.run([compiler, "-O2", "-g", source, "-o", binary, "-lpthread"], check=True)
    return [binary]


def sites(path):
    done = proftop.run("report", path, "--view", "memory", "--format", "json")
    return json.loads(done.stdout)["rows"] if done.returncode == 0 else []


def seconds_of(path):
    done = proftop.run("report", path, "--format", "json")
    return json.loads(done.stdout)["window"]["to_s"] if done.returncode == 0 else 0


def check(path, source, name, type_name):
    rows = sites(path)
    stays = [row for row in rows if row["kind"] == "survives"]
    tap.note(*("%(name)s:%(line)s %(growth_bytes_per_s).0f" % row for row in stays[:3]))
    first = stays[0]
    tap.equal(first["name"].split("(")[0], name.split("(")[0], "the function that leaks")
    tap.equal(first["line"], targets.marked_lines(source, "LEAK").pop(), "its line")
    tap.equal(os.path.basename(first["file"]), os.path.basename(source), "its file")
    assert first["growth_pct"] > 60, first
    tap.near(first["growth_bytes_per_s"], PER_S, PER_S / 2, "its bytes per second")
    if type_name:
        tap.equal(first["type"], type_name, "of which type")
    assert any(row["kind"] == "enlarged" for row in rows), "nothing enlarged it"
    assert any(row["by"] == "faults" for row in rows), "nobody touched pages"
    for row in rows:
        tap.equal(row["by"] is not None, row["kind"] == "enlarged", "what it is by: %r" % row)


@tap.test("the leaking line is first among what stays, in Python and in C++", slow=True)
def _():
    tap.require(os.geteuid() == 0, "probes need root")
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(targets.folder())
        recorders = {}
        for language, (source, _, _) in LEAKS.items():
            command = command_of(language, source, place)
            process = stack.enter_context(targets.started(command, ready="ready"))
            path = os.path.join(place, language + ".ptop")
            words = ["record", "-p", str(process.pid), "-o", path, "--growth"]
            recorders[path] = stack.enter_context(proftop.started(*words))

        def all_found():
            time.sleep(0.5)
            return all(sites(path + ".part") for path in recorders)

        targets.wait_for(all_found, "growth sites", 90)
        for recorder in recorders.values():
            tap.equal(proftop.interrupt(recorder), 0, "exit status of record")
        for path, leak in zip(recorders, LEAKS.values()):
            check(path, *leak)


@tap.test("a recording that ends before a look would: a shorter look, and one that is cut short")
def _():
    tap.require(os.geteuid() == 0, "probes need root")
    with targets.folder() as place:
        source, name, _ = LEAKS["c++"]
        command = command_of("c++", source, place)
        with targets.started(command, ready="ready") as process:
            short, cut = os.path.join(place, "short.ptop"), os.path.join(place, "cut.ptop")
            words = ["record", "-p", str(process.pid), "--growth", "-o"]
            proftop.ok(*words, short, "-d", "8")
            with proftop.started(*words, cut, stderr=subprocess.PIPE) as recorder:
                # Until blocks of the first bursts have been there for ten seconds.
                targets.wait_for(lambda: seconds_of(cut + ".part") > 14, "14 seconds", 60)
                tap.equal(proftop.interrupt(recorder), 0, "exit status of record")
                said = recorder.stderr.read().decode()
        assert "was cut short, at " in said, said
        for path in (short, cut):
            check(path, source, name, None)
            text = proftop.ok("report", path, "--view", "memory")
            tap.equal("A short look" in text, True, path)


@tap.test("a Python with its allocator compiled into its callers, and one without, are told", slow=True)
def _():
    tap.require(os.geteuid() == 0, "probes need root")
    asked = "import sysconfig; print(sysconfig.get_config_var('CONFIG_ARGS'))"
    seen = {}
    for python in targets.pythons():
        built = subprocess.run([*python.command, "-c", asked], stdout=subprocess.PIPE).stdout
        # A distribution's own is, whatever it says of itself.
        optimized = b"--enable-optimizations" in built or python.path == "/usr/bin/python3"
        if python.root or seen.setdefault(optimized, python) is not python:
            continue
        with targets.folder() as place, python.script(LEAKS["python"][0]) as script:
            with targets.started([*python.command, script], ready="ready") as process:
                path = os.path.join(place, "a.ptop")
                proftop.record(process.pid, path, 6, 100, "--growth")
            text = proftop.ok("report", path, "--view", "memory")
        told = "has its allocator compiled into callers" in text
        tap.equal(told, optimized, python.label)
    tap.require(len(seen) == 2, "one build of Python alone")


@tap.test("--growth where probes are not permitted: said in a line, and the recording goes on")
def _():
    tap.require(os.geteuid() == 0 and shutil.which("setpriv"), "not root, or no setpriv")
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with targets.folder() as place:
        os.chmod(place, 0o777)
        path = os.path.join(place, "none.ptop")
        command = [*drop, "/usr/bin/python3", LEAKS["python"][0]]
        with targets.started(command, ready="ready") as process:
            words = ["record", "-p", str(process.pid), "-o", path, "-d", "2", "--growth"]
            done = subprocess.run([*drop, proftop.PATH, *words], stderr=subprocess.PIPE)
        said = done.stderr.decode()
        tap.note(said)
        tap.equal(done.returncode, 0, "exit status")
        assert "permitted" in said or "CAP_PERFMON" in said, said
        tap.equal(sites(path), [], "sites")


tap.main()
