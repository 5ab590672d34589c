# SPDX-License-Identifier: GPL-2.0-or-later
"""Names and lines of native code wherever it comes from: JITs, stripped, deleted and replaced
files, debug files that stand elsewhere, Go, containers, a chroot, the vdso, deep recursion."""

import contextlib
import ctypes.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import tap
import targets

SPLIT_C = os.path.join(targets.PROGRAMS, "split.c")
BURNING = ("burn_sixty", "burn_thirty", "burn_ten")
JIT = """
function hot(n) { let s = 0; for (let i = 0; i < n; i++) s += Math.sqrt(i ^ s); return s; }
function caller(n) { return hot(n) + 1; }
function main() { for (let i = 0; i < 3000; i++) caller(1000); }
console.log('ready');
for (;;) main();
"""
NODE_OPTIONS = ("--perf-basic-prof", "--max-inlined-bytecode-size=0")


def recorded(pid, place, seconds=2, name="a.ptop"):
    """The function rows, by name, of a recording of the process."""
    path = os.path.join(place, name)
    proftop.record(pid, path, seconds, 200)
    return proftop.rows_by_name(proftop.report(path))


def check_split(rows, source=SPLIT_C):
    """The three functions of split.c, with their lines where there is a source."""
    for name in BURNING:
        assert name in rows, "%s is not in %s" % (name, sorted(rows))
        assert rows[name]["self_samples"] > 0, rows[name]
        if source:
            tap.equal(rows[name]["file"], source, "file of " + name)
            with open(source) as text:
                declared = next(n for n, line in enumerate(text, 1) if " %s(long" % name in line)
            tap.equal(rows[name]["line"], declared, "line of " + name)
    others = sum(row["self_pct"] for name, row in rows.items() if name not in BURNING)
    assert others < 10, {name: row["self_pct"] for name, row in rows.items()}


def needs_namespaces():
    tap.require(targets.is_root(), "needs root, to make namespaces")
    return targets.unshare("-pmnf", "--mount-proc")


@contextlib.contextmanager
def contained(unshare, place, command):
    """Run a command in pid, mount and net namespaces of its own, /tmp and PLACE/private being
    its own too; gives its pid as seen from here."""
    private = os.path.join(place, "private")
    os.mkdir(private)
    # /tmp is hidden by its own: what is to be copied is reached through another mount.
    script = (
        'mount --bind "$1" /mnt && mount -t tmpfs tmpfs /tmp && mkdir -p "$0" &&\n'
        'mount -t tmpfs tmpfs "$0" && cp /mnt/public/* "$0"/ && umount /mnt &&\n'
        'shift && cd "$0" && exec "$@"'
    )
    words = [*unshare, "sh", "-c", script, private, place, *command]
    with targets.started(words, ready="ready") as outside:
        inside = targets.wait_for(lambda: targets.children(outside.pid), "the process inside")
        yield inside[0]


@tap.test("node: functions from its perf map, in the recording for good")
def _():
    node = targets.tool("node")
    with targets.folder() as place:
        script = os.path.join(place, "jit.js")
        with open(script, "w") as file:
            file.write(JIT)
        command = [node, *NODE_OPTIONS, script]
        with targets.started(command, ready="ready", cwd=place) as process:
            path = os.path.join(place, "a.ptop")
            proftop.record(process.pid, path, 2, 200)
            os.remove("/tmp/perf-%d.map" % process.pid)
        shown = proftop.rows_by_name(proftop.report(path))
        for name, line in (("hot", 2), ("caller", 3)):
            assert name in shown, sorted(shown)
            tap.equal(shown[name]["language"], "jit", "language of " + name)
            tap.equal((shown[name]["file"], shown[name]["line"]), (script, line), name)
        assert shown["hot"]["self_pct"] > 50, shown["hot"]
        assert shown["caller"]["total_pct"] > shown["hot"]["self_pct"] / 2, shown["caller"]


