# SPDX-License-Identifier: GPL-2.0-or-later
"""Mixed stacks on every Python here: a known split over Python functions, with the frames of C
libraries below them, busy, asleep in between, and in bursts that are shorter than a tick."""

import contextlib
import functools
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

import proftop
import split_check
import tap
import targets

SOURCE = os.path.join(targets.PROGRAMS, "mixed.py")
TRUTH_PCT = {"count": 50.0, "pack": 30.0, "query": 20.0}
WITHIN_PCT = 2.0
# What must be called there, at the least: words of functions or modules.
BELOW = {"pack": ("deflate", "libz"), "query": ("sqlite3",)}
DIGEST = """
import hashlib, sys
DATA = b"proftop" * 100000

def digest():
    return hashlib.sha256(DATA).hexdigest()

sys.stdout.write("ready\\n")
sys.stdout.flush()
while True:
    digest()
"""


def native_share(shown, function, words):
    """Of a Python function's time in the tree, the share in frames below it whose name or module
    has one of the words; the tree's rows are in the order of a walk."""
    inside, found, total, depth = False, 0, 0, 0
    seen_depth = None
    for row in shown["rows"]:
        if row["name"] == function:
            inside, depth, total = True, row["depth"], total + row["total_samples"]
            seen_depth = None
        elif inside and row["depth"] <= depth:
            inside = False
        elif inside and (seen_depth is None or row["depth"] <= seen_depth):
            where = "%s %s" % (row["name"], row["module"])
            seen_depth = row["depth"] if any(word in where for word in words) else None
            if seen_depth is not None:
                found += row["total_samples"]
    return found / total if total else 0


def shares_of(rows, figure):
    whole = sum(figure(rows[name]) for name in TRUTH_PCT)
    return {name: 100 * figure(rows[name]) / whole for name in TRUTH_PCT}


def check_recording(path):
    shown = proftop.report(path, "functions", "--state", "cpu")
    tap.note("on a CPU: %d" % split_check.on_cpu(shown))
    tap.note("samples %(samples)s lost %(lost_samples)s torn %(torn_samples)s" % shown)
    rows = proftop.rows_by_name(shown)
    lines = proftop.report(path, "lines", "--state", "cpu")
    tree = proftop.report(path, "tree", "--state", "cpu")
    missing = set(TRUTH_PCT) - set(rows)
    assert not missing, "not in the table: %s of %s" % (missing, sorted(rows))
    # What the program needs to keep to its shares is nobody's share.
    whole_pct = sum(rows[name]["total_pct"] for name in TRUTH_PCT)
    assert whole_pct > 75, "only %.1f %% in its functions" % whole_pct
    shares_pct = shares_of(rows, lambda row: row["total_pct"])
    for name, truth_pct in TRUTH_PCT.items():
        tap.note("%s: %.2f %%, truly %.0f" % (name, shares_pct[name], truth_pct))
        tap.near(shares_pct[name], truth_pct, WITHIN_PCT, name + " in total")
        tap.equal(rows[name]["language"], "python", "language of " + name)
        right = targets.marked_lines(SOURCE, "of " + name)
        on_line_pct = sum(
            row["total_pct"]
            for row in lines["rows"]
            if row["function"] == name and row["line"] in right
        )
        # What it asks the clock meanwhile is on another line.
        assert on_line_pct > truth_pct * 0.5, "%s: %.1f %% on its line" % (name, on_line_pct)
    for name, words in BELOW.items():
        share = native_share(tree, name, words)
        tap.note("%.2f of %s is below it in %s" % (share, name, words[0]))
        assert share > 0.6, "%s has only %.2f of its time in %s" % (name, share, words[0])
    bad = shown["torn_samples"] + shown["lost_samples"]
    assert bad <= shown["samples"] / 50, "%d torn or lost of %d" % (bad, shown["samples"])


def check_once(python, options, count, samples):
    with targets.folder() as place, python.script(SOURCE) as script, contextlib.ExitStack() as stack:
        path = os.path.join(place, "mixed.ptop")
        command = [*python.command, script, *options]
        processes = [
            stack.enter_context(targets.started(command, ready="ready")) for _ in range(count)
        ]
        time.sleep(0.5)  # their imports are over
        split_check.record_enough(processes, path, 2000, samples)
        stack.close()
        check_recording(path)


def check(python, options, count, samples):
    split_check.surely(functools.partial(check_once, python, options, count), samples)


