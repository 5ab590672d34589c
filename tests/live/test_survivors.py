# SPDX-License-Identifier: GPL-2.0-or-later
"""Survivor sampling names the line whose objects stay, among much that comes and goes: on every
Python, and in C++; and leaves a target as it was."""

import glob
import os
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import survivors
import tap
import targets

LEAK_PY = os.path.join(targets.PROGRAMS, "leak_line.py")
LEAK_CC = os.path.join(targets.PROGRAMS, "leak_line.cc")
# Short for a test, and so with more loss than a user is asked for.
TIMES = (1, 0.7, 15)
LEAK_CC_PER_S = 9362 * 112


def compiled(place, *flags):
    compiler = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("c++")
    tap.require(compiler, "no C++ compiler")
    binary = os.path.join(place, "leak")
    words = [compiler, "-O2", "-g", LEAK_CC, "-o", binary, "-lpthread", *flags]
    made = subprocess.run(words, stderr=subprocess.PIPE)
    tap.require(made.returncode == 0, "cannot be linked: " + made.stderr.decode()[:200])
    return binary


def compiler_of_c():
    compiler = shutil.which(os.environ.get("CC", "gcc").split()[0]) or shutil.which("cc")
    tap.require(compiler, "no C compiler")
    return compiler


# As a program has it that calls its own allocator and not malloc (Redis, what is made with Rust).
OWN_NAMES = """
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
static char *at, *end;
__attribute__((noinline)) void *je_malloc(size_t size)
{
    if (at + size > end) {
        at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        end = at + (1 << 20);
    }
    char *block = at;
    at += (size + 15) & ~15ul;
    return block;
}
__attribute__((noinline)) void leak_session(long number)
{
    long *block = je_malloc(100);
    block[0] = number;
    __asm__ volatile("" ::: "memory");
}
int main(void)
{
    puts("ready");
    fflush(stdout);
    for (long number = 0;; number++) {
        struct timespec pause = {0, 100000};
        leak_session(number);
        nanosleep(&pause, NULL);
    }
}
"""


def run_ns(process):
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % process.pid):
        with open(path) as stat:
            total += int(stat.read().split()[0])
    return total


def goes_on(process, seconds=0.2):
    """The process still runs, with the CPU."""
    before = run_ns(process)
    time.sleep(seconds)
    assert run_ns(process) > before, "it does not run any more"
    assert process.poll() is None


def checked(process, times, check):
    """Sample and check; what a short look denies, one of a user's length decides."""
    try:
        check(survivors.sample(process.pid, *times))
    except AssertionError as error:
        tap.note("%s: once more, and longer" % error)
        check(survivors.sample(process.pid, 8, 10, 5))
    goes_on(process)


def check_python_line(result, line):
    assert result.rows, result.figures
    first = result.rows[0]
    name, file, at = first.frames[0].split(":")
    tap.note("%r of %d samples" % (first[:4], result.figures["samples"]))
    tap.equal((name, int(at)), ("leak", line), "function and line")
    tap.equal(os.path.basename(file), "leak_line.py")
    tap.equal(first.type, "str", "type")
    # The line makes a tuple and an int, too, which do not stay.
    assert first.count > 0.3 * first.of_samples, first
    assert first.bytes_per_s > 0.5 * sum(row.bytes_per_s for row in result.rows), result.rows
    assert result.figures["unnamed"] < 0.05 * result.figures["samples"], result.figures


def check_python(python):
    line = targets.marked_lines(LEAK_PY, "LEAK").pop()
    with python.script(LEAK_PY) as script:
        with targets.started([*python.command, script], ready="ready") as process:
            checked(process, TIMES, lambda result: check_python_line(result, line))


for each in targets.pythons():
    rare = targets.is_one_of_many(each)
    slow = each.path != "/usr/bin/python3"
    tap.test("%s: the line that leaks" % each.label, each, slow=slow, rare=rare)(check_python)


def check_first(result, function):
    assert result.rows, result.figures
    own = [name for name in result.rows[0].frames if not name.startswith(("operator", "new"))]
    tap.note("%r of %d samples" % (result.rows[0][:3], result.figures["samples"]))
    assert own[0].startswith(function), result.rows[0]