@tap.test("node in namespaces of its own: the map of its own /tmp, under its own pid")
def _():
    node = targets.tool("node")
    unshare = needs_namespaces()
    with targets.folder() as place:
        os.mkdir(os.path.join(place, "public"))
        with open(os.path.join(place, "public", "jit.js"), "w") as file:
            file.write(JIT)
        script = os.path.join(place, "private", "jit.js")
        with contained(unshare, place, [node, *NODE_OPTIONS, script]) as pid:
            rows = recorded(pid, place)
        assert "hot" in rows and rows["hot"]["self_pct"] > 50, sorted(rows)
        tap.equal(rows["hot"]["file"], script, "file")


@tap.test("a C program in namespaces of its own, on a mount that is only there")
def _():
    unshare = needs_namespaces()
    with targets.folder() as place:
        os.mkdir(os.path.join(place, "public"))
        targets.program("split", into=os.path.join(place, "public"))
        inside = os.path.join(place, "private", "split")
        with contained(unshare, place, [inside]) as pid:
            assert not os.path.exists(inside)
            rows = recorded(pid, place)
        check_split(rows)
        tap.equal(rows["burn_sixty"]["module"], inside, "module")
        assert "main" in rows and any("libc" in (row["module"] or "") for row in rows.values())


@tap.test("a chroot without a mount namespace")
def _():
    tap.require(targets.is_root(), "needs root, for chroot")
    with targets.folder() as place:
        root = os.path.join(place, "root")
        os.mkdir(root)
        binary = targets.program("split", into=root)
        listed = subprocess.run(["ldd", binary], stdout=subprocess.PIPE, check=True).stdout
        for word in listed.decode().split():
            if word.startswith("/"):
                os.makedirs(root + os.path.dirname(word), exist_ok=True)
                shutil.copy(word, root + word)
        with targets.started(["chroot", root, "/split"], ready="ready") as process:
            rows = recorded(process.pid, place)
        check_split(rows)
        assert "__libc_start_main" in rows, sorted(rows)


def other_program(place, *flags):
    """Another program, with functions of other names at the same places."""
    source = os.path.join(place, "other.c")
    with open(SPLIT_C) as file:
        text = file.read().replace("burn_", "wrong_")
    with open(source, "w") as file:
        file.write(text)
    path = os.path.join(place, "other")
    command = [targets.tool("cc"), "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-g", *flags, source]
    subprocess.run([*command, "-o", path, "-lpthread"], check=True)
    return path


BUILD_IDS = {"with": ["-Wl,--build-id"], "without": ["-Wl,--build-id=none"]}

for kind, flags in BUILD_IDS.items():

    @tap.test("a program %s a build id, deleted while it runs" % kind, flags)
    def _(flags):
        tap.require(targets.is_root(), "needs root, for /proc/PID/map_files")
        with targets.folder() as place:
            binary = targets.program("split", *flags, into=place)
            with targets.started([binary], ready="ready") as process:
                os.remove(binary)
                check_split(recorded(process.pid, place))

    @tap.test("a program %s a build id, replaced while it runs" % kind, flags)
    def _(flags):
        tap.require(targets.is_root(), "needs root, for /proc/PID/map_files")
        with targets.folder() as place:
            binary = targets.program("split", *flags, into=place)
            other = other_program(place, *flags)
            with targets.started([binary], ready="ready") as process:
                os.rename(other, binary)
                rows = recorded(process.pid, place)
            check_split(rows)
            assert not any("wrong" in name for name in rows), sorted(rows)


def split_off_debug(binary, debug, *options):
    subprocess.run(["objcopy", "--only-keep-debug", *options, binary, debug], check=True)
    subprocess.run(["strip", "-s", binary], check=True)