# How many processes, and how many samples on a CPU: of 6,000, WITHIN_PCT is three standard
# deviations of the largest share. In bursts a stop comes some 8 us after its tick, 40 on a slow
# machine, and misses the edges of a burst, which the program gives to each function by its share.
KINDS = (
    ("busy", [], 1, 6000),
    ("asleep in between", ["--pause-ms", "10"], 1, 6000),
    ("in bursts of 300 us", ["--burst-us", "300", "--pause-ms", "0.7"], 3, 8000),
)
for python in targets.pythons():
    for kind, options, count, samples in KINDS:
        title = "Python %s, %s: its split, with C below" % (python.label, kind)
        rare = targets.is_one_of_many(python)
        tap.test(title, python, options, count, samples, slow=True, rare=rare)(check)


def check_digest(python):
    with targets.folder() as place:
        path = os.path.join(place, "digest.ptop")
        with targets.started([*python.command, "-c", DIGEST], ready="ready") as process:
            proftop.record(process.pid, path, 2, 500)
        tree = proftop.report(path, "tree", "--state", "cpu")
        share = native_share(tree, "digest", ("libcrypto", "_hashlib", "_sha2", "_sha256"))
        tap.note("%.2f of digest is below it in hashlib's code" % share)
        assert share > 0.9, "digest has only %.2f of its time there" % share


for python in targets.pythons():
    title = "Python %s: hashlib's code below the function that calls it" % python.label
    tap.test(title, python, slow=True, rare=targets.is_one_of_many(python))(check_digest)


def tachyon_counts(python, pid, seconds):
    """Samples of each function by CPython's own profiling.sampling, from its collapsed stacks."""
    inside = "/tmp/tachyon-%d" % pid
    command = [*python.command, "-m", "profiling.sampling", "attach", "-a"]
    command += ["-r", "1000", "-d", str(seconds), "--collapsed", "-o", inside, str(pid)]
    try:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(python.root + inside) as stacks:
            lines = [line.rsplit(" ", 1) for line in stacks]
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(python.root + inside)
    counts = dict.fromkeys(TRUTH_PCT, 0)
    for stack, count in lines:
        for name in counts:
            counts[name] += int(count) if ":%s:" % name in stack else 0
    return counts


@tap.test("Python 3.15: the shares that its own profiling.sampling sees", slow=True)
def _():
    newest = [python for python in targets.pythons() if python.minor == "3.15" and python.root]
    tap.require(newest, "no Python 3.15 in a root of newer Pythons")
    with targets.folder() as place, newest[0].script(SOURCE) as script:
        path = os.path.join(place, "mixed.ptop")
        with targets.started([*newest[0].command, script], ready="ready") as process:
            theirs_pct = shares_of(tachyon_counts(newest[0], process.pid, 10), float)
            split_check.record_enough([process], path, 1000, 10000)
        rows = proftop.rows_by_name(proftop.report(path, "functions", "--state", "cpu"))
    for name, ours_pct in shares_of(rows, lambda row: row["total_pct"]).items():
        tap.note("%s: %.2f %%, theirs %.2f %%" % (name, ours_pct, theirs_pct[name]))
        tap.near(ours_pct, theirs_pct[name], WITHIN_PCT, name)


@tap.test("Python frames alone, and all of the interpreter's, from one recording")
def _():
    with targets.folder() as place:
        path = os.path.join(place, "mixed.ptop")
        with targets.started([sys.executable, SOURCE], ready="ready") as process:
            proftop.record(process.pid, path, 2, 500)
        alone = proftop.report(path, "functions", "--no-native")
        languages = {row["language"] for row in alone["rows"] if row["self_s"]}
        tap.equal(languages, {"python"}, "languages with --no-native")
        folded = proftop.rows_by_name(proftop.report(path, "functions"))
        whole = proftop.report(path, "functions", "--native")
        more = {row["name"] for row in whole["rows"]} - set(folded)
        assert len(more) > 5, "what --native adds: %s" % sorted(more)


@tap.test("dump shows C below Python")
def _():
    with targets.started([sys.executable, SOURCE], ready="ready") as process:
        found = set()

        def all_found():
            text = proftop.ok("dump", process.pid)
            found.update(word for word in ("pack", "query", "count", "libz", "sqlite") if word in text)
            return len(found) == 5

        targets.wait_for(all_found, "all parts in the dumps", 60)


tap.main()