@tap.test("C++: the function that leaks, in two threads of which one does")
def _():
    with targets.folder() as place:
        binary = compiled(place)
        with targets.started([binary, "120", "2"], ready="ready") as process:
            checked(process, (3, 0.7, 15), lambda result: check_first(result, "leak_session"))


@tap.test("C++, static: its own malloc is found")
def _():
    with targets.folder() as place:
        binary = compiled(place, "-static")
        with targets.started([binary, "120"], ready="ready") as process:
            checked(process, (3, 0.7, 15), lambda result: check_first(result, "leak_session"))


# Debian's packages libgoogle-perftools4, libmimalloc2.0 and libjemalloc2.
ALLOCATORS = ("libtcmalloc.so.4", "libmimalloc.so.2.0", "libjemalloc.so.2")


def check_share(result):
    """What was freed before the first look and not given out again can seem to stay (mimalloc lets
    it lie longest): but of the leak's blocks all do, and most of what stays is theirs."""
    tap.note("%r" % [row[:3] + (row.frames[0],) for row in result.rows])
    leaks = [row for row in result.rows if "leak_session" in row.frames]
    assert sum(row.count for row in leaks) >= 10, result.figures
    best = max(leaks, key=lambda row: row.count)
    assert best.count >= 0.9 * best.of_samples, best
    of_leak = sum(row.bytes_per_s for row in leaks)
    assert of_leak > 0.5 * sum(row.bytes_per_s for row in result.rows), result.rows
    tap.near(of_leak, LEAK_CC_PER_S, 0.5 * LEAK_CC_PER_S, "its rate")


def check_texts_go(library):
    """Texts that live for some ms, and whose memory is the leak's a moment later."""
    environment = dict(os.environ)
    if library:
        found = glob.glob("/usr/lib/*/" + library)
        tap.require(found, "no %s here" % library)
        environment["LD_PRELOAD"] = found[0]
    with targets.folder() as place:
        binary = compiled(place)
        command = [binary, "120", "1", "2000"]
        with targets.started(command, ready="ready", env=environment) as process:
            checked(process, (4, 2, 15), check_share)


tap.test("C++: what goes at once is not taken for what has its memory next", "")(check_texts_go)
for library in ALLOCATORS:
    tap.test("C++ with %s, whose operator new is its own" % library, library)(check_texts_go)


@tap.test("a program whose allocator has only names of its own")
def _():
    with targets.folder() as place:
        source = os.path.join(place, "own.c")
        with open(source, "w") as file:
            file.write(OWN_NAMES)
        binary = os.path.join(place, "own")
        made = subprocess.run([compiler_of_c(), "-O2", "-g", source, "-o", binary])
        tap.require(made.returncode == 0, "cannot be compiled")
        with targets.started([binary], ready="ready") as process:
            checked(process, (3, 0.7, 15), lambda result: check_first(result, "leak_session"))


def check_resized(result):
    """A table's growth is what is new, not all of it. What the rows are together is held to what
    memory grew by (112 KB/s, and pages at a time); which of them it is must be right too."""
    rates = {}
    for row in result.rows:
        for name in ("leak_steadily", "make_larger"):
            if name in row.frames:
                rates[name] = row.bytes_per_s
    tap.note("%r, %r" % (rates, result.figures))
    assert 15e3 < rates.get("leak_steadily", 0) < 60e3, rates
    assert rates.get("make_larger", 0) < 82e3 * 3, rates


@tap.test("large blocks that grow a little beside a leak of known rate: their growth counts alone")
def _():
    with targets.folder() as place:
        binary = os.path.join(place, "resize")
        source = os.path.join(targets.PROGRAMS, "resize.c")
        made = subprocess.run([compiler_of_c(), "-O2", "-g", source, "-o", binary])
        tap.require(made.returncode == 0, "cannot be compiled")
        with targets.started([binary, "120"], ready="ready") as process:
            for _ in range(3):  # until a burst met one that is made larger
                result = survivors.sample(process.pid, 8, 3, 3)
                if any("make_larger" in row.frames for row in result.rows):
                    break
            assert any("make_larger" in row.frames for row in result.rows), "never met"
            check_resized(result)