@tap.test("debug files: by link, of another program, by build id")
def _():
    targets.tool("objcopy")
    with targets.folder() as place:
        binary = targets.program("split", "-Wl,--build-id=none", into=place)
        debug = os.path.join(place, "split.debug")
        split_off_debug(binary, debug, "--compress-debug-sections")
        subprocess.run(["objcopy", "--add-gnu-debuglink=" + debug, binary], check=True)
        with targets.started([binary], ready="ready") as process:
            check_split(recorded(process.pid, place))
            # The link's checksum tells that this is another one's.
            shutil.copy(other_program(place), debug)
            rows = recorded(process.pid, place, name="b.ptop")
            assert not any("wrong" in name or "burn" in name for name in rows), sorted(rows)


@tap.test("a debug file by its build id under /usr/lib/debug, as the target sees that")
def _():
    unshare = needs_namespaces()
    targets.tool("objcopy")
    with targets.folder() as place:
        public = os.path.join(place, "public")
        os.mkdir(public)
        binary = targets.program("split", "-Wl,--build-id=0x0123456789abcdef0123", into=public)
        debug = os.path.join(public, "23456789abcdef0123.debug")
        split_off_debug(binary, debug)
        private = os.path.join(place, "private")
        script = (
            "mkdir -p /usr/lib/debug && mount -t tmpfs tmpfs /usr/lib/debug &&"
            "mkdir -p /usr/lib/debug/.build-id/01 &&"
            'mv "$0"/*.debug /usr/lib/debug/.build-id/01/ && exec "$0/split"'
        )
        with contained(unshare, place, ["sh", "-c", script, private]) as pid:
            rows = recorded(pid, place)
        check_split(rows)


def recorded_with(urls, cache, pid, path, seconds):
    """The rows of a recording with --debuginfod."""
    environment = dict(os.environ, DEBUGINFOD_URLS=urls, DEBUGINFOD_CACHE_PATH=cache)
    proftop.ok("record", "-p", pid, "-o", path, "-r", 200, "-d", seconds, "--debuginfod",
               env=environment)
    return proftop.rows_by_name(proftop.report(path))


@tap.test("debuginfod: asked only with --debuginfod, from a folder and from a server", slow=True, rare=True)
def _():
    targets.tool("objcopy")
    tap.require(ctypes.util.find_library("debuginfod"), "no libdebuginfod here")
    with targets.folder() as place:
        build_id = "5566778899aabbccddee" * 2
        binary = targets.program("split", "-Wl,--build-id=0x" + build_id, into=place)
        tree = os.path.join(place, "tree", "buildid", build_id)
        os.makedirs(tree)
        split_off_debug(binary, os.path.join(tree, "debuginfo"))
        urls = "file://" + os.path.join(place, "tree")
        cache = os.path.join(place, "cache")
        with targets.started([binary], ready="ready") as process:
            path = os.path.join(place, "a.ptop")
            os.environ["DEBUGINFOD_URLS"] = urls
            try:
                rows = recorded(process.pid, place)
            finally:
                del os.environ["DEBUGINFOD_URLS"]
            assert not any("burn" in name for name in rows), sorted(rows)
            check_split(recorded_with(urls, cache, process.pid, path, 3))
            assert os.path.isdir(os.path.join(cache, build_id)), "not in the client's cache"
            # A server that does not answer keeps nobody waiting.
            with socket.socket() as deaf:
                deaf.bind(("127.0.0.1", 0))
                deaf.listen(5)
                url = "http://127.0.0.1:%d" % deaf.getsockname()[1]
                begin_s = time.monotonic()
                rows = recorded_with(url, cache + "2", process.pid, path, 2)
                assert time.monotonic() - begin_s < 20, "it waited for the server"
                assert any(name.startswith("split+0x") for name in rows), sorted(rows)
            proftop.fails(["record", "-p", process.pid, "-o", path, "--debuginfod"],
                          "DEBUGINFOD_URLS", status=2)
            server = targets.tool("debuginfod")
            port = targets.free_port()
            url = "http://127.0.0.1:%d" % port
            os.rename(os.path.join(tree, "debuginfo"), os.path.join(tree, "split.debug"))
            serving = [server, "-F", "-p", str(port), "-d", os.path.join(place, "db"), tree]
            with targets.started(serving, cwd=place):
                asking = "%s/buildid/%s/debuginfo" % (url, build_id)

                def has_it():
                    with contextlib.suppress(OSError):
                        with urllib.request.urlopen(asking, timeout=5) as answer:
                            return answer.status == 200

                targets.wait_for(has_it, "the server's index", 30)
                check_split(recorded_with(url, cache + "3", process.pid, path, 3))


@tap.test("a stripped program: a row for a function, by where it begins")
def _():
    with targets.folder() as place:
        binary = targets.program("split", into=place)
        listed = subprocess.run(["nm", binary], stdout=subprocess.PIPE, check=True).stdout
        starts = {row.split()[2]: int(row.split()[0], 16) for row in listed.decode().splitlines()
                  if len(row.split()) == 3}
        subprocess.run(["strip", "-s", binary], check=True)
        with targets.started([binary], ready="ready") as process:
            rows = recorded(process.pid, place)
        for name in BURNING:
            wanted = "split+0x%x" % starts[name]
            assert wanted in rows, "%s is not in %s" % (wanted, sorted(rows))
        mine = [name for name in rows if name.startswith("split+")]
        assert len(mine) <= len(BURNING) + 4, mine


GO = {
    "as it is built": ([], True),
    "without symbols, by its own table": (["-ldflags=-s -w"], False),
    "without symbols, position independent": (["-ldflags=-s -w", "-buildmode=pie"], False),
}

for kind, (flags, lines) in GO.items():

    @tap.test("a Go program, %s" % kind, flags, lines, slow=kind != "as it is built")
    def _(flags, lines):
        go = targets.tool("go")
        with targets.folder() as place:
            binary = os.path.join(place, "work")
            source = os.path.join(targets.PROGRAMS, "native_work.go")
            environment = dict(os.environ, GOCACHE=os.path.join(place, "cache"), GO111MODULE="off")
            command = [go, "build", *flags, "-o", binary, source]
            subprocess.run(command, env=environment, cwd=place, check=True)
            with targets.started([binary], ready="ready") as process:
                rows = recorded(process.pid, place)
        turn, work = rows["main.(*Engine).turn"], rows["main.work"]
        tap.equal(turn["language"], "go", "language")
        share_pct = 100 * turn["self_samples"] / (turn["self_samples"] + work["self_samples"])
        tap.near(share_pct, 66.7, 12, "share of turn")
        assert "main.main" in rows and "runtime.main" in rows, sorted(rows)
        assert not any(".abi0" in name for name in rows), sorted(rows)
        if lines:
            tap.equal(turn["file"], source, "file")
            tap.equal(turn["line"], 15, "line")


@tap.test("5,000 calls deep: both ends, and the gap between; the vdso by name")
def _():
    with targets.folder() as place:
        binary = targets.program("native_deep", into=place)
        with targets.started([binary], ready="ready") as process:
            path = os.path.join(place, "a.ptop")
            proftop.record(process.pid, path, 2, 200)
        rows = proftop.rows_by_name(proftop.report(path))
        for name in ("main", "recurse", "bottom"):
            assert name in rows and rows[name]["total_pct"] > 90, (name, sorted(rows))
        vdso = [row for row in rows.values() if row["module"] == "[vdso]"]
        assert any("clock_gettime" in row["name"] for row in vdso), sorted(rows)
        text = proftop.ok("report", path, "--view", "tree", "--limit", "0")
        assert re.search(r"\[deep recursion: about 4,[78]00 calls left out\]", text), text[-3000:]
        assert 100 < text.count("recurse") < 1000, text.count("recurse")


tap.main()