SELDOM_PER_S = 112 * 2000


def check_seldom(result):
    leaks = [row for row in result.rows if "leak_seldom" in row.frames]
    tap.note("%r" % [(row[0], row.unsure_per_s, *row[1:3], row.frames[0]) for row in result.rows])
    assert leaks, "the bursts have not met it"
    tap.equal(result.rows[0], leaks[0], "first row")
    tap.near(leaks[0].bytes_per_s, SELDOM_PER_S, 0.4 * SELDOM_PER_S, "its rate")
    off = abs(leaks[0].bytes_per_s - SELDOM_PER_S)
    assert off < 1.5 * leaks[0].unsure_per_s, leaks[0]


def check_leak_seldom(period_ms, busy):
    with targets.folder() as place:
        binary = os.path.join(place, "seldom")
        source = os.path.join(targets.PROGRAMS, "leak_seldom.c")
        words = [compiler_of_c(), "-O2", "-g", "-pthread", source, "-o", binary]
        tap.require(subprocess.run(words).returncode == 0, "cannot be compiled")
        command = [binary, "120", str(period_ms), str(busy)]
        with targets.started(command, ready="ready") as process:
            for attempt in range(3):  # few of the bursts meet it on a busy machine
                try:
                    check_seldom(survivors.sample(process.pid, 15, 2, 10))
                    break
                except AssertionError as error:
                    tap.note("attempt %d: %s" % (attempt, error))
                    if attempt == 2:
                        raise
            goes_on(process)


for seldom in ((100, 0), (100, 1), (10, 1)):
    title = "a thread that leaks for a moment each %d ms, the other one %s: its rate"
    tap.test(title % (seldom[0], ("asleep", "busy")[seldom[1]]), *seldom)(check_leak_seldom)


def check_class(result, stripped):
    named = {row.type: row for row in result.rows if row.type != "-"}
    tap.note("%r" % [row[:4] for row in result.rows[:4]])
    assert "shop::Order" in named, sorted(named)
    assert set(named) <= {"shop::Order", "shop::Box<int>"}, sorted(named)
    if not stripped:
        assert "keep_order" in named["shop::Order"].frames, named["shop::Order"]
        for row in result.rows:
            if "keep_text" in row.frames or "keep_row" in row.frames:
                tap.equal(row.type, "-", "of texts, and of a vector of objects")


def check_classes(stripped):
    compiler = shutil.which(os.environ.get("CXX", "g++")) or shutil.which("c++")
    tap.require(compiler, "no C++ compiler")
    with targets.folder() as place:
        source = os.path.join(targets.PROGRAMS, "leak_classes.cc")
        binary = os.path.join(place, "classes")
        words = [compiler, "-O1", "-g", *(["-s"] if stripped else []), source, "-o", binary]
        subprocess.run(words, check=True)
        with targets.started([binary, "120"], ready="ready") as process:
            checked(process, (3, 1, 15), lambda result: check_class(result, stripped))


tap.test("C++ classes with virtual functions are named; texts and vectors are not", False)(
    check_classes
)
tap.test("C++ classes, stripped", True)(check_classes)


@tap.test("killed in the middle it leaves nothing in the target")
def _():
    with targets.folder() as place:
        binary = compiled(place)
        with targets.started([binary, "60"], ready="ready") as process:
            survivors.sample(process.pid, 0.2, 0.2, 15)  # it is permitted, or skipped
            for _ in range(3):
                words = survivors.command(process.pid, 60, 60, 50)
                sampling = subprocess.Popen(words, stdout=subprocess.DEVNULL)
                time.sleep(0.3)
                sampling.send_signal(signal.SIGKILL)
                sampling.wait()
                goes_on(process)


@tap.test("a process without an allocator to probe is refused with a sentence")
def _():
    with targets.folder() as place:
        binary = compiled(place, "-static", "-s")
        with targets.started([binary, "60"], ready="ready") as process:
            survivors.sample(os.getpid(), 0.1, 0.1, 15)  # it is permitted, or skipped
            words = survivors.command(process.pid, 1, 1)
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    tap.equal(done.returncode, 1)
    assert b"no allocator that can be probed" in done.stderr, done.stderr


tap.main()
